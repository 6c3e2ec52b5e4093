/* sink: an S3 that reads everything and keeps nothing, for measuring uploads: the fastest server that
 * HTTP/1.1 allows, so that the client is what is measured. One thread a connection.
 *
 *   cc -O2 sink.c -o sink -pthread; ./sink PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 32 * 1024, GULP = 1 << 20 };

/* Reads up to the end of a head; the bytes of the body that came with it stay behind it. */
static char *read_head(int fd, char *head, size_t *used) {
    for (;;) {
        char *end = memmem(head, *used, "\r\n\r\n", 4);
        if (end) return end + 4;
        ssize_t got = recv(fd, head + *used, HEAD - *used - 1, 0);
        if (got <= 0) return NULL;
        *used += (size_t)got;
        head[*used] = 0;
    }
}

static int64_t body_length(const char *head) {
    const char *line = strcasestr(head, "\r\ncontent-length:");
    return line ? strtoll(line + 17, NULL, 10) : 0;
}

/* Linux drops the bytes in the kernel, without a copy. */
static int drop(int fd, int64_t left) {
    while (left > 0) {
        ssize_t got = recv(fd, NULL, left < GULP ? (size_t)left : GULP, MSG_TRUNC);
        if (got <= 0) return -1;
        left -= got;
    }
    return 0;
}

static const char *answer_to(const char *head) {
    if (strncmp(head, "POST", 4) != 0) return "";
    if (memmem(head, strcspn(head, "\r"), "?uploads", 8)) {
        return "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    }
    return "<CompleteMultipartUploadResult><ETag>e</ETag></CompleteMultipartUploadResult>";
}

static int serve_one(int fd, char *head, size_t *used) {
    char answer[512];
    char *body = read_head(fd, head, used);
    if (!body) return -1;
    int64_t length = body_length(head), here = (int64_t)*used - (body - head);
    if (strcasestr(head, "100-continue") && here < length) {
        if (send(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) < 0) return -1;
    }
    const char *text = answer_to(head);
    if (drop(fd, length - here) < 0) return -1;
    int size = snprintf(answer, sizeof answer,
                        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: %zu\r\n\r\n%s", strlen(text), text);
    if (send(fd, answer, (size_t)size, MSG_NOSIGNAL) < 0) return -1;
    *used = 0;
    head[0] = 0;
    return 0;
}

static void *serve(void *given) {
    int fd = (int)(intptr_t)given, on = 1;
    char *head = calloc(1, HEAD);
    size_t used = 0;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (head && serve_one(fd, head, &used) == 0) {
    }
    free(head);
    close(fd);
    return NULL;
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(count > 1 ? words[1] : "0")),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0) {
        perror("sink");
        return 1;
    }
    for (;;) {
        pthread_t thread;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
    }
}
