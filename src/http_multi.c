#define _GNU_SOURCE /* dup3 */
#include "http_transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "monotonic.h"

enum {
    EVENTS_A_STEP = 64,    /* so that one step never holds the host's loop for long */
    KEEP_IDLE = 64,        /* handles kept for the next calls */
    KEEP_CONNECTIONS = 128 /* libcurl's own default shrinks with the calls under way */
};

#define NEVER INT64_MAX

/* What epoll was told of a descriptor. A connection's socket is silent between two calls, so it
 * stays in epoll until it is closed: two system calls fewer a call. Whatever wakes us for it while
 * no call waits is taken out. Of other sockets, like those of libcurl's resolver, nobody tells us
 * when they are closed, so they leave epoll when libcurl says so. */
typedef struct watch {
    uint32_t events;    /* what epoll was asked for; 0: not in epoll */
    bool of_connection; /* we hear of its end */
    bool wanted;        /* libcurl waits for it */
} watch;

struct http_multi {
    CURLM *curl;
    int epoll; /* watches libcurl's sockets, and the timer */
    int timer;
    int64_t due;   /* when libcurl wants to run, in ns of CLOCK_MONOTONIC; NEVER: it does not */
    int64_t armed; /* what the timer is set to */
    pid_t owner;
    watch *watches; /* by descriptor */
    size_t watch_count;
    uint64_t last_id;
    size_t running_count, idle_count;
    http_transfer *draft;    /* being written */
    http_transfer *running;  /* newest first */
    http_transfer *finished; /* oldest first */
    http_transfer **finished_end;
    http_transfer *idle;
    http_options options;
};

/* --- what libcurl tells us -------------------------------------------------------------------- */

static watch *watch_of(http_multi *m, curl_socket_t fd) {
    size_t number = (size_t)fd;
    if (number >= m->watch_count) {
        size_t count = number + 64;
        watch *grown = realloc(m->watches, count * sizeof *grown);
        if (!grown) return NULL;
        memset(grown + m->watch_count, 0, (count - m->watch_count) * sizeof *grown);
        m->watches = grown;
        m->watch_count = count;
    }
    return &m->watches[number];
}

static int watch_events(http_multi *m, curl_socket_t fd, watch *w, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    int operation = w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (w->events == events) return 0;
    w->events = events;
    if (events) return epoll_ctl(m->epoll, operation, fd, &event);
    epoll_ctl(m->epoll, EPOLL_CTL_DEL, fd, NULL);
    return 0;
}

/* libcurl wants to hear of a socket, or no more. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *known) {
    http_multi *m = user;
    watch *w = watch_of(m, fd);
    uint32_t events = 0;
    (void)easy, (void)known;
    if (!w) return -1;
    w->wanted = what != CURL_POLL_REMOVE;
    if (!w->wanted && w->of_connection) return 0;
    if (what & CURL_POLL_IN) events |= EPOLLIN; /* neither is part of CURL_POLL_REMOVE */
    if (what & CURL_POLL_OUT) events |= EPOLLOUT;
    return watch_events(m, fd, w, events);
}

/* A connection's socket begins to live. */
static int on_socket_opened(void *user, curl_socket_t fd, curlsocktype purpose) {
    watch *w = watch_of(user, fd);
    (void)purpose;
    if (!w) return CURL_SOCKOPT_ERROR;
    *w = (watch){.of_connection = true};
    return CURL_SOCKOPT_OK;
}

/* And it ends. It leaves epoll first: where a forked process has the socket, too, closing it here
 * would not take it out. */
static int on_socket_closed(void *user, curl_socket_t fd) {
    http_multi *m = user;
    if ((size_t)fd < m->watch_count) {
        watch_events(m, fd, &m->watches[fd], 0);
        m->watches[fd] = (watch){.events = 0};
    }
    return close(fd);
}

static CURLcode follow_sockets(http_multi *m, CURL *easy) {
    CURLcode code = curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_opened);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, m);
    if (code == CURLE_OK)
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    if (code == CURLE_OK) code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, m);
    return code;
}

static int on_timer(CURLM *curl, long milliseconds, void *user) {
    http_multi *m = user;
    (void)curl;
    m->due = milliseconds < 0 ? NEVER : monotonic_ns() + (int64_t)milliseconds * 1000000;
    return 0;
}

/* Sees to it that the timer rings no later than libcurl wants to run. Setting a timer is the
 * dearest of all system calls here, so one that rings too early is left alone: the step that it
 * causes sets it right. */
static void arm_timer(http_multi *m) {
    struct itimerspec when = {{0, 0}, {0, 0}};
    if (m->due >= m->armed) return;
    m->armed = m->due;
    when.it_value.tv_sec = (time_t)(m->due / NANOSECONDS);
    when.it_value.tv_nsec = (long)(m->due % NANOSECONDS);
    timerfd_settime(m->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* --- life ------------------------------------------------------------------------------------- */

static void set_rules(http_multi *m) {
    long connections = m->options.max_connections;
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
    curl_multi_setopt(m->curl, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS,
                      connections ? connections : (long)KEEP_CONNECTIONS);
}

/* Acquires the descriptors and libcurl's handle; false with errno set. */
static bool open_engine(http_multi *m) {
    struct epoll_event event = {.events = EPOLLIN};
    m->due = m->armed = NEVER;
    m->epoll = epoll_create1(EPOLL_CLOEXEC);
    m->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (m->epoll < 0 || m->timer < 0) return false;
    event.data.fd = m->timer;
    if (epoll_ctl(m->epoll, EPOLL_CTL_ADD, m->timer, &event) < 0) return false;
    m->curl = curl_multi_init();
    errno = ENOMEM;
    if (!m->curl) return false;
    set_rules(m);
    m->owner = getpid();
    return true;
}

http_multi *http_multi_new(const http_options *options) {
    http_multi *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->epoll = m->timer = -1;
    m->owner = getpid();
    m->finished_end = &m->finished;
    if (http_options_copy(&m->options, options) && open_engine(m)) return m;
    int error = errno;
    http_multi_free(m);
    errno = error;
    return NULL;
}

static void free_list(http_multi *m, http_transfer *list, bool abandon) {
    while (list) {
        http_transfer *next = list->next;
        if (!abandon) curl_multi_remove_handle(m->curl, list->easy);
        http_transfer_free(list, abandon);
        list = next;
    }
}

static void free_transfers(http_multi *m, bool abandon) {
    free_list(m, m->running, abandon);
    free_list(m, m->finished, abandon);
    free_list(m, m->idle, abandon);
    http_transfer_free(m->draft, abandon);
    m->running = m->finished = m->idle = m->draft = NULL;
    m->finished_end = &m->finished;
    m->running_count = m->idle_count = 0;
}

static void close_engine(http_multi *m, bool abandon) {
    if (m->curl && !abandon) curl_multi_cleanup(m->curl);
    if (m->timer >= 0) close(m->timer);
    if (m->epoll >= 0) close(m->epoll);
    free(m->watches);
    m->curl = NULL;
    m->epoll = m->timer = -1;
    m->watches = NULL;
    m->watch_count = 0;
}

void http_multi_free(http_multi *m) {
    if (!m) return;
    bool abandon = m->owner != getpid();
    free_transfers(m, abandon);
    close_engine(m, abandon);
    http_options_free(&m->options);
    free(m);
}

/* --- calls ------------------------------------------------------------------------------------ */

static http_transfer *take_idle(http_multi *m) {
    http_transfer *t = m->idle;
    if (!t) return http_transfer_new(&m->options);
    m->idle = t->next;
    m->idle_count--;
    return t;
}

static void keep_idle(http_multi *m, http_transfer *t) {
    if (m->idle_count >= KEEP_IDLE) {
        http_transfer_free(t, false);
        return;
    }
    http_transfer_reset(t);
    t->next = m->idle;
    m->idle = t;
    m->idle_count++;
}

/* In a forked child the calls under way are the parent's, and so are epoll's entries. The child
 * forgets them all and starts anew, under the descriptor number that its host may know. */
static bool adopt(http_multi *m) {
    if (m->owner == getpid()) return true;
    int number = m->epoll;
    m->epoll = -1;
    free_transfers(m, true);
    close_engine(m, true);
    bool opened = open_engine(m);
    if (opened && dup3(m->epoll, number, O_CLOEXEC) == number) {
        close(m->epoll);
        m->epoll = number;
    } else if (number >= 0) {
        close(number);
    }
    return opened;
}

http_transfer *http_multi_begin(http_multi *m) {
    if (!adopt(m)) return NULL;
    if (!m->draft) m->draft = take_idle(m);
    if (m->draft) http_transfer_reset(m->draft);
    return m->draft;
}

uint64_t http_multi_next_id(const http_multi *m) {
    return m->last_id + 1;
}

static void link_running(http_multi *m, http_transfer *t) {
    t->next = m->running;
    t->place = &m->running;
    if (t->next) t->next->place = &t->next;
    m->running = t;
    m->running_count++;
}

static void unlink_running(http_multi *m, http_transfer *t) {
    *t->place = t->next;
    if (t->next) t->next->place = t->place;
    t->next = NULL;
    m->running_count--;
    curl_multi_remove_handle(m->curl, t->easy);
}

uint64_t http_multi_add(http_multi *m) {
    http_transfer *t = m->draft;
    if (!http_transfer_start(t)) return 0;
    if (follow_sockets(m, t->easy) != CURLE_OK ||
        curl_multi_add_handle(m->curl, t->easy) != CURLM_OK) {
        http_fail(t, HTTP_MEMORY, "OutOfMemory", "not enough memory for another call");
        return 0;
    }
    m->draft = NULL;
    t->id = ++m->last_id;
    link_running(m, t);
    arm_timer(m);
    return t->id;
}

static http_transfer *find_running(const http_multi *m, uint64_t id) {
    http_transfer *t = m->running;
    while (t && t->id != id) t = t->next;
    return t;
}

static void finish(http_multi *m, http_transfer *t, CURLcode result) {
    unlink_running(m, t);
    http_transfer_end(t, result);
    *m->finished_end = t;
    m->finished_end = &t->next;
}

static void collect_finished(http_multi *m) {
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(m->curl, &left)) != NULL;) {
        http_transfer *t = NULL;
        CURLcode result = message->data.result; /* the message dies with its handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(m, t, result);
    }
}

/* libcurl gave up on the whole multi, as it does when a callback fails: so do the calls. */
static void fail_running(http_multi *m, CURLMcode code) {
    while (m->running) {
        http_fail(m->running, HTTP_IO, "TransferFailed", "%s", curl_multi_strerror(code));
        finish(m, m->running, CURLE_FAILED_INIT);
    }
}

static int curl_events(uint32_t events) {
    int bits = 0;
    if (events & EPOLLIN) bits |= CURL_CSELECT_IN;
    if (events & EPOLLOUT) bits |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP)) bits |= CURL_CSELECT_ERR;
    return bits;
}

static CURLMcode run_timer(http_multi *m) {
    int running;
    if (m->due > monotonic_ns()) return CURLM_OK;
    m->due = NEVER; /* libcurl says anew when it wants to run again */
    return curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void drain_timer(http_multi *m) {
    uint64_t expirations;
    if (read(m->timer, &expirations, sizeof expirations) > 0) m->armed = NEVER;
}

static CURLMcode take_event(http_multi *m, int fd, uint32_t events) {
    int running;
    if (fd == m->timer) {
        drain_timer(m);
        return CURLM_OK;
    }
    watch *w = watch_of(m, fd);
    if (w && !w->wanted) { /* the other side has closed a connection that is kept */
        watch_events(m, fd, w, 0);
        return CURLM_OK;
    }
    return curl_multi_socket_action(m->curl, fd, curl_events(events), &running);
}

void http_multi_step(http_multi *m) {
    struct epoll_event events[EVENTS_A_STEP];
    if (m->owner != getpid()) return; /* the calls under way are the parent's */
    CURLMcode code = CURLM_OK;
    int count = epoll_wait(m->epoll, events, EVENTS_A_STEP, 0);
    for (int i = 0; i < count && code == CURLM_OK; i++) {
        code = take_event(m, events[i].data.fd, events[i].events);
    }
    if (code == CURLM_OK) code = run_timer(m);
    collect_finished(m);
    if (code != CURLM_OK) fail_running(m, code);
    arm_timer(m);
}

int http_multi_fd(const http_multi *m) {
    return m->epoll;
}

double http_multi_timeout(const http_multi *m) {
    if (m->finished) return 0;
    if (m->due == NEVER) return -1;
    int64_t left = m->due - monotonic_ns();
    return left > 0 ? (double)left / 1e9 : 0;
}

void http_multi_wait(http_multi *m, double seconds) {
    struct epoll_event event;
    int limit = seconds < 0 ? -1 : seconds > 1e6 ? 1000000000 : (int)(seconds * 1000 + 0.999);
    epoll_wait(m->epoll, &event, 1, limit);
}

http_transfer *http_multi_finished(const http_multi *m) {
    return m->finished;
}

uint64_t http_multi_id(const http_transfer *t) {
    return t->id;
}

void http_multi_release(http_multi *m, http_transfer *t) {
    m->finished = t->next;
    if (!m->finished) m->finished_end = &m->finished;
    keep_idle(m, t);
}

bool http_multi_cancel(http_multi *m, uint64_t id) {
    http_transfer *t = find_running(m, id);
    if (!t) return false;
    unlink_running(m, t);
    keep_idle(m, t);
    arm_timer(m);
    return true;
}

bool http_multi_progress(const http_multi *m, uint64_t id, uint64_t *sent, uint64_t *received) {
    const http_transfer *t = find_running(m, id);
    curl_off_t uploaded = 0;
    if (!t) return false;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &uploaded);
    *sent = (uint64_t)uploaded;
    *received = t->received;
    return true;
}

size_t http_multi_count(const http_multi *m) {
    return m->running_count;
}
