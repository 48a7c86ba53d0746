/* walk.h - free-form values: checked, told to a sink, or kept as text. */
#ifndef OWU_WALK_H
#define OWU_WALK_H

#include "scan.h"

/** A value is normal only if its objects have no more open keys than this altogether. */
enum { OWU_KEYS_COMPARED = 96 };

struct owu_walk {
    struct owu_scan *scan; /* borrowed */
    owu_arena *arena;      /* borrowed: for texts with escapes */
    const owu_sink *sink;  /* static or borrowed; NULL: only check */
    void *context;
    size_t n_keys; /* of the objects that are open: a duplicate makes the text not normal */
    struct {
        const char *p;
        size_t len;
    } keys[OWU_KEYS_COMPARED]; /* not initialised beyond n_keys */
};

void owu_walk__init(struct owu_walk *walk, struct owu_scan *scan, owu_arena *arena);

/** Check the value at p and tell the sink. @return the place behind it; NULL: see the scan. */
const char *owu_walk__value(struct owu_walk *walk, const char *p);

/** Check the value at p and keep its text in the arena as a JSON cell. Without a sink. */
const char *owu_walk__keep(struct owu_walk *walk, const char *p, owu_cell *out);

#endif
