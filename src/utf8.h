/* utf8: text in UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing
 * above U+10FFFF). */
#ifndef FINSPACE_UTF8_H
#define FINSPACE_UTF8_H

#include <stdint.h>

#include "buf.h"

/* The offset of the first byte that is not well formed, or text.len when all of
 * it is. A sequence that the end cuts off is not well formed. */
size_t utf8_find_invalid(slice text);

bool utf8_is_valid(slice text);

/* The number of code points. The text is well formed. */
size_t utf8_count(slice text);

/* Writes a code point, which is no surrogate. */
void utf8_add(buf *out, uint32_t point);

/* The code point at the offset `*at`, which moves past it. The text is well
 * formed. */
uint32_t utf8_next(slice text, size_t *at);

#endif
