/* modules: sigv4 sigv4_canonical sigv4_verify sigv4_chunked digest digest_sha_ni digest_armv8 uri buf */

/* Requests made of arbitrary bytes are taken apart, verified and signed. What must hold: nothing is
 * read or written outside its bounds; what nobody signed is refused; what we sign, we accept; and
 * what we signed is refused with another signature.
 *
 * An input is a byte of switches, then lines: method, path, query, headers as `name:value` up to an
 * empty line; the rest is the body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sigv4_canonical.h"
#include "uri.h"

enum { MAX_HEADERS = 200 };

static const long long now = 1440938160; /* 2015-08-30T12:36:00Z, as in the published vectors */

static void must(bool holds) {
    if (!holds) abort();
}

static slice cut_line(slice *rest) {
    size_t end = slice_find(*rest, '\n');
    slice line = slice_of(rest->ptr, end);
    *rest = slice_from(*rest, end + 1);
    return line;
}

static sigv4_request read_request(slice input, sigv4_pair *headers) {
    sigv4_request r = {.headers = headers};
    r.method = cut_line(&input);
    r.path = cut_line(&input);
    r.query = cut_line(&input);
    for (slice line; (line = cut_line(&input)).len > 0 && r.header_count < MAX_HEADERS;) {
        size_t colon = slice_find(line, ':');
        headers[r.header_count].name = slice_of(line.ptr, colon);
        headers[r.header_count++].value = slice_from(line, colon + 1);
    }
    r.body = input;
    return r;
}

/* Storage of exactly the declared size, so that one byte too many is seen. */
static sigv4_status verify(const sigv4_request *request, const sigv4_policy *policy) {
    char *memory = malloc(request->query.len + 1);
    sigv4_authorization auth;
    buf storage;
    must(memory != NULL);
    buf_init_fixed(&storage, memory, request->query.len);
    sigv4_status status = sigv4_parse(request, &storage, &auth);
    must(status != SIGV4_OUT_OF_SPACE);
    if (status == SIGV4_OK) status = sigv4_verify(request, &auth, policy);
    free(memory);
    return status;
}

/* Whether nothing in the request claims to be a signature, or a part of one, already. */
static bool is_plain(const sigv4_request *r) {
    static const char *const headers[] = {"authorization", "x-amz-date", "x-amz-security-token",
                                          "x-amz-content-sha256"};
    static const char *const parameters[] = {"X-Amz-Algorithm", "X-Amz-Credential",
                                             "X-Amz-Signature", "X-Amz-Content-Sha256"};
    size_t hosts = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        for (size_t k = 0; k < 4; k++) {
            if (slice_eq_nocase(r->headers[i].name, slice_of_cstr(headers[k]))) return false;
        }
        hosts += slice_eq_nocase(r->headers[i].name, SLICE("host"));
    }
    for (slice query = r->query, name, value; uri_next_pair(&query, &name, &value);) {
        for (size_t k = 0; k < 4; k++) {
            if (sigv4_canonical_name_is(name, slice_of_cstr(parameters[k]))) return false;
        }
    }
    return hosts == 1;
}

static void sign_and_verify(const sigv4_request *request, sigv4_signing *how,
                            const sigv4_policy *policy) {
    static char authorization_text[8192], query_text[65536];
    sigv4_pair headers[MAX_HEADERS + 4];
    buf authorization, query;
    sigv4_signature out = {.authorization = &authorization, .query = &query};
    buf_init_fixed(&authorization, authorization_text, sizeof authorization_text);
    buf_init_fixed(&query, query_text, sizeof query_text);
    if (sigv4_sign(request, how, &out) != SIGV4_OK || !is_plain(request)) return;

    sigv4_request received = *request;
    memcpy(headers, request->headers, request->header_count * sizeof *headers);
    received.headers = headers;
    if (how->query_form) {
        received.query = buf_slice(&query);
    } else {
        sigv4_pair *added = headers + received.header_count;
        *added++ = (sigv4_pair){SLICE("Authorization"), buf_slice(&authorization)};
        *added++ = (sigv4_pair){SLICE("X-Amz-Date"), slice_of_cstr(out.timestamp)};
        *added++ = (sigv4_pair){SLICE("x-amz-security-token"), how->session_token};
        if (how->sign_body) {
            *added++ = (sigv4_pair){SLICE("x-amz-content-sha256"), slice_of_cstr(out.payload_hash)};
        }
        received.header_count = (size_t)(added - headers);
    }
    must(verify(&received, policy) == SIGV4_OK);

    /* The signature stands at the end of either text. */
    buf *signed_text = how->query_form ? &query : &authorization;
    char *last = &signed_text->ptr[signed_text->len - 1];
    *last = *last == '0' ? '1' : '0';
    must(verify(&received, policy) == SIGV4_WRONG_SIGNATURE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sigv4_pair headers[MAX_HEADERS];
    if (size == 0) return 0;
    const uint8_t switches = data[0];
    const slice service = switches & 1 ? SLICE("s3") : SLICE("finspace-api");
    const slice region = SLICE("us-east-1"), secret = SLICE("secret");
    sigv4_request request = read_request(slice_of((const char *)data + 1, size - 1), headers);

    sigv4_policy policy = {
        .secret_access_key = secret, .region = region, .service = service, .now = now};
    sigv4_policy_defaults(&policy, service);
    policy.body_pending = (switches & 2) != 0;
    must(verify(&request, &policy) != SIGV4_OK);

    sigv4_key key;
    sigv4_signing how = {.access_key_id = SLICE("AKIDEXAMPLE"),
                         .session_token = SLICE("token/+="),
                         .region = region,
                         .service = service,
                         .key = &key,
                         .time = now};
    sigv4_key_derive(&key, secret, now, region, service);
    sigv4_signing_defaults(&how, service);
    how.query_form = (switches & 4) != 0;
    policy.body_pending = false;
    policy.normalize = how.normalize = (switches & 8) != 0;
    policy.double_encode = how.double_encode = (switches & 16) != 0;
    sign_and_verify(&request, &how, &policy);
    return 0;
}
