/* slice: borrowed bytes.
 *
 * A slice points at bytes that somebody else owns. It is valid only as long as its owner is, never
 * ends in a NUL that may be relied on, and may hold any byte. An empty slice may have a NULL ptr.
 */
#ifndef FINSPACE_SLICE_H
#define FINSPACE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct slice {
    const char *ptr;
    size_t len;
} slice;

/* A slice of a string literal, at compile time. */
#define SLICE(literal) ((slice){"" literal, sizeof(literal) - 1})

static inline slice slice_of(const char *ptr, size_t len) {
    return (slice){ptr, len};
}

/* A slice of a C string; NULL gives the empty slice. */
static inline slice slice_of_cstr(const char *text) {
    return (slice){text, text ? strlen(text) : 0};
}

/* The bytes from offset `from` on; an offset past the end gives the empty slice. */
static inline slice slice_from(slice s, size_t from) {
    if (from >= s.len) return (slice){s.ptr, 0};
    return (slice){s.ptr + from, s.len - from};
}

/* The offset of the first `byte`, or s.len when there is none. */
static inline size_t slice_find(slice s, char byte) {
    const char *at = s.len ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

static inline bool slice_eq(slice a, slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ASCII only, whatever the locale says. */
static inline char slice_lower(char c) {
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

static inline bool slice_eq_nocase(slice a, slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (slice_lower(a.ptr[i]) != slice_lower(b.ptr[i])) return false;
    }
    return true;
}

static inline bool slice_starts_with(slice s, slice prefix) {
    return s.len >= prefix.len && slice_eq(slice_of(s.ptr, prefix.len), prefix);
}

/* Whether the bytes could end or split a header line: CR, LF or NUL. */
static inline bool slice_has_line_break(slice s) {
    return s.len &&
           (memchr(s.ptr, '\r', s.len) || memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\0', s.len));
}

#endif
