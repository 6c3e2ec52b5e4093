#include "sigv4.h"

#include <assert.h>
#include <string.h>

#include "sigv4_canonical.h"
#include "uri.h"

/* --- time ------------------------------------------------------------------------------------- */

enum { SECONDS_A_DAY = 86400 };

/* The last second of the year 9999. */
static const long long last_time = 253402300799;

static long long day_of(long long time) {
    return time / SECONDS_A_DAY;
}

/* Days since 1970-01-01 in the Gregorian calendar, counted in years that begin in March, so that
 * the leap day is the last one of its year. */
static long long days_from_date(int year, int month, int day) {
    long long y = month > 2 ? year : year - 1;
    long long day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    long long before_1970 = 719468; /* from 0000-03-01 */
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - before_1970;
}

static void date_from_days(long long days, int *year, int *month, int *day) {
    *year = (int)(days / 365) + 1970;
    while (days_from_date(*year, 1, 1) > days) --*year;
    *month = 12;
    while (days_from_date(*year, *month, 1) > days) --*month;
    *day = (int)(days - days_from_date(*year, *month, 1)) + 1;
}

static void put_digits(char *out, int value, int digits) {
    for (; digits-- > 0; value /= 10) out[digits] = (char)('0' + value % 10);
}

bool sigv4_format_time(long long time, char out[SIGV4_TIME_LENGTH + 1]) {
    int year, month, day, second;
    if (time < 0 || time > last_time) return false;
    date_from_days(day_of(time), &year, &month, &day);
    second = (int)(time % SECONDS_A_DAY);
    memcpy(out, "yyyymmddThhmmssZ", SIGV4_TIME_LENGTH + 1);
    put_digits(out, year, 4);
    put_digits(out + 4, month, 2);
    put_digits(out + 6, day, 2);
    put_digits(out + 9, second / 3600, 2);
    put_digits(out + 11, second / 60 % 60, 2);
    put_digits(out + 13, second % 60, 2);
    return true;
}

static int digits_at(slice text, size_t from, size_t count) {
    int value = 0;
    for (size_t i = from; i < from + count; i++) {
        value = value * 10 + ((unsigned char)text.ptr[i] - '0') % 10;
    }
    return value;
}

/* Written again, the time must be the same text: so only digits in their places, and only dates
 * that exist, are taken. */
bool sigv4_parse_time(slice text, long long *time) {
    char again[SIGV4_TIME_LENGTH + 1];
    if (text.len != SIGV4_TIME_LENGTH) return false;
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < '0') return false;
    }
    long long days =
        days_from_date(digits_at(text, 0, 4), digits_at(text, 4, 2), digits_at(text, 6, 2));
    *time = days * SECONDS_A_DAY + digits_at(text, 9, 2) * 3600 + digits_at(text, 11, 2) * 60 +
            digits_at(text, 13, 2);
    return sigv4_format_time(*time, again) && slice_eq(text, slice_of(again, SIGV4_TIME_LENGTH));
}

static int month_of(slice name) {
    const slice months = SLICE("JanFebMarAprMayJunJulAugSepOctNovDec");
    for (size_t i = 0; i < months.len; i += name.len) {
        if (slice_eq(slice_of(months.ptr + i, name.len), name)) return (int)(i / name.len) + 1;
    }
    return 0;
}

/* Whether what stands between the words and numbers of the date is as in `form`, and the zone
 * behind it is Greenwich: mail's way to write it (RFC 5322, section 3.3) is botocore's. */
static bool has_form_of_http_date(slice text) {
    const slice form = SLICE("___, __ ___ ____ __:__:__ "), zone = slice_from(text, form.len);
    if (text.len < form.len) return false;
    for (size_t i = 0; i < form.len; i++) {
        if (form.ptr[i] != '_' && form.ptr[i] != text.ptr[i]) return false;
    }
    return slice_eq(zone, SLICE("GMT")) || slice_eq(zone, SLICE("-0000")) ||
           slice_eq(zone, SLICE("+0000"));
}

bool sigv4_parse_http_date(slice text, long long *time) {
    char basic[] = "yyyymmddThhmmssZ";
    if (!has_form_of_http_date(text)) return false;
    memcpy(basic, text.ptr + 12, 4);
    put_digits(basic + 4, month_of(slice_of(text.ptr + 8, 3)), 2);
    memcpy(basic + 6, text.ptr + 5, 2);
    memcpy(basic + 9, text.ptr + 17, 2);
    memcpy(basic + 11, text.ptr + 20, 2);
    memcpy(basic + 13, text.ptr + 23, 2);
    return sigv4_parse_time(slice_of(basic, SIGV4_TIME_LENGTH), time);
}

/* --- the signing key -------------------------------------------------------------------------- */

/* The secret with its prefix as an HMAC key. What does not fit into one block is hashed first,
 * which is HMAC's own rule, and so the same key. */
static void secret_key_init(digest_key *key, slice secret) {
    const slice prefix = SLICE("AWS4");
    char block[64];
    size_t len = prefix.len + secret.len;
    if (len <= sizeof block) {
        memcpy(block, prefix.ptr, prefix.len);
        if (secret.len) memcpy(block + prefix.len, secret.ptr, secret.len);
    } else {
        digest d;
        digest_init(&d);
        digest_update(&d, prefix);
        digest_update(&d, secret);
        digest_out(&d, (unsigned char *)block);
        buf_wipe(&d, sizeof d);
        len = DIGEST_SIZE;
    }
    digest_key_init(key, slice_of(block, len));
    buf_wipe(block, sizeof block);
}

/* The next key of the chain: the HMAC of `part` under the key before it. */
static void derive_next(digest_key *key, slice part) {
    unsigned char next[DIGEST_SIZE];
    digest_hmac(key, part, next);
    digest_key_init(key, slice_of((const char *)next, sizeof next));
    buf_wipe(next, sizeof next);
}

void sigv4_key_derive(sigv4_key *key, slice secret, long long time, slice region, slice service) {
    char timestamp[SIGV4_TIME_LENGTH + 1] = "";
    sigv4_format_time(time, timestamp);
    key->day = day_of(time);
    secret_key_init(&key->hmac, secret);
    derive_next(&key->hmac, slice_of(timestamp, 8));
    derive_next(&key->hmac, region);
    derive_next(&key->hmac, service);
    derive_next(&key->hmac, SLICE(SIGV4_TERMINATOR));
}

bool sigv4_key_fits(const sigv4_key *key, long long time) {
    return key->day == day_of(time);
}

/* --- signing ---------------------------------------------------------------------------------- */

void sigv4_signing_defaults(sigv4_signing *how, slice service) {
    how->normalize = how->double_encode = !sigv4_canonical_is_s3(service);
    how->sign_body = sigv4_canonical_is_s3(service);
    how->omit_session_token = false;
    how->expires = SIGV4_DEFAULT_EXPIRES;
}

/* Headers that connections, proxies and tracing may add or change on the way. */
static bool is_never_signed(slice name) {
    static const slice names[] = {SLICE_STATIC("authorization"),
                                  SLICE_STATIC("connection"),
                                  SLICE_STATIC("expect"),
                                  SLICE_STATIC("keep-alive"),
                                  SLICE_STATIC("te"),
                                  SLICE_STATIC("trailer"),
                                  SLICE_STATIC("upgrade"),
                                  SLICE_STATIC("transfer-encoding"),
                                  SLICE_STATIC("user-agent"),
                                  SLICE_STATIC("x-amzn-trace-id")};
    const slice proxy = SLICE("proxy-");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (slice_eq_nocase(name, names[i])) return true;
    }
    return name.len > proxy.len && slice_eq_nocase(slice_of(name.ptr, proxy.len), proxy);
}

/* Headers that signing sets itself. */
static bool is_replaced(slice name, const sigv4_signing *how) {
    return slice_eq_nocase(name, SLICE("x-amz-date")) ||
           slice_eq_nocase(name, SLICE("x-amz-security-token")) ||
           (how->sign_body && !how->query_form &&
            slice_eq_nocase(name, SLICE("x-amz-content-sha256")));
}

static sigv4_status check_signing(const sigv4_signing *how) {
    if (!sigv4_canonical_is_key_id(how->access_key_id)) return SIGV4_BAD_KEY_ID;
    if (slice_has_line_break(how->session_token)) return SIGV4_BAD_TOKEN;
    if (!sigv4_canonical_is_scope_part(how->region)) return SIGV4_BAD_SCOPE;
    if (!sigv4_canonical_is_scope_part(how->service)) return SIGV4_BAD_SCOPE;
    if (how->query_form && (how->expires < 1 || how->expires > SIGV4_MAX_EXPIRES)) {
        return SIGV4_BAD_EXPIRES;
    }
    return SIGV4_OK;
}

/* The parameters of the query form in any case: one more of them would make the query ambiguous. */
static bool is_presigned(slice query) {
    static const char *const names[] = {
        "X-Amz-Algorithm", "X-Amz-Credential",    "X-Amz-Date",          "X-Amz-Expires",
        "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Security-Token"};
    slice name, value;
    while (uri_next_pair(&query, &name, &value)) {
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (sigv4_canonical_name_is(name, slice_of_cstr(names[i]))) return true;
        }
    }
    return false;
}

/* The hash that the request gives, or else the body's. S3 does not sign the body of a query form,
 * since whoever uses the address sends it. */
static sigv4_status choose_payload_hash(const sigv4_request *request, const sigv4_signing *how,
                                        char out[DIGEST_HEX_SIZE + 1]) {
    slice given = request->payload_hash;
    if (given.len == 0 && how->query_form && sigv4_canonical_is_s3(how->service)) {
        given = SLICE(SIGV4_UNSIGNED_PAYLOAD);
    }
    if (given.len > DIGEST_HEX_SIZE) return SIGV4_BAD_PAYLOAD_HASH;
    if (given.len == 0) {
        unsigned char hash[DIGEST_SIZE];
        digest_of(request->body, hash);
        digest_hex(hash, out);
        out[DIGEST_HEX_SIZE] = '\0';
        return SIGV4_OK;
    }
    for (size_t i = 0; i < given.len; i++) {
        if (!uri_is_unreserved(given.ptr[i])) return SIGV4_BAD_PAYLOAD_HASH;
    }
    memcpy(out, given.ptr, given.len);
    out[given.len] = '\0';
    return SIGV4_OK;
}

static void collect_headers(sigv4_canonical *c, const sigv4_request *request,
                            const sigv4_signing *how, const sigv4_signature *out) {
    bool host = false;
    for (size_t i = 0; i < request->header_count; i++) {
        const sigv4_pair *h = &request->headers[i];
        if (is_never_signed(h->name) || is_replaced(h->name, how)) continue;
        host = host || slice_eq_nocase(h->name, SLICE("host"));
        sigv4_canonical_add_header(c, h->name, h->value);
    }
    if (!host && c->status == SIGV4_OK) c->status = SIGV4_NO_HOST;
    if (how->query_form) return;
    sigv4_canonical_add_header(c, SLICE("x-amz-date"), slice_of(out->timestamp, SIGV4_TIME_LENGTH));
    if (how->session_token.len && !how->omit_session_token) {
        sigv4_canonical_add_header(c, SLICE("x-amz-security-token"), how->session_token);
    }
    if (how->sign_body)
        sigv4_canonical_add_header(c, SLICE("x-amz-content-sha256"), c->payload_hash);
}

static void write_credential(buf *out, const sigv4_signing *how, slice timestamp) {
    buf_add(out, how->access_key_id);
    buf_add_char(out, '/');
    sigv4_canonical_write_scope(out, timestamp, how->region, how->service);
}

static void write_authorization(buf *out, const sigv4_signing *how, slice timestamp, slice names,
                                slice signature) {
    buf_add(out, SLICE(SIGV4_ALGORITHM " Credential="));
    write_credential(out, how, timestamp);
    buf_add(out, SLICE(", SignedHeaders="));
    buf_add(out, names);
    buf_add(out, SLICE(", Signature="));
    buf_add(out, signature);
}

/* What the query form adds, in the order in which it goes over the wire. */
typedef struct query_additions {
    size_t count;
    sigv4_pair at[7];
    char credential[SIGV4_MAX_KEY_ID_LENGTH + 2 * SIGV4_MAX_SCOPE_LENGTH + 32];
    char expires[8];
} query_additions;

static void add_parameter(query_additions *q, slice name, slice value) {
    q->at[q->count++] = (sigv4_pair){name, value};
}

/* All that is signed: all but the signature, and a token that is left out. */
static void list_signed_parameters(query_additions *q, const sigv4_signing *how, slice timestamp,
                                   slice names) {
    buf credential, expires;
    buf_init_fixed(&credential, q->credential, sizeof q->credential);
    buf_init_fixed(&expires, q->expires, sizeof q->expires);
    write_credential(&credential, how, timestamp);
    buf_add_int(&expires, how->expires);
    q->count = 0;
    add_parameter(q, SLICE("X-Amz-Algorithm"), SLICE(SIGV4_ALGORITHM));
    add_parameter(q, SLICE("X-Amz-Credential"), buf_slice(&credential));
    add_parameter(q, SLICE("X-Amz-Date"), timestamp);
    add_parameter(q, SLICE("X-Amz-SignedHeaders"), names);
    add_parameter(q, SLICE("X-Amz-Expires"), buf_slice(&expires));
    if (how->session_token.len && !how->omit_session_token) {
        add_parameter(q, SLICE("X-Amz-Security-Token"), how->session_token);
    }
}

static void write_query(buf *out, slice before, const query_additions *q) {
    buf_add(out, before);
    for (size_t i = 0; i < q->count; i++) {
        if (i || before.len) buf_add_char(out, '&');
        buf_add(out, q->at[i].name);
        buf_add_char(out, '=');
        uri_encode(out, q->at[i].value);
    }
}

/* From the collected request to the signature. */
static sigv4_status make_signature(sigv4_canonical *c, const sigv4_signing *how, slice names,
                                   sigv4_signature *out) {
    unsigned char hash[DIGEST_SIZE];
    sigv4_status status = sigv4_canonical_hash(c, names, out->canonical_request, hash);
    if (status != SIGV4_OK) return status;
    sigv4_canonical_sign(how->key, slice_of(out->timestamp, SIGV4_TIME_LENGTH), how->region,
                         how->service, hash, out->string_to_sign, out->hex);
    out->hex[DIGEST_HEX_SIZE] = '\0';
    return SIGV4_OK;
}

static sigv4_status sign_in_header(sigv4_canonical *c, const sigv4_signing *how, slice names,
                                   sigv4_signature *out) {
    sigv4_status status = make_signature(c, how, names, out);
    if (status == SIGV4_OK && out->authorization) {
        write_authorization(out->authorization, how, slice_of(out->timestamp, SIGV4_TIME_LENGTH),
                            names, slice_of(out->hex, DIGEST_HEX_SIZE));
    }
    return status;
}

static sigv4_status sign_in_query(sigv4_canonical *c, slice query, const sigv4_signing *how,
                                  slice names, sigv4_signature *out) {
    query_additions additions;
    list_signed_parameters(&additions, how, slice_of(out->timestamp, SIGV4_TIME_LENGTH), names);
    for (size_t i = 0; i < additions.count; i++) {
        sigv4_canonical_add_parameter(c, additions.at[i].name, additions.at[i].value);
    }
    sigv4_status status = make_signature(c, how, names, out);
    if (status != SIGV4_OK || !out->query) return status;
    add_parameter(&additions, SLICE("X-Amz-Signature"), slice_of(out->hex, DIGEST_HEX_SIZE));
    if (how->session_token.len && how->omit_session_token) {
        add_parameter(&additions, SLICE("X-Amz-Security-Token"), how->session_token);
    }
    write_query(out->query, query, &additions);
    return SIGV4_OK;
}

static bool wrote_all(const sigv4_signature *out) {
    const buf *const all[] = {out->authorization, out->query, out->canonical_request,
                              out->string_to_sign};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] && !buf_ok(all[i])) return false;
    }
    return true;
}

static sigv4_status sign_checked(const sigv4_request *request, const sigv4_signing *how,
                                 sigv4_signature *out) {
    char names_storage[SIGV4_MAX_NAMES_LENGTH];
    sigv4_canonical c;
    buf names;
    assert(sigv4_key_fits(how->key, how->time));
    sigv4_canonical_init(&c, request);
    c.payload_hash = slice_of_cstr(out->payload_hash);
    c.normalize = how->normalize;
    c.double_encode = how->double_encode;
    sigv4_canonical_add_query(&c, request->query, SLICE(""));
    collect_headers(&c, request, how, out);
    buf_init_fixed(&names, names_storage, sizeof names_storage);
    sigv4_canonical_write_names(&c, &names);
    if (!buf_ok(&names)) return SIGV4_TOO_MANY_HEADERS;
    sigv4_status status = how->query_form
                              ? sign_in_query(&c, request->query, how, buf_slice(&names), out)
                              : sign_in_header(&c, how, buf_slice(&names), out);
    out->culprit = c.culprit;
    return status == SIGV4_OK && !wrote_all(out) ? SIGV4_OUT_OF_SPACE : status;
}

sigv4_status sigv4_sign(const sigv4_request *request, const sigv4_signing *how,
                        sigv4_signature *out) {
    out->hex[0] = '\0';
    out->culprit = SLICE("");
    sigv4_status status = check_signing(how);
    if (status != SIGV4_OK) return status;
    if (!sigv4_format_time(how->time, out->timestamp)) return SIGV4_BAD_TIME;
    if (how->query_form && is_presigned(request->query)) return SIGV4_ALREADY_PRESIGNED;
    status = choose_payload_hash(request, how, out->payload_hash);
    return status == SIGV4_OK ? sign_checked(request, how, out) : status;
}

/* --- words ------------------------------------------------------------------------------------ */

typedef struct refusal {
    const char *message;
    const char *code;
    int http_status;
    const char *s3_code;
    int s3_http_status;
} refusal;

/* The codes are those of the 2021-05 reference's "Common Errors", of AWS's JSON services for what
 * it does not list (InvalidSignatureException, UnrecognizedClientException), and of S3's reference.
 */
/* The formatter's versions disagree about the blanks within. */
/* clang-format off */
#define MALFORMED(message) {message, "IncompleteSignature", 400, "AuthorizationHeaderMalformed", 400}
/* clang-format on */

static const refusal refusals[] = {
    [SIGV4_OK] = {"the signature is right", "", 200, "", 200},
    [SIGV4_BAD_METHOD] = MALFORMED("the method must be a word such as GET"),
    [SIGV4_BAD_PATH] = MALFORMED("the path must begin with a slash, without line breaks"),
    [SIGV4_BAD_QUERY] = MALFORMED("the query must not hold line breaks; percent-encode them"),
    [SIGV4_BAD_HEADER_NAME] = MALFORMED("a header's name must be made of letters, digits and -"),
    [SIGV4_BAD_HEADER_VALUE] = MALFORMED("a header's value must not hold control characters"),
    [SIGV4_NO_HOST] = MALFORMED("the request has no host header; add one"),
    [SIGV4_BAD_PAYLOAD_HASH] = MALFORMED(
        "the payload hash must be 64 hexadecimal digits or a word such as UNSIGNED-PAYLOAD"),
    [SIGV4_TOO_MANY_HEADERS] = MALFORMED("too many headers are to be signed: at most 128"),
    [SIGV4_TOO_MANY_PAIRS] = MALFORMED("the query has too many parameters: at most 256"),
    [SIGV4_TOO_MANY_SEGMENTS] = MALFORMED("the path has too many segments: at most 256"),
    [SIGV4_BAD_KEY_ID] = MALFORMED("the access key id must be 1 to 128 visible characters"),
    [SIGV4_BAD_TOKEN] = MALFORMED("the session token must not hold line breaks"),
    [SIGV4_BAD_SCOPE] = MALFORMED("region and service must be 1 to 64 letters, digits and hyphens"),
    [SIGV4_BAD_TIME] = MALFORMED("the time must lie in the years 1970 to 9999"),
    [SIGV4_BAD_EXPIRES] = MALFORMED("the validity must be 1 to 604800 seconds"),
    [SIGV4_ALREADY_PRESIGNED] =
        MALFORMED("the query is signed already; sign the one without X-Amz-*"),
    [SIGV4_OUT_OF_SPACE] = MALFORMED("the request is too large to be signed"),
    [SIGV4_MISSING] = {"the request is not signed", "MissingAuthenticationToken", 403,
                       "AccessDenied", 403},
    [SIGV4_AMBIGUOUS] = {"the request is signed more than once; sign it in one way",
                         "IncompleteSignature", 400, "InvalidArgument", 400},
    [SIGV4_MALFORMED] = MALFORMED("the signature's parameters are incomplete or malformed"),
    [SIGV4_UNSIGNED_HEADER] = {"host and every x-amz-* header must be signed",
                               "InvalidSignatureException", 403, "AccessDenied", 403},
    [SIGV4_WRONG_SCOPE] = {"the credential is scoped to another day, region or service",
                           "InvalidSignatureException", 403, "AuthorizationHeaderMalformed", 400},
    [SIGV4_SKEWED] = {"the request's time is too far from the server's time", "RequestExpired", 400,
                      "RequestTimeTooSkewed", 403},
    [SIGV4_EXPIRED] = {"the presigned request has expired", "RequestExpired", 400, "AccessDenied",
                       403},
    [SIGV4_NO_PAYLOAD_HASH] = {"the header x-amz-content-sha256 is missing",
                               "InvalidSignatureException", 403, "InvalidRequest", 400},
    [SIGV4_STREAMING] =
        {"this way of signing a body in chunks is not supported; sign the whole body",
         "InvalidSignatureException", 403, "NotImplemented", 501},
    [SIGV4_WRONG_PAYLOAD] = {"the body does not have the hash that was signed",
                             "InvalidSignatureException", 403, "XAmzContentSHA256Mismatch", 400},
    [SIGV4_UNKNOWN_KEY] = {"the access key id is not known here", "UnrecognizedClientException",
                           403, "InvalidAccessKeyId", 403},
    [SIGV4_WRONG_SIGNATURE] =
        {"the signature does not match the request; check the secret access key"
         " and what was signed",
         "InvalidSignatureException", 403, "SignatureDoesNotMatch", 403},
};

_Static_assert(sizeof refusals / sizeof *refusals == SIGV4_WRONG_SIGNATURE + 1,
               "every status has its words");

const char *sigv4_message(sigv4_status status) {
    return refusals[status].message;
}

const char *sigv4_code(sigv4_status status, bool s3) {
    return s3 ? refusals[status].s3_code : refusals[status].code;
}

int sigv4_http_status(sigv4_status status, bool s3) {
    return s3 ? refusals[status].s3_http_status : refusals[status].http_status;
}
