/* A request by bare libcurl multi, many at a time, its answer unread: the floor for calls side by
 * side.
 *
 *   multi_baseline URL COUNT LIMIT BODY sign|plain HEADER...
 *
 * Prints microseconds a call, by the clock and of the processor; with `sign`, libcurl signs.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 256 };

static size_t discard(char *data, size_t size, size_t count, void *sink) {
    (void)data;
    (void)sink;
    return size * count;
}

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static CURL *new_call(const char *url, const char *body, int sign, struct curl_slist *headers) {
    CURL *call = curl_easy_init();
    curl_easy_setopt(call, CURLOPT_URL, url);
    curl_easy_setopt(call, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(call, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(call, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    curl_easy_setopt(call, CURLOPT_WRITEFUNCTION, discard);
    if (sign) {
        curl_easy_setopt(call, CURLOPT_AWS_SIGV4, "aws:amz:us-east-1:finspace-api");
        curl_easy_setopt(call, CURLOPT_USERPWD, "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    }
    return call;
}

/* Performs `count` calls, `limit` at a time; handles are used again, as a good program would. */
static int perform_all(CURLM *multi, CURL **calls, long limit, long count) {
    long started = 0, ended = 0;
    int running, left;
    for (; started < limit && started < count; started++) {
        curl_multi_add_handle(multi, calls[started]);
    }
    while (ended < count) {
        if (curl_multi_perform(multi, &running) != CURLM_OK) return 1;
        for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL; ended++) {
            CURL *call = m->easy_handle;
            if (m->data.result != CURLE_OK) return 1;
            curl_multi_remove_handle(multi, call);
            if (started < count) curl_multi_add_handle(multi, call);
            started++;
        }
        if (ended < count) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    return 0;
}

int main(int argc, char **argv) {
    long count = argc > 2 ? atol(argv[2]) : 0, limit = argc > 3 ? atol(argv[3]) : 0;
    CURL *calls[MOST];
    if (count < 1 || limit < 1 || limit > MOST || argc < 6) return 2;
    int sign = strcmp(argv[5], "sign") == 0;
    struct curl_slist *headers = NULL;
    for (int i = 6; i < argc; i++) headers = curl_slist_append(headers, argv[i]);
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MOST);
    for (long i = 0; i < limit; i++) calls[i] = new_call(argv[1], argv[4], sign, headers);
    if (perform_all(multi, calls, limit, limit)) return 1; /* connects */
    double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
    if (perform_all(multi, calls, limit, count)) return 1;
    printf("%.3f %.3f\n", (seconds(CLOCK_MONOTONIC) - began) * 1e6 / (double)count,
           (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) * 1e6 / (double)count);
    for (long i = 0; i < limit; i++) curl_easy_cleanup(calls[i]);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    return 0;
}
