/* buf: bytes that grow, up to a limit that must be named.
 *
 * Writers return nothing. The first failure sticks: what is added after it is dropped, and the
 * owner asks once, at the end, with buf_ok. So a half-written buf is never taken for a whole one.
 *
 * A growing buf owns heap memory and must be freed with buf_free; a fixed one borrows storage from
 * its caller and never allocates. Both are wiped when freed or cleared, since what is written here
 * may hold a token.
 */
#ifndef FINSPACE_BUF_H
#define FINSPACE_BUF_H

#include "slice.h"

typedef enum buf_status {
    BUF_OK,
    BUF_FULL,      /* the limit was reached */
    BUF_NO_MEMORY, /* the allocator refused */
    BUF_DISCARDS   /* it was made to drop what is written */
} buf_status;

typedef struct buf {
    char *ptr;
    size_t len;
    size_t cap;
    size_t limit;
    buf_status status;
    bool owned; /* ptr came from the heap */
} buf;

/* An empty buf that grows on the heap up to `limit` bytes. Allocates nothing yet. */
void buf_init(buf *b, size_t limit);

/* An empty buf in `storage`, which must outlive it. */
void buf_init_fixed(buf *b, char *storage, size_t capacity);

/* A buf that drops what is written: for writers whose checks alone are wanted. */
void buf_init_discarding(buf *b);

/* Wipes and releases. The buf is then empty and can be used again. Idempotent. */
void buf_free(buf *b);

/* Forgets the content and the failure, and keeps the storage. */
void buf_clear(buf *b);

/* Makes room for `more` bytes, or sets the status. The writers below ask it only when there is none
 * yet. */
bool buf_make_room(buf *b, size_t more);

static inline bool buf_reserve(buf *b, size_t more) {
    bool has_room = b->status == BUF_OK && more <= b->cap - b->len;
    return has_room || buf_make_room(b, more);
}

static inline void buf_add(buf *b, slice bytes) {
    if (bytes.len == 0 || !buf_reserve(b, bytes.len)) return;
    memcpy(b->ptr + b->len, bytes.ptr, bytes.len);
    b->len += bytes.len;
}

static inline void buf_add_char(buf *b, char byte) {
    if (buf_reserve(b, 1)) b->ptr[b->len++] = byte;
}

static inline void buf_add_cstr(buf *b, const char *text) {
    buf_add(b, slice_of_cstr(text));
}

/* Decimal digits; the whole ranges. */
void buf_add_int(buf *b, long long value);

/* Lower-case hexadecimal, two digits a byte. */
void buf_add_hex(buf *b, const unsigned char *bytes, size_t count);

static inline bool buf_ok(const buf *b) {
    return b->status == BUF_OK;
}

/* What was written; valid until the next write, clear or free. */
static inline slice buf_slice(const buf *b) {
    return slice_of(b->ptr, b->len);
}

/* Overwrites memory in a way that the compiler may not remove. */
void buf_wipe(void *memory, size_t size);

#endif
