#define _DEFAULT_SOURCE /* explicit_bzero */
#include "buf.h"

#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_CAPACITY = 256 };

void buf_wipe(void *memory, size_t size) {
    if (size) explicit_bzero(memory, size);
}

void buf_init(buf *b, size_t limit) {
    *b = (buf){.limit = limit, .status = BUF_OK, .owned = true};
}

void buf_init_fixed(buf *b, char *storage, size_t capacity) {
    *b = (buf){.ptr = storage, .cap = capacity, .limit = capacity, .status = BUF_OK};
}

void buf_init_discarding(buf *b) {
    *b = (buf){.status = BUF_DISCARDS};
}

void buf_free(buf *b) {
    if (b->ptr) buf_wipe(b->ptr, b->cap);
    if (b->owned) {
        free(b->ptr);
        b->ptr = NULL;
        b->cap = 0;
    }
    b->len = 0;
    b->status = BUF_OK;
}

void buf_clear(buf *b) {
    if (b->len) buf_wipe(b->ptr, b->len);
    b->len = 0;
    b->status = BUF_OK;
}

/* realloc would leave an unwiped copy behind, so growing allocates, copies and wipes. */
static void grow_to(buf *b, size_t needed) {
    size_t cap = b->cap ? b->cap : BUF_FIRST_CAPACITY;
    while (cap < needed) cap = cap > b->limit / 2 ? b->limit : cap * 2;
    if (cap > b->limit) cap = b->limit;
    char *grown = malloc(cap);
    if (!grown) {
        b->status = BUF_NO_MEMORY;
        return;
    }
    if (b->len) memcpy(grown, b->ptr, b->len);
    if (b->ptr) buf_wipe(b->ptr, b->cap);
    free(b->ptr);
    b->ptr = grown;
    b->cap = cap;
}

bool buf_make_room(buf *b, size_t more) {
    if (b->status != BUF_OK) return false;
    if (more > b->limit - b->len) {
        b->status = BUF_FULL;
        return false;
    }
    grow_to(b, b->len + more);
    return b->status == BUF_OK;
}

void buf_add_int(buf *b, long long value) {
    char digits[24];
    size_t at = sizeof digits;
    /* Negated digit by digit, because -LLONG_MIN does not exist. */
    unsigned long long rest =
        value < 0 ? 0ULL - (unsigned long long)value : (unsigned long long)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0) digits[--at] = '-';
    buf_add(b, slice_of(digits + at, sizeof digits - at));
}

void buf_add_hex(buf *b, const unsigned char *bytes, size_t count) {
    static const char digits[] = "0123456789abcdef";
    if (!buf_reserve(b, 2 * count)) return;
    char *out = b->ptr + b->len;
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    b->len += 2 * count;
}
