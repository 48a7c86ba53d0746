/*
 * check.h - all that the C tests need of a framework.
 *
 *     static void test_growth(void) {
 *         CHECK_INT_EQ(buffer.len, 3);
 *         if (!CHECK(buffer.data != NULL)) {
 *             return;
 *         }
 *         CHECK_STR_EQ(buffer.data, "abc");
 *     }
 *
 *     int main(void) {
 *         RUN(test_growth);
 *         return check_failures();
 *     }
 *
 * A check that fails prints file, line and both values, and the test goes on; its value says
 * whether it held. main returns the number of failures.
 *
 * With OWU_STARVE in the environment each test runs again and again: the n-th allocation of the
 * core fails, for all n, by itself and with all that follow it. The checks of these runs do not
 * count, since what failed may show; a test must only go on without what it did not get and free
 * what it got. The sanitizers say whether the core did so too, and the last run, in which n was
 * beyond all allocations, whether anything was left broken.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "owu.h"

static atomic_int check_count_of_failures;
static bool check_is_starving; /* a failed check is not printed */

static inline bool check_starves(void) {
    return getenv("OWU_STARVE") != NULL;
}

/** How often a test does what it does, or less often while memory runs out in all places of it. */
static inline int check_times(int usual, int starving) {
    return check_starves() ? starving : usual;
}

/* Count a check that failed; is it to be printed? */
static inline bool check_tells_failure(void) {
    check_count_of_failures++;
    return !check_is_starving;
}

static inline bool check_that(bool holds, const char *text, const char *file, int line) {
    if (!holds && check_tells_failure()) {
        printf("%s:%d: does not hold: %s\n", file, line, text);
    }
    return holds;
}

static inline bool check_integers(long long actual, long long expected, const char *text,
                                  const char *file, int line) {
    const bool holds = actual == expected;
    if (!holds && check_tells_failure()) {
        printf("%s:%d: %s is %lld, expected %lld\n", file, line, text, actual, expected);
    }
    return holds;
}

static inline bool check_texts(const char *actual, const char *expected, const char *text,
                               const char *file, int line) {
    const bool holds =
        actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;
    if (!holds && check_tells_failure()) {
        printf("%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, text,
               actual == NULL ? "(NULL)" : actual, expected == NULL ? "(NULL)" : expected);
    }
    return holds;
}

static inline bool check_bytes(const char *actual, size_t actual_len, const char *expected,
                               size_t expected_len, const char *text, const char *file, int line) {
    const bool holds = actual_len == expected_len &&
                       (actual_len == 0 || memcmp(actual, expected, actual_len) == 0);
    if (!holds && check_tells_failure()) {
        printf("%s:%d: %s is \"%.*s\" (%zu bytes), expected \"%.*s\" (%zu bytes)\n", file, line,
               text, (int)actual_len, actual == NULL ? "" : actual, actual_len, (int)expected_len,
               expected == NULL ? "" : expected, expected_len);
    }
    return holds;
}

/* Let the n-th allocation of a test fail, for all n. */
static inline void check_starve(void (*test)(void), bool all_later) {
    enum { ENOUGH = 20000 };
    long n;
    for (n = 1; n < ENOUGH; n++) {
        const int failures = check_count_of_failures;
        check_is_starving = true;
        (void)owu_test_fail_allocation(n, all_later);
        test();
        check_is_starving = false;
        if (owu_test_fail_allocation(OWU_TEST_NEVER, false) > 0) {
            if (check_count_of_failures > failures) {
                printf("    checks failed though no allocation did\n");
            }
            printf("    %ld allocations\n", n - 1);
            return;
        }
        check_count_of_failures = failures;
    }
    check_that(false, "the test has an end", __FILE__, __LINE__);
}

static inline void check_run(const char *name, void (*test)(void), bool may_starve) {
    printf("%s\n", name);
    (void)fflush(stdout);
    if (!check_starves()) {
        test();
    } else if (may_starve) {
        check_starve(test, false);
        check_starve(test, true);
    }
}

/** The text of a buffer, for CHECK_STR_EQ; NULL: there was no memory for its end. */
static inline const char *check_text_of(owu_buffer *buffer) {
    return owu_buffer_terminate(buffer) == OWU_OK ? buffer->data : NULL;
}

/** What main returns: an exit status has eight bits, and 256 failures must not look like none. */
static inline int check_failures(void) {
    return check_count_of_failures > 100 ? 100 : check_count_of_failures;
}

#define CHECK(condition) check_that((condition), #condition, __FILE__, __LINE__)
/** Any two integers or enumerators that fit a long long. */
#define CHECK_INT_EQ(actual, expected) \
    check_integers((long long)(actual), (long long)(expected), #actual, __FILE__, __LINE__)
/** Two texts that end in NUL; NULL equals NULL only. */
#define CHECK_STR_EQ(actual, expected) \
    check_texts((actual), (expected), #actual, __FILE__, __LINE__)
/** len bytes against a literal, which may hold NUL. */
#define CHECK_BYTES_EQ(actual, len, literal) \
    check_bytes((actual), (len), "" literal, sizeof(literal) - 1, #actual, __FILE__, __LINE__)
/** More about the check that failed just now, with printf's arguments. */
#define CHECK_NOTE(...) \
    do { \
        if (!check_is_starving) { \
            printf("    " __VA_ARGS__); \
        } \
    } while (0)
/** Run one test and name it, so that a crash shows where. */
#define RUN(test) check_run(#test, test, true)
/** One that lets allocations fail itself. */
#define RUN_FED(test) check_run(#test, test, false)

#endif
