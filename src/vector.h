/* vector: how DuckDB lays the values of a column out in memory (its C API, duckdb.h of 1.5). */
#ifndef FINSPACE_VECTOR_H
#define FINSPACE_VECTOR_H

#include "slice.h"

/* duckdb_string_t: short texts lie within it. */
typedef struct vector_text_header {
    uint32_t length;
    char start[4];
    const char *bytes;
} vector_text_header;

enum { VECTOR_LONGEST_INLINED = 12 };

static inline slice vector_text(const vector_text_header *header) {
    bool is_inlined = header->length <= VECTOR_LONGEST_INLINED;
    return slice_of(is_inlined ? header->start : header->bytes, header->length);
}

/* Whether a row has a value; without a validity every one has. */
static inline bool vector_has(const uint64_t *validity, uint64_t row) {
    return !validity || (validity[row / 64] >> (row % 64) & 1);
}

#endif
