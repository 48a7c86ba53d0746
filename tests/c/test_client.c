/* A client against a server of ours: memory that runs out anywhere, threads, forks. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "owu.h"
#include "server.h"

/* ---------------------------------------------------------------- one call */

static owu_status call(owu_client *client, owu_error *err) {
    const owu_endpoint *endpoint = owu_endpoint_find("users", "get_users");
    const char *headers[] = {"X-A: b", NULL};
    owu_options options = OWU_OPTIONS_INIT;
    owu_cell args[OWU_MAX_PARAMS] = {{0}};
    owu_answer answer = {0};
    owu_status status;
    options.extra_headers = headers;
    options.retry.max_retries = 0;
    args[0] = (owu_cell){.tag = OWU_TAG_STR, .len = 3, .u = {.text = "ann"}};
    status = owu_client_call(client, endpoint, args, NULL, 0, &options, &answer, err);
    if (status == OWU_OK) {
        CHECK(answer.document != NULL);
        CHECK_INT_EQ(answer.status, 200);
    }
    owu_answer_free(&answer);
    return status;
}

/* ---------------------------------------------------------------- tests */

/* The n-th allocation fails, for all n: the call says so, nothing leaks, and the next one works. */
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
            status = call(client, &err);
        }
        (void)owu_test_fail_allocation(OWU_TEST_NEVER, false);
        if (status == OWU_OK) {
            owu_client_unref(client);
            break;
        }
        failures++;
        CHECK_INT_EQ(status, OWU_ENOMEM);
        if (client != NULL) {
            CHECK_INT_EQ(call(client, &err), OWU_OK);
        }
        owu_client_unref(client);
    }
    CHECK(failures > 10);
    CHECK(n < 1000);
}

enum { THREADS = 8, CALLS = 50 };
static atomic_int good_calls;

static void *call_often(void *context) {
    int i;
    const int calls = check_times(CALLS, 1);
    for (i = 0; i < calls; i++) {
        owu_stats stats;
        if (call(context, NULL) == OWU_OK) {
            atomic_fetch_add(&good_calls, 1);
        }
        (void)owu_client_set_key(context, i % 2 == 0 ? "sk-y" : "sk-zz", i % 2 == 0 ? 4 : 5, NULL);
        owu_client_stats(context, &stats);
        CHECK(stats.requests > 0);
    }
    return NULL;
}

static void test_threads(void) {
    owu_client *client = NULL;
    const int n = check_times(THREADS, 3);
    pthread_t threads[THREADS];
    owu_stats stats;
    int i;
    if (!CHECK_INT_EQ(make_client(&client, 0, NULL), OWU_OK)) {
        return;
    }
    for (i = 0; i < n; i++) {
        CHECK_INT_EQ(pthread_create(&threads[i], NULL, call_often, client), 0);
    }
    for (i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    owu_client_stats(client, &stats);
    CHECK_INT_EQ(atomic_exchange(&good_calls, 0), n * check_times(CALLS, 1));
    CHECK_INT_EQ(stats.requests, n * check_times(CALLS, 1));
    CHECK(stats.connections_opened <= (unsigned)n);
    owu_client_close(client);
    CHECK_INT_EQ(call(client, NULL), OWU_ECLOSED);
    owu_client_unref(client);
}

static void test_fork(void) {
    owu_client *client = NULL;
    owu_stats stats;
    pid_t child;
    int status = -1;
    if (!CHECK_INT_EQ(make_client(&client, 0, NULL), OWU_OK)) {
        return;
    }
    CHECK_INT_EQ(call(client, NULL), OWU_OK);
    child = fork();
    if (child == 0) {
        bool good = call(client, NULL) == OWU_OK;
        good = call(client, NULL) == OWU_OK && good;
        owu_client_stats(client, &stats);
        good = good && stats.connections_opened == 2; /* its own, beside the parent's */
        _exit(good || owu_test_fail_allocation(OWU_TEST_NEVER, false) < 1 ? 0 : 1);
    }
    CHECK_INT_EQ(waitpid(child, &status, 0), child);
    CHECK_INT_EQ(status, 0);
    CHECK_INT_EQ(call(client, NULL), OWU_OK);
    owu_client_stats(client, &stats);
    CHECK_INT_EQ(stats.connections_opened, 1);
    owu_client_unref(client);
}

int main(void) {
    if (!CHECK(share_memory_with_libcurl() && start_server())) {
        return check_failures();
    }
    RUN_FED(test_memory_that_runs_out);
    RUN(test_threads);
    RUN(test_fork);
    return check_failures();
}
