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
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int check_count_of_failures;

static inline bool check_that(bool holds, const char *text, const char *file, int line) {
    if (!holds) {
        check_count_of_failures++;
        printf("%s:%d: does not hold: %s\n", file, line, text);
    }
    return holds;
}

static inline bool check_integers(long long actual, long long expected, const char *text,
                                  const char *file, int line) {
    const bool holds = actual == expected;
    if (!holds) {
        check_count_of_failures++;
        printf("%s:%d: %s is %lld, expected %lld\n", file, line, text, actual, expected);
    }
    return holds;
}

static inline bool check_texts(const char *actual, const char *expected, const char *text,
                               const char *file, int line) {
    const bool holds =
        actual == NULL || expected == NULL ? actual == expected : strcmp(actual, expected) == 0;
    if (!holds) {
        check_count_of_failures++;
        printf("%s:%d: %s is \"%s\", expected \"%s\"\n", file, line, text,
               actual == NULL ? "(NULL)" : actual, expected == NULL ? "(NULL)" : expected);
    }
    return holds;
}

static inline bool check_bytes(const char *actual, size_t actual_len, const char *expected,
                               size_t expected_len, const char *text, const char *file, int line) {
    const bool holds = actual_len == expected_len &&
                       (actual_len == 0 || memcmp(actual, expected, actual_len) == 0);
    if (!holds) {
        check_count_of_failures++;
        printf("%s:%d: %s is \"%.*s\" (%zu bytes), expected \"%.*s\" (%zu bytes)\n", file, line,
               text, (int)actual_len, actual == NULL ? "" : actual, actual_len, (int)expected_len,
               expected == NULL ? "" : expected, expected_len);
    }
    return holds;
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
/** Run one test and name it, so that a crash shows where. */
#define RUN(test) \
    do { \
        printf("%s\n", #test); \
        (void)fflush(stdout); \
        test(); \
    } while (0)

#endif
