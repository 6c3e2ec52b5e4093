#define _POSIX_C_SOURCE 200809L
#include "hashing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 128 * 1024, STACK = 128 * 1024 };

struct hashing_job {
    pthread_t thread;
    int fd;
    int64_t offset;
    int64_t left;
    digest digest;
    unsigned char hash[DIGEST_SIZE];
    int error;
    atomic_bool stop;
    atomic_int state; /* written last by the thread: what stands above is then readable */
    char piece[PIECE];
};

static hashing_state hash_slice(hashing_job *job) {
    while (job->left > 0) {
        if (atomic_load_explicit(&job->stop, memory_order_relaxed)) return HASHING_SHORT;
        size_t want = job->left < PIECE ? (size_t)job->left : PIECE;
        ssize_t got = pread(job->fd, job->piece, want, (off_t)job->offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            job->error = errno;
            return HASHING_FAILED;
        }
        if (got == 0) return HASHING_SHORT;
        digest_update(&job->digest, slice_of(job->piece, (size_t)got));
        job->offset += got;
        job->left -= got;
    }
    digest_out(&job->digest, job->hash);
    return HASHING_DONE;
}

static void *run(void *user) {
    hashing_job *job = user;
    hashing_state end = hash_slice(job);
    atomic_store_explicit(&job->state, (int)end, memory_order_release);
    return NULL;
}

/* Signals are for the thread that runs Lua: it wakes up by them. */
static int start_thread(hashing_job *job) {
    pthread_attr_t attributes;
    sigset_t all, before;
    int failure = pthread_attr_init(&attributes);
    if (failure) return failure;
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&job->thread, &attributes, run, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failure;
}

static hashing_job *give_up(hashing_job *job, int error) {
    if (job && job->fd >= 0) close(job->fd);
    free(job);
    errno = error;
    return NULL;
}

hashing_job *hashing_start(const char *path, int64_t offset, int64_t length) {
    hashing_job *job = malloc(sizeof *job);
    if (!job) return give_up(job, ENOMEM);
    job->offset = offset;
    job->left = length;
    job->error = 0;
    atomic_init(&job->stop, false);
    atomic_init(&job->state, (int)HASHING_RUNNING);
    digest_init(&job->digest);
    job->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (job->fd < 0) return give_up(job, errno);
    int failure = start_thread(job);
    return failure ? give_up(job, failure) : job;
}

hashing_state hashing_poll(const hashing_job *job) {
    return (hashing_state)atomic_load_explicit(&job->state, memory_order_acquire);
}

void hashing_hex(const hashing_job *job, char out[DIGEST_HEX_SIZE]) {
    digest_hex(job->hash, out);
}

int hashing_error(const hashing_job *job) {
    return job->error;
}

void hashing_free(hashing_job *job) {
    if (!job) return;
    atomic_store_explicit(&job->stop, true, memory_order_relaxed);
    pthread_join(job->thread, NULL);
    close(job->fd);
    free(job);
}
