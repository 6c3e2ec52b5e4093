#include "digest.h"

#include <bearssl.h>
#include <stdatomic.h>
#include <string.h>

#include "buf.h"

#if defined __x86_64__
#define DIGEST_HAS_SHA_NI 1
#include <cpuid.h>
#include <immintrin.h>
#elif defined __aarch64__ && defined __linux__ && (!defined __clang__ || __clang_major__ >= 16)
/* Older clangs hide the intrinsics unless the whole file is compiled for them. */
#define DIGEST_HAS_ARMV8 1
#include <arm_neon.h>
#include <sys/auxv.h>
#endif

_Static_assert(sizeof(digest) == sizeof(br_sha256_context), "digest holds BearSSL's context");
_Static_assert(sizeof(digest_key) >= sizeof(br_hmac_key_context), "digest_key holds BearSSL's key");
_Static_assert(_Alignof(digest) >= _Alignof(br_sha256_context), "digest is aligned for BearSSL");
_Static_assert(_Alignof(digest_key) >= _Alignof(br_hmac_key_context), "so is digest_key");
_Static_assert(DIGEST_SIZE == br_sha256_SIZE, "SHA-256 gives 32 bytes");

/* --- the processor's instructions ------------------------------------------------------------- */

#if defined DIGEST_HAS_SHA_NI || defined DIGEST_HAS_ARMV8
#define DIGEST_HAS_INSTRUCTIONS 1

enum { BLOCK_SIZE = 64, LENGTH_OFFSET = 56 };

/* The cube roots of the first 64 primes (FIPS 180-4, section 4.2.2). */
static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
#endif

#if defined DIGEST_HAS_SHA_NI
#define INSTRUCTIONS_NAME "sha-ni"

static bool processor_has_instructions(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    if (!(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* One hash under way. The instructions want the eight words of the state as ABEF and CDGH, highest
 * lane first. Four rounds take one vector of the message schedule; `w` holds the latest four. */
typedef struct lane {
    __m128i abef, cdgh, w[4];
} lane;

#define SHA_NI_TARGET __attribute__((target("sha,sse4.1,ssse3"), always_inline)) static inline

SHA_NI_TARGET void lane_load(lane *l, const uint32_t state[8]) {
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    l->abef = _mm_alignr_epi8(cdab, efgh, 8);
    l->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

SHA_NI_TARGET void lane_store(const lane *l, uint32_t state[8]) {
    __m128i feba = _mm_shuffle_epi32(l->abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(l->cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

/* The four rounds that step `i` of 16 makes of a block. */
SHA_NI_TARGET void lane_rounds(lane *l, int i, const unsigned char *block) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i *now = &l->w[i & 3];
    if (i < 4) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(block + 16 * i));
        *now = _mm_shuffle_epi8(bytes, big_endian);
    } else {
        __m128i last = l->w[(i + 3) & 3];
        __m128i seven_back = _mm_alignr_epi8(last, l->w[(i + 2) & 3], 4);
        __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(*now, l->w[(i + 1) & 3]), seven_back);
        *now = _mm_sha256msg2_epu32(sum, last);
    }
    __m128i k = _mm_load_si128((const __m128i *)(round_constants + 4 * i));
    __m128i wk = _mm_add_epi32(*now, k);
    l->cdgh = _mm_sha256rnds2_epu32(l->cdgh, l->abef, wk);
    l->abef = _mm_sha256rnds2_epu32(l->abef, l->cdgh, _mm_shuffle_epi32(wk, 0x0e));
}

SHA_NI_TARGET void lane_add(lane *l, const lane *before) {
    l->abef = _mm_add_epi32(l->abef, before->abef);
    l->cdgh = _mm_add_epi32(l->cdgh, before->cdgh);
}

__attribute__((target("sha,sse4.1,ssse3"))) static void
compress(uint32_t state[8], const unsigned char *data, size_t blocks) {
    lane l;
    lane_load(&l, state);
    for (; blocks; blocks--, data += BLOCK_SIZE) {
        const lane before = l;
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) lane_rounds(&l, i, data);
        lane_add(&l, &before);
    }
    lane_store(&l, state);
}

/* A round waits for the one before it; the rounds of another hash fill the time. */
#define DIGEST_HAS_COMPRESS_TWO 1
__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_two(uint32_t state[8], const unsigned char *data, uint32_t other_state[8],
             const unsigned char *other_data, size_t blocks) {
    lane l, other;
    lane_load(&l, state);
    lane_load(&other, other_state);
    for (; blocks; blocks--, data += BLOCK_SIZE, other_data += BLOCK_SIZE) {
        const lane before = l, other_before = other;
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            lane_rounds(&l, i, data);
            lane_rounds(&other, i, other_data);
        }
        lane_add(&l, &before);
        lane_add(&other, &other_before);
    }
    lane_store(&l, state);
    lane_store(&other, other_state);
}

#elif defined DIGEST_HAS_ARMV8
#define INSTRUCTIONS_NAME "armv8"

static bool processor_has_instructions(void) {
    const unsigned long hwcap_sha2 = 1UL << 6; /* HWCAP_SHA2 of Linux's <asm/hwcap.h> */
    return (getauxval(AT_HWCAP) & hwcap_sha2) != 0;
}

#if defined __clang__
#define ARMV8_TARGET __attribute__((target("sha2")))
#else
#define ARMV8_TARGET __attribute__((target("+crypto")))
#endif

/* Four rounds take one vector of the message schedule; `w` holds the latest four vectors of it. */
ARMV8_TARGET static void compress(uint32_t state[8], const unsigned char *data, size_t blocks) {
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; blocks; blocks--, data += BLOCK_SIZE) {
        const uint32x4_t abcd_before = abcd, efgh_before = efgh;
        uint32x4_t w[4];
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            uint32x4_t *now = &w[i & 3];
            if (i < 4) {
                *now = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
            } else {
                uint32x4_t partial = vsha256su0q_u32(*now, w[(i + 1) & 3]);
                *now = vsha256su1q_u32(partial, w[(i + 2) & 3], w[(i + 3) & 3]);
            }
            uint32x4_t wk = vaddq_u32(*now, vld1q_u32(round_constants + 4 * i));
            uint32x4_t abcd_old = abcd;
            abcd = vsha256hq_u32(abcd, efgh, wk);
            efgh = vsha256h2q_u32(efgh, abcd_old, wk);
        }
        abcd = vaddq_u32(abcd, abcd_before);
        efgh = vaddq_u32(efgh, efgh_before);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}
#endif

/* --- the instructions behind BearSSL's interface ---------------------------------------------- */

#if defined DIGEST_HAS_INSTRUCTIONS
static const br_hash_class instructions_class;

static void instructions_init(const br_hash_class **ctx) {
    br_sha256_init((br_sha256_context *)(void *)ctx);
    *ctx = &instructions_class;
}

static void instructions_update(const br_hash_class **ctx, const void *data, size_t len) {
    br_sha256_context *c = (br_sha256_context *)(void *)ctx;
    const unsigned char *from = data;
    size_t used = (size_t)c->count % BLOCK_SIZE;
    if (len == 0) return;
    c->count += len;
    if (used) {
        size_t taken = BLOCK_SIZE - used < len ? BLOCK_SIZE - used : len;
        memcpy(c->buf + used, from, taken);
        if (used + taken < BLOCK_SIZE) return;
        compress(c->val, c->buf, 1);
        from += taken;
        len -= taken;
    }
    if (len >= BLOCK_SIZE) compress(c->val, from, len / BLOCK_SIZE);
    memcpy(c->buf, from + len / BLOCK_SIZE * BLOCK_SIZE, len % BLOCK_SIZE);
}

static void put_big_endian(unsigned char *out, uint64_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0; value >>= 8) out[i] = (unsigned char)value;
}

/* Works on copies: BearSSL promises that taking the output changes nothing. */
static void instructions_out(const br_hash_class *const *ctx, void *dst) {
    const br_sha256_context *c = (const br_sha256_context *)(const void *)ctx;
    unsigned char last[2 * BLOCK_SIZE] = {0};
    uint32_t state[8];
    size_t used = (size_t)c->count % BLOCK_SIZE;
    size_t blocks = used < LENGTH_OFFSET ? 1 : 2;
    memcpy(last, c->buf, used);
    last[used] = 0x80;
    put_big_endian(last + blocks * BLOCK_SIZE - 8, c->count * 8, 8);
    memcpy(state, c->val, sizeof state);
    compress(state, last, blocks);
    for (size_t i = 0; i < 8; i++) put_big_endian((unsigned char *)dst + 4 * i, state[i], 4);
}

/* Reading and setting the state is BearSSL's own, since the context is. */
static uint64_t instructions_state(const br_hash_class *const *ctx, void *dst) {
    return br_sha256_state((const br_sha256_context *)(const void *)ctx, dst);
}

static void instructions_set_state(const br_hash_class **ctx, const void *state, uint64_t count) {
    br_sha256_set_state((br_sha256_context *)(void *)ctx, state, count);
}

static const br_hash_class instructions_class = {
    .context_size = sizeof(br_sha256_context),
    .desc = BR_HASHDESC_ID(br_sha256_ID) | BR_HASHDESC_OUT(DIGEST_SIZE) |
            BR_HASHDESC_STATE(DIGEST_SIZE) | BR_HASHDESC_LBLEN(6) | BR_HASHDESC_MD_PADDING |
            BR_HASHDESC_MD_PADDING_BE,
    .init = instructions_init,
    .update = instructions_update,
    .out = instructions_out,
    .state = instructions_state,
    .set_state = instructions_set_state,
};
#else
#define INSTRUCTIONS_NAME ""
#define instructions_class br_sha256_vtable

static bool processor_has_instructions(void) {
    return false;
}
#endif

/* --- the choice ------------------------------------------------------------------------------- */

/* Any thread may be the first; all of them would choose the same. */
static _Atomic(const br_hash_class *) chosen_class;

static const br_hash_class *sha256_class(void) {
    const br_hash_class *class = atomic_load_explicit(&chosen_class, memory_order_relaxed);
    if (!class) {
        class = processor_has_instructions() ? &instructions_class : &br_sha256_vtable;
        atomic_store_explicit(&chosen_class, class, memory_order_relaxed);
    }
    return class;
}

const char *digest_backend(void) {
    return sha256_class() == &br_sha256_vtable ? "bearssl" : INSTRUCTIONS_NAME;
}

bool digest_force_backend(const char *name) {
    const br_hash_class *class = NULL;
    if (strcmp(name, "bearssl") == 0) class = &br_sha256_vtable;
    if (processor_has_instructions() && strcmp(name, INSTRUCTIONS_NAME) == 0) {
        class = &instructions_class;
    }
    if (class) atomic_store_explicit(&chosen_class, class, memory_order_relaxed);
    return class != NULL;
}

/* --- what the other rooms use ----------------------------------------------------------------- */

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

#if defined DIGEST_HAS_COMPRESS_TWO
static br_sha256_context *at_block_start(digest *d) {
    br_sha256_context *c = (br_sha256_context *)(void *)d;
    return c->vtable == &instructions_class && c->count % BLOCK_SIZE == 0 ? c : NULL;
}

/* Takes whole blocks only, and says how many bytes it took. */
static size_t update_both(digest *a, digest *b, const char *from_a, const char *from_b,
                          size_t len) {
    br_sha256_context *left = at_block_start(a), *right = at_block_start(b);
    size_t blocks = left && right ? len / BLOCK_SIZE : 0;
    if (blocks == 0) return 0;
    compress_two(left->val, (const unsigned char *)from_a, right->val,
                 (const unsigned char *)from_b, blocks);
    left->count += blocks * BLOCK_SIZE;
    right->count += blocks * BLOCK_SIZE;
    return blocks * BLOCK_SIZE;
}
#else
static size_t update_both(digest *a, digest *b, const char *from_a, const char *from_b,
                          size_t len) {
    (void)a, (void)b, (void)from_a, (void)from_b, (void)len;
    return 0;
}
#endif

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
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
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
