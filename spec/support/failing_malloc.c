/* For LD_PRELOAD: the allocations that one shared object makes fail at one point.
 *
 *   FAIL_OBJECT=finspace/core.so FAIL_AT=3     its third malloc, calloc or realloc gives NULL
 *   FAIL_COUNT=1                               at exit, print how many it made
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static long made;
static int looking; /* dladdr may allocate */

static int must_fail(void *caller) {
    const char *object = getenv("FAIL_OBJECT"), *at = getenv("FAIL_AT");
    Dl_info info;
    if (looking || !object) return 0;
    looking = 1;
    int ours = dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, object);
    looking = 0;
    return ours && ++made == (at ? atol(at) : 0);
}

void *malloc(size_t size) {
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size) {
    return must_fail(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

__attribute__((destructor)) static void report(void) {
    if (getenv("FAIL_COUNT")) fprintf(stderr, "made %ld\n", made);
}
