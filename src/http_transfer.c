#include "http_transfer.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_LINES = 64 * 1024,  /* bytes of request headers */
    KEEP_BUFFER = 64 * 1024 /* a larger answer's memory is given back after each call */
};

void http_close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

http_transfer *http_transfer_new(const http_options *defaults) {
    http_transfer *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->defaults = defaults;
    t->body_fd = t->sink_fd = t->witness = -1;
    buf_init(&t->setup, HTTP_MAX_SETUP);
    buf_init(&t->url, HTTP_MAX_URL);
    buf_init(&t->lines, MAX_LINES);
    buf_init(&t->sink_path, HTTP_MAX_URL);
    buf_init(&t->headers, defaults->max_headers);
    buf_init(&t->answer, defaults->max_body);
    t->easy = curl_easy_init();
    t->target = curl_url();
    if (t->easy && t->target) return t;
    http_transfer_free(t, false);
    return NULL;
}

void http_transfer_free(http_transfer *t, bool abandon) {
    if (!t) return;
    if (!abandon) curl_easy_cleanup(t->easy);
    curl_url_cleanup(t->target);
    http_close_fd(&t->body_fd);
    http_close_fd(&t->sink_fd);
    http_close_fd(&t->witness);
    buf_free(&t->setup);
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
    http_close_fd(&t->witness);
    buf_clear(&t->lines);
    buf_clear(&t->sink_path);
    t->options = *t->defaults;
    recycle(&t->headers);
    recycle(&t->answer);
    t->method[0] = '\0';
    t->has_target = false;
    t->line_count = 0;
    t->has_content_type = t->has_accept = false;
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
    t->has_transfer_encoding = t->is_chunked = t->said_goodbye = false;
    t->received = 0;
    t->error = (http_error){.kind = HTTP_OK};
    t->curl_message[0] = '\0';
}
