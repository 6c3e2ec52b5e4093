#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "http_transfer.h"
#include "http_text.h"
#include "monotonic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    EXPECT_FROM = 1024 * 1024,  /* bodies from this size on ask the server first */
    EXPECT_WAIT_MS = 500,       /* and go on without an answer after this time */
    BIG_BODY = 256 * 1024,      /* from here on, a larger buffer pays */
    UPLOAD_BUFFER = 512 * 1024, /* measured: larger ones are no faster on loopback */
    DOWNLOAD_BUFFER = 256 * 1024
};

/* --- writing the request ---------------------------------------------------------------------- */

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
    slice authority = http_authority(url);
    if (!slice_starts_with(url, SLICE("https://")) && !slice_starts_with(url, SLICE("http://"))) {
        return "the URL must begin with http:// or https://";
    }
    for (size_t i = 0; i < url.len; i++) {
        if (!is_url_byte(url.ptr[i])) return "the URL must be percent-encoded";
    }
    if (slice_find(authority, '@') < authority.len) return "the URL must not hold user info";
    if (slice_find(authority, '%') < authority.len) return "the URL's host must not be encoded";
    if (authority.len == 0 || authority.ptr[0] == ':') return "the URL must name a host";
    return NULL;
}

/* An IPv4 address in IPv6's clothes, so that there is one form to compare. */
static struct in6_addr mapped(struct in_addr v4) {
    struct in6_addr v6 = {.s6_addr = {[10] = 0xff, [11] = 0xff}};
    memcpy(v6.s6_addr + 12, &v4, 4);
    return v6;
}

static bool is_loopback(const struct in6_addr *address) {
    static const unsigned char mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(address->s6_addr, mapped_prefix, 12) == 0) return address->s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(address);
}

/* localhost and all below it (RFC 6761, section 6.3). */
static bool is_localhost(slice host) {
    slice domain = SLICE(".localhost");
    if (slice_eq(host, SLICE("localhost"))) return true;
    return host.len > domain.len && slice_eq(slice_from(host, host.len - domain.len), domain);
}

static bool is_local_host(slice url) {
    http_host host = http_url_host(url);
    struct in_addr v4;
    struct in6_addr v6;
    /* Numbers as libcurl and inet_aton read them: 2130706433 and 0x7f.1 are 127.0.0.1, too. */
    if (inet_aton(host.text, &v4)) {
        v6 = mapped(v4);
        return is_loopback(&v6);
    }
    if (inet_pton(AF_INET6, host.text, &v6) == 1) return is_loopback(&v6);
    return is_localhost(slice_of_cstr(host.text));
}

static bool is_url_of_last_call(const http_transfer *t, slice url) {
    return buf_ok(&t->url) && t->url.len > 0 && slice_eq(url, slice_of(t->url.ptr, t->url.len - 1));
}

void http_set_target(http_transfer *t, slice method, slice url) {
    set_method(t, method);
    t->has_target = true;
    if (is_url_of_last_call(t, url)) return;
    const char *fault = url_fault(url);
    buf_clear(&t->url);
    if (fault) {
        refuse(t, fault);
        return;
    }
    buf_add(&t->url, url);
    buf_add_char(&t->url, '\0');
    t->is_new_url = true;
    t->is_local_url = is_local_host(url);
}

/* Headers that decide how a message is framed are libcurl's to write. True when handled here. */
static bool is_framing_header(http_transfer *t, slice name, slice value) {
    if (slice_eq_nocase(name, SLICE("transfer-encoding")) ||
        slice_eq_nocase(name, SLICE("expect")) || slice_eq_nocase(name, SLICE("te"))) {
        refuse(t, "Transfer-Encoding, TE and Expect cannot be given: the body decides them");
        return true;
    }
    if (!slice_eq_nocase(name, SLICE("content-length"))) return false;
    t->declared_length = http_parse_length(value);
    if (t->declared_length < 0) refuse(t, "Content-Length must be a whole number");
    return true;
}

void http_add_header(http_transfer *t, slice name, slice value) {
    if (!slice_is_token(name)) {
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
    if (slice_eq_nocase(name, SLICE("accept"))) t->has_accept = true;
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

void http_set_body_file(http_transfer *t, const char *path, int64_t offset, int64_t length) {
    struct stat st;
    http_close_fd(&t->body_fd);
    t->body_fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (t->body_fd < 0 || fstat(t->body_fd, &st) < 0) {
        http_fail_file(t, "FileUnreadable", "read", path, errno);
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

/* --- what libcurl asks while it sends --------------------------------------------------------- */

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
    t->opened_socket = true;
    int fd = socket(peer->family, peer->socktype | SOCK_CLOEXEC, peer->protocol);
    if (fd < 0) t->socket_error = errno;
    http_close_fd(&t->witness);
    if (fd >= 0) t->witness = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return fd;
}

/* The connection stands, and the request is about to be written. */
static int on_before_request(void *user, char *peer_ip, char *local_ip, int peer_port,
                             int local_port) {
    http_transfer *t = user;
    (void)peer_ip, (void)local_ip, (void)peer_port, (void)local_port;
    if (!http_check_tls(t)) return CURL_PREREQFUNC_ABORT;
    http_close_fd(&t->witness);
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

/* --- handing the request to libcurl ----------------------------------------------------------- */

/* Sets an option unless one failed before; `code` is a CURLcode in scope. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value);                        \
    } while (0)

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
    SET(CURLOPT_HEADERFUNCTION, http_take_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, http_take_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_XFERINFOFUNCTION, http_watch_end);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A call that ends while its host's name is looked up leaves the resolver's thread to itself;
     * an older libcurl than this was built for does not know the option, and waits for the thread.
     */
    if (code == CURLE_OK) curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    return code;
}

/* How a body goes to libcurl. */
typedef enum body_form { BODY_NONE, BODY_MEMORY, BODY_FILE } body_form;

static bool method_is(const http_transfer *t, const char *name) {
    return strcmp(t->method, name) == 0;
}

static body_form form_of_body(const http_transfer *t) {
    if (t->body_fd >= 0) return BODY_FILE;
    bool bodyless = t->body_length == 0 &&
                    (method_is(t, "GET") || method_is(t, "HEAD") || method_is(t, "DELETE"));
    return bodyless ? BODY_NONE : BODY_MEMORY;
}

static bool is_pinned(const http_transfer *t) {
    return t->allow_loopback || t->allowed_count > 0;
}

/* A new connection shows its peer to on_open_socket, and is never repeated behind our back. */
static bool wants_new_connection(const http_transfer *t) {
    return is_pinned(t) || !t->repeatable;
}

/* A loopback service is never asked for through the environment's proxy: it would hand the request,
 * in plain text, to a machine that cannot even reach it. */
static bool shuns_proxies(const http_transfer *t) {
    return is_pinned(t) || t->is_local_url;
}

static bool has_big_body(const http_transfer *t) {
    return t->body_length >= BIG_BODY;
}

static bool has_sink(const http_transfer *t) {
    return t->sink_path.len > 0;
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

static CURLcode set_connection(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    const http_options *o = &t->options;
    const char *proxy = o->proxy ? o->proxy : shuns_proxies(t) ? "" : NULL;
    if (proxy) SET(CURLOPT_PROXY, proxy);
    if (wants_new_connection(t)) SET(CURLOPT_FRESH_CONNECT, 1L);
    if (o->user_agent) SET(CURLOPT_USERAGENT, o->user_agent);
    return code;
}

/* The method, how a body goes, and how large pieces are. A body from memory goes as libcurl's post
 * fields, whatever the method: small ones leave in one packet with the headers, and libcurl can
 * start them again by itself. */
static CURLcode set_message(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    switch (form_of_body(t)) {
    case BODY_NONE:
        SET(CURLOPT_HTTPGET, 1L);
        if (method_is(t, "HEAD")) SET(CURLOPT_NOBODY, 1L);
        break;
    case BODY_MEMORY: SET(CURLOPT_POST, 1L); break;
    case BODY_FILE:
        SET(CURLOPT_UPLOAD, 1L);
        SET(CURLOPT_READFUNCTION, on_read);
        SET(CURLOPT_READDATA, t);
        SET(CURLOPT_SEEKFUNCTION, on_seek);
        SET(CURLOPT_SEEKDATA, t);
        break;
    }
    if (has_big_body(t)) SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER);
    if (has_sink(t)) SET(CURLOPT_BUFFERSIZE, (long)DOWNLOAD_BUFFER);
    SET(CURLOPT_CUSTOMREQUEST, t->method);
    return code;
}

/* All that set_trust, set_connection and set_message ask of a transfer: two calls of which this is
 * the same find a handle that one of them has set up. */
static void describe_setup(const http_transfer *t, buf *out) {
    const http_options *o = &t->options;
    const char *texts[] = {t->method, o->ca_file, o->proxy, o->user_agent};
    const bool flags[] = {shuns_proxies(t), wants_new_connection(t), has_big_body(t), has_sink(t)};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        buf_add_char(out, texts[i] ? '+' : '-');
        buf_add_cstr(out, texts[i]);
        buf_add_char(out, '\0');
    }
    buf_add(out, slice_of((const char *)flags, sizeof flags));
    buf_add_char(out, (char)form_of_body(t));
}

static CURLcode set_up(http_transfer *t) {
    char storage[HTTP_MAX_SETUP];
    buf setup;
    buf_init_fixed(&setup, storage, sizeof storage);
    describe_setup(t, &setup);
    bool was_set_up =
        t->is_set_up && buf_ok(&setup) && slice_eq(buf_slice(&setup), buf_slice(&t->setup));
    t->is_set_up = false; /* until the call has ended well */
    if (was_set_up) return CURLE_OK;
    buf_clear(&t->setup);
    buf_add(&t->setup, buf_slice(&setup));
    t->is_new_url = true;
    curl_easy_reset(t->easy);
    CURLcode code = set_rules(t);
    if (code == CURLE_OK) code = set_trust(t);
    if (code == CURLE_OK) code = set_connection(t);
    return code == CURLE_OK ? set_message(t) : code;
}

/* --- and what differs from call to call --- */

/* libcurl would read a URL given as text in each call, and write it down again. */
static CURLcode set_url(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    if (!t->is_new_url) return code;
    CURLUcode fault = curl_url_set(t->target, CURLUPART_URL, t->url.ptr, CURLU_PATH_AS_IS);
    if (fault == CURLUE_OUT_OF_MEMORY) return CURLE_OUT_OF_MEMORY;
    if (fault) return CURLE_URL_MALFORMAT;
    SET(CURLOPT_URL, NULL); /* its text of the URL before */
    SET(CURLOPT_CURLU, t->target);
    t->is_new_url = code != CURLE_OK;
    return code;
}

static long milliseconds(double seconds) {
    if (!(seconds > 0)) return 0;
    return seconds > 1e6 ? 1000000000L : (long)(seconds * 1000) + (seconds * 1000 < 1);
}

static CURLcode set_time_limits(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    const http_options *o = &t->options;
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(o->connect_timeout));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(o->timeout));
    SET(CURLOPT_LOW_SPEED_LIMIT, o->stall_timeout > 0 ? 1L : 0L);
    SET(CURLOPT_LOW_SPEED_TIME, (milliseconds(o->stall_timeout) + 999) / 1000);
    return code;
}

/* Builds libcurl's list over the lines, in the transfer's own memory. */
static struct curl_slist *link_lines(http_transfer *t) {
    size_t count = 0;
    for (slice rest = buf_slice(&t->lines); rest.len > 0;) {
        t->list[count++].data = (char *)rest.ptr; /* libcurl only reads it */
        rest = slice_from(rest, slice_find(rest, '\0') + 1);
    }
    static char no_content_type[] = "Content-Type:", no_accept[] = "Accept:",
                no_expect[] = "Expect:";
    if (!t->has_content_type) t->list[count++].data = no_content_type;
    if (!t->has_accept) t->list[count++].data = no_accept;
    /* libcurl asks first by itself where a body from memory is large, and for all from files. */
    if (t->body_fd >= 0 && t->body_length < EXPECT_FROM) t->list[count++].data = no_expect;
    for (size_t i = 0; i < count; i++) t->list[i].next = i + 1 < count ? &t->list[i + 1] : NULL;
    return count ? t->list : NULL;
}

static CURLcode set_content(http_transfer *t) {
    CURL *easy = t->easy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_HTTPHEADER, link_lines(t));
    if (t->body_fd >= 0) {
        SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body_length);
    } else if (form_of_body(t) == BODY_MEMORY) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_length);
        SET(CURLOPT_POSTFIELDS, t->body.len ? t->body.ptr : "");
    }
    return code;
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
    if (!t->has_target) refuse(t, "a request needs a method and a URL");
    if (t->declared_length >= 0 && t->declared_length != t->body_length) {
        refuse(t, "Content-Length is not the body's length");
    }
    if (t->body_length > 0 && method_is(t, "HEAD")) refuse(t, "a HEAD request has no body");
    return t->error.kind == HTTP_OK;
}

/* A buf may have grown in an earlier call, past what this one allows: then it starts anew. */
static void set_limit(buf *b, size_t limit) {
    if (b->cap > limit) {
        buf_free(b);
        buf_init(b, limit);
    }
    b->limit = limit;
}

bool http_transfer_start(http_transfer *t) {
    if (!check_request(t)) return false;
    set_limit(&t->headers, t->options.max_headers);
    set_limit(&t->answer, t->options.max_body);
    t->started = monotonic_ns();
    CURLcode code = set_up(t);
    if (code == CURLE_OK) code = set_url(t);
    if (code == CURLE_OK) code = set_time_limits(t);
    if (code == CURLE_OK) code = set_content(t);
    if (code == CURLE_OK) return true;
    http_explain(t, code);
    return false;
}
