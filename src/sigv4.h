/* sigv4: AWS Signature Version 4, for both ends of the wire.
 *
 *     request ──canonicalise──▶ canonical request ──hash──▶ string to sign ──HMAC──▶ signature
 *
 * Signing writes the signature into a header or into the query; verification takes a request apart,
 * and makes the same signature from it. Everything here is a function of its arguments: no clock,
 * no environment, no I/O, no heap. Requests are given as they go over the wire: the path and the
 * query percent-encoded, and only encoded further, by the rules below, for the canonical request.
 *
 * The rules are those of the "Signature Version 4 signing process" in AWS's General Reference, and
 * where that is silent, those of AWS's own signers:
 *  - Path: dot segments and doubled slashes are resolved (`normalize`), then each segment is
 *    encoded once more than on the wire (`double_encode`). S3 does neither: its path is signed as
 *    it stands.
 *  - Query: each name and value is decoded and encoded anew; pairs are sorted by encoded name, then
 *    by encoded value. A `+` is a plus sign.
 *  - Headers: names in lower case and sorted; values trimmed, runs of blanks folded to one, folded
 *    lines and headers of the same name joined with a comma. Never signed: what proxies and
 *    connections may change.
 */
#ifndef FINSPACE_SIGV4_H
#define FINSPACE_SIGV4_H

#include "buf.h"
#include "digest.h"

enum {
    SIGV4_MAX_HEADERS = 128,       /* that are signed */
    SIGV4_MAX_PAIRS = 256,         /* of the query, our own included */
    SIGV4_MAX_SEGMENTS = 256,      /* of a path that has to be normalized */
    SIGV4_MAX_NAMES_LENGTH = 4096, /* of the list of signed headers */
    SIGV4_MAX_SCOPE_LENGTH = 64,   /* of a region, and of a service */
    SIGV4_MAX_KEY_ID_LENGTH = 128,
    SIGV4_MAX_EXPIRES = 604800, /* a week, in seconds */
    SIGV4_DEFAULT_EXPIRES = 3600,
    SIGV4_TIME_LENGTH = 16 /* of 20150830T123600Z */
};

typedef enum sigv4_status {
    SIGV4_OK,

    /* The request cannot be signed, nor have been. */
    SIGV4_BAD_METHOD,
    SIGV4_BAD_PATH,
    SIGV4_BAD_QUERY,
    SIGV4_BAD_HEADER_NAME,
    SIGV4_BAD_HEADER_VALUE,
    SIGV4_NO_HOST,
    SIGV4_BAD_PAYLOAD_HASH,
    SIGV4_TOO_MANY_HEADERS,
    SIGV4_TOO_MANY_PAIRS,
    SIGV4_TOO_MANY_SEGMENTS,

    /* The signer's own part is wrong. */
    SIGV4_BAD_KEY_ID,
    SIGV4_BAD_TOKEN,
    SIGV4_BAD_SCOPE,
    SIGV4_BAD_TIME,
    SIGV4_BAD_EXPIRES,
    SIGV4_ALREADY_PRESIGNED,
    SIGV4_OUT_OF_SPACE, /* a buf of the caller's is full */

    /* Verification refuses the request. */
    SIGV4_MISSING,
    SIGV4_AMBIGUOUS,
    SIGV4_MALFORMED,
    SIGV4_UNSIGNED_HEADER,
    SIGV4_WRONG_SCOPE,
    SIGV4_SKEWED,
    SIGV4_EXPIRED,
    SIGV4_NO_PAYLOAD_HASH,
    SIGV4_STREAMING,
    SIGV4_WRONG_PAYLOAD,
    SIGV4_UNKNOWN_KEY,
    SIGV4_WRONG_SIGNATURE
} sigv4_status;

typedef struct sigv4_pair {
    slice name;
    slice value;
} sigv4_pair;

/* A request as it is on the wire, and how each field may be refused. All slices are borrowed. */
typedef struct sigv4_request {
    slice method; /* a token of HTTP: BAD_METHOD */
    slice path;   /* without the query; empty counts as `/`: BAD_PATH, TOO_MANY_SEGMENTS */
    slice query;  /* without the `?`: BAD_QUERY, TOO_MANY_PAIRS */
    const sigv4_pair *headers; /* BAD_HEADER_NAME, BAD_HEADER_VALUE, NO_HOST, TOO_MANY_HEADERS */
    size_t header_count;
    slice body;
    slice payload_hash; /* 64 hexadecimal digits, or a word such as UNSIGNED-PAYLOAD, instead of
                         * the body's hash; empty: the body is hashed. BAD_PAYLOAD_HASH */
} sigv4_request;

/* A signing key: good for one day (UTC), region and service. Secret; wipe it with buf_wipe. */
typedef struct sigv4_key {
    digest_key hmac;
    long long day; /* since 1970-01-01 */
} sigv4_key;

void sigv4_key_derive(sigv4_key *key, slice secret_access_key, long long time, slice region,
                      slice service);

/* Whether the key is for the day of `time` (seconds since 1970). */
bool sigv4_key_fits(const sigv4_key *key, long long time);

/* Who signs, what for, and how; and how each field may be refused. All slices are borrowed. */
typedef struct sigv4_signing {
    slice access_key_id;  /* BAD_KEY_ID */
    slice session_token;  /* may be empty: BAD_TOKEN */
    slice region;         /* BAD_SCOPE */
    slice service;        /* BAD_SCOPE */
    const sigv4_key *key; /* must fit `time` */
    long long time;       /* seconds since 1970: BAD_TIME */
    long long expires;    /* query form: seconds, 1 to SIGV4_MAX_EXPIRES: BAD_EXPIRES */
    bool query_form;
    bool normalize;
    bool double_encode;
    bool sign_body;          /* header form: x-amz-content-sha256 is added, and signed */
    bool omit_session_token; /* the token is added after signing, and not signed */
} sigv4_signing;

/* Fills in the switches that a service wants: S3 signs the body and takes paths as they are. */
void sigv4_signing_defaults(sigv4_signing *how, slice service);

/* What signing gives. The caller sets the four bufs before (those that it wants, else NULL). */
typedef struct sigv4_signature {
    buf *authorization;     /* header form: the value of Authorization */
    buf *query;             /* query form: the whole query for the wire */
    buf *canonical_request; /* the stages, for who has to find out why a signature does not match */
    buf *string_to_sign;
    char timestamp[SIGV4_TIME_LENGTH + 1];  /* the value of x-amz-date */
    char hex[DIGEST_HEX_SIZE + 1];          /* the signature */
    char payload_hash[DIGEST_HEX_SIZE + 1]; /* the body's hash, or the word that was given */
    slice culprit; /* on SIGV4_BAD_HEADER_*: the name of the header; borrowed from the request */
} sigv4_signature;

/* Signs. Headers of the request that signing itself sets (authorization, x-amz-date,
 * x-amz-security-token, and with sign_body x-amz-content-sha256) are replaced, so that a request
 * can be signed again. To be added by the caller, in the header form: x-amz-date, authorization,
 * x-amz-security-token when there is a token, x-amz-content-sha256 when sign_body is set. */
sigv4_status sigv4_sign(const sigv4_request *request, const sigv4_signing *how,
                        sigv4_signature *out);

/* What a request says about its own signature; nothing of it is proven. Slices are borrowed from
 * the request or from the storage. */
typedef struct sigv4_authorization {
    bool query_form;
    slice access_key_id;
    slice date; /* of the credential scope: 20150830 */
    slice region;
    slice service;
    slice signed_headers; /* a;b;c */
    slice signature;      /* 64 hexadecimal digits */
    slice session_token;  /* empty when there is none */
    slice payload_hash;   /* the value of x-amz-content-sha256; empty when there is none */
    long long time;       /* seconds since 1970 */
    long long expires;    /* query form: seconds of validity from `time` on */
} sigv4_authorization;

/* Takes the authorization out of a request, in either form. Refuses one that is missing, malformed,
 * or said twice. `storage` receives what had to be decoded and must have room for
 * request->query.len bytes. */
sigv4_status sigv4_parse(const sigv4_request *request, buf *storage, sigv4_authorization *out);

/* What the verifier holds a request against. */
typedef struct sigv4_policy {
    slice secret_access_key; /* of auth->access_key_id */
    bool unknown_key;        /* there is no such key: do the same work, then refuse */
    bool body_pending;       /* the body has not been read: take the declared hash on trust, and
                              * let the caller compare it when the body is there */
    slice region;
    slice service;
    long long now;      /* seconds since 1970 */
    long long max_skew; /* seconds */
    bool normalize;
    bool double_encode;
} sigv4_policy;

/* Fills in the switches that a service wants. */
void sigv4_policy_defaults(sigv4_policy *policy, slice service);

/* Says whether the request was signed with the secret, for this region and service, now, and with
 * nothing that matters left out. request->payload_hash, if given, must be the hash of the body as
 * it arrived. Takes the same time for a wrong signature as for an unknown key. */
sigv4_status sigv4_verify(const sigv4_request *request, const sigv4_authorization *auth,
                          const sigv4_policy *policy);

/* What went wrong, in words, with what to do about it; holds nothing of the request. */
const char *sigv4_message(sigv4_status status);

/* The refusal as AWS names it, for S3 or for its other services, and the HTTP status beside it. */
const char *sigv4_code(sigv4_status status, bool s3);
int sigv4_http_status(sigv4_status status, bool s3);

/* Writes 20150830T123600Z and a NUL. False when the year would not have four digits. */
bool sigv4_format_time(long long time, char out[SIGV4_TIME_LENGTH + 1]);

/* Reads exactly that form, as a date that exists. */
bool sigv4_parse_time(slice text, long long *time);

/* Reads HTTP's form, Sun, 30 Aug 2015 12:36:00 GMT (RFC 9110, section 5.6.7), which the header
 * `date` has, and -0000 or +0000 in place of GMT; the name of the day is not compared with the
 * date. */
bool sigv4_parse_http_date(slice text, long long *time);

#endif
