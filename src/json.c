#define _DEFAULT_SOURCE /* le64toh */
#include "json.h"

#include <endian.h>
#include <stdint.h>

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

/* --- looking ---------------------------------------------------------------------------------- */

enum { BIG_INTEGER_MIN_DIGITS = 16, BIG_INTEGER_MAX_DIGITS = 20 };

/* The offset just past the string whose opening quote is at `at`. */
static size_t skip_string(slice text, size_t at) {
    for (size_t i = at + 1; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
        } else if (text.ptr[i] == '"') {
            return i + 1;
        }
    }
    return text.len;
}

static bool is_number_byte(char c) {
    return ascii_is_digit(c) || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* The offset just past the number token at `at`; `digits` counts them, or is 0 when the number has
 * a fraction, an exponent or a leading zero. */
static size_t skip_number(slice text, size_t at, size_t *digits) {
    size_t end = at, first = text.ptr[at] == '-' ? at + 1 : at;
    while (end < text.len && is_number_byte(text.ptr[end])) end++;
    *digits = end - first;
    for (size_t i = first; i < end; i++) {
        if (!ascii_is_digit(text.ptr[i]) || text.ptr[first] == '0') *digits = 0;
    }
    return end;
}

static bool holds_mark(slice text) {
    for (size_t i = 0; i + 6 <= text.len; i++) {
        if (text.ptr[i] == '\\' && memcmp(text.ptr + i, "\\u0001", 6) == 0) return true;
    }
    return false;
}

bool json_quote_big_integers(buf *out, slice text) {
    size_t copied = 0, at = 0;
    bool found = false;
    while (at < text.len) {
        size_t digits = 0, end = at + 1;
        if (text.ptr[at] == '"') {
            end = skip_string(text, at);
        } else if (ascii_is_digit(text.ptr[at]) || text.ptr[at] == '-') {
            end = skip_number(text, at, &digits);
        }
        if (digits >= BIG_INTEGER_MIN_DIGITS && digits <= BIG_INTEGER_MAX_DIGITS) {
            if (!found && holds_mark(text)) return false;
            found = true;
            buf_add(out, slice_of(text.ptr + copied, at - copied));
            buf_add(out, SLICE("\"\\u0001"));
            buf_add(out, slice_of(text.ptr + at, end - at));
            buf_add_char(out, '"');
            copied = end;
        }
        at = end;
    }
    if (found) buf_add(out, slice_from(text, copied));
    return found;
}

/* --- what lua-cjson lets pass -------------------------------------------------------------------
 */

/* The byte at `i`, or NUL past the end. */
static char byte_at(slice text, size_t i) {
    return i < text.len ? text.ptr[i] : '\0';
}

static size_t skip_digits(slice text, size_t at) {
    while (ascii_is_digit(byte_at(text, at))) at++;
    return at;
}

/* The offset just past the digits at `at`; false where there are none. */
static bool take_digits(slice text, size_t *at) {
    size_t end = skip_digits(text, *at);
    bool any = end > *at;
    *at = end;
    return any;
}

/* Takes the number at `at` by RFC 8259 section 6. */
static bool take_number(slice text, size_t *at) {
    if (byte_at(text, *at) == '-') ++*at;
    bool zero = byte_at(text, *at) == '0';
    if (zero) ++*at;
    if (!zero && !take_digits(text, at)) return false;
    if (byte_at(text, *at) == '.') {
        ++*at;
        if (!take_digits(text, at)) return false;
    }
    if (byte_at(text, *at) == 'e' || byte_at(text, *at) == 'E') {
        ++*at;
        if (byte_at(text, *at) == '+' || byte_at(text, *at) == '-') ++*at;
        if (!take_digits(text, at)) return false;
    }
    return !is_number_byte(byte_at(text, *at));
}

/* Marks the bytes of eight that end, escape or spoil a string: a quote, a backslash, a control
 * character. The lowest mark is exact; of those above it some may be wrong. */
static uint64_t mark_special(uint64_t eight) {
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    return (((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           high;
}

/* The offset from `at` on of the first byte that ends, escapes or spoils a string. */
static size_t find_special(slice text, size_t at) {
    for (uint64_t eight; text.len - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text.ptr + at, sizeof eight);
        uint64_t marks = mark_special(le64toh(eight));
        if (marks) return at + (size_t)__builtin_ctzll(marks) / 8;
    }
    while (at < text.len && text.ptr[at] != '"' && text.ptr[at] != '\\' &&
           (unsigned char)text.ptr[at] >= 0x20) {
        at++;
    }
    return at;
}

/* Takes the string whose opening quote is at `at`; false when it holds a control character. One
 * without an end is taken to the end of the text, for the decoder to refuse. */
static bool take_string(slice text, size_t *at) {
    size_t i = find_special(text, *at + 1);
    while (i < text.len && text.ptr[i] == '\\') {
        if (i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0x20) return false;
        i = i + 2 < text.len ? find_special(text, i + 2) : text.len;
    }
    *at = i < text.len ? i + 1 : i;
    return i >= text.len || text.ptr[i] == '"';
}

static bool is_big_integer(slice number) {
    size_t digits;
    if (number.len < BIG_INTEGER_MIN_DIGITS) return false;
    skip_number(number, 0, &digits);
    return digits >= BIG_INTEGER_MIN_DIGITS && digits <= BIG_INTEGER_MAX_DIGITS;
}

json_contents json_look(slice text) {
    json_contents contents = {.is_strict = true};
    for (size_t at = 0; at < text.len && contents.is_strict;) {
        char c = text.ptr[at];
        size_t start = at;
        if (c == '"') {
            contents.is_strict = take_string(text, &at);
        } else if (ascii_is_digit(c) || c == '-') {
            contents.is_strict = take_number(text, &at);
            if (is_big_integer(slice_of(text.ptr + start, at - start))) {
                contents.has_big_integers = true;
            }
        } else {
            contents.is_strict = c != '\0';
            at++;
        }
    }
    return contents;
}
