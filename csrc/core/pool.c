/*
 * pool.c - requests that block: each takes a multi for itself, runs on the calling thread in slices,
 * and gives it back with its connection alive for the next. No connection is used by two threads.
 */
#include "pool.h"

#include <pthread.h>
#include <string.h>

#include "internal.h"

#define SLICE 0.1 /* seconds between two looks at whether to go on */
#define FOREVER 1e9 /* seconds */

struct owu_pool {
    pthread_mutex_t lock;
    const owu_http_route *route; /* borrowed */
    owu_gate *gate;              /* borrowed */
    owu_http_multi **idle;       /* owned */
    size_t n_idle, room;
    bool closed;
};

owu_pool *owu_pool__new(const owu_http_route *route, owu_gate *gate) {
    owu_pool *pool = owu_malloc(sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    memset(pool, 0, sizeof *pool);
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        owu_free(pool);
        return NULL;
    }
    pool->route = route;
    pool->gate = gate;
    return pool;
}

void owu_pool__hold(owu_pool *pool) {
    (void)pthread_mutex_lock(&pool->lock);
}

void owu_pool__release(owu_pool *pool) {
    (void)pthread_mutex_unlock(&pool->lock);
}

void owu_pool__forget(owu_pool *pool) {
    pool->n_idle = 0; /* abandoned: see owu_http__multi_free */
    (void)pthread_mutex_unlock(&pool->lock);
}

static owu_http_multi *take_idle(owu_pool *pool) {
    owu_http_multi *multi = NULL;
    (void)pthread_mutex_lock(&pool->lock);
    if (pool->n_idle > 0) {
        multi = pool->idle[--pool->n_idle];
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return multi;
}

/* Room for one more that is idle? The pool is locked. */
static bool has_room(owu_pool *pool) {
    if (pool->n_idle == pool->room) {
        const size_t room = pool->room == 0 ? 4 : pool->room * 2;
        owu_http_multi **more = owu_realloc(pool->idle, room * sizeof(owu_http_multi *));
        if (more == NULL) {
            return false;
        }
        pool->idle = more;
        pool->room = room;
    }
    return true;
}

static void give_back(owu_pool *pool, owu_http_multi *multi) {
    bool keep;
    if (multi == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    keep = !pool->closed && has_room(pool);
    if (keep) {
        pool->idle[pool->n_idle++] = multi;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!keep) {
        owu_http__multi_free(multi);
    }
}

void owu_pool__close(owu_pool *pool) {
    owu_http_multi *multi;
    (void)pthread_mutex_lock(&pool->lock);
    pool->closed = true;
    (void)pthread_mutex_unlock(&pool->lock);
    while ((multi = take_idle(pool)) != NULL) {
        owu_http__multi_free(multi);
    }
}

void owu_pool__free(owu_pool *pool) {
    if (pool != NULL) {
        owu_pool__close(pool);
        (void)pthread_mutex_destroy(&pool->lock);
        owu_free(pool->idle);
        owu_free(pool);
    }
}

/* Between two slices: go on? */
static owu_status check_on(const owu_http_request *q, unsigned long began, owu_error *err) {
    if (q->interrupt != NULL && q->interrupt(q->context)) {
        return owu_fail(err, OWU_EINTERRUPTED, "interrupted");
    }
    if (began != owu_http__generation()) { /* a signal handler forked */
        return owu_fail(err, OWU_EREAD, "the process was forked during the request");
    }
    return OWU_OK;
}

/* Seconds of a slice of a wait that ends then; below 0: it has ended. */
static double slice_until(double end) {
    const double rest = end - owu_http__now();
    return rest < SLICE ? rest : SLICE;
}

double owu_pool__limit(const owu_http_request *request) {
    const double pool = request->pool_timeout, whole = request->timeout;
    if (pool > 0 && (whole <= 0 || pool < whole)) {
        return pool;
    }
    return whole > 0 ? whole : FOREVER;
}

double owu_pool__rest(const owu_http_request *request, double waited) {
    const double rest = request->timeout - waited;
    return request->timeout <= 0 || rest > 0 ? rest : 1e-3; /* 0 would mean no limit */
}

owu_status owu_pool__fail(double seconds, unsigned limit, owu_error *err) {
    return owu_fail(err, OWU_EPOOL_TIMEOUT,
                    "no connection was free within %.3g s: all %u were in use (max_connections)",
                    seconds, limit);
}

/* Wait for leave to use a connection. */
static owu_status enter(owu_gate *gate, owu_gate_waiter *waiter, const owu_http_request *q,
                        unsigned long began, owu_error *err) {
    const double start = owu_http__now(), limit = owu_pool__limit(q);
    owu_status status = OWU_OK;
    bool inside = owu_gate__enter(gate, waiter);
    while (!inside && status == OWU_OK) {
        const double slice = slice_until(start + limit);
        if (slice <= 0) {
            return owu_pool__fail(limit, gate->limit, err);
        }
        inside = owu_gate__wait(gate, waiter, slice);
        status = check_on(q, began, err);
    }
    return status;
}

/* Until it is done, the time is up, or the caller wants to stop. */
static owu_status run(owu_http_multi *multi, owu_http_transfer *transfer, const owu_http_request *q,
                      unsigned long began, owu_http_cost *cost, owu_error *err) {
    const double start = owu_http__now();
    owu_status status = OWU_OK, ended;
    bool late = false, done = false;
    while (status == OWU_OK && !done && !late) {
        /* libcurl's own clock may be held up: keep one here */
        const double slice = q->timeout > 0 ? slice_until(start + q->timeout) : SLICE;
        status = owu_http__multi_step(multi, slice, err);
        done = owu_http__multi_next(multi) != NULL;
        late = !done && slice <= 0;
        if (status == OWU_OK && !done) {
            status = check_on(q, began, err);
        }
    }
    ended = owu_http__transfer_end(transfer, late, cost, status == OWU_OK ? err : NULL);
    return status == OWU_OK ? ended : status;
}

owu_status owu_pool__perform(owu_pool *pool, const owu_http_request *request, owu_answer *answer,
                             owu_http_cost *cost, owu_error *err) {
    const unsigned long began = owu_http__generation();
    const double start = owu_http__now();
    owu_http_request rest = *request;
    owu_gate_waiter waiter = {0};
    owu_http_transfer *transfer = NULL;
    owu_http_multi *multi = NULL;
    owu_status status;

    memset(cost, 0, sizeof *cost);
    status = enter(pool->gate, &waiter, request, began, err);
    if (status == OWU_OK) {
        rest.timeout = owu_pool__rest(request, owu_http__now() - start);
        multi = take_idle(pool);
        multi = multi != NULL ? multi : owu_http__multi_new(pool->route, 1);
        status = multi == NULL ? owu_fail(err, OWU_ENOMEM, "out of memory before a request")
                               : owu_http__multi_add(&transfer, multi, &rest, answer, pool, err);
    }
    if (status == OWU_OK) {
        status = run(multi, transfer, &rest, began, cost, err);
    }
    if (began == owu_http__generation()) {
        give_back(pool, multi);
        owu_gate__leave(pool->gate, &waiter);
    }
    return status;
}
