/* http.h - what http.c offers the core: one request over a pool of connections, and addresses. */
#ifndef OWU_HTTP_H
#define OWU_HTTP_H

#include "owu.h"

/** How connections are made; the same for all requests of a pool. All texts borrowed, or NULL. */
typedef struct owu_http_route {
    bool insecure;
    const char *ca_file, *ca_directory;
    const char *client_cert, *client_key, *client_key_password;
    const char *http_proxy, *https_proxy; /* by the scheme of what is asked for; NULL: none */
    const char *no_proxy;                 /* hosts that are asked directly; NULL: none */
    const char *unix_socket;
} owu_http_route;

/** Idle connections of one client, shared by its threads. */
typedef struct owu_http_pool owu_http_pool;

/** @param route borrowed for the life of the pool. @return owned; NULL when memory ran out. */
owu_http_pool *owu_http__pool_new(const owu_http_route *route);
/** Close the idle connections; those in use are closed when their request ends. */
void owu_http__pool_close(owu_http_pool *pool);
void owu_http__pool_free(owu_http_pool *pool);
/** Around a fork: hold the pool still before it, and let it go in the parent. */
void owu_http__pool_hold(owu_http_pool *pool);
void owu_http__pool_release(owu_http_pool *pool);
/** In the child, in place of the release: forget the connections, which are the parent's. */
void owu_http__pool_forget(owu_http_pool *pool);
/** In the child, once: what began before is known to be the parent's. */
void owu_http__after_fork(void);
/** Another number in the child of a fork than in its parent. */
unsigned long owu_http__generation(void);

/** One request. All pointers are borrowed for the call. */
typedef struct owu_http_request {
    const char *method;
    const char *url;            /* whole, NUL-terminated */
    const char *const *headers; /* "Name: value" lines, NULL-terminated, checked */
    const char *body;           /* NULL: none */
    size_t body_len;
    bool foreign; /* to another server: not by the client's own certificate or socket */
    bool repeatable; /* may libcurl send it again on a connection that had died? */
    const char *user_agent;
    double timeout; /* seconds; 0 or less: none */
    double connect_timeout;
    size_t max_body;
    owu_interrupt interrupt;
    void *context;
} owu_http_request;

/** What a request cost, whether an answer came or not. */
typedef struct owu_http_cost {
    unsigned
        requests; /* that went out: 0, nothing can have reached the server; 2, libcurl sent it again */
    bool final; /* a failure that no other try would mend: a proxy's refusal */
    uint64_t connections_opened;
    uint64_t bytes_sent, bytes_received;
    double seconds;
} owu_http_cost;

/**
 * Send one request and take its whole answer.
 * @param answer    headers and body are added to it; zero-initialised by the caller.
 * @param[out] cost written in any case.
 * @return OWU_OK with any HTTP status, or why there is no usable answer.
 */
owu_status owu_http__perform(owu_http_pool *pool, const owu_http_request *request,
                             owu_answer *answer, owu_http_cost *cost, owu_error *err);

/** Forget the header lines of an answer. */
void owu_answer__free_headers(owu_answer *answer);

/** Seconds of a clock that only goes forward. */
double owu_http__now(void);

/**
 * Where a redirect leads.
 * @param[out] out  the whole address, appended with a NUL that is not counted.
 * @param[out] same_origin  scheme, host and port are those of base.
 * @return OWU_OK; OWU_EREDIRECT: no address of http or https, or from https to http; OWU_ENOMEM.
 */
owu_status owu_http__resolve(owu_buffer *out, bool *same_origin, const char *base,
                             const char *location, owu_error *err);

/** Is this a proxy that libcurl can use: http, https, socks4, socks4a, socks5, socks5h? */
owu_status owu_http__check_proxy(const char *proxy, owu_error *err);

/** Static: where this libcurl looks for certificates; NULL: nowhere. */
const char *owu_http__default_ca_file(void);
const char *owu_http__default_ca_directory(void);

#endif
