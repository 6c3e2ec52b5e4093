/* lines: rows of columns, as DuckDB has them in memory, as lines of delimited text.
 *
 * A field is written as DuckDB's own writer does: in quotes where a reader would end it, or take it
 * for NULL or for a comment, with quotes in it doubled. NULL is nothing; but a line with nothing on
 * it is one that readers pass over, so the NULL of an only column is "".
 */
#ifndef FINSPACE_LINES_H
#define FINSPACE_LINES_H

#include "slice.h"

/* What the values of a column are. Only texts are put in quotes: others must not be written so
 * where a separator or a quote is of their own characters, [0-9A-Za-z .:()+-]. */
typedef enum lines_kind {
    LINES_NONE,
    LINES_TEXT,
    LINES_BOOLEAN,
    LINES_TINYINT,
    LINES_SMALLINT,
    LINES_INTEGER,
    LINES_BIGINT,
    LINES_DOUBLE,
    LINES_DATE,
    LINES_WALL_CLOCK,
    LINES_INSTANT,
} lines_kind;

/* The kind of a type, by DuckDB's name; LINES_NONE for one that must be text before. */
lines_kind lines_find_kind(slice type);

/* One column's part of a chunk. `validity` is NULL where no row is NULL. */
typedef struct lines_column {
    int32_t kind;
    const void *values;
    const uint64_t *validity;
} lines_column;

typedef struct lines_rows {
    const lines_column *columns;
    const int32_t *partitions; /* the number of each row's partition */
    uint32_t width;            /* columns */
    uint32_t next, end;        /* rows: the first that is not written yet, and one past the last */
    char separator, quote;
} lines_rows;

/* Writes the next rows, as many as are of the first one's partition and fit whole, and moves `next`
 * on. Gives how many bytes they are. */
size_t lines_write(lines_rows *rows, char *out, size_t room);

#endif
