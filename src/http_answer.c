#define _POSIX_C_SOURCE 200809L /* pwrite, O_CLOEXEC */
#include "http_transfer.h"
#include "http_text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* --- what libcurl hands over ------------------------------------------------------------------ */

/* Framing that two readers could understand differently is refused, not guessed at (RFC 9112,
 * section 6.3): two lengths that differ, a length that is no number, a length beside an encoding.
 */
static bool check_framing(http_transfer *t, slice name, slice value) {
    bool clear = true;
    if (slice_eq_nocase(name, SLICE("transfer-encoding"))) {
        t->has_transfer_encoding = true;
        t->is_chunked = slice_eq_nocase(http_trim(value), SLICE("chunked"));
    } else if (slice_eq_nocase(name, SLICE("content-length"))) {
        int64_t length = http_parse_length(http_trim(value));
        clear = length >= 0 && (t->content_length < 0 || t->content_length == length);
        t->content_length = length;
    }
    if (clear && !(t->has_transfer_encoding && t->content_length >= 0)) return true;
    http_fail(t, HTTP_PROTOCOL, "BadResponse",
              "the answer's length is ambiguous, so where it ends cannot be known");
    return false;
}

/* "HTTP/1.1 200 OK" begins a header block. */
static bool begin_block(http_transfer *t, slice line) {
    size_t space = slice_find(line, ' ');
    slice code = slice_of(line.ptr + space + 1, 3);
    buf_clear(&t->headers);
    t->stage = ANSWER_HEADERS;
    t->content_length = -1;
    t->has_transfer_encoding = t->is_chunked = false;
    t->status = line.len >= space + 4 ? (int)http_parse_length(code) : -1;
    bool valid = t->status >= 100 && t->status <= 999 && t->status != 101;
    if (!valid) { /* 101 would switch to a protocol that was not asked for */
        http_fail(t, HTTP_PROTOCOL, "BadResponse", "the answer begins with no status that fits");
    }
    return valid;
}

static bool fail_too_large(http_transfer *t, const char *what, const char *option, uint64_t limit) {
    http_fail(t, HTTP_PROTOCOL, "TooLarge", "the answer's %s larger than %llu bytes (%s)", what,
              (unsigned long long)limit, option);
    return false;
}

/* Where the body of a 2xx answer goes, once its headers are complete. */
static bool open_sink(http_transfer *t) {
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (t->sink_offset < 0 ? O_TRUNC : 0);
    if (t->sink_path.len == 0 || t->status / 100 != 2) return true;
    t->sink_fd = open(t->sink_path.ptr, flags, 0600);
    if (t->sink_fd >= 0) return true;
    http_fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
    return false;
}

static bool add_header(http_transfer *t, slice line) {
    slice name = slice_of(line.ptr, slice_find(line, ':'));
    if (name.len == line.len || !slice_is_token(name)) {
        http_fail(t, HTTP_PROTOCOL, "BadResponse", "the answer holds a malformed header");
        return false;
    }
    if (!check_framing(t, name, slice_from(line, name.len + 1))) return false;
    buf_add(&t->headers, line);
    if (buf_ok(&t->headers)) return true;
    http_fail(t, HTTP_MEMORY, "OutOfMemory", "not enough memory for the answer's headers");
    return false;
}

/* One line of a header block, or of the trailer after a chunked body, which is dropped: a trailer
 * could otherwise replace what a header said. */
static bool take_header_line(http_transfer *t, slice line) {
    t->header_bytes += line.len;
    if (t->header_bytes > t->options.max_headers) {
        return fail_too_large(t, "headers are", "max_headers", t->options.max_headers);
    }
    if (t->stage == ANSWER_BODY) return true;
    if (slice_starts_with(line, SLICE("HTTP/"))) return begin_block(t, line);
    if (http_trim(line).len > 0) return add_header(t, line);
    if (t->status < 200) {
        t->stage = ANSWER_NONE; /* an interim answer; the final one has still to begin */
        return true;
    }
    t->stage = ANSWER_BODY;
    return open_sink(t);
}

size_t http_take_header(char *line, size_t size, size_t count, void *user) {
    return take_header_line(user, slice_of(line, size * count)) ? size * count : 0;
}

static bool write_sink(http_transfer *t, slice bytes) {
    while (bytes.len > 0) {
        off_t at = (off_t)((t->sink_offset < 0 ? 0 : t->sink_offset) + (int64_t)t->received);
        ssize_t count = pwrite(t->sink_fd, bytes.ptr, bytes.len, at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            http_fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
            return false;
        }
        t->received += (uint64_t)count;
        bytes = slice_from(bytes, (size_t)count);
    }
    return true;
}

static bool write_memory(http_transfer *t, slice bytes) {
    buf_add(&t->answer, bytes);
    t->received += bytes.len;
    if (buf_ok(&t->answer)) return true;
    if (t->answer.status == BUF_FULL) {
        return fail_too_large(t, "body is", "max_body", t->answer.limit);
    }
    http_fail(t, HTTP_MEMORY, "OutOfMemory", "not enough memory for the answer's body");
    return false;
}

size_t http_take_body(char *bytes, size_t size, size_t count, void *user) {
    http_transfer *t = user;
    slice chunk = slice_of(bytes, size * count);
    if (t->sink_fd >= 0 && chunk.len > t->options.max_sink - t->received) {
        fail_too_large(t, "body is", "max_body", t->options.max_sink);
        return 0;
    }
    bool written = t->sink_fd >= 0 ? write_sink(t, chunk) : write_memory(t, chunk);
    return written ? chunk.len : 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* Whether nothing but the end of the connection tells where the answer ends. */
static bool is_unbounded(const http_transfer *t) {
    bool bodyless = t->status == 204 || t->status == 304 || strcmp(t->method, "HEAD") == 0;
    return t->stage == ANSWER_BODY && !bodyless && t->content_length < 0 && !t->is_chunked;
}

/* Called often, and last when an answer has ended and its connection is still there. */
int http_watch_end(void *user, curl_off_t to_come, curl_off_t come, curl_off_t to_go,
                   curl_off_t gone) {
    http_transfer *t = user;
    (void)to_come, (void)come, (void)to_go, (void)gone;
    if (is_unbounded(t)) t->said_goodbye = http_tls_ended(t);
    return 0;
}

/* Over TLS, whoever cuts the connection could end such an answer, if TLS did not say goodbye. */
static bool is_cut(const http_transfer *t) {
    bool secure = slice_starts_with(slice_of_cstr(t->url.ptr), SLICE("https"));
    return t->stage != ANSWER_BODY || (secure && is_unbounded(t) && !t->said_goodbye);
}

/* An answer is whole when libcurl says so *and* its header block was complete: libcurl takes a
 * connection that ends within the headers for the end of the answer. */
void http_transfer_end(http_transfer *t, CURLcode result) {
    if (result != CURLE_OK) http_explain(t, result);
    if (result == CURLE_OK && is_cut(t)) http_explain(t, CURLE_PARTIAL_FILE);
    if (t->sink_fd >= 0 && close(t->sink_fd) < 0) {
        http_fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
    }
    t->sink_fd = -1;
    http_close_fd(&t->body_fd);
    http_close_fd(&t->witness);
    t->error.sent = t->sent;
    t->is_set_up = t->error.kind == HTTP_OK && !t->opened_socket;
}

/* --- reading the answer ----------------------------------------------------------------------- */

const http_error *http_failure(const http_transfer *t) {
    return t->error.kind == HTTP_OK ? NULL : &t->error;
}

int http_status(const http_transfer *t) {
    return t->status;
}

slice http_body(const http_transfer *t) {
    return buf_slice(&t->answer);
}

uint64_t http_received(const http_transfer *t) {
    return t->received;
}

slice http_headers(const http_transfer *t) {
    return buf_slice(&t->headers);
}

bool http_next_header(slice *rest, slice *name, slice *value) {
    while (rest->len > 0) {
        slice line = slice_of(rest->ptr, slice_find(*rest, '\n'));
        size_t colon = slice_find(line, ':');
        *rest = slice_from(*rest, line.len + 1);
        if (colon == line.len) continue;
        *name = slice_of(line.ptr, colon);
        *value = http_trim(slice_from(line, colon + 1));
        return true;
    }
    return false;
}
