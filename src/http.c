#define _GNU_SOURCE /* dladdr, strdup */
#include "http_transfer.h"

#include <dlfcn.h>
#include <stdlib.h>

/* libcurl's threads that look up names may outlive their calls (CURLOPT_QUICK_EXIT), and the Lua
 * state with them: the code that they run must stay where it is. */
static void keep_libcurl_loaded(void) {
    Dl_info about;
    union {
        CURLcode (*function)(CURL *);
        void *address;
    } curl = {.function = curl_easy_perform};
    if (dladdr(curl.address, &about)) dlopen(about.dli_fname, RTLD_LAZY | RTLD_NODELETE);
}

bool http_start(void) {
    keep_libcurl_loaded();
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
