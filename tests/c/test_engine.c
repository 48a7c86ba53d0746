/* Jobs: many at once, stopped anywhere, with memory that runs out, over forks and threads. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <sys/wait.h>

#include "check.h"
#include "owu.h"
#include "server.h"

enum { JOBS = 300, THREADS = 4, PATIENCE_MS = 20000 };

/* ---------------------------------------------------------------- services */

static owu_status new_job(owu_job **out, owu_client *client, const char *query,
                          const owu_options *given, owu_error *err) {
    const owu_endpoint *endpoint = owu_endpoint_find("users", "get_users");
    const char *headers[] = {"X-A: b", NULL};
    owu_options options = OWU_OPTIONS_INIT;
    owu_cell args[OWU_MAX_PARAMS] = {{0}};
    if (given != NULL) {
        options = *given;
    }
    options.extra_headers = headers;
    options.api_key = "sk-own";
    options.api_key_len = 6;
    options.retry.max_retries = 0;
    args[0] = (owu_cell){.tag = OWU_TAG_STR, .len = (uint32_t)strlen(query), .u = {.text = query}};
    return owu_job_new(out, client, endpoint, args, NULL, &options, err);
}

/* The next news of a port, waited for. */
static owu_job *wait_for(owu_port *port, owu_news *news) {
    void *context;
    while ((context = owu_port_take(port, news)) == NULL) {
        struct pollfd look = {.fd = owu_port_fd(port), .events = POLLIN};
        if (!CHECK(poll(&look, 1, PATIENCE_MS) > 0)) {
            return NULL;
        }
    }
    return context;
}

static owu_status outcome(owu_job *job) {
    owu_answer *answer;
    const owu_error *err;
    const owu_status status = owu_job_outcome(job, &answer, &err);
    if (status == OWU_OK) {
        CHECK_INT_EQ(answer->status, 200);
        CHECK(answer->document != NULL);
    }
    return status;
}

/* A client that uses so many connections (0: the default) and a port of it; false: neither. */
static bool set_up(owu_client **client, owu_port **port, unsigned max_connections) {
    if (!CHECK_INT_EQ(make_client(client, max_connections, NULL), OWU_OK)) {
        return false;
    }
    if (!CHECK_INT_EQ(owu_port_new(port, *client, NULL), OWU_OK)) {
        owu_client_unref(*client);
        return false;
    }
    return true;
}

static void tear_down(owu_client *client, owu_port *port) {
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

/* Start a job, if there is one, with itself as context; NULL: it could not be. */
static owu_job *started(owu_job *job, owu_port *port) {
    if (job != NULL && !CHECK_INT_EQ(owu_job_start(job, port, job, NULL), OWU_OK)) {
        owu_job_unref(job);
        return NULL;
    }
    return job;
}

static owu_job *start_one(owu_client *client, owu_port *port, const char *query,
                          const owu_options *options) {
    owu_job *job = NULL;
    CHECK_INT_EQ(new_job(&job, client, query, options, NULL), OWU_OK);
    return started(job, port);
}

/* Start n jobs; how many could be. */
static int start(owu_job **jobs, int n, owu_client *client, owu_port *port, const char *query) {
    int i, started = 0;
    for (i = 0; i < n; i++) {
        jobs[started] = start_one(client, port, query, NULL);
        started += jobs[started] != NULL ? 1 : 0;
    }
    return started;
}

/* The same for the job whose outcome comes when the client is closed. */
static owu_job *start_farewell(owu_client *client, owu_port *port) {
    owu_job *job = NULL;
    CHECK_INT_EQ(owu_job_new_farewell(&job, client, NULL), OWU_OK);
    return started(job, port);
}

/* Take the outcome of so many; how many had this one. */
static int take(owu_port *port, int n, owu_status wanted) {
    int i, found = 0;
    for (i = 0; i < n; i++) {
        owu_news news;
        owu_job *job = wait_for(port, &news);
        if (job == NULL) {
            return found;
        }
        CHECK_INT_EQ(news, OWU_NEWS_DONE);
        found += outcome(job) == wanted ? 1 : 0;
        owu_job_unref(job);
    }
    return found;
}

/* ---------------------------------------------------------------- tests */

static void test_many(void) {
    static owu_job *jobs[JOBS];
    const int wanted = check_times(JOBS, 3);
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_stats stats;
    owu_news news;
    int n;
    if (!set_up(&client, &port, 10)) {
        return;
    }
    n = start(jobs, wanted, client, port, "ann");
    CHECK_INT_EQ(take(port, n, OWU_OK), wanted);
    CHECK(owu_port_take(port, &news) == NULL);
    owu_client_stats(client, &stats);
    CHECK_INT_EQ(stats.requests, wanted);
    CHECK(stats.connections_opened <= 10);
    tear_down(client, port);
}

static void test_stopped(void) {
    static owu_job *jobs[JOBS];
    const int wanted = check_times(JOBS, 3);
    owu_client *client = NULL;
    owu_port *port = NULL;
    int i, n;
    if (!set_up(&client, &port, (unsigned)check_times(5, 2))) {
        return;
    }
    /* some are sent, most wait for their turn */
    n = start(jobs, wanted, client, port, "slow");
    pause_for(0.05);
    for (i = 0; i < n; i++) {
        owu_job_cancel(jobs[i]);
        owu_job_cancel(jobs[i]);
    }
    CHECK_INT_EQ(take(port, n, OWU_EINTERRUPTED), wanted);
    /* nothing of them is left in the way */
    n = start(jobs, wanted < 20 ? wanted : 20, client, port, "ann");
    CHECK_INT_EQ(take(port, n, OWU_OK), wanted < 20 ? wanted : 20);
    tear_down(client, port);
}

static void test_closed(void) {
    static owu_job *jobs[JOBS];
    const int wanted = check_times(JOBS, 3);
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *farewell, *job;
    owu_news news;
    int i, n, closed = 0;
    if (!set_up(&client, &port, (unsigned)check_times(5, 2))) {
        return;
    }
    n = start(jobs, wanted, client, port, "slow");
    farewell = start_farewell(client, port);
    if (farewell == NULL) {
        owu_client_close(client);
    }
    for (i = 0; i < n; i++) {
        job = wait_for(port, &news);
        CHECK(job != farewell); /* the last of all */
        closed += job != NULL && job != farewell && outcome(job) == OWU_ECLOSED ? 1 : 0;
        owu_job_unref(job);
    }
    CHECK_INT_EQ(closed, wanted);
    if (farewell != NULL) {
        CHECK(wait_for(port, &news) == farewell);
        owu_job_unref(farewell);
    }
    n = start(jobs, 1, client, port, "ann");
    CHECK_INT_EQ(take(port, n, OWU_ECLOSED), 1);
    farewell = start_farewell(client, port);
    if (farewell != NULL) {
        CHECK(wait_for(port, &news) == farewell);
        owu_job_unref(farewell);
    }
    tear_down(client, port);
}

/* A port is closed while its jobs are under way: they end unheard. */
static void test_port_closed(void) {
    static owu_job *jobs[JOBS];
    owu_client *client = NULL;
    owu_port *port = NULL;
    int i, n;
    if (!set_up(&client, &port, (unsigned)check_times(5, 2))) {
        return;
    }
    n = start(jobs, check_times(JOBS, 3), client, port, "ann");
    pause_for(0.01);
    for (i = 0; i < n; i++) {
        owu_job_cancel(jobs[i]);
        owu_job_unref(jobs[i]);
    }
    tear_down(client, port);
}

static void test_pool_timeout(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *slow, *late, *job;
    owu_news news;
    int n;
    if (!set_up(&client, &port, 1)) {
        return;
    }
    n = start(&slow, 1, client, port, "slow");
    pause_for(0.05);
    options.pool_timeout = check_starves() ? 0.005 : 0.05;
    late = start_one(client, port, "ann", &options);
    n += late != NULL ? 1 : 0;
    if (n > 0) {
        job = wait_for(port, &news);
        CHECK(job == late);
        CHECK_INT_EQ(outcome(job), OWU_EPOOL_TIMEOUT);
        owu_job_unref(job);
        CHECK_INT_EQ(take(port, n - 1, OWU_OK), 1);
    }
    tear_down(client, port);
}
static bool observed(void *context, const owu_event *event) {
    CHECK(false); /* only a mark */
    return context == NULL && event == NULL;
}

/* Wait for an event of the only job; false: there is none, or it ended and was let go. */
static bool event_of(owu_job *job, owu_port *port) {
    owu_news news;
    if (job == NULL) {
        return false;
    }
    CHECK(wait_for(port, &news) == job);
    if (!CHECK_INT_EQ(news, OWU_NEWS_EVENT)) {
        owu_job_unref(job);
        return false;
    }
    return true;
}

static void test_events(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *job;
    int how;
    options.observe = observed;
    if (!set_up(&client, &port, 0)) {
        return;
    }
    job = start_one(client, port, "ann", &options);
    if (event_of(job, port)) {
        CHECK(!owu_job_event(job)->answered);
        owu_job_resume(job, false);
        if (event_of(job, port)) {
            CHECK(owu_job_event(job)->answered);
            CHECK_INT_EQ(owu_job_event(job)->http_status, 200);
            owu_job_resume(job, false);
            CHECK_INT_EQ(take(port, 1, OWU_OK), 1);
        }
    }
    /* and one that the observer stops, one that is cancelled, one whose client is closed */
    for (how = 0; how < 3; how++) {
        job = start_one(client, port, "ann", &options);
        if (how != 1 && !event_of(job, port)) {
            continue;
        }
        pause_for(0.02); /* of the one that is cancelled the event is never taken */
        if (how == 0) {
            owu_job_resume(job, true);
        } else if (how == 1 && job != NULL) {
            owu_job_cancel(job);
            pause_for(0.02);
        } else if (how == 2) {
            owu_client_close(client);
            pause_for(0.02);
            CHECK(!owu_job_event(job)->answered); /* still there to be told */
        }
        CHECK_INT_EQ(take(port, job == NULL ? 0 : 1, how == 2 ? OWU_ECLOSED : OWU_EINTERRUPTED), 1);
    }
    tear_down(client, port);
}

/* Nobody can resume a job whose port was closed: it is stopped, and holds nobody up. */
static void test_events_of_a_closed_port(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL, *other = NULL;
    owu_job *job;
    int when, n;
    options.observe = observed;
    for (when = 0; when < 2; when++) {
        if (!set_up(&client, &port, 1)) {
            return;
        }
        if (!CHECK_INT_EQ(owu_port_new(&other, client, NULL), OWU_OK)) {
            tear_down(client, port);
            return;
        }
        job = start_one(client, port, "ann", &options);
        pause_for(when == 0 ? 0 : 0.05); /* its event was not posted yet, or was */
        owu_port_close(port);
        owu_job_unref(job);
        n = start(&job, 1, client, other, "ann");
        CHECK_INT_EQ(take(other, n, OWU_OK), 1);
        tear_down(client, other);
    }
}

/* One job from making the client to its end, with whatever fails on the way. */
static owu_status one_job(owu_client *client, owu_error *err) {
    owu_port *port = NULL;
    owu_job *job = NULL;
    owu_news news;
    owu_status status = owu_port_new(&port, client, err);
    if (status == OWU_OK) {
        status = new_job(&job, client, "ann", NULL, err);
    }
    if (status == OWU_OK) {
        status = owu_job_start(job, port, job, err);
    }
    if (status == OWU_OK && wait_for(port, &news) != NULL) {
        status = outcome(job);
    }
    owu_job_unref(job);
    owu_port_close(port);
    return status;
}

static void test_memory_that_runs_out(void) {
    long n;
    int failures = 0;
    for (n = 1; n < 1000; n++) {
        owu_client *client = NULL;
        owu_error err = {0};
        owu_status status;
        (void)owu_test_fail_allocation(n, false);
        status = make_client(&client, 0, &err);
        if (status == OWU_OK) {
            status = one_job(client, &err);
        }
        (void)owu_test_fail_allocation(OWU_TEST_NEVER, false);
        if (status != OWU_OK) {
            failures++;
            CHECK_INT_EQ(status, OWU_ENOMEM);
            if (client != NULL) {
                CHECK_INT_EQ(one_job(client, &err), OWU_OK);
            }
        }
        if (client != NULL) {
            owu_client_close(client);
            owu_client_wait(client);
            owu_client_unref(client);
        }
        if (status == OWU_OK) {
            break;
        }
    }
    CHECK(failures > 10);
    CHECK(n < 1000);
}

/* Threads with a port each: start, cancel every third, take all. */
static void *work(void *context) {
    owu_client *client = context;
    owu_port *port = NULL;
    owu_job *jobs[20];
    const int rounds = check_times(10, 1), wanted = check_times(20, 3);
    int round, i, n;
    if (!CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK)) {
        return NULL;
    }
    for (round = 0; round < rounds; round++) {
        n = start(jobs, wanted, client, port, "ann");
        for (i = round % 3; i < n; i += 3) {
            owu_job_cancel(jobs[i]);
        }
        CHECK(take(port, n, OWU_OK) >= wanted * 2 / 3);
    }
    owu_port_close(port);
    return NULL;
}

static void test_threads(void) {
    owu_client *client = NULL;
    const int n = check_times(THREADS, 2);
    pthread_t threads[THREADS];
    int i;
    if (!CHECK_INT_EQ(make_client(&client, 3, NULL), OWU_OK)) {
        return;
    }
    for (i = 0; i < n; i++) {
        CHECK_INT_EQ(pthread_create(&threads[i], NULL, work, client), 0);
    }
    for (i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    tear_down(client, NULL);
}

/* Once: forked again and again, a child finds the lock of AddressSanitizer's own memory taken. */
static void test_fork(void) {
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *slow = NULL;
    owu_news news;
    pid_t child;
    int n, status = -1;
    if (!set_up(&client, &port, 2)) {
        return;
    }
    CHECK_INT_EQ(one_job(client, NULL), OWU_OK);
    n = start(&slow, 1, client, port, "slow");
    pause_for(0.05);
    child = fork();
    if (child == 0) {
        bool good = owu_port_foreign(port) && owu_port_take(port, &news) == NULL;
        if (n == 1) {
            owu_job_cancel(slow); /* the parent's: nothing happens */
            owu_job_unref(slow);
        }
        owu_port_close(port);
        good = one_job(client, NULL) == OWU_OK && good;
        good = one_job(client, NULL) == OWU_OK && good;
        owu_client_close(client);
        owu_client_wait(client);
        _exit(good || owu_test_fail_allocation(OWU_TEST_NEVER, false) < 1 ? 0 : 1);
    }
    CHECK_INT_EQ(waitpid(child, &status, 0), child);
    CHECK_INT_EQ(status, 0);
    CHECK_INT_EQ(take(port, n, OWU_OK), 1);
    tear_down(client, port);
}

/* The last, and once: nothing can be started afterwards. */
static void test_end_of_all(void) {
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *jobs[3];
    owu_news news;
    int i, n;
    if (!set_up(&client, &port, 0)) {
        return;
    }
    n = start(jobs, 3, client, port, "slow");
    owu_client_end_all();
    pause_for(0.05);
    CHECK(owu_port_take(port, &news) == NULL);
    for (i = 0; i < n; i++) {
        owu_job_unref(jobs[i]);
    }
    n = start(jobs, 1, client, port, "ann");
    CHECK_INT_EQ(take(port, n, OWU_ECLOSED), 1);
    owu_port_close(port);
    owu_client_unref(client);
}

int main(void) {
    if (!CHECK(share_memory_with_libcurl() && start_server())) {
        return check_failures();
    }
    RUN(test_many);
    RUN(test_stopped);
    RUN(test_closed);
    RUN(test_port_closed);
    RUN(test_pool_timeout);
    RUN(test_events);
    RUN(test_events_of_a_closed_port);
    RUN_FED(test_memory_that_runs_out);
    RUN(test_threads);
    RUN_FED(test_fork);
    RUN_FED(test_end_of_all);
    return check_failures();
}
