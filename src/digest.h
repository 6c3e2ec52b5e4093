/* digest: SHA-256 and HMAC-SHA-256, on the processor's own instructions where it has them; and
 * SHA-1 for names.
 *
 * The only module that sees BearSSL, whose code is both the portable path and the reference; what
 * is faster stands behind BearSSL's interface for hash functions, so that its HMAC works with
 * either. Contexts are plain memory of a fixed size: no allocation, nothing to release. One that
 * has seen a secret must be wiped by its owner (buf_wipe).
 */
#ifndef FINSPACE_DIGEST_H
#define FINSPACE_DIGEST_H

#include <stdint.h>

#include "slice.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 64 };

/* A SHA-256 in progress. Opaque; copying it copies the state. */
typedef struct digest {
    uint64_t opaque[14];
} digest;

void digest_init(digest *d);
void digest_update(digest *d, slice bytes);

/* Updates two digests with `len` bytes each. Where the processor's instructions can work on two
 * messages at once this takes hardly longer than one of them. */
void digest_update_two(digest *a, const char *from_a, digest *b, const char *from_b, size_t len);

/* The hash of everything so far; the digest may go on afterwards. */
void digest_out(const digest *d, unsigned char out[DIGEST_SIZE]);

/* Init, update and out in one. */
void digest_of(slice bytes, unsigned char out[DIGEST_SIZE]);

/* A key made ready for HMAC, which saves two blocks of hashing a message. It is as secret as the
 * key itself. */
typedef struct digest_key {
    uint64_t opaque[17];
} digest_key;

void digest_key_init(digest_key *k, slice key);

/* HMAC-SHA-256 (RFC 2104) of one message. */
void digest_hmac(const digest_key *k, slice message, unsigned char out[DIGEST_SIZE]);

/* Writes 64 lower-case hexadecimal digits, without a NUL. */
void digest_hex(const unsigned char hash[DIGEST_SIZE], char out[DIGEST_HEX_SIZE]);

/* The SHA-1 of the bytes, as lower-case hexadecimal digits without a NUL. It is broken as a
 * signature; the AWS tools name their cached sign-on tokens by it, and that is all it is here for.
 */
enum { DIGEST_SHA1_HEX_SIZE = 40 };

void digest_sha1_hex(slice bytes, char out[DIGEST_SHA1_HEX_SIZE]);

/* Compares in a time that depends on the lengths alone. */
bool digest_equal(slice a, slice b);

/* The name of the implementation in use: "bearssl", "sha-ni" or "armv8". */
const char *digest_backend(void);

/* Makes new digests and keys use the named implementation; for tests. Returns false, and changes
 * nothing, when this processor or this build lacks it. */
bool digest_force_backend(const char *name);

#endif
