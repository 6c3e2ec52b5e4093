#include "typed_vectors.h"

#include "typed.h"
#include "vector.h"

static const typed_engine *duckdb;

void typed_use(const typed_engine *engine) {
    duckdb = engine;
}

/* The validity of a vector that has had no NULL so far is not there yet. */
static void set_null(void *result, uint64_t row) {
    duckdb->duckdb_vector_ensure_validity_writable(result);
    duckdb->duckdb_vector_get_validity(result)[row / 64] &= ~(UINT64_C(1) << (row % 64));
}

typedef bool read_text(slice text, void *value);

static void read_all(void *chunk, void *result, read_text *read, size_t size) {
    void *texts = duckdb->duckdb_data_chunk_get_vector(chunk, 0);
    const vector_text_header *headers = duckdb->duckdb_vector_get_data(texts);
    const uint64_t *validity = duckdb->duckdb_vector_get_validity(texts);
    char *values = duckdb->duckdb_vector_get_data(result);
    uint64_t rows = duckdb->duckdb_data_chunk_get_size(chunk);
    for (uint64_t row = 0; row < rows; row++) {
        bool is_there = vector_has(validity, row) && headers[row].length > 0;
        if (!is_there || !read(vector_text(&headers[row]), values + row * size))
            set_null(result, row);
    }
}

/* --- a function a type ------------------------------------------------------------------------ */

#define WHOLE(name, type, smallest, largest)                                                       \
    static bool read_##name(slice text, void *value) {                                             \
        int64_t found;                                                                             \
        if (!typed_whole(text, smallest, largest, &found)) return false;                           \
        *(type *)value = (type)found;                                                              \
        return true;                                                                               \
    }                                                                                              \
    static void all_##name(void *info, void *chunk, void *result) {                                \
        (void)info;                                                                                \
        read_all(chunk, result, read_##name, sizeof(type));                                        \
    }

#define OTHER(name, type)                                                                          \
    static bool read_##name(slice text, void *value) {                                             \
        return typed_##name(text, (type *)value);                                                  \
    }                                                                                              \
    static void all_##name(void *info, void *chunk, void *result) {                                \
        (void)info;                                                                                \
        read_all(chunk, result, read_##name, sizeof(type));                                        \
    }

WHOLE(tinyint, int8_t, INT8_MIN, INT8_MAX)
WHOLE(smallint, int16_t, INT16_MIN, INT16_MAX)
WHOLE(integer, int32_t, INT32_MIN, INT32_MAX)
WHOLE(bigint, int64_t, INT64_MIN, INT64_MAX)
OTHER(float, float)
OTHER(double, double)
OTHER(boolean, bool)
OTHER(date, int32_t)
OTHER(instant, int64_t)

typed_function *typed_find(slice type) {
    static const struct {
        const char *name;
        typed_function *function;
    } known[] = {
        {"TINYINT", all_tinyint}, {"SMALLINT", all_smallint}, {"INTEGER", all_integer},
        {"BIGINT", all_bigint},   {"FLOAT", all_float},       {"DOUBLE", all_double},
        {"BOOLEAN", all_boolean}, {"DATE", all_date},         {"DATETIME", all_instant},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (slice_eq(type, slice_of_cstr(known[i].name))) return known[i].function;
    }
    return NULL;
}

/* --- and back --------------------------------------------------------------------------------- */

void typed_add_double(buf *out, double number) {
    void *value = duckdb->duckdb_create_double(number);
    char *text = duckdb->duckdb_get_varchar(value);
    buf_add_cstr(out, text);
    duckdb->duckdb_free(text);
    duckdb->duckdb_destroy_value(&value);
}
