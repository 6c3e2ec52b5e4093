/* json: writing JSON text, and looking at JSON text before lua-cjson reads it.
 *
 * Writers follow buf's way: they return nothing, and the buf remembers its first failure.
 */
#ifndef FINSPACE_JSON_H
#define FINSPACE_JSON_H

#include "buf.h"

/* Writes a string with its quotes. The text must be well-formed UTF-8. */
void json_add_string(buf *out, slice text);

/* What marks a whole number that was turned into a string by json_quote_big_integers. JSON text
 * cannot hold this byte unescaped, so a document can hold the mark only on purpose. */
#define JSON_BIG_INTEGER_MARK '\x01'

/* lua-cjson reads every number as a double, which is exact to 2^53 only. This copies `text` to
 * `out` with each whole number of 16 to 20 digits written as the string "\u0001<digits>" instead,
 * so that the caller can restore it exactly. Returns false, and writes nothing, when there is no
 * such number (nearly always), or when the text holds the mark already and must be left alone.
 * The text need not be valid JSON: what is not understood is copied as it is. */
bool json_quote_big_integers(buf *out, slice text);

typedef struct json_contents {
    bool is_strict;        /* numbers and strings are written by RFC 8259, and there is no NUL */
    bool has_big_integers; /* whole numbers of 16 to 20 digits */
} json_contents;

/* One look at the tokens of a text before lua-cjson reads it: lua-cjson also takes numbers that are
 * none of JSON (hexadecimal ones, leading zeros) and control characters within strings, and stops
 * at a NUL. How the tokens stand together is left to it. */
json_contents json_look(slice text);

#endif
