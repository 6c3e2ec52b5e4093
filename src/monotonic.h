/* monotonic: the clock that is never set back. */
#ifndef FINSPACE_MONOTONIC_H
#define FINSPACE_MONOTONIC_H

#include <stdint.h>
#include <time.h>

#define NANOSECONDS 1000000000LL /* a second */

static inline int64_t monotonic_ns(void) {
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

#endif
