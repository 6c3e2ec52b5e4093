#define _GNU_SOURCE /* accept SOCK_CLOEXEC, O_NOFOLLOW, strerror_r */
#include "http_transfer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EXPECT_FROM = 1024 * 1024,  /* bodies from this size on ask the server first */
    EXPECT_WAIT_MS = 500,       /* and go on without an answer after this time */
    BIG_BODY = 256 * 1024,      /* from here on, larger buffers pay */
    UPLOAD_BUFFER = 512 * 1024, /* measured: larger ones are no faster on loopback */
    DOWNLOAD_BUFFER = 256 * 1024,
    KEEP_BUFFER = 1024 * 1024, /* a larger answer's memory is given back after each call */
    MAX_LINES = 64 * 1024      /* bytes of request headers */
};

bool http_start(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

void http_options_init(http_options *options) {
    *options = (http_options){.connect_timeout = 10,
                              .timeout = 60,
                              .stall_timeout = 30,
                              .max_headers = 256 * 1024,
                              .max_body = 16 * 1024 * 1024,
                              .max_sink = UINT64_MAX};
}

/* A copy of a text that may be absent; `whole` becomes false when memory ran out. */
static char *copy_text(const char *text, bool *whole) {
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy) *whole = false;
    return copy;
}

bool http_options_copy(http_options *copy, const http_options *options) {
    bool whole = true;
    *copy = *options;
    copy->ca_file = copy_text(options->ca_file, &whole);
    copy->proxy = copy_text(options->proxy, &whole);
    copy->user_agent = copy_text(options->user_agent, &whole);
    if (!whole) http_options_free(copy);
    return whole;
}

void http_options_free(http_options *copy) {
    free((char *)copy->ca_file);
    free((char *)copy->proxy);
    free((char *)copy->user_agent);
    copy->ca_file = copy->proxy = copy->user_agent = NULL;
}

/* --- a transfer's life -------------------------------------------------------------------------
 */

static void close_fd(int *fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
}

http_transfer *http_transfer_new(const http_options *defaults) {
    http_transfer *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->defaults = defaults;
    t->body_fd = t->sink_fd = -1;
    buf_init(&t->url, HTTP_MAX_URL);
    buf_init(&t->lines, MAX_LINES);
    buf_init(&t->sink_path, HTTP_MAX_URL);
    buf_init(&t->headers, defaults->max_headers);
    buf_init(&t->answer, defaults->max_body);
    t->easy = curl_easy_init();
    if (t->easy) return t;
    http_transfer_free(t, false);
    return NULL;
}

void http_transfer_free(http_transfer *t, bool abandon) {
    if (!t) return;
    if (!abandon) curl_easy_cleanup(t->easy);
    close_fd(&t->body_fd);
    close_fd(&t->sink_fd);
    buf_free(&t->url);
    buf_free(&t->lines);
    buf_free(&t->sink_path);
    buf_free(&t->headers);
    buf_free(&t->answer);
    free(t);
}

/* Empties a buf, and gives its memory back where a large answer made it grow. */
static void recycle(buf *b) {
    if (b->cap > KEEP_BUFFER) {
        buf_free(b);
    } else {
        buf_clear(b);
    }
}

void http_transfer_reset(http_transfer *t) {
    close_fd(&t->body_fd);
    close_fd(&t->sink_fd);
    buf_clear(&t->url);
    buf_clear(&t->lines);
    buf_clear(&t->sink_path);
    t->options = *t->defaults;
    recycle(&t->headers);
    recycle(&t->answer);
    t->method[0] = '\0';
    t->line_count = 0;
    t->has_content_type = false;
    t->declared_length = -1;
    t->repeatable = true;
    t->body = slice_of(NULL, 0);
    t->body_offset = t->body_length = t->body_at = 0;
    t->sink_offset = -1;
    t->allowed_count = 0;
    t->allow_loopback = t->refused_address = false;
    t->stage = ANSWER_NONE;
    t->sent = false;
    t->status = 0;
    t->header_bytes = 0;
    t->content_length = -1;
    t->has_transfer_encoding = false;
    t->received = 0;
    t->error = (http_error){.kind = HTTP_OK};
    t->curl_message[0] = '\0';
}

/* --- writing the request -----------------------------------------------------------------------
 */

static void refuse(http_transfer *t, const char *message) {
    http_fail(t, HTTP_VALIDATION, "InvalidRequest", "%s", message);
}

static bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}

static void set_method(http_transfer *t, slice method) {
    bool valid = method.len > 0 && method.len <= HTTP_MAX_METHOD;
    for (size_t i = 0; valid && i < method.len; i++) valid = is_upper(method.ptr[i]);
    if (!valid) {
        refuse(t, "the method must be 1 to 16 capital letters, like GET");
        return;
    }
    memcpy(t->method, method.ptr, method.len);
    t->method[method.len] = '\0';
}

/* What a URL may hold on the wire: visible ASCII. `#` would be cut off by libcurl, and `\` is read
 * as `/` by others (RFC 3986 has neither in a request). */
static bool is_url_byte(char c) {
    return c > ' ' && c < 127 && c != '#' && c != '\\';
}

/* Why libcurl must not see this URL, or NULL. */
static const char *url_fault(slice url) {
    slice rest;
    if (slice_starts_with(url, SLICE("https://"))) {
        rest = slice_from(url, sizeof "https://" - 1);
    } else if (slice_starts_with(url, SLICE("http://"))) {
        rest = slice_from(url, sizeof "http://" - 1);
    } else {
        return "the URL must begin with http:// or https://";
    }
    for (size_t i = 0; i < rest.len; i++) {
        if (!is_url_byte(rest.ptr[i])) return "the URL must be percent-encoded";
    }
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    slice authority = slice_of(rest.ptr, end);
    if (slice_find(authority, '@') < authority.len) return "the URL must not hold user info";
    if (slice_find(authority, '%') < authority.len) return "the URL's host must not be encoded";
    if (end == 0 || authority.ptr[0] == ':') return "the URL must name a host";
    return NULL;
}

void http_set_target(http_transfer *t, slice method, slice url) {
    const char *fault = url_fault(url);
    set_method(t, method);
    if (fault) {
        refuse(t, fault);
        return;
    }
    buf_clear(&t->url);
    buf_add(&t->url, url);
    buf_add_char(&t->url, '\0');
}

/* Letters, digits and these marks make a token (RFC 9110, section 5.6.2). */
static bool is_token_byte(char c) {
    bool word = (c >= 'a' && c <= 'z') || is_upper(c) || (c >= '0' && c <= '9') || c == '-';
    return word || (c != '\0' && strchr("!#$%&'*+.^_`|~", c));
}

static bool is_token(slice name) {
    for (size_t i = 0; i < name.len; i++) {
        if (!is_token_byte(name.ptr[i])) return false;
    }
    return name.len > 0;
}

/* The number in a Content-Length, or -1. At most 18 digits, so that it cannot overflow. */
static int64_t parse_length(slice digits) {
    int64_t value = 0;
    if (digits.len == 0 || digits.len > 18) return -1;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9') return -1;
        value = value * 10 + (digits.ptr[i] - '0');
    }
    return value;
}

/* Headers that decide how a message is framed are libcurl's to write. True when handled here. */
static bool is_framing_header(http_transfer *t, slice name, slice value) {
    if (slice_eq_nocase(name, SLICE("transfer-encoding")) ||
        slice_eq_nocase(name, SLICE("expect")) || slice_eq_nocase(name, SLICE("te"))) {
        refuse(t, "Transfer-Encoding, TE and Expect cannot be given: the body decides them");
        return true;
    }
    if (!slice_eq_nocase(name, SLICE("content-length"))) return false;
    t->declared_length = parse_length(value);
    if (t->declared_length < 0) refuse(t, "Content-Length must be a whole number");
    return true;
}

void http_add_header(http_transfer *t, slice name, slice value) {
    if (!is_token(name)) {
        refuse(t, "a header's name must be a token: letters, digits and -");
        return;
    }
    if (slice_has_line_break(value)) {
        http_fail(t, HTTP_VALIDATION, "InvalidRequest",
                  "the value of header %.*s holds a CR, LF or NUL", (int)name.len, name.ptr);
        return;
    }
    if (is_framing_header(t, name, value)) return;
    if (t->line_count == HTTP_MAX_HEADERS) {
        refuse(t, "a request can have at most 100 headers");
        return;
    }
    if (slice_eq_nocase(name, SLICE("content-type"))) t->has_content_type = true;
    t->line_count++;
    buf_add(&t->lines, name);
    /* libcurl reads "name:" as "leave this header out", and "name;" as "send it empty". */
    buf_add(&t->lines, value.len ? SLICE(": ") : SLICE(";"));
    buf_add(&t->lines, value);
    buf_add_char(&t->lines, '\0');
}

void http_set_body(http_transfer *t, slice bytes) {
    t->body = bytes;
    t->body_length = (int64_t)bytes.len;
}

static void fail_file(http_transfer *t, const char *code, const char *what, const char *path,
                      int error) {
    char reason[128];
    http_fail(t, HTTP_IO, code, "cannot %s %s: %s", what, path,
              strerror_r(error, reason, sizeof reason));
}

void http_set_body_file(http_transfer *t, const char *path, int64_t offset, int64_t length) {
    struct stat st;
    close_fd(&t->body_fd);
    t->body_fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (t->body_fd < 0 || fstat(t->body_fd, &st) < 0) {
        fail_file(t, "FileUnreadable", "read", path, errno);
        return;
    }
    if (!S_ISREG(st.st_mode)) {
        http_fail(t, HTTP_IO, "FileUnreadable", "cannot send %s: it is not a regular file", path);
        return;
    }
    if (length < 0) length = (int64_t)st.st_size - offset;
    if (offset < 0 || length < 0 || offset > (int64_t)st.st_size - length) {
        http_fail(t, HTTP_IO, "FileChanged",
                  "%s has %lld bytes, fewer than the part to be sent needs: did it shrink?", path,
                  (long long)st.st_size);
        return;
    }
    t->body_offset = offset;
    t->body_length = length;
}

void http_set_sink(http_transfer *t, const char *path, int64_t offset) {
    buf_clear(&t->sink_path);
    buf_add_cstr(&t->sink_path, path);
    buf_add_char(&t->sink_path, '\0');
    t->sink_offset = offset;
}

http_options *http_call_options(http_transfer *t) {
    return &t->options;
}

void http_set_repeatable(http_transfer *t, bool repeatable) {
    t->repeatable = repeatable;
}

/* An IPv4 address in IPv6's clothes, so that there is one form to compare. */
static struct in6_addr mapped(struct in_addr v4) {
    struct in6_addr v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(v6.s6_addr + 12, &v4, 4);
    return v6;
}

void http_allow_address(http_transfer *t, slice address) {
    char text[INET6_ADDRSTRLEN] = "";
    struct in_addr v4;
    struct in6_addr v6;
    if (slice_eq(address, SLICE("loopback"))) {
        t->allow_loopback = true;
        return;
    }
    if (address.len < sizeof text) memcpy(text, address.ptr, address.len);
    bool valid = inet_pton(AF_INET6, text, &v6) == 1;
    if (!valid && inet_pton(AF_INET, text, &v4) == 1) {
        v6 = mapped(v4);
        valid = true;
    }
    if (!valid || t->allowed_count == HTTP_MAX_ADDRESSES) {
        refuse(t, "allowed addresses are at most 8 literal IP addresses, or \"loopback\"");
        return;
    }
    t->allowed[t->allowed_count++] = v6;
}

/* --- callbacks: libcurl asks, the transfer answers ---------------------------------------------
 */

static bool is_loopback(const struct in6_addr *address) {
    static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(address->s6_addr, mapped_prefix, 12) == 0) return address->s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(address);
}

static bool is_allowed(const http_transfer *t, const struct sockaddr *peer) {
    struct in6_addr address;
    if (t->allowed_count == 0 && !t->allow_loopback) return true;
    if (peer->sa_family == AF_INET) {
        address = mapped(((const struct sockaddr_in *)(const void *)peer)->sin_addr);
    } else if (peer->sa_family == AF_INET6) {
        address = ((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr;
    } else {
        return false;
    }
    if (t->allow_loopback && is_loopback(&address)) return true;
    for (size_t i = 0; i < t->allowed_count; i++) {
        if (memcmp(&address, &t->allowed[i], sizeof address) == 0) return true;
    }
    return false;
}

/* Opens the socket that libcurl will connect: close-on-exec, so that programs the host starts do
 * not inherit it, and only towards a peer that the call may go to. */
static curl_socket_t on_open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *peer) {
    http_transfer *t = user;
    if (purpose != CURLSOCKTYPE_IPCXN || !is_allowed(t, &peer->addr)) {
        t->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
}

/* The connection stands, and the request is about to be written. */
static int on_before_request(void *user, char *peer_ip, char *local_ip, int peer_port,
                             int local_port) {
    http_transfer *t = user;
    (void)peer_ip, (void)local_ip, (void)peer_port, (void)local_port;
    t->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* Gives libcurl the next bytes of the file; a file that has become shorter ends the call. */
static size_t on_read(char *out, size_t size, size_t count, void *user) {
    http_transfer *t = user;
    uint64_t left = (uint64_t)(t->body_length - t->body_at);
    size_t wanted = size * count < left ? size * count : (size_t)left;
    if (wanted == 0) return 0;
    ssize_t got;
    do {
        got = pread(t->body_fd, out, wanted, (off_t)(t->body_offset + t->body_at));
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        t->body_at += got;
        return (size_t)got;
    }
    http_fail(t, HTTP_IO, got < 0 ? "FileUnreadable" : "FileChanged",
              got < 0
                  ? "the file could not be read while it was sent"
                  : "the file became shorter while it was sent; send it again when it is whole");
    return CURL_READFUNC_ABORT;
}

/* libcurl starts the body again, on a fresh connection. */
static int on_seek(void *user, curl_off_t offset, int origin) {
    http_transfer *t = user;
    if (origin != SEEK_SET || offset < 0 || offset > t->body_length) return CURL_SEEKFUNC_FAIL;
    t->body_at = offset;
    return CURL_SEEKFUNC_OK;
}

static slice trim(slice s) {
    while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) s = slice_from(s, 1);
    while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1])) s.len--;
    return s;
}

/* Framing that two readers could understand differently is refused, not guessed at (RFC 9112,
 * section 6.3): two lengths that differ, a length that is no number, a length beside an encoding.
 */
static bool check_framing(http_transfer *t, slice name, slice value) {
    bool clear = true;
    if (slice_eq_nocase(name, SLICE("transfer-encoding"))) {
        t->has_transfer_encoding = true;
    } else if (slice_eq_nocase(name, SLICE("content-length"))) {
        int64_t length = parse_length(value);
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
    t->has_transfer_encoding = false;
    t->status = line.len >= space + 4 ? (int)parse_length(code) : -1;
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
    fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
    return false;
}

static bool add_header(http_transfer *t, slice line) {
    slice name = slice_of(line.ptr, slice_find(line, ':'));
    if (name.len == line.len || !is_token(name)) {
        http_fail(t, HTTP_PROTOCOL, "BadResponse", "the answer holds a malformed header");
        return false;
    }
    if (!check_framing(t, name, trim(slice_from(line, name.len + 1)))) return false;
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
    if (trim(line).len > 0) return add_header(t, line);
    if (t->status < 200) {
        t->stage = ANSWER_NONE; /* an interim answer; the final one has still to begin */
        return true;
    }
    t->stage = ANSWER_BODY;
    return open_sink(t);
}

static size_t on_header(char *line, size_t size, size_t count, void *user) {
    return take_header_line(user, slice_of(line, size * count)) ? size * count : 0;
}

static bool write_sink(http_transfer *t, slice bytes) {
    while (bytes.len > 0) {
        off_t at = (off_t)((t->sink_offset < 0 ? 0 : t->sink_offset) + (int64_t)t->received);
        ssize_t count = pwrite(t->sink_fd, bytes.ptr, bytes.len, at);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) {
            fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
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

static size_t on_write(char *bytes, size_t size, size_t count, void *user) {
    http_transfer *t = user;
    slice chunk = slice_of(bytes, size * count);
    if (t->sink_fd >= 0 && chunk.len > t->options.max_sink - t->received) {
        fail_too_large(t, "body is", "max_body", t->options.max_sink);
        return 0;
    }
    bool written = t->sink_fd >= 0 ? write_sink(t, chunk) : write_memory(t, chunk);
    return written ? chunk.len : 0;
}

/* --- handing the request to libcurl ------------------------------------------------------------
 */

/* Sets an option unless one failed before; `code` is a CURLcode in scope. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);                        \
    } while (0)

static long milliseconds(double seconds) {
    if (!(seconds > 0)) return 0;
    return seconds > 1e6 ? 1000000000L : (long)(seconds * 1000) + (seconds * 1000 < 1);
}

/* What is the same for every call. */
static CURLcode set_rules(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_EXPECT_100_TIMEOUT_MS, (long)EXPECT_WAIT_MS);
    SET(CURLOPT_ERRORBUFFER, t->curl_message);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, on_write);
    SET(CURLOPT_WRITEDATA, t);
    return code;
}

/* Trust one file, or the system's. Debian's libcurl also has a folder of authorities, which would
 * be trusted beside the file, and which keeps libcurl from caching the parsed file (7.88,
 * openssl.c: the cache needs CApath unset); parsing it anew costs 40 ms a connection. */
static CURLcode set_trust(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    char *system_file = NULL;
    if (t->options.ca_file) SET(CURLOPT_CAINFO, t->options.ca_file);
    SET(CURLOPT_CA_CACHE_TIMEOUT, -1L);
    curl_easy_getinfo(easy, CURLINFO_CAINFO, &system_file);
    if (t->options.ca_file || system_file) SET(CURLOPT_CAPATH, NULL);
    return code;
}

static slice url_authority(const http_transfer *t) {
    slice url = slice_of_cstr(t->url.ptr);
    slice rest = slice_from(url, slice_find(url, ':') + 3);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') end++;
    return slice_of(rest.ptr, end);
}

/* A loopback service is never asked for through the environment's proxy: it would hand the request,
 * in plain text, to a machine that cannot even reach it. */
static bool is_local_host(slice authority) {
    return slice_starts_with(authority, SLICE("127.")) ||
           slice_starts_with(authority, SLICE("[::1]")) ||
           slice_eq(slice_of(authority.ptr, slice_find(authority, ':')), SLICE("localhost"));
}

static CURLcode set_connection(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    const http_options *o = &t->options;
    bool pinned = t->allow_loopback || t->allowed_count > 0;
    if (o->proxy) {
        SET(CURLOPT_PROXY, o->proxy);
    } else if (pinned || is_local_host(url_authority(t))) {
        SET(CURLOPT_PROXY, "");
    }
    /* A new connection shows its peer to on_open_socket, and is never repeated behind our back. */
    if (pinned || !t->repeatable) SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(o->connect_timeout));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(o->timeout));
    if (o->stall_timeout > 0) {
        SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
        SET(CURLOPT_LOW_SPEED_TIME, (milliseconds(o->stall_timeout) + 999) / 1000);
    }
    return code;
}

/* Builds libcurl's list over the lines, in the transfer's own memory. */
static struct curl_slist *link_lines(http_transfer *t, bool suppress_expect) {
    size_t count = 0;
    for (slice rest = buf_slice(&t->lines); rest.len > 0;) {
        t->list[count++].data = (char *)rest.ptr; /* libcurl only reads it */
        rest = slice_from(rest, slice_find(rest, '\0') + 1);
    }
    static char no_content_type[] = "Content-Type:", no_expect[] = "Expect:";
    if (!t->has_content_type) t->list[count++].data = no_content_type;
    if (suppress_expect) t->list[count++].data = no_expect;
    for (size_t i = 0; i < count; i++) t->list[i].next = i + 1 < count ? &t->list[i + 1] : NULL;
    return count ? t->list : NULL;
}

static bool method_is(const http_transfer *t, const char *name) {
    return strcmp(t->method, name) == 0;
}

/* A body from memory goes as libcurl's post fields, whatever the method: small ones leave in one
 * packet with the headers, and libcurl can start them again by itself. */
static CURLcode set_body(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    bool bodyless = t->body_fd < 0 && t->body_length == 0 &&
                    (method_is(t, "GET") || method_is(t, "HEAD") || method_is(t, "DELETE"));
    if (bodyless) {
        SET(CURLOPT_HTTPGET, 1L);
        if (method_is(t, "HEAD")) SET(CURLOPT_NOBODY, 1L);
    } else if (t->body_fd >= 0) {
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_length);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, t);
    } else {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_length);
        SET(CURLOPT_POSTFIELDS, t->body.len ? t->body.ptr : "");
    }
    if (t->body_length >= BIG_BODY) SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
    if (t->sink_path.len > 0) SET(CURLOPT_BUFFERSIZE, (long)DOWNLOAD_BUFFER);
    SET(CURLOPT_CUSTOMREQUEST, t->method);
    return code;
}

static CURLcode set_request(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_URL, t->url.ptr);
    if (t->options.user_agent) SET(CURLOPT_USERAGENT, t->options.user_agent);
    SET(CURLOPT_HTTPHEADER, link_lines(t, t->body_length < EXPECT_FROM));
    return code == CURLE_OK ? set_body(t) : code;
}

/* Whether all of a text could be kept; what it is named is too long otherwise. */
static void check_text(http_transfer *t, const buf *text, const char *what) {
    if (text->status == BUF_FULL) {
        http_fail(t, HTTP_VALIDATION, "InvalidRequest", "the %s longer than 64 KiB", what);
    } else if (!buf_ok(text)) {
        http_fail(t, HTTP_MEMORY, "OutOfMemory", "not enough memory for the request");
    }
}

/* What can only be judged once the whole request is written. */
static bool check_request(http_transfer *t) {
    check_text(t, &t->url, "URL is");
    check_text(t, &t->lines, "request's headers are");
    check_text(t, &t->sink_path, "sink's path is");
    if (t->url.len == 0) refuse(t, "a request needs a method and a URL");
    if (t->declared_length >= 0 && t->declared_length != t->body_length) {
        refuse(t, "Content-Length is not the body's length");
    }
    if (t->body_length > 0 && method_is(t, "HEAD")) refuse(t, "a HEAD request has no body");
    return t->error.kind == HTTP_OK;
}

bool http_transfer_start(http_transfer *t) {
    if (!check_request(t)) return false;
    t->headers.limit = t->options.max_headers;
    t->answer.limit = t->options.max_body;
    curl_easy_reset(t->easy);
    CURLcode code = set_rules(t);
    if (code == CURLE_OK) code = set_trust(t);
    if (code == CURLE_OK) code = set_connection(t);
    if (code == CURLE_OK) code = set_request(t);
    if (code == CURLE_OK) return true;
    http_explain(t, code);
    return false;
}

/* An answer is whole when libcurl says so *and* its header block was complete: libcurl takes a
 * connection that ends within the headers for the end of the answer. */
void http_transfer_end(http_transfer *t, CURLcode result) {
    if (result != CURLE_OK) http_explain(t, result);
    if (result == CURLE_OK && t->stage != ANSWER_BODY) http_explain(t, CURLE_PARTIAL_FILE);
    if (t->sink_fd >= 0 && close(t->sink_fd) < 0) {
        fail_file(t, "FileUnwritable", "write", t->sink_path.ptr, errno);
    }
    t->sink_fd = -1;
    close_fd(&t->body_fd);
    t->error.sent = t->sent;
}

/* --- reading the answer ------------------------------------------------------------------------
 */

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
        *value = trim(slice_from(line, colon + 1));
        return true;
    }
    return false;
}

/* --- one call ----------------------------------------------------------------------------------
 */

struct http_client {
    http_options options;
    http_transfer *transfer;
    pid_t owner;
};

http_client *http_client_new(const http_options *options) {
    http_client *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    if (!http_options_copy(&client->options, options)) {
        free(client);
        return NULL;
    }
    client->owner = getpid();
    return client;
}

void http_client_free(http_client *client) {
    if (!client) return;
    http_transfer_free(client->transfer, client->owner != getpid());
    http_options_free(&client->options);
    free(client);
}

http_transfer *http_client_begin(http_client *client) {
    pid_t pid = getpid();
    if (client->owner != pid) {
        http_transfer_free(client->transfer, true);
        client->transfer = NULL;
        client->owner = pid;
    }
    if (!client->transfer) client->transfer = http_transfer_new(&client->options);
    if (client->transfer) http_transfer_reset(client->transfer);
    return client->transfer;
}

bool http_client_perform(http_client *client) {
    http_transfer *t = client->transfer;
    if (http_transfer_start(t)) http_transfer_end(t, curl_easy_perform(t->easy));
    return t->error.kind == HTTP_OK;
}

void http_client_end(http_client *client) {
    if (client->transfer && client->owner == getpid()) http_transfer_reset(client->transfer);
}
