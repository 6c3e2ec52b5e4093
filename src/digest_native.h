/* digest_native: SHA-256 by a processor's own instructions. Private to digest.
 *
 * A build knows one set of instructions, that of its architecture, or none; whether the processor
 * at hand has them is asked when the program runs.
 */
#ifndef FINSPACE_DIGEST_NATIVE_H
#define FINSPACE_DIGEST_NATIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined __x86_64__
#define DIGEST_NATIVE digest_sha_ni
#elif defined __aarch64__ && (!defined __clang__ || __clang_major__ >= 16)
/* Older clangs hide the intrinsics unless the whole file is compiled for them. */
#define DIGEST_NATIVE digest_armv8
#endif

enum { DIGEST_BLOCK_SIZE = 64 };

typedef struct digest_native {
    const char *name;
    bool (*is_here)(void);

    /* Takes whole blocks into the eight words of a state. */
    void (*compress)(uint32_t state[8], const unsigned char *data, size_t blocks);

    /* The same for two messages at once; NULL where that is no faster. */
    void (*compress_two)(uint32_t state[8], const unsigned char *data, uint32_t other_state[8],
                         const unsigned char *other_data, size_t blocks);
} digest_native;

extern const digest_native digest_sha_ni, digest_armv8;

extern const uint32_t digest_round_constants[64];

#endif
