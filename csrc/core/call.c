/*
 * call.c - what a call means: which answers are taken, which are refused, and what a server lacks.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "internal.h"

static const char version_path[] = "/api/version";

/* ---------------------------------------------------------------- versions */

int owu_version_compare(const char *a, const char *b) {
    while (*a != '\0' || *b != '\0') {
        char *a_end, *b_end;
        const unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);
        if (x != y) {
            return x < y ? -1 : 1;
        }
        if (a_end == a && b_end == b) {
            return 0; /* suffixes such as "-dev" do not count */
        }
        a = *a_end == '.' ? a_end + 1 : "";
        b = *b_end == '.' ? b_end + 1 : "";
    }
    return 0;
}

/* ---------------------------------------------------------------- what an answer is */

/* The media type of an answer in lower case, without parameters; "" when it has none. */
static void media_type(const owu_answer *answer, char out[64]) {
    const char *type = owu_answer_header(answer, "content-type");
    size_t i, len = type == NULL ? 0 : strcspn(type, "; \t");
    len = len < 64 ? len : 0; /* no type is as long */
    for (i = 0; i < len; i++) {
        out[i] = type[i] >= 'A' && type[i] <= 'Z' ? (char)(type[i] + ('a' - 'A')) : type[i];
    }
    out[len] = '\0';
}

static bool is_json(const owu_answer *answer) {
    char type[64];
    size_t len;
    media_type(answer, type);
    len = strlen(type);
    return strcmp(type, "application/json") == 0 ||
           (len > 5 && strcmp(type + len - 5, "+json") == 0);
}

static bool is_html(const owu_answer *answer) {
    char type[64];
    media_type(answer, type);
    return strcmp(type, "text/html") == 0;
}

static owu_status refuse_type(const owu_client *client, const owu_answer *answer,
                              const char *expected, owu_error *err) {
    char type[64];
    media_type(answer, type);
    if (is_html(answer)) {
        return owu_fail(err, OWU_ECONTENT_TYPE,
                        "expected %s but got a web page: is %.100s the address of an Open WebUI "
                        "server (without /api), or is a sign-in page or proxy in front of it?",
                        expected, client->base_url);
    }
    return owu_fail(err, OWU_ECONTENT_TYPE, "expected %s but got %s", expected,
                    type[0] == '\0' ? "an answer without a content type that could be told" : type);
}

/* Version from the body of GET /api/version; empty when there is none. */
static void read_version(const owu_answer *answer, char out[32]) {
    owu_buffer text = {0};
    out[0] = '\0';
    if (answer->status == 200 && is_json(answer) &&
        owu_json_pointer(&text, answer->body.data, answer->body.len, "/version", NULL) == OWU_OK &&
        text.len > 2 && text.len < 32 && text.data[0] == '"') {
        memcpy(out, text.data + 1, text.len - 2);
        out[text.len - 2] = '\0';
    }
    owu_buffer_free(&text);
}

/* The server's version, asked within the time and with the options of a call. */
static owu_status learn_version(owu_client *client, char out[32], const owu_options *options,
                                double deadline, unsigned *retries, owu_error *err) {
    owu_answer answer = {0};
    owu_status status;
    owu_run run;
    *retries = 0;
    (void)pthread_mutex_lock(&client->lock);
    memcpy(out, client->version, 32);
    (void)pthread_mutex_unlock(&client->lock);
    if (out[0] != '\0') {
        return OWU_OK;
    }
    owu_run__init(&run, client, options, version_path, &answer, err);
    if (deadline > 0) {
        run.deadline = deadline;
    }
    status =
        owu_run__send(&run, "GET", version_path, sizeof version_path - 1, NULL, 0, true, false);
    if (status == OWU_OK) {
        read_version(&answer, out);
        if (out[0] == '\0') {
            status = answer.status >= 400
                         ? owu_fail(err, OWU_EPROTOCOL, "%s%s answers with status %d",
                                    client->base_url, version_path, answer.status)
                         : refuse_type(client, &answer, "JSON with a version", err);
        }
    }
    if (status == OWU_OK) {
        (void)pthread_mutex_lock(&client->lock);
        memcpy(client->version, out, 32);
        (void)pthread_mutex_unlock(&client->lock);
    }
    *retries = answer.retries;
    owu_run__free(&run);
    owu_answer_free(&answer);
    return status;
}

owu_status owu_client_version(owu_client *client, char out[32], const owu_options *options,
                              unsigned *retries, owu_error *err) {
    return learn_version(client, out, options, 0, retries, err);
}

/* ---------------------------------------------------------------- calls */

/* A server that lacks a route answers like one that has it and refuses: ask for its version. */
static bool may_lack_route(const owu_endpoint *endpoint, const owu_answer *answer) {
    const int s = answer->status;
    return owu_version_compare(endpoint->since, owu_oldest_version) > 0 &&
           (s == 400 || s == 404 || s == 405 || s == 422 || (s == 200 && !is_json(answer)));
}

static owu_status check_supported(const owu_run *run, const owu_endpoint *endpoint) {
    owu_answer *answer = run->answer;
    char version[32];
    unsigned retries;
    if (!may_lack_route(endpoint, answer) ||
        learn_version(run->client, version, run->options, run->deadline, &retries, NULL) !=
            OWU_OK ||
        owu_version_compare(version, endpoint->since) >= 0) {
        return OWU_OK;
    }
    answer->needs = endpoint->since;
    memcpy(answer->server_version, version, sizeof answer->server_version);
    return owu_fail(run->err, OWU_EUNSUPPORTED,
                    "%s.%s needs Open WebUI %s or later; this server is %s: update the server",
                    endpoint->resource, endpoint->name, endpoint->since, version);
}

owu_status owu_answer_decode(owu_answer *answer, const owu_client *client,
                             const owu_endpoint *endpoint, owu_error *err) {
    if (endpoint->answer.kind == OWU_BYTES) {
        return is_html(answer) || is_json(answer) ? refuse_type(client, answer, "a file", err)
                                                  : OWU_OK;
    }
    if (!is_json(answer)) {
        return refuse_type(client, answer, "JSON", err);
    }
    owu_faults_free(&answer->faults);
    memset(&answer->faults, 0, sizeof answer->faults);
    return owu_document_read(&answer->document, &endpoint->answer,
                             answer->body.data == NULL ? "" : answer->body.data, answer->body.len,
                             0, &answer->faults, err);
}

static owu_status judge(const owu_run *run, const owu_endpoint *endpoint) {
    const owu_answer *answer = run->answer;
    owu_status status;
    if (answer->status >= 300 && answer->status < 400) {
        return owu_fail(
            run->err, OWU_EREDIRECT, "the server redirects (status %d)%s%s", answer->status,
            strlen(answer->location) <= 120 ? " to " : " to a long address: see .location",
            strlen(answer->location) <= 120 ? answer->location : "");
    }
    status = check_supported(run, endpoint);
    if (status != OWU_OK) {
        return status;
    }
    if (answer->status >= 400) {
        return owu_fail(run->err, OWU_ESTATUS, "the server answers with status %d", answer->status);
    }
    status = owu_answer_decode(run->answer, run->client, endpoint, run->err);
    if (status == OWU_OK && answer->document != NULL && (endpoint->flags & OWU_ADOPTS_TOKEN) == 0) {
        owu_buffer_free(&run->answer->body); /* the document holds all of it */
    }
    return status;
}

owu_status owu_client_call(owu_client *client, const owu_endpoint *endpoint, const owu_cell *args,
                           const char *body, size_t body_len, const owu_options *options,
                           owu_answer *answer, owu_error *err) {
    const char *method = endpoint->method;
    owu_buffer target = {.limit = OWU_MAX_URL};
    char version[32];
    owu_run run;
    owu_status status;

    if (owu_client_closed(client)) {
        return owu_fail(err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    owu_run__init(&run, client, options, endpoint->path, answer, err);
    status = owu_endpoint_target(&target, endpoint, args, err);
    if (status == OWU_OK && endpoint->older_method != NULL) {
        status = learn_version(client, version, options, run.deadline, &answer->retries, err);
        if (status == OWU_OK && owu_version_compare(version, endpoint->older_before) < 0) {
            method = endpoint->older_method;
        }
    }
    if (status == OWU_OK) {
        status = owu_run__send(&run, method, target.data, target.len, body, body_len,
                               (endpoint->flags & OWU_REPEATABLE) != 0,
                               (endpoint->flags & OWU_FOLLOW_ONCE) != 0);
    }
    if (status == OWU_OK && !options->raw) {
        status = judge(&run, endpoint);
    }
    owu_buffer_free(&target);
    owu_run__free(&run);
    return status;
}

/* ---------------------------------------------------------------- requests without a row */

/* Is this path what the template says, any segment for a parameter? */
static bool fits(const char *template, const char *path, size_t len) {
    const char *end = path + len;
    while (*template != '\0' && path < end) {
        if (*template == '{') {
            template += strcspn(template, "/");
            while (path < end && *path != '/') {
                path++;
            }
        } else if (*template++ != *path++) {
            return false;
        }
    }
    return *template == '\0' && path == end;
}

/* The row of the table that a request is, or NULL. One without parameters in its path comes first. */
static const owu_endpoint *row_of(const char *method, const char *path, size_t len) {
    const owu_endpoint *found = NULL;
    size_t i;
    for (i = 0; i < owu_n_endpoints; i++) {
        const owu_endpoint *row = &owu_endpoints[i];
        const char *older = row->older_method;
        if ((strcmp(row->method, method) == 0 || (older != NULL && strcmp(older, method) == 0)) &&
            fits(row->path, path, len) && (found == NULL || strchr(row->path, '{') == NULL)) {
            found = row;
        }
    }
    return found;
}

/* The path as logs may show it: whatever is not a word or a version may be an id. */
static void route_text(const char *path, size_t len, char out[128]) {
    size_t i = 0, n = 0;
    while (i < len && n < 120) {
        size_t word = 1;
        bool plain = true;
        while (i + word < len && path[i + word] != '/') {
            const char c = path[i + word++];
            plain = plain && ((c >= 'a' && c <= 'z') || c == '_' ||
                              (c >= '0' && c <= '9' && word == 3 && path[i + 1] == 'v'));
        }
        if (plain && n + word < 120) {
            memcpy(out + n, path + i, word);
            n += word;
        } else {
            memcpy(out + n, "/{}", 3);
            n += 3;
        }
        i += word;
    }
    out[n] = '\0';
}

owu_status owu_client_request(owu_client *client, const char *method, const char *target,
                              size_t target_len, const char *body, size_t body_len,
                              const owu_options *options, owu_answer *answer, owu_error *err) {
    const char *p, *query = memchr(target, '?', target_len);
    const size_t path_len = query == NULL ? target_len : (size_t)(query - target);
    const owu_endpoint *row;
    char route[128];
    owu_run run;
    owu_status status = owu_url_target_check(target, target_len, err);
    for (p = method; status == OWU_OK && (*p != '\0' || p == method); p++) {
        if (*p < 'A' || *p > 'Z' || p - method > 16) {
            status = owu_fail(err, OWU_EVALUE, "a method is a word of capital letters");
        }
    }
    if (status != OWU_OK) {
        return status;
    }
    /* May it be sent twice? The table knows better than the method: an old sign-out is a GET. */
    row = row_of(method, target, path_len);
    route_text(target, path_len, route);
    owu_run__init(&run, client, options, row != NULL ? row->path : route, answer, err);
    status = owu_run__send(
        &run, method, target, target_len, body, body_len,
        row != NULL ? (row->flags & OWU_REPEATABLE) != 0 : strcmp(method, "GET") == 0, false);
    owu_run__free(&run);
    return status;
}
