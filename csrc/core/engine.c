/*
 * engine.c - one thread a client that carries jobs through: it drives all their transfers over one
 * multi, keeps their clocks, decodes their answers, and puts the outcome into their ports.
 *
 * Words: a *job* is one call on its way; a *port* is the queue where its starter finds what became of
 * it, which is its *news* (an event to be shown, or the end); a *farewell* is a job whose end is that
 * of the thread; the *gate* is the semaphore of max_connections.
 *
 * Who touches what: `lock` guards the inbox, the news of all ports, and the state of the thread.
 * Everything else of a job belongs to the thread from its start until its outcome is news, and to
 * whoever started it before and after. Order of locks: the gate's, then this one.
 */
#define _POSIX_C_SOURCE 200809L
#include "engine.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/eventfd.h>
#endif

#include "call.h"
#include "internal.h"
#include "timers.h"

#define STACK_SIZE ((size_t)1 << 20)
#define GRACE 0.05   /* seconds that libcurl's own clock may be late */
#define FOREVER 1000 /* seconds without anything to do */

/* What is asked of a job that lies in the inbox. */
enum { ASK_START = 1, ASK_CANCEL = 2, ASK_RESUME = 4, ASK_STOP = 8, ASK_GO_IN = 16 };

typedef enum JobState {
    JOB_NEW,
    JOB_QUEUED,   /* waits for leave to connect */
    JOB_SENDING,  /* has a transfer */
    JOB_PAUSED,   /* between two attempts */
    JOB_TELLING,  /* its event is news */
    JOB_FAREWELL, /* waits for the end of the thread */
    JOB_DONE
} JobState;

struct owu_job {
    atomic_size_t references;
    owu_client *client; /* owned */
    owu_port *port;     /* owned, once it was started */
    void *context;      /* the starter's */
    unsigned long generation;
    bool is_farewell;
    owu_arena texts; /* what options point at */
    owu_options options;
    owu_buffer body;
    owu_call call;
    owu_answer answer;
    owu_error err;
    /* the thread's */
    JobState state;
    owu_http_transfer *transfer;
    owu_gate_waiter waiter;
    owu_timer timer; /* pool, deadline or pause, by the state */
    double queued_at, told_at;
    owu_job *previous, *next; /* of all that the thread has */
    /* guarded by the engine's lock */
    unsigned asked;
    bool in_inbox;
    owu_job *next_in_inbox;
    owu_news news;
    bool in_port; /* the news was not taken yet */
    owu_event event; /* of OWU_NEWS_EVENT */
    owu_job *next_news;
};

struct owu_port {
    atomic_size_t references; /* the opener's, and one of each job */
    owu_engine *engine;       /* borrowed from the client */
    owu_client *client;       /* owned */
    unsigned long generation;
    int read_fd, write_fd; /* one and the same where eventfd is */
    /* guarded by the engine's lock */
    owu_job *first, *last;
    bool signalled; /* the descriptor is readable */
    bool rings;     /* is to be made so, when the thread has done what it is at */
    bool closed;
    owu_port *next_to_ring; /* owned by the list */
};

struct owu_engine {
    owu_client *client; /* borrowed; owned by the thread while it runs */
    unsigned max_connections;
    pthread_mutex_t lock; /* guards what follows, down to the thread's */
    pthread_cond_t ended;
    bool runs, stops, asleep;
    owu_http_multi *multi; /* to be woken, while asleep; else the thread's */
    owu_job *inbox, *inbox_last;
    owu_port *to_ring;
    /* the thread's */
    owu_job *jobs;
    owu_timers timers;
};

/* ---------------------------------------------------------------- life */

/* Threads of all clients that have not left this file. */
static pthread_mutex_t threads_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t threads_changed = PTHREAD_COND_INITIALIZER;
static unsigned n_threads;

static void count_threads(int more) {
    (void)pthread_mutex_lock(&threads_lock);
    n_threads += (unsigned)more;
    (void)pthread_cond_broadcast(&threads_changed);
    (void)pthread_mutex_unlock(&threads_lock);
}

void owu_engine__wait_for_all(void) {
    (void)pthread_mutex_lock(&threads_lock);
    while (n_threads > 0) {
        (void)pthread_cond_wait(&threads_changed, &threads_lock);
    }
    (void)pthread_mutex_unlock(&threads_lock);
}

void owu_engine__hold_count(void) {
    (void)pthread_mutex_lock(&threads_lock);
}

void owu_engine__release_count(bool in_child) {
    if (in_child) {
        n_threads = 0;
    }
    (void)pthread_mutex_unlock(&threads_lock);
}

static atomic_bool at_end;   /* of the process */
static pthread_t last_thread; /* that ends it; written before at_end */

void owu_engine__end(void) {
    if (!atomic_load(&at_end)) {
        last_thread = pthread_self();
        atomic_store(&at_end, true);
    }
}

owu_engine *owu_engine__new(owu_client *client, unsigned max_connections) {
    owu_engine *engine = owu_malloc(sizeof *engine);
    if (engine == NULL) {
        return NULL;
    }
    memset(engine, 0, sizeof *engine);
    engine->client = client;
    engine->max_connections = max_connections;
    if (pthread_mutex_init(&engine->lock, NULL) != 0) {
        owu_free(engine);
        return NULL;
    }
    if (pthread_cond_init(&engine->ended, NULL) != 0) {
        (void)pthread_mutex_destroy(&engine->lock);
        owu_free(engine);
        return NULL;
    }
    return engine;
}

void owu_engine__free(owu_engine *engine) {
    if (engine != NULL) {
        (void)pthread_cond_destroy(&engine->ended);
        (void)pthread_mutex_destroy(&engine->lock);
        owu_free(engine);
    }
}

static void lock(owu_engine *engine) {
    (void)pthread_mutex_lock(&engine->lock);
}

static void unlock(owu_engine *engine) {
    (void)pthread_mutex_unlock(&engine->lock);
}

/* End the thread's sleep, once. Locked. */
static void wake(owu_engine *engine) {
    if (engine->asleep) {
        engine->asleep = false;
        owu_http__multi_wake(engine->multi);
    }
}

void owu_engine__stop(owu_engine *engine) {
    lock(engine);
    if (engine->runs) {
        engine->stops = true;
        wake(engine);
    }
    unlock(engine);
}

bool owu_engine__runs(owu_engine *engine) {
    bool runs;
    lock(engine);
    runs = engine->runs;
    unlock(engine);
    return runs;
}

void owu_engine__wait(owu_engine *engine) {
    lock(engine);
    while (engine->runs) {
        (void)pthread_cond_wait(&engine->ended, &engine->lock);
    }
    unlock(engine);
}

void owu_engine__hold(owu_engine *engine) {
    lock(engine);
}

void owu_engine__release(owu_engine *engine) {
    unlock(engine);
}

void owu_engine__forget(owu_engine *engine) {
    static const owu_timers none = {NULL};
    engine->runs = engine->stops = engine->asleep = false;
    engine->multi = NULL;
    engine->inbox = engine->inbox_last = NULL;
    engine->to_ring = NULL;
    engine->jobs = NULL;
    engine->timers = none;
    unlock(engine);
}

/* ---------------------------------------------------------------- ports */

static bool open_descriptors(owu_port *port) {
#ifdef __linux__
    port->read_fd = port->write_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return port->read_fd >= 0;
#else
    int ends[2], i;
    if (pipe(ends) != 0) {
        return false;
    }
    for (i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    port->read_fd = ends[0];
    port->write_fd = ends[1];
    return true;
#endif
}

/* Make the descriptor readable. It has room: at most one signal lies in it. */
static void ring(const owu_port *port) {
    const uint64_t one = 1;
    ssize_t written = write(port->write_fd, &one, sizeof one);
    (void)written;
}

static void silence(const owu_port *port) {
    uint64_t rung;
    ssize_t got = read(port->read_fd, &rung, sizeof rung);
    (void)got;
}

owu_status owu_port_new(owu_port **out, owu_client *client, owu_error *err) {
    owu_port *port = owu_malloc(sizeof *port);
    if (port == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory for a port");
    }
    memset(port, 0, sizeof *port);
    if (!open_descriptors(port)) {
        owu_free(port);
        return owu_fail(err, OWU_EINTERNAL,
                        "no descriptor is left: close some, or raise the limit");
    }
    atomic_init(&port->references, 1);
    port->client = owu_client_ref(client);
    port->engine = client->engine;
    port->generation = owu_http__generation();
    *out = port;
    return OWU_OK;
}

int owu_port_fd(const owu_port *port) {
    return port->read_fd;
}

bool owu_port_foreign(const owu_port *port) {
    return port->generation != owu_http__generation();
}

static void port_unref(owu_port *port) {
    if (port != NULL &&
        atomic_fetch_sub_explicit(&port->references, 1, memory_order_acq_rel) == 1) {
        owu_client *client = port->client;
        /* A loop of the parent's may know the number: another descriptor must not get it. */
        if (!owu_port_foreign(port)) {
            (void)close(port->read_fd);
            if (port->write_fd != port->read_fd) {
                (void)close(port->write_fd);
            }
        }
        owu_free(port);
        owu_client_unref(client);
    }
}

/* Let everybody know who has news. The client outlives this: whoever calls holds it. */
static void ring_all(owu_engine *engine) {
    owu_port *port;
    lock(engine);
    while ((port = engine->to_ring) != NULL) {
        engine->to_ring = port->next_to_ring;
        port->rings = false;
        if (!port->closed) {
            port->signalled = true;
            ring(port);
        }
        port_unref(port);
    }
    unlock(engine);
}

void *owu_port_take(owu_port *port, owu_news *news) {
    owu_engine *engine = port->engine;
    owu_job *job;
    void *context = NULL;
    *news = OWU_NEWS_NONE;
    if (owu_port_foreign(port)) {
        return NULL;
    }
    lock(engine);
    job = port->first;
    if (job != NULL) {
        port->first = job->next_news;
        if (port->first == NULL) {
            port->last = NULL;
        }
        job->in_port = false;
        *news = job->news;
        context = job->context;
    } else if (port->signalled) {
        port->signalled = false;
        silence(port);
    }
    unlock(engine);
    if (*news == OWU_NEWS_DONE) {
        owu_job_unref(job); /* the port's */
    }
    return context;
}

/* ---------------------------------------------------------------- jobs: life */

/* It may hold a password. */
static void free_body(owu_buffer *body) {
    if (body->data != NULL) {
        owu_client__wipe(body->data, body->len);
    }
    owu_buffer_free(body);
}

static void job_free(owu_job *job) {
    owu_call__end(&job->call);
    owu_answer_free(&job->answer);
    free_body(&job->body);
    if (job->options.api_key != NULL) {
        owu_client__wipe((char *)(uintptr_t)job->options.api_key, job->options.api_key_len);
    }
    owu_arena_free(&job->texts);
    port_unref(job->port);
    owu_client_unref(job->client);
    owu_free(job);
}

static owu_job *job_ref(owu_job *job) {
    atomic_fetch_add_explicit(&job->references, 1, memory_order_relaxed);
    return job;
}

void owu_job_unref(owu_job *job) {
    if (job != NULL && atomic_fetch_sub_explicit(&job->references, 1, memory_order_acq_rel) == 1) {
        job_free(job);
    }
}

/* A copy of the options with all that they point at. */
static bool keep_options(owu_job *job, const owu_options *options) {
    const char *const *line = options->extra_headers;
    const char **lines;
    size_t n = 0, i;
    job->options = *options;
    job->options.interrupt = NULL;
    job->options.context = NULL;
    job->options.api_key = NULL;
    if (options->api_key != NULL) {
        job->options.api_key = owu_arena_copy(&job->texts, options->api_key, options->api_key_len);
        if (job->options.api_key == NULL) {
            return false;
        }
    }
    if (line == NULL) {
        return true;
    }
    while (line[n] != NULL) {
        n++;
    }
    lines = owu_arena_alloc(&job->texts, (n + 1) * sizeof *lines);
    for (i = 0; lines != NULL && i < n; i++) {
        lines[i] = owu_arena_copy(&job->texts, line[i], strlen(line[i]));
        if (lines[i] == NULL) {
            return false;
        }
    }
    if (lines == NULL) {
        return false;
    }
    lines[n] = NULL;
    job->options.extra_headers = lines;
    return true;
}

static owu_status job_make(owu_job **out, owu_client *client, owu_buffer *body,
                           const owu_options *options, owu_error *err) {
    static const owu_options standard = OWU_OPTIONS_INIT;
    owu_job *job = owu_malloc(sizeof *job);
    if (job == NULL) {
        if (body != NULL) {
            free_body(body);
        }
        return owu_fail(err, OWU_ENOMEM, "out of memory for a call");
    }
    memset(job, 0, sizeof *job);
    atomic_init(&job->references, 1);
    job->client = owu_client_ref(client);
    job->generation = owu_http__generation();
    if (body != NULL) {
        job->body = *body;
        memset(body, 0, sizeof *body);
    }
    if (!keep_options(job, options != NULL ? options : &standard)) {
        owu_job_unref(job);
        return owu_fail(err, OWU_ENOMEM, "out of memory for a call");
    }
    *out = job;
    return OWU_OK;
}

owu_status owu_job_new(owu_job **out, owu_client *client, const owu_endpoint *endpoint,
                       const owu_cell *args, owu_buffer *body, const owu_options *options,
                       owu_error *err) {
    owu_job *job = NULL;
    const owu_status status = job_make(&job, client, body, options, err);
    if (status == OWU_OK) {
        owu_call__begin(&job->call, client, endpoint, args, job->body.data, job->body.len,
                        &job->options, &job->answer, &job->err);
        *out = job;
    }
    return status;
}

owu_status owu_job_new_request(owu_job **out, owu_client *client, const char *method,
                               const char *target, size_t target_len, owu_buffer *body,
                               const owu_options *options, owu_error *err) {
    owu_job *job = NULL;
    const owu_status status = job_make(&job, client, body, options, err);
    if (status == OWU_OK) {
        owu_call__begin_request(&job->call, client, method, target, target_len, job->body.data,
                                job->body.len, &job->options, &job->answer, &job->err);
        *out = job;
    }
    return status;
}

owu_status owu_job_new_version(owu_job **out, owu_client *client, const owu_options *options,
                               owu_error *err) {
    owu_job *job = NULL;
    const owu_status status = job_make(&job, client, NULL, options, err);
    if (status == OWU_OK) {
        owu_call__begin_version(&job->call, client, &job->options, &job->answer, &job->err);
        *out = job;
    }
    return status;
}

owu_status owu_job_new_farewell(owu_job **out, owu_client *client, owu_error *err) {
    owu_job *job = NULL;
    const owu_status status = job_make(&job, client, NULL, NULL, err);
    if (status == OWU_OK) {
        job->is_farewell = true;
        *out = job;
    }
    return status;
}

owu_status owu_job_outcome(owu_job *job, owu_answer **answer, const owu_error **err) {
    *answer = &job->answer;
    *err = &job->err;
    return job->call.status;
}

const char *owu_job_version(const owu_job *job) {
    return job->call.version;
}

const owu_event *owu_job_event(const owu_job *job) {
    return &job->event;
}

/* ---------------------------------------------------------------- jobs: what is asked of them */

/* Locked. */
static void ask(owu_engine *engine, owu_job *job, unsigned what) {
    job->asked |= what;
    if (!job->in_inbox) {
        job->in_inbox = true;
        job->next_in_inbox = NULL;
        *(engine->inbox_last != NULL ? &engine->inbox_last->next_in_inbox : &engine->inbox) =
            job_ref(job);
        engine->inbox_last = job;
    }
    wake(engine);
}

/* Put a job with this news into its port. @return false: nobody listens there. Locked. */
static bool post(owu_engine *engine, owu_job *job, owu_news news) {
    owu_port *port = job->port;
    job->news = news;
    if (port->closed && news == OWU_NEWS_EVENT) {
        ask(engine, job, ASK_CANCEL); /* nobody will resume it */
    }
    if (port->closed) {
        return false;
    }
    if (job->in_port) {
        return true; /* it will be found in place of what was not taken */
    }
    job->in_port = true;
    job->next_news = NULL;
    *(port->last != NULL ? &port->last->next_news : &port->first) = job;
    port->last = job;
    if (!port->signalled && !port->rings) {
        port->rings = true;
        atomic_fetch_add_explicit(&port->references, 1, memory_order_relaxed);
        port->next_to_ring = engine->to_ring;
        engine->to_ring = port;
    }
    return true;
}

static void ask_later(owu_job *job, unsigned what) {
    owu_engine *engine = job->client->engine;
    if (job->generation != owu_http__generation()) {
        return; /* started by the parent of this process */
    }
    lock(engine);
    if (engine->runs && job->news != OWU_NEWS_DONE) {
        ask(engine, job, what);
    }
    unlock(engine);
}

void owu_job_cancel(owu_job *job) {
    ask_later(job, ASK_CANCEL);
}

void owu_job_resume(owu_job *job, bool stop) {
    ask_later(job, stop ? ASK_STOP : ASK_RESUME);
}

/* The gate is locked. */
static void on_let_in(owu_gate_waiter *waiter) {
    owu_job *job = (owu_job *)(void *)((char *)waiter - offsetof(owu_job, waiter));
    owu_engine *engine = job->client->engine;
    lock(engine);
    ask(engine, job, ASK_GO_IN);
    unlock(engine);
}

void owu_port_close(owu_port *port) {
    owu_engine *engine;
    owu_job *job, *next, *done = NULL;
    if (port == NULL) {
        return;
    }
    engine = port->engine;
    lock(engine);
    port->closed = true;
    for (job = owu_port_foreign(port) ? NULL : port->first; job != NULL; job = next) {
        next = job->next_news;
        if (job->news == OWU_NEWS_DONE) {
            job->next_news = done;
            done = job;
        } else {
            ask(engine, job, ASK_CANCEL); /* nobody will resume it */
        }
    }
    port->first = port->last = NULL;
    unlock(engine);
    while (done != NULL) {
        next = done->next_news;
        owu_job_unref(done); /* the port's */
        done = next;
    }
    port_unref(port);
}

/* ---------------------------------------------------------------- the thread: one job */

static void advance(owu_engine *engine, owu_job *job);

static void enlist(owu_engine *engine, owu_job *job) {
    job->next = engine->jobs;
    job->previous = NULL;
    if (engine->jobs != NULL) {
        engine->jobs->previous = job;
    }
    engine->jobs = job;
}

static void strike_off(owu_engine *engine, owu_job *job) {
    *(job->previous != NULL ? &job->previous->next : &engine->jobs) = job->next;
    if (job->next != NULL) {
        job->next->previous = job->previous;
    }
}

/* The outcome stands: the thread's reference becomes the port's. At the end of the process nobody is
 * told: whoever still waits is a thread that ends with it, and must not begin anything new. */
static void finish(owu_engine *engine, owu_job *job) {
    bool unwanted;
    job->state = JOB_DONE;
    owu_timers__unset(&engine->timers, &job->timer);
    strike_off(engine, job);
    lock(engine);
    unwanted = atomic_load(&at_end) || !post(engine, job, OWU_NEWS_DONE);
    unlock(engine);
    if (unwanted) {
        owu_job_unref(job);
    }
}

/* Nothing was sent: it leaves the gate, and the attempt has failed like this. */
static void fail_sending(owu_job *job, owu_status status) {
    const owu_http_cost nothing = {0};
    owu_gate__leave(&job->client->gate, &job->waiter);
    owu_run__sent(job->call.run, status, &nothing);
}

static void begin_transfer(owu_engine *engine, owu_job *job) {
    owu_run *run = job->call.run;
    const double now = owu_http__now();
    owu_status status;
    run->request.timeout = owu_pool__rest(&run->request, now - job->queued_at);
    job->state = JOB_SENDING;
    status = owu_http__multi_add(&job->transfer, engine->multi, &run->request, run->answer, job,
                                 run->err);
    if (status != OWU_OK) {
        fail_sending(job, status);
        advance(engine, job);
    } else if (run->request.timeout > 0) {
        owu_timers__set(&engine->timers, &job->timer, now + run->request.timeout + GRACE);
    } else {
        owu_timers__unset(&engine->timers, &job->timer);
    }
}

static void begin_sending(owu_engine *engine, owu_job *job) {
    job->queued_at = owu_http__now();
    job->waiter.let_in = on_let_in;
    job->state = JOB_QUEUED;
    if (owu_gate__enter(&job->client->gate, &job->waiter)) {
        begin_transfer(engine, job);
    } else {
        owu_timers__set(&engine->timers, &job->timer,
                        job->queued_at + owu_pool__limit(&job->call.run->request));
    }
}

static void advance(owu_engine *engine, owu_job *job) {
    switch (owu_call__next(&job->call)) {
    case OWU_TODO_SEND:
        begin_sending(engine, job);
        break;
    case OWU_TODO_WAIT:
        job->state = JOB_PAUSED;
        owu_timers__set(&engine->timers, &job->timer, owu_http__now() + job->call.run->wait);
        break;
    case OWU_TODO_TELL:
        job->state = JOB_TELLING;
        owu_timers__unset(&engine->timers, &job->timer);
        lock(engine);
        job->event = job->call.run->event;
        job->told_at = owu_http__now();
        (void)post(engine, job, OWU_NEWS_EVENT);
        unlock(engine);
        break;
    case OWU_TODO_DONE:
        finish(engine, job);
        break;
    }
}

/* The transfer is over, one way or another: back from it with this status, or what it says. */
static void end_transfer(owu_engine *engine, owu_job *job, bool late, owu_status forced) {
    owu_run *run = job->call.run;
    owu_http_cost cost;
    owu_status status =
        owu_http__transfer_end(job->transfer, late, &cost, forced == OWU_OK ? run->err : NULL);
    job->transfer = NULL;
    owu_timers__unset(&engine->timers, &job->timer);
    owu_gate__leave(&job->client->gate, &job->waiter);
    owu_run__sent(run, forced == OWU_OK ? status : forced, &cost);
}

/* Whatever it is at, it ends with this status. */
static void stop(owu_engine *engine, owu_job *job, owu_status status, const char *message) {
    if (job->state == JOB_SENDING) {
        end_transfer(engine, job, false, status);
    } else {
        owu_gate__leave(&job->client->gate, &job->waiter);
    }
    owu_call__stop(&job->call, owu_fail(&job->err, status, "%s", message));
    advance(engine, job);
}

/* ---------------------------------------------------------------- the thread: all of them */

static void do_what_was_asked(owu_engine *engine, owu_job *job, unsigned asked) {
    if ((asked & ASK_START) != 0) {
        enlist(engine, job_ref(job));
        if (job->is_farewell) {
            job->state = JOB_FAREWELL;
        } else {
            advance(engine, job);
        }
    }
    if (job->state == JOB_QUEUED && (asked & ASK_GO_IN) != 0) {
        begin_transfer(engine, job);
    }
    if (job->state == JOB_TELLING && (asked & ASK_RESUME) != 0) {
        if (job->call.run->deadline > 0) { /* whoever was told took this time, not the call */
            job->call.run->deadline += owu_http__now() - job->told_at;
        }
        advance(engine, job);
    }
    if (job->state == JOB_NEW || job->state == JOB_DONE || job->state == JOB_FAREWELL) {
        return;
    }
    if ((asked & ASK_CANCEL) != 0 || (job->state == JOB_TELLING && (asked & ASK_STOP) != 0)) {
        stop(engine, job, OWU_EINTERRUPTED, "interrupted");
    }
}

/* @return go on? */
static bool empty_inbox(owu_engine *engine) {
    for (;;) {
        owu_job *job;
        unsigned asked = 0;
        bool stops;
        lock(engine);
        engine->asleep = false;
        stops = engine->stops;
        job = engine->inbox;
        if (job != NULL) {
            engine->inbox = job->next_in_inbox;
            if (engine->inbox == NULL) {
                engine->inbox_last = NULL;
            }
            asked = job->asked;
            job->asked = 0;
            job->in_inbox = false;
        }
        unlock(engine);
        if (job == NULL) {
            return !stops;
        }
        do_what_was_asked(engine, job, asked);
        owu_job_unref(job);
    }
}

static owu_job *job_of(owu_timer *timer) {
    return (owu_job *)(void *)((char *)timer - offsetof(owu_job, timer));
}

/* It was let in at the moment when its time was up, and has left again. */
static void forget_being_let_in(owu_engine *engine, owu_job *job) {
    lock(engine);
    job->asked &= ~(unsigned)ASK_GO_IN;
    unlock(engine);
}

static void on_due(owu_engine *engine, owu_job *job) {
    owu_run *run = job->call.run;
    if (job->state == JOB_QUEUED) {
        fail_sending(
            job, owu_pool__fail(owu_pool__limit(&run->request), engine->max_connections, run->err));
        forget_being_let_in(engine, job);
    } else if (job->state == JOB_SENDING) {
        end_transfer(engine, job, true, OWU_OK);
    }
    advance(engine, job);
}

/* @return seconds until the next one is due. */
static double run_timers(owu_engine *engine) {
    owu_timer *timer;
    while ((timer = engine->timers.first) != NULL) {
        const double rest = timer->due - owu_http__now();
        if (rest > 0) {
            return rest < FOREVER ? rest : FOREVER;
        }
        owu_timers__unset(&engine->timers, timer);
        on_due(engine, job_of(timer));
    }
    return FOREVER;
}

/* May the thread sleep? Not when something came meanwhile. */
static bool fall_asleep(owu_engine *engine) {
    bool sleeps;
    lock(engine);
    sleeps = engine->asleep = engine->inbox == NULL && !engine->stops;
    unlock(engine);
    return sleeps;
}

/* libcurl itself fails: no transfer can go on. */
static void fail_all(owu_engine *engine, const owu_error *err) {
    owu_job *job, *next;
    for (job = engine->jobs; job != NULL; job = next) {
        next = job->next;
        if (job->state == JOB_SENDING) {
            end_transfer(engine, job, false, err->code);
            *job->call.run->err = *err;
            advance(engine, job);
        }
    }
}

static void step(owu_engine *engine, double wait) {
    owu_error err;
    owu_job *job;
    const bool sleeps = fall_asleep(engine);
    if (owu_http__multi_step(engine->multi, sleeps ? wait : 0, &err) != OWU_OK) {
        fail_all(engine, &err);
    }
    while ((job = owu_http__multi_next(engine->multi)) != NULL) {
        end_transfer(engine, job, false, OWU_OK);
        advance(engine, job);
    }
}

/* Is nothing left to do? Whoever says farewell while it ends has come late, but is told as well. */
static bool is_over(owu_engine *engine) {
    owu_job *job;
    bool over;
    lock(engine);
    while ((job = engine->inbox) != NULL) {
        engine->inbox = job->next_in_inbox;
        job->in_inbox = false;
        if ((job->asked & ASK_START) != 0) {
            job->state = JOB_DONE;
            if (post(engine, job, OWU_NEWS_DONE)) {
                (void)job_ref(job); /* the port's */
            }
        }
        job->asked = 0;
        owu_job_unref(job); /* not the last: whoever has started it has one */
    }
    engine->inbox_last = NULL;
    over = engine->to_ring == NULL;
    if (over) {
        engine->runs = engine->stops = false;
        (void)pthread_cond_broadcast(&engine->ended);
    }
    unlock(engine);
    return over;
}

/* The client was closed: everything ends, and then whoever waits for that is told. */
static void wind_up(owu_engine *engine) {
    owu_job *job, *next;
    owu_client *client = engine->client;
    for (job = engine->jobs; job != NULL; job = next) {
        next = job->next;
        if (!job->is_farewell) {
            stop(engine, job, OWU_ECLOSED, "this client was closed during a call");
        }
    }
    owu_http__multi_free(engine->multi);
    engine->multi = NULL;
    while (engine->jobs != NULL) { /* the farewells */
        finish(engine, engine->jobs);
    }
    while (!is_over(engine)) {
        ring_all(engine);
    }
    owu_client_unref(client);
}

static void *engine_main(void *context) {
    owu_engine *engine = context;
    while (empty_inbox(engine)) {
        const double wait = run_timers(engine);
        ring_all(engine);
        step(engine, wait);
    }
    wind_up(engine); /* the engine may be gone now, with its client */
    count_threads(-1);
    return NULL;
}

/* Start the thread. Locked. Signals are for the threads that expect them. */
static owu_status start_thread(owu_engine *engine, owu_error *err) {
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int failed;
    engine->multi = owu_http__multi_new(&engine->client->route, engine->max_connections);
    if (engine->multi == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory for a client's thread");
    }
    if (pthread_attr_init(&attributes) != 0) {
        owu_http__multi_free(engine->multi);
        return owu_fail(err, OWU_EINTERNAL, "no thread could be started");
    }
    (void)pthread_attr_setstacksize(&attributes, STACK_SIZE);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    owu_client_ref(engine->client);
    engine->runs = true;
    count_threads(1);
    failed = pthread_create(&thread, &attributes, engine_main, engine);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (failed != 0) {
        count_threads(-1);
        engine->runs = false;
        owu_http__multi_free(engine->multi);
        engine->multi = NULL;
        owu_client_unref(engine->client);
        return owu_fail(err, OWU_EINTERNAL, "no thread could be started: %s", strerror(failed));
    }
    return OWU_OK;
}

/* It will not be carried out: its outcome is news at once. At the end of the process only to the
 * thread that ends it: any other ends with it, and is to begin nothing. Locked. */
static void refuse(owu_engine *engine, owu_job *job) {
    if (atomic_load(&at_end) && !pthread_equal(pthread_self(), last_thread)) {
        return;
    }
    if (!job->is_farewell) {
        job->call.status =
            owu_fail(&job->err, OWU_ECLOSED, "this client was closed: make a new one");
    }
    job->state = JOB_DONE;
    if (post(engine, job, OWU_NEWS_DONE)) {
        (void)job_ref(job); /* the port's */
    }
}

owu_status owu_job_start(owu_job *job, owu_port *port, void *context, owu_error *err) {
    owu_engine *engine = job->client->engine;
    owu_status status = OWU_OK;
    bool closed;
    if (job->generation != owu_http__generation() || owu_port_foreign(port)) {
        return owu_fail(err, OWU_EINTERNAL, "the process was forked before the call began");
    }
    if (job->is_farewell) {
        owu_client_close(job->client);
    }
    job->context = context;
    atomic_fetch_add_explicit(&port->references, 1, memory_order_relaxed);
    job->port = port;
    lock(engine);
    closed = owu_client_closed(job->client) || engine->stops || atomic_load(&at_end);
    if (!engine->runs && !closed) {
        status = start_thread(engine, err);
    }
    if (status == OWU_OK && (engine->runs && (job->is_farewell || !closed))) {
        ask(engine, job, ASK_START);
    } else if (status == OWU_OK) {
        refuse(engine, job);
    }
    unlock(engine);
    if (status == OWU_OK && closed) {
        ring_all(engine);
    }
    return status;
}
