#include "lines.h"

#include "buf.h"
#include "typed_text.h"
#include "typed_vectors.h"
#include "vector.h"

lines_kind lines_find_kind(slice type) {
    static const char *const names[] = {
        [LINES_TEXT] = "VARCHAR",         [LINES_BOOLEAN] = "BOOLEAN",
        [LINES_TINYINT] = "TINYINT",      [LINES_SMALLINT] = "SMALLINT",
        [LINES_INTEGER] = "INTEGER",      [LINES_BIGINT] = "BIGINT",
        [LINES_DOUBLE] = "DOUBLE",        [LINES_DATE] = "DATE",
        [LINES_WALL_CLOCK] = "TIMESTAMP", [LINES_INSTANT] = "TIMESTAMP WITH TIME ZONE",
    };
    for (size_t kind = 0; kind < sizeof names / sizeof *names; kind++) {
        if (names[kind] && slice_eq(type, slice_of_cstr(names[kind]))) return (lines_kind)kind;
    }
    return LINES_NONE;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* The bytes for which a text needs quotes. */
typedef struct special_bytes {
    bool is[256];
} special_bytes;

static special_bytes special_of(const lines_rows *rows) {
    const char bytes[] = {rows->quote, rows->separator, '\n', '\r', '#'};
    special_bytes special = {{false}};
    for (size_t i = 0; i < sizeof bytes; i++) special.is[(unsigned char)bytes[i]] = true;
    return special;
}

static bool needs_quotes(slice text, const special_bytes *special) {
    for (size_t i = 0; i < text.len; i++) {
        if (special->is[(unsigned char)text.ptr[i]]) return true;
    }
    return text.len == 0;
}

static void add_quoted(buf *out, slice text, char quote) {
    buf_add_char(out, quote);
    while (text.len) {
        size_t up_to = slice_find(text, quote);
        buf_add(out, slice_of(text.ptr, up_to));
        if (up_to < text.len) buf_add(out, slice_of((char[]){quote, quote}, 2));
        text = slice_from(text, up_to + 1);
    }
    buf_add_char(out, quote);
}

static void add_text(buf *out, slice text, char quote, const special_bytes *special) {
    if (needs_quotes(text, special)) {
        add_quoted(out, text, quote);
    } else {
        buf_add(out, text);
    }
}

/* Most numbers of data are short decimals. DuckDB writes the others, each of which takes it an
 * allocation or two. */
static void add_double(buf *out, double number) {
    if (!typed_text_decimal(out, number)) typed_add_double(out, number);
}

static void add_value(buf *out, const lines_rows *rows, const lines_column *column,
                      const special_bytes *special) {
    const void *values = column->values;
    uint32_t row = rows->next;
    switch ((lines_kind)column->kind) {
    case LINES_BOOLEAN: buf_add_cstr(out, ((const bool *)values)[row] ? "true" : "false"); break;
    case LINES_TINYINT: buf_add_int(out, ((const int8_t *)values)[row]); break;
    case LINES_SMALLINT: buf_add_int(out, ((const int16_t *)values)[row]); break;
    case LINES_INTEGER: buf_add_int(out, ((const int32_t *)values)[row]); break;
    case LINES_BIGINT: buf_add_int(out, ((const int64_t *)values)[row]); break;
    case LINES_DOUBLE: add_double(out, ((const double *)values)[row]); break;
    case LINES_DATE: typed_text_date(out, ((const int32_t *)values)[row]); break;
    case LINES_WALL_CLOCK: typed_text_time(out, ((const int64_t *)values)[row]); break;
    case LINES_INSTANT:
        typed_text_time(out, ((const int64_t *)values)[row]);
        buf_add_char(out, 'Z');
        break;
    default:
        add_text(out, vector_text((const vector_text_header *)values + row), rows->quote, special);
    }
}

/* DuckDB's endless times are none to it as microseconds, and so none here. */
static bool is_missing(const lines_column *column, uint32_t row) {
    if (!vector_has(column->validity, row)) return true;
    return column->kind == LINES_INSTANT &&
           typed_text_is_infinite(((const int64_t *)column->values)[row]);
}

static void add_field(buf *out, const lines_rows *rows, const lines_column *column,
                      const special_bytes *special) {
    if (!is_missing(column, rows->next)) {
        add_value(out, rows, column, special);
    } else if (rows->width == 1) {
        add_quoted(out, SLICE(""), rows->quote);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

static void add_line(buf *out, const lines_rows *rows, const special_bytes *special) {
    for (uint32_t i = 0; i < rows->width; i++) {
        if (i > 0) buf_add_char(out, rows->separator);
        add_field(out, rows, &rows->columns[i], special);
    }
    buf_add_char(out, '\n');
}

size_t lines_write(lines_rows *rows, char *bytes, size_t room) {
    const special_bytes special = special_of(rows);
    int32_t partition = rows->partitions[rows->next];
    size_t whole = 0;
    buf out;
    buf_init_fixed(&out, bytes, room);
    for (; rows->next < rows->end && rows->partitions[rows->next] == partition; rows->next++) {
        add_line(&out, rows, &special);
        if (!buf_ok(&out)) break;
        whole = out.len;
    }
    return whole;
}
