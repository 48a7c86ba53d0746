/* Timers: what is due comes in order, whatever was set and unset in between. */
#include <stdint.h>

#include "check.h"
#include "timers.h"

enum { MANY = 500 };

static uint64_t chance = 1;

static unsigned draw(unsigned below) {
    chance = chance * UINT64_C(6364136223846793005) + 1;
    return (unsigned)(chance >> 33) % below;
}

/* Take all of them, which must come in order. */
static int take_all(owu_timers *timers) {
    double last = -1;
    int taken = 0;
    while (timers->first != NULL) {
        owu_timer *first = timers->first;
        CHECK(first->due >= last);
        last = first->due;
        owu_timers__unset(timers, first);
        CHECK(!first->set);
        taken++;
    }
    return taken;
}

static void test_order(void) {
    static owu_timer timer[MANY];
    owu_timers timers = {0};
    int i, set, round;
    for (round = 0; round < 20; round++) {
        for (i = 0; i < MANY; i++) {
            owu_timers__set(&timers, &timer[i], draw(100));
        }
        for (i = 0; i < MANY; i++) {
            if (draw(3) == 0) {
                owu_timers__unset(&timers, &timer[i]);
                owu_timers__unset(&timers, &timer[i]); /* twice is once */
            } else if (draw(2) == 0) {
                owu_timers__set(&timers, &timer[i], draw(100));
            }
        }
        for (i = set = 0; i < MANY; i++) {
            set += timer[i].set ? 1 : 0;
        }
        CHECK_INT_EQ(take_all(&timers), set);
    }
}

static void test_one(void) {
    owu_timer timer = {0};
    owu_timers timers = {0};
    owu_timers__unset(&timers, &timer);
    owu_timers__set(&timers, &timer, 2);
    owu_timers__set(&timers, &timer, 1);
    CHECK(timers.first == &timer && timer.due < 1.5);
    CHECK_INT_EQ(take_all(&timers), 1);
}

int main(void) {
    RUN(test_one);
    RUN(test_order);
    return check_failures();
}
