/* test_scan.c - strings: the quick way into an arena against the plain one. */
#include "check.h"
#include "scan.h"

#include <stdlib.h>
#include <string.h>

/* Pieces of strings: plain of many lengths, escapes, UTF-8 of each width, and what is refused. */
static const char *const pieces[] = {"",
                                     "a",
                                     "abcdefg",
                                     "abcdefgh",
                                     "0123456789abcde",
                                     "0123456789abcdef",
                                     "\\n",
                                     "\\/",
                                     "\\u0000",
                                     "\\u00e9",
                                     "\\ud83c\\udf31",
                                     "\\\"",
                                     "\xc3\xa9",
                                     "\x7f",
                                     "\xe9\x99\xb3",
                                     "\xf0\x9f\x8c\xb1",
                                     "\\\\",
                                     "~ [{,:}]",
                                     "\x01",
                                     "\xff",
                                     "\xc3",
                                     "\xed\xa0\x80",
                                     "\\x",
                                     "\\ud83c",
                                     "\\ud83cx",
                                     "\\u00g0"};
enum { PIECES = sizeof pieces / sizeof *pieces };

/* What the two ways make of one string (its text begins behind the opening quote). */
static void compare(const char *text, size_t len, size_t room) {
    char *const exact = malloc(len == 0 ? 1 : len); /* the sanitizer watches its end */
    struct owu_scan quick, plain;
    owu_error quick_error, plain_error;
    owu_arena quick_arena = {0}, plain_arena = {0};
    struct owu_token token;
    owu_cell cell;
    const char *quick_end, *plain_end, *copy;

    if (!CHECK(exact != NULL)) {
        return;
    }
    memcpy(exact, text, len);
    quick_arena.expected = room;
    CHECK(owu_arena_alloc(&quick_arena, 1) != NULL);
    owu_scan__init(&quick, exact, len, &quick_error);
    owu_scan__init(&plain, exact, len, &plain_error);
    quick_end = owu_scan__text(&quick, exact, &quick_arena, &cell);
    plain_end = owu_scan__string(&plain, exact, &token);
    CHECK(quick_end == plain_end);
    CHECK_INT_EQ(quick.status, plain.status);
    if (quick_end != NULL && plain_end != NULL) {
        copy = owu_scan__unescape(&plain_arena, &token);
        CHECK_INT_EQ(cell.tag, OWU_TAG_STR);
        CHECK_INT_EQ(cell.flags, token.flags);
        CHECK_INT_EQ(cell.len, token.len);
        CHECK(copy != NULL && memcmp(cell.u.text, copy, token.len + 1) == 0); /* and the NUL */
    } else if (quick.status != OWU_OK && plain.status != OWU_OK) {
        CHECK_STR_EQ(quick_error.message, plain_error.message);
        CHECK_INT_EQ(quick_error.offset, plain_error.offset);
    }
    owu_arena_free(&quick_arena);
    owu_arena_free(&plain_arena);
    free(exact);
}

static void test_quick_strings_are_plain_strings(void) {
    static const size_t rooms[] = {1, 8, 19, 20, 21, 36, 1024};
    const size_t end = (size_t)check_times(PIECES, 3);
    size_t a, b, c, room;
    for (a = 0; a < end; a++) {
        for (b = 0; b < end; b++) {
            for (c = 0; c < end; c++) {
                char text[128];
                size_t len = 0;
                const size_t order[] = {a, b, c};
                size_t i;
                for (i = 0; i < 3; i++) {
                    const size_t n = strlen(pieces[order[i]]);
                    memcpy(text + len, pieces[order[i]], n);
                    len += n;
                }
                /* the end of the text where the string ends, soon behind it, and far away */
                memcpy(text + len, "\",\"name\":\"0123456789\"", 21);
                room = rooms[(a + b + c) % (sizeof rooms / sizeof *rooms)];
                compare(text, len, room);
                compare(text, len + 1, room);
                compare(text, len + 9, room);
                compare(text, len + 21, room);
            }
        }
    }
}

static void test_long_strings(void) {
    size_t len;
    for (len = 0; len < 200; len += (size_t)check_times(1, 50)) {
        char text[256];
        memset(text, 'x', sizeof text);
        text[len] = '"';
        compare(text, sizeof text, len + 17);
        compare(text, len + 1, 64);
        if (len > 0) {
            text[len - 1] = '\\'; /* escapes the quote: the string has no end */
            compare(text, sizeof text, 300);
        }
    }
}

int main(void) {
    RUN(test_quick_strings_are_plain_strings);
    RUN(test_long_strings);
    return check_failures();
}
