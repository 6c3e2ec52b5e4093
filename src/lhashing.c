/* lhashing: the binding of finspace.hashing. A userdata owns a job; closing it, or collecting it,
 * ends its thread. */
#include "hashing.h"
#include "lcompat.h"

#include <errno.h>

FINSPACE_EXPORT int luaopen_finspace_hashing(lua_State *L);

#define JOB_CLASS "finspace.hashing.job"

static hashing_job **check_handle(lua_State *L) {
    return luaL_checkudata(L, 1, JOB_CLASS);
}

static int job_close(lua_State *L) {
    hashing_job **handle = check_handle(L);
    hashing_job *job = *handle;
    *handle = NULL;
    hashing_free(job);
    return 0;
}

/* A whole number from 0 to 2^53. */
static int64_t check_count(lua_State *L, int index) {
    lua_Number value = luaL_checknumber(L, index);
    luaL_argcheck(L, value >= 0 && value <= LCOMPAT_MAX_EXACT_DOUBLE, index, "out of range");
    return (int64_t)value;
}

static int push_failure(lua_State *L, const char *message, const char *code) {
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    return 3;
}

/* start(path, offset, length) -> job | nil, message, code */
static int hashing_start_job(lua_State *L) {
    const char *path = luaL_checkstring(L, 1);
    int64_t offset = check_count(L, 2);
    int64_t length = check_count(L, 3);
    hashing_job **handle = lcompat_newuserdata(L, sizeof *handle);
    *handle = NULL;
    luaL_getmetatable(L, JOB_CLASS);
    lua_setmetatable(L, -2);
    *handle = hashing_start(path, offset, length);
    if (*handle) return 1;
    int error = errno;
    return push_failure(L, lua_pushfstring(L, "cannot read %s: %s", path, strerror(error)),
                        "Unreadable");
}

/* job:poll() -> 64 hexadecimal digits | nothing while it runs | nil, message, code ("Unreadable",
 * or "Truncated" where the file ended within the slice) */
static int job_poll(lua_State *L) {
    hashing_job **handle = check_handle(L);
    luaL_argcheck(L, *handle, 1, "the job is closed");
    char hex[DIGEST_HEX_SIZE];
    switch (hashing_poll(*handle)) {
    case HASHING_RUNNING: return 0;
    case HASHING_SHORT: return push_failure(L, "the file ended too early", "Truncated");
    case HASHING_FAILED: return push_failure(L, strerror(hashing_error(*handle)), "Unreadable");
    case HASHING_DONE: break;
    }
    hashing_hex(*handle, hex);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

/* digest_backend([name]) -> name; with a name it is used from now on, for tests. This object has a
 * digest room of its own, so the choice is apart from the core's. */
static int hashing_backend(lua_State *L) {
    const char *wanted = luaL_optstring(L, 1, NULL);
    if (wanted && !digest_force_backend(wanted)) {
        return luaL_error(L, "this processor or build has no digest backend '%s'", wanted);
    }
    lua_pushstring(L, digest_backend());
    return 1;
}

int luaopen_finspace_hashing(lua_State *L) {
    static const luaL_Reg methods[] = {{"poll", job_poll}, {"close", job_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"start", hashing_start_job}, {"digest_backend", hashing_backend}, {NULL, NULL}};
    lcompat_newclass(L, JOB_CLASS, methods, job_close);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
