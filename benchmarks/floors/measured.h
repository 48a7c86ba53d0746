/*
 * measured.h - what the floors are measured by. For Linux.
 */
#ifndef MEASURED_H
#define MEASURED_H

#include <stdbool.h>

/* Say what failed and why, and end the process. */
_Noreturn void die(const char *what, const char *why);

/* A number of at least 1 from the command line, or die. */
long number(const char *text, long most);

double now(void);

/* CPU time of all threads of the process. */
double cpu_seconds(void);

/* A line of /proc/self/status, in KiB. ru_maxrss would count the process that started this one. */
long memory_kib(const char *name);

/* Repetitions of one piece of work. */
enum { MOST_LAPS = 1000, LEAST_LAPS = 3 };

typedef struct Laps {
    double end; /* when enough time was spent */
    double start, start_cpu;
    int n;
    double passed[MOST_LAPS];
    double cpu[MOST_LAPS];
} Laps;

void laps_begin(Laps *laps, double seconds);

/* Is another one wanted? Then its clock starts. */
bool laps_next(Laps *laps);

void laps_stop(Laps *laps);

/* One line of JSON with all of them. */
void laps_print(const Laps *laps);

#endif
