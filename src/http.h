/* http: libcurl, in two shapes. A client makes one call and waits; a multi makes many at once
 * behind one pollable descriptor. Both write a request into an http_transfer and read the answer
 * from it.
 *
 * A transfer remembers its first failure: the functions that write a request return nothing, and
 * the call reports what went wrong. Nothing is sent of a request that failed while it was written.
 *
 * What always holds: TLS 1.2 or later with peer and host verified; redirects never followed; http
 * and https only; the path sent as it is given; no cookies, no netrc, no signals, no decoding of
 * contents; nothing of a call in the next one, but for a connection and what both want alike. An
 * answer is a success only when all of it came.
 * No callback of libcurl's leaves this module.
 *
 * After a fork, the child never touches the parent's connections: it forgets its handles (their
 * memory is given up, because closing them would say goodbye in the parent's TLS sessions) and
 * begins with new ones.
 *
 * Nothing here is safe to use from two threads at once.
 */
#ifndef FINSPACE_HTTP_H
#define FINSPACE_HTTP_H

#include <stdint.h>

#include "buf.h"

/* What kind of failure it was; http_kind_name gives the word that callers see. */
typedef enum http_kind {
    HTTP_OK,
    HTTP_VALIDATION, /* the request itself was refused, before anything was sent */
    HTTP_CONNECT,    /* no connection, or it was lost before the whole request was sent */
    HTTP_TLS,        /* the certificate or the handshake was refused */
    HTTP_TIMEOUT,
    HTTP_PROTOCOL, /* the answer is broken, cut off, or too large */
    HTTP_IO,       /* a file could not be read or written */
    HTTP_CANCELLED,
    HTTP_MEMORY
} http_kind;

typedef struct http_error {
    http_kind kind;
    const char *code;  /* short and stable, for programs; a literal */
    bool sent;         /* false: surely not one byte of the request left this machine */
    char message[512]; /* what happened, to which host, and what to do; never a header or a query */
} http_error;

/* "connect", "tls", …; NULL for HTTP_OK. */
const char *http_kind_name(http_kind kind);

/* What holds for every call of a client or a multi, which copies the strings. http_options_init
 * sets the defaults. */
typedef struct http_options {
    const char *ca_file;    /* PEM file of the only authorities to trust; NULL: the system's */
    const char *proxy;      /* "" forces none; NULL: as the environment says */
    const char *user_agent; /* NULL: none is sent */
    double connect_timeout; /* seconds, for name, connection and handshake together */
    double timeout;         /* seconds, for the whole call; 0: none */
    double stall_timeout;   /* seconds without a byte in either direction, which libcurl may notice
                               up to 6 seconds late, and only whole seconds; 0: none */
    size_t max_headers;     /* bytes, of all header blocks of one answer together */
    size_t max_body;        /* bytes of a body held in memory */
    uint64_t max_sink;      /* bytes of a body written to a file; the default is no limit */
    long max_connections;   /* kept open by a multi; 0: 128 */
} http_options;

void http_options_init(http_options *options);

/* Once per process, before anything else here; false when libcurl cannot start. */
bool http_start(void);

/* --- a transfer: the request that is written, then the answer that is read -------------------- */

typedef struct http_transfer http_transfer;

/* Method and URL. The URL is absolute, http or https, percent-encoded, without user info. */
void http_set_target(http_transfer *t, slice method, slice url);

/* One header. `host` and `user-agent` replace libcurl's; Content-Length comes from the body. */
void http_add_header(http_transfer *t, slice name, slice value);

/* The body: these bytes, which must stay until the call has ended. */
void http_set_body(http_transfer *t, slice bytes);

/* The body: `length` bytes of a regular file from `offset` on; a length of -1 means up to its end.
 * The file is opened now. When it is found shorter during the call, the call fails. */
void http_set_body_file(http_transfer *t, const char *path, int64_t offset, int64_t length);

/* The body of a 2xx answer goes to this file, at `offset`; -1 means a new or emptied file, created
 * with mode 0600. It is opened when the answer's headers are complete, and after a failure it may
 * hold a part. Other answers, which explain a refusal, stay in memory. */
void http_set_sink(http_transfer *t, const char *path, int64_t offset);

/* The options that hold for this call alone: the client's, for the caller to change. Strings put
 * into them are borrowed until the call has begun. */
http_options *http_call_options(http_transfer *t);

/* The call may only go to this peer: "loopback" or a literal IP address. May be repeated; what is
 * checked is the address that is really connected to, before the connection is tried. */
void http_allow_address(http_transfer *t, slice address);

/* A request that must not be sent twice. libcurl repeats a request by itself when a kept connection
 * dies before the first byte of the answer; a call that is not repeatable opens a new one. */
void http_set_repeatable(http_transfer *t, bool repeatable);

/* After the call. NULL when it succeeded. */
const http_error *http_failure(const http_transfer *t);
int http_status(const http_transfer *t);
slice http_body(const http_transfer *t);
/* Bytes that went to the sink, or into memory. */
uint64_t http_received(const http_transfer *t);
/* All header lines of the final answer; walk them with http_next_header. */
slice http_headers(const http_transfer *t);

/* Cuts the next header from `rest`; the value is trimmed. False at the end. */
bool http_next_header(slice *rest, slice *name, slice *value);

/* --- one call --------------------------------------------------------------------------------- */

typedef struct http_client http_client;

/* NULL when memory ran out. */
http_client *http_client_new(const http_options *options);
void http_client_free(http_client *client);

/* An empty request to write. Forgets the answer before it; NULL when memory ran out. */
http_transfer *http_client_begin(http_client *client);

/* Sends what was begun, and waits. True when a whole answer came, whatever its status. */
bool http_client_perform(http_client *client);

/* Gives back large buffers of the last answer once it was read. */
void http_client_end(http_client *client);

/* --- many calls ------------------------------------------------------------------------------- */

typedef struct http_multi http_multi;

/* NULL when memory or descriptors ran out, with errno set. */
http_multi *http_multi_new(const http_options *options);
void http_multi_free(http_multi *multi);

/* An empty request to write; the same one again until it is added. NULL when memory ran out. */
http_transfer *http_multi_begin(http_multi *multi);

/* The id that the next successful add will give. */
uint64_t http_multi_next_id(const http_multi *multi);

/* Starts what was begun. An id from 1 on; 0 when the request was refused: http_failure of what was
 * begun then says why, until the next begin. */
uint64_t http_multi_add(http_multi *multi);

/* Readable whenever step has something to do. It stays the same until the multi is freed. */
int http_multi_fd(const http_multi *multi);

/* Moves every transfer on as far as it goes without waiting. */
void http_multi_step(http_multi *multi);

/* Seconds until step should run even if the descriptor is silent; negative: no need. (Whoever polls
 * the descriptor need not care: it becomes readable then.) */
double http_multi_timeout(const http_multi *multi);

/* Waits until step has something to do, `seconds` have passed, or a signal came. Negative: no
 * limit.
 */
void http_multi_wait(http_multi *multi, double seconds);

/* The first call that has ended and was not released, or NULL. */
http_transfer *http_multi_finished(const http_multi *multi);
uint64_t http_multi_id(const http_transfer *t);
void http_multi_release(http_multi *multi, http_transfer *t);

/* Drops a call; it will not be reported. False when no such call is under way. */
bool http_multi_cancel(http_multi *multi, uint64_t id);

/* Bytes of the bodies moved so far. False when no such call is under way. */
bool http_multi_progress(const http_multi *multi, uint64_t id, uint64_t *sent, uint64_t *received);

/* Calls under way. */
size_t http_multi_count(const http_multi *multi);

#endif
