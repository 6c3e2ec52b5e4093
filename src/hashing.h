/* hashing: the SHA-256 of a slice of a file, read and hashed by a thread of its own, so that a
 * process with one thread of Lua goes on sending meanwhile.
 *
 * A job is polled, never waited for by blocking. The thread touches only its own job: the file's
 * descriptor, a buffer, a digest. It takes no signals.
 */
#ifndef FINSPACE_HASHING_H
#define FINSPACE_HASHING_H

#include "digest.h"

typedef struct hashing_job hashing_job;

typedef enum hashing_state {
    HASHING_RUNNING,
    HASHING_DONE,   /* the hash is there */
    HASHING_SHORT,  /* the file ended within the slice */
    HASHING_FAILED, /* reading failed; errno's value is there */
} hashing_state;

/* Opens the file and starts to hash `length` bytes of it from `offset` on. NULL with errno set when
 * the file cannot be opened, or memory or threads ran out. The job must be freed with hashing_free.
 */
hashing_job *hashing_start(const char *path, int64_t offset, int64_t length);

/* How it stands. Once it is no longer running, that does not change. */
hashing_state hashing_poll(const hashing_job *job);

/* The hash as lower-case hexadecimal digits; valid when done. */
void hashing_hex(const hashing_job *job, char out[DIGEST_HEX_SIZE]);

/* The errno of a job that failed. */
int hashing_error(const hashing_job *job);

/* Stops the thread where it still runs, waits for it (a piece of 128 KiB at most), and releases. */
void hashing_free(hashing_job *job);

#endif
