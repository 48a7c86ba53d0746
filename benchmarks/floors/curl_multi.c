/*
 * curl_multi.c - the least that many calls at a time cost over libcurl.
 *
 *     curl_multi URL CALLS CONCURRENCY [poll|socket]
 *
 * GETs one URL CALLS times, at most CONCURRENCY at once, over kept connections, and compares each
 * body with that of a first call, which is not counted. It sets the options that a real client of a
 * JSON API needs, and makes nothing of what it reads. Prints one line of JSON. For Linux.
 *
 * There are two ways to drive libcurl: curl_multi_perform with curl_multi_poll, or
 * curl_multi_socket_action with epoll. Medians of nine runs with 20,000 calls each, in µs of CPU a
 * call, with libcurl 7.88.1 on two CPUs:
 *
 *     concurrency                                   32     100
 *     poll                                          12.9   14.2
 *     socket                                        13.2   14.4
 *     socket, with two calls of epoll_ctl a call    17.0   18.2
 *
 * So poll is the default: it looks at all connections each time, but nearly all have something to
 * say when they wait for a server this quick.
 */
#define _POSIX_C_SOURCE 200809L
#include "measured.h"
#include "transfer.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_EVENTS = 128, MAX_CONCURRENCY = 10000, MAX_SOCKETS = 16384 };

typedef struct Run {
    CURLM *multi;
    const Transfer *first; /* what each body is compared with */
    long left;             /* calls that were not started yet */
    long running;
    long correct;
    /* only when driven by epoll */
    int epoll;
    double timer;                  /* when to call libcurl without an event; below 0: never */
    uint32_t watched[MAX_SOCKETS]; /* what each socket is watched for */
} Run;

static void check_multi(CURLMcode code, const char *what) {
    if (code != CURLM_OK) {
        die(what, curl_multi_strerror(code));
    }
}

/* ---------------------------------------------------------------- calls */

static int on_close(void *context, curl_socket_t fd) {
    Run *run = context;
    if (fd < MAX_SOCKETS) {
        run->watched[fd] = 0; /* the kernel forgets it as well */
    }
    return close(fd);
}

/* What the floors have in common, and the socket's end, which epoll has to know. */
static void add_transfer(Run *run, Transfer *t, const char *url, struct curl_slist *headers) {
    transfer_init(t, url, headers);
    check_easy(curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close), "on_close");
    check_easy(curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETDATA, run), "on_close");
}

static void start(Run *run, Transfer *t) {
    t->len = 0;
    check_multi(curl_multi_add_handle(run->multi, t->easy), "curl_multi_add_handle");
    run->left--;
    run->running++;
}

/* Judge what has ended, and start the next call on each handle that became free. */
static void take_results(Run *run) {
    CURLMsg *message;
    int in_queue;
    while ((message = curl_multi_info_read(run->multi, &in_queue)) != NULL) {
        CURL *easy = message->easy_handle;
        const CURLcode result = message->data.result; /* the message goes with the handle */
        Transfer *t = NULL;
        check_easy(curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&t), "CURLINFO_PRIVATE");
        check_multi(curl_multi_remove_handle(run->multi, easy), "curl_multi_remove_handle");
        run->running--;
        run->correct += transfer_is_like(t, result, run->first) ? 1 : 0;
        if (run->left > 0) {
            start(run, t);
        }
    }
}

/* ---------------------------------------------------------------- driven by curl_multi_poll */

static void drive_by_poll(Run *run) {
    while (run->running > 0) {
        int running;
        check_multi(curl_multi_perform(run->multi, &running), "curl_multi_perform");
        take_results(run);
        if (run->running > 0) {
            check_multi(curl_multi_poll(run->multi, NULL, 0, TIMEOUT_MS, NULL), "curl_multi_poll");
        }
    }
}

/* ---------------------------------------------------------------- driven by epoll */

/* A socket stays watched when its call ends: the next call on it wants the same. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *unused) {
    Run *run = context;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    (void)unused;
    event.events = ((what & CURL_POLL_IN) != 0 ? (uint32_t)EPOLLIN : 0U) |
                   ((what & CURL_POLL_OUT) != 0 ? (uint32_t)EPOLLOUT : 0U);
    if (fd >= MAX_SOCKETS) {
        return -1;
    }
    if (what == CURL_POLL_REMOVE || event.events == run->watched[fd]) {
        return 0;
    }
    if (epoll_ctl(run->epoll, run->watched[fd] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event)) {
        return -1;
    }
    run->watched[fd] = event.events;
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context) {
    Run *run = context;
    (void)multi;
    run->timer = timeout_ms < 0 ? -1 : now() + (double)timeout_ms / 1000.0;
    return 0;
}

static void drive_by_epoll(Run *run) {
    struct epoll_event events[MAX_EVENTS];
    while (run->running > 0) {
        int n, i, running;
        double wait = run->timer < 0 ? TIMEOUT_MS / 1000.0 : run->timer - now();
        n = epoll_wait(run->epoll, events, MAX_EVENTS, wait > 0 ? (int)(wait * 1000.0) + 1 : 0);
        for (i = 0; i < n; i++) {
            const uint32_t seen = events[i].events;
            const int mask = ((seen & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                             ((seen & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                             ((seen & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
            check_multi(curl_multi_socket_action(run->multi, events[i].data.fd, mask, &running),
                        "curl_multi_socket_action");
        }
        take_results(run);
        if (run->timer >= 0 && run->timer <= now()) {
            run->timer = -1;
            check_multi(curl_multi_socket_action(run->multi, CURL_SOCKET_TIMEOUT, 0, &running),
                        "curl_multi_socket_action");
            take_results(run);
        }
    }
}

/* ---------------------------------------------------------------- main */

int main(int argc, char **argv) {
    static Run run = {.timer = -1};
    Transfer first, *transfers;
    struct curl_slist *headers;
    long calls, concurrency, i, before;
    double start_time, start_cpu, seconds, cpu;
    const bool by_epoll = argc == 5 && strcmp(argv[4], "socket") == 0;

    if (argc < 4 || argc > 5 || (argc == 5 && !by_epoll && strcmp(argv[4], "poll") != 0)) {
        die("usage", "curl_multi URL CALLS CONCURRENCY [poll|socket]");
    }
    calls = number(argv[2], 100000000);
    concurrency = number(argv[3], MAX_CONCURRENCY);

    check_easy(curl_global_init(CURL_GLOBAL_DEFAULT), "curl_global_init");
    headers = request_headers();
    transfers = calloc((size_t)concurrency, sizeof *transfers);
    run.multi = curl_multi_init();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (transfers == NULL || run.multi == NULL || run.epoll < 0) {
        die("start", "out of memory or files");
    }
    if (by_epoll) {
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_SOCKETFUNCTION, on_socket), "socket");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_SOCKETDATA, &run), "socket");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_TIMERFUNCTION, on_timer), "timer");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_TIMERDATA, &run), "timer");
    }

    add_transfer(&run, &first, argv[1], headers);
    check_easy(curl_easy_perform(first.easy), argv[1]);
    run.first = &first;
    for (i = 0; i < concurrency; i++) {
        add_transfer(&run, &transfers[i], argv[1], headers);
    }

    before = memory_kib("VmRSS:");
    start_time = now();
    start_cpu = cpu_seconds();
    run.left = calls;
    for (i = 0; i < concurrency && run.left > 0; i++) {
        start(&run, &transfers[i]);
    }
    if (by_epoll) {
        drive_by_epoll(&run);
    } else {
        drive_by_poll(&run);
    }
    seconds = now() - start_time;
    cpu = cpu_seconds() - start_cpu;
    printf("{\"calls\": %ld, \"seconds\": %.6f, \"cpu_seconds\": %.6f, \"correct\": %ld, "
           "\"bytes\": %zu, \"memory_kib\": %ld, \"libcurl\": \"%s\"}\n",
           calls, seconds, cpu, run.correct, first.len, memory_kib("VmHWM:") - before,
           curl_version_info(CURLVERSION_NOW)->version);

    for (i = 0; i < concurrency; i++) {
        transfer_free(&transfers[i]);
    }
    transfer_free(&first);
    (void)curl_multi_cleanup(run.multi);
    curl_slist_free_all(headers);
    free(transfers);
    curl_global_cleanup();
    return run.correct == calls ? 0 : 1;
}
