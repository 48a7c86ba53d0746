/* engine.h - the thread of a client that carries its jobs through, for client.c. */
#ifndef OWU_ENGINE_H
#define OWU_ENGINE_H

#include "owu.h"

typedef struct owu_engine owu_engine;

/** @return owned; NULL: memory ran out. No thread is started before there is a job. */
owu_engine *owu_engine__new(owu_client *client, unsigned max_connections);
/** There is no thread: it would hold the client. NULL is allowed. */
void owu_engine__free(owu_engine *engine);
/** Tell the thread to end all jobs and itself. */
void owu_engine__stop(owu_engine *engine);
/** Does its thread run? */
bool owu_engine__runs(owu_engine *engine);
/** Wait until it does not. */
void owu_engine__wait(owu_engine *engine);
/** No thread is started any more. */
void owu_engine__end(void);
/** Wait until no thread of any client runs any more, nor frees what it held. */
void owu_engine__wait_for_all(void);
/** Around a fork: hold the count of threads still before it, and let it go after it. */
void owu_engine__hold_count(void);
void owu_engine__release_count(bool in_child);
/** Around a fork: hold it still before it, and let it go in the parent. */
void owu_engine__hold(owu_engine *engine);
void owu_engine__release(owu_engine *engine);
/** In the child, in place of the release: thread, jobs and connections are the parent's. */
void owu_engine__forget(owu_engine *engine);

#endif
