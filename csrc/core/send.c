/*
 * send.c - one call on its way: attempts, waits between them, redirects; within the call's time.
 */
#define _POSIX_C_SOURCE 200809L
#include <string.h>
#include <time.h>

#include "client.h"
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

static owu_status add_line(owu_run *run, const char *line) {
    if (run->n_headers + 1 >= sizeof run->headers / sizeof *run->headers) {
        return owu_fail(run->err, OWU_ELIMIT, "more than %d extra headers", OWU_MAX_EXTRA_HEADERS);
    }
    run->headers[run->n_headers++] = line;
    run->headers[run->n_headers] = NULL;
    return OWU_OK;
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
    return options->api_key != NULL && owu_header_check("the API key", options->api_key,
                                                        options->api_key_len, run->err) != OWU_OK
               ? OWU_EVALUE
               : add_line(run, line->data);
}

static owu_status add_headers(owu_run *run, bool has_body) {
    const char *const *extra = run->options->extra_headers;
    owu_status status = add_line(run, "Accept: application/json, */*;q=0.5");
    if (status == OWU_OK && has_body) {
        status = add_line(run, "Content-Type: application/json");
    }
    if (status == OWU_OK) {
        status = add_authorization(run);
    }
    for (; status == OWU_OK && extra != NULL && *extra != NULL; extra++) {
        status = owu_header_check("an extra header", *extra, strlen(*extra), run->err);
        if (status == OWU_OK) {
            status = add_line(run, *extra);
        }
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

/* Tell the observer; false: it wants to stop. */
static bool tell(const owu_run *run, const owu_event *event) {
    return run->options->observe == NULL || !run->options->observe(run->options->context, event);
}

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

/* May the call go on? Not in a client that was closed, nor in the child of a fork. */
static owu_status check_alive(const owu_run *run) {
    if (run->generation != owu_http__generation()) { /* a signal handler forked */
        return owu_fail(run->err, OWU_EREAD, "the process was forked during the call");
    }
    if (owu_client_closed(run->client)) {
        return owu_fail(run->err, OWU_ECLOSED, "this client was closed during a call");
    }
    return OWU_OK;
}

/* Between two attempts: sleep in slices, as a transfer waits. */
static owu_status pause_for(const owu_run *run, double seconds) {
    const owu_options *options = run->options;
    const double end = owu_http__now() + seconds;
    owu_status status = check_alive(run);
    double rest;
    while (status == OWU_OK && (rest = end - owu_http__now()) > 0) {
        const double slice = rest < 0.1 ? rest : 0.1;
        const struct timespec length = {0, (long)(slice * 1e9)};
        (void)nanosleep(&length, NULL);
        status = options->interrupt != NULL && options->interrupt(options->context)
                     ? owu_fail(run->err, OWU_EINTERRUPTED, "interrupted")
                     : check_alive(run);
    }
    return status;
}

/* One attempt with what belongs to it. @param again it repeats the one before. @param[out] retry_in seconds; below 0: it was the last. */
static owu_status try_once(owu_run *run, owu_http_request *request, bool again, double *retry_in) {
    owu_answer *answer = run->answer;
    owu_http_cost cost;
    owu_attempt attempt = {.repeatable = request->repeatable};
    owu_event event = {.method = request->method,
                       .route = run->route,
                       .attempt = run->retries + 1,
                       .retry_in = -1};
    owu_status status;
    *retry_in = -1;
    if (!tell(run, &event)) {
        return owu_fail(run->err, OWU_EINTERRUPTED, "interrupted");
    }
    status = check_alive(run); /* a hook may have closed the client, forked, or taken its time */
    request->timeout = time_left(run);
    if (status == OWU_OK && request->timeout < 0) {
        status = owu_fail(run->err, OWU_ETIMEOUT, "the time allowed for the call is up");
    }
    if (status != OWU_OK) {
        return status;
    }
    attempt.status = owu_http__perform(run->client->pool, request, answer, &cost, run->err);
    account(run->client, &cost, attempt.status, again);
    attempt.http_status = answer->status;
    attempt.sent = cost.requests > 0;
    attempt.final = cost.final;
    attempt.retry_after = answer->retry_after =
        attempt.status == OWU_OK ? asked_to_wait(answer) : -1;
    if (run->generation == owu_http__generation()) {
        *retry_in = next_delay(run, &attempt, run->retries);
    }
    event.answered = true;
    event.status = attempt.status;
    event.http_status = attempt.status == OWU_OK ? answer->status : 0;
    event.elapsed = cost.seconds;
    event.received = answer->body.len;
    event.retry_in = *retry_in;
    if (attempt.status != OWU_EINTERRUPTED && !tell(run, &event)) {
        *retry_in = -1;
        return owu_fail(run->err, OWU_EINTERRUPTED, "interrupted");
    }
    return attempt.status;
}

/* Send until there is an answer to keep or a failure to report. Any HTTP status is OWU_OK. */
static owu_status send_request(owu_run *run, owu_http_request *request) {
    bool again;
    for (again = false;; again = true) {
        double retry_in;
        owu_status pause;
        const owu_status status = try_once(run, request, again, &retry_in);
        if (retry_in < 0) {
            return status;
        }
        pause = pause_for(run, retry_in);
        if (pause != OWU_OK) {
            return pause;
        }
        if (time_left(run) < 0) {
            return status; /* the pause took all of it: what there is stays */
        }
        run->retries++;
        answer_restart(run->answer);
    }
}

static void fill_request(owu_http_request *request, const owu_run *run, const char *method) {
    memset(request, 0, sizeof *request);
    request->method = method;
    request->url = run->url.data;
    request->headers = run->headers;
    request->user_agent = run->client->user_agent;
    request->connect_timeout = run->options->connect_timeout;
    request->max_body = run->options->max_body;
    request->interrupt = run->options->interrupt;
    request->context = run->options->context;
}

/* ---------------------------------------------------------------- redirects */

static bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Where a redirect leads: its address without query, cut to fit. */
static void keep_location(owu_answer *answer) {
    const char *location = owu_answer_header(answer, "location");
    if (location != NULL) {
        const char *host = strstr(location, "://");
        const size_t scheme_len = host == NULL ? 0 : (size_t)(host + 3 - location);
        const char *rest = location + scheme_len;
        const size_t authority_len = strcspn(rest, "/?#");
        const char *at = host == NULL ? NULL : memchr(rest, '@', authority_len);
        owu_buffer text = {.limit = sizeof answer->location - 1};
        (void)owu_buffer_append(&text, location, scheme_len);
        rest = at == NULL ? rest : at + 1; /* without the user and password that stand there */
        (void)owu_buffer_append(&text, rest, strcspn(rest, "?#"));
        memcpy(answer->location, text.data == NULL ? "" : text.data, text.len);
        answer->location[text.len] = '\0';
        owu_buffer_free(&text);
    }
}

/* Ask again where the answer points to. @param anywhere also at another origin, and with nothing of
 * ours but the user agent. */
static owu_status follow(owu_run *run, owu_http_request *request, bool anywhere) {
    static const char *const no_headers[] = {NULL};
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
                          run->answer->location);
    }
    if (status != OWU_OK) {
        owu_buffer_free(&next);
        return status;
    }
    owu_buffer_free(&run->url);
    run->url = next;
    request->url = run->url.data;
    request->headers = anywhere ? no_headers : run->headers;
    request->foreign = !same_origin;
    answer_restart(run->answer);
    return send_request(run, request);
}

static owu_status follow_all(owu_run *run, owu_http_request *request) {
    owu_status status = OWU_OK;
    int hops;
    for (hops = 0; status == OWU_OK && is_redirect(run->answer->status); hops++) {
        if (hops == OWU_MAX_REDIRECTS) {
            return owu_fail(run->err, OWU_EREDIRECT, "the server redirects more than %d times",
                            OWU_MAX_REDIRECTS);
        }
        status = follow(run, request, false);
    }
    return status;
}

/* ---------------------------------------------------------------- all of it */

static owu_status send_and_follow(owu_run *run, const char *method, const char *target,
                                  size_t target_len, const char *body, size_t body_len,
                                  bool repeatable, bool follow_once) {
    owu_http_request request;
    owu_status status;

    if (owu_client_closed(run->client)) {
        return owu_fail(run->err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    (void)owu_buffer_append_text(&run->url, run->client->base_url);
    (void)owu_buffer_append(&run->url, target, target_len);
    if (owu_buffer_terminate(&run->url) != OWU_OK) {
        return owu_fail(run->err, run->url.status, "the URL is too long, or memory ran out");
    }
    status = add_headers(run, body != NULL);
    if (status != OWU_OK) {
        return status;
    }
    fill_request(&request, run, method);
    run->answer->method = method;
    request.body = body;
    request.body_len = body_len;
    request.repeatable = repeatable;
    status = send_request(run, &request);
    if (status == OWU_OK && follow_once && is_redirect(run->answer->status)) {
        return follow(run, &request, true);
    }
    if (status == OWU_OK && run->options->follow_redirects && strcmp(method, "GET") == 0) {
        return follow_all(run, &request);
    }
    return status;
}

owu_status owu_run__send(owu_run *run, const char *method, const char *target, size_t target_len,
                         const char *body, size_t body_len, bool repeatable, bool follow_once) {
    const owu_status status =
        send_and_follow(run, method, target, target_len, body, body_len, repeatable, follow_once);
    run->answer->elapsed = owu_http__now() - run->start;
    run->answer->retries = run->retries;
    if (is_redirect(run->answer->status)) {
        keep_location(run->answer);
    }
    return status;
}
