/* When a request is repeated: the policy as a table, the bucket by a clock of ours, HTTP's dates. */
#include "check.h"
#include "owu.h"

static const owu_retry standard = OWU_RETRY_INIT;

/* ---------------------------------------------------------------- the policy */

static bool repeats(const owu_retry *policy, owu_status status, int http_status, bool repeatable,
                    bool sent) {
    const owu_attempt attempt = {status, http_status, repeatable, sent, false, -1};
    return owu_retry_delay(policy, &attempt, 0, 0) >= 0;
}

static void test_what_is_repeated(void) {
    static const struct {
        owu_status status;
        int http_status;
        bool read, write_sent, write_unsent; /* is it repeated? */
    } rows[] = {
        {OWU_ECONNECT, 0, true, false, true},
        {OWU_EDNS, 0, true, false, true},
        {OWU_EPROXY, 0, true, false, true},
        {OWU_ECONNECT_TIMEOUT, 0, true, false, true},
        {OWU_ETIMEOUT, 0, true, false, true},
        {OWU_EREAD, 0, true, false, true},
        {OWU_EINCOMPLETE, 0, true, false, true},
        {OWU_EWRITE, 0, true, false, true},
        {OWU_ETLS, 0, false, false, false},
        {OWU_EPROTOCOL, 0, false, false, false},
        {OWU_ETOO_LARGE, 0, false, false, false},
        {OWU_ENOMEM, 0, false, false, false},
        {OWU_EINTERRUPTED, 0, false, false, false},
        {OWU_ECLOSED, 0, false, false, false},
        {OWU_OK, 200, false, false, false},
        {OWU_OK, 302, false, false, false},
        {OWU_OK, 401, false, false, false},
        {OWU_OK, 404, false, false, false},
        {OWU_OK, 408, true, false, true},
        {OWU_OK, 422, false, false, false},
        {OWU_OK, 429, true, true, true},
        {OWU_OK, 500, false, false, false},
        {OWU_OK, 502, true, false, true},
        {OWU_OK, 503, true, false, true},
        {OWU_OK, 504, true, false, true},
    };
    owu_retry daring = OWU_RETRY_INIT, never = OWU_RETRY_INIT;
    size_t i;
    daring.writes = true;
    never.max_retries = 0;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        const owu_status status = rows[i].status;
        const int http_status = rows[i].http_status;
        CHECK_INT_EQ(repeats(&standard, status, http_status, true, true), rows[i].read);
        CHECK_INT_EQ(repeats(&standard, status, http_status, false, true), rows[i].write_sent);
        CHECK_INT_EQ(repeats(&standard, status, http_status, false, false), rows[i].write_unsent);
        CHECK_INT_EQ(repeats(&daring, status, http_status, false, true), rows[i].read);
        CHECK(!repeats(&never, status, http_status, true, false));
    }
}

static long milliseconds(double seconds) {
    return seconds < 0 ? -1 : (long)(seconds * 1000 + 0.5);
}

static void test_delays(void) {
    owu_attempt attempt = {OWU_OK, 503, true, true, false, -1};
    owu_retry policy = OWU_RETRY_INIT;
    policy.max_retries = 100;
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 0)), 500);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 1, 0)), 1000);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 2, 0)), 2000);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 4, 0)), 8000);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 99, 0)), 8000);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 100, 0)), -1);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 1)), 375);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 99, 0.5)), 7000);
    attempt.retry_after = 0;
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 0)), 0);
    attempt.retry_after = 120;
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 0)), 120000);
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 1)), 120125);
    attempt.retry_after = 120.5;
    CHECK_INT_EQ(milliseconds(owu_retry_delay(&policy, &attempt, 0, 0)), -1);
}

/* ---------------------------------------------------------------- the bucket */

static void test_bucket(void) {
    owu_bucket bucket = {0};
    int i, taken = 0;
    while (taken < 100 && milliseconds(owu_bucket_take(&bucket, 1000, 0)) == 0) {
        taken++;
    }
    CHECK_INT_EQ(taken, 32);
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1000.1, 0)), -1);
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1000.25, 0)), 0);
    /* Who has patience waits for the next, and the one after waits longer. */
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1000.25, 10)), 250);
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1000.25, 10)), 500);
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1000.25, 0.6)), -1);
    /* It fills up to its size and no further; a clock that goes back does no harm. */
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1.0, 0)), -1);
    for (i = 0; i < 32; i++) {
        CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1e9, 0)), 0);
    }
    CHECK_INT_EQ(milliseconds(owu_bucket_take(&bucket, 1e9, 0)), -1);
}

/* ---------------------------------------------------------------- Retry-After */

static double asked(const char *text) {
    return owu_retry_after(text, strlen(text), 784111777); /* 1994-11-06 08:49:37 */
}

static void test_retry_after(void) {
    static const char *const nothing[] = {
        "",
        " ",
        "-1",
        "1.5",
        "1 ",
        "soon",
        "1;2",
        "0x10",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun Nov  6 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT x",
        "Sun, 06 Nov 1900 08:49:37 GMT",
    };
    size_t i;
    CHECK_INT_EQ(asked("0"), 0);
    CHECK_INT_EQ(asked("007"), 7);
    CHECK_INT_EQ(asked("120"), 120);
    CHECK(asked("99999999999999999999999999999999") > 1e17);
    CHECK_INT_EQ(asked("Sun, 06 Nov 1994 08:49:47 GMT"), 10);
    CHECK_INT_EQ(asked("Sunday, 06-Nov-94 08:50:37 GMT"), 60);
    CHECK_INT_EQ(asked("Sun Nov  6 09:49:37 1994"), 3600);
    CHECK_INT_EQ(asked("Mon Nov 07 08:49:37 1994"), 86400);
    CHECK_INT_EQ(asked("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    CHECK_INT_EQ(asked("Sat, 05 Nov 1994 08:49:37 GMT"), 0);
    for (i = 0; i < sizeof nothing / sizeof *nothing; i++) {
        if (!CHECK(asked(nothing[i]) < 0)) {
            CHECK_NOTE("%s\n", nothing[i]);
        }
    }
}

static void test_dates(void) {
    static const struct {
        const char *text;
        long long seconds;
    } rows[] = {
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
        {"Tue, 29 Feb 2000 12:00:00 GMT", 951825600},
        {"Thu, 31 Dec 2026 23:59:60 GMT", 1798761600},
        {"Mon, 01 Mar 2100 00:00:00 GMT", 4107542400},
        {"Thursday, 01-Jan-70 00:00:01 GMT", 1},
        {"Saturday, 01-Jan-00 00:00:00 GMT", 946684800},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t seconds = -1;
        CHECK(owu_http_date(rows[i].text, strlen(rows[i].text), &seconds));
        CHECK_INT_EQ(seconds, rows[i].seconds);
    }
}

int main(void) {
    RUN(test_what_is_repeated);
    RUN(test_delays);
    RUN(test_bucket);
    RUN(test_retry_after);
    RUN(test_dates);
    return check_failures();
}
