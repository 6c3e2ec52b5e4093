/* typed: text that is, exactly, a value of one of a schema's types.
 *
 * Nothing is changed to fit: no rounding to a whole number, no hexadecimal, no digits in groups, no
 * infinity, no date that a calendar has not. Blanks around a value are no fault. Pure functions;
 * false says that the text is no such value, and leaves the result as it was.
 */
#ifndef FINSPACE_TYPED_H
#define FINSPACE_TYPED_H

#include "slice.h"

/* Digits, and a sign before them. */
bool typed_whole(slice text, int64_t smallest, int64_t largest, int64_t *value);

/* Decimal, with an exponent where there is one; rounded to the nearest, ties to even. One beyond
 * the largest is none. The process' LC_NUMERIC must be "C", as it is until someone sets it. */
bool typed_double(slice text, double *value);
bool typed_float(slice text, float *value);

/* true, True, TRUE, t, T, 1, and the same of false. Blanks are a fault here. */
bool typed_boolean(slice text, bool *value);

/* YYYY-MM-DD of ISO 8601, as days since 1970-01-01; years 0001 to 9999. */
bool typed_date(slice text, int32_t *days);

/* A date, and after T or a blank a time with up to six places (and zeros) and an offset: as
 * microseconds since 1970 in UTC. Without an offset it is in UTC. */
bool typed_instant(slice text, int64_t *microseconds);

#endif
