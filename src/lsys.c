/* lsys: the binding of finspace.sys. What Lua's standard library lacks, and nothing more: clocks,
 * files that hold secrets, and processes without a shell.
 *
 * What the world refuses is `nil, message, code`, where code is the symbol of errno ("ENOENT");
 * what the caller wrote wrongly raises. Each function reads its arguments, runs plain C, and pushes
 * its results; descriptors live in C only between those two moments.
 */
#define _GNU_SOURCE /* pipe2, posix_spawn_file_actions_addclosefrom_np, O_NOFOLLOW */
#include "buf.h"
#include "lcompat.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

FINSPACE_EXPORT int luaopen_finspace_sys(lua_State *L);

extern char **environ;

#define BUF_CLASS "finspace.sys.buf"
#define LOCK_CLASS "finspace.sys.lock"
#define FOLDER_CLASS "finspace.sys.folder"
#define NANOSECONDS 1000000000LL

/* --- results -----------------------------------------------------------------------------------
 */

/* The errors that callers tell apart; the others are "EOTHER". */
static const char *errno_symbol(int error) {
    switch (error) {
    case ENOENT: return "ENOENT";
    case EACCES: return "EACCES";
    case EPERM: return "EPERM";
    case EEXIST: return "EEXIST";
    case EISDIR: return "EISDIR";
    case ENOTDIR: return "ENOTDIR";
    case ENOTEMPTY: return "ENOTEMPTY";
    case ELOOP: return "ELOOP";
    case ENOSPC: return "ENOSPC";
    case EROFS: return "EROFS";
    case EMFILE: return "EMFILE";
    case ENFILE: return "ENFILE";
    case EFBIG: return "EFBIG";
    case EINVAL: return "EINVAL";
    case EAGAIN: return "EAGAIN";
    case ESRCH: return "ESRCH";
    case ECHILD: return "ECHILD";
    case ETIMEDOUT: return "ETIMEDOUT";
    default: return "EOTHER";
    }
}

/* Returns nil, "cannot VERB SUBJECT: reason", code. */
static int push_failure(lua_State *L, const char *verb, const char *subject, int error) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot %s %s: %s", verb, subject, strerror(error));
    lua_pushstring(L, errno_symbol(error));
    return 3;
}

static int push_outcome(lua_State *L, int result, const char *verb, const char *subject) {
    if (result < 0) return push_failure(L, verb, subject, errno);
    lua_pushboolean(L, 1);
    return 1;
}

/* A path: a string without NUL, since the system would silently stop at it. */
static const char *check_path(lua_State *L, int index) {
    size_t length;
    const char *path = luaL_checklstring(L, index, &length);
    luaL_argcheck(L, strlen(path) == length, index, "a path cannot hold a NUL byte");
    return path;
}

/* A count of bytes or the like, within [0, max]. */
static size_t check_size(lua_State *L, int index, double max) {
    lua_Number value = luaL_checknumber(L, index);
    luaL_argcheck(L, value >= 0 && value <= max, index, "out of range");
    return (size_t)value;
}

static int buf_collect(lua_State *L) {
    buf_free(luaL_checkudata(L, 1, BUF_CLASS));
    return 0;
}

/* Pushes a userdata that owns a growing buf and frees it when collected. */
static buf *push_buf(lua_State *L, size_t limit) {
    buf *b = lcompat_newuserdata(L, sizeof *b);
    buf_init(b, limit);
    luaL_getmetatable(L, BUF_CLASS);
    lua_setmetatable(L, -2);
    return b;
}

static void push_slice(lua_State *L, slice s) {
    lua_pushlstring(L, s.len ? s.ptr : "", s.len);
}

/* --- time and chance ---------------------------------------------------------------------------
 */

static struct timespec clock_read(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return now;
}

static int64_t monotonic_ns(void) {
    struct timespec now = clock_read(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}

/* The moment so many seconds from now; at most 30 years, so that it cannot overflow. */
static int64_t deadline_after(lua_Number seconds) {
    if (!(seconds > 0)) seconds = 0;
    return monotonic_ns() + (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9);
}

/* now() -> seconds since the epoch, with microseconds */
static int sys_now(lua_State *L) {
    struct timespec now = clock_read(CLOCK_REALTIME);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)(now.tv_nsec / 1000) / 1e6);
    return 1;
}

/* monotonic() -> seconds on a clock that is never set back */
static int sys_monotonic(lua_State *L) {
    lua_pushnumber(L, (lua_Number)monotonic_ns() / 1e9);
    return 1;
}

/* sleep(seconds): waits the whole time, whatever signals come. */
static int sys_sleep(lua_State *L) {
    int64_t until = deadline_after(luaL_checknumber(L, 1));
    struct timespec end = {(time_t)(until / NANOSECONDS), (long)(until % NANOSECONDS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
    return 0;
}

/* Fills memory from the kernel's generator. It fails only where the system has none. */
static bool random_fill(unsigned char *out, size_t count) {
    while (count > 0) {
        ssize_t got = getrandom(out, count, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        out += got;
        count -= (size_t)got;
    }
    return true;
}

/* random_bytes(count) -> string, at most 1 MiB */
static int sys_random_bytes(lua_State *L) {
    size_t count = check_size(L, 1, 1 << 20);
    void *bytes = lcompat_newuserdata(L, count ? count : 1);
    if (!random_fill(bytes, count)) return luaL_error(L, "the system has no random numbers");
    lua_pushlstring(L, bytes, count);
    buf_wipe(bytes, count);
    return 1;
}

/* uuid() -> a random identifier, RFC 9562 version 4 */
static int sys_uuid(lua_State *L) {
    unsigned char b[16];
    char storage[36];
    buf text;
    if (!random_fill(b, sizeof b)) return luaL_error(L, "the system has no random numbers");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    buf_init_fixed(&text, storage, sizeof storage);
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) buf_add_char(&text, '-');
        buf_add_hex(&text, b + i, 1);
    }
    push_slice(L, buf_slice(&text));
    return 1;
}

/* --- files -------------------------------------------------------------------------------------
 */

static const char *type_name(mode_t mode) {
    switch (mode & S_IFMT) {
    case S_IFREG: return "file";
    case S_IFDIR: return "directory";
    case S_IFLNK: return "link";
    case S_IFIFO: return "fifo";
    case S_IFSOCK: return "socket";
    case S_IFCHR:
    case S_IFBLK: return "device";
    default: return "other";
    }
}

static void set_number(lua_State *L, const char *name, lua_Number value) {
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

/* A whole number: an integer where Lua has one. */
static void set_integer(lua_State *L, const char *name, lua_Integer value) {
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static int push_stat(lua_State *L, const struct stat *st) {
    lua_createtable(L, 0, 8);
    lua_pushstring(L, type_name(st->st_mode));
    lua_setfield(L, -2, "type");
    set_integer(L, "size", (lua_Integer)st->st_size);
    set_number(L, "mtime", (lua_Number)st->st_mtim.tv_sec + (lua_Number)st->st_mtim.tv_nsec / 1e9);
    set_integer(L, "inode", (lua_Integer)st->st_ino);
    set_integer(L, "device", (lua_Integer)st->st_dev);
    set_integer(L, "mode", (lua_Integer)(st->st_mode & 07777));
    set_integer(L, "uid", (lua_Integer)st->st_uid);
    return 1;
}

/* stat(path) -> {type, size, mtime, inode, device, mode, uid} | nil, message, code; follows links
 */
static int sys_stat(lua_State *L) {
    const char *path = check_path(L, 1);
    struct stat st;
    if (stat(path, &st) < 0) return push_failure(L, "look at", path, errno);
    return push_stat(L, &st);
}

/* lstat(path): like stat, of the link itself */
static int sys_lstat(lua_State *L) {
    const char *path = check_path(L, 1);
    struct stat st;
    if (lstat(path, &st) < 0) return push_failure(L, "look at", path, errno);
    return push_stat(L, &st);
}

/* mkdir(path [, mode = 0700]) -> true | nil, message, code */
static int sys_mkdir(lua_State *L) {
    const char *path = check_path(L, 1);
    mode_t mode = (mode_t)luaL_optinteger(L, 2, 0700);
    return push_outcome(L, mkdir(path, mode), "create the folder", path);
}

/* mkdtemp(prefix) -> path of a new private folder whose name begins so | nil, message, code */
static int sys_mkdtemp(lua_State *L) {
    lua_pushfstring(L, "%sXXXXXX", check_path(L, 1));
    size_t length;
    const char *wanted = lua_tolstring(L, -1, &length);
    char *path = lcompat_newuserdata(L, length + 1);
    memcpy(path, wanted, length + 1);
    if (!mkdtemp(path)) return push_failure(L, "create the folder", wanted, errno);
    lua_pushstring(L, path);
    return 1;
}

static int folder_close(lua_State *L) {
    DIR **folder = luaL_checkudata(L, 1, FOLDER_CLASS);
    if (*folder) closedir(*folder);
    *folder = NULL;
    return 0;
}

/* Pushes a list of the names in a folder. */
static void push_names(lua_State *L, DIR *folder) {
    int count = 0;
    lua_newtable(L);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
}

/* list(path) -> names, unsorted, without "." and ".." | nil, message, code */
static int sys_list(lua_State *L) {
    const char *path = check_path(L, 1);
    DIR **folder = lcompat_newuserdata(L, sizeof *folder);
    *folder = NULL;
    luaL_getmetatable(L, FOLDER_CLASS);
    lua_setmetatable(L, -2);
    *folder = opendir(path);
    if (!*folder) return push_failure(L, "list", path, errno);
    push_names(L, *folder);
    closedir(*folder);
    *folder = NULL;
    return 1;
}

/* rename(from, to) -> true | nil, message, code */
static int sys_rename(lua_State *L) {
    const char *from = check_path(L, 1);
    return push_outcome(L, rename(from, check_path(L, 2)), "rename", from);
}

/* remove(path) -> true | nil, message, code; a file, a link or an empty folder */
static int sys_remove(lua_State *L) {
    const char *path = check_path(L, 1);
    return push_outcome(L, remove(path), "remove", path);
}

/* chmod(path, mode) -> true | nil, message, code */
static int sys_chmod(lua_State *L) {
    const char *path = check_path(L, 1);
    return push_outcome(L, chmod(path, (mode_t)luaL_checkinteger(L, 2)), "change the mode of",
                        path);
}

/* realpath(path) -> the absolute path without links | nil, message, code */
static int sys_realpath(lua_State *L) {
    const char *path = check_path(L, 1);
    char resolved[PATH_MAX];
    if (!realpath(path, resolved)) return push_failure(L, "resolve", path, errno);
    lua_pushstring(L, resolved);
    return 1;
}

static bool write_all(int fd, slice bytes) {
    while (bytes.len > 0) {
        ssize_t count = write(fd, bytes.ptr, bytes.len);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        bytes = slice_from(bytes, (size_t)count);
    }
    return true;
}

/* Writes, syncs and closes; false with errno set by the first that failed. */
static bool fill_file(int fd, slice content) {
    bool whole = write_all(fd, content) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) < 0 && whole) return false;
    errno = error;
    return whole;
}

/* Makes a rename last: without it the new name may be lost with the power. Best effort, since some
 * file systems cannot sync a folder. */
static void sync_folder_of(const char *path) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    if (length >= sizeof folder) return;
    memcpy(folder, path, length);
    folder[length] = '\0';
    int fd = open(length ? folder : (slash ? "/" : "."), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* Gives `path` this content in one step: a reader sees the old file or the new one, never a half.
 * A link at `path` is replaced and not followed. */
static bool replace_file(const char *path, const char *temporary, slice content) {
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    if (fill_file(fd, content) && rename(temporary, path) == 0) {
        sync_folder_of(path);
        return true;
    }
    int error = errno;
    unlink(temporary);
    errno = error;
    return false;
}

/* write_private(path, content) -> true | nil, message, code; the file is 0600 from its first byte
 */
static int sys_write_private(lua_State *L) {
    const char *path = check_path(L, 1);
    slice content;
    unsigned char chance[8];
    char digits[sizeof chance * 2 + 1];
    buf name;
    content.ptr = luaL_checklstring(L, 2, &content.len);
    if (!random_fill(chance, sizeof chance)) {
        return luaL_error(L, "the system has no random numbers");
    }
    buf_init_fixed(&name, digits, sizeof digits);
    buf_add_hex(&name, chance, sizeof chance);
    buf_add_char(&name, '\0');
    const char *temporary = lua_pushfstring(L, "%s.%s.tmp", path, digits);
    return push_outcome(L, replace_file(path, temporary, content) ? 0 : -1, "write", path);
}

/* Reads up to the end, or until the buf is full; false with errno set. */
static bool read_all(int fd, buf *out) {
    char chunk[8192];
    for (;;) {
        ssize_t count = read(fd, chunk, sizeof chunk);
        if (count < 0 && errno == EINTR) continue;
        if (count > 0) buf_add(out, slice_of(chunk, (size_t)count));
        buf_wipe(chunk, count > 0 ? (size_t)count : 0);
        if (count < 0) return false;
        if (count == 0 || !buf_ok(out)) return true;
    }
}

/* Opens only a regular file, and never waits as opening a FIFO would. */
static int open_regular(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) return fd;
    close(fd);
    errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
    return -1;
}

static int push_not_regular(lua_State *L, const char *path) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot read %s: it is not a regular file", path);
    lua_pushstring(L, "EINVAL");
    return 3;
}

/* read_limited(path, max_bytes) -> content | nil, message, code; EFBIG when it is larger */
static int sys_read_limited(lua_State *L) {
    const char *path = check_path(L, 1);
    size_t limit = check_size(L, 2, 1ULL << 40);
    buf *content = push_buf(L, limit);
    int fd = open_regular(path);
    if (fd < 0 && errno == EINVAL) return push_not_regular(L, path);
    if (fd < 0) return push_failure(L, "read", path, errno);
    bool whole = read_all(fd, content);
    int error = errno;
    close(fd);
    if (!whole) return push_failure(L, "read", path, error);
    if (content->status == BUF_FULL) return push_failure(L, "read", path, EFBIG);
    if (!buf_ok(content)) return luaL_error(L, "not enough memory");
    push_slice(L, buf_slice(content));
    buf_free(content);
    return 1;
}

/* --- locks -------------------------------------------------------------------------------------
 */

static int lock_close(lua_State *L) {
    int *fd = luaL_checkudata(L, 1, LOCK_CLASS);
    if (*fd >= 0) close(*fd);
    *fd = -1;
    return 0;
}

/* lock(path) -> lock | nil, message, code; EAGAIN when another process holds it.
 * The file is created and stays; the lock ends with lock:close(), with the process, or when it is
 * collected, so that a crash never leaves one behind. */
static int sys_lock(lua_State *L) {
    const char *path = check_path(L, 1);
    int *fd = lcompat_newuserdata(L, sizeof *fd);
    *fd = -1;
    luaL_getmetatable(L, LOCK_CLASS);
    lua_setmetatable(L, -2);
    *fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (*fd < 0 || flock(*fd, LOCK_EX | LOCK_NB) < 0) return push_failure(L, "lock", path, errno);
    return 1;
}

/* --- processes ---------------------------------------------------------------------------------
 */

/* What a child is given, read from a Lua table; the strings belong to that table. */
typedef struct command {
    char **argv;
    char **env;
} command;

static void check_word(lua_State *L, const char *what) {
    size_t length;
    const char *word = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
    if (!word || strlen(word) != length) {
        luaL_error(L, "'%s' must be a list of strings without NUL", what);
    }
}

/* Reads a list of strings into a NULL-terminated array that lives on the Lua stack. */
static char **push_words(lua_State *L, int list, const char *what) {
    size_t count = lua_rawlen(L, list);
    char **words = lcompat_newuserdata(L, (count + 1) * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (int)(i + 1));
        check_word(L, what);
        words[i] = (char *)lua_tostring(L, -1); /* posix_spawn's argv is not const, yet unchanged */
        lua_pop(L, 1);
    }
    words[count] = NULL;
    return words;
}

/* Turns the map at `map` into a list of "NAME=value", pushed. */
static void push_environment(lua_State *L, int map) {
    int count = 0;
    lua_newtable(L);
    lua_pushnil(L);
    while (lua_next(L, map)) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "'env' must map names to strings");
        }
        lua_pushfstring(L, "%s=%s", lua_tostring(L, -2), lua_tostring(L, -1));
        lua_rawseti(L, -4, ++count);
        lua_pop(L, 1);
    }
}

/* Reads argv and env of the table at index 1. Everything it pushes stays, as anchors. */
static command check_command(lua_State *L) {
    command c = {NULL, environ};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "argv");
    if (!lua_istable(L, -1) || lua_rawlen(L, -1) == 0) {
        luaL_error(L, "'argv' must be a list of strings that begins with the program");
    }
    c.argv = push_words(L, lua_gettop(L), "argv");
    lua_getfield(L, 1, "env");
    if (lua_isnil(L, -1)) return c;
    if (!lua_istable(L, -1)) luaL_error(L, "'env' must map names to strings");
    push_environment(L, lua_gettop(L));
    c.env = push_words(L, lua_gettop(L), "env");
    return c;
}

static lua_Number number_field(lua_State *L, const char *name, lua_Number fallback) {
    lua_getfield(L, 1, name);
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TNUMBER) luaL_error(L, "'%s' must be a number", name);
        fallback = lua_tonumber(L, -1);
    }
    lua_pop(L, 1);
    return fallback;
}

/* The string in a field, or NULL. It stays on the stack as its anchor. */
static const char *text_field(lua_State *L, const char *name, size_t *length) {
    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1)) return NULL;
    if (lua_type(L, -1) != LUA_TSTRING) luaL_error(L, "'%s' must be a string", name);
    return lua_tolstring(L, -1, length);
}

/* These three descriptors become the child's 0, 1 and 2, and all others are closed. */
static int add_streams(posix_spawn_file_actions_t *actions, const int streams[3]) {
    int error = 0;
    for (int i = 0; i < 3 && !error; i++) {
        error = posix_spawn_file_actions_adddup2(actions, streams[i], i);
    }
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
    return error;
}

/* Default signals, none of them blocked, and a process group of its own, so that the child can be
 * ended with all it started. */
static int set_attributes(posix_spawnattr_t *attributes) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) error = posix_spawnattr_setsigmask(attributes, &none);
    if (error) return error;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                    POSIX_SPAWN_SETPGROUP);
}

/* Starts a program. Returns 0, or an errno. */
static int start_process(const command *c, const int streams[3], pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = add_streams(&actions, streams);
        if (!error) error = set_attributes(&attributes);
        if (!error) error = posix_spawnp(pid, c->argv[0], &actions, &attributes, c->argv, c->env);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static void close_pair(int pair[2]) {
    if (pair[0] >= 0) close(pair[0]);
    if (pair[1] >= 0) close(pair[1]);
    pair[0] = pair[1] = -1;
}

/* The child's end of a pipe must not be one of 0, 1, 2: dup2 over itself would leave it closed on
 * exec. That happens when the host itself runs with these closed. */
static int open_pipe(int pair[2]) {
    if (pipe2(pair, O_CLOEXEC) < 0) return errno;
    for (int i = 0; i < 2; i++) {
        if (pair[i] > 2) continue;
        int moved = fcntl(pair[i], F_DUPFD_CLOEXEC, 3);
        int error = errno;
        close(pair[i]);
        pair[i] = moved;
        if (moved < 0) return error;
    }
    return 0;
}

/* A child that runs, and our ends of its three streams; -1 where closed. */
typedef struct child {
    pid_t pid;
    int in, out, err;
} child;

static int start_piped(const command *c, child *started) {
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1};
    int error = open_pipe(in);
    if (!error) error = open_pipe(out);
    if (!error) error = open_pipe(err);
    if (!error) error = start_process(c, (int[3]){in[0], out[1], err[1]}, &started->pid);
    if (error) {
        close_pair(in);
        close_pair(out);
        close_pair(err);
        return error;
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    fcntl(in[1], F_SETFL, O_NONBLOCK);
    started->in = in[1];
    started->out = out[0];
    started->err = err[0];
    return 0;
}

static void close_stream(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* A write to a pipe whose reader has gone must not end the host: SIGPIPE is held back for this
 * thread, and taken away again when the write raised it. */
static ssize_t write_without_sigpipe(int fd, slice bytes) {
    sigset_t pipe_only, before, pending;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    ssize_t count = write(fd, bytes.ptr, bytes.len);
    int error = errno;
    if (count < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
        while (sigtimedwait(&pipe_only, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return count;
}

static void feed_child(int *fd, slice *rest) {
    ssize_t count = rest->len ? write_without_sigpipe(*fd, *rest) : 0;
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count > 0) *rest = slice_from(*rest, (size_t)count);
    if (count < 0 || rest->len == 0) close_stream(fd);
}

static void drain_child(int *fd, buf *out) {
    char chunk[8192];
    ssize_t count = read(*fd, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) return;
    if (count > 0) buf_add(out, slice_of(chunk, (size_t)count));
    buf_wipe(chunk, count > 0 ? (size_t)count : 0);
    if (count <= 0) close_stream(fd);
}

static int milliseconds_until(int64_t deadline) {
    int64_t left = (deadline - monotonic_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Moves bytes until both outputs end. False when the time is up or an output is too long. */
static bool converse(child *c, slice input, buf *out, buf *err, int64_t deadline) {
    while (c->out >= 0 || c->err >= 0) {
        struct pollfd polled[3] = {{c->in, POLLOUT, 0}, {c->out, POLLIN, 0}, {c->err, POLLIN, 0}};
        int ready = poll(polled, 3, milliseconds_until(deadline));
        if (ready < 0 && errno != EINTR) return false;
        if (ready > 0) {
            if (polled[0].revents) feed_child(&c->in, &input);
            if (polled[1].revents) drain_child(&c->out, out);
            if (polled[2].revents) drain_child(&c->err, err);
        }
        if (!buf_ok(out) || !buf_ok(err)) return false;
        if (monotonic_ns() >= deadline) return false;
    }
    close_stream(&c->in);
    return true;
}

/* Waits for the end of a child until the deadline. 1 ended, 0 still runs, -1 with errno. */
static int await_child(pid_t pid, int *status, int64_t deadline) {
    long pause = 200000; /* nanoseconds; grows to 10 ms */
    for (;;) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended == pid) return 1;
        if (ended < 0 && errno != EINTR) return -1;
        if (monotonic_ns() >= deadline) return 0;
        nanosleep(&(struct timespec){0, pause}, NULL);
        if (pause < 10000000) pause *= 2;
    }
}

/* Ends a child with all of its group, and leaves no zombie. */
static void end_child(pid_t pid) {
    int status;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

static void set_exit(lua_State *L, int status) {
    if (WIFEXITED(status)) set_integer(L, "status", WEXITSTATUS(status));
    if (WIFSIGNALED(status)) set_integer(L, "signal", WTERMSIG(status));
}

static int push_spawned(lua_State *L, int status, buf *out, buf *err) {
    lua_createtable(L, 0, 4);
    set_exit(L, status);
    push_slice(L, buf_slice(out));
    lua_setfield(L, -2, "stdout");
    push_slice(L, buf_slice(err));
    lua_setfield(L, -2, "stderr");
    buf_free(out);
    buf_free(err);
    return 1;
}

static int push_unfinished(lua_State *L, const char *program, const buf *out, const buf *err) {
    bool full = !buf_ok(out) || !buf_ok(err);
    lua_pushnil(L);
    lua_pushfstring(
        L, full ? "%s wrote more than it may, and was ended" : "%s took too long, and was ended",
        program);
    lua_pushstring(L, full ? "EFBIG" : "ETIMEDOUT");
    return 3;
}

/* spawn{argv=, env=, stdin=, timeout=60, max_output=1 MiB}
 * -> {status=, signal=, stdout=, stderr=} | nil, message, code
 * Runs a program, without a shell, to its end. */
static int sys_spawn(lua_State *L) {
    command c = check_command(L);
    lua_Number limit = number_field(L, "max_output", 1 << 20);
    if (!(limit >= 0 && limit <= 1 << 30)) luaL_error(L, "'max_output' is out of range");
    int64_t deadline = deadline_after(number_field(L, "timeout", 60));
    slice input = {NULL, 0};
    input.ptr = text_field(L, "stdin", &input.len);
    buf *out = push_buf(L, (size_t)limit);
    buf *err = push_buf(L, (size_t)limit);
    child started;
    int status = 0;
    int error = start_piped(&c, &started);
    if (error) return push_failure(L, "run", c.argv[0], error);
    bool finished = converse(&started, input, out, err, deadline);
    close_stream(&started.in);
    close_stream(&started.out);
    close_stream(&started.err);
    int ended = finished ? await_child(started.pid, &status, deadline) : 0;
    if (ended < 0) return push_failure(L, "learn how it ended:", c.argv[0], errno);
    if (ended > 0) return push_spawned(L, status, out, err);
    end_child(started.pid);
    return push_unfinished(L, c.argv[0], out, err);
}

/* Opens a file for a child's output, or /dev/null without a path. */
static int open_output(const char *path) {
    if (!path) return open("/dev/null", O_WRONLY | O_CLOEXEC);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* start{argv=, env=, stdout=path, stderr=path} -> pid | nil, message, code
 * Starts a program in the background; its outputs are appended to files, or dropped. */
static int sys_start(lua_State *L) {
    command c = check_command(L);
    size_t length;
    const char *out_path = text_field(L, "stdout", &length);
    const char *err_path = text_field(L, "stderr", &length);
    int streams[3] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open_output(out_path),
                      open_output(err_path)};
    int error = errno;
    pid_t pid = -1;
    if (streams[0] >= 0 && streams[1] >= 0 && streams[2] >= 0) {
        error = start_process(&c, streams, &pid);
    }
    for (int i = 0; i < 3; i++) close_stream(&streams[i]);
    if (pid < 0) return push_failure(L, "run", c.argv[0], error);
    lua_pushinteger(L, pid);
    return 1;
}

/* wait(pid [, seconds = for ever]) -> {status=, signal=} | nil, message, code
 * The end of a program that start began; ETIMEDOUT while it still runs. */
static int sys_wait(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    int64_t deadline = deadline_after(luaL_optnumber(L, 2, 1e9));
    int status = 0;
    int ended = await_child(pid, &status, deadline);
    const char *subject = lua_pushfstring(L, "process %d", (int)pid);
    if (ended < 0) return push_failure(L, "wait for", subject, errno);
    if (ended == 0) return push_failure(L, "wait for", subject, ETIMEDOUT);
    lua_createtable(L, 0, 1);
    set_exit(L, status);
    return 1;
}

/* kill(pid [, signal = 15]) -> true | nil, message, code; a negative pid is a process group */
static int sys_kill(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    luaL_argcheck(L, pid != 0 && pid != -1, 1, "names no single process");
    int result = kill(pid, (int)luaL_optinteger(L, 2, SIGTERM));
    return push_outcome(L, result, "signal", lua_pushfstring(L, "process %d", (int)pid));
}

/* exec(argv) -> nil, message, code; does not return when it succeeds */
static int sys_exec(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, lua_rawlen(L, 1) > 0, 1, "must begin with the program");
    char **argv = push_words(L, 1, "argv");
    fflush(NULL);
    execvp(argv[0], argv);
    return push_failure(L, "run", argv[0], errno);
}

static int sys_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

/* --- interrupts --------------------------------------------------------------------------------
 */

static volatile sig_atomic_t caught_signal;

static void catch_signal(int number) {
    caught_signal = number;
}

/* catch_interrupts(): from now on SIGINT and SIGTERM only set what interrupted() tells, so that a
 * program can stop in order. A second one ends it at once. */
static int sys_catch_interrupts(lua_State *L) {
    struct sigaction action = {.sa_handler = catch_signal, .sa_flags = (int)SA_RESETHAND};
    (void)L;
    caught_signal = 0;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

/* interrupted() -> the number of the signal that came, or nil */
static int sys_interrupted(lua_State *L) {
    if (!caught_signal) return 0;
    lua_pushinteger(L, caught_signal);
    return 1;
}

/* --- the terminal, and this process ------------------------------------------------------------
 */

/* isatty([fd = 1]) -> boolean */
static int sys_isatty(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_optinteger(L, 1, STDOUT_FILENO)));
    return 1;
}

/* terminal_width([fd = 1]) -> columns | nil where there is no terminal */
static int sys_terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl((int)luaL_optinteger(L, 1, STDOUT_FILENO), TIOCGWINSZ, &size) < 0) return 0;
    if (size.ws_col == 0) return 0;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

/* no_core_dumps(): keeps this process's memory, and the secrets in it, out of core files. */
static int sys_no_core_dumps(lua_State *L) {
    (void)L;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}

int luaopen_finspace_sys(lua_State *L) {
    static const luaL_Reg no_methods[] = {{NULL, NULL}};
    static const luaL_Reg lock_methods[] = {{"close", lock_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"now", sys_now},
                                         {"monotonic", sys_monotonic},
                                         {"sleep", sys_sleep},
                                         {"random_bytes", sys_random_bytes},
                                         {"uuid", sys_uuid},
                                         {"stat", sys_stat},
                                         {"lstat", sys_lstat},
                                         {"mkdir", sys_mkdir},
                                         {"mkdtemp", sys_mkdtemp},
                                         {"list", sys_list},
                                         {"rename", sys_rename},
                                         {"remove", sys_remove},
                                         {"chmod", sys_chmod},
                                         {"realpath", sys_realpath},
                                         {"write_private", sys_write_private},
                                         {"read_limited", sys_read_limited},
                                         {"lock", sys_lock},
                                         {"spawn", sys_spawn},
                                         {"start", sys_start},
                                         {"wait", sys_wait},
                                         {"kill", sys_kill},
                                         {"exec", sys_exec},
                                         {"pid", sys_pid},
                                         {"catch_interrupts", sys_catch_interrupts},
                                         {"interrupted", sys_interrupted},
                                         {"isatty", sys_isatty},
                                         {"terminal_width", sys_terminal_width},
                                         {"no_core_dumps", sys_no_core_dumps},
                                         {NULL, NULL}};
    lcompat_newclass(L, BUF_CLASS, no_methods, buf_collect);
    lcompat_newclass(L, LOCK_CLASS, lock_methods, lock_close);
    lcompat_newclass(L, FOLDER_CLASS, no_methods, folder_close);
    lua_pop(L, 3);
    luaL_newlib(L, functions);
    return 1;
}
