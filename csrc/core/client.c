/* client.c - one server: its settings, its key, what was counted, and what a fork does to it. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "internal.h"

/* ---------------------------------------------------------------- answers */

void owu_answer_free(owu_answer *answer) {
    owu_answer__free_headers(answer);
    owu_buffer_free(&answer->body);
    owu_document_unref(answer->document);
    owu_free(answer->location);
    owu_faults_free(&answer->faults);
    memset(answer, 0, sizeof *answer);
}

const char *owu_answer_header(const owu_answer *answer, const char *name) {
    size_t i;
    for (i = 0; i < answer->n_headers; i++) {
        if (strcmp(answer->headers[i].name, name) == 0) {
            return answer->headers[i].value;
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- life of a client */

static char *copy_text(const char *text, size_t len) {
    char *copy = owu_malloc(len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
        copy[len] = '\0';
    }
    return copy;
}

/* Through a volatile pointer, so that the compiler keeps it. */
void owu_client__wipe(char *text, size_t len) {
    volatile char *p = text;
    while (len-- > 0) {
        *p++ = 0;
    }
}

static void free_key(char *key, size_t len) {
    if (key != NULL) {
        owu_client__wipe(key, len);
        owu_free(key);
    }
}

/* ---------------------------------------------------------------- forks */

/*
 * All clients, so that a fork finds their locks free and leaves no connection to two processes. The
 * order of locks is: this one, then a client's, then its pool's, its gate's, its engine's; last the
 * count of threads.
 */
static pthread_mutex_t clients_lock = PTHREAD_MUTEX_INITIALIZER;
static owu_client *clients;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
    owu_client *client;
    (void)pthread_mutex_lock(&clients_lock);
    for (client = clients; client != NULL; client = client->next) {
        (void)pthread_mutex_lock(&client->lock);
        owu_pool__hold(client->pool);
        owu_gate__hold(&client->gate);
        owu_engine__hold(client->engine);
    }
    owu_engine__hold_count();
}

static void after_fork_in_parent(void) {
    owu_client *client;
    owu_engine__release_count(false);
    for (client = clients; client != NULL; client = client->next) {
        owu_engine__release(client->engine);
        owu_gate__release(&client->gate);
        owu_pool__release(client->pool);
        (void)pthread_mutex_unlock(&client->lock);
    }
    (void)pthread_mutex_unlock(&clients_lock);
}

static void after_fork_in_child(void) {
    owu_client *client;
    owu_engine__release_count(true);
    owu_http__after_fork();
    for (client = clients; client != NULL; client = client->next) {
        owu_engine__forget(client->engine);
        owu_gate__forget(&client->gate);
        owu_pool__forget(client->pool);
        client->chance ^= (uint64_t)getpid();
        (void)pthread_mutex_unlock(&client->lock);
    }
    (void)pthread_mutex_unlock(&clients_lock);
}

static void watch_forks(void) {
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void enlist(owu_client *client) {
    (void)pthread_once(&fork_once, watch_forks);
    (void)pthread_mutex_lock(&clients_lock);
    client->next = clients;
    if (clients != NULL) {
        clients->previous = client;
    }
    clients = client;
    (void)pthread_mutex_unlock(&clients_lock);
}

static void strike_off(owu_client *client) {
    (void)pthread_mutex_lock(&clients_lock);
    if (client->previous != NULL) {
        client->previous->next = client->next;
    } else if (clients == client) {
        clients = client->next;
    }
    if (client->next != NULL) {
        client->next->previous = client->previous;
    }
    (void)pthread_mutex_unlock(&clients_lock);
}

/* ---------------------------------------------------------------- settings */

/* A text to keep for the client's life; NULL stays NULL. */
static owu_status keep(owu_client *client, const char **out, const char *text, owu_error *err) {
    *out = text == NULL ? NULL : owu_arena_copy(&client->settings, text, strlen(text));
    return text != NULL && *out == NULL ? owu_fail(err, OWU_ENOMEM, "out of memory for a client")
                                        : OWU_OK;
}

static owu_status check_file(const char *what, const char *path, owu_error *err) {
    return path == NULL || access(path, R_OK) == 0
               ? OWU_OK
               : owu_fail(err, OWU_EVALUE, "%s cannot be read: %.150s", what, path);
}

static owu_status check_proxy(const char *proxy, owu_error *err) {
    owu_status status = OWU_OK;
    if (proxy != NULL && *proxy != '\0') {
        status = owu_header_check("the proxy", proxy, strlen(proxy), err);
        status = status == OWU_OK ? owu_http__check_proxy(proxy, err) : status;
    }
    return status;
}

static owu_status check_settings(const owu_settings *settings, owu_error *err) {
    owu_status status =
        owu_header_check("the user agent", settings->user_agent, strlen(settings->user_agent), err);
    if (status == OWU_OK) {
        status = check_proxy(settings->http_proxy, err);
    }
    if (status == OWU_OK) {
        status = check_proxy(settings->https_proxy, err);
    }
    if (status == OWU_OK) {
        status = check_file("ca_file", settings->ca_file, err);
    }
    if (status == OWU_OK) {
        status = check_file("client_cert", settings->client_cert, err);
    }
    if (status == OWU_OK) {
        status = check_file("the key of client_cert", settings->client_key, err);
    }
    return status;
}

/* "User-Agent: …", owned; its status tells whether it could be made. */
static owu_buffer agent_line(const char *agent) {
    owu_buffer line = {0};
    (void)owu_buffer_append_text(&line, "User-Agent: ");
    (void)owu_buffer_append_text(&line, agent);
    (void)owu_buffer_terminate(&line);
    return line;
}

static owu_status keep_settings(owu_client *client, const owu_settings *settings, owu_error *err) {
    owu_http_route *route = &client->route;
    const char *file = settings->ca_file, *directory = NULL;
    owu_buffer agent = agent_line(settings->user_agent);
    const struct {
        const char **out;
        const char *text;
    } texts[] = {
        {&route->ca_file, file},
        {&route->client_cert, settings->client_cert},
        {&route->client_key, settings->client_key},
        {&route->client_key_password, settings->client_key_password},
        {&route->http_proxy, settings->http_proxy},
        {&route->https_proxy, settings->https_proxy},
        {&route->no_proxy, settings->no_proxy},
        {&route->unix_socket, settings->unix_socket},
        {&client->agent, agent.data},
    };
    owu_status status = check_settings(settings, err);
    size_t i;
    if (status == OWU_OK && agent.status != OWU_OK) {
        status = owu_fail(err, agent.status, "the user agent is too long, or memory ran out");
    }
    for (i = 0; status == OWU_OK && i < sizeof texts / sizeof *texts; i++) {
        status = keep(client, texts[i].out, texts[i].text, err);
    }
    if (status == OWU_OK && file == NULL) {
        (void)owu_ca_find(settings->trust_env, &file, &directory);
        status = keep(client, &route->ca_file, file, err);
        status = status == OWU_OK ? keep(client, &route->ca_directory, directory, err) : status;
    }
    route->insecure = settings->insecure;
    owu_buffer_free(&agent);
    return status;
}

owu_status owu_client_new(owu_client **out, const owu_settings *settings, owu_error *err) {
    owu_client *client = owu_malloc(sizeof *client);
    owu_buffer url = {.limit = OWU_MAX_URL};
    const unsigned limit =
        settings->max_connections > 0 ? settings->max_connections : OWU_MAX_CONNECTIONS;
    owu_status status;

    if (client == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory for a client");
    }
    memset(client, 0, sizeof *client);
    atomic_init(&client->references, 1);
    atomic_init(&client->closed, false);
    client->owner = settings->owner;
    client->chance = (uint64_t)(owu_http__now() * 1e9) ^ (uint64_t)(uintptr_t)client ^ 1;
    if (pthread_mutex_init(&client->lock, NULL) != 0) {
        owu_free(client);
        return owu_fail(err, OWU_EINTERNAL, "no lock could be made");
    }
    if (!owu_gate__init(&client->gate, limit)) {
        (void)pthread_mutex_destroy(&client->lock);
        owu_free(client);
        return owu_fail(err, OWU_EINTERNAL, "no lock could be made");
    }
    status = owu_global_init(err);
    if (status == OWU_OK) {
        status = owu_url_normalise(&url, settings->base_url, settings->base_url_len, err);
    }
    if (status == OWU_OK && settings->api_key != NULL) {
        status = owu_client_set_key(client, settings->api_key, settings->api_key_len, err);
    }
    if (status == OWU_OK) {
        status = keep_settings(client, settings, err);
    }
    if (status != OWU_OK) {
        goto done;
    }
    client->base_url = owu_arena_copy(&client->settings, url.data, url.len);
    client->pool = owu_pool__new(&client->route, &client->gate);
    client->engine = owu_engine__new(client, limit);
    if (client->pool == NULL || client->engine == NULL || client->base_url == NULL) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory for a client");
        goto done;
    }
    enlist(client);
    client->enlisted = true;
    *out = client;
    client = NULL;
done:
    owu_buffer_free(&url);
    owu_client_unref(client);
    return status;
}

owu_client *owu_client_ref(owu_client *client) {
    atomic_fetch_add_explicit(&client->references, 1, memory_order_relaxed);
    return client;
}

void owu_client_unref(owu_client *client) {
    if (client != NULL &&
        atomic_fetch_sub_explicit(&client->references, 1, memory_order_acq_rel) == 1) {
        const char *password = client->route.client_key_password;
        if (client->enlisted) {
            strike_off(client);
        }
        owu_engine__free(client->engine);
        owu_pool__free(client->pool);
        owu_gate__free(&client->gate);
        free_key(client->key, client->key_len);
        if (password != NULL) {
            owu_client__wipe((char *)(uintptr_t)password, strlen(password));
        }
        owu_arena_free(&client->settings);
        (void)pthread_mutex_destroy(&client->lock);
        owu_free(client);
    }
}

void owu_client_close(owu_client *client) {
    atomic_store(&client->closed, true);
    owu_pool__close(client->pool);
    owu_engine__stop(client->engine);
}

void owu_client_wait(owu_client *client) {
    owu_engine__wait(client->engine);
}

/* One of this owner's (NULL: of all) whose thread runs; referenced. */
static owu_client *find_running(const void *owner) {
    owu_client *client;
    (void)pthread_mutex_lock(&clients_lock);
    for (client = clients; client != NULL; client = client->next) {
        if ((owner == NULL || client->owner == owner) && owu_engine__runs(client->engine)) {
            break;
        }
    }
    if (client != NULL) {
        (void)owu_client_ref(client);
    }
    (void)pthread_mutex_unlock(&clients_lock);
    return client;
}

void owu_client_end_all(void) {
    owu_client *client;
    owu_engine__end();
    while ((client = find_running(NULL)) != NULL) {
        owu_engine__stop(client->engine);
        owu_engine__wait(client->engine);
        owu_client_unref(client);
    }
    owu_engine__wait_for_all();
}

void owu_client_close_all(const void *owner) {
    owu_client *client;
    (void)pthread_mutex_lock(&clients_lock);
    for (client = clients; client != NULL; client = client->next) {
        if (client->owner == owner) {
            atomic_store(&client->closed, true); /* so that no thread starts from here on */
        }
    }
    (void)pthread_mutex_unlock(&clients_lock);
    while ((client = find_running(owner)) != NULL) {
        owu_client_close(client);
        owu_client_wait(client);
        owu_client_unref(client);
    }
}

bool owu_client_closed(const owu_client *client) {
    return atomic_load(&client->closed);
}

const char *owu_client_base_url(const owu_client *client) {
    return client->base_url;
}

owu_status owu_client_set_key(owu_client *client, const char *key, size_t len, owu_error *err) {
    char *copy = NULL, *old;
    size_t old_len;
    owu_status status;
    if (key != NULL) {
        status = owu_header_check("the API key", key, len, err);
        if (status == OWU_OK && len == 0) {
            status = owu_fail(err, OWU_EVALUE, "the API key is empty");
        }
        if (status != OWU_OK) {
            return status;
        }
        copy = copy_text(key, len);
        if (copy == NULL) {
            return owu_fail(err, OWU_ENOMEM, "out of memory for the API key");
        }
    }
    (void)pthread_mutex_lock(&client->lock);
    old = client->key;
    old_len = client->key_len;
    client->key = copy;
    client->key_len = copy == NULL ? 0 : len;
    (void)pthread_mutex_unlock(&client->lock);
    free_key(old, old_len);
    return OWU_OK;
}

owu_status owu_client_key(owu_client *client, owu_buffer *out) {
    owu_status status = OWU_OK;
    (void)pthread_mutex_lock(&client->lock);
    if (client->key != NULL) {
        status = owu_buffer_append(out, client->key, client->key_len);
    }
    (void)pthread_mutex_unlock(&client->lock);
    return status;
}

/* ---------------------------------------------------------------- statistics */

void owu_client_stats(owu_client *client, owu_stats *out) {
    (void)pthread_mutex_lock(&client->lock);
    *out = client->stats;
    (void)pthread_mutex_unlock(&client->lock);
}
