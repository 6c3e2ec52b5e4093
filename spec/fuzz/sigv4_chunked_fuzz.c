/* modules: sigv4_chunked sigv4 sigv4_canonical digest digest_sha_ni digest_armv8 uri buf */

/* Bodies made of arbitrary bytes are read as chunks. What must hold: nothing is read or written
 * outside its bounds; how the bytes are cut into pieces makes no difference; no more is handed on
 * than was declared, and all of it where the reader says that it is done; a signed body that nobody
 * signed is never done; and a frame that we write ourselves is read back.
 *
 * An input is a byte of switches, the size of the pieces, the declared length, and the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sigv4_chunked.h"

enum { HEADER = 3 };

typedef struct outcome {
    sigv4_chunked_status status;
    bool is_done;
    size_t length;
    char *payload;
} outcome;

static void must(bool holds) {
    if (!holds) abort();
}

static sigv4_chunked_seed seed_of(unsigned switches, uint64_t length) {
    return (sigv4_chunked_seed){
        .form = {.is_signed = switches & 1, .has_trailer = switches & 2},
        .secret_access_key = SLICE("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        .signature = SLICE("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"),
        .time = 1369353600,
        .region = SLICE("us-east-1"),
        .service = SLICE("s3"),
        .decoded_length = length,
    };
}

/* A piece is given in memory of its own size, so that one byte too many is seen. */
static void read_piece(sigv4_chunked *reader, slice piece, outcome *out) {
    char *memory = malloc(piece.len + 1);
    must(memory != NULL);
    memcpy(memory, piece.ptr, piece.len);
    slice rest = slice_of(memory, piece.len), payload;
    do {
        out->status = sigv4_chunked_read(reader, &rest, &payload);
        if (out->status != SIGV4_CHUNKED_OK) break;
        memcpy(out->payload + out->length, payload.ptr, payload.len);
        out->length += payload.len;
    } while (rest.len);
    free(memory);
}

static void walk_trailer(const sigv4_chunked *reader) {
    slice rest = sigv4_chunked_trailer(reader), name, value;
    while (sigv4_chunked_next_header(&rest, &name, &value)) {
        must(name.len + value.len <= SIGV4_CHUNKED_MAX_TRAILER);
    }
}

static outcome read_all(const sigv4_chunked_seed *seed, slice body, size_t piece) {
    outcome out = {.payload = malloc(body.len + 1)};
    sigv4_chunked reader;
    must(out.payload != NULL);
    sigv4_chunked_init(&reader, seed);
    for (size_t at = 0; at < body.len && out.status == SIGV4_CHUNKED_OK; at += piece) {
        size_t left = body.len - at;
        read_piece(&reader, slice_of(body.ptr + at, left < piece ? left : piece), &out);
    }
    out.is_done = sigv4_chunked_is_done(&reader);
    must(out.length <= seed->decoded_length);
    must(!out.is_done || out.length == seed->decoded_length);
    walk_trailer(&reader);
    buf_wipe(&reader, sizeof reader);
    return out;
}

static void compare(const sigv4_chunked_seed *seed, slice body, size_t piece) {
    outcome whole = read_all(seed, body, body.len + 1), pieces = read_all(seed, body, piece);
    must(whole.status == pieces.status && whole.is_done == pieces.is_done);
    if (whole.status == SIGV4_CHUNKED_OK) { /* of what failed nothing is kept */
        must(whole.length == pieces.length);
        must(!memcmp(whole.payload, pieces.payload, whole.length));
    }
    must(!whole.is_done || !seed->form.is_signed);
    free(whole.payload);
    free(pieces.payload);
}

static void add_chunk(buf *frame, slice bytes) {
    char line[32];
    int length = snprintf(line, sizeof line, "%zx\r\n", bytes.len);
    buf_add(frame, slice_of(line, (size_t)length));
    buf_add(frame, bytes);
    if (bytes.len) buf_add(frame, SLICE("\r\n"));
}

static void read_back(slice payload, size_t chunk) {
    sigv4_chunked_seed seed = seed_of(2, payload.len);
    buf frame;
    buf_init(&frame, 1 << 20);
    for (size_t at = 0; at < payload.len; at += chunk) {
        size_t left = payload.len - at;
        add_chunk(&frame, slice_of(payload.ptr + at, left < chunk ? left : chunk));
    }
    add_chunk(&frame, SLICE(""));
    buf_add(&frame, SLICE("x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"));
    outcome out = read_all(&seed, buf_slice(&frame), chunk);
    must(out.is_done && !memcmp(out.payload, payload.ptr, payload.len));
    free(out.payload);
    buf_free(&frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < HEADER) return 0;
    slice body = slice_of((const char *)data + HEADER, size - HEADER);
    size_t piece = (size_t)data[1] + 1;
    sigv4_chunked_seed seed = seed_of(data[0], data[2]);
    compare(&seed, body, piece);
    read_back(body, piece);
    return 0;
}
