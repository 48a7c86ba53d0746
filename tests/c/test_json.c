/* JSON without a schema: pointer, merge patch, difference, equality. */
#include <cjson/cJSON.h>

#include "check.h"
#include "owu.h"

static void check_pointer(const char *text, const char *pointer, const char *expected) {
    owu_buffer out = {0};
    const owu_status status = owu_json_pointer(&out, text, strlen(text), pointer, NULL);
    CHECK_INT_EQ(status, expected == NULL ? OWU_EVALUE : OWU_OK);
    CHECK_STR_EQ(check_text_of(&out), expected == NULL ? "" : expected);
    owu_buffer_free(&out);
}

static void test_pointer(void) {
    static const char text[] = "{\"a\": {\"b\": [10, {\"c\": 1E2}, [3]]}, \"~/\": 1, \"\": 2, "
                               "\"n\\u0000\": \"x\\u0000\", \"d\": 1, \"d\": [true, null]}";
    check_pointer(text, "/a/b/0", "10");
    check_pointer(text, "/a/b/1", "{\"c\":1E2}");
    check_pointer(text, "/a/b/1/c", "1E2");
    check_pointer(text, "/a/b/2/0", "3");
    check_pointer(text, "/a/b/3", NULL);
    check_pointer(text, "/a/b/00", NULL);
    check_pointer(text, "/a/b/-", NULL);
    check_pointer(text, "/~0~1", "1");
    check_pointer(text, "/", "2");
    check_pointer(text, "/d", "[true,null]");
    check_pointer(text, "/d/x", NULL);
    check_pointer(text, "/A", NULL);
    check_pointer(text, "a", NULL);
    check_pointer(text, "/~2", NULL);
    check_pointer(" [1] ", "", "[1]");
    check_pointer("{\"a\": {\"b\": 1}, \"a\": {}}", "/a/b", NULL);
    CHECK_INT_EQ(owu_json_pointer(&(owu_buffer){0}, "{", 1, "", NULL), OWU_EJSON);
}

/* The examples of RFC 7396, appendix A, and numbers that must stay exact. */
static void test_merge(void) {
    static const char *const rows[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
        {"{\"n\":9007199254740993,\"f\":1.0}", "{\"b\":1000000000000000000000000000000}",
         "{\"n\":9007199254740993,\"f\":1.0,\"b\":1000000000000000000000000000000}"},
        {"{\"\\u0000\":\"a\\u0000\"}", "{\"x\":-5}", "{\"\\u0000\":\"a\\u0000\",\"x\":-5}"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "{}", "{\"a\":3,\"b\":2}"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        owu_buffer out = {0};
        CHECK_INT_EQ(owu_json_merge(&out, rows[i][0], strlen(rows[i][0]), rows[i][1],
                                    strlen(rows[i][1]), NULL),
                     OWU_OK);
        CHECK_STR_EQ(check_text_of(&out), rows[i][2]);
        owu_buffer_free(&out);
    }
}

/* A difference, merged into what it was taken from, gives what it leads to. */
static void test_difference(void) {
    static const char *const rows[][2] = {
        {"{}", "{}"},
        {"{\"a\":1}", "{\"a\":1.0}"},
        {"{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "{\"b\":{\"c\":2,\"e\":[null]},\"f\":\"g\"}"},
        {"{\"a\":{\"b\":1}}", "{\"a\":{}}"},
        {"{\"a\":1}", "{\"a\":{}}"},
        {"[1]", "{\"a\":2}"},
        {"{\"a\":9007199254740993}", "{\"a\":9007199254740992}"},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        owu_buffer patch = {0}, again = {0};
        bool equal = false;
        const char *from = rows[i][0], *to = rows[i][1];
        CHECK_INT_EQ(owu_json_diff(&patch, from, strlen(from), to, strlen(to), NULL), OWU_OK);
        CHECK_INT_EQ(owu_json_merge(&again, from, strlen(from), patch.data, patch.len, NULL),
                     OWU_OK);
        CHECK_INT_EQ(owu_json_equal(&equal, again.data, again.len, to, strlen(to), NULL), OWU_OK);
        CHECK(equal);
        owu_buffer_free(&patch);
        owu_buffer_free(&again);
    }
    {
        owu_buffer patch = {0};
        CHECK_INT_EQ(owu_json_diff(&patch, "{\"a\":1}", 7, "{\"a\":null}", 10, NULL), OWU_EVALUE);
        owu_buffer_free(&patch);
    }
}

static void test_equality(void) {
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"{\"a\":1,\"b\":[2]}", "{\"b\":[2],\"a\":1}", true},
        {"1E2", "100.0", true},
        {"1", "1.0", true},
        {"9007199254740993", "9007199254740992", false},
        {"1000000000000000000000", "1000000000000000000001", false},
        {"\"a\\u0000\"", "\"a\"", false},
        {"[1,2]", "[2,1]", false},
        {"[1]", "[1,1]", false},
        {"{\"a\":1}", "{\"A\":1}", false},
        {"null", "false", false},
        {"\"1\"", "1", false},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool equal = !rows[i].equal;
        CHECK_INT_EQ(owu_json_equal(&equal, rows[i].a, strlen(rows[i].a), rows[i].b,
                                    strlen(rows[i].b), NULL),
                     OWU_OK);
        if (!CHECK_INT_EQ(equal, rows[i].equal)) {
            CHECK_NOTE("%s and %s\n", rows[i].a, rows[i].b);
        }
    }
}

/* cJSON's own memory runs out too. */
static void hook_allocations(void) {
    cJSON_Hooks hooks = {owu_malloc, owu_free};
    if (check_starves()) {
        cJSON_InitHooks(&hooks);
    }
}

int main(void) {
    hook_allocations();
    RUN(test_pointer);
    RUN(test_merge);
    RUN(test_difference);
    RUN(test_equality);
    return check_failures();
}
