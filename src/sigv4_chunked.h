/* sigv4_chunked: bodies in aws-chunked form, as S3's streaming uploads send them.
 *
 *     10000;chunk-signature=<64 digits>\r\n <0x10000 bytes> \r\n … 0;chunk-signature=…\r\n
 *     x-amz-checksum-crc32c:sOO8/Q==\r\n x-amz-trailer-signature:<64 digits>\r\n \r\n
 *
 * A state machine that is fed bytes, in pieces of any size. Each chunk is signed over the signature
 * before it, the first over the request's own, and the trailer over the last chunk's; an unsigned
 * body has the frame alone. What a chunk holds is handed on before its signature is known, because
 * a chunk may be larger than memory: the owner must keep nothing of it until the reader is done.
 *
 * The rules are those of "Signature calculations for the Authorization header: transferring payload
 * in multiple chunks" in the Amazon S3 API reference, with and without trailing headers.
 */
#ifndef FINSPACE_SIGV4_CHUNKED_H
#define FINSPACE_SIGV4_CHUNKED_H

#include <stdint.h>

#include "sigv4.h"

enum {
    SIGV4_CHUNKED_MAX_LINE = 256,     /* of a chunk's first line */
    SIGV4_CHUNKED_MAX_TRAILER = 4096, /* of all trailing headers */
    SIGV4_CHUNKED_MAX_SCOPE = 2 * SIGV4_MAX_SCOPE_LENGTH + 32
};

/* What the header x-amz-content-sha256 may announce. */
typedef struct sigv4_chunked_form {
    bool is_signed;
    bool has_trailer;
} sigv4_chunked_form;

/* Whether `payload_hash` is one of the three words that announce chunks; `form` says which. */
bool sigv4_chunked_announced(slice payload_hash, sigv4_chunked_form *form);

typedef enum sigv4_chunked_status {
    SIGV4_CHUNKED_OK,
    SIGV4_CHUNKED_MALFORMED,       /* the frame is not one */
    SIGV4_CHUNKED_TOO_LONG,        /* a line, or the trailer, is beyond its limit */
    SIGV4_CHUNKED_WRONG_SIGNATURE, /* of a chunk or of the trailer */
    SIGV4_CHUNKED_WRONG_LENGTH     /* more or fewer bytes than were declared */
} sigv4_chunked_status;

/* What a body is read against. All slices are borrowed for sigv4_chunked_init alone. */
typedef struct sigv4_chunked_seed {
    sigv4_chunked_form form;
    slice secret_access_key; /* these five: for a signed form */
    slice signature;         /* the request's, 64 hexadecimal digits */
    long long time;
    slice region;
    slice service;
    uint64_t decoded_length; /* the bytes that all chunks hold */
} sigv4_chunked_seed;

/* A body that is being read. Holds no pointers and no secret but the key of the day; wipe it with
 * buf_wipe. */
typedef struct sigv4_chunked {
    sigv4_chunked_form form;
    sigv4_key key;
    int state;
    sigv4_chunked_status status;
    uint64_t declared; /* bytes that are still to come: of the body, and of the chunk */
    uint64_t left;
    digest chunk;
    size_t line_length, trailer_length, scope_length;
    char timestamp[SIGV4_TIME_LENGTH + 1];
    char scope[SIGV4_CHUNKED_MAX_SCOPE];
    char previous[DIGEST_HEX_SIZE]; /* signature */
    char claimed[DIGEST_HEX_SIZE];  /* by the chunk at hand */
    char line[SIGV4_CHUNKED_MAX_LINE];
    char trailer[SIGV4_CHUNKED_MAX_TRAILER]; /* name:value\n for each */
} sigv4_chunked;

/* Begins. The region and the service must be parts of a scope (SIGV4_MAX_SCOPE_LENGTH), the
 * signature 64 digits, as sigv4_verify has checked them. */
void sigv4_chunked_init(sigv4_chunked *reader, const sigv4_chunked_seed *seed);

/* Takes bytes from the front of `input`, and sets `payload` to those of the body among them, which
 * may be none; borrowed from `input`. Call it until `input` is empty. The first failure sticks. */
sigv4_chunked_status sigv4_chunked_read(sigv4_chunked *reader, slice *input, slice *payload);

/* Whether the last byte has come and every signature and length was right. */
bool sigv4_chunked_is_done(const sigv4_chunked *reader);

/* Cuts the next trailing header from `rest`, which begins as the whole trailer
 * (sigv4_chunked_trailer). False when there is none left. */
slice sigv4_chunked_trailer(const sigv4_chunked *reader);
bool sigv4_chunked_next_header(slice *rest, slice *name, slice *value);

/* What went wrong, in words; S3's code for it, and the HTTP status beside that. */
const char *sigv4_chunked_message(sigv4_chunked_status status);
const char *sigv4_chunked_code(sigv4_chunked_status status);
int sigv4_chunked_http_status(sigv4_chunked_status status);

#endif
