/* timers.c - a pairing heap: setting is cheap, and nothing is allocated. */
#include "timers.h"

static owu_timer *merge(owu_timer *a, owu_timer *b) {
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (b->due < a->due) {
        owu_timer *swapped = a;
        a = b;
        b = swapped;
    }
    b->previous = a;
    b->next = a->child;
    if (a->child != NULL) {
        a->child->previous = b;
    }
    a->child = b;
    return a;
}

static owu_timer *cut(owu_timer *timer) {
    timer->next = timer->previous = NULL;
    return timer;
}

/* One heap of a row of siblings: in pairs from the left, then all of them from the right. */
static owu_timer *merge_row(owu_timer *row) {
    owu_timer *pairs = NULL, *all = NULL;
    while (row != NULL) {
        owu_timer *a = row, *b = row->next, *pair;
        row = b == NULL ? NULL : b->next;
        (void)cut(a);
        pair = b == NULL ? a : merge(a, cut(b));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        owu_timer *pair = pairs;
        pairs = pair->next;
        all = merge(all, cut(pair));
    }
    return all;
}

void owu_timers__unset(owu_timers *timers, owu_timer *timer) {
    owu_timer *below;
    if (!timer->set) {
        return;
    }
    below = merge_row(timer->child);
    timer->child = NULL;
    timer->set = false;
    if (timers->first == timer) {
        timers->first = below;
        return;
    }
    if (timer->previous->child == timer) {
        timer->previous->child = timer->next;
    } else {
        timer->previous->next = timer->next;
    }
    if (timer->next != NULL) {
        timer->next->previous = timer->previous;
    }
    (void)cut(timer);
    timers->first = merge(timers->first, below);
}

void owu_timers__set(owu_timers *timers, owu_timer *timer, double due) {
    owu_timers__unset(timers, timer);
    timer->due = due;
    timer->set = true;
    timers->first = merge(timers->first, timer);
}
