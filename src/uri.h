/* uri: percent-encoding, by the rules that AWS signs by.
 *
 * Unreserved bytes are `A-Z a-z 0-9 - _ . ~` (RFC 3986, section 2.3); every other byte becomes %XX
 * with upper-case digits. Nothing here knows text encodings: bytes go in, bytes come out.
 */
#ifndef FINSPACE_URI_H
#define FINSPACE_URI_H

#include "buf.h"

/* Whether a byte stands for itself in every part of a URI: a bit for each. */
static inline bool uri_is_unreserved(char c) {
    static const uint32_t bits[8] = {0, 0x03ff6000, 0x87fffffe, 0x47fffffe};
    unsigned char byte = (unsigned char)c;
    return bits[byte / 32] >> byte % 32 & 1;
}

/* The value of a hexadecimal digit, or -1. */
int uri_hex_value(char digit);

/* Encodes all but the unreserved bytes; right for one path segment, a query name or a value. */
void uri_encode(buf *out, slice bytes);

/* Like uri_encode, but keeps `/`: a path whose segments are not encoded yet. */
void uri_encode_path(buf *out, slice path);

/* Decodes %XX. A `%` that two hexadecimal digits do not follow stands for itself; `+` stays `+`,
 * because SigV4 never reads it as a space. */
void uri_decode(buf *out, slice text);

/* Cuts the next `name=value` from a query string: `rest` moves on past it and its `&`.
 * A pair without `=` has an empty value. Returns false at the end; empty pairs (`&&`) are skipped.
 */
bool uri_next_pair(slice *rest, slice *name, slice *value);

#endif
