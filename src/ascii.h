/* ascii: what single bytes are, whatever the locale says. */
#ifndef FINSPACE_ASCII_H
#define FINSPACE_ASCII_H

#include <stdbool.h>

static inline bool ascii_is_digit(char c) {
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool ascii_is_alphanumeric(char c) {
    return ascii_is_letter(c) || ascii_is_digit(c);
}

static inline char ascii_lower(char c) {
    return (c >= 'A' && c <= 'Z') ? (char)(c + ('a' - 'A')) : c;
}

#endif
