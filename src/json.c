#include "json.h"

/* --- writing ---------------------------------------------------------------------------------- */

/* The letter of a two-character escape, or 0. */
static char short_escape(char c) {
    switch (c) {
    case '"': return '"';
    case '\\': return '\\';
    case '\b': return 'b';
    case '\f': return 'f';
    case '\n': return 'n';
    case '\r': return 'r';
    case '\t': return 't';
    default: return 0;
    }
}

static void add_escape(buf *out, char c) {
    char letter = short_escape(c);
    if (letter) {
        char pair[2] = {'\\', letter};
        buf_add(out, slice_of(pair, 2));
    } else {
        unsigned char byte = (unsigned char)c;
        buf_add(out, SLICE("\\u00"));
        buf_add_hex(out, &byte, 1);
    }
}

void json_add_string(buf *out, slice text) {
    size_t run = 0;
    buf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((unsigned char)c >= 0x20 && c != '"' && c != '\\') continue;
        buf_add(out, slice_of(text.ptr + run, i - run));
        add_escape(out, c);
        run = i + 1;
    }
    buf_add(out, slice_from(text, run));
    buf_add_char(out, '"');
}
