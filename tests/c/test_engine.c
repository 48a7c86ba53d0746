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

/* Start so many jobs with themselves as context. */
static void start(owu_job **jobs, int n, owu_client *client, owu_port *port, const char *query) {
    int i;
    for (i = 0; i < n; i++) {
        CHECK_INT_EQ(new_job(&jobs[i], client, query, NULL, NULL), OWU_OK);
        CHECK_INT_EQ(owu_job_start(jobs[i], port, jobs[i], NULL), OWU_OK);
    }
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
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_stats stats;
    owu_news news;
    CHECK_INT_EQ(make_client(&client, 10, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(jobs, JOBS, client, port, "ann");
    CHECK_INT_EQ(take(port, JOBS, OWU_OK), JOBS);
    CHECK(owu_port_take(port, &news) == NULL);
    owu_client_stats(client, &stats);
    CHECK_INT_EQ(stats.requests, JOBS);
    CHECK(stats.connections_opened <= 10);
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

static void test_stopped(void) {
    static owu_job *jobs[JOBS];
    owu_client *client = NULL;
    owu_port *port = NULL;
    int i, stopped;
    CHECK_INT_EQ(make_client(&client, 5, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(jobs, JOBS, client, port, "slow"); /* some are sent, most wait for their turn */
    sleep_for(0.05);
    for (i = 0; i < JOBS; i++) {
        owu_job_cancel(jobs[i]);
        owu_job_cancel(jobs[i]);
    }
    stopped = take(port, JOBS, OWU_EINTERRUPTED);
    CHECK_INT_EQ(stopped, JOBS);
    start(jobs, 20, client, port, "ann"); /* nothing of them is left in the way */
    CHECK_INT_EQ(take(port, 20, OWU_OK), 20);
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

static void test_closed(void) {
    static owu_job *jobs[JOBS];
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *farewell = NULL, *job;
    owu_news news;
    int i, closed = 0;
    CHECK_INT_EQ(make_client(&client, 5, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(jobs, JOBS, client, port, "slow");
    CHECK_INT_EQ(owu_job_new_farewell(&farewell, client, NULL), OWU_OK);
    CHECK_INT_EQ(owu_job_start(farewell, port, farewell, NULL), OWU_OK);
    for (i = 0; i <= JOBS; i++) {
        job = wait_for(port, &news);
        if (job != farewell && job != NULL) {
            closed += outcome(job) == OWU_ECLOSED ? 1 : 0;
        } else {
            CHECK_INT_EQ(i, JOBS); /* the last of all */
        }
        owu_job_unref(job);
    }
    CHECK_INT_EQ(closed, JOBS);
    start(jobs, 1, client, port, "ann");
    CHECK_INT_EQ(take(port, 1, OWU_ECLOSED), 1);
    CHECK_INT_EQ(owu_job_new_farewell(&farewell, client, NULL), OWU_OK);
    CHECK_INT_EQ(owu_job_start(farewell, port, farewell, NULL), OWU_OK);
    CHECK(wait_for(port, &news) == farewell);
    owu_job_unref(farewell);
    owu_client_wait(client);
    owu_port_close(port);
    owu_client_unref(client);
}

/* A port is closed while its jobs are under way: they end unheard. */
static void test_port_closed(void) {
    static owu_job *jobs[JOBS];
    owu_client *client = NULL;
    owu_port *port = NULL;
    int i;
    CHECK_INT_EQ(make_client(&client, 5, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(jobs, JOBS, client, port, "ann");
    sleep_for(0.01);
    for (i = 0; i < JOBS; i++) {
        owu_job_cancel(jobs[i]);
        owu_job_unref(jobs[i]);
    }
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

static void test_pool_timeout(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *slow = NULL, *late = NULL, *job;
    owu_news news;
    CHECK_INT_EQ(make_client(&client, 1, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(&slow, 1, client, port, "slow");
    sleep_for(0.05);
    options.pool_timeout = 0.05;
    CHECK_INT_EQ(new_job(&late, client, "ann", &options, NULL), OWU_OK);
    CHECK_INT_EQ(owu_job_start(late, port, late, NULL), OWU_OK);
    job = wait_for(port, &news);
    CHECK(job == late);
    CHECK_INT_EQ(outcome(late), OWU_EPOOL_TIMEOUT);
    CHECK_INT_EQ(take(port, 1, OWU_OK), 1);
    owu_job_unref(late);
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

static bool observed(void *context, const owu_event *event) {
    CHECK(false); /* only a mark */
    return context == NULL && event == NULL;
}

static void test_events(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *job = NULL;
    owu_news news;
    options.observe = observed;
    CHECK_INT_EQ(make_client(&client, 0, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    CHECK_INT_EQ(new_job(&job, client, "ann", &options, NULL), OWU_OK);
    CHECK_INT_EQ(owu_job_start(job, port, job, NULL), OWU_OK);
    CHECK(wait_for(port, &news) == job);
    CHECK_INT_EQ(news, OWU_NEWS_EVENT);
    CHECK(!owu_job_event(job)->answered);
    owu_job_resume(job, false);
    CHECK(wait_for(port, &news) == job);
    CHECK_INT_EQ(news, OWU_NEWS_EVENT);
    CHECK(owu_job_event(job)->answered);
    CHECK_INT_EQ(owu_job_event(job)->http_status, 200);
    owu_job_resume(job, false);
    CHECK_INT_EQ(take(port, 1, OWU_OK), 1);
    /* and one that the observer stops, one that is cancelled, one whose client is closed */
    for (int how = 0; how < 3; how++) {
        CHECK_INT_EQ(new_job(&job, client, "ann", &options, NULL), OWU_OK);
        CHECK_INT_EQ(owu_job_start(job, port, job, NULL), OWU_OK);
        if (how != 1) {
            CHECK(wait_for(port, &news) == job);
        } else {
            sleep_for(0.02); /* its event is never taken */
        }
        if (how == 0) {
            owu_job_resume(job, true);
        } else if (how == 1) {
            owu_job_cancel(job);
            sleep_for(0.02);
        } else {
            owu_client_close(client);
            sleep_for(0.02);
            CHECK(!owu_job_event(job)->answered); /* still there to be told */
        }
        CHECK_INT_EQ(take(port, 1, how == 2 ? OWU_ECLOSED : OWU_EINTERRUPTED), 1);
    }
    owu_client_wait(client);
    owu_port_close(port);
    owu_client_unref(client);
}

/* Nobody can resume a job whose port was closed: it is stopped, and holds nobody up. */
static void test_events_of_a_closed_port(void) {
    owu_options options = OWU_OPTIONS_INIT;
    owu_client *client = NULL;
    owu_port *port = NULL, *other = NULL;
    owu_job *job = NULL;
    int when;
    options.observe = observed;
    for (when = 0; when < 2; when++) {
        CHECK_INT_EQ(make_client(&client, 1, NULL), OWU_OK);
        CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
        CHECK_INT_EQ(owu_port_new(&other, client, NULL), OWU_OK);
        CHECK_INT_EQ(new_job(&job, client, "ann", &options, NULL), OWU_OK);
        CHECK_INT_EQ(owu_job_start(job, port, job, NULL), OWU_OK);
        sleep_for(when == 0 ? 0 : 0.05); /* its event was not posted yet, or was */
        owu_port_close(port);
        owu_job_unref(job);
        start(&job, 1, client, other, "ann");
        CHECK_INT_EQ(take(other, 1, OWU_OK), 1);
        owu_port_close(other);
        owu_client_close(client);
        owu_client_wait(client);
        owu_client_unref(client);
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
        owu_test_fail_allocation(n);
        status = make_client(&client, 0, &err);
        if (status == OWU_OK) {
            status = one_job(client, &err);
        }
        owu_test_fail_allocation(0);
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
    int round, i;
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    for (round = 0; round < 10; round++) {
        start(jobs, 20, client, port, "ann");
        for (i = round % 3; i < 20; i += 3) {
            owu_job_cancel(jobs[i]);
        }
        CHECK(take(port, 20, OWU_OK) >= 13);
    }
    owu_port_close(port);
    return NULL;
}

static void test_threads(void) {
    owu_client *client = NULL;
    pthread_t threads[THREADS];
    int i;
    CHECK_INT_EQ(make_client(&client, 3, NULL), OWU_OK);
    for (i = 0; i < THREADS; i++) {
        CHECK_INT_EQ(pthread_create(&threads[i], NULL, work, client), 0);
    }
    for (i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

static void test_fork(void) {
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *slow = NULL;
    owu_news news;
    pid_t child;
    int status = -1;
    CHECK_INT_EQ(make_client(&client, 2, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    CHECK_INT_EQ(one_job(client, NULL), OWU_OK);
    start(&slow, 1, client, port, "slow");
    sleep_for(0.05);
    child = fork();
    if (child == 0) {
        bool good = owu_port_foreign(port) && owu_port_take(port, &news) == NULL;
        owu_job_cancel(slow); /* the parent's: nothing happens */
        owu_job_unref(slow);
        owu_port_close(port);
        good = good && one_job(client, NULL) == OWU_OK && one_job(client, NULL) == OWU_OK;
        owu_client_close(client);
        owu_client_wait(client);
        _exit(good ? 0 : 1);
    }
    CHECK_INT_EQ(waitpid(child, &status, 0), child);
    CHECK_INT_EQ(status, 0);
    CHECK_INT_EQ(take(port, 1, OWU_OK), 1);
    owu_port_close(port);
    owu_client_close(client);
    owu_client_wait(client);
    owu_client_unref(client);
}

/* The last: nothing can be started afterwards. */
static void test_end_of_all(void) {
    owu_client *client = NULL;
    owu_port *port = NULL;
    owu_job *jobs[3];
    owu_news news;
    CHECK_INT_EQ(make_client(&client, 0, NULL), OWU_OK);
    CHECK_INT_EQ(owu_port_new(&port, client, NULL), OWU_OK);
    start(jobs, 3, client, port, "slow");
    owu_client_end_all();
    sleep_for(0.05);
    CHECK(owu_port_take(port, &news) == NULL);
    owu_job_unref(jobs[0]);
    owu_job_unref(jobs[1]);
    owu_job_unref(jobs[2]);
    start(jobs, 1, client, port, "ann");
    CHECK_INT_EQ(take(port, 1, OWU_ECLOSED), 1);
    owu_port_close(port);
    owu_client_unref(client);
}

int main(void) {
    if (!CHECK(start_server())) {
        return check_failures();
    }
    RUN(test_many);
    RUN(test_stopped);
    RUN(test_closed);
    RUN(test_port_closed);
    RUN(test_pool_timeout);
    RUN(test_events);
    RUN(test_events_of_a_closed_port);
    RUN(test_memory_that_runs_out);
    RUN(test_threads);
    RUN(test_fork);
    RUN(test_end_of_all);
    return check_failures();
}
