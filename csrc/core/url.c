/* url.c - base URLs, path segments, queries, header values; the target of a call. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

/* ---------------------------------------------------------------- characters */

static bool is_alpha(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* RFC 3986: what stands for itself everywhere. */
static bool is_unreserved(char c) {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool is_control(char c) {
    return (unsigned char)c < 0x20 || c == 0x7F;
}

static int hex_digit(char c) {
    if (is_digit(c)) {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void append_encoded(owu_buffer *out, const char *text, size_t len) {
    static const char digits[] = "0123456789ABCDEF";
    size_t i, from = 0;
    for (i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (!is_unreserved(text[i])) {
            const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            (void)owu_buffer_append(out, text + from, i - from);
            (void)owu_buffer_append(out, escape, 3);
            from = i + 1;
        }
    }
    (void)owu_buffer_append(out, text + from, len - from);
}

static owu_status buffer_status(const owu_buffer *buffer, owu_error *err) {
    if (buffer->status == OWU_OK) {
        return OWU_OK;
    }
    return owu_fail(err, buffer->status,
                    buffer->status == OWU_ENOMEM ? "out of memory while building a URL"
                                                 : "the URL is too long");
}

/* ---------------------------------------------------------------- segments */

/* Decode one round of percent escapes into out (which may be text itself). @return new length */
static size_t decode_percent(const char *text, size_t len, char *out) {
    size_t i, n = 0;
    for (i = 0; i < len; i++) {
        if (text[i] == '%' && i + 2 < len && hex_digit(text[i + 1]) >= 0 &&
            hex_digit(text[i + 2]) >= 0) {
            out[n++] = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            out[n++] = text[i];
        }
    }
    return n;
}

/* Is this ".", "..", or either of them behind any number of percent encodings? */
static bool is_dot_segment(const char *text, size_t len) {
    char decoded[64];
    size_t before;
    if (len == 0 || len > sizeof decoded) {
        return false; /* "%2525…2e" longer than this decodes to a dot for nobody */
    }
    memcpy(decoded, text, len);
    do {
        before = len;
        len = decode_percent(decoded, len, decoded);
    } while (len != before);
    return (len == 1 && decoded[0] == '.') || (len == 2 && decoded[0] == '.' && decoded[1] == '.');
}

static bool is_utf8(const char *text, size_t len) {
    const unsigned char *p = (const unsigned char *)text, *const end = p + len;
    while (p < end) {
        const unsigned n = owu_utf8__length(p, end);
        if (n == 0) {
            return false;
        }
        p += n;
    }
    return true;
}

owu_status owu_url_segment(owu_buffer *out, const char *text, size_t len, const char *what,
                           owu_error *err) {
    size_t i;
    if (len == 0) {
        return owu_fail(err, OWU_EVALUE, "%s is empty", what);
    }
    for (i = 0; i < len; i++) {
        if (is_control(text[i])) {
            return owu_fail(err, OWU_EVALUE,
                            "%s holds a control character (byte 0x%02x at position %zu)", what,
                            (unsigned)(unsigned char)text[i], i);
        }
    }
    if (memchr(text, '/', len) != NULL) {
        return owu_fail(err, OWU_EVALUE,
                        "%s holds a slash, which servers take for the next part of the path even "
                        "when it is encoded: another route would answer",
                        what);
    }
    if (is_dot_segment(text, len)) {
        return owu_fail(err, OWU_EVALUE,
                        "%s is a dot segment, which would lead to another route of the server",
                        what);
    }
    if (!is_utf8(text, len)) {
        return owu_fail(err, OWU_EVALUE, "%s is not valid UTF-8", what);
    }
    append_encoded(out, text, len);
    return buffer_status(out, err);
}

owu_status owu_url_query(owu_buffer *out, bool first, const char *name, const char *value,
                         size_t len, owu_error *err) {
    if (memchr(value, '\0', len) != NULL) {
        return owu_fail(err, OWU_EVALUE, "%s holds a NUL character", name);
    }
    if (!is_utf8(value, len)) {
        return owu_fail(err, OWU_EVALUE, "%s is not valid UTF-8", name);
    }
    (void)owu_buffer_append_char(out, first ? '?' : '&');
    append_encoded(out, name, strlen(name));
    (void)owu_buffer_append_char(out, '=');
    append_encoded(out, value, len);
    return buffer_status(out, err);
}

owu_status owu_header_check(const char *what, const char *text, size_t len, owu_error *err) {
    size_t i;
    for (i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if ((c < 0x20 && c != '\t') || c >= 0x7F) {
            return owu_fail(err, OWU_EVALUE,
                            "%s holds a byte that no HTTP header may carry (0x%02x at position "
                            "%zu)%s",
                            what, (unsigned)c, i,
                            c == '\n' || c == '\r' ? ": was it read from a file with its line end?"
                                                   : "");
        }
    }
    return OWU_OK;
}

owu_status owu_url_target_check(const char *text, size_t len, owu_error *err) {
    size_t i, segment = 1;
    bool in_query = false;
    if (len == 0 || text[0] != '/') {
        return owu_fail(err, OWU_EVALUE, "a path must begin with `/`");
    }
    if (len >= 2 && text[1] == '/') {
        return owu_fail(err, OWU_EVALUE, "a path must not begin with `//`");
    }
    for (i = 0; i <= len; i++) {
        const char c = i < len ? text[i] : '?';
        if (i < len &&
            (is_control(c) || c == ' ' || c == '\\' || c == '#' || (unsigned char)c >= 0x80)) {
            return owu_fail(err, OWU_EVALUE,
                            "a path must not hold the byte 0x%02x (position %zu): encode it",
                            (unsigned)(unsigned char)c, i);
        }
        if (!in_query && i > 0 && (c == '/' || c == '?')) {
            if (is_dot_segment(text + segment, i - segment)) {
                return owu_fail(err, OWU_EVALUE, "a path must not hold a dot segment");
            }
            segment = i + 1;
        }
        in_query = in_query || c == '?';
    }
    return OWU_OK;
}

/* ---------------------------------------------------------------- base URL */

struct base_url {
    const char *text;
    size_t scheme_len; /* "http" or "https" */
    size_t host;       /* where host[:port] begins */
    size_t path;       /* where the path begins; the end when there is none */
    size_t len;
};

static bool scheme_is(const char *text, size_t len, const char *scheme) {
    size_t i;
    for (i = 0; i < len; i++) {
        if ((text[i] | 0x20) != scheme[i]) {
            return false;
        }
    }
    return scheme[len] == '\0';
}

static owu_status split_scheme(struct base_url *url, owu_error *err) {
    size_t i = 0;
    while (i < url->len && (is_alpha(url->text[i]) || is_digit(url->text[i]) ||
                            strchr("+-.", url->text[i]) != NULL)) {
        i++;
    }
    if (url->len - i < 3 || memcmp(url->text + i, "://", 3) != 0) {
        return owu_fail(err, OWU_EVALUE, "the base URL has no scheme: write http://… or https://…");
    }
    url->scheme_len = i;
    if (!(i == 4 && scheme_is(url->text, i, "http")) &&
        !(i == 5 && scheme_is(url->text, i, "https"))) {
        return owu_fail(err, OWU_EVALUE, "the base URL must begin with http:// or https://");
    }
    url->host = i + 3;
    return OWU_OK;
}

static owu_status check_bytes(const struct base_url *url, owu_error *err) {
    size_t i;
    for (i = 0; i < url->len; i++) {
        const char c = url->text[i];
        if (is_control(c) || c == ' ' || c == '\\' || c == '<' || c == '>' || c == '"') {
            return owu_fail(err, OWU_EVALUE, "the base URL holds the byte 0x%02x at position %zu",
                            (unsigned)(unsigned char)c, i);
        }
        if (c == '?' || c == '#') {
            return owu_fail(err, OWU_EVALUE, "the base URL must not hold a %s",
                            c == '?' ? "query" : "fragment");
        }
        if ((unsigned char)c >= 0x80) {
            return owu_fail(err, OWU_EVALUE,
                            "the base URL holds a character beyond ASCII at position %zu: write "
                            "the host in punycode (xn--…) and the path percent-encoded",
                            i);
        }
    }
    return OWU_OK;
}

/* host[:port], or [v6][:port] */
static owu_status check_host(const struct base_url *url, owu_error *err) {
    const char *host = url->text + url->host, *const end = url->text + url->path;
    const char *p = host;
    long port = 0;
    if (memchr(host, '@', (size_t)(end - host)) != NULL) {
        return owu_fail(err, OWU_EVALUE,
                        "the base URL holds a user name or password: give a token or an API key "
                        "as api_key instead");
    }
    if (p < end && *p == '[') {
        for (p++; p < end && *p != ']'; p++) {
            if (hex_digit(*p) < 0 && *p != ':' && *p != '.') {
                return owu_fail(err, OWU_EVALUE, "the base URL's IPv6 address is not well-formed");
            }
        }
        if (p == end || p - host < 3) {
            return owu_fail(err, OWU_EVALUE, "the base URL's IPv6 address is not well-formed");
        }
        p++;
    } else {
        while (p < end && (is_unreserved(*p) && *p != '~')) {
            p++;
        }
        if (p == host) {
            return owu_fail(err, OWU_EVALUE, "the base URL has no host");
        }
    }
    if (p < end && *p == ':') {
        const char *digits = ++p;
        while (p < end && is_digit(*p) && p - digits < 6) {
            port = port * 10 + (*p++ - '0');
        }
        if (p == digits || port < 1 || port > 65535) {
            return owu_fail(err, OWU_EVALUE, "the base URL's port must be 1 to 65535");
        }
    }
    if (p != end) {
        return owu_fail(err, OWU_EVALUE, "the base URL's host is not well-formed");
    }
    return OWU_OK;
}

static bool ends_with(const char *text, size_t len, const char *tail) {
    const size_t n = strlen(tail);
    return len >= n && memcmp(text + len - n, tail, n) == 0;
}

static size_t without_slashes(const char *path, size_t len) {
    while (len > 0 && path[len - 1] == '/') {
        len--;
    }
    return len;
}

/* Length of the path without what the calls bring themselves; without all of it, so that a base URL
 * that was normalised stays what it is. */
static size_t path_to_keep(const char *path, size_t len) {
    static const char *const tails[] = {"/api/v1", "/api"};
    size_t i;
    len = without_slashes(path, len);
    for (i = 0; i < sizeof tails / sizeof *tails;) {
        if (ends_with(path, len, tails[i])) {
            len = without_slashes(path, len - strlen(tails[i]));
            i = 0;
        } else {
            i++;
        }
    }
    return len;
}

owu_status owu_url_normalise(owu_buffer *out, const char *text, size_t len, owu_error *err) {
    struct base_url url = {text, 0, 0, 0, len};
    const char *slash;
    owu_status status;
    size_t i, path_len;

    if (len == 0) {
        return owu_fail(err, OWU_EVALUE, "the base URL is empty");
    }
    status = check_bytes(&url, err);
    if (status == OWU_OK) {
        status = split_scheme(&url, err);
    }
    if (status != OWU_OK) {
        return status;
    }
    slash = memchr(text + url.host, '/', len - url.host);
    url.path = slash == NULL ? len : (size_t)(slash - text);
    status = check_host(&url, err);
    if (status != OWU_OK) {
        return status;
    }
    path_len = path_to_keep(text + url.path, len - url.path);
    if (path_len != 0) {
        status = owu_url_target_check(text + url.path, path_len, err);
        if (status != OWU_OK) {
            return status;
        }
    }
    for (i = 0; i < url.path; i++) { /* scheme and host in lower case */
        const char c = text[i];
        (void)owu_buffer_append_char(out, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
    }
    (void)owu_buffer_append(out, text + url.path, path_len);
    return buffer_status(out, err);
}

/* ---------------------------------------------------------------- targets */

/* A scalar argument as text, in small when it is not text itself. */
static bool argument_text(const owu_cell *cell, char small[40], const char **text, size_t *len) {
    *text = small;
    switch ((owu_tag)cell->tag) {
    case OWU_TAG_STR:
    case OWU_TAG_BIGINT:
        *text = cell->u.text;
        *len = cell->len;
        return true;
    case OWU_TAG_BOOL:
        *text = cell->u.boolean ? "true" : "false";
        *len = strlen(*text);
        return true;
    case OWU_TAG_INT:
        *len = (size_t)snprintf(small, 40, "%lld", (long long)cell->u.integer);
        return true;
    case OWU_TAG_FLOAT:
        *len = owu_number__format(cell->u.number, small);
        return true;
    case OWU_TAG_DATE:
        owu_date_text(cell->u.date, small);
        *len = 10;
        return true;
    case OWU_TAG_UNSET:
    case OWU_TAG_NULL:
    case OWU_TAG_JSON:
    case OWU_TAG_LIST:
    case OWU_TAG_MAP:
    case OWU_TAG_RECORD:
        break;
    }
    return false;
}

static int path_param(const owu_endpoint *endpoint, const char *name, size_t len) {
    uint32_t i;
    for (i = 0; i < endpoint->n_params; i++) {
        const owu_param *param = &endpoint->params[i];
        if (param->place == OWU_IN_PATH && strlen(param->name) == len &&
            memcmp(param->name, name, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* *dashed: does every argument in the path hold a dash, as a UUID does? */
static owu_status append_path(owu_buffer *out, const owu_endpoint *endpoint, const owu_cell *args,
                              bool *dashed, owu_error *err) {
    const char *p = endpoint->path;
    *dashed = true;
    while (*p != '\0') {
        const char *open = strchr(p, '{');
        const char *close = open == NULL ? NULL : strchr(open, '}');
        const char *text;
        char small[40];
        size_t len;
        owu_status status;
        int i;
        if (close == NULL) {
            (void)owu_buffer_append_text(out, p);
            break;
        }
        (void)owu_buffer_append(out, p, (size_t)(open - p));
        i = path_param(endpoint, open + 1, (size_t)(close - open - 1));
        if (i < 0 || !argument_text(&args[i], small, &text, &len)) {
            return owu_fail(err, OWU_EVALUE, "%.*s is missing", (int)(close - open - 1), open + 1);
        }
        status = owu_url_segment(out, text, len, endpoint->params[i].name, err);
        if (status != OWU_OK) {
            return status;
        }
        *dashed = *dashed && memchr(text, '-', len) != NULL;
        p = close + 1;
    }
    return buffer_status(out, err);
}

/* Does this path lead to a route whose template it fits? A parameter fits any one segment. */
static bool path_fits(const char *path, size_t len, const char *template) {
    const char *end = path + len;
    while (path < end && *template != '\0') {
        if (*template == '{') {
            template = strchr(template, '}') + 1;
            while (path < end && *path != '/') {
                path++;
            }
        } else if (*template++ != *path++) {
            return false;
        }
    }
    return path == end && *template == '\0';
}

/*
 * An id that is a word of another route's path would reach that route: the id "all" that of
 * get_all_users. Where both templates fit, the server takes the one with more words.
 */
static owu_status check_own_route(const owu_endpoint *endpoint, const char *path, size_t len,
                                  owu_error *err) {
    const size_t fixed = strcspn(endpoint->path, "{");
    size_t i;
    for (i = 0; i < owu_n_endpoints; i++) {
        const char *other = owu_endpoints[i].path;
        const bool alike = strncmp(other, path, fixed) == 0;
        if (!alike && strcspn(other, "{") >= fixed) {
            continue; /* most: they part before the first argument of either */
        }
        if ((alike ? path_fits(path + fixed, len - fixed, other + fixed)
                   : path_fits(path, len, other)) &&
            strcmp(other, endpoint->path) != 0) {
            return owu_fail(err, OWU_EVALUE,
                            "an argument of %s.%s is a word of the path of %s.%s, which would be "
                            "called instead: give an id",
                            endpoint->resource, endpoint->name, owu_endpoints[i].resource,
                            owu_endpoints[i].name);
        }
    }
    return OWU_OK;
}

owu_status owu_endpoint_target(owu_buffer *out, const owu_endpoint *endpoint, const owu_cell *args,
                               owu_error *err) {
    const size_t start = out->len;
    bool first = true, dashed;
    owu_status status = append_path(out, endpoint, args, &dashed, err);
    uint32_t i;
    if (status == OWU_OK && !dashed) { /* no word of a path holds a dash: owu_schema_check */
        status = check_own_route(endpoint, out->data + start, out->len - start, err);
    }
    for (i = 0; status == OWU_OK && i < endpoint->n_params; i++) {
        const char *text;
        char small[40];
        size_t len;
        if (endpoint->params[i].place == OWU_IN_QUERY &&
            argument_text(&args[i], small, &text, &len)) {
            status = owu_url_query(out, first, endpoint->params[i].name, text, len, err);
            first = false;
        }
    }
    return status;
}
