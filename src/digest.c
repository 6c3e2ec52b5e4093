#include "digest.h"

#include <bearssl.h>
#include <stdatomic.h>
#include <string.h>

#include "buf.h"
#include "digest_native.h"

_Static_assert(sizeof(digest) >= sizeof(br_sha256_context), "digest holds BearSSL's context");
_Static_assert(sizeof(digest_key) >= sizeof(br_hmac_key_context), "digest_key holds BearSSL's key");
_Static_assert(_Alignof(digest) >= _Alignof(br_sha256_context), "digest is aligned for BearSSL");
_Static_assert(_Alignof(digest_key) >= _Alignof(br_hmac_key_context), "so is digest_key");
_Static_assert(DIGEST_SIZE == br_sha256_SIZE, "SHA-256 gives 32 bytes");

/* The cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
const uint32_t digest_round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

/* --- the instructions behind BearSSL's interface ---------------------------------------------- */

#if defined DIGEST_NATIVE
static const digest_native *const native = &DIGEST_NATIVE;
#else
static bool never(void) {
    return false;
}

static const digest_native *const native = &(const digest_native){"", never, NULL, NULL};
#endif

enum { LENGTH_OFFSET = 56 }; /* of the message's length in its last block */

static const br_hash_class native_class;

static void native_init(const br_hash_class **ctx) {
    br_sha256_init((br_sha256_context *)(void *)ctx);
    *ctx = &native_class;
}

static void native_update(const br_hash_class **ctx, const void *data, size_t len) {
    br_sha256_context *c = (br_sha256_context *)(void *)ctx;
    const unsigned char *from = data;
    size_t used = (size_t)c->count % DIGEST_BLOCK_SIZE;
    if (len == 0) return;
    c->count += len;
    if (used) {
        size_t taken = DIGEST_BLOCK_SIZE - used < len ? DIGEST_BLOCK_SIZE - used : len;
        memcpy(c->buf + used, from, taken);
        if (used + taken < DIGEST_BLOCK_SIZE) return;
        native->compress(c->val, c->buf, 1);
        from += taken;
        len -= taken;
    }
    if (len >= DIGEST_BLOCK_SIZE) native->compress(c->val, from, len / DIGEST_BLOCK_SIZE);
    memcpy(c->buf, from + len / DIGEST_BLOCK_SIZE * DIGEST_BLOCK_SIZE, len % DIGEST_BLOCK_SIZE);
}

static void put_big_endian(unsigned char *out, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0; value >>= 8) out[i] = (unsigned char)value;
}

/* Works on copies: BearSSL guarantees that taking the output changes nothing. */
static void native_out(const br_hash_class *const *ctx, void *dst) {
    const br_sha256_context *c = (const br_sha256_context *)(const void *)ctx;
    unsigned char last[2 * DIGEST_BLOCK_SIZE] = {0};
    uint32_t state[8];
    size_t used = (size_t)c->count % DIGEST_BLOCK_SIZE;
    size_t blocks = used < LENGTH_OFFSET ? 1 : 2;
    memcpy(last, c->buf, used);
    last[used] = 0x80;
    put_big_endian(last + blocks * DIGEST_BLOCK_SIZE - 8, c->count * 8, 8);
    memcpy(state, c->val, sizeof state);
    native->compress(state, last, blocks);
    for (size_t i = 0; i < 8; i++) put_big_endian((unsigned char *)dst + 4 * i, state[i], 4);
}

/* Reading and setting the state is BearSSL's own, since the context is. */
static uint64_t native_state(const br_hash_class *const *ctx, void *dst) {
    return br_sha256_state((const br_sha256_context *)(const void *)ctx, dst);
}

static void native_set_state(const br_hash_class **ctx, const void *state, uint64_t count) {
    br_sha256_set_state((br_sha256_context *)(void *)ctx, state, count);
}

static const br_hash_class native_class = {
    .context_size = sizeof(br_sha256_context),
    .desc = BR_HASHDESC_ID(br_sha256_ID) | BR_HASHDESC_OUT(DIGEST_SIZE) |
            BR_HASHDESC_STATE(DIGEST_SIZE) | BR_HASHDESC_LBLEN(6) | BR_HASHDESC_MD_PADDING |
            BR_HASHDESC_MD_PADDING_BE,
    .init = native_init,
    .update = native_update,
    .out = native_out,
    .state = native_state,
    .set_state = native_set_state,
};

/* --- the choice ------------------------------------------------------------------------------- */

/* Any thread may be the first; all of them would choose the same. */
static _Atomic(const br_hash_class *) chosen_class;

static const br_hash_class *sha256_class(void) {
    const br_hash_class *class = atomic_load_explicit(&chosen_class, memory_order_relaxed);
    if (!class) {
        class = native->is_here() ? &native_class : &br_sha256_vtable;
        atomic_store_explicit(&chosen_class, class, memory_order_relaxed);
    }
    return class;
}

const char *digest_backend(void) {
    return sha256_class() == &br_sha256_vtable ? "bearssl" : native->name;
}

bool digest_force_backend(const char *name) {
    const br_hash_class *class = NULL;
    if (strcmp(name, "bearssl") == 0) class = &br_sha256_vtable;
    if (native->is_here() && strcmp(name, native->name) == 0) class = &native_class;
    if (class) atomic_store_explicit(&chosen_class, class, memory_order_relaxed);
    return class != NULL;
}

/* --- what the other modules use --------------------------------------------------------------- */

/* Each context begins with the class that it was started with. */
static const br_hash_class **class_of(digest *d) {
    return (const br_hash_class **)(void *)d;
}

void digest_init(digest *d) {
    sha256_class()->init(class_of(d));
}

void digest_update(digest *d, slice bytes) {
    (*class_of(d))->update(class_of(d), bytes.ptr, bytes.len);
}

static br_sha256_context *at_block_start(digest *d) {
    br_sha256_context *c = (br_sha256_context *)(void *)d;
    return c->vtable == &native_class && c->count % DIGEST_BLOCK_SIZE == 0 ? c : NULL;
}

/* Takes whole blocks only, and says how many bytes it took. */
static size_t update_both(digest *a, digest *b, const char *from_a, const char *from_b,
                          size_t len) {
    br_sha256_context *left = at_block_start(a), *right = at_block_start(b);
    size_t blocks = left && right && native->compress_two ? len / DIGEST_BLOCK_SIZE : 0;
    if (blocks == 0) return 0;
    native->compress_two(left->val, (const unsigned char *)from_a, right->val,
                         (const unsigned char *)from_b, blocks);
    left->count += blocks * DIGEST_BLOCK_SIZE;
    right->count += blocks * DIGEST_BLOCK_SIZE;
    return blocks * DIGEST_BLOCK_SIZE;
}
void digest_update_two(digest *a, const char *from_a, digest *b, const char *from_b, size_t len) {
    size_t taken = update_both(a, b, from_a, from_b, len);
    digest_update(a, slice_of(from_a + taken, len - taken));
    digest_update(b, slice_of(from_b + taken, len - taken));
}

void digest_out(const digest *d, unsigned char out[DIGEST_SIZE]) {
    const br_hash_class *const *ctx = (const br_hash_class *const *)(const void *)d;
    (*ctx)->out(ctx, out);
}

void digest_of(slice bytes, unsigned char out[DIGEST_SIZE]) {
    digest d;
    digest_init(&d);
    digest_update(&d, bytes);
    digest_out(&d, out);
}

/* BearSSL leaves the padded key and the states made from it below us on the stack. */
__attribute__((noinline)) static void wipe_stack(void) {
    unsigned char left_behind[1024];
    buf_wipe(left_behind, sizeof left_behind);
}

void digest_key_init(digest_key *k, slice key) {
    br_hmac_key_init((br_hmac_key_context *)(void *)k, sha256_class(), key.ptr, key.len);
    wipe_stack();
}

void digest_hmac(const digest_key *k, slice message, unsigned char out[DIGEST_SIZE]) {
    br_hmac_context context;
    br_hmac_init(&context, (const br_hmac_key_context *)(const void *)k, 0);
    br_hmac_update(&context, message.ptr, message.len);
    br_hmac_out(&context, out);
    buf_wipe(&context, sizeof context);
    wipe_stack();
}

static void write_hex(const unsigned char *hash, size_t size, char *out) {
    buf text;
    buf_init_fixed(&text, out, 2 * size);
    buf_add_hex(&text, hash, size);
}

void digest_hex(const unsigned char hash[DIGEST_SIZE], char out[DIGEST_HEX_SIZE]) {
    write_hex(hash, DIGEST_SIZE, out);
}

void digest_sha1_hex(slice bytes, char out[DIGEST_SHA1_HEX_SIZE]) {
    unsigned char hash[br_sha1_SIZE];
    br_sha1_context context;
    br_sha1_init(&context);
    br_sha1_update(&context, bytes.ptr, bytes.len);
    br_sha1_out(&context, hash);
    write_hex(hash, sizeof hash, out);
}

bool digest_equal(slice a, slice b) {
    unsigned difference = 0;
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++) {
        difference |= (unsigned char)a.ptr[i] ^ (unsigned char)b.ptr[i];
    }
    return difference == 0;
}
