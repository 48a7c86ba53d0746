/* coerce.c - the rules that turn one scalar into what a field wants, for JSON and for Python. */
#include "internal.h"

#include <math.h>
#include <string.h>

/* ---------------------------------------------------------------- text */

struct slice {
    const char *p;
    size_t len;
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Bytes of a white-space character (as Unicode defines it) at p, 0 when there is none. */
static size_t space_at(const char *p, size_t len) {
    static const char *const wide[] = {
        "\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
        "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80",
    };
    size_t i;
    if (len == 0) {
        return 0;
    }
    if (*p == ' ' || (*p >= '\t' && *p <= '\r')) {
        return 1;
    }
    for (i = 0; i < sizeof wide / sizeof *wide; i++) {
        const size_t n = strlen(wide[i]);
        if (len >= n && memcmp(p, wide[i], n) == 0) {
            return n;
        }
    }
    if (len >= 3 && memcmp(p, "\xE2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 &&
        (unsigned char)p[2] <= 0x8A) {
        return 3;
    }
    return 0;
}

static struct slice trimmed(const char *text, size_t len) {
    struct slice s = {text, len};
    size_t n;
    while ((n = space_at(s.p, s.len)) != 0) {
        s.p += n;
        s.len -= n;
    }
    while (s.len != 0) {
        for (n = 1; n <= 3 && n <= s.len; n++) {
            if (space_at(s.p + s.len - n, n) == n) {
                break;
            }
        }
        if (n > 3 || n > s.len) {
            break;
        }
        s.len -= n;
    }
    return s;
}

/* Digits with single inner underscores; *digits counts the digits. */
static bool only_digits(struct slice s, size_t *digits) {
    size_t i;
    *digits = 0;
    for (i = 0; i < s.len; i++) {
        if (is_digit(s.p[i])) {
            ++*digits;
        } else if (s.p[i] != '_' || i == 0 || i + 1 == s.len || s.p[i - 1] == '_') {
            return false;
        }
    }
    return *digits != 0;
}

void owu_integer__cell(owu_cell *out, const char *digits, size_t len) {
    const bool negative = len != 0 && digits[0] == '-';
    size_t i = negative ? 1 : 0;
    uint64_t value = 0;
    memset(out, 0, sizeof *out);
    if (len - i <= 19) {
        const uint64_t limit = (uint64_t)INT64_MAX + (negative ? 1 : 0);
        for (; i < len; i++) {
            value = value * 10 + (uint64_t)(digits[i] - '0');
        }
        if (value <= limit) {
            out->tag = OWU_TAG_INT;
            out->u.integer = negative ? (int64_t)(0 - value) : (int64_t)value;
            return;
        }
    }
    out->tag = OWU_TAG_BIGINT;
    out->u.text = digits;
    out->len = (uint32_t)len;
}

static owu_fault_type int_from_text(const owu_cell *in, owu_arena *arena, owu_cell *out) {
    struct slice s = trimmed(in->u.text, in->len);
    bool negative = false;
    size_t digits, i, n = 0;
    const char *point;
    char *text;

    if (s.len != 0 && (*s.p == '-' || *s.p == '+')) {
        negative = *s.p == '-';
        s.p++;
        s.len--;
    }
    point = s.len == 0 ? NULL : memchr(s.p, '.', s.len);
    if (point != NULL) { /* a tail of zeros is allowed */
        const char *zero = point + 1;
        while (zero < s.p + s.len && *zero == '0') {
            zero++;
        }
        if (zero != s.p + s.len || zero == point + 1) {
            return OWU_FAULT_INT_PARSING;
        }
        s.len = (size_t)(point - s.p);
    }
    if (s.len != 0 && s.p[0] == '0') { /* a run of zeros and underscores, as the peer skips it */
        while (s.len > 1 && (s.p[0] == '0' || s.p[0] == '_')) {
            s.p++;
            s.len--;
        }
    }
    if (!only_digits(s, &digits)) {
        return OWU_FAULT_INT_PARSING;
    }
    if (digits > 4300) {
        return OWU_FAULT_INT_PARSING_SIZE;
    }
    text = owu_arena_alloc(arena, digits + 2);
    if (text == NULL) {
        return OWU_FAULT_NONE;
    }
    if (negative) {
        text[n++] = '-';
    }
    for (i = 0; i < s.len; i++) {
        if (s.p[i] != '_') {
            text[n++] = s.p[i];
        }
    }
    if (negative && n == 2 && text[1] == '0') {
        text[0] = '0';
        n = 1;
    }
    text[n] = '\0';
    owu_integer__cell(out, text, n);
    return OWU_FAULT_NONE;
}

static bool equals_ignoring_case(struct slice s, const char *word) {
    size_t i;
    for (i = 0; i < s.len; i++) {
        const char c = s.p[i];
        const char lower = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
        if (word[i] == '\0' || lower != word[i]) {
            return false;
        }
    }
    return word[i] == '\0';
}

/* [digits][.digits][e[+-]digits] with at least one digit before the exponent. */
static bool is_decimal(struct slice s) {
    size_t i = 0, digits = 0;
    for (; i < s.len && is_digit(s.p[i]); i++) {
        digits++;
    }
    if (i < s.len && s.p[i] == '.') {
        for (i++; i < s.len && is_digit(s.p[i]); i++) {
            digits++;
        }
    }
    if (digits == 0) {
        return false;
    }
    if (i < s.len && (s.p[i] == 'e' || s.p[i] == 'E')) {
        size_t exponent = 0;
        i++;
        if (i < s.len && (s.p[i] == '+' || s.p[i] == '-')) {
            i++;
        }
        for (; i < s.len && is_digit(s.p[i]); i++) {
            exponent++;
        }
        if (exponent == 0) {
            return false;
        }
    }
    return i == s.len;
}

static owu_fault_type float_from_text(const owu_cell *in, owu_arena *arena, owu_cell *out) {
    struct slice s = trimmed(in->u.text, in->len);
    bool negative = false;
    size_t i, n = 0;
    char *text;
    double value;

    /* As pydantic has it: single inner underscores go, but not together with spaces around. */
    for (i = 0; i < s.len; i++) {
        if (s.p[i] == '_' && (s.len != in->len || i == 0 || i + 1 == s.len || s.p[i + 1] == '_')) {
            return OWU_FAULT_FLOAT_PARSING;
        }
    }
    text = owu_arena_alloc(arena, s.len + 1);
    if (text == NULL) {
        return OWU_FAULT_NONE;
    }
    for (i = 0; i < s.len; i++) {
        if (s.p[i] != '_') {
            text[n++] = s.p[i];
        }
    }
    s.p = text;
    s.len = n;
    if (s.len != 0 && (*s.p == '-' || *s.p == '+')) {
        negative = *s.p == '-';
        s.p++;
        s.len--;
    }
    if (equals_ignoring_case(s, "nan")) {
        value = (double)NAN;
    } else if (equals_ignoring_case(s, "inf") || equals_ignoring_case(s, "infinity")) {
        value = (double)INFINITY;
    } else if (is_decimal(s)) {
        value = owu_number__parse(s.p, s.len);
    } else {
        return OWU_FAULT_FLOAT_PARSING;
    }
    out->tag = OWU_TAG_FLOAT;
    out->u.number = negative ? -value : value;
    return OWU_FAULT_NONE;
}

static owu_fault_type bool_from_text(const owu_cell *in, owu_cell *out) {
    static const char *const yes[] = {"1", "t", "true", "y", "yes", "on"};
    static const char *const no[] = {"0", "f", "false", "n", "no", "off"};
    const struct slice s = {in->u.text, in->len};
    size_t i;
    for (i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (equals_ignoring_case(s, yes[i]) || equals_ignoring_case(s, no[i])) {
            out->tag = OWU_TAG_BOOL;
            out->u.boolean = equals_ignoring_case(s, yes[i]);
            return OWU_FAULT_NONE;
        }
    }
    return OWU_FAULT_BOOL_PARSING;
}

/* ---------------------------------------------------------------- dates */

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool two_digits(const char *p, int *value) {
    if (!is_digit(p[0]) || !is_digit(p[1])) {
        return false;
    }
    *value = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

/* YYYY-MM-DD at the start of s. @return what is wrong, or NULL. */
static const char *parse_day(struct slice s, int *year, int *month, int *day) {
    int century, rest;
    if (s.len < 10) {
        return "input is too short";
    }
    if (!two_digits(s.p, &century) || !two_digits(s.p + 2, &rest)) {
        return "invalid character in year";
    }
    *year = century * 100 + rest;
    if (s.p[4] != '-' || s.p[7] != '-') {
        return "invalid date separator, expected `-`";
    }
    if (!two_digits(s.p + 5, month)) {
        return "invalid character in month";
    }
    if (!two_digits(s.p + 8, day)) {
        return "invalid character in day";
    }
    if (*month < 1 || *month > 12) {
        return "month value is outside expected range";
    }
    if (*day < 1 || *day > days_in_month(*year == 0 ? 4 : *year, *month)) {
        return "day value is outside expected range";
    }
    return NULL;
}

/* [Zz] or [+-]HH[:]MM, or nothing. @return what is wrong, or NULL. */
static const char *parse_zone(struct slice s) {
    int hour, minute;
    if (s.len == 0 || (s.len == 1 && (*s.p == 'Z' || *s.p == 'z'))) {
        return NULL;
    }
    if (*s.p != '+' && *s.p != '-') {
        return "invalid timezone sign";
    }
    s.p++;
    s.len--;
    if (s.len < 2 || !two_digits(s.p, &hour)) {
        return "invalid timezone hour";
    }
    s.p += 2;
    s.len -= 2;
    if (s.len != 0 && *s.p == ':') {
        s.p++;
        s.len--;
    }
    if (s.len != 2 || !two_digits(s.p, &minute) || minute > 59) {
        return "invalid timezone minute";
    }
    if (hour * 60 + minute >= 24 * 60) {
        return "timezone offset must be less than 24 hours";
    }
    return NULL;
}

/* HH:MM[:SS[.fraction]][zone]. @return what is wrong, or NULL; *zero: is it midnight? */
static const char *parse_time(struct slice s, bool *zero) {
    int hour, minute, second = 0;
    size_t digits = 0;
    bool fraction = false; /* nonzero microseconds */
    if (s.len < 5) {
        return "input is too short";
    }
    if (!two_digits(s.p, &hour) || hour > 23) {
        return "hour value is outside expected range of 0-23";
    }
    if (s.p[2] != ':' || !two_digits(s.p + 3, &minute) || minute > 59) {
        return "minute value is outside expected range of 0-59";
    }
    s.p += 5;
    s.len -= 5;
    if (s.len != 0 && *s.p == ':') {
        if (s.len < 3 || !two_digits(s.p + 1, &second) || second > 59) {
            return "second value is outside expected range of 0-59";
        }
        s.p += 3;
        s.len -= 3;
        if (s.len != 0 && (*s.p == '.' || *s.p == ',')) {
            for (s.p++, s.len--; s.len != 0 && is_digit(*s.p); s.p++, s.len--) {
                fraction = fraction || (digits < 6 && *s.p != '0');
                digits++;
            }
            if (digits == 0) {
                return "second fraction digits missing after `.`";
            }
        }
    }
    *zero = hour == 0 && minute == 0 && second == 0 && !fraction;
    return parse_zone(s);
}

/* Howard Hinnant's days-to-civil, over the proleptic Gregorian calendar. */
static void civil_from_days(int64_t days, int64_t *year, int *month, int *day) {
    int64_t era, doe, yoe, doy, mp;
    days += 719468;
    era = (days >= 0 ? days : days - 146096) / 146097;
    doe = days - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

/* Why, for the message; detail has room for 48 bytes. */
static void set_detail(char *detail, const char *reason) {
    strncpy(detail, reason, 47);
    detail[47] = '\0';
}

static owu_fault_type date_cell(owu_cell *out, int64_t year, int month, int day, char *detail) {
    if (year == 0) {
        set_detail(detail, "year 0 is out of range");
        return OWU_FAULT_DATE_PARSING;
    }
    out->tag = OWU_TAG_DATE;
    out->u.date.year = (int16_t)year;
    out->u.date.month = (uint8_t)month;
    out->u.date.day = (uint8_t)day;
    return OWU_FAULT_NONE;
}

/* Seconds since 1970, or milliseconds beyond 2e10 on either side. */
static owu_fault_type date_from_number(double value, owu_cell *out, char *detail) {
    const double watershed = 2e10;
    const double day_units = fabs(value) > watershed ? 86400e3 : 86400.0;
    const double half_microsecond = day_units / 86400.0 * 5e-7;
    double beyond; /* how far from the nearest midnight */
    int64_t year;
    int month, day;
    if (isnan(value)) {
        set_detail(detail, "NaN values not permitted");
        return OWU_FAULT_DATE_FROM_DATETIME_PARSING;
    }
    if (value >= 253402300800e3) {
        set_detail(detail, "dates after 9999 are not supported");
        return OWU_FAULT_DATE_FROM_DATETIME_PARSING;
    }
    if (value < -62167219200e3) {
        set_detail(detail, "dates before 0000 are not supported");
        return OWU_FAULT_DATE_FROM_DATETIME_PARSING;
    }
    beyond = remainder(value, day_units);
    if (fabs(beyond) >= half_microsecond) {
        return OWU_FAULT_DATE_FROM_DATETIME_INEXACT;
    }
    civil_from_days((int64_t)((value - beyond) / day_units), &year, &month, &day);
    return date_cell(out, year, month, day, detail);
}

/* [+-]digits[.digits], at least one digit: a Unix time given as text. */
static bool number_in_text(struct slice s, double *value) {
    struct slice body = s;
    if (body.len != 0 && (*body.p == '-' || *body.p == '+')) {
        body.p++;
        body.len--;
    }
    if (memchr(body.p, 'e', body.len) != NULL || memchr(body.p, 'E', body.len) != NULL ||
        body.len == 0 || !is_decimal(body)) {
        return false;
    }
    *value = owu_number__parse(body.p, body.len);
    if (*s.p == '-') {
        *value = -*value;
    }
    return true;
}

static owu_fault_type date_from_text(const owu_cell *in, bool strict, owu_cell *out, char *detail) {
    const struct slice s = {in->u.text, in->len};
    int year = 0, month = 0, day = 0;
    bool zero = false;
    double number;
    const char *wrong = parse_day(s, &year, &month, &day);

    if (wrong == NULL && s.len == 10) {
        return date_cell(out, year, month, day, detail);
    }
    if (strict) {
        set_detail(detail, wrong == NULL ? "unexpected extra characters at the end" : wrong);
        return OWU_FAULT_DATE_PARSING;
    }
    if (number_in_text(s, &number)) {
        return date_from_number(number, out, detail);
    }
    if (wrong == NULL) {
        const struct slice time = {s.p + 11, s.len - 11};
        if (strchr("Tt _", s.p[10]) == NULL || s.p[10] == '\0') {
            wrong = "invalid datetime separator";
        } else {
            wrong = parse_time(time, &zero);
        }
    }
    if (wrong != NULL) {
        set_detail(detail, wrong);
        return OWU_FAULT_DATE_FROM_DATETIME_PARSING;
    }
    if (!zero) {
        return OWU_FAULT_DATE_FROM_DATETIME_INEXACT;
    }
    return date_cell(out, year, month, day, detail);
}

/* ---------------------------------------------------------------- by kind */

static double as_double(const owu_cell *in) {
    switch ((owu_tag)in->tag) {
    case OWU_TAG_INT:
        return (double)in->u.integer;
    case OWU_TAG_BIGINT:
        return owu_number__parse(in->u.text, in->len);
    case OWU_TAG_BOOL:
        return in->u.boolean ? 1.0 : 0.0;
    default:
        return in->u.number;
    }
}

/* A whole number that an int64 holds; pydantic counts the smallest one out. */
static bool fits_int64(double number) {
    return number == floor(number) && fabs(number) < 9223372036854775808.0;
}

static owu_fault_type to_int(const owu_cell *in, bool strict, owu_arena *arena, owu_cell *out) {
    const double number = in->tag == OWU_TAG_FLOAT ? in->u.number : 0.0;
    if (in->tag == OWU_TAG_INT || in->tag == OWU_TAG_BIGINT) {
        *out = *in;
        return OWU_FAULT_NONE;
    }
    if (strict || (in->tag != OWU_TAG_STR && in->tag != OWU_TAG_BOOL && in->tag != OWU_TAG_FLOAT)) {
        return OWU_FAULT_INT_TYPE;
    }
    if (in->tag == OWU_TAG_STR) {
        return int_from_text(in, arena, out);
    }
    out->tag = OWU_TAG_INT;
    if (in->tag == OWU_TAG_BOOL) {
        out->u.integer = in->u.boolean ? 1 : 0;
        return OWU_FAULT_NONE;
    }
    if (!isfinite(number)) {
        return OWU_FAULT_FINITE_NUMBER;
    }
    if (number != floor(number)) {
        return OWU_FAULT_INT_FROM_FLOAT;
    }
    if (!fits_int64(number)) {
        return OWU_FAULT_INT_PARSING_SIZE;
    }
    out->u.integer = (int64_t)number;
    return OWU_FAULT_NONE;
}

static owu_fault_type to_float(const owu_cell *in, bool strict, owu_arena *arena, owu_cell *out) {
    if (in->tag == OWU_TAG_STR && !strict) {
        return float_from_text(in, arena, out);
    }
    if (in->tag == OWU_TAG_FLOAT || in->tag == OWU_TAG_INT || in->tag == OWU_TAG_BIGINT ||
        (in->tag == OWU_TAG_BOOL && !strict)) {
        out->tag = OWU_TAG_FLOAT;
        out->u.number = as_double(in);
        return OWU_FAULT_NONE;
    }
    return OWU_FAULT_FLOAT_TYPE;
}

static owu_fault_type to_bool(const owu_cell *in, bool strict, owu_cell *out) {
    double number;
    if (in->tag == OWU_TAG_BOOL) {
        *out = *in;
        return OWU_FAULT_NONE;
    }
    if (strict) {
        return OWU_FAULT_BOOL_TYPE;
    }
    if (in->tag == OWU_TAG_STR) {
        return bool_from_text(in, out);
    }
    if (in->tag != OWU_TAG_INT && in->tag != OWU_TAG_FLOAT) {
        return OWU_FAULT_BOOL_TYPE;
    }
    number = as_double(in);
    if (number == 0.0 || number == 1.0) {
        out->tag = OWU_TAG_BOOL;
        out->u.boolean = number != 0.0;
        return OWU_FAULT_NONE;
    }
    return in->tag == OWU_TAG_INT || fits_int64(number) ? OWU_FAULT_BOOL_PARSING
                                                        : OWU_FAULT_BOOL_TYPE;
}

static owu_fault_type to_date(const owu_cell *in, bool strict, owu_cell *out, char *detail) {
    if (in->tag == OWU_TAG_DATE) {
        *out = *in;
        return OWU_FAULT_NONE;
    }
    if (in->tag == OWU_TAG_STR) {
        return date_from_text(in, strict, out, detail);
    }
    if (strict || (in->tag != OWU_TAG_INT && in->tag != OWU_TAG_FLOAT)) {
        return OWU_FAULT_DATE_TYPE;
    }
    return date_from_number(as_double(in), out, detail);
}

owu_fault_type owu_coerce(const owu_type *type, const owu_cell *in, unsigned flags,
                          owu_arena *arena, owu_cell *out, char *detail) {
    const bool strict = (flags & OWU_READ_STRICT) != 0;
    char unused[48];
    char *const reason = detail == NULL ? unused : detail;

    memset(out, 0, sizeof *out);
    reason[0] = '\0';
    if (in->tag == OWU_TAG_NULL && type->nullable) {
        out->tag = OWU_TAG_NULL;
        return OWU_FAULT_NONE;
    }
    switch (type->kind) {
    case OWU_STR:
        if (in->tag != OWU_TAG_STR) {
            return OWU_FAULT_STRING_TYPE;
        }
        *out = *in;
        return OWU_FAULT_NONE;
    case OWU_INT:
        return to_int(in, strict, arena, out);
    case OWU_FLOAT:
        return to_float(in, strict, arena, out);
    case OWU_BOOL:
        return to_bool(in, strict, out);
    case OWU_DATE:
        return to_date(in, strict, out, reason);
    case OWU_DICT:
        return OWU_FAULT_DICT_TYPE;
    case OWU_LIST:
        return OWU_FAULT_LIST_TYPE;
    case OWU_MODEL:
        return OWU_FAULT_MODEL_TYPE;
    case OWU_ANY:
    case OWU_BYTES:
        break;
    }
    *out = *in;
    return OWU_FAULT_NONE;
}
