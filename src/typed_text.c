#include "typed_text.h"

#include <float.h>
#include <math.h>

/* More than any date or time has. */
enum { LONGEST = 48 };

typedef char *write_value(char *at, int64_t value);

/* Writes without a look at the room each time. */
static void add(buf *out, int64_t value, write_value *write) {
    if (buf_reserve(out, LONGEST))
        out->len = (size_t)(write(out->ptr + out->len, value) - out->ptr);
}

static void add_infinity(buf *out, bool is_negative) {
    buf_add_cstr(out, is_negative ? "-infinity" : "infinity");
}

static char *write_text(char *at, const char *text) {
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *write_two_digits(char *at, unsigned value) {
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
    return at + 2;
}

/* --- dates ------------------------------------------------------------------------------------ */

typedef struct date {
    int64_t year; /* 0 is 1 BC */
    unsigned month, day;
} date;

enum { DAYS_OF_400_YEARS = 146097, DAYS_TO_1970 = 719468 /* since 0000-03-01 */ };

/* A year is counted from March on, so that the day that leap years have more is its last one. Whole
 * days of a year are what is left when the leap days before it are taken off. */
static date date_of(int64_t days) {
    int64_t since = days + DAYS_TO_1970;
    int64_t era = (since >= 0 ? since : since - DAYS_OF_400_YEARS + 1) / DAYS_OF_400_YEARS;
    unsigned day = (unsigned)(since - era * DAYS_OF_400_YEARS);
    unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    unsigned of_year = day - (365 * year + year / 4 - year / 100);
    unsigned since_march = (5 * of_year + 2) / 153;
    unsigned month = since_march < 10 ? since_march + 3 : since_march - 9;
    unsigned of_month = of_year - (153 * since_march + 2) / 5 + 1;
    return (date){era * 400 + year + (month <= 2), month, of_month};
}

/* At least four digits. */
static char *write_year(char *at, unsigned year) {
    if (year >= 10000) {
        at = write_year(at, year / 10);
        *at++ = (char)('0' + year % 10);
        return at;
    }
    at = write_two_digits(at, year / 100);
    return write_two_digits(at, year % 100);
}

static char *write_date(char *at, date d) {
    at = write_year(at, (unsigned)(d.year > 0 ? d.year : 1 - d.year));
    *at++ = '-';
    at = write_two_digits(at, d.month);
    *at++ = '-';
    return write_two_digits(at, d.day);
}

static char *write_days(char *at, int64_t days) {
    date d = date_of(days);
    at = write_date(at, d);
    return d.year > 0 ? at : write_text(at, " (BC)");
}

void typed_text_date(buf *out, int32_t days) {
    if (days == INT32_MAX || days == -INT32_MAX) {
        add_infinity(out, days < 0);
    } else {
        add(out, days, write_days);
    }
}

/* --- times ------------------------------------------------------------------------------------ */

static const int64_t SECOND = 1000000, DAY = 86400 * INT64_C(1000000);

static char *write_fraction(char *at, unsigned microseconds) {
    if (microseconds == 0) return at;
    *at++ = '.';
    at = write_two_digits(at, microseconds / 10000);
    at = write_two_digits(at, microseconds / 100 % 100);
    at = write_two_digits(at, microseconds % 100);
    while (at[-1] == '0') at--;
    return at;
}

static char *write_time_of_day(char *at, int64_t microseconds) {
    unsigned seconds = (unsigned)(microseconds / SECOND);
    at = write_two_digits(at, seconds / 3600);
    *at++ = ':';
    at = write_two_digits(at, seconds / 60 % 60);
    *at++ = ':';
    at = write_two_digits(at, seconds % 60);
    return write_fraction(at, (unsigned)(microseconds % SECOND));
}

static char *write_time(char *at, int64_t microseconds) {
    int64_t of_day = microseconds % DAY, days = microseconds / DAY;
    bool is_before_midnight = of_day < 0; /* division goes towards 1970 */
    date d = date_of(is_before_midnight ? days - 1 : days);
    at = write_date(at, d);
    if (d.year <= 0) at = write_text(at, "T(BC)");
    *at++ = 'T';
    return write_time_of_day(at, is_before_midnight ? of_day + DAY : of_day);
}

bool typed_text_is_infinite(int64_t microseconds) {
    return microseconds == INT64_MAX || microseconds == -INT64_MAX;
}

void typed_text_time(buf *out, int64_t microseconds) {
    if (typed_text_is_infinite(microseconds)) {
        add_infinity(out, microseconds < 0);
    } else {
        add(out, microseconds, write_time);
    }
}

/* --- decimals --------------------------------------------------------------------------------- */

/* No two decimals of so many digits are the same double (DBL_DIG of C): one that is the number is
 * the shortest text that is read as it. Smaller numbers are written with an exponent. */
static const double LARGEST_DECIMAL = 1e15, SMALLEST_DECIMAL = 1e-4;

typedef struct decimal {
    uint64_t digits;
    unsigned places;
} decimal;

/* Takes as many places as 15 digits leave. The digits and the power of ten are exact, so that their
 * quotient is the double nearest to the decimal. */
static bool find_decimal(double number, decimal *found) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    unsigned places = sizeof powers / sizeof *powers - 1;
    while (places > 0 && number * powers[places] >= LARGEST_DECIMAL - 1) places--;
    found->digits = (uint64_t)(number * powers[places] + 0.5);
    found->places = places;
    return (double)found->digits / powers[places] == number;
}

static char *write_digit(char *end, uint64_t *digits) {
    *--end = (char)('0' + *digits % 10);
    *digits /= 10;
    return end;
}

/* Writes to the left of `end`, with one place at least. */
static char *write_decimal(char *end, decimal d) {
    while (d.places > 1 && d.digits % 10 == 0) d = (decimal){d.digits / 10, d.places - 1};
    if (d.places == 0) d = (decimal){d.digits * 10, 1};
    while (d.places-- > 0) end = write_digit(end, &d.digits);
    *--end = '.';
    do {
        end = write_digit(end, &d.digits);
    } while (d.digits > 0);
    return end;
}

bool typed_text_decimal(buf *out, double number) {
    char text[LONGEST], *end = text + sizeof text;
    double size = fabs(number);
    bool is_in_range = size == 0 || (size >= SMALLEST_DECIMAL && size < LARGEST_DECIMAL);
    decimal found;
    if (FLT_EVAL_METHOD != 0 || !is_in_range || !find_decimal(size, &found)) return false;
    char *start = write_decimal(end, found);
    if (signbit(number)) *--start = '-';
    buf_add(out, slice_of(start, (size_t)(end - start)));
    return true;
}
