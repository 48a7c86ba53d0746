/* A gate: at most so many are inside, in the order they came, threads and others alike. */
#define _POSIX_C_SOURCE 200809L
#include <stdatomic.h>
#include <stddef.h>

#include "check.h"
#include "gate.h"

enum { LIMIT = 3, THREADS = 16, ROUNDS = 200 };

static owu_gate gate;
static int order[8], n_ordered;

typedef struct Guest {
    owu_gate_waiter waiter;
    int number;
} Guest;

static void on_let_in(owu_gate_waiter *waiter) {
    const Guest *guest = (const Guest *)(const void *)((char *)waiter - offsetof(Guest, waiter));
    order[n_ordered++] = guest->number;
}

static void test_order(void) {
    Guest guests[6] = {{.number = 0}};
    int i;
    n_ordered = 0;
    CHECK(owu_gate__init(&gate, 2));
    for (i = 0; i < 6; i++) {
        guests[i].number = i;
        guests[i].waiter.let_in = on_let_in;
        CHECK(owu_gate__enter(&gate, &guests[i].waiter) == (i < 2));
    }
    owu_gate__leave(&gate, &guests[3].waiter); /* gives up */
    owu_gate__leave(&gate, &guests[3].waiter);
    CHECK_INT_EQ(n_ordered, 0);
    owu_gate__leave(&gate, &guests[1].waiter);
    owu_gate__leave(&gate, &guests[0].waiter);
    owu_gate__leave(&gate, &guests[2].waiter);
    CHECK_INT_EQ(n_ordered, 3);
    CHECK(order[0] == 2 && order[1] == 4 && order[2] == 5);
    owu_gate__leave(&gate, &guests[4].waiter);
    owu_gate__leave(&gate, &guests[5].waiter);
    CHECK_INT_EQ(gate.inside, 0);
    CHECK(gate.first == NULL && gate.last == NULL);
    owu_gate__free(&gate);
}

static void test_wait_that_ends(void) {
    owu_gate_waiter first = {0}, second = {0};
    CHECK(owu_gate__init(&gate, 1));
    CHECK(owu_gate__enter(&gate, &first));
    CHECK(!owu_gate__enter(&gate, &second));
    CHECK(!owu_gate__wait(&gate, &second, 0.01));
    owu_gate__leave(&gate, &first);
    CHECK(owu_gate__wait(&gate, &second, 0.01));
    owu_gate__leave(&gate, &second);
    owu_gate__free(&gate);
}

static atomic_int inside, most;

static void *go_in_and_out(void *unused) {
    int i;
    for (i = 0; i < ROUNDS; i++) {
        owu_gate_waiter waiter = {0};
        int now;
        bool in = owu_gate__enter(&gate, &waiter);
        while (!in) {
            in = owu_gate__wait(&gate, &waiter, 0.05);
        }
        now = atomic_fetch_add(&inside, 1) + 1;
        if (now > atomic_load(&most)) {
            atomic_store(&most, now);
        }
        CHECK(now <= LIMIT);
        atomic_fetch_sub(&inside, 1);
        owu_gate__leave(&gate, &waiter);
    }
    return unused;
}

static void test_threads(void) {
    pthread_t threads[THREADS];
    int i;
    CHECK(owu_gate__init(&gate, LIMIT));
    for (i = 0; i < THREADS; i++) {
        CHECK_INT_EQ(pthread_create(&threads[i], NULL, go_in_and_out, NULL), 0);
    }
    for (i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
    }
    CHECK_INT_EQ(gate.inside, 0);
    CHECK(atomic_load(&most) >= 1);
    owu_gate__free(&gate);
}

int main(void) {
    RUN(test_order);
    RUN(test_wait_that_ends);
    RUN(test_threads);
    return check_failures();
}
