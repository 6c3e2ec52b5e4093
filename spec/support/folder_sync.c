/* Preloaded, it writes to the file that FOLDER_SYNC_LOG names each folder that is made, and each
 * folder or file that is synced. A disk is synced no sooner than the file exists that
 * SLOW_SYNC_GATE names. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char log_path[PATH_MAX]; /* nginx hides its environment from its workers */
static char gate_path[PATH_MAX];

__attribute__((constructor)) static void remember(void) {
    const char *log = getenv("FOLDER_SYNC_LOG");
    const char *gate = getenv("SLOW_SYNC_GATE");
    snprintf(log_path, sizeof log_path, "%s", log ? log : "/dev/null");
    snprintf(gate_path, sizeof gate_path, "%s", gate ? gate : "/dev/null");
}

static void note(const char *what, const char *path) {
    char line[PATH_MAX + 16];
    int length = snprintf(line, sizeof line, "%s %s\n", what, path);
    int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    if (write(fd, line, (size_t)length) < 0) abort();
    close(fd);
}

int mkdir(const char *path, mode_t mode) {
    int (*next)(const char *, mode_t);
    *(void **)&next = dlsym(RTLD_NEXT, "mkdir");
    int outcome = next(path, mode);
    if (outcome == 0) note("made", path);
    return outcome;
}

int fsync(int fd) {
    int (*next)(int);
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    int outcome = next(fd);
    if (outcome == 0) note("synced", path);
    return outcome;
}

int syncfs(int fd) {
    int (*next)(int);
    *(void **)&next = dlsym(RTLD_NEXT, "syncfs");
    note("waits", gate_path);
    while (access(gate_path, F_OK) != 0) usleep(10000);
    return next(fd);
}
