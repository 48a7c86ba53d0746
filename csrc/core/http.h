/* http.h - what http.c offers the core: requests over connections that are kept, and addresses. */
#ifndef OWU_HTTP_H
#define OWU_HTTP_H

#include "owu.h"

/** How connections are made; the same for all requests of a client. All texts borrowed, or NULL. */
typedef struct owu_http_route {
    bool insecure;
    const char *ca_file, *ca_directory;
    const char *client_cert, *client_key, *client_key_password;
    const char *http_proxy, *https_proxy; /* by the scheme of what is asked for; NULL: none */
    const char *no_proxy;                 /* hosts that are asked directly; NULL: none */
    const char *unix_socket;
} owu_http_route;

/** In the child, once: what began before is known to be the parent's. */
void owu_http__after_fork(void);
/** Another number in the child of a fork than in its parent. */
unsigned long owu_http__generation(void);

/** One request. All pointers are borrowed, for as long as the request itself is. */
typedef struct owu_http_request {
    const char *method;
    const char *url;            /* whole, NUL-terminated */
    const char *const *headers; /* "Name: value" lines, NULL-terminated, checked; or NULL */
    const char *const *extra_headers; /* likewise, behind them */
    const char *body;           /* NULL: none */
    size_t body_len;
    bool foreign; /* to another server: not by the client's own certificate or socket */
    bool repeatable; /* may libcurl send it again on a connection that had died? */
    const char *agent; /* the line "User-Agent: …", checked; extra_headers may have another */
    double timeout; /* seconds, the wait for a connection included; 0 or less: none */
    double connect_timeout;
    double pool_timeout; /* seconds to wait for leave to connect; 0 or less: as timeout */
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

/* ---------------------------------------------------------------- many at once */

/** Connections that one thread drives, with any number of transfers over them. */
typedef struct owu_http_multi owu_http_multi;
typedef struct owu_http_transfer owu_http_transfer;

/** @param route borrowed for its life. @param max_idle connections that are kept open.
 *  @return owned; NULL: memory ran out. */
owu_http_multi *owu_http__multi_new(const owu_http_route *route, unsigned max_idle);
/** No transfer may be under way. Does nothing in the child of a fork: all of it is the parent's. */
void owu_http__multi_free(owu_http_multi *multi);

/**
 * Begin a request; pool_timeout, interrupt and context of it are not looked at.
 * @param request, answer borrowed until the transfer has ended.
 * @param owner what owu_http__multi_next gives when it has finished; not NULL.
 * @param[out] out borrowed: lives until owu_http__transfer_end.
 */
owu_status owu_http__multi_add(owu_http_transfer **out, owu_http_multi *multi,
                               const owu_http_request *request, owu_answer *answer, void *owner,
                               owu_error *err);
/** Let all of them go on, and wait for the network, or a wake, at most so long. */
owu_status owu_http__multi_step(owu_http_multi *multi, double seconds, owu_error *err);
/** The owner of one that has finished since, once each; NULL: no more. */
void *owu_http__multi_next(owu_http_multi *multi);
/** End a step's wait from any thread. */
void owu_http__multi_wake(owu_http_multi *multi);

/**
 * Take the outcome of a transfer and let it go; one that has not finished is stopped.
 * @param late it is stopped because its time is up.
 * @return OWU_OK with any HTTP status, or why there is no usable answer; OWU_EINTERRUPTED for one that was stopped and is not late.
 */
owu_status owu_http__transfer_end(owu_http_transfer *transfer, bool late, owu_http_cost *cost,
                                  owu_error *err);

/* ---------------------------------------------------------------- services */

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
