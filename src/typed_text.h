/* typed_text: dates, times and decimals as text, the inverse of typed: as DuckDB casts them, but
 * times with the T of ISO 8601. A year beyond 9999 has more digits, one before 0001 is followed by
 * "(BC)". DuckDB's two infinities are "infinity" and "-infinity".
 */
#ifndef FINSPACE_TYPED_TEXT_H
#define FINSPACE_TYPED_TEXT_H

#include "buf.h"

/* YYYY-MM-DD of days since 1970-01-01. */
void typed_text_date(buf *out, int32_t days);

/* Whether microseconds are one of DuckDB's two infinities. */
bool typed_text_is_infinite(int64_t microseconds);

/* YYYY-MM-DDTHH:MM:SS of microseconds since 1970, and as many places of a fraction as it needs. */
void typed_text_time(buf *out, int64_t microseconds);

/* A number that is a decimal of at most 15 digits, written without an exponent. False for others,
 * of which nothing is written. */
bool typed_text_decimal(buf *out, double number);

#endif
