#include "http_text.h"

slice http_authority(slice url) {
    const slice after_scheme = SLICE("://");
    slice rest = slice_from(url, slice_find(url, ':') + after_scheme.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    return slice_of(rest.ptr, end);
}

int64_t http_parse_length(slice digits) {
    int64_t value = 0;
    if (digits.len == 0 || digits.len > 18) return -1;
    for (size_t i = 0; i < digits.len; i++) {
        if (!ascii_is_digit(digits.ptr[i])) return -1;
        value = value * 10 + (digits.ptr[i] - '0');
    }
    return value;
}

slice http_trim(slice text) {
    return slice_trim(text, " \t\r\n");
}
