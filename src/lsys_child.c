#define _GNU_SOURCE /* pipe2, waitid's WNOWAIT, syscall */
/* Programs that run to their end, and what they wrote: spawn, launch and child:result. */
#include "lsys_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_CLASS "finspace.sys.child"

/* --- lines to it ------------------------------------------------------------------------------ */

/* The child's end must not be one of 0, 1, 2: dup2 over itself would leave it closed on exec. That
 * happens when the host itself runs with these closed. */
static int clear_of_streams(int pair[2]) {
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

static int open_pipe(int pair[2]) {
    return pipe2(pair, O_CLOEXEC) < 0 ? errno : clear_of_streams(pair);
}

static int open_line(int pair[2]) {
    int made = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    return made < 0 ? errno : clear_of_streams(pair);
}

/* --- the keeper ------------------------------------------------------------------------------- */

/* A host like nginx waits for whatever child ends, and so takes away how ours ended. Therefore a
 * program that is to be run to its end is not our child, but that of its keeper: a process between,
 * which starts it, waits for it, and tells us both over a line. Until we hang up it leaves the
 * ended program a zombie: so the program's pid, which we may have to signal, stays the program's
 * own. */

/* What the keeper tells first, and what it tells last. */
typedef struct beginning {
    int error;
    pid_t pid;
} beginning;

typedef struct ending {
    int code;   /* CLD_EXITED, CLD_KILLED or CLD_DUMPED; 0 when it is not known */
    int number; /* the status, or the signal */
} ending;

static bool tell(int line, const void *what, size_t size) {
    return write(line, what, size) == (ssize_t)size;
}

static bool hear(int line, void *what, size_t size) {
    ssize_t count;
    do {
        count = read(line, what, size);
    } while (count < 0 && errno == EINTR);
    return count == (ssize_t)size;
}

static void await_process(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

static ending await_ending(pid_t pid) {
    siginfo_t info = {.si_code = 0};
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    return (ending){info.si_code, info.si_status};
}

/* By the system call, which needs no help of the C library and does not allocate; before Linux 5.9
 * one after the other. */
static void close_from(int first) {
#ifdef SYS_close_range
    if (syscall(SYS_close_range, (unsigned)first, ~0U, 0U) == 0) return;
#endif
    for (int fd = first, end = (int)sysconf(_SC_OPEN_MAX); fd < end; fd++) close(fd);
}

/* The keeper's life. It holds none of the host's descriptors, and answers to no signal. */
static _Noreturn void keep(const lsys_launch *l, const lsys_command *c, int line) {
    char nothing;
    beginning begun = {0, 0};
    signal(SIGCHLD, SIG_DFL);
    begun.error = lsys_launch_run(l, c, &begun.pid);
    dup2(line, 0);
    close_from(1);
    if (tell(0, &begun, sizeof begun) && begun.error == 0) {
        ending ended = await_ending(begun.pid);
        if (tell(0, &ended, sizeof ended)) hear(0, &nothing, 1);
        await_process(begun.pid);
    }
    _exit(0);
}

/* Forks with all signals held back, and leaves them so in the child. */
static pid_t fork_deaf(void) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    int error = errno;
    if (pid != 0) pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

/* Starts a keeper, which starts the program. Returns 0, or an errno. */
static int fork_keeper(const lsys_command *c, const int streams[3], int line, pid_t *keeper) {
    lsys_launch l;
    int error = lsys_launch_init(&l, streams);
    if (!error) *keeper = fork_deaf();
    if (!error && *keeper == 0) keep(&l, c, line);
    if (!error && *keeper < 0) error = errno;
    lsys_launch_free(&l);
    return error;
}

/* --- a program that runs to its end ----------------------------------------------------------- */

/* A program, its keeper, and our ends of their lines; -1 where closed or not begun. */
typedef struct child {
    pid_t pid, keeper;
    int in, out, err, line;
    bool told; /* the keeper has no more to say */
    ending ended;
    int64_t deadline;
    buf input, output, errors;
    size_t fed;     /* bytes of the input */
    char program[]; /* its name, for messages */
} child;

typedef enum child_state {
    CHILD_RUNS,
    CHILD_ENDED, /* and both of its outputs */
    CHILD_TOOK_TOO_LONG,
    CHILD_WROTE_TOO_MUCH
} child_state;

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

static void feed_child(child *c) {
    slice rest = slice_from(buf_slice(&c->input), c->fed);
    ssize_t count = rest.len ? write_without_sigpipe(c->in, rest) : 0;
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (count > 0) c->fed += (size_t)count;
    if (count < 0 || c->fed == c->input.len) lsys_close_fd(&c->in);
}

enum { CHUNK = 8192 };

static void drain_child(int *fd, buf *out) {
    char chunk[CHUNK];
    ssize_t count = read(*fd, chunk, sizeof chunk);
    if (count < 0 && errno == EINTR) return;
    if (count > 0) buf_add(out, slice_of(chunk, (size_t)count));
    buf_wipe(chunk, count > 0 ? (size_t)count : 0);
    if (count <= 0) lsys_close_fd(fd);
}

/* Takes what a program that has ended left in its pipe, and no more: something that it started may
 * hold the other end for as long as it likes. */
static void take_rest(int *fd, buf *out) {
    int left = 0;
    if (*fd >= 0) ioctl(*fd, FIONREAD, &left);
    for (; left > 0 && *fd >= 0; left -= CHUNK) drain_child(fd, out);
    lsys_close_fd(fd);
}

static void hear_ending(child *c) {
    ending ended;
    c->told = true;
    if (hear(c->line, &ended, sizeof ended)) c->ended = ended;
    take_rest(&c->out, &c->output);
    take_rest(&c->err, &c->errors);
}

static int milliseconds_until(int64_t deadline) {
    int64_t left = (deadline - monotonic_ns() + 999999) / 1000000;
    return left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

/* Moves the bytes that can be moved, and waits so long for the first. False when none could be. */
static bool converse(child *c, int milliseconds) {
    struct pollfd polled[4] = {{c->in, POLLOUT, 0},
                               {c->out, POLLIN, 0},
                               {c->err, POLLIN, 0},
                               {c->told ? -1 : c->line, POLLIN, 0}};
    if (poll(polled, 4, milliseconds) <= 0) return false;
    if (polled[0].revents) feed_child(c);
    if (polled[1].revents) drain_child(&c->out, &c->output);
    if (polled[2].revents) drain_child(&c->err, &c->errors);
    if (polled[3].revents) hear_ending(c);
    return true;
}

static child_state state_of(const child *c) {
    if (!buf_ok(&c->output) || !buf_ok(&c->errors)) return CHILD_WROTE_TOO_MUCH;
    if (c->told && c->out < 0 && c->err < 0) return CHILD_ENDED;
    return monotonic_ns() < c->deadline ? CHILD_RUNS : CHILD_TOOK_TOO_LONG;
}

/* Starts a program and its keeper. Returns 0, or an errno; the streams that were opened stay so. */
static int child_start(child *c, const lsys_command *what) {
    int in[2] = {-1, -1}, out[2] = {-1, -1}, err[2] = {-1, -1}, line[2] = {-1, -1};
    beginning begun = {ECHILD, 0};
    int error = open_pipe(in);
    if (!error) error = open_pipe(out);
    if (!error) error = open_pipe(err);
    if (!error) error = open_line(line);
    if (!error) {
        error = fork_keeper(what, (int[3]){in[0], out[1], err[1]}, line[1], &c->keeper);
    }
    lsys_close_fd(&in[0]);
    lsys_close_fd(&out[1]);
    lsys_close_fd(&err[1]);
    lsys_close_fd(&line[1]);
    c->in = in[1];
    c->out = out[0];
    c->err = err[0];
    c->line = line[0];
    if (error) return error;
    hear(c->line, &begun, sizeof begun);
    c->pid = begun.pid;
    fcntl(c->in, F_SETFL, O_NONBLOCK);
    return begun.error;
}

/* Lets go of a program. One that has not ended is ended, with all that it started. */
static void child_close(child *c) {
    if (c->pid > 0 && state_of(c) != CHILD_ENDED) {
        kill(-c->pid, SIGKILL);
        kill(c->pid, SIGKILL);
    }
    lsys_close_fd(&c->in);
    lsys_close_fd(&c->out);
    lsys_close_fd(&c->err);
    shutdown(c->line, SHUT_RDWR); /* closing would not be heard while a fork of ours holds it */
    lsys_close_fd(&c->line);
    if (c->keeper > 0) await_process(c->keeper);
    c->pid = c->keeper = -1;
    buf_free(&c->input);
    buf_free(&c->output);
    buf_free(&c->errors);
}

static int l_child_close(lua_State *L) {
    child_close(luaL_checkudata(L, 1, CHILD_CLASS));
    return 0;
}

static child *push_child(lua_State *L, const char *program, size_t max_output, int64_t deadline) {
    size_t length = strlen(program) + 1;
    child *c = lcompat_newuserdata(L, sizeof *c + length);
    *c = (child){.pid = -1, .keeper = -1, .in = -1, .out = -1, .err = -1, .line = -1};
    c->deadline = deadline;
    buf_init(&c->input, SIZE_MAX);
    buf_init(&c->output, max_output);
    buf_init(&c->errors, max_output);
    memcpy(c->program, program, length);
    lbind_set_class(L, CHILD_CLASS);
    return c;
}

/* Starts the program that the table at index 1 describes. Pushes it and gives it, or pushes a
 * failure and gives NULL. */
static child *launch_child(lua_State *L) {
    lsys_command what = lsys_check_command(L);
    lua_Number limit = lbind_number_field(L, 1, "max_output", 1 << 20);
    if (!(limit >= 0 && limit <= 1 << 30)) luaL_error(L, "'max_output' is out of range");
    int64_t deadline = lsys_deadline_after(lbind_number_field(L, 1, "timeout", 60));
    slice input = lbind_push_text(L, 1, "stdin", SLICE(""));
    child *c = push_child(L, what.argv[0], (size_t)limit, deadline);
    buf_add(&c->input, input);
    int error = buf_ok(&c->input) ? child_start(c, &what) : ENOMEM;
    if (!error) return c;
    child_close(c);
    lsys_push_failure(L, "run", c->program, error);
    return NULL;
}

static void push_stream(lua_State *L, const char *name, const buf *stream) {
    lbind_push_slice(L, buf_slice(stream));
    lua_setfield(L, -2, name);
}

static int push_ended(lua_State *L, const child *c) {
    if (c->ended.code == 0) return lsys_push_failure(L, "learn how it ended:", c->program, ECHILD);
    lua_createtable(L, 0, 3);
    lbind_set_integer(L, c->ended.code == CLD_EXITED ? "status" : "signal", c->ended.number);
    push_stream(L, "stdout", &c->output);
    push_stream(L, "stderr", &c->errors);
    return 1;
}

static int push_words_about(lua_State *L, const child *c, const char *words, const char *code) {
    lua_pushnil(L);
    lua_pushfstring(L, "%s %s", c->program, words);
    lua_pushstring(L, code);
    return 3;
}

static int push_state(lua_State *L, const child *c, child_state state) {
    switch (state) {
    case CHILD_RUNS: return push_words_about(L, c, "still runs", "EAGAIN");
    case CHILD_TOOK_TOO_LONG:
        return push_words_about(L, c, "took too long, and was ended", "ETIMEDOUT");
    case CHILD_WROTE_TOO_MUCH:
        return push_words_about(L, c, "wrote more than it may, and was ended", "EFBIG");
    default: return push_ended(L, c);
    }
}

/* launch{argv=, env=, stdin=, timeout=60, max_output=1 MiB} -> child | nil, message, code
 * Starts a program, without a shell, that runs to its end while we do other things. */
static int l_launch(lua_State *L) {
    return launch_child(L) ? 1 : 3;
}

/* child:result() -> {status=, signal=, stdout=, stderr=} | nil, message, code
 * What has become of the program, without waiting: EAGAIN while it runs. Its time and its outputs
 * are bounded only as often as this is asked. */
static int l_child_result(lua_State *L) {
    child *c = luaL_checkudata(L, 1, CHILD_CLASS);
    if (c->keeper < 0) return lsys_push_failure(L, "learn how it ended:", c->program, ECHILD);
    while (state_of(c) == CHILD_RUNS && converse(c, 0)) {
    }
    child_state state = state_of(c);
    int count = push_state(L, c, state);
    if (state != CHILD_RUNS) child_close(c);
    return count;
}

/* spawn{…} as launch -> what child:result() gives, once the program has ended */
static int l_spawn(lua_State *L) {
    child *c = launch_child(L);
    if (!c) return 3;
    while (state_of(c) == CHILD_RUNS) converse(c, milliseconds_until(c->deadline));
    int count = push_state(L, c, state_of(c));
    child_close(c);
    return count;
}

void lsys_open_child(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"result", l_child_result}, {"close", l_child_close}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"spawn", l_spawn}, {"launch", l_launch}, {NULL, NULL}};
    lbind_push_class(L, CHILD_CLASS, methods, l_child_close);
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
