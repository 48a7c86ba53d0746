/*
 * client.c - one server, and what a call to it means: which answers are taken, which are refused.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "internal.h"

struct owu_client {
    atomic_size_t references;
    owu_http_pool *pool;  /* owned */
    char *base_url;       /* owned */
    char *user_agent;     /* owned */
    pthread_mutex_t lock; /* of what follows */
    char *key;            /* owned; NULL: none */
    size_t key_len;
    char version[32];     /* of the server; empty: not asked yet */
    atomic_bool closed;
};

static const char oldest_version[] = "0.6.42";
static const char version_path[] = "/api/version";

/* ---------------------------------------------------------------- answers */

void owu_answer_free(owu_answer *answer) {
    size_t i;
    for (i = 0; i < answer->n_headers; i++) {
        owu_free(answer->headers[i].name);
        owu_free(answer->headers[i].value);
    }
    owu_free(answer->headers);
    owu_buffer_free(&answer->body);
    owu_document_unref(answer->document);
    owu_faults_free(&answer->faults);
    memset(answer, 0, sizeof *answer);
}

const char *owu_answer_header(const owu_answer *answer, const char *name) {
    size_t i;
    for (i = 0; i < answer->n_headers; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return answer->headers[i].value;
        }
    }
    return NULL;
}

/* Before a second request whose answer takes the place of the first. */
static void answer_restart(owu_answer *answer) {
    const unsigned requests = answer->requests;
    const double elapsed = answer->elapsed;
    owu_answer_free(answer);
    answer->requests = requests;
    answer->elapsed = elapsed;
}

/* ---------------------------------------------------------------- life of a client */

static char *copy_text(const char *text, size_t len) {
    char *copy = owu_malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

/* Through a volatile pointer, so that the compiler keeps it. */
static void wipe(char *text, size_t len) {
    volatile char *p = text;
    while (len-- > 0) {
        *p++ = 0;
    }
}

static void free_key(char *key, size_t len) {
    if (key != NULL) {
        wipe(key, len);
        owu_free(key);
    }
}

owu_status owu_client_new(owu_client **out, const char *base_url, size_t base_url_len,
                          const char *api_key, size_t api_key_len, const char *user_agent,
                          owu_error *err) {
    owu_client *client = owu_malloc(sizeof *client);
    owu_buffer url = {.limit = OWU_MAX_URL};
    owu_status status;

    if (client == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory for a client");
    }
    memset(client, 0, sizeof *client);
    atomic_init(&client->references, 1);
    atomic_init(&client->closed, false);
    if (pthread_mutex_init(&client->lock, NULL) != 0) {
        owu_free(client);
        return owu_fail(err, OWU_EINTERNAL, "no lock could be made");
    }
    status = owu_global_init(err);
    if (status == OWU_OK) {
        status = owu_url_normalise(&url, base_url, base_url_len, err);
    }
    if (status == OWU_OK) {
        status = owu_header_check("the user agent", user_agent, strlen(user_agent), err);
    }
    if (status == OWU_OK && api_key != NULL) {
        status = owu_client_set_key(client, api_key, api_key_len, err);
    }
    if (status != OWU_OK) {
        goto done;
    }
    client->pool = owu_http__pool_new();
    client->base_url = copy_text(url.data, url.len);
    client->user_agent = copy_text(user_agent, strlen(user_agent));
    if (client->pool == NULL || client->base_url == NULL || client->user_agent == NULL) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory for a client");
        goto done;
    }
    *out = client;
    client = NULL;
done:
    owu_buffer_free(&url);
    owu_client_unref(client);
    return status;
}

owu_client *owu_client_ref(owu_client *client) {
    atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

void owu_client_unref(owu_client *client) {
    if (client != NULL &&
        atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) == 1) {
        owu_http__pool_free(client->pool);
        free_key(client->key, client->key_len);
        owu_free(client->base_url);
        owu_free(client->user_agent);
        (void)pthread_mutex_destroy(&client->lock);
        owu_free(client);
    }
}

void owu_client_close(owu_client *client) {
    atomic_store(&client->closed, true);
    owu_http__pool_close(client->pool);
}

bool owu_client_closed(const owu_client *client) {
    return atomic_load(&client->closed);
}

const char *owu_client_base_url(const owu_client *client) {
    return client->base_url;
}

owu_status owu_client_set_key(owu_client *client, const char *key, size_t len, owu_error *err) {
    char *copy = NULL, *old;
    size_t old_len;
    owu_status status;
    if (key != NULL) {
        status = owu_header_check("the API key", key, len, err);
        if (status == OWU_OK && len == 0) {
            status = owu_fail(err, OWU_EVALUE, "the API key is empty");
        }
        if (status != OWU_OK) {
            return status;
        }
        copy = copy_text(key, len);
        if (copy == NULL) {
            return owu_fail(err, OWU_ENOMEM, "out of memory for the API key");
        }
    }
    (void)pthread_mutex_lock(&client->lock);
    old = client->key;
    old_len = client->key_len;
    client->key = copy;
    client->key_len = copy == NULL ? 0 : len;
    (void)pthread_mutex_unlock(&client->lock);
    free_key(old, old_len);
    return OWU_OK;
}

owu_status owu_client_key(owu_client *client, owu_buffer *out) {
    owu_status status = OWU_OK;
    (void)pthread_mutex_lock(&client->lock);
    if (client->key != NULL) {
        status = owu_buffer_append(out, client->key, client->key_len);
    }
    (void)pthread_mutex_unlock(&client->lock);
    return status;
}

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

/* ---------------------------------------------------------------- requests */

/* One request in the making. */
typedef struct Sending {
    owu_buffer url;
    owu_buffer authorization; /* the header line; wiped afterwards */
    const char *headers[32];  /* borrowed */
    size_t n_headers;
} Sending;

static void sending_free(Sending *s) {
    if (s->authorization.data != NULL) {
        wipe(s->authorization.data, s->authorization.len);
    }
    owu_buffer_free(&s->authorization);
    owu_buffer_free(&s->url);
}

static owu_status add_line(Sending *s, const char *line, owu_error *err) {
    if (s->n_headers + 1 >= sizeof s->headers / sizeof *s->headers) {
        return owu_fail(err, OWU_ELIMIT, "too many extra headers");
    }
    s->headers[s->n_headers++] = line;
    s->headers[s->n_headers] = NULL;
    return OWU_OK;
}

static owu_status add_authorization(owu_client *client, Sending *s, owu_error *err) {
    static const char prefix[] = "Authorization: Bearer ";
    (void)owu_buffer_append_text(&s->authorization, prefix);
    (void)owu_client_key(client, &s->authorization);
    if (owu_buffer_terminate(&s->authorization) != OWU_OK) {
        return owu_fail(err, OWU_ENOMEM, "out of memory before a request");
    }
    return s->authorization.len == sizeof prefix - 1 ? OWU_OK
                                                     : add_line(s, s->authorization.data, err);
}

static owu_status add_headers(owu_client *client, Sending *s, bool has_body,
                              const owu_options *options, owu_error *err) {
    const char *const *extra = options->extra_headers;
    owu_status status = add_line(s, "Accept: application/json, */*;q=0.5", err);
    if (status == OWU_OK && has_body) {
        status = add_line(s, "Content-Type: application/json", err);
    }
    if (status == OWU_OK) {
        status = add_authorization(client, s, err);
    }
    for (; status == OWU_OK && extra != NULL && *extra != NULL; extra++) {
        status = owu_header_check("an extra header", *extra, strlen(*extra), err);
        if (status == OWU_OK) {
            status = add_line(s, *extra, err);
        }
    }
    return status;
}

static void fill_request(owu_http_request *request, const owu_client *client, const Sending *s,
                         const char *method, const owu_options *options) {
    memset(request, 0, sizeof *request);
    request->method = method;
    request->url = s->url.data;
    request->headers = s->headers;
    request->user_agent = client->user_agent;
    request->timeout = options->timeout;
    request->connect_timeout = options->connect_timeout;
    request->max_body = options->max_body;
    request->interrupt = options->interrupt;
    request->interrupt_context = options->interrupt_context;
}

/* Send to base URL + target; any HTTP status is OWU_OK. A retry policy belongs around this. */
static owu_status send_to(owu_client *client, const char *method, const char *target,
                          size_t target_len, const char *body, size_t body_len, bool repeatable,
                          const owu_options *options, owu_answer *answer, owu_error *err) {
    Sending s = {.url = {.limit = OWU_MAX_URL}};
    owu_http_request request;
    owu_status status;

    if (owu_client_closed(client)) {
        return owu_fail(err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    (void)owu_buffer_append_text(&s.url, client->base_url);
    (void)owu_buffer_append(&s.url, target, target_len);
    if (owu_buffer_terminate(&s.url) != OWU_OK) {
        status = owu_fail(err, s.url.status, "the URL is too long, or memory ran out");
        goto done;
    }
    status = add_headers(client, &s, body != NULL, options, err);
    if (status == OWU_OK) {
        fill_request(&request, client, &s, method, options);
        request.body = body;
        request.body_len = body_len;
        request.repeatable = repeatable;
        status = owu_http__perform(client->pool, &request, answer, err);
    }
done:
    sending_free(&s);
    return status;
}

owu_status owu_client_request(owu_client *client, const char *method, const char *target,
                              size_t target_len, const char *body, size_t body_len,
                              const owu_options *options, owu_answer *answer, owu_error *err) {
    const bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    const char *p;
    owu_status status = owu_url_target_check(target, target_len, err);
    for (p = method; status == OWU_OK && (*p != '\0' || p == method); p++) {
        if (*p < 'A' || *p > 'Z' || p - method > 16) {
            status = owu_fail(err, OWU_EVALUE, "a method is a word of capital letters");
        }
    }
    if (status == OWU_OK) {
        status = send_to(client, method, target, target_len, body, body_len, reads, options, answer,
                         err);
    }
    return status;
}

/* ---------------------------------------------------------------- what an answer is */

static bool is_json(const owu_answer *answer) {
    const char *type = owu_answer_header(answer, "content-type");
    const size_t len = type == NULL ? 0 : strcspn(type, "; \t");
    return (len == 16 && memcmp(type, "application/json", 16) == 0) ||
           (len > 5 && memcmp(type + len - 5, "+json", 5) == 0);
}

static bool is_html(const owu_answer *answer) {
    const char *type = owu_answer_header(answer, "content-type");
    return type != NULL && strncmp(type, "text/html", 9) == 0;
}

static owu_status refuse_type(const owu_client *client, const owu_answer *answer,
                              const char *expected, owu_error *err) {
    const char *type = owu_answer_header(answer, "content-type");
    if (is_html(answer)) {
        return owu_fail(err, OWU_ECONTENT_TYPE,
                        "expected %s but got a web page: is %.100s the address of an Open WebUI "
                        "server (without /api), or is a sign-in page or proxy in front of it?",
                        expected, client->base_url);
    }
    return owu_fail(err, OWU_ECONTENT_TYPE, "expected %s but got %.60s", expected,
                    type == NULL ? "an answer without content type" : type);
}

/* Where a redirect leads: its URL without query, cut to fit. */
static void keep_location(owu_answer *answer) {
    const char *location = owu_answer_header(answer, "location");
    if (location != NULL) {
        size_t len = strcspn(location, "?#");
        len = len < sizeof answer->location ? len : sizeof answer->location - 1;
        memcpy(answer->location, location, len);
        answer->location[len] = '\0';
    }
}

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
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

owu_status owu_client_version(owu_client *client, char out[32], const owu_options *options,
                              owu_error *err) {
    owu_answer answer = {0};
    owu_status status;
    (void)pthread_mutex_lock(&client->lock);
    memcpy(out, client->version, 32);
    (void)pthread_mutex_unlock(&client->lock);
    if (out[0] != '\0') {
        return OWU_OK;
    }
    status = send_to(client, "GET", version_path, sizeof version_path - 1, NULL, 0, true, options,
                     &answer, err);
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
    owu_answer_free(&answer);
    return status;
}

/* ---------------------------------------------------------------- calls */

/* A server that lacks a route answers like one that has it and refuses: ask for its version. */
static bool may_lack_route(const owu_endpoint *endpoint, const owu_answer *answer) {
    const int s = answer->status;
    return owu_version_compare(endpoint->since, oldest_version) > 0 &&
           (s == 400 || s == 404 || s == 405 || s == 422 || (s == 200 && !is_json(answer)));
}

static owu_status check_supported(owu_client *client, const owu_endpoint *endpoint,
                                  const owu_options *options, owu_answer *answer, owu_error *err) {
    char version[32];
    if (!may_lack_route(endpoint, answer) ||
        owu_client_version(client, version, options, NULL) != OWU_OK ||
        owu_version_compare(version, endpoint->since) >= 0) {
        return OWU_OK;
    }
    answer->needs = endpoint->since;
    memcpy(answer->server_version, version, sizeof answer->server_version);
    return owu_fail(err, OWU_EUNSUPPORTED,
                    "%s.%s needs Open WebUI %s or later; this server is %s: update the server",
                    endpoint->resource, endpoint->name, endpoint->since, version);
}

/* One redirect, to another http(s) address, with nothing of ours but the user agent. */
static owu_status follow_once(owu_client *client, const owu_options *options, owu_answer *answer,
                              owu_error *err) {
    static const char *const no_headers[] = {NULL};
    const char *location = owu_answer_header(answer, "location");
    const bool from_tls = strncmp(client->base_url, "https://", 8) == 0;
    owu_http_request request;
    Sending s = {.url = {.limit = OWU_MAX_URL}};
    owu_status status = OWU_OK;

    keep_location(answer);
    if (location == NULL || (strncmp(location, "https://", 8) != 0 &&
                             (from_tls || strncmp(location, "http://", 7) != 0))) {
        return owu_fail(err, OWU_EREDIRECT,
                        "the server redirects to an address that is not followed%s",
                        from_tls ? " (only https is, from https)" : "");
    }
    (void)owu_buffer_append_text(&s.url, location);
    if (owu_buffer_terminate(&s.url) != OWU_OK) {
        status = owu_fail(err, s.url.status, "the redirect's address is too long");
    } else {
        fill_request(&request, client, &s, "GET", options);
        request.headers = no_headers;
        request.repeatable = true;
        answer_restart(answer);
        status = owu_http__perform(client->pool, &request, answer, err);
    }
    owu_buffer_free(&s.url);
    return status;
}

static owu_status decode(const owu_client *client, const owu_endpoint *endpoint,
                         const owu_options *options, owu_answer *answer, owu_error *err) {
    owu_status status;
    if (endpoint->answer.kind == OWU_BYTES) {
        return is_html(answer) || is_json(answer) ? refuse_type(client, answer, "an image", err)
                                                  : OWU_OK;
    }
    if (!is_json(answer)) {
        return refuse_type(client, answer, "JSON", err);
    }
    if (endpoint->answer.kind == OWU_NOTHING) {
        return OWU_OK;
    }
    status = owu_document_read(&answer->document, &endpoint->answer,
                               answer->body.data == NULL ? "" : answer->body.data, answer->body.len,
                               0, &answer->faults, err);
    if (status == OWU_OK && !options->raw && (endpoint->flags & OWU_ADOPTS_TOKEN) == 0) {
        owu_buffer_free(&answer->body); /* the document holds all of it */
    }
    return status;
}

static owu_status judge(owu_client *client, const owu_endpoint *endpoint,
                        const owu_options *options, owu_answer *answer, owu_error *err) {
    owu_status status;
    if (is_redirect(answer->status) && (endpoint->flags & OWU_FOLLOW_ONCE) != 0) {
        status = follow_once(client, options, answer, err);
        if (status != OWU_OK) {
            return status;
        }
    }
    if (answer->status >= 300 && answer->status < 400) {
        keep_location(answer);
        return owu_fail(err, OWU_EREDIRECT,
                        "the server redirects (status %d) to %.120s: use that address as base URL "
                        "if you trust it",
                        answer->status, answer->location);
    }
    status = check_supported(client, endpoint, options, answer, err);
    if (status != OWU_OK) {
        return status;
    }
    if (answer->status >= 400) {
        return owu_fail(err, OWU_ESTATUS, "the server answers with status %d", answer->status);
    }
    return decode(client, endpoint, options, answer, err);
}

owu_status owu_client_call(owu_client *client, const owu_endpoint *endpoint, const owu_cell *args,
                           const char *body, size_t body_len, const owu_options *options,
                           owu_answer *answer, owu_error *err) {
    const char *method = endpoint->method;
    owu_buffer target = {.limit = OWU_MAX_URL};
    owu_status status = OWU_OK;
    char version[32];

    if (owu_client_closed(client)) {
        return owu_fail(err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    status = owu_endpoint_target(&target, endpoint, args, err);
    if (status == OWU_OK && endpoint->older_method != NULL) {
        status = owu_client_version(client, version, options, err);
        if (status == OWU_OK && owu_version_compare(version, endpoint->older_before) < 0) {
            method = endpoint->older_method;
        }
    }
    if (status == OWU_OK) {
        status = send_to(client, method, target.data, target.len, body, body_len,
                         (endpoint->flags & OWU_REPEATABLE) != 0, options, answer, err);
    }
    if (status == OWU_OK && !options->raw) {
        status = judge(client, endpoint, options, answer, err);
    }
    owu_buffer_free(&target);
    return status;
}
