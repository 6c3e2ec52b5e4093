#include "model_patterns.h"

#include "utf8.h"

/* --- pieces ----------------------------------------------------------------------------------- */

/* `\s` of ECMA 262: white space and line terminators, Unicode's space separators among them. */
static bool is_space(uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/* Whether c is a letter, a digit or one of `others`. */
static bool is_word_or(char c, const char *others) {
    return ascii_is_alphanumeric(c) || (c && strchr(others, c) != NULL);
}

/* --- patterns --------------------------------------------------------------------------------- */

static bool match_anything(slice text) {
    (void)text;
    return true;
}

/* Without anchors, `.*\S.*` asks for one character that is no space, and so do its variants. */
static bool match_non_space(slice text) {
    for (size_t at = 0; at < text.len;) {
        if (!is_space(utf8_next(text, &at))) return true;
    }
    return false;
}

/* `^.*\S.*$`: the same, but all on one line, since `.` is no line terminator. */
static bool match_whole_line(slice text) {
    for (size_t at = 0; at < text.len;) {
        uint32_t c = utf8_next(text, &at);
        if (c == '\n' || c == '\r' || c == 0x2028 || c == 0x2029) return false;
    }
    return match_non_space(text);
}

static bool match_alias(slice text) {
    slice prefix = SLICE("alias/");
    size_t at = prefix.len;
    if (!slice_starts_with(text, prefix) || text.len == at) return false;
    return !is_space(utf8_next(text, &at));
}

/* Whether a `.` in the domain has a byte before it and two letters behind it. */
static bool domain_matches(slice domain) {
    for (size_t i = 1; i + 2 < domain.len; i++) {
        if (domain.ptr[i] == '.' && ascii_is_letter(domain.ptr[i + 1]) &&
            ascii_is_letter(domain.ptr[i + 2])) {
            return true;
        }
    }
    return false;
}

/* Linear, because `@` is in neither class: the domains behind two of them never overlap. */
static bool match_email(slice text) {
    for (size_t i = 1; i < text.len; i++) {
        if (text.ptr[i] != '@' || !is_word_or(text.ptr[i - 1], "._%+-")) continue;
        size_t end = i + 1;
        while (end < text.len && is_word_or(text.ptr[end], ".-")) end++;
        if (domain_matches(slice_of(text.ptr + i + 1, end - i - 1))) return true;
    }
    return false;
}

static bool match_role_arn(slice text) {
    slice start = SLICE("arn:aws"), middle = SLICE(":iam::"), role = SLICE(":role");
    if (!slice_starts_with(text, start)) return false;
    size_t at = start.len;
    while (at < text.len && ((text.ptr[at] >= 'a' && text.ptr[at] <= 'z') || text.ptr[at] == '-'))
        at++;
    if (!slice_starts_with(slice_from(text, at), middle)) return false;
    at += middle.len;
    for (int digits = 0; digits < 12; digits++, at++) {
        if (at >= text.len || !ascii_is_digit(text.ptr[at])) return false;
    }
    if (!slice_starts_with(slice_from(text, at), role)) return false;
    slice name = slice_from(text, at + role.len);
    for (size_t i = 0; i < name.len; i++) {
        if (!is_word_or(name.ptr[i], "_+=,.@-/")) return false;
    }
    return name.len > 0;
}

static bool match_phone(slice text) {
    if (text.len < 2 ||
        !(ascii_is_digit(text.ptr[0]) || (text.ptr[0] && strchr("+#,(", text.ptr[0])))) {
        return false;
    }
    for (size_t at = 1; at < text.len;) {
        uint32_t c = utf8_next(text, &at);
        bool listed = c < 0x80 && c && (ascii_is_digit((char)c) || strchr("+-./(),#", (int)c));
        if (!listed && !is_space(c)) return false;
    }
    return true;
}

const model_pattern model_pattern_none = {NULL, match_anything};
const model_pattern model_pattern_anything = {"[\\s\\S]*", match_anything};
const model_pattern model_pattern_non_space = {"[\\s\\S]*\\S[\\s\\S]*", match_non_space};
const model_pattern model_pattern_non_space_line = {".*\\S.*", match_non_space};
const model_pattern model_pattern_whole_line = {"^.*\\S.*$", match_whole_line};
const model_pattern model_pattern_alias = {"^alias\\/\\S+", match_alias};
const model_pattern model_pattern_email = {"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,4}",
                                           match_email};
const model_pattern model_pattern_role_arn = {
    "^arn:aws[a-z\\-]*:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+$", match_role_arn};
const model_pattern model_pattern_phone = {"^[\\+0-9\\#\\,\\(][\\+0-9\\-\\.\\/\\(\\)\\,\\#\\s]+$",
                                           match_phone};
