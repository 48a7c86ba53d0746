/*
 * retry.c - whether a request is repeated, and how long to wait before that. Pure: clock and chance
 * are arguments.
 */
#include <ctype.h>
#include <string.h>

#include "internal.h"

/* ---------------------------------------------------------------- the policy */

/* A failure that another try may not meet. */
static bool is_passing(const owu_attempt *attempt) {
    switch (attempt->status) {
    case OWU_ECONNECT:
    case OWU_EDNS:
    case OWU_EPROXY:
    case OWU_ECONNECT_TIMEOUT:
    case OWU_ETIMEOUT:
    case OWU_EREAD:
    case OWU_EINCOMPLETE:
    case OWU_EWRITE:
        return true;
    case OWU_OK:
        break;
    default:
        return false;
    }
    switch (attempt->http_status) {
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
        return true;
    default:
        return false;
    }
}

/* Can it be sent again without doing anything twice? */
static bool is_harmless(const owu_retry *policy, const owu_attempt *attempt) {
    const bool refused_unread = attempt->status == OWU_OK && attempt->http_status == 429;
    return attempt->repeatable || !attempt->sent || refused_unread || policy->writes;
}

double owu_retry_delay(const owu_retry *policy, const owu_attempt *attempt, unsigned retries_taken,
                       double chance) {
    double delay = policy->base_delay;
    unsigned i;
    if (retries_taken >= policy->max_retries || attempt->final || !is_passing(attempt) ||
        !is_harmless(policy, attempt)) {
        return -1;
    }
    for (i = 0; i < retries_taken && delay < policy->max_delay; i++) {
        delay *= 2;
    }
    delay = delay < policy->max_delay ? delay : policy->max_delay;
    if (attempt->retry_after < 0) {
        return delay * (1 - policy->jitter * chance);
    }
    if (attempt->retry_after > policy->max_retry_after) {
        return -1;
    }
    /* Never sooner than asked; spread, because others were told the same. */
    return attempt->retry_after + policy->base_delay * policy->jitter * chance;
}

/* ---------------------------------------------------------------- the bucket */

/* A client has so many retries at hand, and gets so many more each second. */
static const double bucket_size = 32, bucket_rate = 4;

double owu_bucket_take(owu_bucket *bucket, double now, double patience) {
    double wait;
    if (!bucket->started) {
        bucket->started = true;
        bucket->tokens = bucket_size;
        bucket->at = now;
    }
    if (now > bucket->at) {
        bucket->tokens += (now - bucket->at) * bucket_rate;
        bucket->tokens = bucket->tokens < bucket_size ? bucket->tokens : bucket_size;
        bucket->at = now;
    }
    wait = bucket->tokens >= 1 ? 0 : (1 - bucket->tokens) / bucket_rate;
    if (wait > patience) {
        return -1;
    }
    bucket->tokens -= 1; /* below zero: taken in advance by those who wait */
    return wait;
}

/* ---------------------------------------------------------------- dates of HTTP */

/* Walks a text; a step that does not fit sets `bad`. */
typedef struct Scan {
    const char *at, *end;
    bool bad;
} Scan;

static int64_t scan_number(Scan *s, size_t least, size_t most) {
    int64_t number = 0;
    size_t digits = 0;
    while (s->at < s->end && digits < most && *s->at >= '0' && *s->at <= '9') {
        number = number * 10 + (*s->at++ - '0');
        digits++;
    }
    s->bad = s->bad || digits < least;
    return number;
}

static void scan_char(Scan *s, char c) {
    if (s->at < s->end && *s->at == c) {
        s->at++;
    } else {
        s->bad = true;
    }
}

static int64_t scan_month(Scan *s) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t month;
    for (month = 0; month < 12 && s->end - s->at >= 3; month++) {
        if (memcmp(names + month * 3, s->at, 3) == 0) {
            s->at += 3;
            return month + 1;
        }
    }
    s->bad = true;
    return 1;
}

static int64_t scan_clock(Scan *s) {
    const int64_t hour = scan_number(s, 2, 2);
    int64_t minute, second;
    scan_char(s, ':');
    minute = scan_number(s, 2, 2);
    scan_char(s, ':');
    second = scan_number(s, 2, 2);
    s->bad = s->bad || hour > 23 || minute > 59 || second > 60;
    return hour * 3600 + minute * 60 + second;
}

/* Days since 1970-01-01 of a day of the Gregorian calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = y / 400, of_era = y - era * 400;
    const int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT" or "Sun Nov  6 08:49:37 1994". */
static bool scan_date(Scan *s, int64_t *out) {
    int64_t day, month, year, seconds;
    while (s->at < s->end && isalpha((unsigned char)*s->at)) {
        s->at++; /* the day of the week says nothing new */
    }
    if (s->at < s->end && *s->at == ',') {
        char between;
        s->at++;
        scan_char(s, ' ');
        day = scan_number(s, 2, 2);
        between = s->at < s->end && *s->at == '-' ? '-' : ' ';
        scan_char(s, between);
        month = scan_month(s);
        scan_char(s, between);
        year = between == '-' ? scan_number(s, 2, 2) : scan_number(s, 4, 4);
        year += between == ' ' ? 0 : year < 70 ? 2000 : 1900;
        scan_char(s, ' ');
        seconds = scan_clock(s);
        scan_char(s, ' ');
        scan_char(s, 'G');
        scan_char(s, 'M');
        scan_char(s, 'T');
    } else {
        scan_char(s, ' ');
        month = scan_month(s);
        scan_char(s, ' ');
        if (s->at < s->end && *s->at == ' ') {
            s->at++;
        }
        day = scan_number(s, 1, 2);
        scan_char(s, ' ');
        seconds = scan_clock(s);
        scan_char(s, ' ');
        year = scan_number(s, 4, 4);
    }
    if (s->bad || s->at != s->end || day < 1 || day > 31 || year < 1970) {
        return false;
    }
    *out = days_of(year, month, day) * 86400 + seconds;
    return true;
}

bool owu_http_date(const char *text, size_t len, int64_t *out) {
    Scan scan = {text, text + len, false};
    return scan_date(&scan, out);
}

double owu_retry_after(const char *text, size_t len, int64_t now) {
    Scan scan = {text, text + len, false};
    int64_t seconds, date;
    /* Nineteen digits would overflow; who asks for that many seconds asks for ever. */
    seconds = scan_number(&scan, 1, 18);
    while (!scan.bad && scan.at < scan.end && *scan.at >= '0' && *scan.at <= '9') {
        scan.at++;
    }
    if (!scan.bad && scan.at == scan.end) {
        return (double)seconds;
    }
    if (!owu_http_date(text, len, &date)) {
        return -1;
    }
    return date > now ? (double)(date - now) : 0;
}
