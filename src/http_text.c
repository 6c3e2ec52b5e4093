#include "http_text.h"

slice http_authority(slice url) {
    const slice after_scheme = SLICE("://");
    slice rest = slice_from(url, slice_find(url, ':') + after_scheme.len);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    return slice_of(rest.ptr, end);
}

http_host http_url_host(slice url) {
    http_host host = {""};
    slice authority = http_authority(url);
    bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    slice text = bracketed ? slice_from(authority, 1) : authority;
    text.len = slice_find(text, bracketed ? ']' : ':');
    if (text.len > 0 && text.ptr[text.len - 1] == '.') text.len--;
    for (size_t i = 0; text.len < sizeof host.text && i < text.len; i++) {
        host.text[i] = ascii_lower(text.ptr[i]);
    }
    return host;
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
