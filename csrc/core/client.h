/* client.h - a client from the inside, and one call on its way: for client.c, send.c and call.c. */
#ifndef OWU_CLIENT_H
#define OWU_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "http.h"

struct owu_client {
    atomic_size_t references;
    struct owu_client *previous, *next; /* of all clients, for forks */
    owu_arena settings; /* holds the texts of what follows */
    owu_http_route route;
    const char *base_url;
    const char *user_agent;
    owu_http_pool *pool; /* owned */
    pthread_mutex_t lock; /* of what follows */
    char *key; /* owned; NULL: none */
    size_t key_len;
    char version[32]; /* of the server; empty: not asked yet */
    owu_bucket bucket;
    uint64_t chance; /* state of the generator that spreads retries */
    owu_stats stats;
    atomic_bool closed;
};

/** Overwrite a secret, so that no compiler leaves it out. */
void owu_client__wipe(char *text, size_t len);

/** One call in the making: its clock, and where it has got to. */
typedef struct owu_run {
    owu_client *client;
    const owu_options *options;
    const char *route; /* for events */
    double start; /* by owu_http__now */
    double deadline; /* of the whole call, by owu_http__now; 0: none */
    unsigned long generation; /* of the process that began it */
    owu_buffer url; /* asked now, with a NUL behind it */
    owu_buffer authorization; /* the header line; wiped afterwards */
    const char *headers[OWU_MAX_EXTRA_HEADERS + 4]; /* borrowed */
    size_t n_headers;
    unsigned retries; /* attempts of the call beyond its first, over all its redirects */
    owu_answer *answer;
    owu_error *err;
} owu_run;

/** @param route static, or living as long as run. Nothing is allocated yet. */
void owu_run__init(owu_run *run, owu_client *client, const owu_options *options, const char *route,
                   owu_answer *answer, owu_error *err);
void owu_run__free(owu_run *run);

/**
 * Send to base URL + target, repeat what may be repeated, and follow where that was asked for.
 * @param repeatable   may it be sent twice without harm?
 * @param follow_once  follow one redirect to anywhere, without credentials.
 * The answer then says how long it took, how often it was tried, and where a redirect leads.
 * @return OWU_OK with any HTTP status; else why there is no usable answer.
 */
owu_status owu_run__send(owu_run *run, const char *method, const char *target, size_t target_len,
                         const char *body, size_t body_len, bool repeatable, bool follow_once);

#endif
