/* The first byte chooses: a base URL, a path segment, a query, a header value, a target, a call. */
#include "fuzz.h"

static size_t count(const owu_buffer *text, char wanted) {
    size_t i, n = 0;
    for (i = 0; i < text->len; i++) {
        n += text->data[i] == wanted;
    }
    return n;
}

/* Printable ASCII without a space, so that nothing of it can end a request line. */
static void check_bytes(const owu_buffer *text) {
    size_t i;
    for (i = 0; i < text->len; i++) {
        MUST(text->data[i] > ' ' && text->data[i] < 0x7F);
    }
}

static void fuzz_base(const char *text, size_t len) {
    owu_buffer once = {0}, twice = {0};
    if (owu_url_normalise(&once, text, len, NULL) == OWU_OK &&
        owu_buffer_terminate(&once) == OWU_OK) {
        check_bytes(&once);
        const char *host = strstr(once.data, "://") + 3;
        const size_t left = once.len - (size_t)(host - once.data);
        const char *path = memchr(host, '/', left);
        MUST(once.len > 7 && count(&once, '?') == 0 && count(&once, '#') == 0);
        MUST(once.data[once.len - 1] != '/');
        MUST(memchr(host, '@', path == NULL ? left : (size_t)(path - host)) == NULL);
        MUST(owu_url_normalise(&twice, once.data, once.len, NULL) == OWU_OK);
        MUST(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    }
    owu_buffer_free(&once);
    owu_buffer_free(&twice);
}

static void fuzz_segment(const char *text, size_t len) {
    owu_buffer out = {0};
    if (owu_url_segment(&out, text, len, "id", NULL) == OWU_OK) {
        check_bytes(&out);
        MUST(out.len > 0 && count(&out, '/') == 0 && count(&out, '?') == 0 &&
             count(&out, '#') == 0);
        MUST(!(out.len == 1 && out.data[0] == '.'));
        MUST(!(out.len == 2 && memcmp(out.data, "..", 2) == 0));
    }
    owu_buffer_free(&out);
}

static void fuzz_query(const char *text, size_t len) {
    owu_buffer out = {0};
    if (owu_url_query(&out, true, "a", text, len, NULL) == OWU_OK &&
        owu_url_query(&out, false, "b", text, len, NULL) == OWU_OK) {
        check_bytes(&out);
        MUST(count(&out, '?') == 1 && count(&out, '&') == 1 && count(&out, '=') == 2);
        MUST(count(&out, '#') == 0);
    }
    owu_buffer_free(&out);
}

static void fuzz_header(const char *text, size_t len) {
    if (owu_header_check("value", text, len, NULL) == OWU_OK) {
        size_t i;
        for (i = 0; i < len; i++) {
            MUST(text[i] == '\t' || (text[i] >= ' ' && text[i] < 0x7F));
        }
    }
}

static void fuzz_target(const char *text, size_t len) {
    const owu_buffer whole = {.data = (char *)(uintptr_t)text, .len = len};
    if (owu_url_target_check(text, len, NULL) == OWU_OK) {
        check_bytes(&whole);
        MUST(len > 0 && text[0] == '/' && count(&whole, '#') == 0);
    }
}

/* Every text parameter of a call of the table is this text. */
static void fuzz_call(unsigned number, const char *text, size_t len) {
    const owu_endpoint *endpoint = &owu_endpoints[number % owu_n_endpoints];
    owu_cell args[OWU_MAX_PARAMS] = {{0}};
    owu_buffer out = {0}, wanted = {0};
    uint32_t i;
    for (i = 0; i < endpoint->n_params; i++) {
        if (endpoint->params[i].type.kind == OWU_STR) {
            args[i] = (owu_cell){.tag = OWU_TAG_STR, .len = (uint32_t)len, .u = {.text = text}};
        }
    }
    if (owu_endpoint_target(&out, endpoint, args, NULL) == OWU_OK) {
        const char *end = memchr(out.data, '?', out.len);
        const size_t path = end == NULL ? out.len : (size_t)(end - out.data);
        owu_buffer part = {.data = out.data, .len = path};
        check_bytes(&out);
        MUST(owu_buffer_append_text(&wanted, endpoint->path) == OWU_OK);
        MUST(count(&part, '/') == count(&wanted, '/')); /* as many segments as the template has */
    }
    owu_buffer_free(&out);
    owu_buffer_free(&wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const ways[])(const char *, size_t) = {fuzz_base, fuzz_segment, fuzz_query,
                                                         fuzz_header, fuzz_target};
    const size_t n = sizeof ways / sizeof *ways;
    char *text;
    if (size < 1) {
        return 0;
    }
    text = exact_copy(data + 1, size - 1);
    if (data[0] < n) {
        ways[data[0]](text, size - 1);
    } else {
        fuzz_call(data[0] - (unsigned)n, text, size - 1);
    }
    free(text);
    return 0;
}
