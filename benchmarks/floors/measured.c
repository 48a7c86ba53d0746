/*
 * measured.c - clocks and memory, and repetitions told as JSON.
 */
#define _POSIX_C_SOURCE 200809L
#include "measured.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

long number(const char *text, long most) {
    char *end;
    const long value = strtol(text, &end, 10);
    if (*end != '\0' || value < 1 || value > most) {
        die("not a number in range", text);
    }
    return value;
}

static double read_clock(clockid_t clock) {
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double now(void) {
    return read_clock(CLOCK_MONOTONIC);
}

double cpu_seconds(void) {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

long memory_kib(const char *name) {
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

void laps_begin(Laps *laps, double seconds) {
    laps->n = 0;
    laps->end = now() + seconds;
}

bool laps_next(Laps *laps) {
    if (laps->n >= MOST_LAPS || (laps->n >= LEAST_LAPS && now() > laps->end)) {
        return false;
    }
    laps->start = now();
    laps->start_cpu = cpu_seconds();
    return true;
}

void laps_stop(Laps *laps) {
    laps->cpu[laps->n] = cpu_seconds() - laps->start_cpu;
    laps->passed[laps->n] = now() - laps->start;
    laps->n++;
}

static void print_list(const char *name, const double *values, int n) {
    int i;
    printf("\"%s\": [", name);
    for (i = 0; i < n; i++) {
        printf("%s%.9f", i > 0 ? ", " : "", values[i]);
    }
    printf("]");
}

void laps_print(const Laps *laps) {
    printf("{");
    print_list("passed", laps->passed, laps->n);
    printf(", ");
    print_list("cpu", laps->cpu, laps->n);
    printf("}\n");
}
