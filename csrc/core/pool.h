/* pool.h - requests that block, over the connections that the threads of one client share. */
#ifndef OWU_POOL_H
#define OWU_POOL_H

#include "gate.h"
#include "http.h"

/** Connections of one client that the calling threads use, at most so many at once (gate.h). */
typedef struct owu_pool owu_pool;

/** @param route, gate borrowed for the life of the pool. @return owned; NULL: memory ran out. */
owu_pool *owu_pool__new(const owu_http_route *route, owu_gate *gate);
/** Close the idle connections; those in use are closed when their request ends. */
void owu_pool__close(owu_pool *pool);
void owu_pool__free(owu_pool *pool);
/** Around a fork: hold the pool still before it, and let it go in the parent. */
void owu_pool__hold(owu_pool *pool);
void owu_pool__release(owu_pool *pool);
/** In the child, in place of the release: forget the connections, which are the parent's. */
void owu_pool__forget(owu_pool *pool);
/**
 * Send one request and take its whole answer.
 * @param answer    headers and body are added to it; zero-initialised by the caller.
 * @param[out] cost written in any case.
 * @return OWU_OK with any HTTP status, or why there is no usable answer.
 */
owu_status owu_pool__perform(owu_pool *pool, const owu_http_request *request, owu_answer *answer,
                             owu_http_cost *cost, owu_error *err);

/** Seconds that a request may wait for leave to connect. */
double owu_pool__limit(const owu_http_request *request);
/** Its timeout after such a wait. */
double owu_pool__rest(const owu_http_request *request, double waited);
/** Fail with OWU_EPOOL_TIMEOUT after such a wait. */
owu_status owu_pool__fail(double seconds, unsigned limit, owu_error *err);

#endif
