#define _POSIX_C_SOURCE 200809L
#include "hashing.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { PIECE = 128 * 1024, STACK = 128 * 1024, LANES = 2 };

struct hashing_job {
    hashing_job *next; /* in the queue */
    int fd;
    int64_t offset;
    int64_t left;
    digest digest;
    unsigned char hash[DIGEST_SIZE];
    int error;
    atomic_bool stop;
    atomic_int state; /* written last by the worker: what stands above is then readable */
};

/* What the threads share, all of it under the lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t ended; /* some job has */
    hashing_job *first, *last;
    size_t jobs;   /* started and not freed */
    bool working;  /* the worker will look at the queue once more before it ends */
    bool joinable; /* there is a worker, perhaps one that has ended, whom nobody waits for */
    pthread_t worker;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

/* --- the worker ------------------------------------------------------------------------------- */

/* Of the worker alone; there is one at a time. */
static char pieces[LANES][PIECE];

/* Reads the next piece of a job: its length, less than PIECE only at the end of the slice, of the
 * file, or of what can be read. */
static size_t read_piece(hashing_job *job, char *piece) {
    size_t want = job->left < PIECE ? (size_t)job->left : PIECE, have = 0;
    while (have < want) {
        ssize_t got = pread(job->fd, piece + have, want - have, (off_t)job->offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) job->error = errno;
        if (got <= 0) break;
        job->offset += got;
        job->left -= got;
        have += (size_t)got;
    }
    return have;
}

static void end_job(hashing_job **lane, hashing_state state) {
    hashing_job *job = *lane;
    if (state == HASHING_DONE) digest_out(&job->digest, job->hash);
    pthread_mutex_lock(&pool.lock);
    atomic_store_explicit(&job->state, (int)state, memory_order_release);
    pthread_cond_broadcast(&pool.ended);
    pthread_mutex_unlock(&pool.lock);
    *lane = NULL;
}

static void settle(hashing_job **lane, bool whole_piece) {
    hashing_job *job = *lane;
    if (job->left == 0) {
        end_job(lane, HASHING_DONE);
    } else if (job->error) {
        end_job(lane, HASHING_FAILED);
    } else if (!whole_piece) {
        end_job(lane, HASHING_SHORT);
    } else if (atomic_load_explicit(&job->stop, memory_order_relaxed)) {
        end_job(lane, HASHING_STOPPED);
    }
}

/* Moves each job on by one piece. */
static void advance(hashing_job *lanes[LANES]) {
    size_t lengths[LANES] = {0};
    for (int i = 0; i < LANES; i++) {
        if (lanes[i]) lengths[i] = read_piece(lanes[i], pieces[i]);
    }
    if (lanes[0] && lanes[1] && lengths[0] == lengths[1]) {
        digest_update_two(&lanes[0]->digest, pieces[0], &lanes[1]->digest, pieces[1], lengths[0]);
    } else {
        for (int i = 0; i < LANES; i++) {
            if (lanes[i]) digest_update(&lanes[i]->digest, slice_of(pieces[i], lengths[i]));
        }
    }
    for (int i = 0; i < LANES; i++) {
        if (lanes[i]) settle(&lanes[i], lengths[i] == PIECE);
    }
}

static hashing_job *take_first(void) {
    hashing_job *job = pool.first;
    if (job) pool.first = job->next;
    if (!pool.first) pool.last = NULL;
    return job;
}

/* Gives empty lanes the next jobs. False when there is nothing left to do: the worker ends then. */
static bool fill(hashing_job *lanes[LANES]) {
    if (lanes[0] && lanes[1]) return true;
    pthread_mutex_lock(&pool.lock);
    for (int i = 0; i < LANES; i++) {
        if (!lanes[i]) lanes[i] = take_first();
    }
    bool busy = lanes[0] || lanes[1];
    if (!busy) pool.working = false;
    pthread_mutex_unlock(&pool.lock);
    return busy;
}

static void *work(void *unused) {
    hashing_job *lanes[LANES] = {NULL, NULL};
    (void)unused;
    while (fill(lanes)) advance(lanes);
    return NULL;
}

/* --- starting and ending it; with the lock held ----------------------------------------------- */

/* Signals are for the thread that runs Lua: it wakes up by them. */
static int create_worker(void) {
    pthread_attr_t attributes;
    sigset_t all, before;
    int failure = pthread_attr_init(&attributes);
    if (failure) return failure;
    pthread_attr_setstacksize(&attributes, STACK);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failure = pthread_create(&pool.worker, &attributes, work, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failure;
}

static int ensure_worker(void) {
    if (pool.working) return 0;
    if (pool.joinable) pthread_join(pool.worker, NULL); /* it has done its last look */
    int failure = create_worker();
    pool.joinable = pool.working = failure == 0;
    return failure;
}

static void append(hashing_job *job) {
    if (pool.last) {
        pool.last->next = job;
    } else {
        pool.first = job;
    }
    pool.last = job;
    pool.jobs++;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static hashing_job *give_up(hashing_job *job, int error) {
    if (job && job->fd >= 0) close(job->fd);
    free(job);
    errno = error;
    return NULL;
}

static int queue(hashing_job *job) {
    pthread_mutex_lock(&pool.lock);
    int failure = ensure_worker();
    if (!failure) append(job);
    pthread_mutex_unlock(&pool.lock);
    return failure;
}

hashing_job *hashing_start(const char *path, int64_t offset, int64_t length) {
    hashing_job *job = calloc(1, sizeof *job);
    if (!job) return give_up(job, ENOMEM);
    job->offset = offset;
    job->left = length;
    atomic_init(&job->stop, false);
    atomic_init(&job->state, (int)HASHING_RUNNING);
    digest_init(&job->digest);
    job->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (job->fd < 0) return give_up(job, errno);
    int failure = queue(job);
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

/* Waits until the worker has let go of the job. True when it was the last one: the caller then
 * waits for the worker's end, so that no code of ours runs any more. */
static bool release(hashing_job *job, pthread_t *worker) {
    pthread_mutex_lock(&pool.lock);
    atomic_store_explicit(&job->stop, true, memory_order_relaxed);
    while (hashing_poll(job) == HASHING_RUNNING) pthread_cond_wait(&pool.ended, &pool.lock);
    pool.jobs--;
    bool last = pool.jobs == 0 && pool.joinable;
    if (last) pool.joinable = false;
    *worker = pool.worker;
    pthread_mutex_unlock(&pool.lock);
    return last;
}

void hashing_free(hashing_job *job) {
    pthread_t worker;
    if (!job) return;
    if (release(job, &worker)) pthread_join(worker, NULL);
    close(job->fd);
    free(job);
}
