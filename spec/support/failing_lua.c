/* A Lua host whose allocator fails from one allocation on, then from the next, until the script gets
 * through. It fails for good, because Lua collects garbage and tries again.
 *
 *   failing_lua SCRIPT     prints "survived N" when N failures in turn neither crashed nor leaked
 *
 * The script must be deterministic; it is run anew, in a new state, for each point.
 */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_POINTS = 200000 };

static long countdown;   /* allocations until they fail */
static int failing;      /* whether allocations fail at all */
static size_t allocated; /* bytes that Lua holds */

static void *allocate(void *unused, void *block, size_t old_size, size_t new_size) {
    (void)unused;
    if (!block) old_size = 0;
    if (new_size == 0) {
        allocated -= old_size;
        free(block);
        return NULL;
    }
    if (new_size > old_size && failing && (countdown == 0 || countdown-- == 0)) return NULL;
    void *moved = realloc(block, new_size);
    if (moved) allocated += new_size - old_size;
    return moved;
}

static int run_script(lua_State *L) {
    luaL_openlibs(L);
    if (luaL_loadfile(L, lua_touserdata(L, 1)) != LUA_OK) return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

/* Runs the script with allocations failing from `point` on. Returns -1 when it leaked, 1 when it got
 * to its end, else 0. */
static int run_with_failure(const char *script, long point) {
    countdown = point;
    failing = 1;
    lua_State *L = lua_newstate(allocate, NULL);
    int status = LUA_ERRMEM;
    if (L) {
        lua_pushcfunction(L, run_script);
        lua_pushlightuserdata(L, (void *)script);
        status = lua_pcall(L, 1, 0, 0);
    }
    failing = 0;
    if (L && status == LUA_ERRRUN) {
        const char *message = lua_tostring(L, -1);
        if (!message || !strstr(message, "not enough memory")) printf("%ld: %s\n", point, message);
    }
    if (L) lua_close(L);
    if (allocated) printf("%ld: %zu bytes leaked\n", point, allocated);
    return allocated ? -1 : status == LUA_OK;
}

int main(int argc, char **argv) {
    if (argc != 2) return 2;
    for (long point = 0; point < MAX_POINTS; point++) {
        int outcome = run_with_failure(argv[1], point);
        if (outcome < 0) return 1;
        if (outcome > 0) {
            printf("survived %ld\n", point);
            return 0;
        }
    }
    printf("the script never got through\n");
    return 1;
}
