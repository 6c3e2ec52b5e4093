/* slice: borrowed bytes.
 *
 * A slice points at bytes that somebody else owns. It is valid only as long as its owner is, never
 * ends in a NUL that may be relied on, and may hold any byte. An empty slice may have a NULL ptr.
 * Nothing here allocates, fails, or reads past s.len; offsets count bytes from 0.
 */
#ifndef FINSPACE_SLICE_H
#define FINSPACE_SLICE_H

#ifndef __linux__
#error "finspace needs Linux: it uses epoll, timerfd, getrandom and /proc (see README)"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ascii.h"

typedef struct slice {
    const char *ptr;
    size_t len;
} slice;

/* A slice of a string literal, at compile time. */
#define SLICE(literal) ((slice){"" literal, sizeof(literal) - 1})

/* The same in the initialiser of something static, where C11 takes no compound literal. */
/* clang-format off */
#define SLICE_STATIC(literal) {"" literal, sizeof(literal) - 1}
/* clang-format on */

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
    bool searched =
        s.len > 0 && s.len <= PTRDIFF_MAX; /* no object is larger, as gcc must be told */
    const char *at = searched ? memchr(s.ptr, byte, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

static inline bool slice_eq(slice a, slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* The same without regard to the case of ASCII letters; most that are equal have the same. */
static inline bool slice_eq_nocase(slice a, slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        if (a.ptr[i] != b.ptr[i] && ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) return false;
    }
    return true;
}

static inline bool slice_starts_with(slice s, slice prefix) {
    return s.len >= prefix.len && slice_eq(slice_of(s.ptr, prefix.len), prefix);
}

/* Whether a byte is one of `bytes` (a C string); of so few a loop is faster than strchr. */
static inline bool slice_is_one_of(char byte, const char *bytes) {
    while (*bytes && *bytes != byte) bytes++;
    return *bytes != '\0';
}

/* Without the bytes of `blanks` (a C string) at either end. */
static inline slice slice_trim(slice s, const char *blanks) {
    while (s.len && slice_is_one_of(s.ptr[0], blanks)) s = slice_from(s, 1);
    while (s.len && slice_is_one_of(s.ptr[s.len - 1], blanks)) s.len--;
    return s;
}

/* A token (RFC 9110, section 5.6.2): what a method and the name of a header are made of. */
static inline bool slice_is_token(slice s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_token(s.ptr[i])) return false;
    }
    return s.len > 0;
}

/* Whether the bytes could end or split a header line: CR, LF or NUL. */
static inline bool slice_has_line_break(slice s) {
    return s.len &&
           (memchr(s.ptr, '\r', s.len) || memchr(s.ptr, '\n', s.len) || memchr(s.ptr, '\0', s.len));
}

#endif
