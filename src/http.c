#define _POSIX_C_SOURCE 200809L /* strdup */
#include "http_transfer.h"

#include <stdlib.h>

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
