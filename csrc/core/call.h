/* call.h - one call on its way, step by step: for send.c, call.c and engine.c. */
#ifndef OWU_CALL_H
#define OWU_CALL_H

#include "client.h"

/*
 * A call on its way never waits by itself: it says what is to be done next, and is told how that
 * went. So one thread can block for one call (call.c), and one can drive thousands (engine.c).
 */
typedef enum owu_todo {
    OWU_TODO_TELL, /* show `event` to the observer, and stop when it wants to */
    OWU_TODO_SEND, /* perform `request` into `answer`, then owu_run__sent */
    OWU_TODO_WAIT, /* `wait` seconds, and stop early by owu_run__stop */
    OWU_TODO_DONE /* the outcome stands */
} owu_todo;

/** What a run does when it is asked for its next step. */
typedef enum owu_stage {
    OWU_STAGE_ATTEMPT, /* an attempt begins */
    OWU_STAGE_SEND, /* and was told */
    OWU_STAGE_SENT, /* its outcome is there */
    OWU_STAGE_TOLD, /* and was told, too */
    OWU_STAGE_WAITED, /* the pause before another one is over */
    OWU_STAGE_FINISHED
} owu_stage;

/** One request with its attempts and redirects: its clock, and where it has got to. */
typedef struct owu_run {
    owu_client *client;
    const owu_options *options;
    const char *route; /* for events */
    double start; /* by owu_http__now */
    double deadline; /* of the whole call, by owu_http__now; 0: none */
    unsigned long generation; /* of the process that began it */
    owu_buffer url; /* asked now, with a NUL behind it */
    owu_buffer authorization; /* the header line; wiped afterwards */
    const char *headers[4]; /* the client's own: static, or authorization */
    size_t n_headers;
    unsigned retries; /* attempts of the call beyond its first, over all its redirects */
    owu_answer *answer;
    owu_error *err;
    owu_stage stage;
    owu_status status; /* of the last attempt; in the end, of all */
    owu_http_request request; /* OWU_TODO_SEND */
    owu_event event; /* OWU_TODO_TELL */
    double wait; /* OWU_TODO_WAIT */
    double retry_in; /* seconds; below 0: the last attempt was the last */
    bool again; /* this attempt repeats the one before */
    bool follow_once; /* to anywhere, without credentials */
    int hops;
} owu_run;

/** @param route static, or living as long as run. Nothing is allocated yet. */
void owu_run__init(owu_run *run, owu_client *client, const owu_options *options, const char *route,
                   owu_answer *answer, owu_error *err);
void owu_run__free(owu_run *run);

/**
 * Make ready to send to base URL + target, to repeat what may be repeated, and to follow where that
 * was asked for. What cannot be sent makes the next step DONE. The run must not move from here on.
 * @param target borrowed for the call; method, body until the run is done.
 * @param repeatable   may it be sent twice without harm?
 * @param follow_once  follow one redirect to anywhere, without credentials.
 */
void owu_run__begin(owu_run *run, const char *method, const char *target, size_t target_len,
                    const char *body, size_t body_len, bool repeatable, bool follow_once);
/** What is to be done now. With DONE, run->status is OWU_OK (any HTTP status) or says why there is
 *  no usable answer; the answer then says how long it took, how often it was tried, and where a
 *  redirect leads. */
owu_todo owu_run__next(owu_run *run);
/** After SEND. */
void owu_run__sent(owu_run *run, owu_status status, const owu_http_cost *cost);
/** In place of going on: it ends with this status, whose message is in run->err. */
void owu_run__stop(owu_run *run, owu_status status);
/** May it go on? Not in a client that was closed, nor in the child of a fork. */
owu_status owu_run__check(const owu_run *run, owu_error *err);

/** What a call is about to do. */
typedef enum owu_phase {
    OWU_PHASE_VERSION, /* the server's version is asked before */
    OWU_PHASE_MAIN,
    OWU_PHASE_SUPPORT, /* it refused: is it too old? */
    OWU_PHASE_END
} owu_phase;

/** The question for the server's version, beside a call. */
typedef struct owu_asking {
    owu_run run;
    owu_answer answer;
    owu_error err;
} owu_asking;

/** One call with all that belongs to it. */
typedef struct owu_call {
    owu_client *client;
    const owu_endpoint *endpoint; /* static; NULL: any route, or the version alone */
    const owu_options *options; /* borrowed until it ends, as are answer, err and the body */
    owu_answer *answer;
    owu_error *err;
    const char *body;
    size_t body_len;
    owu_buffer target;
    const char *method;
    owu_buffer route; /* of any route: as logs may show it */
    bool repeatable;
    owu_phase phase;
    owu_status status; /* the outcome, when it is done */
    owu_run *run; /* what is under way: one of the two below; NULL: nothing */
    owu_run main;
    owu_asking *asking; /* owned; NULL: the version was not asked */
    char version[32];
} owu_call;

/** Of a row of the table. args are borrowed for the call. The owu_call must not move afterwards. */
void owu_call__begin(owu_call *call, owu_client *client, const owu_endpoint *endpoint,
                     const owu_cell *args, const char *body, size_t body_len,
                     const owu_options *options, owu_answer *answer, owu_error *err);
/** Of any route. method is static; target is borrowed for the call. */
void owu_call__begin_request(owu_call *call, owu_client *client, const char *method,
                             const char *target, size_t target_len, const char *body,
                             size_t body_len, const owu_options *options, owu_answer *answer,
                             owu_error *err);
/** Of the server's version, into call->version. */
void owu_call__begin_version(owu_call *call, owu_client *client, const owu_options *options,
                             owu_answer *answer, owu_error *err);
/** What call->run wants done now; with DONE, call->status is the outcome, and the answer decoded. */
owu_todo owu_call__next(owu_call *call);
/** In place of going on: it ends with this status, whose message is in call->err. */
void owu_call__stop(owu_call *call, owu_status status);
void owu_call__end(owu_call *call);

#endif
