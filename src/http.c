#define _POSIX_C_SOURCE 200809L /* strdup */
#include "http_transfer.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_LINES = 64 * 1024,  /* bytes of request headers */
    KEEP_BUFFER = 64 * 1024 /* a larger answer's memory is given back after each call */
};

bool http_start(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void http_options_init(http_options *options) {
    *options = (http_options){.connect_timeout = 10,
                              .timeout = 60,
                              .stall_timeout = 30,
                              .max_headers = 256 * 1024,
                              .max_body = 16 * 1024 * 1024,
                              .max_sink = UINT64_MAX};
}

/* A copy of a text that may be absent; `whole` becomes false when memory ran out. */
static char *copy_text(const char *text, bool *whole) {
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) *whole = false;
    return copy;
}

bool http_options_copy(http_options *copy, const http_options *options) {
    bool whole = true;
    *copy = *options;
    copy->ca_file = copy_text(options->ca_file, &whole);
    copy->proxy = copy_text(options->proxy, &whole);
    copy->user_agent = copy_text(options->user_agent, &whole);
    if (!whole) http_options_free(copy);
    return whole;
}

void http_options_free(http_options *copy) {
    free((char *)copy->ca_file);
    free((char *)copy->proxy);
    free((char *)copy->user_agent);
    copy->ca_file = copy->proxy = copy->user_agent = NULL;
}

/* --- a transfer's life ------------------------------------------------------------------------ */

void http_close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

http_transfer *http_transfer_new(const http_options *defaults) {
    http_transfer *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->defaults = defaults;
    t->body_fd = t->sink_fd = -1;
    buf_init(&t->url, HTTP_MAX_URL);
    buf_init(&t->lines, MAX_LINES);
    buf_init(&t->sink_path, HTTP_MAX_URL);
    buf_init(&t->headers, defaults->max_headers);
    buf_init(&t->answer, defaults->max_body);
    t->easy = curl_easy_init();
    if (t->easy) return t;
    http_transfer_free(t, false);
    return NULL;
}

void http_transfer_free(http_transfer *t, bool abandon) {
    if (!t) return;
    if (!abandon) curl_easy_cleanup(t->easy);
    http_close_fd(&t->body_fd);
    http_close_fd(&t->sink_fd);
    buf_free(&t->url);
    buf_free(&t->lines);
    buf_free(&t->sink_path);
    buf_free(&t->headers);
    buf_free(&t->answer);
    free(t);
}

/* Empties a buf, and gives its memory back where a large answer made it grow. */
static void recycle(buf *b) {
    if (b->cap > KEEP_BUFFER) {
        buf_free(b);
    } else {
        buf_clear(b);
    }
}

void http_transfer_reset(http_transfer *t) {
    http_close_fd(&t->body_fd);
    http_close_fd(&t->sink_fd);
    buf_clear(&t->url);
    buf_clear(&t->lines);
    buf_clear(&t->sink_path);
    t->options = *t->defaults;
    recycle(&t->headers);
    recycle(&t->answer);
    t->method[0] = '\0';
    t->line_count = 0;
    t->has_content_type = false;
    t->declared_length = -1;
    t->repeatable = true;
    t->body = slice_of(NULL, 0);
    t->body_offset = t->body_length = t->body_at = 0;
    t->sink_offset = -1;
    t->allowed_count = 0;
    t->allow_loopback = t->refused_address = t->opened_socket = false;
    t->socket_error = 0;
    t->stage = ANSWER_NONE;
    t->sent = false;
    t->status = 0;
    t->header_bytes = 0;
    t->content_length = -1;
    t->has_transfer_encoding = false;
    t->received = 0;
    t->error = (http_error){.kind = HTTP_OK};
    t->curl_message[0] = '\0';
}

/* --- one call --------------------------------------------------------------------------------- */

struct http_client {
    http_options options;
    http_transfer *transfer;
    pid_t owner;
};

http_client *http_client_new(const http_options *options) {
    http_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    if (!http_options_copy(&client->options, options)) {
        free(client);
        return NULL;
    }
    client->owner = getpid();
    return client;
}

void http_client_free(http_client *client) {
    if (!client) return;
    http_transfer_free(client->transfer, client->owner != getpid());
    http_options_free(&client->options);
    free(client);
}

http_transfer *http_client_begin(http_client *client) {
    pid_t pid = getpid();
    if (client->owner != pid) {
        http_transfer_free(client->transfer, true);
        client->transfer = NULL;
        client->owner = pid;
    }
    if (!client->transfer) client->transfer = http_transfer_new(&client->options);
    if (client->transfer) http_transfer_reset(client->transfer);
    return client->transfer;
}

bool http_client_perform(http_client *client) {
    http_transfer *t = client->transfer;
    if (http_transfer_start(t)) http_transfer_end(t, curl_easy_perform(t->easy));
    return t->error.kind == HTTP_OK;
}

void http_client_end(http_client *client) {
    if (client->transfer && client->owner == getpid()) http_transfer_reset(client->transfer);
}
