#include "utf8.h"

/* Most text is ASCII: eight bytes are looked at together. */
static size_t skip_ascii(slice text, size_t at) {
    for (uint64_t eight; text.len - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text.ptr + at, sizeof eight);
        if (eight & 0x8080808080808080) break;
    }
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80) at++;
    return at;
}

/* The length of the sequence that starts at `at`, or 0 when it is not well
 * formed. The bounds of the second byte are table 3-7 of the Unicode standard.
 */
static size_t sequence_length(slice text, size_t at) {
    const unsigned char *p = (const unsigned char *)text.ptr + at;
    size_t left = text.len - at, length;
    unsigned char low = 0x80, high = 0xBF;
    if (p[0] < 0x80) return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4) return 0;
    length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (p[0] == 0xE0) low = 0xA0;
    if (p[0] == 0xED) high = 0x9F;
    if (p[0] == 0xF0) low = 0x90;
    if (p[0] == 0xF4) high = 0x8F;
    if (left < length || p[1] < low || p[1] > high) return 0;
    for (size_t i = 2; i < length; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF) return 0;
    }
    return length;
}

size_t utf8_find_invalid(slice text) {
    size_t at = skip_ascii(text, 0);
    while (at < text.len) {
        size_t length = sequence_length(text, at);
        if (length == 0) return at;
        at = skip_ascii(text, at + length);
    }
    return text.len;
}

bool utf8_is_valid(slice text) {
    return utf8_find_invalid(text) == text.len;
}

size_t utf8_count(slice text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) count++;
    }
    return count;
}

uint32_t utf8_next(slice text, size_t *at) {
    static const unsigned char lead_mask[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    const unsigned char *p = (const unsigned char *)text.ptr + *at;
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    uint32_t point = p[0] & lead_mask[length];
    for (size_t i = 1; i < length; i++) point = point << 6 | (p[i] & 0x3F);
    *at += length;
    return point;
}

void utf8_add(buf *out, uint32_t point) {
    int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[4] = {0, 0xC0, 0xE0, 0xF0};
    buf_add_char(out, (char)(lead[more] | point >> 6 * more));
    while (more-- > 0) buf_add_char(out, (char)(0x80 | (point >> 6 * more & 0x3F)));
}
