#include "typed.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

static slice trimmed(slice s) {
    while (s.len && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r'))) {
        s = slice_from(s, 1);
    }
    while (s.len &&
           (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r'))) {
        s.len--;
    }
    return s;
}

/* Takes the first byte off when it is one of `wanted`; '\0' when it is not. Of so few bytes a loop
 * is faster than strchr. */
static char take_one_of(slice *s, const char *wanted) {
    char first = s->len ? s->ptr[0] : '\0';
    while (*wanted && *wanted != first) wanted++;
    if (*wanted == '\0') return '\0';
    *s = slice_from(*s, 1);
    return first;
}

static bool take_sign(slice *s) {
    return take_one_of(s, "+-") == '-';
}

static bool starts_with_digit(slice s) {
    return s.len && s.ptr[0] >= '0' && s.ptr[0] <= '9';
}

static unsigned take_digit(slice *s) {
    unsigned digit = (unsigned)(s->ptr[0] - '0');
    *s = slice_from(*s, 1);
    return digit;
}

/* --- numbers ---------------------------------------------------------------------------------- */

bool typed_whole(slice text, int64_t smallest, int64_t largest, int64_t *value) {
    slice s = trimmed(text);
    bool is_negative = take_sign(&s);
    uint64_t most = is_negative ? 0 - (uint64_t)smallest : (uint64_t)largest, sum = 0;
    if (!starts_with_digit(s)) return false;
    while (starts_with_digit(s)) {
        unsigned digit = take_digit(&s);
        if (sum > (most - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    if (s.len) return false;
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

static void add_digit(decimal *d, unsigned digit, bool is_fraction) {
    bool fits = d->digits <= (UINT64_MAX - 9) / 10;
    if (fits) {
        d->digits = d->digits * 10 + digit;
        if (is_fraction) d->exponent--;
    } else {
        d->is_whole = false;
    }
}

static int take_exponent(slice *s) {
    bool is_negative = take_sign(s);
    int sum = 0;
    while (starts_with_digit(*s)) {
        int digit = (int)take_digit(s);
        if (sum < LARGEST_EXPONENT) sum = sum * 10 + digit;
    }
    return is_negative ? -sum : sum;
}

static bool read_exponent(slice *s, decimal *d) {
    if (!take_one_of(s, "eE")) return true;
    slice after_sign = *s;
    take_sign(&after_sign);
    if (!starts_with_digit(after_sign)) return false;
    d->exponent += take_exponent(s);
    return true;
}

static bool read_decimal(slice s, decimal *d) {
    *d = (decimal){.is_negative = take_sign(&s), .is_whole = true};
    size_t before = s.len;
    while (starts_with_digit(s)) add_digit(d, take_digit(&s), false);
    size_t count = before - s.len;
    if (take_one_of(&s, ".")) {
        before = s.len;
        while (starts_with_digit(s)) add_digit(d, take_digit(&s), true);
        count += before - s.len;
    }
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

static bool take_number(slice *s, size_t width, int *value) {
    int sum = 0;
    if (s->len < width) return false;
    for (size_t i = 0; i < width; i++) {
        if (!starts_with_digit(*s)) return false;
        sum = sum * 10 + (int)take_digit(s);
    }
    *value = sum;
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

static bool take_date(slice *s, int32_t *days) {
    int year = 0, month = 0, day = 0;
    if (!take_number(s, 4, &year) || !take_one_of(s, "-")) return false;
    if (!take_number(s, 2, &month) || !take_one_of(s, "-") || !take_number(s, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month)) {
        return false;
    }
    *days = days_since_1970(year, month, day);
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
    if (!take_one_of(s, ".,")) return true;
    if (!starts_with_digit(*s)) return false;
    while (starts_with_digit(*s)) {
        unsigned digit = take_digit(s);
        unit /= 10;
        if (unit == 0 && digit != 0) return false;
        *fraction += digit * unit;
    }
    return true;
}

/* HH:MM, HH:MM:SS or HH:MM:SS.ffffff; the end of a day may be called 24:00. */
static bool take_time(slice *s, int64_t *microseconds) {
    int hour = 0, minute = 0, second = 0;
    int64_t fraction = 0;
    if (!take_number(s, 2, &hour) || !take_one_of(s, ":") || !take_number(s, 2, &minute)) {
        return false;
    }
    if (take_one_of(s, ":") && !(take_number(s, 2, &second) && take_fraction(s, &fraction))) {
        return false;
    }
    *microseconds = ((hour * 60 + minute) * 60 + second) * SECOND + fraction;
    return minute < 60 && second < 60 && *microseconds <= 86400 * SECOND;
}

/* Z, +HH, +HHMM or +HH:MM, or nothing. The farthest zone there is has 14 hours. */
static bool take_offset(slice *s, int64_t *microseconds) {
    int hours = 0, minutes = 0;
    *microseconds = 0;
    if (take_one_of(s, "Z") || !s->len) return true;
    char sign = take_one_of(s, "+-");
    if (!sign || !take_number(s, 2, &hours)) return false;
    if (take_one_of(s, ":") || s->len) {
        if (!take_number(s, 2, &minutes)) return false;
    }
    int64_t offset = (hours * 60 + minutes) * 60 * SECOND;
    *microseconds = sign == '-' ? -offset : offset;
    return hours < 16 && minutes < 60;
}

bool typed_instant(slice text, int64_t *microseconds) {
    slice s = trimmed(text);
    int32_t days = 0;
    int64_t time = 0, offset = 0;
    if (!take_date(&s, &days)) return false;
    if (s.len && !(take_one_of(&s, "T ") && take_time(&s, &time) && take_offset(&s, &offset))) {
        return false;
    }
    if (s.len) return false;
    *microseconds = days * 86400 * SECOND + time - offset;
    return true;
}
