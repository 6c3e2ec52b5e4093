/* http_text: the few words of HTTP that several files of http read. Pure. */
#ifndef FINSPACE_HTTP_TEXT_H
#define FINSPACE_HTTP_TEXT_H

#include <stdint.h>

#include "slice.h"

/* Host and port of a URL, as they are written in it. */
slice http_authority(slice url);

/* The host of a URL alone, in small letters: without brackets, port, or the dot at its end. Empty
 * when it is longer than any name can be. */
typedef struct http_host {
    char text[256];
} http_host;
http_host http_url_host(slice url);

/* The number in a Content-Length, or -1. At most 18 digits, so that it cannot overflow. */
int64_t http_parse_length(slice digits);

/* A line, or the value of a header, without the white space at either end. */
slice http_trim(slice text);

#endif
