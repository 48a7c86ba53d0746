/* keys.c - order of keys, and duplicates among them found by sorting. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

int owu_key__compare(const char *a, size_t a_len, const char *b, size_t b_len) {
    const size_t n = a_len < b_len ? a_len : b_len;
    const int order = n == 0 ? 0 : memcmp(a, b, n);
    if (order != 0) {
        return order;
    }
    return a_len < b_len ? -1 : a_len > b_len;
}

static int compare_keyed(const void *a, const void *b) {
    const struct owu_keyed *x = a, *y = b;
    const int order = owu_key__compare(x->key, x->len, y->key, y->len);
    if (order != 0) {
        return order;
    }
    return x->position < y->position ? -1 : x->position > y->position;
}

void owu_keys__find_duplicates(struct owu_keyed *keys, size_t n, size_t *last) {
    size_t i, j;
    qsort(keys, n, sizeof *keys, compare_keyed);
    for (i = 0; i < n; i = j) {
        for (j = i + 1; j < n && keys[j].len == keys[i].len &&
                        memcmp(keys[j].key, keys[i].key, keys[i].len) == 0;
             j++) {
            last[keys[j].position] = SIZE_MAX;
        }
        last[keys[i].position] = keys[j - 1].position;
    }
}
