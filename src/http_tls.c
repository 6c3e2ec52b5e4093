#define _GNU_SOURCE /* dladdr */
#include "http_transfer.h"
#include "http_text.h"

#include <arpa/inet.h>
#include <dlfcn.h>

/* OpenSSL as libcurl has loaded it: what is asked of it here libcurl has no option for. The types
 * and the constants are those of OpenSSL's headers (openssl/ssl.h, openssl/x509v3.h), which are
 * the same from 1.1.0 on. */
typedef struct ssl_st SSL;
typedef struct x509_st X509;
enum { IGNORE_UNEXPECTED_EOF = 1 << 7, RECEIVED_SHUTDOWN = 2, NEVER_CHECK_SUBJECT = 0x20 };

/* Looked for once a process; `whole` when all were found. */
static struct openssl {
    bool sought, whole;
    uint64_t (*clear_options)(SSL *ssl, uint64_t options);
    int (*get_shutdown)(const SSL *ssl);
    X509 *(*get_certificate)(const SSL *ssl); /* the peer's; the caller frees it */
    void (*free_certificate)(X509 *certificate);
    int (*names_address)(X509 *certificate, const char *address, unsigned flags);
    int (*names_host)(X509 *certificate, const char *host, size_t length, unsigned flags, char **);
} openssl;

/* A function that libcurl, or a library that it was linked with, has. */
static void *find(const char *name) {
    Dl_info about;
    union {
        CURLcode (*function)(CURL *);
        void *address;
    } curl = {.function = curl_easy_perform};
    if (!dladdr(curl.address, &about)) return NULL;
    void *library = dlopen(about.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    void *found = library ? dlsym(library, name) : NULL;
    if (library) dlclose(library); /* libcurl itself keeps it loaded */
    return found;
}

static bool find_openssl(void) {
    if (openssl.sought) return openssl.whole;
    openssl.sought = true;
    *(void **)&openssl.clear_options = find("SSL_clear_options");
    *(void **)&openssl.get_shutdown = find("SSL_get_shutdown");
    *(void **)&openssl.get_certificate = find("SSL_get1_peer_certificate");
    if (!openssl.get_certificate) { /* its name before OpenSSL 3 */
        *(void **)&openssl.get_certificate = find("SSL_get_peer_certificate");
    }
    *(void **)&openssl.free_certificate = find("X509_free");
    *(void **)&openssl.names_address = find("X509_check_ip_asc");
    *(void **)&openssl.names_host = find("X509_check_host");
    openssl.whole = openssl.clear_options && openssl.get_shutdown && openssl.get_certificate &&
                    openssl.free_certificate && openssl.names_address && openssl.names_host;
    return openssl.whole;
}

static bool is_address(const char *text) {
    struct in6_addr address;
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* Whether the certificate's alternative names have the host: an address as an IP address, a name as
 * a DNS name (RFC 9110, section 4.3.5). libcurl would take the subject's common name where there
 * are none. */
static bool names_peer(X509 *certificate, const http_host *host) {
    if (host->text[0] == '\0') return false;
    if (is_address(host->text)) return openssl.names_address(certificate, host->text, 0) == 1;
    return openssl.names_host(certificate, host->text, strlen(host->text), NEVER_CHECK_SUBJECT,
                              NULL) == 1;
}

static bool check_certificate(http_transfer *t, SSL *ssl) {
    http_host host = http_url_host(slice_of_cstr(t->url.ptr));
    X509 *certificate = openssl.get_certificate(ssl);
    bool named = certificate && names_peer(certificate, &host);
    if (certificate) openssl.free_certificate(certificate);
    if (named) return true;
    http_fail(t, HTTP_TLS, "CertificateRefused",
              "the certificate of %s was refused: its alternative names do not have %s %s; ask who "
              "runs it for a certificate that does",
              host.text, is_address(host.text) ? "the IP address" : "the DNS name", host.text);
    return false;
}

/* The TLS session of the connection that a call is about to use; NULL when it is not OpenSSL's. */
static SSL *session_of(const http_transfer *t) {
    struct curl_tlssessioninfo *info = NULL;
    curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info);
    return info && info->backend == CURLSSLBACKEND_OPENSSL ? info->internals : NULL;
}

bool http_check_tls(http_transfer *t) {
    SSL *ssl = session_of(t);
    long new_connections = 0;
    if (!ssl || !slice_starts_with(slice_of_cstr(t->url.ptr), SLICE("https"))) return true;
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &new_connections);
    if (new_connections == 0) return true; /* a kept one, for the same host, was looked at before */
    if (!find_openssl()) {
        http_fail(t, HTTP_TLS, "HandshakeFailed",
                  "this libcurl's OpenSSL is too old to check certificates by their alternative "
                  "names; install libssl 1.1 or later");
        return false;
    }
    /* libcurl tells OpenSSL to take the end of a connection for TLS's goodbye. */
    openssl.clear_options(ssl, IGNORE_UNEXPECTED_EOF);
    return check_certificate(t, ssl);
}

bool http_tls_ended(const http_transfer *t) {
    const SSL *ssl = session_of(t);
    if (!ssl) return true;
    return openssl.whole && (openssl.get_shutdown(ssl) & RECEIVED_SHUTDOWN) != 0;
}
