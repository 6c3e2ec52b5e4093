/* lhashing: the binding of finspace.hashing. A userdata owns a job; closing it, or collecting it,
 * ends its thread. */
#include "hashing.h"
#include "lbind.h"

#include <errno.h>

FINSPACE_EXPORT int luaopen_finspace_hashing(lua_State *L);

#define JOB_CLASS "finspace.hashing.job"

static hashing_job **check_handle(lua_State *L) {
    return luaL_checkudata(L, 1, JOB_CLASS);
}

static int l_job_close(lua_State *L) {
    hashing_job **handle = check_handle(L);
    hashing_job *job = *handle;
    *handle = NULL;
    hashing_free(job);
    return 0;
}

static int push_failure(lua_State *L, const char *message, const char *code) {
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    return 3;
}

/* start(path, offset, length) -> job | nil, message, code */
static int l_start(lua_State *L) {
    const char *path = lbind_check_path(L, 1);
    int64_t offset = lbind_to_count(L, 2, "offset");
    int64_t length = lbind_to_count(L, 3, "length");
    hashing_job **handle = lcompat_newuserdata(L, sizeof *handle);
    *handle = NULL;
    lbind_set_class(L, JOB_CLASS);
    *handle = hashing_start(path, offset, length);
    if (*handle) return 1;
    int error = errno;
    return push_failure(L, lua_pushfstring(L, "cannot read %s: %s", path, strerror(error)),
                        "Unreadable");
}

/* job:poll() -> 64 hexadecimal digits | nothing while it runs | nil, message, code ("Unreadable",
 * or "Truncated" where the file ended within the slice) */
static int l_job_poll(lua_State *L) {
    hashing_job **handle = check_handle(L);
    luaL_argcheck(L, *handle, 1, "the job is closed");
    char hex[DIGEST_HEX_SIZE];
    switch (hashing_poll(*handle)) {
    case HASHING_RUNNING: return 0;
    case HASHING_SHORT: return push_failure(L, "the file ended too early", "Truncated");
    case HASHING_FAILED: return push_failure(L, strerror(hashing_error(*handle)), "Unreadable");
    case HASHING_STOPPED: return push_failure(L, "the job was stopped", "Stopped");
    case HASHING_DONE: break;
    }
    hashing_hex(*handle, hex);
    lua_pushlstring(L, hex, sizeof hex);
    return 1;
}

/* digest_backend([name]) -> name; with a name it is used from now on, for tests. This object has a
 * digest module of its own, so the choice is apart from the core's. */
static int l_digest_backend(lua_State *L) {
    const char *wanted = luaL_optstring(L, 1, NULL);
    if (wanted && !digest_force_backend(wanted)) {
        return luaL_error(L, "this processor or build has no digest backend '%s'", wanted);
    }
    lua_pushstring(L, digest_backend());
    return 1;
}

int luaopen_finspace_hashing(lua_State *L) {
    static const luaL_Reg methods[] = {{"poll", l_job_poll}, {"close", l_job_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"start", l_start}, {"digest_backend", l_digest_backend}, {NULL, NULL}};
    lbind_push_class(L, JOB_CLASS, methods, l_job_close);
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}
