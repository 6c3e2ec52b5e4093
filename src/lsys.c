#define _GNU_SOURCE /* getrandom, prctl */
#include "lsys.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* --- results ---------------------------------------------------------------------------------- */

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
    case EADDRINUSE: return "EADDRINUSE";
    case EADDRNOTAVAIL: return "EADDRNOTAVAIL";
    default: return "EOTHER";
    }
}

int lsys_push_failure(lua_State *L, const char *verb, const char *subject, int error) {
    lua_pushnil(L);
    lua_pushfstring(L, "cannot %s %s: %s", verb, subject, strerror(error));
    lua_pushstring(L, errno_symbol(error));
    return 3;
}

int lsys_push_outcome(lua_State *L, int result, const char *verb, const char *subject) {
    if (result < 0) return lsys_push_failure(L, verb, subject, errno);
    lua_pushboolean(L, 1);
    return 1;
}

size_t lsys_check_size(lua_State *L, int index, double max) {
    lua_Number value = luaL_checknumber(L, index);
    luaL_argcheck(L, value >= 0 && value <= max, index, "out of range");
    return value < (double)SIZE_MAX ? (size_t)value : SIZE_MAX;
}

/* --- time and chance -------------------------------------------------------------------------- */

static struct timespec clock_read(clockid_t clock) {
    struct timespec now = {0, 0};
    clock_gettime(clock, &now);
    return now;
}

int64_t lsys_deadline_after(lua_Number seconds) {
    if (!(seconds > 0)) seconds = 0;
    return monotonic_ns() + (int64_t)((seconds < 1e9 ? seconds : 1e9) * 1e9);
}

/* now() -> seconds since the epoch, with microseconds */
static int l_now(lua_State *L) {
    struct timespec now = clock_read(CLOCK_REALTIME);
    lua_pushnumber(L, (lua_Number)now.tv_sec + (lua_Number)(now.tv_nsec / 1000) / 1e6);
    return 1;
}

/* monotonic() -> seconds on a clock that is never set back */
static int l_monotonic(lua_State *L) {
    lua_pushnumber(L, (lua_Number)monotonic_ns() / 1e9);
    return 1;
}

/* sleep(seconds): waits the whole time, whatever signals come. */
static int l_sleep(lua_State *L) {
    int64_t until = lsys_deadline_after(luaL_checknumber(L, 1));
    struct timespec end = {(time_t)(until / NANOSECONDS), (long)(until % NANOSECONDS)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR) {
    }
    return 0;
}

bool lsys_random_fill(unsigned char *out, size_t count) {
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
static int l_random_bytes(lua_State *L) {
    size_t count = lsys_check_size(L, 1, 1 << 20);
    void *bytes = lcompat_newuserdata(L, count ? count : 1);
    if (!lsys_random_fill(bytes, count)) return luaL_error(L, "the system has no random numbers");
    lua_pushlstring(L, bytes, count);
    buf_wipe(bytes, count);
    return 1;
}

/* uuid() -> a random identifier, RFC 9562 version 4 */
static int l_uuid(lua_State *L) {
    static const unsigned char groups[] = {4, 2, 2, 2, 6}; /* bytes between the dashes */
    unsigned char b[16];
    char storage[36];
    buf text;
    if (!lsys_random_fill(b, sizeof b)) return luaL_error(L, "the system has no random numbers");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    buf_init_fixed(&text, storage, sizeof storage);
    for (size_t i = 0, at = 0; i < sizeof groups; at += groups[i++]) {
        if (at) buf_add_char(&text, '-');
        buf_add_hex(&text, b + at, groups[i]);
    }
    lbind_push_slice(L, buf_slice(&text));
    return 1;
}

/* load_lazily(path) -> whether the library could be loaded. It stays loaded. */
static int l_load_lazily(lua_State *L) {
    lua_pushboolean(L, dlopen(lbind_check_path(L, 1), RTLD_LAZY | RTLD_NODELETE) != NULL);
    return 1;
}

/* --- coroutines ------------------------------------------------------------------------------- */

/* can_yield() -> whether the caller's coroutine can be suspended here | nil where Lua does not
 * tell. LuaJIT tells, but nginx hides its coroutine.isyieldable. */
static int l_can_yield(lua_State *L) {
#if LUA_VERSION_NUM < 503
    if (!lua_isyieldable) return 0;
#endif
    lua_pushboolean(L, lua_isyieldable(L));
    return 1;
}

/* --- the terminal, and this process ----------------------------------------------------------- */

/* isatty([fd = 1]) -> boolean */
static int l_isatty(lua_State *L) {
    lua_pushboolean(L, isatty((int)luaL_optinteger(L, 1, STDOUT_FILENO)));
    return 1;
}

/* terminal_width([fd = 1]) -> columns | nil where there is no terminal */
static int l_terminal_width(lua_State *L) {
    struct winsize size;
    if (ioctl((int)luaL_optinteger(L, 1, STDOUT_FILENO), TIOCGWINSZ, &size) < 0) return 0;
    if (size.ws_col == 0) return 0;
    lua_pushinteger(L, size.ws_col);
    return 1;
}

/* no_core_dumps(): keeps this process's memory, and the secrets in it, out of core files. */
static int l_no_core_dumps(lua_State *L) {
    (void)L;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    return 0;
}

int luaopen_finspace_sys(lua_State *L) {
    static const luaL_Reg functions[] = {{"now", l_now},
                                         {"monotonic", l_monotonic},
                                         {"sleep", l_sleep},
                                         {"random_bytes", l_random_bytes},
                                         {"uuid", l_uuid},
                                         {"load_lazily", l_load_lazily},
                                         {"can_yield", l_can_yield},
                                         {"isatty", l_isatty},
                                         {"terminal_width", l_terminal_width},
                                         {"no_core_dumps", l_no_core_dumps},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    lsys_open_files(L);
    lsys_open_child(L);
    lsys_open_process(L);
    lsys_open_signals(L);
    lsys_open_net(L);
    return 1;
}
