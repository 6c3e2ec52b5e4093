/* json: writing JSON text; json_read reads it.
 *
 * Writers follow buf's way: they return nothing, and the buf remembers its
 * first failure.
 */
#ifndef FINSPACE_JSON_H
#define FINSPACE_JSON_H

#include "buf.h"

/* Writes a string with its quotes. The text must be well-formed UTF-8. */
void json_add_string(buf *out, slice text);

#endif
