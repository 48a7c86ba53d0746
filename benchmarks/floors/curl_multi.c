/*
 * curl_multi.c - the least that calls over libcurl cost: the floor of concurrent_reads.py.
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
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_MS = 60000, MAX_EVENTS = 128, MAX_CONCURRENCY = 10000, MAX_SOCKETS = 16384 };

/* One easy handle and the body of its running call. Both are used again for the next. */
typedef struct Transfer {
    CURL *easy;
    char *body;
    size_t len;
    size_t room;
} Transfer;

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

static void die(const char *what, const char *why) {
    fprintf(stderr, "curl_multi: %s: %s\n", what, why);
    exit(1);
}

static void check_easy(CURLcode code, const char *what) {
    if (code != CURLE_OK) {
        die(what, curl_easy_strerror(code));
    }
}

static void check_multi(CURLMcode code, const char *what) {
    if (code != CURLM_OK) {
        die(what, curl_multi_strerror(code));
    }
}

static double now(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
    struct rusage u;
    (void)getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* A line of /proc/self/status, in KiB. ru_maxrss would count the process that started this one. */
static long memory_kib(const char *name) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kib = 0;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return kib;
}

/* ---------------------------------------------------------------- calls */

static size_t on_body(char *data, size_t size, size_t n, void *context) {
    Transfer *t = context;
    const size_t more = size * n;
    if (more > t->room - t->len) {
        const size_t room = 2 * (t->len + more);
        char *longer = realloc(t->body, room);
        if (longer == NULL) {
            return CURL_WRITEFUNC_ERROR;
        }
        t->body = longer;
        t->room = room;
    }
    memcpy(t->body + t->len, data, more);
    t->len += more;
    return more;
}

static int on_close(void *context, curl_socket_t fd) {
    Run *run = context;
    if (fd < MAX_SOCKETS) {
        run->watched[fd] = 0; /* the kernel forgets it as well */
    }
    return close(fd);
}

#define SET(option, value) check_easy(curl_easy_setopt(t->easy, option, value), #option)

/* All options are set once: they outlast the call, and so does the connection. */
static void transfer_init(Run *run, Transfer *t, const char *url, struct curl_slist *headers) {
    memset(t, 0, sizeof *t);
    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        die("curl_easy_init", "no memory");
    }
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, "curl_multi");
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(CURLOPT_CLOSESOCKETDATA, run);
}

static void transfer_free(Transfer *t) {
    curl_easy_cleanup(t->easy);
    free(t->body);
}

static void start(Run *run, Transfer *t) {
    t->len = 0;
    check_multi(curl_multi_add_handle(run->multi, t->easy), "curl_multi_add_handle");
    run->left--;
    run->running++;
}

static bool is_correct(const Run *run, const Transfer *t, CURLcode result) {
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return result == CURLE_OK && status == 200 && t->len == run->first->len &&
           memcmp(t->body, run->first->body, t->len) == 0;
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
        run->correct += is_correct(run, t, result) ? 1 : 0;
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

static long number(const char *text, long most) {
    char *end;
    const long value = strtol(text, &end, 10);
    if (*end != '\0' || value < 1 || value > most) {
        die("not a number in range", text);
    }
    return value;
}

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
    headers = curl_slist_append(NULL, "Authorization: Bearer sk-key");
    transfers = calloc((size_t)concurrency, sizeof *transfers);
    run.multi = curl_multi_init();
    run.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (headers == NULL || transfers == NULL || run.multi == NULL || run.epoll < 0) {
        die("start", "out of memory or files");
    }
    if (by_epoll) {
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_SOCKETFUNCTION, on_socket), "socket");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_SOCKETDATA, &run), "socket");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_TIMERFUNCTION, on_timer), "timer");
        check_multi(curl_multi_setopt(run.multi, CURLMOPT_TIMERDATA, &run), "timer");
    }

    transfer_init(&run, &first, argv[1], headers);
    check_easy(curl_easy_perform(first.easy), argv[1]);
    run.first = &first;
    for (i = 0; i < concurrency; i++) {
        transfer_init(&run, &transfers[i], argv[1], headers);
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
