/* sigv4_canonical: the part of sigv4 that signing and verification share. Private to sigv4.
 *
 * A canonical request is collected (headers and query pairs go into sorted lists of fixed size),
 * then written straight into its hash. The first failure sticks, as in buf.
 */
#ifndef FINSPACE_SIGV4_CANONICAL_H
#define FINSPACE_SIGV4_CANONICAL_H

#include "sigv4.h"

#define SIGV4_ALGORITHM "AWS4-HMAC-SHA256"
#define SIGV4_TERMINATOR "aws4_request"
#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

typedef struct sigv4_canonical_parameter {
    slice name;
    slice value;
    bool on_wire; /* percent-encoded already */
} sigv4_canonical_parameter;

typedef struct sigv4_canonical {
    slice method;
    slice path;
    slice payload_hash;
    bool normalize;
    bool double_encode;
    sigv4_status status;
    slice culprit; /* the name of the header that failed */
    size_t header_count;
    size_t parameter_count;
    sigv4_pair headers[SIGV4_MAX_HEADERS]; /* sorted by lower-case name, then as given */
    sigv4_canonical_parameter parameters[SIGV4_MAX_PAIRS]; /* sorted by encoded name, then value */
} sigv4_canonical;

/* An empty one with the request's method and path, checked. */
void sigv4_canonical_init(sigv4_canonical *c, const sigv4_request *request);

void sigv4_canonical_add_header(sigv4_canonical *c, slice name, slice value);

/* Adds one pair that is not encoded yet. */
void sigv4_canonical_add_parameter(sigv4_canonical *c, slice name, slice value);

/* Adds the pairs of a query as it is on the wire, but those named `except` (may be empty). */
void sigv4_canonical_add_query(sigv4_canonical *c, slice query, slice except);

/* Writes the names of the headers: `a;b;c`. */
void sigv4_canonical_write_names(const sigv4_canonical *c, buf *out);

/* Hashes the canonical request; `names` is what sigv4_canonical_write_names wrote, `copy` (or NULL)
 * receives the text. Returns the first failure of all. */
sigv4_status sigv4_canonical_hash(sigv4_canonical *c, slice names, buf *copy,
                                  unsigned char out[DIGEST_SIZE]);

/* Writes `date/region/service/aws4_request`; `timestamp` begins with the date. */
void sigv4_canonical_write_scope(buf *out, slice timestamp, slice region, slice service);

/* Signs the hash of a canonical request; `copy` (or NULL) receives the string to sign. */
void sigv4_canonical_sign(const sigv4_key *key, slice timestamp, slice region, slice service,
                          const unsigned char hash[DIGEST_SIZE], buf *copy,
                          char hex[DIGEST_HEX_SIZE]);

/* Whether a query name on the wire, once decoded, is `plain`, in any case. */
bool sigv4_canonical_name_is(slice wire_name, slice plain);

/* Whether the bytes may stand in a credential scope, and are not too many. */
bool sigv4_canonical_is_scope_part(slice part);
bool sigv4_canonical_is_key_id(slice id);

/* S3 signs otherwise than the other services do. */
bool sigv4_canonical_is_s3(slice service);

/* Whether the text is a hash as 64 lower-case hexadecimal digits. */
bool sigv4_canonical_is_hash(slice text);

#endif
