/*
 * send.c - one request on its way: attempts, waits between them, redirects; within the call's time.
 * Nothing here waits: see owu_todo.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <time.h>

#include "call.h"
#include "internal.h"

/* ---------------------------------------------------------------- what is sent */

void owu_run__init(owu_run *run, owu_client *client, const owu_options *options, const char *route,
                   owu_answer *answer, owu_error *err) {
    const double limit =
        options->retry.max_elapsed > 0 ? options->retry.max_elapsed : options->timeout;
    memset(run, 0, sizeof *run);
    run->client = client;
    run->options = options;
    run->route = route;
    run->start = owu_http__now();
    run->deadline = limit > 0 ? run->start + limit : 0;
    run->generation = owu_http__generation();
    run->url.limit = OWU_MAX_URL;
    run->answer = answer;
    run->answer->retry_after = -1;
    run->err = err;
}

void owu_run__free(owu_run *run) {
    if (run->authorization.data != NULL) {
        owu_client__wipe(run->authorization.data, run->authorization.len);
    }
    owu_buffer_free(&run->authorization);
    owu_buffer_free(&run->url);
}

/* There is room for all of the client's own. */
static void add_line(owu_run *run, const char *line) {
    run->headers[run->n_headers++] = line;
    run->headers[run->n_headers] = NULL;
}

static owu_status add_authorization(owu_run *run) {
    static const char prefix[] = "Authorization: Bearer ";
    const owu_options *options = run->options;
    owu_buffer *line = &run->authorization;
    (void)owu_buffer_append_text(line, prefix);
    if (options->api_key != NULL) {
        (void)owu_buffer_append(line, options->api_key, options->api_key_len);
    } else {
        (void)owu_client_key(run->client, line);
    }
    if (owu_buffer_terminate(line) != OWU_OK) {
        return owu_fail(run->err, OWU_ENOMEM, "out of memory before a request");
    }
    if (line->len == sizeof prefix - 1) {
        return OWU_OK; /* no key */
    }
    add_line(run, line->data);
    return options->api_key == NULL
               ? OWU_OK
               : owu_header_check("the API key", options->api_key, options->api_key_len, run->err);
}

static owu_status add_headers(owu_run *run, bool has_body) {
    const char *const *extra = run->options->extra_headers;
    owu_status status;
    size_t n;
    add_line(run, "Accept: application/json, */*;q=0.5");
    if (has_body) {
        add_line(run, "Content-Type: application/json");
    }
    status = add_authorization(run);
    for (n = 0; status == OWU_OK && extra != NULL && extra[n] != NULL; n++) {
        status = n == OWU_MAX_EXTRA_HEADERS
                     ? owu_fail(run->err, OWU_ELIMIT, "more than %d extra headers",
                                OWU_MAX_EXTRA_HEADERS)
                     : owu_header_check("an extra header", extra[n], strlen(extra[n]), run->err);
    }
    return status;
}

/* Before a second request whose answer takes the place of the first. */
static void answer_restart(owu_answer *answer) {
    const char *method = answer->method;
    owu_answer_free(answer);
    answer->retry_after = -1;
    answer->method = method;
}

/* ---------------------------------------------------------------- attempts */

/* Seconds for the next attempt, 0 for no limit; below 0: the call's time is up. */
static double time_left(const owu_run *run) {
    const double timeout = run->options->timeout > 0 ? run->options->timeout : 0;
    const double rest = run->deadline - owu_http__now();
    if (run->deadline <= 0) {
        return timeout;
    }
    if (rest <= 0) {
        return -1;
    }
    return timeout > 0 && timeout < rest ? timeout : rest;
}

/* A number from 0 to 1 (xorshift64*). The client is locked. */
static double draw(owu_client *client) {
    uint64_t x = client->chance;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    client->chance = x;
    return (double)((x * UINT64_C(2685821657736338717)) >> 11) / 9007199254740992.0;
}

static void account(owu_client *client, const owu_http_cost *cost, owu_status status, bool retry) {
    owu_stats *stats = &client->stats;
    (void)pthread_mutex_lock(&client->lock);
    stats->requests += cost->requests;
    stats->retries += retry ? 1 : 0;
    stats->failures += status != OWU_OK ? 1 : 0;
    stats->connections_opened += cost->connections_opened;
    stats->connections_reused += cost->requests > 0 && cost->connections_opened == 0 ? 1 : 0;
    stats->bytes_sent += cost->bytes_sent;
    stats->bytes_received += cost->bytes_received;
    stats->seconds += cost->seconds;
    (void)pthread_mutex_unlock(&client->lock);
}

/* What the answer asks to wait, by the server's own clock where it shows it. */
static double asked_to_wait(const owu_answer *answer) {
    const char *text = owu_answer_header(answer, "retry-after");
    const char *date = owu_answer_header(answer, "date");
    int64_t now;
    if (text == NULL) {
        return -1;
    }
    if (date == NULL || !owu_http_date(date, strlen(date), &now)) {
        now = (int64_t)time(NULL);
    }
    return owu_retry_after(text, strlen(text), now);
}

/* Seconds until the next attempt; below 0: there is none. */
static double next_delay(owu_run *run, const owu_attempt *attempt, unsigned retries) {
    const owu_retry *policy = &run->options->retry;
    owu_client *client = run->client;
    const double now = owu_http__now();
    double delay, wait, patience = 0;
    (void)pthread_mutex_lock(&client->lock);
    delay = owu_retry_delay(policy, attempt, retries, draw(client));
    if (delay >= 0 && run->deadline > 0 && now + delay >= run->deadline) {
        delay = -1;
    }
    if (delay >= 0) {
        if (policy->max_elapsed > 0) { /* who set a time for it waits for leave, too */
            patience = run->deadline - now - delay;
        }
        wait = owu_bucket_take(&client->bucket, now, patience);
        delay = wait < 0 ? -1 : delay + wait;
    }
    (void)pthread_mutex_unlock(&client->lock);
    return delay;
}

/* ---------------------------------------------------------------- redirects */

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where a redirect leads: its address without query, and without the user and password that may
 * stand in it, cut to fit. */
static void keep_location(owu_answer *answer) {
    const char *location = owu_answer_header(answer, "location");
    if (location != NULL) {
        const char *host = strstr(location, "://");
        const size_t scheme_len = host == NULL ? 0 : (size_t)(host + 3 - location);
        const char *rest = location + scheme_len;
        const char *at = host == NULL ? NULL : memchr(rest, '@', strcspn(rest, "/?#"));
        owu_buffer text = {0};
        (void)owu_buffer_append(&text, location, scheme_len);
        rest = at == NULL ? rest : at + 1;
        (void)owu_buffer_append(&text, rest, strcspn(rest, "?#"));
        if (text.len > OWU_MAX_LOCATION) {
            text.len = OWU_MAX_LOCATION;
        }
        owu_free(answer->location);
        answer->location = owu_buffer_terminate(&text) == OWU_OK ? text.data : NULL;
        if (answer->location == NULL) {
            owu_buffer_free(&text);
        }
    }
}

/* Turn to where the answer points to. @param anywhere also at another origin, and with nothing of
 * ours but the user agent. */
static owu_status turn(owu_run *run, bool anywhere) {
    owu_http_request *request = &run->request;
    const char *location = owu_answer_header(run->answer, "location");
    owu_buffer next = {.limit = OWU_MAX_URL};
    bool same_origin = false;
    owu_status status;
    keep_location(run->answer);
    status = location == NULL
                 ? owu_fail(run->err, OWU_EREDIRECT, "the server redirects without an address")
                 : owu_http__resolve(&next, &same_origin, run->url.data, location, run->err);
    if (status == OWU_OK && !same_origin && !anywhere) {
        status = owu_fail(run->err, OWU_EREDIRECT,
                          "the server redirects to another origin, %.120s, which is not followed",
                          run->answer->location != NULL ? run->answer->location : "elsewhere");
    }
    if (status != OWU_OK) {
        owu_buffer_free(&next);
        return status;
    }
    owu_buffer_free(&run->url);
    run->url = next;
    request->url = run->url.data;
    if (anywhere) {
        request->headers = request->extra_headers = NULL;
    }
    request->foreign = !same_origin;
    answer_restart(run->answer);
    return OWU_OK;
}

/* ---------------------------------------------------------------- steps */

owu_status owu_run__check(const owu_run *run, owu_error *err) {
    if (run->generation != owu_http__generation()) { /* a hook or a signal handler forked */
        return owu_fail(err, OWU_EREAD, "the process was forked during the call");
    }
    if (owu_client_closed(run->client)) {
        return owu_fail(err, OWU_ECLOSED, "this client was closed during a call");
    }
    return OWU_OK;
}

/* The step that tells the event, where somebody listens; else the next one at once. */
static owu_todo tell(owu_run *run, owu_stage then) {
    run->stage = then;
    return run->options->observe != NULL ? OWU_TODO_TELL : owu_run__next(run);
}

static owu_todo begin_attempt(owu_run *run) {
    const owu_event event = {.method = run->request.method,
                             .route = run->route,
                             .attempt = run->retries + 1,
                             .retry_in = -1};
    run->event = event;
    return tell(run, OWU_STAGE_SEND);
}

static owu_todo finish(owu_run *run, owu_status status) {
    owu_answer *answer = run->answer;
    run->status = status;
    run->stage = OWU_STAGE_FINISHED;
    answer->elapsed = owu_http__now() - run->start;
    answer->retries = run->retries;
    if (is_redirect(answer->status)) {
        keep_location(answer);
    }
    return OWU_TODO_DONE;
}

/* A hook may have closed the client, forked, or taken its time. */
static owu_todo send_now(owu_run *run) {
    owu_status status = owu_run__check(run, run->err);
    run->request.timeout = time_left(run);
    if (status == OWU_OK && run->request.timeout < 0) {
        status = owu_fail(run->err, OWU_ETIMEOUT, "the time allowed for the call is up");
    }
    return status == OWU_OK ? OWU_TODO_SEND : finish(run, status);
}

void owu_run__sent(owu_run *run, owu_status status, const owu_http_cost *cost) {
    owu_answer *answer = run->answer;
    owu_attempt attempt = {.status = status,
                           .http_status = answer->status,
                           .repeatable = run->request.repeatable,
                           .sent = cost->requests > 0,
                           .final = cost->final,
                           .retry_after = -1};
    account(run->client, cost, status, run->again);
    attempt.retry_after = answer->retry_after = status == OWU_OK ? asked_to_wait(answer) : -1;
    run->retry_in = -1;
    if (run->generation == owu_http__generation()) {
        run->retry_in = next_delay(run, &attempt, run->retries);
    }
    run->event.answered = true;
    run->event.status = status;
    run->event.http_status = status == OWU_OK ? answer->status : 0;
    run->event.elapsed = cost->seconds;
    run->event.received = answer->body.len;
    run->event.retry_in = run->retry_in;
    run->status = status;
    run->stage = OWU_STAGE_SENT;
}

void owu_run__stop(owu_run *run, owu_status status) {
    (void)finish(run, status);
}

/* The attempts have ended: with a failure, an answer, or one that leads elsewhere. */
static owu_todo after_attempts(owu_run *run) {
    const bool leads_on = run->status == OWU_OK && is_redirect(run->answer->status);
    const bool once = leads_on && run->follow_once && run->hops == 0;
    const bool follows = leads_on && !run->follow_once && run->options->follow_redirects &&
                         strcmp(run->request.method, "GET") == 0;
    owu_status status;
    if (!once && !follows) {
        return finish(run, run->status);
    }
    status = run->hops == OWU_MAX_REDIRECTS
                 ? owu_fail(run->err, OWU_EREDIRECT, "the server redirects more than %d times",
                            OWU_MAX_REDIRECTS)
                 : turn(run, once);
    if (status != OWU_OK) {
        return finish(run, status);
    }
    run->hops++;
    run->again = false;
    return begin_attempt(run);
}

/* Another attempt, unless the pause took all of the time: what there is stays then. */
static owu_todo try_again(owu_run *run) {
    if (time_left(run) < 0) {
        run->retry_in = -1;
        return after_attempts(run);
    }
    run->retries++;
    run->again = true;
    answer_restart(run->answer);
    return begin_attempt(run);
}

owu_todo owu_run__next(owu_run *run) {
    switch (run->stage) {
    case OWU_STAGE_ATTEMPT:
        return begin_attempt(run);
    case OWU_STAGE_SEND:
        return send_now(run);
    case OWU_STAGE_SENT:
        return run->status == OWU_EINTERRUPTED ? finish(run, run->status)
                                               : tell(run, OWU_STAGE_TOLD);
    case OWU_STAGE_TOLD:
        if (run->retry_in < 0) {
            return after_attempts(run);
        }
        run->wait = run->retry_in;
        run->stage = OWU_STAGE_WAITED;
        return OWU_TODO_WAIT;
    case OWU_STAGE_WAITED:
        return try_again(run);
    case OWU_STAGE_FINISHED:
        break;
    }
    return OWU_TODO_DONE;
}

static void fill_request(owu_http_request *request, const owu_run *run, const char *method) {
    memset(request, 0, sizeof *request);
    request->method = method;
    request->url = run->url.data;
    request->headers = run->headers;
    request->extra_headers = run->options->extra_headers;
    request->agent = run->client->agent;
    request->connect_timeout = run->options->connect_timeout;
    request->pool_timeout = run->options->pool_timeout;
    request->max_body = run->options->max_body;
    request->interrupt = run->options->interrupt;
    request->context = run->options->context;
}

/* ---------------------------------------------------------------- beginning */

static owu_status make_ready(owu_run *run, const char *target, size_t target_len, bool has_body) {
    if (owu_client_closed(run->client)) {
        return owu_fail(run->err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    (void)owu_buffer_append_text(&run->url, run->client->base_url);
    (void)owu_buffer_append(&run->url, target, target_len);
    if (owu_buffer_terminate(&run->url) != OWU_OK) {
        return owu_fail(run->err, run->url.status, "the URL is too long, or memory ran out");
    }
    return add_headers(run, has_body);
}

void owu_run__begin(owu_run *run, const char *method, const char *target, size_t target_len,
                    const char *body, size_t body_len, bool repeatable, bool follow_once) {
    const owu_status status = make_ready(run, target, target_len, body != NULL);
    if (status != OWU_OK) {
        (void)finish(run, status);
        return;
    }
    fill_request(&run->request, run, method);
    run->answer->method = method;
    run->request.body = body;
    run->request.body_len = body_len;
    run->request.repeatable = repeatable;
    run->follow_once = follow_once;
    run->stage = OWU_STAGE_ATTEMPT;
}
