#include "sigv4_canonical.h"

#include <stdint.h>
#include <string.h>

#include "uri.h"

/* --- bytes ------------------------------------------------------------------------------------ */

/* RFC 3986, section 3.3: what may stand unencoded in a path, with its slashes and escapes. */
static bool is_path_byte(char c) {
    return uri_is_unreserved(c) || (c != '\0' && strchr("/%!$&'()*+,;=:@", c));
}

bool sigv4_canonical_is_scope_part(slice part) {
    for (size_t i = 0; i < part.len; i++) {
        if (!uri_is_unreserved(part.ptr[i])) return false;
    }
    return part.len > 0 && part.len <= SIGV4_MAX_SCOPE_LENGTH;
}

/* Services other than AWS's have ids such as `account:user`: any visible byte that would not tear
 * the Authorization header apart. */
bool sigv4_canonical_is_key_id(slice id) {
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (c <= ' ' || c > '~' || c == '/' || c == ',') return false;
    }
    return id.len > 0 && id.len <= SIGV4_MAX_KEY_ID_LENGTH;
}

bool sigv4_canonical_is_s3(slice service) {
    return slice_eq(service, SLICE("s3"));
}

bool sigv4_canonical_is_hash(slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f')) return false;
    }
    return text.len == DIGEST_HEX_SIZE;
}

/* --- percent-encoding, one byte at a time ----------------------------------------------------- */

/* Cuts the next byte from `rest`, decoding it when it is an escape on the wire, and writes its
 * canonical form: itself or %XX. Returns how many bytes that is; 0 at the end. */
static size_t next_encoded(slice *rest, bool on_wire, char out[3]) {
    static const char digits[] = "0123456789ABCDEF";
    if (rest->len == 0) return 0;
    unsigned char byte = (unsigned char)rest->ptr[0];
    size_t taken = 1;
    if (byte == '%' && on_wire && rest->len > 2) {
        int high = uri_hex_value(rest->ptr[1]), low = uri_hex_value(rest->ptr[2]);
        if (high >= 0 && low >= 0) {
            byte = (unsigned char)(high * 16 + low);
            taken = 3;
        }
    }
    *rest = slice_from(*rest, taken);
    if (uri_is_unreserved((char)byte)) {
        out[0] = (char)byte;
        return 1;
    }
    out[0] = '%';
    out[1] = digits[byte >> 4];
    out[2] = digits[byte & 15];
    return 3;
}

/* Compares two texts by their canonical forms, without writing these down. An escape and a byte
 * that stands for itself differ in their first byte, so a different length never hides an order. */
static int compare_encoded(slice a, bool a_on_wire, slice b, bool b_on_wire) {
    for (;;) {
        char from_a[3], from_b[3];
        size_t a_len = next_encoded(&a, a_on_wire, from_a);
        size_t b_len = next_encoded(&b, b_on_wire, from_b);
        if (a_len == 0 || b_len == 0) return (a_len != 0) - (b_len != 0);
        int order = memcmp(from_a, from_b, a_len < b_len ? a_len : b_len);
        if (order) return order;
    }
}

bool sigv4_canonical_name_is(slice wire_name, slice plain) {
    char from_wire[3], from_plain[3];
    for (;;) {
        size_t wire_len = next_encoded(&wire_name, true, from_wire);
        size_t plain_len = next_encoded(&plain, false, from_plain);
        if (wire_len != plain_len) return false;
        if (wire_len == 0) return true;
        if (!slice_eq_nocase(slice_of(from_wire, wire_len), slice_of(from_plain, plain_len))) {
            return false;
        }
    }
}

/* --- collecting ------------------------------------------------------------------------------- */

/* The first fault stays, with the header that it is about, if it is about one. */
static void fail_at(sigv4_canonical *c, sigv4_status status, slice culprit) {
    if (c->status != SIGV4_OK) return;
    c->status = status;
    c->culprit = culprit;
}

static void fail(sigv4_canonical *c, sigv4_status status) {
    fail_at(c, status, SLICE(""));
}

void sigv4_canonical_init(sigv4_canonical *c, const sigv4_request *request) {
    c->method = request->method;
    c->path = request->path.len ? request->path : SLICE("/");
    c->payload_hash = request->payload_hash;
    c->normalize = c->double_encode = false;
    c->status = SIGV4_OK;
    c->culprit = SLICE("");
    c->header_count = c->parameter_count = 0;
    if (!slice_is_token(c->method)) fail(c, SIGV4_BAD_METHOD);
    if (c->path.ptr[0] != '/' || slice_has_line_break(c->path)) fail(c, SIGV4_BAD_PATH);
}

static int compare_names(slice a, slice b) {
    size_t shorter = a.len < b.len ? a.len : b.len;
    for (size_t i = 0; i < shorter; i++) {
        int order = (unsigned char)ascii_lower(a.ptr[i]) - (unsigned char)ascii_lower(b.ptr[i]);
        if (order) return order;
    }
    return (a.len > b.len) - (a.len < b.len);
}

/* Inserts behind its equals, so that headers of the same name keep their order. */
void sigv4_canonical_add_header(sigv4_canonical *c, slice name, slice value) {
    if (!slice_is_token(name)) fail_at(c, SIGV4_BAD_HEADER_NAME, name);
    if (c->header_count == SIGV4_MAX_HEADERS) fail(c, SIGV4_TOO_MANY_HEADERS);
    if (c->status != SIGV4_OK) return;
    size_t at = c->header_count++;
    for (; at > 0 && compare_names(c->headers[at - 1].name, name) > 0; at--) {
        c->headers[at] = c->headers[at - 1];
    }
    c->headers[at] = (sigv4_pair){name, value};
}

static int compare_parameters(const sigv4_canonical_parameter *a,
                              const sigv4_canonical_parameter *b) {
    int order = compare_encoded(a->name, a->on_wire, b->name, b->on_wire);
    return order ? order : compare_encoded(a->value, a->on_wire, b->value, b->on_wire);
}

static void insert_parameter(sigv4_canonical *c, sigv4_canonical_parameter p) {
    if (c->parameter_count == SIGV4_MAX_PAIRS) fail(c, SIGV4_TOO_MANY_PAIRS);
    if (c->status != SIGV4_OK) return;
    size_t at = c->parameter_count++;
    for (; at > 0 && compare_parameters(&c->parameters[at - 1], &p) > 0; at--) {
        c->parameters[at] = c->parameters[at - 1];
    }
    c->parameters[at] = p;
}

void sigv4_canonical_add_parameter(sigv4_canonical *c, slice name, slice value) {
    insert_parameter(c, (sigv4_canonical_parameter){name, value, false});
}

void sigv4_canonical_add_query(sigv4_canonical *c, slice query, slice except) {
    sigv4_canonical_parameter p = {.on_wire = true};
    if (slice_has_line_break(query)) fail(c, SIGV4_BAD_QUERY);
    while (uri_next_pair(&query, &p.name, &p.value)) {
        if (except.len == 0 || !sigv4_canonical_name_is(p.name, except)) insert_parameter(c, p);
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Bytes on their way into the hash, gathered so that the hash is not called for each of them. */
typedef struct writer {
    digest hash;
    buf *copy; /* or NULL */
    size_t used;
    char chunk[512];
} writer;

static void flush(writer *w) {
    slice gathered = slice_of(w->chunk, w->used);
    digest_update(&w->hash, gathered);
    if (w->copy) buf_add(w->copy, gathered);
    w->used = 0;
}

static void put(writer *w, slice bytes) {
    while (bytes.len) {
        if (w->used == sizeof w->chunk) flush(w);
        size_t room = sizeof w->chunk - w->used;
        size_t taken = bytes.len < room ? bytes.len : room;
        memcpy(w->chunk + w->used, bytes.ptr, taken);
        w->used += taken;
        bytes = slice_from(bytes, taken);
    }
}

static void put_char(writer *w, char c) {
    if (w->used == sizeof w->chunk) flush(w);
    w->chunk[w->used++] = c;
}

/* The bytes at the beginning that stand for themselves in a path. */
static size_t plain_length(slice path, bool double_encode) {
    size_t len = 0;
    for (; len < path.len; len++) {
        char c = path.ptr[len];
        if (!(double_encode ? c == '/' || uri_is_unreserved(c) : is_path_byte(c))) break;
    }
    return len;
}

static void put_segment(writer *w, slice segment, bool double_encode) {
    while (segment.len) {
        char encoded[3];
        size_t plain = plain_length(segment, double_encode);
        put(w, slice_of(segment.ptr, plain));
        segment = slice_from(segment, plain);
        if (segment.len) put(w, slice_of(encoded, next_encoded(&segment, false, encoded)));
    }
}

/* Whether the path holds a dot segment or a doubled slash; most do not. A name that begins with a
 * dot counts too, which only costs time. */
static bool may_need_normalizing(slice path) {
    for (size_t i = 1; i < path.len; i++) {
        if (path.ptr[i - 1] == '/' && (path.ptr[i] == '/' || path.ptr[i] == '.')) return true;
    }
    return false;
}

/* RFC 3986, section 5.2.4, except that empty segments go too and that `/a/b/..` is `/a`: as AWS's
 * own signers have it. */
static void put_normalized_path(writer *w, sigv4_canonical *c) {
    slice kept[SIGV4_MAX_SEGMENTS];
    size_t count = 0;
    for (slice rest = slice_from(c->path, 1); rest.len;) {
        size_t end = slice_find(rest, '/');
        slice segment = slice_of(rest.ptr, end);
        rest = slice_from(rest, end + 1);
        if (segment.len == 0 || slice_eq(segment, SLICE("."))) continue;
        if (slice_eq(segment, SLICE(".."))) {
            if (count) count--;
        } else if (count == SIGV4_MAX_SEGMENTS) {
            fail(c, SIGV4_TOO_MANY_SEGMENTS);
            return;
        } else {
            kept[count++] = segment;
        }
    }
    for (size_t i = 0; i < count; i++) {
        put_char(w, '/');
        put_segment(w, kept[i], c->double_encode);
    }
    if (count == 0 || c->path.ptr[c->path.len - 1] == '/') put_char(w, '/');
}

static void put_path(writer *w, sigv4_canonical *c) {
    if (c->normalize && may_need_normalizing(c->path)) {
        put_normalized_path(w, c);
    } else {
        put_segment(w, c->path, c->double_encode);
    }
}

static void put_encoded(writer *w, slice text, bool on_wire) {
    char encoded[3];
    for (size_t len; (len = next_encoded(&text, on_wire, encoded)) > 0;) {
        put(w, slice_of(encoded, len));
    }
}

static void put_query(writer *w, const sigv4_canonical *c) {
    for (size_t i = 0; i < c->parameter_count; i++) {
        const sigv4_canonical_parameter *p = &c->parameters[i];
        if (i) put_char(w, '&');
        put_encoded(w, p->name, p->on_wire);
        put_char(w, '=');
        put_encoded(w, p->value, p->on_wire);
    }
}

/* The length of the visible bytes at the beginning; eight are looked at together, because a session
 * token is most of what is signed. */
static size_t word_length(slice text) {
    const uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    size_t len = 0;
    for (uint64_t eight; text.len - len >= sizeof eight; len += sizeof eight) {
        memcpy(&eight, text.ptr + len, sizeof eight);
        if ((eight - ones * 0x21) & ~eight & high) break; /* one of them is below 0x21 */
    }
    while (len < text.len && (unsigned char)text.ptr[len] > ' ') len++;
    return len;
}

/* Cuts the blanks at the beginning of `rest`, a line that is folded among them: all of them count
 * as one blank. False at a control character, which no header may hold. */
static bool cut_blanks(slice *rest) {
    for (; rest->len && (unsigned char)rest->ptr[0] <= ' '; *rest = slice_from(*rest, 1)) {
        char c = rest->ptr[0], next = rest->len > 1 ? rest->ptr[1] : '\0';
        bool folds = c == '\n' && (next == ' ' || next == '\t');
        if (!folds && c != ' ' && c != '\t' && !(c == '\r' && next == '\n')) return false;
    }
    return true;
}

static bool put_header_value(writer *w, slice value) {
    bool first = true;
    while (value.len) {
        slice word = slice_of(value.ptr, word_length(value));
        value = slice_from(value, word.len);
        if (word.len) {
            if (!first) put_char(w, ' ');
            put(w, word);
            first = false;
        }
        if (!cut_blanks(&value)) return false;
    }
    return true;
}

static bool is_repeated(const sigv4_canonical *c, size_t i) {
    return i > 0 && slice_eq_nocase(c->headers[i - 1].name, c->headers[i].name);
}

static void put_headers(writer *w, sigv4_canonical *c) {
    for (size_t i = 0; i < c->header_count; i++) {
        const sigv4_pair *h = &c->headers[i];
        if (is_repeated(c, i)) {
            put_char(w, ',');
        } else {
            if (i) put_char(w, '\n');
            for (size_t k = 0; k < h->name.len; k++) put_char(w, ascii_lower(h->name.ptr[k]));
            put_char(w, ':');
        }
        if (!put_header_value(w, h->value)) fail_at(c, SIGV4_BAD_HEADER_VALUE, h->name);
    }
    put_char(w, '\n');
}

static void add_lower(buf *out, slice text) {
    size_t from = out->len;
    buf_add(out, text);
    for (size_t i = from; i < out->len; i++) out->ptr[i] = ascii_lower(out->ptr[i]);
}

void sigv4_canonical_write_names(const sigv4_canonical *c, buf *out) {
    for (size_t i = 0; i < c->header_count; i++) {
        slice name = c->headers[i].name;
        if (is_repeated(c, i)) continue;
        if (i) buf_add_char(out, ';');
        add_lower(out, name);
    }
}

sigv4_status sigv4_canonical_hash(sigv4_canonical *c, slice names, buf *copy,
                                  unsigned char out[DIGEST_SIZE]) {
    writer w;
    if (c->status != SIGV4_OK) return c->status;
    digest_init(&w.hash);
    w.copy = copy;
    w.used = 0;
    put(&w, c->method);
    put_char(&w, '\n');
    put_path(&w, c);
    put_char(&w, '\n');
    put_query(&w, c);
    put_char(&w, '\n');
    put_headers(&w, c);
    put_char(&w, '\n');
    put(&w, names);
    put_char(&w, '\n');
    put(&w, c->payload_hash);
    flush(&w);
    digest_out(&w.hash, out);
    buf_wipe(&w, sizeof w); /* a session token went through it */
    return c->status;
}

/* --- the string to sign ----------------------------------------------------------------------- */

void sigv4_canonical_write_scope(buf *out, slice timestamp, slice region, slice service) {
    buf_add(out, slice_of(timestamp.ptr, 8));
    buf_add_char(out, '/');
    buf_add(out, region);
    buf_add_char(out, '/');
    buf_add(out, service);
    buf_add(out, SLICE("/" SIGV4_TERMINATOR));
}

void sigv4_canonical_sign(const sigv4_key *key, slice timestamp, slice region, slice service,
                          const unsigned char hash[DIGEST_SIZE], buf *copy,
                          char hex[DIGEST_HEX_SIZE]) {
    char storage[sizeof(SIGV4_ALGORITHM SIGV4_TERMINATOR) + SIGV4_TIME_LENGTH + 8 +
                 2 * SIGV4_MAX_SCOPE_LENGTH + DIGEST_HEX_SIZE + 6];
    unsigned char signature[DIGEST_SIZE];
    buf text;
    buf_init_fixed(&text, storage, sizeof storage);
    buf_add(&text, SLICE(SIGV4_ALGORITHM "\n"));
    buf_add(&text, timestamp);
    buf_add_char(&text, '\n');
    sigv4_canonical_write_scope(&text, timestamp, region, service);
    buf_add_char(&text, '\n');
    buf_add_hex(&text, hash, DIGEST_SIZE);
    digest_hmac(&key->hmac, buf_slice(&text), signature);
    digest_hex(signature, hex);
    if (copy) buf_add(copy, buf_slice(&text));
}
