/* typed_vectors: typed's functions as scalar functions of DuckDB (its C API, duckdb.h of 1.5), a
 * vector of texts to a vector of values at a time. A text that is no value gives NULL.
 *
 * DuckDB is not linked: whoever loads it says where its functions are, once in a process, before
 * one of these is registered.
 */
#ifndef FINSPACE_TYPED_VECTORS_H
#define FINSPACE_TYPED_VECTORS_H

#include "buf.h"
#include "slice.h"

typedef struct typed_engine {
    uint64_t (*duckdb_data_chunk_get_size)(void *chunk);
    void *(*duckdb_data_chunk_get_vector)(void *chunk, uint64_t column);
    void *(*duckdb_vector_get_data)(void *vector);
    uint64_t *(*duckdb_vector_get_validity)(void *vector);
    void (*duckdb_vector_ensure_validity_writable)(void *vector);
    void *(*duckdb_create_double)(double number);
    char *(*duckdb_get_varchar)(void *value);
    void (*duckdb_destroy_value)(void **value);
    void (*duckdb_free)(void *memory);
} typed_engine;

/* duckdb_scalar_function_t */
typedef void typed_function(void *info, void *chunk, void *result);

/* What `engine` points at must live as long as the process. */
void typed_use(const typed_engine *engine);

/* The function that reads a type, by its name in a schema ("BIGINT"); NULL for another name. */
typed_function *typed_find(slice type);

/* A number's text as DuckDB casts it. */
void typed_add_double(buf *out, double number);

#endif
