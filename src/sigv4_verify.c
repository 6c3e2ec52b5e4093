#include "sigv4.h"

#include "sigv4_canonical.h"
#include "sigv4_chunked.h"
#include "uri.h"

/* --- taking the authorization apart ----------------------------------------------------------- */

/* Without the blanks that may stand around a header's value (RFC 9110, section 5.6.3). */
static slice trim(slice text) {
    return slice_trim(text, " \t");
}

/* Cuts what stands before the next `separator`, or all of it. */
static slice cut(slice *rest, char separator) {
    size_t end = slice_find(*rest, separator);
    slice part = slice_of(rest->ptr, end);
    *rest = slice_from(*rest, end + 1);
    return part;
}

/* How often the request has this header; `value` is that of the last one, or empty. */
static size_t find_header(const sigv4_request *request, slice name, slice *value) {
    size_t count = 0;
    *value = SLICE("");
    for (size_t i = 0; i < request->header_count; i++) {
        if (!slice_eq_nocase(request->headers[i].name, name)) continue;
        *value = trim(request->headers[i].value);
        count++;
    }
    return count;
}

/* The same of a query parameter; its value is not decoded yet. */
static size_t find_parameter(slice query, slice name, slice *value) {
    size_t count = 0;
    slice candidate, its_value;
    *value = SLICE("");
    while (uri_next_pair(&query, &candidate, &its_value)) {
        if (!sigv4_canonical_name_is(candidate, name)) continue;
        *value = its_value;
        count++;
    }
    return count;
}

/* key-id/20150830/region/service/aws4_request */
static bool parse_credential(slice text, sigv4_authorization *out) {
    out->access_key_id = cut(&text, '/');
    out->date = cut(&text, '/');
    out->region = cut(&text, '/');
    out->service = cut(&text, '/');
    return slice_eq(text, SLICE(SIGV4_TERMINATOR)) &&
           sigv4_canonical_is_key_id(out->access_key_id) && out->date.len == 8 &&
           sigv4_canonical_is_scope_part(out->region) &&
           sigv4_canonical_is_scope_part(out->service);
}

/* Credential=…, SignedHeaders=…, Signature=…, each once, in any order. */
static bool parse_header_fields(slice rest, sigv4_authorization *out) {
    slice credential = SLICE("");
    while (rest.len) {
        slice value = trim(cut(&rest, ','));
        slice name = cut(&value, '=');
        slice *field = slice_eq(name, SLICE("Credential"))      ? &credential
                       : slice_eq(name, SLICE("SignedHeaders")) ? &out->signed_headers
                       : slice_eq(name, SLICE("Signature"))     ? &out->signature
                                                                : NULL;
        if (!field || field->len) return false;
        *field = value;
    }
    return parse_credential(credential, out);
}

/* The header's date; x-amz-date takes precedence over date, which has that form or HTTP's own. */
static bool parse_header_time(const sigv4_request *request, sigv4_authorization *out) {
    slice text;
    size_t count = find_header(request, SLICE("x-amz-date"), &text);
    if (count) return count == 1 && sigv4_parse_time(text, &out->time);
    if (find_header(request, SLICE("date"), &text) != 1) return false;
    return sigv4_parse_time(text, &out->time) || sigv4_parse_http_date(text, &out->time);
}

static sigv4_status parse_header_form(const sigv4_request *request, slice value,
                                      sigv4_authorization *out) {
    const slice algorithm = SLICE(SIGV4_ALGORITHM " ");
    if (!slice_starts_with(value, algorithm)) return SIGV4_MALFORMED;
    if (!parse_header_fields(slice_from(value, algorithm.len), out)) return SIGV4_MALFORMED;
    if (!parse_header_time(request, out)) return SIGV4_MALFORMED;
    if (find_header(request, SLICE("x-amz-security-token"), &out->session_token) > 1) {
        return SIGV4_AMBIGUOUS;
    }
    return SIGV4_OK;
}

/* A parameter that may stand there once; decoded into the storage. */
static size_t take_parameter(slice query, const char *name, buf *storage, slice *out) {
    slice value;
    size_t count = find_parameter(query, slice_of_cstr(name), &value);
    size_t before = storage->len;
    uri_decode(storage, value);
    *out = slice_from(buf_slice(storage), before);
    return count;
}

static bool parse_expires(slice text, long long *expires) {
    *expires = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || *expires > SIGV4_MAX_EXPIRES) return false;
        *expires = *expires * 10 + (text.ptr[i] - '0');
    }
    return *expires >= 1 && *expires <= SIGV4_MAX_EXPIRES;
}

static sigv4_status parse_query_form(const sigv4_request *request, buf *storage,
                                     sigv4_authorization *out) {
    slice algorithm, credential, date, expires;
    const slice query = request->query;
    struct {
        const char *name;
        slice *value;
        bool required;
    } fields[] = {{"X-Amz-Algorithm", &algorithm, true},
                  {"X-Amz-Credential", &credential, true},
                  {"X-Amz-SignedHeaders", &out->signed_headers, true},
                  {"X-Amz-Signature", &out->signature, true},
                  {"X-Amz-Date", &date, false},
                  {"X-Amz-Expires", &expires, false},
                  {"X-Amz-Security-Token", &out->session_token, false},
                  {"X-Amz-Content-Sha256", &out->payload_hash, false}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t count = take_parameter(query, fields[i].name, storage, fields[i].value);
        if (count > 1) return SIGV4_AMBIGUOUS;
        if (count == 0 ? fields[i].required : fields[i].value->len == 0) return SIGV4_MALFORMED;
    }
    if (!buf_ok(storage)) return SIGV4_OUT_OF_SPACE;
    if (!slice_eq(algorithm, SLICE(SIGV4_ALGORITHM))) return SIGV4_MALFORMED;
    if (!parse_credential(credential, out)) return SIGV4_MALFORMED;
    if (date.len ? !sigv4_parse_time(date, &out->time) : !parse_header_time(request, out)) {
        return SIGV4_MALFORMED;
    }
    out->expires = SIGV4_DEFAULT_EXPIRES;
    return expires.len == 0 || parse_expires(expires, &out->expires) ? SIGV4_OK : SIGV4_MALFORMED;
}

static bool has_query_form(slice query) {
    slice ignored;
    return find_parameter(query, SLICE("X-Amz-Algorithm"), &ignored) ||
           find_parameter(query, SLICE("X-Amz-Credential"), &ignored) ||
           find_parameter(query, SLICE("X-Amz-Signature"), &ignored);
}

/* The declared hash in a header; the query form may have it in the query instead, but not in both.
 */
static sigv4_status parse_payload_hash(const sigv4_request *request, sigv4_authorization *out) {
    slice value;
    size_t count = find_header(request, SLICE("x-amz-content-sha256"), &value);
    if (count > 1 || (count && out->payload_hash.len)) return SIGV4_AMBIGUOUS;
    if (count) out->payload_hash = value;
    return SIGV4_OK;
}

sigv4_status sigv4_parse(const sigv4_request *request, buf *storage, sigv4_authorization *out) {
    slice header;
    size_t headers = find_header(request, SLICE("authorization"), &header);
    *out = (sigv4_authorization){.query_form = has_query_form(request->query)};
    if (headers + out->query_form == 0) return SIGV4_MISSING;
    if (headers + out->query_form > 1) return SIGV4_AMBIGUOUS;
    sigv4_status status = out->query_form ? parse_query_form(request, storage, out)
                                          : parse_header_form(request, header, out);
    if (status == SIGV4_OK && !sigv4_canonical_is_hash(out->signature)) status = SIGV4_MALFORMED;
    return status == SIGV4_OK ? parse_payload_hash(request, out) : status;
}

/* --- verifying -------------------------------------------------------------------------------- */

void sigv4_policy_defaults(sigv4_policy *policy, slice service) {
    policy->normalize = policy->double_encode = !sigv4_canonical_is_s3(service);
    policy->max_skew = 900;
}

static sigv4_status check_scope(const sigv4_authorization *auth, const sigv4_policy *policy,
                                slice timestamp) {
    bool right = slice_eq(auth->date, slice_of(timestamp.ptr, 8)) &&
                 slice_eq(auth->region, policy->region) && slice_eq(auth->service, policy->service);
    return right ? SIGV4_OK : SIGV4_WRONG_SCOPE;
}

static sigv4_status check_time(const sigv4_authorization *auth, const sigv4_policy *policy) {
    long long age = policy->now - auth->time;
    if (age < -policy->max_skew) return SIGV4_SKEWED;
    if (!auth->query_form) return age > policy->max_skew ? SIGV4_SKEWED : SIGV4_OK;
    return age > auth->expires ? SIGV4_EXPIRED : SIGV4_OK;
}

/* Which hash the client must have signed, and whether the body has it. */
static sigv4_status check_payload(const sigv4_request *request, const sigv4_authorization *auth,
                                  const sigv4_policy *policy, char body_hash[DIGEST_HEX_SIZE],
                                  slice *signed_hash) {
    const slice declared = auth->payload_hash, unsigned_payload = SLICE(SIGV4_UNSIGNED_PAYLOAD);
    const bool s3 = sigv4_canonical_is_s3(policy->service);
    slice actual = request->payload_hash;
    *signed_hash = declared;
    if (slice_starts_with(declared, SLICE("STREAMING-"))) {
        sigv4_chunked_form form;
        bool is_known = s3 && policy->body_pending && sigv4_chunked_announced(declared, &form);
        return is_known ? SIGV4_OK : SIGV4_STREAMING;
    }
    if (s3 && slice_eq(declared, unsigned_payload)) return SIGV4_OK;
    if (s3 && declared.len == 0 && auth->query_form) {
        *signed_hash = unsigned_payload;
        return SIGV4_OK;
    }
    if (declared.len == 0 && (s3 || policy->body_pending)) return SIGV4_NO_PAYLOAD_HASH;
    if (declared.len && !sigv4_canonical_is_hash(declared)) return SIGV4_MALFORMED;
    if (policy->body_pending) return SIGV4_OK;
    if (actual.len == 0) {
        unsigned char hash[DIGEST_SIZE];
        digest_of(request->body, hash);
        digest_hex(hash, body_hash);
        actual = slice_of(body_hash, DIGEST_HEX_SIZE);
    }
    *signed_hash = actual;
    return declared.len == 0 || slice_eq(declared, actual) ? SIGV4_OK : SIGV4_WRONG_PAYLOAD;
}

/* Whether `name` is in a list such as a;b;c. */
static bool is_listed(slice list, slice name) {
    while (list.len) {
        if (slice_eq_nocase(cut(&list, ';'), name)) return true;
    }
    return false;
}

/* Headers that change what a request means, or where it goes. */
static bool must_be_signed(slice name) {
    const slice amz = SLICE("x-amz-");
    return slice_eq_nocase(name, SLICE("host")) ||
           (name.len >= amz.len && slice_eq_nocase(slice_of(name.ptr, amz.len), amz));
}

static sigv4_status collect_signed_headers(sigv4_canonical *c, const sigv4_request *request,
                                           const sigv4_authorization *auth) {
    size_t hosts = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        const sigv4_pair *h = &request->headers[i];
        if (is_listed(auth->signed_headers, h->name)) {
            sigv4_canonical_add_header(c, h->name, h->value);
            hosts += slice_eq_nocase(h->name, SLICE("host"));
        } else if (must_be_signed(h->name)) {
            return SIGV4_UNSIGNED_HEADER;
        }
    }
    if (hosts > 1) return SIGV4_AMBIGUOUS;
    return hosts ? c->status : SIGV4_UNSIGNED_HEADER;
}

/* A date header that the signature's time was taken from must be signed, as x-amz-date must. */
static bool time_is_signed(const sigv4_request *request, const sigv4_authorization *auth) {
    slice ignored;
    if (find_header(request, SLICE("x-amz-date"), &ignored)) return true;
    if (find_parameter(request->query, SLICE("X-Amz-Date"), &ignored)) return true;
    return is_listed(auth->signed_headers, SLICE("date"));
}

/* The names of the headers that are there must be the list that was signed, byte for byte. So a
 * list that is unsorted, repeats a name, or names a header that is missing, is refused. */
static sigv4_status hash_request(sigv4_canonical *c, const sigv4_authorization *auth,
                                 unsigned char hash[DIGEST_SIZE]) {
    char storage[SIGV4_MAX_NAMES_LENGTH];
    buf names;
    buf_init_fixed(&names, storage, sizeof storage);
    sigv4_canonical_write_names(c, &names);
    if (!buf_ok(&names)) return SIGV4_TOO_MANY_HEADERS;
    if (!slice_eq(buf_slice(&names), auth->signed_headers)) return SIGV4_MALFORMED;
    return sigv4_canonical_hash(c, buf_slice(&names), NULL, hash);
}

/* What an unknown key is verified with: any secret does, because the answer is no already. */
static slice secret_of(const sigv4_policy *policy) {
    return policy->unknown_key ? SLICE("there is no such key, and this is no secret")
                               : policy->secret_access_key;
}

static sigv4_status compare_signature(const sigv4_authorization *auth, const sigv4_policy *policy,
                                      slice timestamp, const unsigned char hash[DIGEST_SIZE]) {
    char expected[DIGEST_HEX_SIZE];
    sigv4_key key;
    sigv4_key_derive(&key, secret_of(policy), auth->time, policy->region, policy->service);
    sigv4_canonical_sign(&key, timestamp, policy->region, policy->service, hash, NULL, expected);
    bool right = digest_equal(auth->signature, slice_of(expected, sizeof expected));
    buf_wipe(&key, sizeof key);
    buf_wipe(expected, sizeof expected); /* it would sign this very request */
    if (policy->unknown_key) return SIGV4_UNKNOWN_KEY;
    return right ? SIGV4_OK : SIGV4_WRONG_SIGNATURE;
}

sigv4_status sigv4_verify(const sigv4_request *request, const sigv4_authorization *auth,
                          const sigv4_policy *policy) {
    char timestamp_text[SIGV4_TIME_LENGTH + 1], body_hash[DIGEST_HEX_SIZE];
    unsigned char hash[DIGEST_SIZE];
    sigv4_canonical c;
    if (!sigv4_format_time(auth->time, timestamp_text)) return SIGV4_MALFORMED;
    slice timestamp = slice_of(timestamp_text, SIGV4_TIME_LENGTH);
    sigv4_status status = check_scope(auth, policy, timestamp);
    if (status == SIGV4_OK) status = check_time(auth, policy);
    sigv4_canonical_init(&c, request);
    c.normalize = policy->normalize;
    c.double_encode = policy->double_encode;
    if (status == SIGV4_OK) {
        status = check_payload(request, auth, policy, body_hash, &c.payload_hash);
    }
    sigv4_canonical_add_query(&c, request->query,
                              auth->query_form ? SLICE("X-Amz-Signature") : SLICE(""));
    if (status == SIGV4_OK) status = collect_signed_headers(&c, request, auth);
    if (status == SIGV4_OK && !time_is_signed(request, auth)) status = SIGV4_UNSIGNED_HEADER;
    if (status == SIGV4_OK) status = hash_request(&c, auth, hash);
    return status == SIGV4_OK ? compare_signature(auth, policy, timestamp, hash) : status;
}
