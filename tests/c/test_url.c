/* Base URLs, segments, queries, header values, targets. */
#include "check.h"
#include "owu.h"

static void test_base_urls(void) {
    static const char *const rows[][2] = {
        {"https://chat.example.com", "https://chat.example.com"},
        {"https://chat.example.com/", "https://chat.example.com"},
        {"https://chat.example.com/api/v1/", "https://chat.example.com"},
        {"https://chat.example.com/sub/api", "https://chat.example.com/sub"},
        {"http://[::1]:8080/", "http://[::1]:8080"},
        {"ftp://h", NULL},
        {"h", NULL},
        {"", NULL},
        {"http://u:p@h", NULL},
        {"http://h?q", NULL},
        {"http://h#f", NULL},
        {"http://h/a b", NULL},
        {"http://h/..", NULL},
        {"http://", NULL},
    };
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        owu_buffer out = {0};
        owu_error err = {0};
        const owu_status status = owu_url_normalise(&out, rows[i][0], strlen(rows[i][0]), &err);
        CHECK_INT_EQ(status, rows[i][1] == NULL ? OWU_EVALUE : OWU_OK);
        if (status == OWU_OK && rows[i][1] != NULL) {
            CHECK_STR_EQ(check_text_of(&out), rows[i][1]);
        } else {
            CHECK(err.message[0] != '\0');
        }
        owu_buffer_free(&out);
    }
}

static int hex(char c) {
    return c <= '9' ? c - '0' : c - 'A' + 10;
}

/* Any text that is taken becomes one segment and decodes back. */
static void test_segments(void) {
    unsigned random = 12345;
    const int rounds = check_times(20000, 50);
    int round;
    for (round = 0; round < rounds; round++) {
        char text[12], back[12];
        size_t len, i, n = 0;
        owu_buffer out = {0};
        random = random * 1103515245u + 12345u;
        len = (random >> 16) % sizeof text;
        for (i = 0; i < len; i++) {
            random = random * 1103515245u + 12345u;
            text[i] = (char)((random >> 16) & 0x7F);
        }
        if (owu_url_segment(&out, text, len, "id", NULL) == OWU_OK) {
            for (i = 0; i < out.len && n < sizeof back; i++) {
                CHECK(strchr("/?#", out.data[i]) == NULL);
                if (out.data[i] == '%') {
                    back[n++] = (char)(hex(out.data[i + 1]) * 16 + hex(out.data[i + 2]));
                    i += 2;
                } else {
                    back[n++] = out.data[i];
                }
            }
            CHECK(n == len && memcmp(back, text, len) == 0);
        }
        owu_buffer_free(&out);
    }
}

static void test_segments_that_are_refused(void) {
    static const char *const refused[] = {"",       ".",    "..",         "%2e",
                                          "%2E%2e", ".%2e", "%252e%252e", "\n"};
    size_t i;
    for (i = 0; i < sizeof refused / sizeof *refused; i++) {
        owu_buffer out = {0};
        owu_error err = {0};
        CHECK_INT_EQ(owu_url_segment(&out, refused[i], strlen(refused[i]), "user_id", &err),
                     OWU_EVALUE);
        CHECK(strstr(err.message, "user_id") != NULL);
        CHECK_INT_EQ(out.len, 0);
        owu_buffer_free(&out);
    }
    CHECK_INT_EQ(owu_url_segment(&(owu_buffer){0}, "\0", 1, "user_id", NULL), OWU_EVALUE);
}

static void test_header_bytes(void) {
    int byte;
    for (byte = 0; byte < 256; byte++) {
        const char text[] = {'a', (char)byte, 'b'};
        const bool fit = byte == '\t' || (byte >= 0x20 && byte < 0x7F);
        CHECK_INT_EQ(owu_header_check("a header", text, 3, NULL), fit ? OWU_OK : OWU_EVALUE);
    }
}

static void test_targets_of_all_calls(void) {
    size_t i;
    for (i = 0; i < owu_n_endpoints; i++) {
        owu_cell args[OWU_MAX_PARAMS] = {{0}};
        owu_buffer out = {0};
        uint32_t k;
        for (k = 0; k < owu_endpoints[i].n_params; k++) {
            if (owu_endpoints[i].params[k].place == OWU_IN_PATH) {
                args[k] = (owu_cell){.tag = OWU_TAG_STR, .len = 3, .u = {.text = "a?b"}};
            }
        }
        CHECK_INT_EQ(owu_endpoint_target(&out, &owu_endpoints[i], args, NULL), OWU_OK);
        CHECK_INT_EQ(owu_url_target_check(out.data, out.len, NULL), OWU_OK);
        owu_buffer_free(&out);
    }
}

int main(void) {
    RUN(test_base_urls);
    RUN(test_segments);
    RUN(test_segments_that_are_refused);
    RUN(test_header_bytes);
    RUN(test_targets_of_all_calls);
    return check_failures();
}
