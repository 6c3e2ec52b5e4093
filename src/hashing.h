/* hashing: the SHA-256 of slices of files, read and hashed by a thread of its own, so that a
 * process with one thread of Lua goes on sending meanwhile.
 *
 * A job is polled, never waited for by blocking. Jobs are taken in the order they were started, two
 * at a time, because two messages hash in hardly more time than one. The thread exists only while
 * there are jobs, takes no signals, and has ended when the last job is freed; so this object may be
 * unloaded then. A child made by fork must not use jobs of its parent.
 */
#ifndef FINSPACE_HASHING_H
#define FINSPACE_HASHING_H

#include "digest.h"

typedef struct hashing_job hashing_job;

typedef enum hashing_state {
    HASHING_RUNNING,
    HASHING_DONE,    /* the hash is there */
    HASHING_SHORT,   /* the file ended within the slice */
    HASHING_STOPPED, /* by hashing_free, while it ran */
    HASHING_FAILED,  /* reading failed; errno's value is there */
} hashing_state;

/* Opens the file and queues a job: `length` bytes of it from `offset` on. NULL with errno set when
 * the file cannot be opened, or memory or threads ran out. Must be freed with hashing_free. */
hashing_job *hashing_start(const char *path, int64_t offset, int64_t length);

/* How it stands. Once it is no longer running, that does not change. */
hashing_state hashing_poll(const hashing_job *job);

/* The hash as lower-case hexadecimal digits; valid when done. */
void hashing_hex(const hashing_job *job, char out[DIGEST_HEX_SIZE]);

/* The errno of a job that failed. */
int hashing_error(const hashing_job *job);

/* Stops a job that still runs, waits until the thread has let go of it (two pieces of 128 KiB at
 * most), and releases it. */
void hashing_free(hashing_job *job);

#endif
