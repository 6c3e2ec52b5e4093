#include "digest_native.h"

#if defined __aarch64__ && (!defined __clang__ || __clang_major__ >= 16)
#include <arm_neon.h>
#include <sys/auxv.h>

static bool is_here(void) {
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
    for (; blocks; blocks--, data += DIGEST_BLOCK_SIZE) {
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
            uint32x4_t wk = vaddq_u32(*now, vld1q_u32(digest_round_constants + 4 * i));
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

const digest_native digest_armv8 = {"armv8", is_here, compress, NULL};
#endif
