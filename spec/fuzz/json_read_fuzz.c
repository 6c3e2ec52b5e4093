/* modules: json_read uri buf utf8 */

/* Arbitrary bytes are read as JSON. What must hold: nothing is read or written outside its bounds;
 * a string without its escapes is no longer than with them; blanks around a text change nothing;
 * and of an object or an array that is read whole no shorter beginning is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_read.h"

enum { MAX_DEPTH = 64 };

static void must(bool holds) {
    if (!holds) abort();
}

static bool read_value(json_reader *r, int depth);

static bool read_string(json_reader *r) {
    slice raw;
    bool escaped;
    if (json_peek(r) != '"') return json_fail(r, "no string");
    if (!json_take_string(r, &raw, &escaped)) return false;
    buf out;
    char *memory = malloc(raw.len + 1);
    must(memory != NULL);
    buf_init_fixed(&out, memory, raw.len);
    bool is_right = json_unescape(&out, raw);
    must(buf_ok(&out));
    must(escaped || (is_right && slice_eq(buf_slice(&out), raw)));
    free(memory);
    return is_right || json_fail(r, "an escape that means no character");
}

static bool read_number(json_reader *r) {
    json_number number;
    if (!json_take_number(r, &number)) return false;
    must(!number.is_integer || (number.integer >= INT64_MIN && number.integer <= INT64_MAX));
    return true;
}

static bool read_members(json_reader *r, char end, bool named, int depth) {
    if (json_take(r, end)) return true;
    do {
        if (named && !(read_string(r) && json_take(r, ':'))) return json_fail(r, "no member");
        if (!read_value(r, depth)) return false;
    } while (json_take(r, ','));
    return json_take(r, end) || json_fail(r, "no end");
}

static bool read_value(json_reader *r, int depth) {
    if (depth > MAX_DEPTH) return json_fail(r, "too deep");
    char first = json_peek(r);
    if (json_take(r, '{')) return read_members(r, '}', true, depth + 1);
    if (json_take(r, '[')) return read_members(r, ']', false, depth + 1);
    if (first == '"') return read_string(r);
    if (first == 't') return json_take_word(r, SLICE("true"));
    if (first == 'f') return json_take_word(r, SLICE("false"));
    if (first == 'n') return json_take_word(r, SLICE("null"));
    return read_number(r);
}

/* From memory of exactly its size. */
static bool is_json(slice text) {
    char *memory = malloc(text.len + 1);
    must(memory != NULL);
    char *start = memory + 1; /* its end is the end of what is ours */
    memcpy(start, text.ptr, text.len);
    json_reader r = {.text = slice_of(start, text.len)};
    bool is_right = read_value(&r, 0) && json_take_end(&r);
    must(r.at <= text.len);
    must(is_right == (is_right && r.fault == NULL));
    free(memory);
    return is_right;
}

static bool is_json_with_blanks(slice text) {
    buf padded;
    buf_init(&padded, text.len + 16);
    buf_add(&padded, SLICE(" \r\n\t"));
    buf_add(&padded, text);
    buf_add(&padded, SLICE(" \n"));
    bool is_right = is_json(buf_slice(&padded));
    buf_free(&padded);
    return is_right;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    slice text = slice_of((const char *)data, size);
    if (!is_json(text)) return 0;
    must(is_json_with_blanks(text));
    slice core = slice_trim(text, " \t\r\n");
    if (core.ptr[0] != '{' && core.ptr[0] != '[') return 0;
    for (size_t i = 0; i < core.len; i += 1 + core.len / 16) {
        must(!is_json(slice_of(core.ptr, i)));
    }
    return 0;
}
