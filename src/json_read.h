/* json_read: the tokens of JSON text by RFC 8259, one after the other, without
 * copying them.
 *
 * A reader remembers its first fault and takes nothing after it: every function
 * then returns false, and the caller asks once, at the end. Slices that are
 * given point into the text.
 */
#ifndef FINSPACE_JSON_READ_H
#define FINSPACE_JSON_READ_H

#include <stdint.h>

#include "buf.h"

typedef struct json_reader {
    slice text;
    size_t at;         /* the offset of the next byte */
    const char *fault; /* what is wrong there, or NULL */
} json_reader;

typedef struct json_number {
    bool is_integer; /* a whole number that 64 bits hold, however it is written */
    int64_t integer;
    double value; /* the nearest one, where it is no integer */
} json_number;

/* Notes what is wrong at the next byte, unless something was before; gives
 * false. */
bool json_fail(json_reader *r, const char *fault);

/* The first byte of the next token, which is not taken; NUL at the end and
 * after a fault. */
char json_peek(json_reader *r);

/* Takes the next token if it is this one-byte punctuation. */
bool json_take(json_reader *r, char punctuation);

/* Takes `true`, `false` or `null`. */
bool json_take_word(json_reader *r, slice word);

/* Takes a string, whose first quote json_peek has shown: what stands between its
 * quotes, and whether escapes are among it. */
bool json_take_string(json_reader *r, slice *raw, bool *escaped);

/* Writes such a string without its escapes. False for an escape that means no
 * character; a full buf is the caller's to notice. */
bool json_unescape(buf *out, slice raw);

bool json_take_number(json_reader *r, json_number *number);

/* Whether nothing but blanks is left. */
bool json_take_end(json_reader *r);

#endif
