#include "typed.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static slice trimmed(slice s) {
    while (s.len && is_blank(s.ptr[0])) s = slice_from(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1])) s.len--;
    return s;
}

/* Takes the first byte off when it is `wanted`. */
static bool take(slice *s, char wanted) {
    if (!s->len || s->ptr[0] != wanted) return false;
    *s = slice_from(*s, 1);
    return true;
}

static bool take_either(slice *s, char one, char other) {
    return take(s, one) || take(s, other);
}

/* Takes a sign off, and says whether it was a minus. */
static bool take_sign(slice *s) {
    bool is_negative = take(s, '-');
    if (!is_negative) take(s, '+');
    return is_negative;
}

static size_t count_digits(slice s) {
    size_t count = 0;
    while (count < s.len && ascii_is_digit(s.ptr[count])) count++;
    return count;
}

static unsigned digit_at(slice s, size_t at) {
    return (unsigned)(s.ptr[at] - '0');
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* No limit is as large as what this is times ten. */
static const uint64_t MOST_BEFORE_A_DIGIT = UINT64_MAX / 10 - 1;

bool typed_whole(slice text, int64_t smallest, int64_t largest, int64_t *value) {
    slice s = trimmed(text);
    bool is_negative = take_sign(&s);
    uint64_t most = is_negative ? 0 - (uint64_t)smallest : (uint64_t)largest, sum = 0;
    if (!s.len) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!ascii_is_digit(s.ptr[i]) || sum > MOST_BEFORE_A_DIGIT) return false;
        sum = sum * 10 + digit_at(s, i);
    }
    if (sum > most) return false;
    *value = (int64_t)(is_negative ? 0 - sum : sum);
    return true;
}

/* A decimal number as digits * 10^exponent; `is_whole` when no digit was left out of `digits`. */
typedef struct decimal {
    uint64_t digits;
    int exponent;
    bool is_negative, is_whole;
} decimal;

enum { LARGEST_EXPONENT = 100000 }; /* whatever is larger is as good as this */

/* Takes digits off, and says how many. */
static size_t take_digits(slice *s, decimal *d, bool are_fraction) {
    size_t count = 0, kept = 0;
    uint64_t digits = d->digits;
    for (; count < s->len && ascii_is_digit(s->ptr[count]); count++) {
        if (digits > MOST_BEFORE_A_DIGIT) continue;
        digits = digits * 10 + digit_at(*s, count);
        kept++;
    }
    d->digits = digits;
    if (are_fraction) d->exponent -= (int)kept;
    if (kept < count) d->is_whole = false;
    *s = slice_from(*s, count);
    return count;
}

static int take_exponent(slice *s) {
    bool is_negative = take_sign(s);
    size_t count = count_digits(*s);
    int sum = 0;
    for (size_t i = 0; i < count && sum < LARGEST_EXPONENT; i++) {
        sum = sum * 10 + (int)digit_at(*s, i);
    }
    *s = slice_from(*s, count);
    return is_negative ? -sum : sum;
}

static bool read_exponent(slice *s, decimal *d) {
    if (!take_either(s, 'e', 'E')) return true;
    slice after_sign = *s;
    take_sign(&after_sign);
    if (!count_digits(after_sign)) return false;
    d->exponent += take_exponent(s);
    return true;
}

static bool read_decimal(slice s, decimal *d) {
    *d = (decimal){.is_negative = take_sign(&s), .is_whole = true};
    size_t count = take_digits(&s, d, false);
    if (take(&s, '.')) count += take_digits(&s, d, true);
    return count > 0 && read_exponent(&s, d) && s.len == 0;
}

/* Whether one multiplication or division, both of exact numbers, gives the nearest (Clinger 1990):
 * powers of ten are exact up to 5^22 < 2^53, of a float up to 5^10 < 2^24. */
static bool is_simple(const decimal *d, uint64_t most, int largest_power) {
    return FLT_EVAL_METHOD == 0 && d->is_whole && d->digits <= most &&
           d->exponent >= -largest_power && d->exponent <= largest_power;
}

/* strtod reads up to a NUL. The longest number that is not exactly between two doubles only by its
 * last digits has 1,100 of them. */
enum { LONGEST_NUMBER = 2048 };

static bool copied(slice s, char text[LONGEST_NUMBER]) {
    if (s.len >= LONGEST_NUMBER) return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return true;
}

bool typed_double(slice text, double *value) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    char copy[LONGEST_NUMBER];
    slice s = trimmed(text);
    decimal d;
    if (!read_decimal(s, &d)) return false;
    if (is_simple(&d, UINT64_C(1) << 53, 22)) {
        double digits = (double)d.digits;
        double result = d.exponent < 0 ? digits / powers[-d.exponent] : digits * powers[d.exponent];
        *value = d.is_negative ? -result : result;
        return true;
    }
    if (!copied(s, copy)) return false;
    double result = strtod(copy, NULL);
    if (isinf(result)) return false;
    *value = result;
    return true;
}

bool typed_float(slice text, float *value) {
    static const float powers[] = {1e0F, 1e1F, 1e2F, 1e3F, 1e4F, 1e5F,
                                   1e6F, 1e7F, 1e8F, 1e9F, 1e10F};
    char copy[LONGEST_NUMBER];
    slice s = trimmed(text);
    decimal d;
    if (!read_decimal(s, &d)) return false;
    if (is_simple(&d, UINT64_C(1) << 24, 10)) {
        float digits = (float)d.digits;
        float result = d.exponent < 0 ? digits / powers[-d.exponent] : digits * powers[d.exponent];
        *value = d.is_negative ? -result : result;
        return true;
    }
    if (!copied(s, copy)) return false;
    float result = strtof(copy, NULL);
    if (isinf(result)) return false;
    *value = result;
    return true;
}

bool typed_boolean(slice text, bool *value) {
    static const char *const words[2][6] = {{"false", "False", "FALSE", "f", "F", "0"},
                                            {"true", "True", "TRUE", "t", "T", "1"}};
    for (int truth = 0; truth < 2; truth++) {
        for (int i = 0; i < 6; i++) {
            if (!slice_eq(text, slice_of_cstr(words[truth][i]))) continue;
            *value = truth;
            return true;
        }
    }
    return false;
}

/* --- dates and times -------------------------------------------------------------------------- */

static inline bool read_two_digits(const char *text, int *value) {
    unsigned tens = (unsigned char)text[0] - '0', ones = (unsigned char)text[1] - '0';
    *value = (int)(tens * 10 + ones);
    return tens < 10 && ones < 10;
}

static inline bool take_two_digits(slice *s, int *value) {
    if (s->len < 2 || !read_two_digits(s->ptr, value)) return false;
    *s = slice_from(*s, 2);
    return true;
}

static bool is_leap(int year) {
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01 in the Gregorian calendar. A year is counted from March on, so that the day
 * that leap years have more is its last one. */
static int32_t days_since_1970(int year, int month, int day) {
    int since_march = (month + 9) % 12, y = month > 2 ? year : year - 1;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * since_march + 2) / 5 + day - 1 - 719468;
}

enum { DATE_LENGTH = 10 };

static bool take_date(slice *s, int32_t *days) {
    int century = 0, year = 0, month = 0, day = 0;
    const char *text = s->ptr;
    if (s->len < DATE_LENGTH || text[4] != '-' || text[7] != '-') return false;
    if (!read_two_digits(text, &century) || !read_two_digits(text + 2, &year)) return false;
    if (!read_two_digits(text + 5, &month) || !read_two_digits(text + 8, &day)) return false;
    year += century * 100;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    *days = days_since_1970(year, month, day);
    *s = slice_from(*s, DATE_LENGTH);
    return true;
}

bool typed_date(slice text, int32_t *days) {
    slice s = trimmed(text);
    int32_t found = 0;
    if (!take_date(&s, &found) || s.len) return false;
    *days = found;
    return true;
}

static const int64_t SECOND = 1000000;

/* Microseconds. What follows the sixth place must be zero. */
static bool take_fraction(slice *s, int64_t *fraction) {
    int64_t unit = SECOND;
    *fraction = 0;
    if (!take_either(s, '.', ',')) return true;
    size_t count = count_digits(*s);
    for (size_t i = 0; i < count; i++) {
        unsigned digit = digit_at(*s, i);
        unit /= 10;
        if (unit == 0 && digit != 0) return false;
        *fraction += digit * unit;
    }
    *s = slice_from(*s, count);
    return count > 0;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.ffffff; the end of a day may be called 24:00. */
static bool take_time(slice *s, int64_t *microseconds) {
    int hour = 0, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!take_two_digits(s, &hour) || !take(s, ':') || !take_two_digits(s, &minute)) {
        return false;
    }
    if (take(s, ':') && !(take_two_digits(s, &second) && take_fraction(s, &fraction))) {
        return false;
    }
    *microseconds = ((hour * 60 + minute) * 60 + second) * SECOND + fraction;
    return minute < 60 && second < 60 && *microseconds <= 86400 * SECOND;
}

/* Z, +HH, +HHMM or +HH:MM, or nothing. The farthest zone there is has 14 hours. */
static bool take_offset(slice *s, int64_t *microseconds) {
    int hours = 0, minutes = 0;
    *microseconds = 0;
    if (take(s, 'Z') || !s->len) return true;
    bool is_west = take(s, '-');
    if (!(is_west || take(s, '+')) || !take_two_digits(s, &hours)) return false;
    if (take(s, ':') || s->len) {
        if (!take_two_digits(s, &minutes)) return false;
    }
    int64_t offset = (hours * 60 + minutes) * 60 * SECOND;
    *microseconds = is_west ? -offset : offset;
    return hours < 16 && minutes < 60;
}

bool typed_instant(slice text, int64_t *microseconds) {
    slice s = trimmed(text);
    int32_t days = 0;
    int64_t time = 0, offset = 0;
    if (!take_date(&s, &days)) return false;
    if (s.len && !(take_either(&s, 'T', ' ') && take_time(&s, &time) && take_offset(&s, &offset))) {
        return false;
    }
    if (s.len) return false;
    *microseconds = days * 86400 * SECOND + time - offset;
    return true;
}
