/*
 * fuzz.h - what the fuzz targets share. A target is a file fuzz_*.c with the one function that
 * libFuzzer calls; driver.c calls it for files instead, where there is no libFuzzer.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "owu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Stop, with the place, where what must hold does not. */
#define MUST(condition) \
    do { \
        if (!(condition)) { \
            (void)fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
            abort(); \
        } \
    } while (0)

/** A copy of exactly so many bytes: whoever reads past its end is seen by AddressSanitizer. */
static inline char *exact_copy(const uint8_t *data, size_t size) {
    char *copy = malloc(size == 0 ? 1 : size);
    MUST(copy != NULL);
    if (size != 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

#endif
