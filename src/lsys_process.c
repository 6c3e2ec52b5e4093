#define _GNU_SOURCE /* pipe2, posix_spawn_file_actions_addclosefrom_np */
#include "lsys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

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
    int64_t left = (deadline - lsys_monotonic_ns() + 999999) / 1000000;
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
        if (lsys_monotonic_ns() >= deadline) return false;
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
        if (lsys_monotonic_ns() >= deadline) return 0;
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
    if (WIFEXITED(status)) lsys_set_integer(L, "status", WEXITSTATUS(status));
    if (WIFSIGNALED(status)) lsys_set_integer(L, "signal", WTERMSIG(status));
}

static int push_spawned(lua_State *L, int status, buf *out, buf *err) {
    lua_createtable(L, 0, 4);
    set_exit(L, status);
    lsys_push_slice(L, buf_slice(out));
    lua_setfield(L, -2, "stdout");
    lsys_push_slice(L, buf_slice(err));
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
    int64_t deadline = lsys_deadline_after(number_field(L, "timeout", 60));
    slice input = {NULL, 0};
    input.ptr = text_field(L, "stdin", &input.len);
    buf *out = lsys_push_buf(L, (size_t)limit);
    buf *err = lsys_push_buf(L, (size_t)limit);
    child started;
    int status = 0;
    int error = start_piped(&c, &started);
    if (error) return lsys_push_failure(L, "run", c.argv[0], error);
    bool finished = converse(&started, input, out, err, deadline);
    close_stream(&started.in);
    close_stream(&started.out);
    close_stream(&started.err);
    int ended = finished ? await_child(started.pid, &status, deadline) : 0;
    if (ended < 0) return lsys_push_failure(L, "learn how it ended:", c.argv[0], errno);
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
    if (pid < 0) return lsys_push_failure(L, "run", c.argv[0], error);
    lua_pushinteger(L, pid);
    return 1;
}

/* wait(pid [, seconds = for ever]) -> {status=, signal=} | nil, message, code
 * The end of a program that start began; ETIMEDOUT while it still runs. */
static int sys_wait(lua_State *L) {
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
static int sys_kill(lua_State *L) {
    pid_t pid = (pid_t)luaL_checkinteger(L, 1);
    luaL_argcheck(L, pid != 0 && pid != -1, 1, "names no single process");
    int result = kill(pid, (int)luaL_optinteger(L, 2, SIGTERM));
    return lsys_push_outcome(L, result, "signal", lua_pushfstring(L, "process %d", (int)pid));
}

/* exec(argv) -> nil, message, code; does not return when it succeeds */
static int sys_exec(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argcheck(L, lua_rawlen(L, 1) > 0, 1, "must begin with the program");
    char **argv = push_words(L, 1, "argv");
    fflush(NULL);
    execvp(argv[0], argv);
    return lsys_push_failure(L, "run", argv[0], errno);
}

static int sys_pid(lua_State *L) {
    lua_pushinteger(L, getpid());
    return 1;
}

/* --- interrupts ------------------------------------------------------------------------------- */

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

void lsys_open_process(lua_State *L) {
    static const luaL_Reg functions[] = {{"spawn", sys_spawn},
                                         {"start", sys_start},
                                         {"wait", sys_wait},
                                         {"kill", sys_kill},
                                         {"exec", sys_exec},
                                         {"pid", sys_pid},
                                         {"catch_interrupts", sys_catch_interrupts},
                                         {"interrupted", sys_interrupted},
                                         {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
