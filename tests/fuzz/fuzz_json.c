/* Any text as JSON: checked, rewritten, taken apart, merged and compared. */
#include "fuzz.h"

static void append_normal(owu_buffer *out, const char *text, size_t len) {
    owu_writer writer;
    owu_writer_init(&writer, out, -1);
    MUST(owu_write_json_normal(&writer, text, len) == OWU_OK);
}

/* What cJSON's trees are used for; they are limited in depth, so a text may be refused. */
static void take_apart(const char *text, size_t len) {
    owu_buffer whole = {0}, merged = {0}, difference = {0};
    bool equal = false;
    const owu_status status = owu_json_pointer(&whole, text, len, "", NULL);
    MUST(status == OWU_OK || status == OWU_ELIMIT || status == OWU_EJSON);
    if (status == OWU_OK) {
        MUST(owu_json_walk(whole.data, whole.len, NULL, NULL, NULL) == OWU_OK);
        MUST(owu_json_equal(&equal, text, len, text, len, NULL) == OWU_OK && equal);
        MUST(owu_json_equal(&equal, text, len, whole.data, whole.len, NULL) == OWU_OK && equal);
        MUST(owu_json_merge(&merged, "{}", 2, text, len, NULL) == OWU_OK);
        MUST(owu_json_walk(merged.data, merged.len, NULL, NULL, NULL) == OWU_OK);
        if (owu_json_diff(&difference, "{}", 2, text, len, NULL) == OWU_OK) {
            owu_buffer again = {0};
            MUST(owu_json_merge(&again, "{}", 2, difference.data, difference.len, NULL) == OWU_OK);
            MUST(owu_json_equal(&equal, again.data, again.len, text, len, NULL) == OWU_OK);
            MUST(equal);
            owu_buffer_free(&again);
        }
    }
    owu_buffer_free(&whole);
    owu_buffer_free(&merged);
    owu_buffer_free(&difference);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *text = exact_copy(data, size);
    owu_error err = {0};
    const owu_status status = owu_json_walk(text, size, NULL, NULL, &err);
    MUST(status == OWU_OK || status == OWU_EJSON || status == OWU_ELIMIT);
    if (status == OWU_OK) {
        owu_buffer once = {0}, twice = {0};
        append_normal(&once, text, size);
        append_normal(&twice, once.data, once.len);
        MUST(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        owu_buffer_free(&once);
        owu_buffer_free(&twice);
        take_apart(text, size);
    } else if (status == OWU_EJSON) {
        MUST(err.offset <= size && err.line >= 1 && err.column >= 1 && err.message[0] != '\0');
    }
    free(text);
    return 0;
}
