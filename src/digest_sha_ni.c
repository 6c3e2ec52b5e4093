#include "digest_native.h"

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>

static bool is_here(void) {
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
    __m128i k = _mm_load_si128((const __m128i *)(digest_round_constants + 4 * i));
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
    for (; blocks; blocks--, data += DIGEST_BLOCK_SIZE) {
        const lane before = l;
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) lane_rounds(&l, i, data);
        lane_add(&l, &before);
    }
    lane_store(&l, state);
}

/* A round waits for the one before it; the rounds of another hash fill the time. */
__attribute__((target("sha,sse4.1,ssse3"))) static void
compress_two(uint32_t state[8], const unsigned char *data, uint32_t other_state[8],
             const unsigned char *other_data, size_t blocks) {
    lane l, other;
    lane_load(&l, state);
    lane_load(&other, other_state);
    for (; blocks; blocks--, data += DIGEST_BLOCK_SIZE, other_data += DIGEST_BLOCK_SIZE) {
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

const digest_native digest_sha_ni = {"sha-ni", is_here, compress, compress_two};
#endif
