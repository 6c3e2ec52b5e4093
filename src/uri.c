#include "uri.h"

int uri_hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Runs of bytes that stand for themselves are copied whole: most text is such a run. */
static void encode(buf *out, slice bytes, bool keep_slash) {
    static const char digits[] = "0123456789ABCDEF";
    size_t run = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (uri_is_unreserved(c) || (keep_slash && c == '/')) continue;
        buf_add(out, slice_of(bytes.ptr + run, i - run));
        unsigned char u = (unsigned char)c;
        char escape[3] = {'%', digits[u >> 4], digits[u & 15]};
        buf_add(out, slice_of(escape, 3));
        run = i + 1;
    }
    buf_add(out, slice_from(bytes, run));
}

void uri_encode(buf *out, slice bytes) {
    encode(out, bytes, false);
}

void uri_encode_path(buf *out, slice path) {
    encode(out, path, true);
}

void uri_decode(buf *out, slice text) {
    for (size_t i = 0; i < text.len; i++) {
        int high = -1, low = -1;
        if (text.ptr[i] == '%' && text.len - i > 2) {
            high = uri_hex_value(text.ptr[i + 1]);
            low = uri_hex_value(text.ptr[i + 2]);
        }
        if (high < 0 || low < 0) {
            buf_add_char(out, text.ptr[i]);
        } else {
            buf_add_char(out, (char)(high * 16 + low));
            i += 2;
        }
    }
}

bool uri_next_pair(slice *rest, slice *name, slice *value) {
    slice pair;
    do {
        if (rest->len == 0) return false;
        size_t end = slice_find(*rest, '&');
        pair = slice_of(rest->ptr, end);
        *rest = slice_from(*rest, end + 1);
    } while (pair.len == 0);
    size_t equals = slice_find(pair, '=');
    *name = slice_of(pair.ptr, equals);
    *value = slice_from(pair, equals + 1);
    return true;
}
