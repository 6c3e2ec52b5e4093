#define _GNU_SOURCE /* posix_spawn_file_actions_addclosefrom_np */
#include "lsys_launch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Since glibc 2.34; other C libraries do not have it. */
#if defined __GLIBC__ && defined __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
#define HAS_CLOSEFROM 1
#endif
#endif

extern char **environ;

void lsys_close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

/* --- what it is started with ------------------------------------------------------------------ */

static void check_word(lua_State *L, const char *what) {
    bool text = lua_type(L, -1) == LUA_TSTRING;
    slice word = text ? lbind_to_slice(L, -1) : SLICE("");
    if (!text || slice_find(word, '\0') < word.len) {
        luaL_error(L, "'%s' must be a list of strings without NUL", what);
    }
}

char **lsys_push_words(lua_State *L, int list, const char *what) {
    size_t count = lbind_length(L, list);
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

lsys_command lsys_check_command(lua_State *L) {
    lsys_command c = {NULL, environ};
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_getfield(L, 1, "argv");
    if (!lua_istable(L, -1) || lbind_length(L, -1) == 0) {
        luaL_error(L, "'argv' must be a list of strings that begins with the program");
    }
    c.argv = lsys_push_words(L, lua_gettop(L), "argv");
    lua_getfield(L, 1, "env");
    if (lua_isnil(L, -1)) return c;
    if (!lua_istable(L, -1)) luaL_error(L, "'env' must map names to strings");
    push_environment(L, lua_gettop(L));
    c.env = lsys_push_words(L, lua_gettop(L), "env");
    return c;
}

/* --- starting it ------------------------------------------------------------------------------ */

/* All descriptors but the first three are closed in the child. Where the C library cannot say so in
 * one action, each that is open now gets an action of its own. */
static int close_others(posix_spawn_file_actions_t *actions) {
#if HAS_CLOSEFROM
    return posix_spawn_file_actions_addclosefrom_np(actions, 3);
#else
    int error = 0;
    DIR *open_ones = opendir("/proc/self/fd");
    if (!open_ones) return errno;
    for (struct dirent *entry; !error && (entry = readdir(open_ones)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (fd > 2) error = posix_spawn_file_actions_addclose(actions, fd);
    }
    closedir(open_ones);
    return error;
#endif
}

/* These three descriptors become the child's 0, 1 and 2, and all others are closed. */
static int add_streams(posix_spawn_file_actions_t *actions, const int streams[3]) {
    int error = 0;
    for (int i = 0; i < 3 && !error; i++) {
        error = posix_spawn_file_actions_adddup2(actions, streams[i], i);
    }
    if (!error) error = close_others(actions);
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

int lsys_launch_init(lsys_launch *l, const int streams[3]) {
    int error = posix_spawn_file_actions_init(&l->actions);
    int error_of_attributes = posix_spawnattr_init(&l->attributes);
    if (!error) error = error_of_attributes;
    if (!error) error = add_streams(&l->actions, streams);
    if (!error) error = set_attributes(&l->attributes);
    return error;
}

void lsys_launch_free(lsys_launch *l) {
    posix_spawnattr_destroy(&l->attributes);
    posix_spawn_file_actions_destroy(&l->actions);
}

int lsys_launch_run(const lsys_launch *l, const lsys_command *c, pid_t *pid) {
    return posix_spawnp(pid, c->argv[0], &l->actions, &l->attributes, c->argv, c->env);
}
