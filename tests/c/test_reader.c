/* The strict reader: what it accepts, what it refuses and where, and memory that runs out. */
#include <stdlib.h>

#include "check.h"
#include "owu.h"

static owu_status walk(const char *text, size_t len, owu_error *err) {
    return owu_json_walk(text, len, NULL, NULL, err);
}

static void test_grammar(void) {
    static const char *const accepted[] = {
        "null",
        " true ",
        "false",
        "0",
        "-0",
        "10",
        "1.5",
        "1e5",
        "1E+5",
        "-1.5e-300",
        "\"\"",
        "\"\\u0000\"",
        "\"\\ud83e\\udd86\"",
        "\"\xc3\xa9\"",
        "\"\xf0\x9f\xa6\x86\"",
        "[]",
        "{}",
        "[1, [2, {\"a\": []}]]",
        "{\"a\": 1, \"a\": 2}",
        "\t\r\n1\n",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "123456789012345678901234567890",
    };
    static const char *const refused[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "01",
        "-",
        "+1",
        ".5",
        "5.",
        "1e",
        "1e+",
        "0x10",
        "NaN",
        "Infinity",
        "-Infinity",
        "\"",
        "\"\n\"",
        "\"\x01\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf8\x88\x80\x80\x80\"",
        "\"\xc3\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:1}",
        "{\"a\" 1}",
        "1 2",
        "\xef\xbb\xbf 1",
        "'a'",
        "[1]]",
        "// 1",
        "1 // x",
    };
    size_t i;
    for (i = 0; i < sizeof accepted / sizeof *accepted; i++) {
        if (!CHECK_INT_EQ(walk(accepted[i], strlen(accepted[i]), NULL), OWU_OK)) {
            CHECK_NOTE("in: %s\n", accepted[i]);
        }
    }
    for (i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (!CHECK_INT_EQ(walk(refused[i], strlen(refused[i]), NULL), OWU_EJSON)) {
            CHECK_NOTE("in: %s\n", refused[i]);
        }
    }
    CHECK_INT_EQ(walk("1\0", 2, NULL), OWU_EJSON);
    CHECK_INT_EQ(walk(NULL, 0, NULL), OWU_EJSON); /* what an empty buffer holds */
}

static void test_depth(void) {
    enum { DEEP = 100000 };
    char *text = malloc(DEEP);
    size_t i;
    if (!CHECK(text != NULL)) {
        return;
    }
    memset(text, '[', DEEP);
    CHECK_INT_EQ(walk(text, DEEP, NULL), OWU_EJSON);
    for (i = 0; i < OWU_MAX_DEPTH; i++) {
        text[OWU_MAX_DEPTH + i] = ']';
    }
    CHECK_INT_EQ(walk(text, 2 * OWU_MAX_DEPTH, NULL), OWU_OK);
    memset(text, '[', DEEP);
    for (i = 0; i <= OWU_MAX_DEPTH; i++) {
        text[OWU_MAX_DEPTH + 1 + i] = ']';
    }
    CHECK_INT_EQ(walk(text, 2 * OWU_MAX_DEPTH + 2, NULL), OWU_EJSON);
    free(text);
}

static void test_places_of_faults(void) {
    owu_error err = {0};
    CHECK_INT_EQ(walk("[1,\n 2,\n  x]", 11, &err), OWU_EJSON);
    CHECK_INT_EQ(err.offset, 10);
    CHECK_INT_EQ(err.line, 3);
    CHECK_INT_EQ(err.column, 3);
}

static const char rich[] =
    "{\"users\": [{\"id\": \"1\", \"name\": \"A\\u0000\xc3\xa9\", \"email\": \"a@example.com\", "
    "\"role\": \"user\", \"groups\": [{\"id\": \"g\", \"name\": \"G\"}], \"later\": {\"x\": [1, "
    "2.5]}, "
    "\"later\": 3, \"last_active_at\": 12345678901234567890123}], \"total\": 1, \"beyond\": null}";

/* Every text that stops early is refused, and none makes the reader read beyond its end. */
static void test_truncation(void) {
    const owu_type type = {OWU_MODEL, OWU_ANY, false, owu_model_find("UserInfoListResponse")};
    size_t len;
    for (len = 0; len < sizeof rich - 1; len++) {
        char *exact = malloc(len == 0 ? 1 : len); /* the sanitizer watches its end */
        owu_document *document = NULL;
        if (!CHECK(exact != NULL)) {
            return;
        }
        memcpy(exact, rich, len);
        CHECK_INT_EQ(owu_document_read(&document, &type, exact, len, 0, NULL, NULL), OWU_EJSON);
        CHECK(document == NULL);
        free(exact);
    }
}

static void test_records(void) {
    const owu_model *list = owu_model_find("UserInfoListResponse");
    const owu_type type = {OWU_MODEL, OWU_ANY, false, list};
    owu_document *document = NULL;
    const owu_record *user;
    const owu_cell *cell;
    CHECK_INT_EQ(owu_document_read(&document, &type, rich, sizeof rich - 1, 0, NULL, NULL), OWU_OK);
    if (!CHECK(document != NULL)) {
        return;
    }
    cell = owu_document_value(document);
    CHECK_INT_EQ(cell->tag, OWU_TAG_RECORD);
    cell = owu_record_cell(cell->u.record, (uint32_t)owu_model_field(list, "users", 5, 0));
    CHECK_INT_EQ(cell->len, 1);
    user = cell->u.cells[0].u.record;
    cell = owu_record_cell(user, (uint32_t)owu_model_field(user->model, "name", 4, 0));
    CHECK_BYTES_EQ(cell->u.text, cell->len, "A\0\xc3\xa9");
    cell = owu_record_cell(user, (uint32_t)owu_model_field(user->model, "last_active_at", 14, 0));
    CHECK_INT_EQ(cell->tag, OWU_TAG_BIGINT);
    CHECK_BYTES_EQ(cell->u.text, cell->len, "12345678901234567890123");
    if (CHECK(user->extra != NULL)) {
        CHECK_BYTES_EQ(user->extra->key, user->extra->key_len, "later");
        CHECK_BYTES_EQ(user->extra->value.u.text, user->extra->value.len, "3"); /* the last one */
        CHECK(user->extra->next == NULL);
    }
    owu_document_unref(document);
}

/* The bit of the last field is the last one of the masks. */
static void test_as_many_fields_as_can_be(void) {
    static char names[OWU_MAX_FIELDS][4], text[16 * OWU_MAX_FIELDS];
    static owu_field fields[OWU_MAX_FIELDS];
    static const owu_model model = {
        .name = "Large", .fields = fields, .n_fields = OWU_MAX_FIELDS, .unknown = OWU_KEEP};
    const owu_type type = {OWU_MODEL, OWU_ANY, false, &model};
    owu_document *document = NULL;
    const owu_record *record;
    size_t len = 0;
    uint32_t i;
    for (i = 0; i < OWU_MAX_FIELDS; i++) {
        owu_field *field = &fields[i];
        field->name_len = (uint8_t)snprintf(names[i], sizeof names[i], "f%u", i);
        field->name = field->python_name = names[i];
        field->quoted_len =
            (uint8_t)snprintf(field->quoted, sizeof field->quoted, "\"%s\":", names[i]);
        field->type = (owu_type){OWU_INT, OWU_ANY, true, NULL};
        field->flags = OWU_REQUIRED;
        len += (size_t)snprintf(text + len, sizeof text - len, "%c%s%s", i == 0 ? '{' : ',',
                                field->quoted, i % 3 == 1 ? "null" : names[i] + 1);
    }
    len += (size_t)snprintf(text + len, sizeof text - len, "}");
    CHECK_INT_EQ(owu_document_read(&document, &type, text, len, 0, NULL, NULL), OWU_OK);
    if (!CHECK(document != NULL)) {
        return;
    }
    record = owu_document_value(document)->u.record;
    CHECK(record->set == UINT64_MAX);
    CHECK(record->extra == NULL);
    for (i = 0; i < OWU_MAX_FIELDS; i++) {
        const owu_cell *cell = owu_record_cell(record, i);
        CHECK_INT_EQ(cell->tag, i % 3 == 1 ? OWU_TAG_NULL : OWU_TAG_INT);
        CHECK(i % 3 == 1 || cell->u.integer == i);
    }
    owu_document_unref(document);
}

static void test_all_faults_in_field_order(void) {
    static const char text[] = "{\"total\": \"x\", \"users\": [{\"role\": 5, \"id\": null}]}";
    const owu_type type = {OWU_MODEL, OWU_ANY, false, owu_model_find("UserInfoListResponse")};
    owu_faults faults = {0};
    owu_document *document = NULL;
    CHECK_INT_EQ(owu_document_read(&document, &type, text, sizeof text - 1, 0, &faults, NULL),
                 OWU_ESCHEMA);
    CHECK(faults.len >= 4);
    if (faults.len >= 4) {
        CHECK_STR_EQ(owu_fault_name(faults.items[0].type), "string_type");
        CHECK_INT_EQ(faults.items[0].n_steps, 3);
        CHECK_STR_EQ(owu_fault_name(faults.items[faults.len - 1].type), "int_parsing");
        CHECK_INT_EQ(faults.items[faults.len - 1].n_steps, 1);
    }
    owu_faults_free(&faults);
}

static void test_memory_that_runs_out(void) {
    const owu_type type = {OWU_MODEL, OWU_ANY, false, owu_model_find("UserInfoListResponse")};
    owu_status status = OWU_ENOMEM;
    long nth;
    for (nth = 1; nth < 200 && status == OWU_ENOMEM; nth++) {
        owu_document *document = NULL;
        (void)owu_test_fail_allocation(nth, false);
        status = owu_document_read(&document, &type, rich, sizeof rich - 1, 0, NULL, NULL);
        (void)owu_test_fail_allocation(OWU_TEST_NEVER, false);
        owu_document_unref(document);
    }
    CHECK_INT_EQ(status, OWU_OK);
    CHECK(nth > 3);
}

int main(void) {
    RUN(test_grammar);
    RUN(test_depth);
    RUN(test_places_of_faults);
    RUN(test_truncation);
    RUN(test_records);
    RUN(test_as_many_fields_as_can_be);
    RUN(test_all_faults_in_field_order);
    RUN_FED(test_memory_that_runs_out);
    return check_failures();
}
