/* Arena, buffer, errors. */
#include <stdint.h>

#include "check.h"
#include "owu.h"

static void test_buffer_cap(void) {
    owu_buffer buffer = {.limit = 4};
    CHECK_INT_EQ(owu_buffer_append_text(&buffer, "abc"), OWU_OK);
    CHECK_INT_EQ(owu_buffer_append_text(&buffer, "de"), OWU_ELIMIT);
    CHECK_INT_EQ(owu_buffer_append_char(&buffer, 'd'), OWU_ELIMIT); /* the failure sticks */
    CHECK_BYTES_EQ(buffer.data, buffer.len, "abc");
    owu_buffer_free(&buffer);
}

static void test_arena(void) {
    owu_arena arena = {0};
    const char *copy;
    size_t size;
    for (size = 0; size < 5000; size += 7) {
        char *p = owu_arena_alloc(&arena, size);
        if (!CHECK(p != NULL)) {
            break;
        }
        CHECK_INT_EQ((uintptr_t)p % 8, 0);
        memset(p, 0x5A, size);
    }
    CHECK(owu_arena_alloc(&arena, SIZE_MAX - 4) == NULL);
    copy = owu_arena_copy(&arena, "a\0b", 3);
    if (CHECK(copy != NULL)) {
        CHECK_BYTES_EQ(copy, 4, "a\0b\0");
    }
    owu_arena_free(&arena);
}

static void test_errors(void) {
    owu_error err = {0};
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CHECK_INT_EQ(owu_fail(&err, OWU_EVALUE, "%s", text), OWU_EVALUE);
    CHECK_INT_EQ(strlen(err.message), OWU_MESSAGE_SIZE - 1);
    CHECK_INT_EQ(owu_fail(NULL, OWU_EJSON, "nobody listens"), OWU_EJSON);
    CHECK_STR_EQ(owu_status_name(OWU_EJSON), "OWU_EJSON");
    CHECK_STR_EQ(owu_status_name((owu_status)999), "OWU_?");
}

static void test_allocation_fails_on_request(void) {
    void *first, *second;
    (void)owu_test_fail_allocation(2, false);
    first = owu_malloc(1);
    second = owu_malloc(1);
    CHECK(first != NULL);
    CHECK(second == NULL);
    second = owu_realloc(first, 2);
    CHECK(second != NULL);
    owu_free(second);
    CHECK(owu_test_fail_allocation(2, true) < 1);
    first = owu_malloc(1);
    CHECK(owu_malloc(1) == NULL);
    CHECK(owu_realloc(first, 100) == NULL);
    owu_free(first);
    CHECK(owu_test_fail_allocation(5, false) < 1);
    CHECK_INT_EQ(owu_test_fail_allocation(OWU_TEST_NEVER, false), 5);
}

int main(void) {
    RUN(test_buffer_cap);
    RUN(test_arena);
    RUN(test_errors);
    RUN_FED(test_allocation_fails_on_request);
    return check_failures();
}
