#include "sigv4_chunked.h"

#include <assert.h>

#include "sigv4_canonical.h"

#define CHUNK_ALGORITHM SIGV4_ALGORITHM "-PAYLOAD"
#define TRAILER_ALGORITHM SIGV4_ALGORITHM "-TRAILER"
#define TRAILER_SIGNATURE "x-amz-trailer-signature"

enum state { IN_LINE, IN_DATA, IN_DATA_CR, IN_DATA_LF, IN_TRAILER, DONE };

bool sigv4_chunked_announced(slice payload_hash, sigv4_chunked_form *form) {
    static const struct {
        slice word;
        sigv4_chunked_form form;
    } known[] = {
        {{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 34}, {true, false}},
        {{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", 42}, {true, true}},
        {{"STREAMING-UNSIGNED-PAYLOAD-TRAILER", 34}, {false, true}},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!slice_eq(payload_hash, known[i].word)) continue;
        *form = known[i].form;
        return true;
    }
    return false;
}

/* --- signatures ------------------------------------------------------------------------------- */

static void keep_scope(sigv4_chunked *r, const sigv4_chunked_seed *seed) {
    buf scope;
    buf_init_fixed(&scope, r->scope, sizeof r->scope);
    sigv4_canonical_write_scope(&scope, slice_of(r->timestamp, SIGV4_TIME_LENGTH), seed->region,
                                seed->service);
    assert(buf_ok(&scope));
    r->scope_length = scope.len;
}

void sigv4_chunked_init(sigv4_chunked *r, const sigv4_chunked_seed *seed) {
    memset(r, 0, sizeof *r);
    r->form = seed->form;
    r->declared = seed->decoded_length;
    digest_init(&r->chunk);
    if (!seed->form.is_signed) return;
    assert(seed->signature.len == DIGEST_HEX_SIZE);
    memcpy(r->previous, seed->signature.ptr, DIGEST_HEX_SIZE);
    sigv4_format_time(seed->time, r->timestamp);
    keep_scope(r, seed);
    sigv4_key_derive(&r->key, seed->secret_access_key, seed->time, seed->region, seed->service);
}

/* algorithm, time, scope, the signature before, and then what is signed: a line each. */
static void add_line(buf *text, slice line) {
    buf_add(text, line);
    buf_add_char(text, '\n');
}

static void begin_string_to_sign(const sigv4_chunked *r, slice algorithm, buf *text) {
    add_line(text, algorithm);
    add_line(text, slice_of(r->timestamp, SIGV4_TIME_LENGTH));
    add_line(text, slice_of(r->scope, r->scope_length));
    add_line(text, slice_of(r->previous, DIGEST_HEX_SIZE));
}

/* Compares the signature of the text with the one that was claimed, and keeps it for the next. */
static sigv4_chunked_status check_signature(sigv4_chunked *r, const buf *text) {
    unsigned char signature[DIGEST_SIZE];
    assert(buf_ok(text));
    digest_hmac(&r->key.hmac, buf_slice(text), signature);
    digest_hex(signature, r->previous);
    bool is_right = digest_equal(slice_of(r->claimed, sizeof r->claimed),
                                 slice_of(r->previous, sizeof r->previous));
    return is_right ? SIGV4_CHUNKED_OK : SIGV4_CHUNKED_WRONG_SIGNATURE;
}

enum {
    STRING_TO_SIGN_SIZE = sizeof CHUNK_ALGORITHM + SIGV4_TIME_LENGTH + SIGV4_CHUNKED_MAX_SCOPE +
                          3 * DIGEST_HEX_SIZE + 8
};

static sigv4_chunked_status check_chunk(sigv4_chunked *r) {
    char storage[STRING_TO_SIGN_SIZE];
    unsigned char hash[DIGEST_SIZE];
    buf text;
    if (!r->form.is_signed) return SIGV4_CHUNKED_OK;
    buf_init_fixed(&text, storage, sizeof storage);
    begin_string_to_sign(r, SLICE(CHUNK_ALGORITHM), &text);
    digest_of(SLICE(""), hash); /* of the chunk's headers, of which there are none */
    buf_add_hex(&text, hash, sizeof hash);
    buf_add_char(&text, '\n');
    digest_out(&r->chunk, hash);
    buf_add_hex(&text, hash, sizeof hash);
    digest_init(&r->chunk);
    return check_signature(r, &text);
}

static sigv4_chunked_status check_trailer(sigv4_chunked *r) {
    char storage[STRING_TO_SIGN_SIZE];
    unsigned char hash[DIGEST_SIZE];
    buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    begin_string_to_sign(r, SLICE(TRAILER_ALGORITHM), &text);
    digest_of(slice_of(r->trailer, r->trailer_length), hash);
    buf_add_hex(&text, hash, sizeof hash);
    return check_signature(r, &text);
}

/* --- a chunk's first line --------------------------------------------------------------------- */

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 1 to 15 digits: what they say fits 64 bits. */
static bool parse_size(slice text, uint64_t *size) {
    *size = 0;
    if (text.len < 1 || text.len > 15) return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_digit(text.ptr[i]);
        if (digit < 0) return false;
        *size = *size * 16 + (uint64_t)digit;
    }
    return true;
}

static bool keep_claim(sigv4_chunked *r, slice signature) {
    if (!sigv4_canonical_is_hash(signature)) return false;
    memcpy(r->claimed, signature.ptr, sizeof r->claimed);
    return true;
}

static bool parse_extension(sigv4_chunked *r, slice extension) {
    const slice name = SLICE("chunk-signature=");
    if (!r->form.is_signed) return extension.len == 0;
    return slice_starts_with(extension, name) && keep_claim(r, slice_from(extension, name.len));
}

static sigv4_chunked_status begin_data(sigv4_chunked *r, uint64_t size) {
    if (size > r->declared) return SIGV4_CHUNKED_WRONG_LENGTH;
    r->declared -= size;
    r->left = size;
    r->state = IN_DATA;
    return SIGV4_CHUNKED_OK;
}

/* The chunk of no bytes ends the body; what follows are lines again. */
static sigv4_chunked_status end_data(sigv4_chunked *r) {
    if (r->declared) return SIGV4_CHUNKED_WRONG_LENGTH;
    r->state = IN_TRAILER;
    return check_chunk(r);
}

static sigv4_chunked_status take_chunk_line(sigv4_chunked *r, slice line) {
    uint64_t size;
    size_t digits = slice_find(line, ';');
    if (!parse_size(slice_of(line.ptr, digits), &size)) return SIGV4_CHUNKED_MALFORMED;
    bool has_extension = digits < line.len;
    if (has_extension != r->form.is_signed) return SIGV4_CHUNKED_MALFORMED;
    if (!parse_extension(r, slice_from(line, digits + 1))) return SIGV4_CHUNKED_MALFORMED;
    return size ? begin_data(r, size) : end_data(r);
}

/* --- trailing headers ------------------------------------------------------------------------- */

static sigv4_chunked_status keep_header(sigv4_chunked *r, slice name, slice value) {
    buf kept;
    if (r->trailer_length + name.len + value.len + 2 > sizeof r->trailer) {
        return SIGV4_CHUNKED_TOO_LONG;
    }
    char *at = r->trailer + r->trailer_length;
    buf_init_fixed(&kept, at, sizeof r->trailer - r->trailer_length);
    for (size_t i = 0; i < name.len; i++) buf_add_char(&kept, ascii_lower(name.ptr[i]));
    buf_add_char(&kept, ':');
    add_line(&kept, value);
    r->trailer_length += kept.len;
    return SIGV4_CHUNKED_OK;
}

static sigv4_chunked_status finish(sigv4_chunked *r) {
    r->state = DONE;
    return SIGV4_CHUNKED_OK;
}

/* The trailer's signature is its last line; what an unsigned trailer claims is a header as any. */
static sigv4_chunked_status take_trailer_line(sigv4_chunked *r, slice line) {
    size_t colon = slice_find(line, ':');
    const bool must_be_signed = r->form.is_signed && r->form.has_trailer;
    if (line.len == 0 && !must_be_signed) return finish(r);
    if (line.len == 0 && r->trailer_length) return SIGV4_CHUNKED_OK; /* AWS's own example has one */
    if (!r->form.has_trailer || colon == 0 || colon == line.len) return SIGV4_CHUNKED_MALFORMED;
    slice name = slice_of(line.ptr, colon), value = slice_trim(slice_from(line, colon + 1), " \t");
    if (!must_be_signed || !slice_eq_nocase(name, SLICE(TRAILER_SIGNATURE))) {
        return keep_header(r, name, value);
    }
    if (!keep_claim(r, value)) return SIGV4_CHUNKED_MALFORMED;
    r->form.has_trailer = r->form.is_signed = false; /* nothing more may come but the last line */
    return check_trailer(r);
}

/* --- the machine ------------------------------------------------------------------------------ */

static sigv4_chunked_status take_line(sigv4_chunked *r, slice line) {
    if (line.len && line.ptr[line.len - 1] == '\r') line.len--;
    if (slice_has_line_break(line)) return SIGV4_CHUNKED_MALFORMED;
    return r->state == IN_LINE ? take_chunk_line(r, line) : take_trailer_line(r, line);
}

/* Collects bytes until a line is whole. */
static sigv4_chunked_status read_line(sigv4_chunked *r, slice *input) {
    size_t end = slice_find(*input, '\n');
    if (r->line_length + end > sizeof r->line) return SIGV4_CHUNKED_TOO_LONG;
    memcpy(r->line + r->line_length, input->ptr, end);
    r->line_length += end;
    if (end == input->len) {
        *input = slice_from(*input, end);
        return SIGV4_CHUNKED_OK;
    }
    *input = slice_from(*input, end + 1);
    slice line = slice_of(r->line, r->line_length);
    r->line_length = 0;
    return take_line(r, line);
}

static sigv4_chunked_status read_data(sigv4_chunked *r, slice *input, slice *payload) {
    size_t taken = input->len < r->left ? input->len : (size_t)r->left;
    *payload = slice_of(input->ptr, taken);
    *input = slice_from(*input, taken);
    r->left -= taken;
    if (r->form.is_signed) digest_update(&r->chunk, *payload);
    if (r->left) return SIGV4_CHUNKED_OK;
    r->state = IN_DATA_CR;
    return check_chunk(r);
}

static sigv4_chunked_status read_byte(sigv4_chunked *r, slice *input, char expected, int next) {
    if (input->ptr[0] != expected) return SIGV4_CHUNKED_MALFORMED;
    *input = slice_from(*input, 1);
    r->state = next;
    return SIGV4_CHUNKED_OK;
}

static sigv4_chunked_status advance(sigv4_chunked *r, slice *input, slice *payload) {
    switch (r->state) {
    case IN_DATA: return read_data(r, input, payload);
    case IN_DATA_CR: return read_byte(r, input, '\r', IN_DATA_LF);
    case IN_DATA_LF: return read_byte(r, input, '\n', IN_LINE);
    case DONE: return SIGV4_CHUNKED_MALFORMED; /* bytes after the end */
    default: return read_line(r, input);
    }
}

sigv4_chunked_status sigv4_chunked_read(sigv4_chunked *r, slice *input, slice *payload) {
    *payload = SLICE("");
    while (r->status == SIGV4_CHUNKED_OK && input->len && payload->len == 0) {
        r->status = advance(r, input, payload);
    }
    return r->status;
}

bool sigv4_chunked_is_done(const sigv4_chunked *r) {
    return r->status == SIGV4_CHUNKED_OK && r->state == DONE;
}

slice sigv4_chunked_trailer(const sigv4_chunked *r) {
    return slice_of(r->trailer, r->trailer_length);
}

bool sigv4_chunked_next_header(slice *rest, slice *name, slice *value) {
    if (rest->len == 0) return false;
    size_t end = slice_find(*rest, '\n');
    slice line = slice_of(rest->ptr, end);
    size_t colon = slice_find(line, ':');
    *name = slice_of(line.ptr, colon);
    *value = slice_from(line, colon + 1);
    *rest = slice_from(*rest, end + 1);
    return true;
}

/* --- words ------------------------------------------------------------------------------------ */

static const struct {
    const char *message;
    const char *code;
    int http_status;
} refusals[] = {
    [SIGV4_CHUNKED_OK] = {"the body is whole", "", 200},
    [SIGV4_CHUNKED_MALFORMED] = {"the body is not in the aws-chunked form that was announced",
                                 "InvalidRequest", 400},
    [SIGV4_CHUNKED_TOO_LONG] = {"a line or the trailer of the aws-chunked body is too long",
                                "InvalidRequest", 400},
    [SIGV4_CHUNKED_WRONG_SIGNATURE] = {"a chunk's or the trailer's signature does not match",
                                       "SignatureDoesNotMatch", 403},
    [SIGV4_CHUNKED_WRONG_LENGTH] = {"the chunks do not hold x-amz-decoded-content-length bytes",
                                    "IncompleteBody", 400},
};

const char *sigv4_chunked_message(sigv4_chunked_status status) {
    return refusals[status].message;
}

const char *sigv4_chunked_code(sigv4_chunked_status status) {
    return refusals[status].code;
}

int sigv4_chunked_http_status(sigv4_chunked_status status) {
    return refusals[status].http_status;
}
