/* timers.h - what is due when: a pairing heap whose nodes are its users' own. Not for threads. */
#ifndef OWU_TIMERS_H
#define OWU_TIMERS_H

#include <stdbool.h>
#include <stddef.h>

/** Zero-initialise. It must not move while it is set. */
typedef struct owu_timer {
    double due; /* by owu_http__now */
    bool set;
    struct owu_timer *child, *next, *previous; /* previous: the one before, or above */
} owu_timer;

/** Zero-initialise. */
typedef struct owu_timers {
    owu_timer *first; /* the next that is due; NULL: none is set */
} owu_timers;

/** Set it, or set it anew. */
void owu_timers__set(owu_timers *timers, owu_timer *timer, double due);
/** Does nothing when it is not set. */
void owu_timers__unset(owu_timers *timers, owu_timer *timer);

#endif
