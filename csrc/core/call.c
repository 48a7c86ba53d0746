/*
 * call.c - what a call means: which answers are taken, which are refused, and what a server lacks.
 * Step by step, and carried through on the calling thread.
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "internal.h"

const char owu_version_path[] = "/api/version";

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

/* The version that was learnt before, if any. */
static bool know_version(owu_client *client, char out[32]) {
    (void)pthread_mutex_lock(&client->lock);
    memcpy(out, client->version, 32);
    (void)pthread_mutex_unlock(&client->lock);
    return out[0] != '\0';
}

static owu_status ask_version(owu_call *call) {
    owu_asking *asking = owu_malloc(sizeof *asking);
    owu_run *run;
    if (asking == NULL) {
        return owu_fail(call->err, OWU_ENOMEM, "out of memory before a request");
    }
    memset(asking, 0, sizeof *asking);
    call->asking = asking;
    run = &asking->run;
    owu_run__init(run, call->client, call->options, owu_version_path, &asking->answer,
                  &asking->err);
    if (call->main.deadline > 0) { /* within the time of the call that needs to know */
        run->deadline = call->main.deadline;
    }
    owu_run__begin(run, "GET", owu_version_path, sizeof owu_version_path - 1, NULL, 0, true, false);
    call->run = run;
    return OWU_OK;
}

/* The version question was answered, or was not. */
static owu_status take_version(owu_call *call) {
    owu_client *client = call->client;
    owu_asking *asking = call->asking;
    owu_status status = asking->run.status;
    if (status == OWU_OK) {
        read_version(&asking->answer, call->version);
        if (call->version[0] == '\0') {
            status =
                asking->answer.status >= 400
                    ? owu_fail(&asking->err, OWU_EPROTOCOL, "%s%s answers with status %d",
                               client->base_url, owu_version_path, asking->answer.status)
                    : refuse_type(client, &asking->answer, "JSON with a version", &asking->err);
        }
    }
    if (status == OWU_OK) {
        (void)pthread_mutex_lock(&client->lock);
        memcpy(client->version, call->version, 32);
        (void)pthread_mutex_unlock(&client->lock);
    }
    return status;
}

/* ---------------------------------------------------------------- calls */

/* A server that lacks a route answers like one that has it and refuses: ask for its version. Where a
 * word of the path is an id to it, it may refuse all but administrators (401).
 */
static bool may_lack_route(const owu_endpoint *endpoint, const owu_answer *answer) {
    const int s = answer->status;
    return owu_version_compare(endpoint->since, owu_oldest_version) > 0 &&
           ((s >= 400 && s <= 405) || s == 422 || (s == 200 && !is_json(answer)));
}

static owu_status refuse_support(const owu_call *call) {
    const owu_endpoint *endpoint = call->endpoint;
    owu_answer *answer = call->answer;
    answer->needs = endpoint->since;
    memcpy(answer->server_version, call->version, sizeof answer->server_version);
    return owu_fail(call->err, OWU_EUNSUPPORTED,
                    "%s.%s needs Open WebUI %s or later; this server is %s: update the server",
                    endpoint->resource, endpoint->name, endpoint->since, call->version);
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

static owu_status refuse_redirect(const owu_answer *answer, owu_error *err) {
    const char *location = answer->location == NULL ? "" : answer->location;
    const bool fits = strlen(location) <= 120;
    return owu_fail(err, OWU_EREDIRECT, "the server redirects (status %d)%s%s", answer->status,
                    fits ? " to " : " to a long address: see .location", fits ? location : "");
}

/* What a whole answer means to a row of the table. */
static owu_status judge(const owu_call *call) {
    owu_answer *answer = call->answer;
    owu_status status;
    if (answer->status >= 300 && answer->status < 400) {
        return refuse_redirect(answer, call->err);
    }
    if (answer->status >= 400) {
        return owu_fail(call->err, OWU_ESTATUS, "the server answers with status %d",
                        answer->status);
    }
    status = owu_answer_decode(answer, call->client, call->endpoint, call->err);
    if (status == OWU_OK && answer->document != NULL &&
        (call->endpoint->flags & OWU_ADOPTS_TOKEN) == 0) {
        owu_buffer_free(&answer->body); /* the document holds all of it */
        owu_answer__free_headers(answer);
    }
    return status;
}

/* ---------------------------------------------------------------- a call, step by step */

static void init(owu_call *call, owu_client *client, const owu_options *options, owu_answer *answer,
                 owu_error *err) {
    memset(call, 0, sizeof *call);
    call->client = client;
    call->options = options;
    call->answer = answer;
    call->err = err;
    call->target.limit = OWU_MAX_URL;
    call->route.limit = OWU_MAX_URL;
    call->phase = OWU_PHASE_END;
}

static void begin_main(owu_call *call) {
    const unsigned flags = call->endpoint == NULL ? 0 : call->endpoint->flags;
    call->phase = OWU_PHASE_MAIN;
    owu_run__begin(&call->main, call->method, call->target.data, call->target.len, call->body,
                   call->body_len, call->repeatable, (flags & OWU_FOLLOW_ONCE) != 0);
    owu_buffer_free(&call->target); /* the run has it in its URL */
    call->run = &call->main;
}

/* An old server may want another method. */
static void choose_method(owu_call *call) {
    if (owu_version_compare(call->version, call->endpoint->older_before) < 0) {
        call->method = call->endpoint->older_method;
    }
}

void owu_call__begin(owu_call *call, owu_client *client, const owu_endpoint *endpoint,
                     const owu_cell *args, const char *body, size_t body_len,
                     const owu_options *options, owu_answer *answer, owu_error *err) {
    init(call, client, options, answer, err);
    call->endpoint = endpoint;
    call->body = body;
    call->body_len = body_len;
    call->method = endpoint->method;
    call->repeatable = (endpoint->flags & OWU_REPEATABLE) != 0;
    if (owu_client_closed(client)) {
        call->status = owu_fail(err, OWU_ECLOSED, "this client was closed: make a new one");
        return;
    }
    owu_run__init(&call->main, client, options, endpoint->path, answer, err);
    call->status = owu_endpoint_target(&call->target, endpoint, args, err);
    if (call->status != OWU_OK) {
        return;
    }
    if (endpoint->older_method != NULL && !know_version(client, call->version)) {
        call->phase = OWU_PHASE_VERSION;
        call->status = ask_version(call);
        return;
    }
    if (endpoint->older_method != NULL) {
        choose_method(call);
    }
    begin_main(call);
}

void owu_call__begin_version(owu_call *call, owu_client *client, const owu_options *options,
                             owu_answer *answer, owu_error *err) {
    init(call, client, options, answer, err);
    if (!know_version(client, call->version)) {
        call->phase = OWU_PHASE_VERSION;
        call->status = ask_version(call);
    }
}

static owu_todo end_with(owu_call *call, owu_status status) {
    call->phase = OWU_PHASE_END;
    call->status = status;
    return OWU_TODO_DONE;
}

static owu_todo after_version(owu_call *call) {
    const owu_status status = take_version(call);
    call->answer->retries = call->asking->answer.retries;
    if (status != OWU_OK) {
        if (call->err != NULL) {
            *call->err = call->asking->err;
        }
        return end_with(call, status);
    }
    if (call->endpoint == NULL) {
        return end_with(call, OWU_OK);
    }
    choose_method(call);
    begin_main(call);
    return owu_call__next(call);
}

static owu_todo after_main(owu_call *call) {
    if (call->main.status != OWU_OK || call->options->raw || call->endpoint == NULL) {
        return end_with(call, call->main.status);
    }
    if (may_lack_route(call->endpoint, call->answer)) {
        call->phase = OWU_PHASE_SUPPORT;
        if (!know_version(call->client, call->version) && ask_version(call) != OWU_OK) {
            return end_with(call, OWU_ENOMEM);
        }
        return owu_call__next(call);
    }
    return end_with(call, judge(call));
}

/* Whether the version came or not, the refusal stands; but an old server gets its own. */
static owu_todo after_support(owu_call *call) {
    const bool known = call->version[0] != '\0' || take_version(call) == OWU_OK;
    return end_with(call, known && owu_version_compare(call->version, call->endpoint->since) < 0
                              ? refuse_support(call)
                              : judge(call));
}

owu_todo owu_call__next(owu_call *call) {
    const owu_todo step = call->run == NULL ? OWU_TODO_DONE : owu_run__next(call->run);
    if (step != OWU_TODO_DONE) {
        return step;
    }
    switch (call->phase) {
    case OWU_PHASE_VERSION:
        return after_version(call);
    case OWU_PHASE_MAIN:
        return after_main(call);
    case OWU_PHASE_SUPPORT:
        return after_support(call);
    case OWU_PHASE_END:
        break;
    }
    return OWU_TODO_DONE;
}

void owu_call__stop(owu_call *call, owu_status status) {
    call->answer->retries = call->main.retries;
    call->run = NULL;
    (void)end_with(call, status);
}

void owu_call__end(owu_call *call) {
    owu_buffer_free(&call->target);
    owu_buffer_free(&call->route);
    owu_run__free(&call->main);
    if (call->asking != NULL) {
        owu_run__free(&call->asking->run);
        owu_answer_free(&call->asking->answer);
        owu_free(call->asking);
    }
}

/* ---------------------------------------------------------------- a call on this thread */

/* Between two attempts: sleep in slices, as a transfer waits. */
static owu_status pause_for(const owu_run *run, double seconds) {
    const owu_options *options = run->options;
    const double end = owu_http__now() + seconds;
    owu_status status = owu_run__check(run, run->err);
    double rest;
    while (status == OWU_OK && (rest = end - owu_http__now()) > 0) {
        const double slice = rest < 0.1 ? rest : 0.1;
        const struct timespec length = {0, (long)(slice * 1e9)};
        (void)nanosleep(&length, NULL);
        status = options->interrupt != NULL && options->interrupt(options->context)
                     ? owu_fail(run->err, OWU_EINTERRUPTED, "interrupted")
                     : owu_run__check(run, run->err);
    }
    return status;
}

/* Carry out one step. */
static void carry_out(owu_run *run, owu_todo step) {
    const owu_options *options = run->options;
    owu_http_cost cost;
    owu_status status;
    if (step == OWU_TODO_SEND) {
        status = owu_pool__perform(run->client->pool, &run->request, run->answer, &cost, run->err);
        owu_run__sent(run, status, &cost);
    } else if (step == OWU_TODO_WAIT) {
        status = pause_for(run, run->wait);
        if (status != OWU_OK) {
            owu_run__stop(run, status);
        }
    } else if (options->observe(options->context, &run->event)) {
        owu_run__stop(run, owu_fail(run->err, OWU_EINTERRUPTED, "interrupted"));
    }
}

static owu_status carry_through(owu_call *call) {
    owu_todo step;
    while ((step = owu_call__next(call)) != OWU_TODO_DONE) {
        carry_out(call->run, step);
    }
    owu_call__end(call);
    return call->status;
}

owu_status owu_client_call(owu_client *client, const owu_endpoint *endpoint, const owu_cell *args,
                           const char *body, size_t body_len, const owu_options *options,
                           owu_answer *answer, owu_error *err) {
    owu_call call;
    owu_call__begin(&call, client, endpoint, args, body, body_len, options, answer, err);
    return carry_through(&call);
}

owu_status owu_client_version(owu_client *client, char out[32], const owu_options *options,
                              unsigned *retries, owu_error *err) {
    owu_answer answer = {0};
    owu_call call;
    owu_status status;
    owu_call__begin_version(&call, client, options, &answer, err);
    status = carry_through(&call);
    memcpy(out, call.version, 32);
    *retries = answer.retries;
    owu_answer_free(&answer);
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

/* The path as logs may show it, with a NUL: whatever is not a word or a version may be an id. */
static void route_text(const char *path, size_t len, owu_buffer *out) {
    enum { LONGEST = 120 };
    size_t i = 0;
    while (i < len && out->len < LONGEST) {
        size_t word = 1;
        bool plain = true;
        while (i + word < len && path[i + word] != '/') {
            const char c = path[i + word++];
            plain = plain && ((c >= 'a' && c <= 'z') || c == '_' ||
                              (c >= '0' && c <= '9' && word == 3 && path[i + 1] == 'v'));
        }
        if (plain && out->len + word < LONGEST) {
            (void)owu_buffer_append(out, path + i, word);
        } else {
            (void)owu_buffer_append_text(out, "/{}");
        }
        i += word;
    }
    (void)owu_buffer_terminate(out);
}

static owu_status check_request(const char *method, const char *target, size_t target_len,
                                owu_error *err) {
    const char *p;
    for (p = method; *p != '\0' || p == method; p++) {
        if (*p < 'A' || *p > 'Z' || p - method > 16) {
            return owu_fail(err, OWU_EVALUE, "a method is a word of capital letters");
        }
    }
    return owu_url_target_check(target, target_len, err);
}

void owu_call__begin_request(owu_call *call, owu_client *client, const char *method,
                             const char *target, size_t target_len, const char *body,
                             size_t body_len, const owu_options *options, owu_answer *answer,
                             owu_error *err) {
    const char *query = memchr(target, '?', target_len);
    const size_t path_len = query == NULL ? target_len : (size_t)(query - target);
    const owu_endpoint *row;
    init(call, client, options, answer, err);
    call->status = check_request(method, target, target_len, err);
    if (call->status == OWU_OK && owu_buffer_append(&call->target, target, target_len) != OWU_OK) {
        call->status = owu_fail(err, call->target.status, "the URL is too long, or memory ran out");
    }
    if (call->status != OWU_OK) {
        return;
    }
    /* May it be sent twice? The table knows better than the method: an old sign-out is a GET. */
    row = row_of(method, target, path_len);
    call->repeatable =
        row != NULL ? (row->flags & OWU_REPEATABLE) != 0 : strcmp(method, "GET") == 0;
    call->method = method;
    call->body = body;
    call->body_len = body_len;
    route_text(target, path_len, &call->route);
    if (call->route.status != OWU_OK) {
        call->status = owu_fail(err, OWU_ENOMEM, "out of memory before a request");
        return;
    }
    owu_run__init(&call->main, client, options, row != NULL ? row->path : call->route.data, answer,
                  err);
    begin_main(call);
}

owu_status owu_client_request(owu_client *client, const char *method, const char *target,
                              size_t target_len, const char *body, size_t body_len,
                              const owu_options *options, owu_answer *answer, owu_error *err) {
    owu_call call;
    owu_call__begin_request(&call, client, method, target, target_len, body, body_len, options,
                            answer, err);
    return carry_through(&call);
}
