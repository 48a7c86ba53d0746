/* gate.h - leave to use one of so many connections, given in the order it was asked for. */
#ifndef OWU_GATE_H
#define OWU_GATE_H

#include <pthread.h>
#include <stdbool.h>

/** One that wants in. Zero-initialise; it stays where it is until it has left or given up. */
typedef struct owu_gate_waiter {
    struct owu_gate_waiter *previous, *next;
    bool waiting;
    bool inside;
    pthread_cond_t *woken; /* set while a thread waits in owu_gate__wait */
    /** Called when it is let in after a wait, with the gate locked: must not call the gate. NULL:
     *  a thread waits. */
    void (*let_in)(struct owu_gate_waiter *waiter);
} owu_gate_waiter;

/** At most `limit` are inside at once. Shared by threads. */
typedef struct owu_gate {
    pthread_mutex_t lock;
    unsigned limit, inside;
    owu_gate_waiter *first, *last;
} owu_gate;

/** @return false when no lock could be made. */
bool owu_gate__init(owu_gate *gate, unsigned limit);
void owu_gate__free(owu_gate *gate);

/** @return true: it is inside; false: it waits, and let_in will be called, or
 *  owu_gate__wait tells. */
bool owu_gate__enter(owu_gate *gate, owu_gate_waiter *waiter);
/** Let the calling thread wait at most so long, after an owu_gate__enter that returned false.
 *  @return is it inside now? */
bool owu_gate__wait(owu_gate *gate, owu_gate_waiter *waiter, double seconds);
/** It leaves, or waits no more, whichever it does; nothing when it does neither. The first that
 *  waits is let in. */
void owu_gate__leave(owu_gate *gate, owu_gate_waiter *waiter);

/** Around a fork: hold it still, and let it go in the parent. */
void owu_gate__hold(owu_gate *gate);
void owu_gate__release(owu_gate *gate);
/** In the child, in place of the release: whoever is inside or waits is the parent's. */
void owu_gate__forget(owu_gate *gate);

#endif
