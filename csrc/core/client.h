/* client.h - a client from the inside: for the files of the core that work for one. */
#ifndef OWU_CLIENT_H
#define OWU_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"
#include "gate.h"
#include "http.h"
#include "pool.h"

struct owu_client {
    atomic_size_t references;
    struct owu_client *previous, *next; /* of all clients, for forks */
    bool enlisted;
    owu_arena settings; /* holds the texts of what follows */
    owu_http_route route;
    const char *base_url;
    const char *agent; /* the line "User-Agent: …" */
    owu_gate gate; /* of all its connections */
    owu_pool *pool; /* owned: for calls that block */
    owu_engine *engine; /* owned: for those that do not */
    pthread_mutex_t lock; /* of what follows */
    char *key; /* owned; NULL: none */
    size_t key_len;
    char version[32]; /* of the server; empty: not asked yet */
    owu_bucket bucket;
    uint64_t chance; /* state of the generator that spreads retries */
    owu_stats stats;
    atomic_bool closed;
    const void *owner; /* see owu_settings */
};

/** Overwrite a secret, so that no compiler leaves it out. */
void owu_client__wipe(char *text, size_t len);

#endif
