#define _DEFAULT_SOURCE /* le64toh */
#include "json_read.h"

#include <endian.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "uri.h"
#include "utf8.h"

enum {
    EXACT_DIGITS = 18, /* of a whole number, that cannot overflow 64 bits */
    MAX_NUMBER = 400   /* bytes; more digits than a double can tell apart */
};

bool json_fail(json_reader *r, const char *fault) {
    if (!r->fault) r->fault = fault;
    return false;
}

/* The byte at an offset, or NUL past the end. */
static char byte_at(const json_reader *r, size_t at) {
    return at < r->text.len ? r->text.ptr[at] : '\0';
}

char json_peek(json_reader *r) {
    char c = byte_at(r, r->at);
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t') c = byte_at(r, ++r->at);
    return r->fault ? '\0' : c;
}

bool json_take(json_reader *r, char punctuation) {
    if (json_peek(r) != punctuation) return false;
    r->at++;
    return true;
}

bool json_take_word(json_reader *r, slice word) {
    slice rest = slice_from(r->text, r->at);
    if (!slice_starts_with(rest, word)) return json_fail(r, "no value begins so");
    r->at += word.len;
    return true;
}

bool json_take_end(json_reader *r) {
    json_peek(r);
    return r->at == r->text.len ? !r->fault : json_fail(r, "more text after the value");
}

/* --- strings ---------------------------------------------------------------------------------- */

/* Marks the bytes of eight that end, escape or spoil a string: a quote, a
 * backslash, a control character. The lowest mark is exact; of those above it
 * some may be wrong. */
static uint64_t mark_special(uint64_t eight) {
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = eight ^ ones * '"', backslash = eight ^ ones * '\\';
    return (((eight - ones * 0x20) & ~eight) | ((quote - ones) & ~quote) |
            ((backslash - ones) & ~backslash)) &
           high;
}

/* The offset from `at` on of the first byte that ends, escapes or spoils a
 * string. */
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

bool json_take_string(json_reader *r, slice *raw, bool *escaped) {
    size_t start = r->at + 1, end = find_special(r->text, start);
    *escaped = byte_at(r, end) == '\\';
    while (byte_at(r, end) == '\\' && end + 2 < r->text.len) {
        end = (unsigned char)r->text.ptr[end + 1] < 0x20 ? end + 1 : find_special(r->text, end + 2);
    }
    r->at = end;
    if (byte_at(r, end) != '"') return json_fail(r, "a string without an end, or with a control");
    *raw = slice_of(r->text.ptr + start, end - start);
    r->at++;
    return true;
}

/* The four hexadecimal digits at the beginning, or -1. */
static int read_hex(slice text) {
    int value = 0;
    if (text.len < 4) return -1;
    for (size_t i = 0; i < 4; i++) {
        int digit = uri_hex_value(text.ptr[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* What stands after `\u`; two halves of a surrogate pair are one code point. */
static bool unescape_unicode(buf *out, slice *rest) {
    int unit = read_hex(*rest), low = -1;
    bool is_pair = unit >= 0xD800 && unit < 0xDC00;
    *rest = slice_from(*rest, 4);
    if (is_pair && slice_starts_with(*rest, SLICE("\\u"))) low = read_hex(slice_from(*rest, 2));
    if (unit < 0 || (unit >= 0xDC00 && unit < 0xE000)) return false;
    if (is_pair && (low < 0xDC00 || low >= 0xE000)) return false;
    if (is_pair) *rest = slice_from(*rest, 6);
    utf8_add(out, is_pair ? 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(low - 0xDC00)
                          : (uint32_t)unit);
    return true;
}

/* The character that a letter after a backslash stands for, or NUL. */
static char meaning_of(char letter) {
    switch (letter) {
    case '"':
    case '\\':
    case '/': return letter;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return '\0';
    }
}

bool json_unescape(buf *out, slice rest) {
    while (rest.len) {
        size_t plain = slice_find(rest, '\\');
        buf_add(out, slice_of(rest.ptr, plain));
        rest = slice_from(rest, plain);
        if (!rest.len) break;
        char letter = rest.len > 1 ? rest.ptr[1] : '\0', meaning = meaning_of(letter);
        rest = slice_from(rest, 2);
        if (meaning) {
            buf_add_char(out, meaning);
        } else if (letter != 'u' || !unescape_unicode(out, &rest)) {
            return false;
        }
    }
    return true;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Takes the digits at the offset; false where there are none. */
static bool take_digits(const json_reader *r, size_t *at) {
    size_t start = *at;
    while (ascii_is_digit(byte_at(r, *at))) ++*at;
    return *at > start;
}

static bool take_sign(const json_reader *r, size_t *at, const char *signs) {
    char c = byte_at(r, *at);
    bool found = c && strchr(signs, c);
    *at += found;
    return found;
}

/* The offset just past the number (RFC 8259, section 6) where the reader is; 0
 * when it is none. */
static size_t find_number_end(const json_reader *r, bool *is_whole) {
    size_t at = r->at;
    take_sign(r, &at, "-");
    size_t first = at;
    if (!take_digits(r, &at) || (byte_at(r, first) == '0' && at > first + 1)) return 0;
    bool fraction = take_sign(r, &at, ".");
    if (fraction && !take_digits(r, &at)) return 0;
    bool exponent = take_sign(r, &at, "eE");
    if (exponent) take_sign(r, &at, "+-");
    if (exponent && !take_digits(r, &at)) return 0;
    *is_whole = !fraction && !exponent;
    return at;
}

/* strtod by the letter of JSON: it wants the locale's decimal point, and a NUL.
 */
static double nearest_double(slice text) {
    char copy[MAX_NUMBER + 1];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    char *point = strchr(copy, '.');
    if (point) *point = localeconv()->decimal_point[0];
    return strtod(copy, NULL);
}

/* Whole numbers of more digits than surely fit. */
static void read_long(slice text, json_number *number) {
    errno = 0;
    char copy[MAX_NUMBER + 1];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    number->integer = strtoll(copy, NULL, 10);
    number->is_integer = errno == 0;
    number->value = nearest_double(text);
}

static void read_short(slice text, json_number *number) {
    bool negative = text.ptr[0] == '-';
    int64_t value = 0;
    for (size_t i = negative; i < text.len; i++) value = value * 10 + (text.ptr[i] - '0');
    number->integer = negative ? -value : value;
    number->is_integer = true;
}

/* A number with a fraction or an exponent counts as whole when a double holds
 * it exactly. */
static void read_fraction(slice text, json_number *number) {
    const double exact = 9007199254740992.0; /* 2^53 */
    number->value = nearest_double(text);
    number->is_integer = fabs(number->value) <= exact && floor(number->value) == number->value;
    if (number->is_integer) number->integer = (int64_t)number->value;
}

bool json_take_number(json_reader *r, json_number *number) {
    bool is_whole = false;
    size_t end = find_number_end(r, &is_whole);
    if (end == 0 || end - r->at > MAX_NUMBER) return json_fail(r, "not a number of JSON");
    slice text = slice_of(r->text.ptr + r->at, end - r->at);
    r->at = end;
    if (!is_whole) {
        read_fraction(text, number);
    } else if (text.len <= EXACT_DIGITS) {
        read_short(text, number);
    } else {
        read_long(text, number);
    }
    return true;
}
