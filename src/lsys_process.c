#define _POSIX_C_SOURCE 200809L /* nanosleep, kill, O_CLOEXEC */
/* Programs in the background, and this process as others see it. */
#include "lsys_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void set_exit(lua_State *L, int status) {
    if (WIFEXITED(status)) lbind_set_integer(L, "status", WEXITSTATUS(status));
    if (WIFSIGNALED(status)) lbind_set_integer(L, "signal", WTERMSIG(status));
}

static int start_process(const lsys_command *c, const int streams[3], pid_t *pid) {
    lsys_launch l;
    int error = lsys_launch_init(&l, streams);
    if (!error) error = lsys_launch_run(&l, c, pid);
    lsys_launch_free(&l);
    return error;
}

/* Opens a file for a child's output, or /dev/null without a path. */
static int open_output(const char *path) {
    if (!path) return open("/dev/null", O_WRONLY | O_CLOEXEC);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* start{argv=, env=, stdout=path, stderr=path} -> pid | nil, message, code
 * Starts a program in the background; its outputs are appended to files, or dropped. */
static int l_start(lua_State *L) {
    lsys_command c = lsys_check_command(L);
    const char *out_path = lbind_push_word(L, 1, "stdout");
    const char *err_path = lbind_push_word(L, 1, "stderr");
    int streams[3] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open_output(out_path),
                      open_output(err_path)};
    int error = errno;
    pid_t pid = -1;
    if (streams[0] >= 0 && streams[1] >= 0 && streams[2] >= 0) {
        error = start_process(&c, streams, &pid);
    }
    for (int i = 0; i < 3; i++) lsys_close_fd(&streams[i]);
    if (pid < 0) return lsys_push_failure(L, "run", c.argv[0], error);
    lua_pushinteger(L, pid);
    return 1;
}

/* wait(pid [, seconds = for ever]) -> {status=, signal=} | nil, message, code
 * The end of a program that start began; ETIMEDOUT while it still runs. */
static int l_wait(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    int64_t deadline = lsys_deadline_after(luaL_optnumber(L, 2, 1e9));
    int status = 0;
    int ended = await_child(pid, &status, deadline);
    const char *subject = lua_pushfstring(L, "process %d", (int)pid);
    if (ended < 0) return lsys_push_failure(L, "wait for", subject, errno);
    if (ended == 0) return lsys_push_failure(L, "wait for", subject, ETIMEDOUT);
    lua_createtable(L, 0, 1);
    set_exit(L, status);
    return 1;
}

/* kill(pid [, signal = 15]) -> true | nil, message, code; a negative pid is a process group */
static int l_kill(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    luaL_argcheck(L, pid != 0 && pid != -1, 1, "names no single process");
    int result = kill(pid, (int)luaL_optinteger(L, 2, SIGTERM));
    return lsys_push_outcome(L, result, "signal", lua_pushfstring(L, "process %d", (int)pid));
}

/* exec(argv) -> nil, message, code; does not return when it succeeds */
static int l_exec(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, lbind_length(L, 1) > 0, 1, "must begin with the program");
    char **argv = lsys_push_words(L, 1, "argv");
    fflush(NULL);
    execvp(argv[0], argv);
    return lsys_push_failure(L, "run", argv[0], errno);
}

static int l_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

void lsys_open_process(lua_State *L) {
    static const luaL_Reg functions[] = {{"start", l_start}, {"wait", l_wait}, {"kill", l_kill},
                                         {"exec", l_exec},   {"pid", l_pid},   {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
