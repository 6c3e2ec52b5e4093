/* http_transfer: one call, from the request that is written to the answer that is read. Shared by
 * the files of http, which include downwards only:
 *
 *     http_text < http_error < http_transfer < http_request, http_answer < http_client, http_multi
 *
 * A transfer is used again and again. http_transfer_reset makes it ready for a request; start hands
 * it to libcurl, whose callbacks (take_header, take_body) write the answer; end judges the whole.
 * What is borrowed (strings of options, a body in memory) must stay until end was called. */
#ifndef FINSPACE_HTTP_TRANSFER_H
#define FINSPACE_HTTP_TRANSFER_H

#include "http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/types.h>

enum {
    HTTP_MAX_HEADERS = 100,  /* request headers of one call */
    HTTP_MAX_ADDRESSES = 8,  /* peers that one call may name */
    HTTP_MAX_METHOD = 16,    /* letters of a method */
    HTTP_MAX_SETUP = 1024,   /* a handle with longer options is set up for each call */
    HTTP_MAX_URL = 64 * 1024 /* a presigned query with a token is about 3 KiB */
};

/* Where an answer is, between its first byte and its last. */
typedef enum answer_stage {
    ANSWER_NONE,    /* nothing has come but whole interim answers */
    ANSWER_HEADERS, /* within a header block */
    ANSWER_BODY     /* the header block of the final answer is complete */
} answer_stage;

struct http_transfer {
    CURL *easy;
    const http_options *defaults;
    http_options options; /* the defaults, and what this call replaced */

    /* what the handle was set up for, and whether it still is: see http_transfer_start */
    buf setup;
    bool is_set_up;
    CURLU *target; /* `url`, as libcurl reads it */

    /* the request */
    char method[HTTP_MAX_METHOD + 1];
    buf url;           /* ends in NUL; stays from one call to the next, which often has the same */
    bool has_target;   /* this call has named its URL */
    bool is_new_url;   /* libcurl has not read it yet */
    bool is_local_url; /* its host is this machine */
    buf lines;         /* "name: value" lines, each ends in NUL */
    struct curl_slist list[HTTP_MAX_HEADERS + 3]; /* and those that libcurl shall not add */
    size_t line_count;
    bool has_content_type, has_accept;
    int64_t declared_length; /* the caller's Content-Length, or -1 */
    bool repeatable;

    slice body; /* borrowed; unused when body_fd >= 0 */
    int body_fd;
    int64_t body_offset, body_length, body_at;

    buf sink_path; /* ends in NUL; empty: no sink */
    int64_t sink_offset;
    int sink_fd;

    struct in6_addr allowed[HTTP_MAX_ADDRESSES]; /* IPv4 as ::ffff:a.b.c.d */
    size_t allowed_count;
    bool allow_loopback;
    bool refused_address; /* an address of the peer was not among them */
    bool opened_socket;   /* an address of the peer was, and a socket was opened for it */
    int socket_error;     /* errno of a socket that could not be opened */
    int witness; /* the latest socket under a second number until the request is sent, or -1:
                  * libcurl closes its own before we can ask how far it got */

    /* the answer */
    answer_stage stage;
    int64_t started; /* monotonic_ns when libcurl was given the request */
    bool sent;       /* libcurl was about to write the request */
    int status;
    size_t header_bytes; /* of all blocks, interim answers too */
    buf headers;
    int64_t content_length; /* -1: none */
    bool has_transfer_encoding;
    bool is_chunked;
    bool said_goodbye; /* TLS did, at the end of an answer that only its connection's end ends */
    buf answer;
    uint64_t received;

    http_error error;
    char curl_message[CURL_ERROR_SIZE];

    /* used by http_multi: its lists */
    uint64_t id;
    struct http_transfer *next;
    struct http_transfer **place; /* what points here, while the call is under way */
};

/* Copies of options with their strings; false when memory ran out. */
bool http_options_copy(http_options *copy, const http_options *options);
void http_options_free(http_options *copy);

/* NULL when memory ran out. `defaults` must outlive the transfer. To be freed. */
http_transfer *http_transfer_new(const http_options *defaults);

/* Frees all. When `abandon` is set, the libcurl handle is the parent process's and only forgotten.
 */
void http_transfer_free(http_transfer *t, bool abandon);

/* Empties the transfer for a new request. */
void http_transfer_reset(http_transfer *t);

/* Hands the request to libcurl. False when it was refused; the error then says why.
 *
 * The handle stays set up for the next call, if that wants the same but for URL, headers, body and
 * time limits. It is set up anew after a call that failed, was dropped or opened a connection: what
 * libcurl has counted meanwhile (its own repetitions, say) must not reach the next call. */
bool http_transfer_start(http_transfer *t);

/* Judges what libcurl said at the end, and closes the files. */
void http_transfer_end(http_transfer *t, CURLcode result);

/* What libcurl calls with the lines of the headers, and with the body; `user` is the transfer. */
size_t http_take_header(char *line, size_t size, size_t count, void *user);
size_t http_take_body(char *bytes, size_t size, size_t count, void *user);

/* What libcurl calls to show progress: how an answer without a length ends. */
int http_watch_end(void *user, curl_off_t to_come, curl_off_t come, curl_off_t to_go,
                   curl_off_t gone);

/* Before a request is written to a TLS connection: whether the certificate's alternative names have
 * the host. */
bool http_check_tls(http_transfer *t);

/* While a call has its connection: whether TLS's goodbye (close_notify) has come. True where that
 * cannot be asked, because TLS is not OpenSSL's: the others take an end without it for an error. */
bool http_tls_ended(const http_transfer *t);

/* Closes what is open, and marks it closed. */
void http_close_fd(int *fd);

/* Remembers a failure, unless there is one already. The message takes what printf takes. */
void http_fail(http_transfer *t, http_kind kind, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for a file: "cannot WHAT PATH: reason". */
void http_fail_file(http_transfer *t, const char *code, const char *what, const char *path,
                    int error);

/* Turns libcurl's result into the transfer's error. */
void http_explain(http_transfer *t, CURLcode result);

#endif
