/* ascii: what single bytes are, whatever the locale says. */
#ifndef FINSPACE_ASCII_H
#define FINSPACE_ASCII_H

#include <stdbool.h>
#include <stdint.h>

static inline bool ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool ascii_is_alphanumeric(char c) {
    return ascii_is_letter(c) || ascii_is_digit(c);
}

/* Letters, digits and !#$%&'*+-.^_`|~ (tchar of RFC 9110, section 5.6.2): a bit for each byte. */
static inline bool ascii_is_token(char c) {
    static const uint32_t bits[8] = {0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
    unsigned char byte = (unsigned char)c;
    return bits[byte / 32] >> byte % 32 & 1;
}

static inline char ascii_lower(char c) {
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

#endif
