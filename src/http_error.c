#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "http_transfer.h"
#include "http_text.h"
#include "monotonic.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

const char *http_kind_name(http_kind kind) {
    switch (kind) {
    case HTTP_OK: return NULL;
    case HTTP_VALIDATION: return "validation";
    case HTTP_CONNECT: return "connect";
    case HTTP_TLS: return "tls";
    case HTTP_TIMEOUT: return "timeout";
    case HTTP_PROTOCOL: return "protocol";
    case HTTP_IO: return "io";
    case HTTP_CANCELLED: return "cancelled";
    case HTTP_MEMORY: return "memory";
    }
    return NULL;
}

void http_fail(http_transfer *t, http_kind kind, const char *code, const char *format, ...) {
    va_list arguments;
    if (t->error.kind != HTTP_OK) return;
    t->error.kind = kind;
    t->error.code = code;
    t->error.sent = t->sent;
    va_start(arguments, format);
    vsnprintf(t->error.message, sizeof t->error.message, format, arguments);
    va_end(arguments);
}

void http_fail_file(http_transfer *t, const char *code, const char *what, const char *path,
                    int error) {
    http_fail(t, HTTP_IO, code, "cannot %s %s: %s", what, path, strerror(error));
}

/* "host:port" of the request, for messages; the port is written where the URL leaves it out. */
typedef struct peer_name {
    char text[300];
} peer_name;

static peer_name name_peer(const http_transfer *t) {
    peer_name name = {""};
    slice url = slice_of_cstr(t->url.ptr);
    slice host = http_authority(url);
    bool bracketed = host.len > 0 && host.ptr[host.len - 1] == ']';
    bool has_port = !bracketed && slice_find(host, ':') < host.len;
    const char *port = has_port ? "" : slice_starts_with(url, SLICE("https")) ? ":443" : ":80";
    snprintf(name.text, sizeof name.text, "%.*s%s", (int)(host.len > 255 ? 255 : host.len),
             host.ptr, port);
    return name;
}

/* libcurl's own words, where they say more than ours; it may quote the server, so what is not
 * printable is masked. Where they quote a URL, a proxy's password may stand in it. */
static const char *curl_words(http_transfer *t, CURLcode code) {
    bool quotes_url = strstr(t->curl_message, "://") || strchr(t->curl_message, '@') ||
                      strstr(t->curl_message, "proxy s"); /* syntax, scheme */
    if (t->curl_message[0] == '\0' || quotes_url) return curl_easy_strerror(code);
    for (char *c = t->curl_message; *c; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
    return t->curl_message;
}

static curl_off_t time_of(const http_transfer *t, CURLINFO info) {
    curl_off_t microseconds = 0;
    curl_easy_getinfo(t->easy, info, &microseconds);
    return microseconds;
}

static long number_of(const http_transfer *t, CURLINFO info) {
    long number = 0;
    curl_easy_getinfo(t->easy, info, &number);
    return number;
}

/* What libcurl of another version calls a code that this version's header may not have. */
enum { TOO_LARGE_SINCE_8_6 = 100 };

/* The socket's own error, which libcurl keeps when a read or a write fails; 0: there was none. */
static bool socket_failed(const http_transfer *t) {
    return number_of(t, CURLINFO_OS_ERRNO) != 0;
}

/* The number in "error:0A000126:…", as OpenSSL writes its errors; 0 when it reported none. */
static unsigned long tls_error(const http_transfer *t) {
    static const char opening[] = "error:";
    unsigned long number = 0;
    for (const char *at = t->curl_message; !number && (at = strstr(at, opening)) != NULL;) {
        at += strlen(opening);
        if (isxdigit((unsigned char)*at)) number = strtoul(at, NULL, 16);
    }
    return number;
}

/* OpenSSL's report that the connection ended without a TLS goodbye:
 * SSL_R_UNEXPECTED_EOF_WHILE_READING (its reasons are the low 23 bits), or a system call that
 * failed. */
static bool tls_lost_connection(const http_transfer *t) {
    enum { REASON_MASK = 0x7fffff, UNEXPECTED_EOF = 294 };
    return (tls_error(t) & REASON_MASK) == UNEXPECTED_EOF ||
           strstr(t->curl_message, "SSL_ERROR_SYSCALL") != NULL;
}

static bool upload_is_complete(const http_transfer *t) {
    curl_off_t sent = 0;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    return sent >= t->body_length;
}

/* Whether the socket of a call that has not sent its request got to its peer. */
static bool is_connected(const http_transfer *t) {
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return t->witness >= 0 && getpeername(t->witness, (struct sockaddr *)&peer, &size) == 0;
}

/* What the call was busy with when it ended. */
static const char *stage_name(const http_transfer *t) {
    if (t->sent) {
        if (!upload_is_complete(t)) return "sending the request";
        return t->stage == ANSWER_NONE ? "waiting for the answer" : "receiving the answer";
    }
    if (is_connected(t)) return "the TLS handshake";
    if (time_of(t, CURLINFO_NAMELOOKUP_TIME_T) > 0) return "connecting";
    return "resolving the name";
}

/* The proxy that libcurl could not reach, by its own words: it names whom it tried, as "Failed to
 * connect to HOST port N after" and from 8.10 on as "... port N via HOST after". Empty when it
 * tried the request's own host. */
static peer_name name_unreached_proxy(const http_transfer *t) {
    static const char opening[] = "Failed to connect to ";
    peer_name name = {""};
    const char *told = strstr(t->curl_message, opening);
    const char *via = told ? strstr(told, " via ") : NULL;
    slice host = http_authority(slice_of_cstr(t->url.ptr));
    slice own = {host.ptr, slice_find(host, ':')};
    if (via) told = via + strlen(" via ");
    if (told && !via) told += strlen(opening);
    size_t length = told ? strcspn(told, " ") : 0;
    bool is_own = length == own.len && strncasecmp(told, own.ptr, length) == 0;
    unsigned port = 0;
    if (!told || (!via && is_own)) return name;
    sscanf(told + length, " port %u", &port);
    snprintf(name.text, sizeof name.text, port ? "%.*s:%u" : "%.*s",
             (int)(length < 255 ? length : 255), told, port);
    return name;
}

static const char proxy_cure[] = "does it run, and do the proxy option and HTTPS_PROXY, HTTP_PROXY "
                                 "or ALL_PROXY name the right one?";

static bool explain_unreached_proxy(http_transfer *t) {
    peer_name proxy = name_unreached_proxy(t);
    if (proxy.text[0] == '\0') return false;
    http_fail(t, HTTP_CONNECT, "ProxyFailed",
              "the proxy %s, which leads to %s, cannot be reached; %s", proxy.text,
              name_peer(t).text, proxy_cure);
    return true;
}

/* The proxy that leads to an https service, as the option or the environment names it: host and
 * port, without a user or a password. */
static peer_name name_proxy(const http_transfer *t) {
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};
    peer_name name = {""};
    const char *url = t->options.proxy;
    for (size_t i = 0; !url && i < sizeof variables / sizeof *variables; i++) {
        url = getenv(variables[i]);
    }
    const char *start = url ? strstr(url, "://") : NULL;
    start = start ? start + strlen("://") : url ? url : "the environment names";
    const char *at = strrchr(start, '@');
    if (at) start = at + 1;
    snprintf(name.text, sizeof name.text, "%.*s", (int)strcspn(start, "/"), start);
    return name;
}

/* The proxy was asked to lead on to the service, and did not. Between the connection and the TLS
 * handshake there is nothing but that question to lose an answer to. */
static bool explain_proxy_refusal(http_transfer *t) {
    long status = number_of(t, CURLINFO_HTTP_CONNECTCODE);
    const char *who = status == 407
                          ? ": it wants a user and a password, as in http://USER:PASSWORD@HOST:PORT"
                          : "";
    bool refused = status >= 300;
    if (!refused && !is_connected(t)) return false;
    if (refused) {
        http_fail(t, HTTP_CONNECT, "ProxyRefused",
                  "the proxy %s refuses to lead to %s (status %ld)%s", name_proxy(t).text,
                  name_peer(t).text, status, who);
    } else {
        http_fail(t, HTTP_CONNECT, "ProxyFailed",
                  "the proxy %s gave no answer when asked to lead to %s; %s", name_proxy(t).text,
                  name_peer(t).text, proxy_cure);
    }
    return true;
}

/* Whether the time for the whole call is over; a call that ends before it was ended by the time for
 * the connection, or because nothing moved. libcurl counts in milliseconds. */
static bool is_past_deadline(const http_transfer *t) {
    double elapsed = (double)(monotonic_ns() - t->started) / NANOSECONDS;
    return t->options.timeout > 0 && elapsed >= t->options.timeout - 0.002;
}

static void explain_timeout(http_transfer *t) {
    peer_name peer = name_peer(t);
    if (!t->sent) {
        http_fail(t, HTTP_TIMEOUT, "ConnectTimeout",
                  "%s: time ran out while %s; check that the address can be reached from here",
                  peer.text, stage_name(t));
    } else if (is_past_deadline(t)) {
        http_fail(t, HTTP_TIMEOUT, "Timeout",
                  "%s: time ran out after %g seconds while %s; a larger timeout can be given",
                  peer.text, t->options.timeout, stage_name(t));
    } else {
        http_fail(t, HTTP_TIMEOUT, "Stalled", "%s: no byte moved for %g seconds while %s",
                  peer.text, t->options.stall_timeout, stage_name(t));
    }
}

static void explain_unconnected(http_transfer *t, CURLcode code) {
    peer_name peer = name_peer(t);
    if (t->refused_address && !t->opened_socket) {
        http_fail(t, HTTP_VALIDATION, "AddressNotAllowed",
                  "%s leads to an address that this request may not go to; nothing was sent",
                  peer.text);
        return;
    }
    if (explain_unreached_proxy(t)) return;
    long error = t->socket_error ? t->socket_error : number_of(t, CURLINFO_OS_ERRNO);
    if (error == ECONNREFUSED) {
        http_fail(t, HTTP_CONNECT, "ConnectionRefused",
                  "%s refused the connection; is the service running, and is the port right?",
                  peer.text);
    } else if (error == ECONNRESET) { /* it was accepted, and given up before libcurl looked */
        http_fail(t, HTTP_CONNECT, "ConnectionReset", "%s closed the connection as it was opened",
                  peer.text);
    } else if (error == ETIMEDOUT) {
        http_fail(t, HTTP_TIMEOUT, "ConnectTimeout",
                  "%s: time ran out while connecting; check that the address can be reached",
                  peer.text);
    } else {
        http_fail(t, HTTP_CONNECT, "CouldNotConnect", "could not connect to %s: %s", peer.text,
                  error ? strerror((int)error) : curl_words(t, code));
    }
}

static void explain_certificate(http_transfer *t, CURLcode code) {
    peer_name peer = name_peer(t);
    http_fail(
        t, HTTP_TLS, "CertificateRefused",
        "the certificate of %s was refused: %s; if its authority is to be trusted, name it in "
        "ca_file",
        peer.text, curl_words(t, code));
}

/* A handshake fails in two ways: the two sides cannot agree, or the connection is lost. */
static void explain_handshake(http_transfer *t, CURLcode code) {
    peer_name peer = name_peer(t);
    if (socket_failed(t) || tls_lost_connection(t)) {
        http_fail(t, HTTP_CONNECT, "ConnectionReset",
                  "%s closed the connection during the TLS handshake", peer.text);
    } else {
        http_fail(t, HTTP_TLS, "HandshakeFailed",
                  "the TLS handshake with %s failed (TLS 1.2 or later is needed): %s", peer.text,
                  curl_words(t, code));
    }
}

/* The connection went away. Before the whole request was sent, the other side cannot have acted on
 * it; after that it may have. */
static void explain_lost(http_transfer *t, CURLcode code) {
    peer_name peer = name_peer(t);
    if (!t->sent && explain_proxy_refusal(t)) return;
    if (!t->sent) {
        http_fail(t, HTTP_CONNECT, "ConnectionReset", "could not connect to %s: %s", peer.text,
                  curl_words(t, code));
    } else if (t->stage == ANSWER_NONE) {
        http_fail(t, upload_is_complete(t) ? HTTP_PROTOCOL : HTTP_CONNECT, "ConnectionReset",
                  "%s closed the connection while %s", peer.text, stage_name(t));
    } else {
        http_fail(t, HTTP_PROTOCOL, "Truncated", "%s closed the connection within the answer",
                  peer.text);
    }
}

/* Bytes came, and they are not HTTP as we accept it. */
static void explain_answer(http_transfer *t, CURLcode code) {
    peer_name peer = name_peer(t);
    http_fail(t, HTTP_PROTOCOL, "BadResponse", "the answer of %s is not valid HTTP: %s", peer.text,
              curl_words(t, code));
}

/* Either reading failed, which the socket or TLS reports, or libcurl did not like what it read. */
static void explain_receive(http_transfer *t, CURLcode code) {
    if (!t->sent || socket_failed(t) || tls_lost_connection(t) || tls_error(t)) {
        explain_lost(t, code);
    } else {
        explain_answer(t, code);
    }
}

static void explain_too_large(http_transfer *t) {
    http_fail(t, HTTP_PROTOCOL, "TooLarge",
              "a header line of %s is too long, or it sends too many of them", name_peer(t).text);
}

static void explain_memory(http_transfer *t) {
    /* Before 8.6, libcurl answers a header line over 100 KiB with "out of memory", too. */
    if (t->sent && t->stage != ANSWER_BODY) {
        explain_too_large(t);
    } else {
        http_fail(t, HTTP_MEMORY, "OutOfMemory", "not enough memory for the request");
    }
}

void http_explain(http_transfer *t, CURLcode code) {
    if ((int)code == TOO_LARGE_SINCE_8_6) {
        explain_too_large(t);
        return;
    }
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        http_fail(t, HTTP_CONNECT, "CouldNotResolve",
                  "the host of %s could not be resolved; check its name and the network",
                  name_peer(t).text);
        return;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        http_fail(t, HTTP_CONNECT, "ProxyFailed", "the proxy that leads to %s failed: %s; %s",
                  name_peer(t).text, curl_words(t, code), proxy_cure);
        return;
    case CURLE_COULDNT_CONNECT: explain_unconnected(t, code); return;
    case CURLE_OPERATION_TIMEDOUT: explain_timeout(t); return;
    case CURLE_PEER_FAILED_VERIFICATION: explain_certificate(t, code); return;
    case CURLE_SSL_CACERT_BADFILE:
        http_fail(
            t, HTTP_TLS, "CaFileUnreadable",
            "the authorities to trust could not be read: %s; check ca_file, AWS_CA_BUNDLE and "
            "ca_bundle",
            curl_words(t, code));
        return;
    case CURLE_SSL_CONNECT_ERROR: explain_handshake(t, code); return;
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND: explain_lost(t, code); return;
    case CURLE_RECV_ERROR: explain_receive(t, code); return;
    case CURLE_OUT_OF_MEMORY: explain_memory(t); return;
    case CURLE_URL_MALFORMAT:
        http_fail(t, HTTP_VALIDATION, "InvalidRequest", "the URL is not valid: %s",
                  curl_easy_strerror(code));
        return;
    case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9, after something was sent */
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING: explain_answer(t, code); return;
    default:
        http_fail(t, t->sent ? HTTP_PROTOCOL : HTTP_CONNECT, "TransferFailed", "%s: %s",
                  name_peer(t).text, curl_words(t, code));
    }
}
