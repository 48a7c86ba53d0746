/* gate.c - a semaphore that serves in the order of arrival, threads and the engine alike. */
#define _POSIX_C_SOURCE 200809L
#ifdef __APPLE__
#define _DARWIN_C_SOURCE 1 /* a wait of relative length: its condition variables know one clock */
#endif
#include "gate.h"

#include <string.h>
#include <time.h>

bool owu_gate__init(owu_gate *gate, unsigned limit) {
    memset(gate, 0, sizeof *gate);
    gate->limit = limit;
    return pthread_mutex_init(&gate->lock, NULL) == 0;
}

void owu_gate__free(owu_gate *gate) {
    (void)pthread_mutex_destroy(&gate->lock);
}

bool owu_gate__enter(owu_gate *gate, owu_gate_waiter *waiter) {
    bool inside;
    (void)pthread_mutex_lock(&gate->lock);
    inside = gate->inside < gate->limit && gate->first == NULL;
    if (inside) {
        gate->inside++;
    } else {
        waiter->waiting = true;
        waiter->next = NULL;
        waiter->previous = gate->last;
        *(gate->last != NULL ? &gate->last->next : &gate->first) = waiter;
        gate->last = waiter;
    }
    waiter->inside = inside;
    (void)pthread_mutex_unlock(&gate->lock);
    return inside;
}

/* A wait that no change of the wall clock can lengthen. The gate is locked. */
static void wait_for(owu_gate *gate, pthread_cond_t *woken, double seconds) {
    struct timespec end = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
#ifdef __APPLE__
    (void)pthread_cond_timedwait_relative_np(woken, &gate->lock, &end);
#else
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    end.tv_sec += now.tv_sec;
    end.tv_nsec += now.tv_nsec;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(woken, &gate->lock, &end);
#endif
}

static bool make_condition(pthread_cond_t *woken) {
    bool made;
#ifdef __APPLE__
    made = pthread_cond_init(woken, NULL) == 0;
#else
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    made = pthread_cond_init(woken, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
#endif
    return made;
}

bool owu_gate__wait(owu_gate *gate, owu_gate_waiter *waiter, double seconds) {
    pthread_cond_t woken;
    bool inside;
    const bool made = make_condition(&woken);
    (void)pthread_mutex_lock(&gate->lock);
    if (waiter->waiting && made) {
        waiter->woken = &woken;
        wait_for(gate, &woken, seconds);
        waiter->woken = NULL;
    }
    inside = waiter->inside;
    (void)pthread_mutex_unlock(&gate->lock);
    if (made) {
        (void)pthread_cond_destroy(&woken);
    }
    return inside;
}

static void unlink_waiter(owu_gate *gate, owu_gate_waiter *waiter) {
    *(waiter->previous != NULL ? &waiter->previous->next : &gate->first) = waiter->next;
    *(waiter->next != NULL ? &waiter->next->previous : &gate->last) = waiter->previous;
    waiter->waiting = false;
}

void owu_gate__leave(owu_gate *gate, owu_gate_waiter *waiter) {
    (void)pthread_mutex_lock(&gate->lock);
    if (waiter->waiting) {
        unlink_waiter(gate, waiter);
    } else if (waiter->inside) {
        waiter->inside = false;
        gate->inside--;
    }
    while (gate->first != NULL && gate->inside < gate->limit) {
        owu_gate_waiter *next = gate->first;
        unlink_waiter(gate, next);
        next->inside = true;
        gate->inside++;
        if (next->let_in != NULL) {
            next->let_in(next);
        } else if (next->woken != NULL) {
            (void)pthread_cond_signal(next->woken);
        }
    }
    (void)pthread_mutex_unlock(&gate->lock);
}

void owu_gate__hold(owu_gate *gate) {
    (void)pthread_mutex_lock(&gate->lock);
}

void owu_gate__release(owu_gate *gate) {
    (void)pthread_mutex_unlock(&gate->lock);
}

void owu_gate__forget(owu_gate *gate) {
    gate->inside = 0;
    gate->first = gate->last = NULL;
    (void)pthread_mutex_unlock(&gate->lock);
}
