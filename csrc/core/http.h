/* http.h - what http.c offers client.c: one request over a pool of connections. */
#ifndef OWU_HTTP_H
#define OWU_HTTP_H

#include "owu.h"

/** Idle connections of one client, shared by its threads. */
typedef struct owu_http_pool owu_http_pool;

owu_http_pool *owu_http__pool_new(void); /* owned; NULL when memory ran out */
/** Close the idle connections; those in use are closed when their request ends. */
void owu_http__pool_close(owu_http_pool *pool);
void owu_http__pool_free(owu_http_pool *pool);

/** One request. All pointers are borrowed for the call. */
typedef struct owu_http_request {
    const char *method;
    const char *url;            /* whole, NUL-terminated */
    const char *const *headers; /* "Name: value" lines, NULL-terminated, checked */
    const char *body;           /* NULL: none */
    size_t body_len;
    bool repeatable;            /* may libcurl send it again on a connection that had died? */
    const char *user_agent;
    double timeout;             /* seconds; 0 or less: none */
    double connect_timeout;
    size_t max_body;
    owu_interrupt interrupt;
    void *interrupt_context;
} owu_http_request;

/**
 * Send one request and take its whole answer.
 * @param answer headers and body are added to it; zero-initialised by the caller.
 * @return OWU_OK with any HTTP status, or why there is no usable answer.
 */
owu_status owu_http__perform(owu_http_pool *pool, const owu_http_request *request,
                             owu_answer *answer, owu_error *err);

#endif
