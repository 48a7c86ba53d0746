/*
 * http.c - requests over libcurl; the only file that names it.
 *
 * A pool holds pairs of a multi handle and an easy handle. A request takes a pair, runs it on the
 * calling thread in slices, and gives it back: the multi handle keeps its connection alive for the
 * next request, and no connection is ever used by two threads at once.
 */
#define _POSIX_C_SOURCE 200809L
#include "http.h"

#include <curl/curl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed (CURLOPT_QUICK_EXIT)"
#endif

enum { SLICE_MS = 100, MAX_IDLE = 64 };
static const double longest_slice = 0.5; /* seconds that libcurl may work without waiting */

/* ---------------------------------------------------------------- process-wide start */

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static CURLcode start_code;

static void start_libcurl(void) {
    start_code = curl_global_init(CURL_GLOBAL_DEFAULT); /* never undone: others share libcurl */
}

owu_status owu_global_init(owu_error *err) {
    (void)pthread_once(&start_once, start_libcurl);
    if (start_code != CURLE_OK) {
        return owu_fail(err, OWU_EINTERNAL, "libcurl does not start: %s",
                        curl_easy_strerror(start_code));
    }
    if (curl_version_info(CURLVERSION_NOW)->version_num < 0x075700) {
        return owu_fail(err, OWU_EINTERNAL,
                        "libcurl %s is loaded, but 7.87 or later is needed: update libcurl",
                        curl_version_info(CURLVERSION_NOW)->version);
    }
    return OWU_OK;
}

const char *owu_http_library_version(void) {
    return curl_version_info(CURLVERSION_NOW)->version;
}

const char *owu_tls_library_version(void) {
    const char *version = curl_version_info(CURLVERSION_NOW)->ssl_version;
    return version == NULL ? "" : version;
}

const char *owu_http__default_ca_file(void) {
    return curl_version_info(CURLVERSION_NOW)->cainfo;
}

const char *owu_http__default_ca_directory(void) {
    return curl_version_info(CURLVERSION_NOW)->capath;
}

double owu_http__now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- pool */

typedef struct Lane {
    CURLM *multi;
    CURL *easy;
    unsigned long generation; /* of the process that made it */
    curl_socket_t socket;     /* of the connection that it keeps; CURL_SOCKET_BAD: none */
    struct Lane *next;
} Lane;

struct owu_http_pool {
    pthread_mutex_t lock;
    const owu_http_route *route; /* borrowed */
    Lane *idle;
    unsigned n_idle;
    bool closed;
};

/* Another number in the child of a fork than in its parent: connections are never taken across. */
static atomic_ulong generation;

owu_http_pool *owu_http__pool_new(const owu_http_route *route) {
    owu_http_pool *pool = owu_malloc(sizeof *pool);
    if (pool == NULL) {
        return NULL;
    }
    memset(pool, 0, sizeof *pool);
    if (pthread_mutex_init(&pool->lock, NULL) != 0) {
        owu_free(pool);
        return NULL;
    }
    pool->route = route;
    return pool;
}

static void lane_free(Lane *lane) {
    if (lane != NULL) {
        curl_easy_cleanup(lane->easy);
        (void)curl_multi_cleanup(lane->multi);
        owu_free(lane);
    }
}

static Lane *lane_new(void) {
    Lane *lane = owu_malloc(sizeof *lane);
    if (lane == NULL) {
        return NULL;
    }
    memset(lane, 0, sizeof *lane);
    lane->generation = atomic_load(&generation);
    lane->socket = CURL_SOCKET_BAD;
    lane->multi = curl_multi_init();
    lane->easy = curl_easy_init();
    if (lane->multi == NULL || lane->easy == NULL) {
        lane_free(lane);
        return NULL;
    }
    return lane;
}

void owu_http__pool_hold(owu_http_pool *pool) {
    (void)pthread_mutex_lock(&pool->lock);
}

void owu_http__pool_release(owu_http_pool *pool) {
    (void)pthread_mutex_unlock(&pool->lock);
}

/*
 * The handles are abandoned, not cleaned up: TLS would say goodbye on the parent's connection. What
 * the child sends on a new one is answered to it alone.
 */
void owu_http__pool_forget(owu_http_pool *pool) {
    pool->idle = NULL;
    pool->n_idle = 0;
    (void)pthread_mutex_unlock(&pool->lock);
}

void owu_http__after_fork(void) {
    atomic_fetch_add(&generation, 1);
}

unsigned long owu_http__generation(void) {
    return atomic_load(&generation);
}

static bool is_foreign(const Lane *lane) {
    return lane->generation != atomic_load(&generation);
}

/* Has the server closed the idle connection, or said something that nobody asked for? It would be
 * taken for the answer to the next request. */
static bool is_spoilt(const Lane *lane) {
    struct pollfd look = {.fd = (int)lane->socket, .events = POLLIN};
    return lane->socket != CURL_SOCKET_BAD && poll(&look, 1, 0) != 0;
}

static Lane *take_idle(owu_http_pool *pool) {
    Lane *lane;
    (void)pthread_mutex_lock(&pool->lock);
    lane = pool->idle;
    if (lane != NULL) {
        pool->idle = lane->next;
        pool->n_idle--;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return lane;
}

static Lane *take_lane(owu_http_pool *pool) {
    Lane *lane;
    while ((lane = take_idle(pool)) != NULL && is_spoilt(lane)) {
        lane_free(lane);
    }
    return lane != NULL ? lane : lane_new();
}

static void give_back_lane(owu_http_pool *pool, Lane *lane) {
    bool keep = false;
    if (is_foreign(lane)) {
        return; /* forked while it was in use: abandoned */
    }
    (void)pthread_mutex_lock(&pool->lock);
    if (!pool->closed && pool->n_idle < MAX_IDLE) {
        lane->next = pool->idle;
        pool->idle = lane;
        pool->n_idle++;
        keep = true;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    if (!keep) {
        lane_free(lane);
    }
}

void owu_http__pool_close(owu_http_pool *pool) {
    Lane *lane;
    (void)pthread_mutex_lock(&pool->lock);
    lane = pool->idle;
    pool->idle = NULL;
    pool->n_idle = 0;
    pool->closed = true;
    (void)pthread_mutex_unlock(&pool->lock);
    while (lane != NULL) {
        Lane *next = lane->next;
        lane_free(lane);
        lane = next;
    }
}

void owu_http__pool_free(owu_http_pool *pool) {
    if (pool != NULL) {
        owu_http__pool_close(pool);
        (void)pthread_mutex_destroy(&pool->lock);
        owu_free(pool);
    }
}

/* ---------------------------------------------------------------- one transfer */

typedef struct Transfer {
    const owu_http_request *request;
    owu_answer *answer;
    struct curl_slist *headers;
    char error_text[CURL_ERROR_SIZE];
    size_t header_bytes;
    unsigned sent;      /* requests that went out */
    owu_status refused; /* why a callback stopped the transfer */
    CURLcode result;
    bool finished;
    bool body_began;
    bool final; /* of a failure: no other try would mend it */
    double start;
    double slice_start; /* of the running call of libcurl */
} Transfer;

static size_t on_body(char *data, size_t size, size_t n, void *context) {
    Transfer *t = context;
    owu_buffer *body = &t->answer->body;
    t->body_began = true;
    if (owu_buffer_append(body, data, size * n) != OWU_OK) {
        t->refused = body->status == OWU_ELIMIT ? OWU_ETOO_LARGE : OWU_ENOMEM;
        return CURL_WRITEFUNC_ERROR;
    }
    return size * n;
}

void owu_answer__free_headers(owu_answer *answer) {
    size_t i;
    for (i = 0; i < answer->n_headers; i++) {
        owu_free(answer->headers[i].name);
        owu_free(answer->headers[i].value);
    }
    owu_free(answer->headers);
    answer->headers = NULL;
    answer->n_headers = 0;
}

static char *copy_text(const char *text, size_t len, bool lower) {
    char *copy = owu_malloc(len + 1);
    size_t i;
    for (i = 0; copy != NULL && i < len; i++) {
        const char c = text[i];
        copy[i] = lower && c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    if (copy != NULL) {
        copy[len] = '\0';
    }
    return copy;
}

static owu_status add_header(owu_answer *answer, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    const char *value;
    owu_header *header;
    if (colon == NULL || answer->n_headers >= OWU_MAX_HEADERS) {
        return colon == NULL ? OWU_OK : OWU_EPROTOCOL;
    }
    if (answer->headers == NULL) {
        answer->headers = owu_malloc(OWU_MAX_HEADERS * sizeof *answer->headers);
        if (answer->headers == NULL) {
            return OWU_ENOMEM;
        }
    }
    value = colon + 1;
    len -= (size_t)(value - line);
    while (len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        len--;
    }
    while (len > 0 && strchr(" \t\r\n", value[len - 1]) != NULL) {
        len--;
    }
    header = &answer->headers[answer->n_headers];
    header->name = copy_text(line, (size_t)(colon - line), true);
    header->value = copy_text(value, len, false);
    header->value_len = len;
    if (header->name == NULL || header->value == NULL) {
        owu_free(header->name);
        owu_free(header->value);
        return OWU_ENOMEM;
    }
    answer->n_headers++;
    return OWU_OK;
}

static size_t on_header(char *data, size_t size, size_t n, void *context) {
    Transfer *t = context;
    const size_t len = size * n;
    t->header_bytes += len;
    if (t->header_bytes > OWU_MAX_HEADER_BYTES) {
        t->refused = OWU_EPROTOCOL;
        return 0;
    }
    /* the status line of a later answer, such as behind 100; a trailer may look like one */
    if (!t->body_began && len >= 6 && memcmp(data, "HTTP/", 5) == 0 && data[5] >= '0' &&
        data[5] <= '9') {
        owu_answer__free_headers(t->answer);
        return len;
    }
    t->refused = add_header(t->answer, data, len);
    return t->refused == OWU_OK ? len : 0;
}

/*
 * Called before each request goes out on a connection. libcurl sends again, on its own, what it
 * sent on a kept connection that turns out to be dead: once is right for a read, but a second write
 * must never happen, so here it is stopped.
 */
static int on_request(void *context, char *ip, char *local_ip, int port, int local_port) {
    Transfer *t = context;
    const unsigned allowed = t->request->repeatable ? 2 : 1;
    (void)ip;
    (void)local_ip;
    (void)port;
    (void)local_port;
    if (t->sent >= allowed) {
        return CURL_PREREQFUNC_ABORT;
    }
    t->sent++;
    return CURL_PREREQFUNC_OK;
}

/* Called while libcurl works: some of its loops end only when the other side stops to send, such as
 * a proxy that answers CONNECT without end. Calls nothing. */
static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now) {
    const Transfer *t = context;
    const double clock = owu_http__now();
    const bool too_late = t->request->timeout > 0 && clock > t->start + t->request->timeout;
    const bool stuck = t->sent == 0 && clock > t->slice_start + longest_slice;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return too_late || stuck ? 1 : 0;
}

static owu_status append_header_line(Transfer *t, const char *line) {
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (longer == NULL) {
        return OWU_ENOMEM;
    }
    t->headers = longer;
    return OWU_OK;
}

static owu_status collect_headers(Transfer *t) {
    const char *const *line = t->request->headers;
    owu_status status = append_header_line(t, "Expect:"); /* no pause before a body */
    for (; status == OWU_OK && line != NULL && *line != NULL; line++) {
        status = append_header_line(t, *line);
    }
    return status;
}

static const double longest_wait = 2000000.0; /* seconds that fit as milliseconds */

static long milliseconds(double seconds) {
    if (seconds <= 0) {
        return 0;
    }
    return (long)((seconds < longest_wait ? seconds : longest_wait) * 1000.0) + 1;
}

#define SET(option, value) \
    do { \
        if (code == CURLE_OK) { \
            code = curl_easy_setopt(easy, option, value); \
        } \
    } while (0)

static CURLcode set_body(CURL *easy, const owu_http_request *q) {
    CURLcode code = CURLE_OK;
    if (q->body != NULL) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_len);
        SET(CURLOPT_POSTFIELDS, q->body);
    } else if (strcmp(q->method, "POST") == 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
        SET(CURLOPT_POSTFIELDS, "");
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_CUSTOMREQUEST, q->method); /* whatever the above would choose */
    return code;
}

static CURLcode set_tls(CURL *easy, const owu_http_route *route) {
    CURLcode code = CURLE_OK;
    SET(CURLOPT_SSL_VERIFYPEER, route->insecure ? 0L : 1L);
    SET(CURLOPT_SSL_VERIFYHOST, route->insecure ? 0L : 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (route->ca_file != NULL || route->ca_directory != NULL) {
        /* all four: what is NULL would else be libcurl's own, beside what was chosen */
        SET(CURLOPT_CAINFO, route->ca_file);
        SET(CURLOPT_PROXY_CAINFO, route->ca_file);
        SET(CURLOPT_CAPATH, route->ca_directory);
        SET(CURLOPT_PROXY_CAPATH, route->ca_directory);
    }
    return code;
}

/* What is for the client's own server only. */
static CURLcode set_own(CURL *easy, const owu_http_route *route) {
    CURLcode code = CURLE_OK;
    if (route->unix_socket != NULL) {
        SET(CURLOPT_UNIX_SOCKET_PATH, route->unix_socket);
    }
    if (route->client_cert != NULL) {
        SET(CURLOPT_SSLCERT, route->client_cert);
        SET(CURLOPT_SSLKEY, route->client_key != NULL ? route->client_key : route->client_cert);
    }
    if (route->client_key_password != NULL) {
        SET(CURLOPT_KEYPASSWD, route->client_key_password);
    }
    return code;
}

/* By which way. Both are always set: else libcurl would read the environment, which another thread
 * may be changing. */
static CURLcode set_route(CURL *easy, const owu_http_route *route, const char *url) {
    const char *proxy = strncmp(url, "https:", 6) == 0 ? route->https_proxy : route->http_proxy;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
    SET(CURLOPT_NOPROXY, route->no_proxy != NULL ? route->no_proxy : "");
    return code == CURLE_OK ? set_tls(easy, route) : code;
}

/* All options, from nothing: none of an earlier request can linger. */
static CURLcode set_all(CURL *easy, Transfer *t, const owu_http_route *route) {
    const owu_http_request *q = t->request;
    CURLcode code = CURLE_OK;
    SET(CURLOPT_ERRORBUFFER, t->error_text);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* a resolver that hangs holds nobody up */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L); /* what was checked is what is sent */
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that this libcurl can decompress */
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    /* 0 would mean a limit of libcurl's own */
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(q->connect_timeout > 0 ? q->connect_timeout
                                                : q->timeout > 0       ? q->timeout
                                                                       : longest_wait));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(q->timeout));
    SET(CURLOPT_URL, q->url);
    SET(CURLOPT_HTTPHEADER, t->headers);
    SET(CURLOPT_USERAGENT, q->user_agent);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    if (code == CURLE_OK) {
        code = set_body(easy, q);
    }
    if (code == CURLE_OK) {
        code = set_route(easy, route, q->url);
    }
    return code == CURLE_OK && !q->foreign ? set_own(easy, route) : code;
}

/* ---------------------------------------------------------------- running it */

static void take_result(CURLM *multi, Transfer *t) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            t->result = message->data.result;
            t->finished = true;
        }
    }
}

/* Until it is done, the deadline has passed, or the caller wants to stop. */
static owu_status run(Lane *lane, Transfer *t, owu_error *err) {
    const owu_http_request *q = t->request;
    while (!t->finished) {
        int running = 0;
        double left = SLICE_MS / 1000.0;
        CURLMcode code;
        t->slice_start = owu_http__now();
        code = curl_multi_perform(lane->multi, &running);
        take_result(lane->multi, t);
        if (t->finished) {
            break;
        }
        if (code == CURLM_OK) {
            if (q->timeout > 0) { /* libcurl's own clock may be held up: keep one here */
                const double rest = t->start + q->timeout - owu_http__now();
                if (rest <= 0) {
                    t->result = CURLE_OPERATION_TIMEDOUT;
                    t->finished = true;
                    break;
                }
                left = rest < left ? rest : left;
            }
            code = curl_multi_poll(lane->multi, NULL, 0, (int)(left * 1000.0) + 1, NULL);
        }
        if (code != CURLM_OK) {
            return owu_fail(err, code == CURLM_OUT_OF_MEMORY ? OWU_ENOMEM : OWU_EINTERNAL,
                            "libcurl: %s", curl_multi_strerror(code));
        }
        if (q->interrupt != NULL && q->interrupt(q->context)) {
            return owu_fail(err, OWU_EINTERRUPTED, "interrupted");
        }
        if (is_foreign(lane)) { /* a signal handler forked */
            return owu_fail(err, OWU_EREAD, "the process was forked during the request");
        }
    }
    return OWU_OK;
}

/* ---------------------------------------------------------------- what went wrong */

/* scheme://host[:port] of a URL, for messages: no path, no query. */
static void origin_of(const char *url, char out[128]) {
    const char *host = strstr(url, "://");
    size_t len = host == NULL ? 0 : (size_t)(host + 3 - url) + strcspn(host + 3, "/?#");
    len = len > 127 ? 127 : len;
    memcpy(out, url, len);
    out[len] = '\0';
}

/* libcurl's own words, unless they repeat the address of a proxy, where a password may be. */
static const char *reason_of(const Transfer *t) {
    const bool usable = t->error_text[0] != '\0' && strchr(t->error_text, '@') == NULL &&
                        strstr(t->error_text, "proxy syntax") == NULL;
    return usable ? t->error_text : curl_easy_strerror(t->result);
}

static owu_status fail_connect(Transfer *t, const char *origin, owu_error *err) {
    return owu_fail(err, OWU_ECONNECT, "cannot connect to %s: %s", origin, reason_of(t));
}

static owu_status fail_timeout(Lane *lane, Transfer *t, const char *origin, owu_error *err) {
    curl_off_t connected = 0;
    (void)curl_easy_getinfo(lane->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0) {
        return owu_fail(err, OWU_ECONNECT_TIMEOUT, "no connection to %s within %.3g s", origin,
                        (owu_http__now() - t->start));
    }
    return owu_fail(err, OWU_ETIMEOUT, "no whole answer from %s within %.3g s", origin,
                    t->request->timeout);
}

static owu_status fail_incomplete(Lane *lane, const char *origin, owu_error *err) {
    curl_off_t expected = -1, received = 0;
    owu_status status;
    (void)curl_easy_getinfo(lane->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &expected);
    (void)curl_easy_getinfo(lane->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    status =
        owu_fail(err, OWU_EINCOMPLETE, "the connection to %s ended after %lld bytes of the answer",
                 origin, (long long)received);
    if (err != NULL) {
        err->received = (int64_t)received;
        err->expected = (int64_t)expected;
    }
    return status;
}

static owu_status fail_too_large(Transfer *t, const char *origin, owu_error *err) {
    const owu_status status =
        owu_fail(err, OWU_ETOO_LARGE, "the answer of %s is larger than %zu bytes (max_body)",
                 origin, t->request->max_body);
    if (err != NULL) {
        err->received = (int64_t)t->answer->body.len;
        err->expected = (int64_t)t->request->max_body;
    }
    return status;
}

/* A server that stops, or a port with something else behind it, ends a handshake; no certificate is
 * at fault then, and another try may do. */
static bool broke_in_handshake(const Transfer *t) {
    static const char *const signs[] = {"SYSCALL", "reset by peer", "unexpected eof"};
    size_t i;
    for (i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (strstr(t->error_text, signs[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool answer_began(Lane *lane) {
    long status = 0;
    (void)curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    return status != 0;
}

static bool memory_is_left(void) {
    void *probe = owu_malloc((size_t)1 << 20);
    owu_free(probe);
    return probe != NULL;
}

static owu_status explain(Lane *lane, Transfer *t, owu_error *err) {
    const char *reason = reason_of(t);
    char origin[128];
    long connect_code = 0;
    origin_of(t->request->url, origin);
    switch (t->result) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return owu_fail(err, OWU_EDNS, "cannot find the host of %s: %s", origin, reason);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return owu_fail(err, OWU_EPROXY, "the proxy on the way to %s failed: %s", origin, reason);
    case CURLE_COULDNT_CONNECT:
    case CURLE_INTERFACE_FAILED:
        return fail_connect(t, origin, err);
    case CURLE_SSL_CONNECT_ERROR:
        if (broke_in_handshake(t)) {
            return fail_connect(t, origin, err);
        }
        return owu_fail(err, OWU_ETLS, "no secure connection to %s: %s", origin, reason);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_USE_SSL_FAILED:
        return owu_fail(err, OWU_ETLS, "no secure connection to %s: %s", origin, reason);
    case CURLE_OPERATION_TIMEDOUT:
        return fail_timeout(lane, t, origin, err);
    case CURLE_PARTIAL_FILE:
        return fail_incomplete(lane, origin, err);
    case CURLE_ABORTED_BY_CALLBACK:
        if (t->request->timeout > 0 && owu_http__now() >= t->start + t->request->timeout) {
            return fail_timeout(lane, t, origin, err);
        }
        if (t->sent == 0) { /* on_progress */
            return owu_fail(err, OWU_EPROXY, "the proxy on the way to %s answers without end",
                            origin);
        }
        /* on_request: the first one got no answer */
        /* fall through */
    case CURLE_GOT_NOTHING:
        return owu_fail(err, OWU_EREAD, "%s closed the connection without an answer", origin);
    case CURLE_RECV_ERROR:
        (void)curl_easy_getinfo(lane->easy, CURLINFO_HTTP_CONNECTCODE, &connect_code);
        if (t->sent == 0 && connect_code >= 300) {
            t->final = connect_code < 500 && connect_code != 408 && connect_code != 429;
            return owu_fail(err, OWU_EPROXY, "the proxy on the way to %s refuses: status %ld",
                            origin, connect_code);
        }
        /* fall through */
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        if (answer_began(lane)) {
            return fail_incomplete(lane, origin, err);
        }
        return owu_fail(err, OWU_EREAD, "the connection to %s broke: %s", origin, reason);
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
        return owu_fail(err, OWU_EWRITE, "the request to %s could not be sent: %s", origin, reason);
    case CURLE_WRITE_ERROR:
        if (t->refused == OWU_ETOO_LARGE) {
            return fail_too_large(t, origin, err);
        }
        if (t->refused == OWU_ENOMEM) {
            return owu_fail(err, OWU_ENOMEM, "out of memory while reading an answer");
        }
        break;
    case CURLE_OUT_OF_MEMORY:
        if (t->sent == 0 || !memory_is_left()) {
            return owu_fail(err, OWU_ENOMEM, "out of memory in libcurl");
        }
        break; /* older versions say so of a header that they do not take */
    default:
        break;
    }
    return owu_fail(err, OWU_EPROTOCOL, "%s did not answer in HTTP as it should: %s", origin,
                    reason);
}

static owu_status fail_transfer(Lane *lane, Transfer *t, owu_error *err) {
    const owu_status status = explain(lane, t, err);
    long number = 0;
    if (err != NULL && curl_easy_getinfo(lane->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK) {
        err->os_errno = (int)number;
    }
    return status;
}

/* ---------------------------------------------------------------- perform */

static owu_status add_and_run(owu_http_pool *pool, Lane *lane, Transfer *t, owu_error *err) {
    owu_status status;
    CURLMcode multi_code;
    const CURLcode code = set_all(lane->easy, t, pool->route);
    if (code != CURLE_OK) {
        return owu_fail(err, code == CURLE_OUT_OF_MEMORY ? OWU_ENOMEM : OWU_EINTERNAL,
                        "libcurl refused an option: %s", curl_easy_strerror(code));
    }
    multi_code = curl_multi_add_handle(lane->multi, lane->easy);
    if (multi_code != CURLM_OK) {
        return owu_fail(err, multi_code == CURLM_OUT_OF_MEMORY ? OWU_ENOMEM : OWU_EINTERNAL,
                        "libcurl: %s", curl_multi_strerror(multi_code));
    }
    status = run(lane, t, err);
    if (is_foreign(lane)) {
        return status; /* not to be touched any more */
    }
    if (status == OWU_OK && t->result != CURLE_OK) {
        status = fail_transfer(lane, t, err);
    }
    if (status == OWU_OK) {
        long code_of_answer = 0;
        (void)curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &code_of_answer);
        t->answer->status = (int)code_of_answer;
    }
    return status;
}

/* After the transfer, and before its handle forgets it. */
static void count(Lane *lane, owu_http_cost *cost) {
    curl_off_t body = 0;
    long connects = 0, request = 0, headers = 0;
    (void)curl_easy_getinfo(lane->easy, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(lane->easy, CURLINFO_REQUEST_SIZE, &request);
    (void)curl_easy_getinfo(lane->easy, CURLINFO_HEADER_SIZE, &headers);
    (void)curl_easy_getinfo(lane->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
    cost->connections_opened = connects > 0 ? (uint64_t)connects : 0;
    cost->bytes_received = (uint64_t)headers + (uint64_t)body;
    (void)curl_easy_getinfo(lane->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    cost->bytes_sent = (uint64_t)request + (uint64_t)body;
}

owu_status owu_http__perform(owu_http_pool *pool, const owu_http_request *request,
                             owu_answer *answer, owu_http_cost *cost, owu_error *err) {
    Transfer transfer;
    Lane *lane = take_lane(pool);
    owu_status status;

    memset(cost, 0, sizeof *cost);
    memset(&transfer, 0, sizeof transfer);
    transfer.request = request;
    transfer.answer = answer;
    transfer.start = owu_http__now();
    if (lane == NULL || collect_headers(&transfer) != OWU_OK) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory before a request");
        goto done;
    }
    answer->body.limit = request->max_body;
    status = add_and_run(pool, lane, &transfer, err);
    cost->seconds = owu_http__now() - transfer.start;
    cost->requests = transfer.sent;
    cost->final = transfer.final;
    if (!is_foreign(lane)) {
        count(lane, cost);
        lane->socket = CURL_SOCKET_BAD;
        (void)curl_easy_getinfo(lane->easy, CURLINFO_ACTIVESOCKET, &lane->socket);
        (void)curl_multi_remove_handle(lane->multi, lane->easy); /* also stops what still runs */
        curl_easy_reset(lane->easy); /* it keeps no pointer to what ends here */
    }
done:
    if (lane != NULL) {
        give_back_lane(pool, lane);
    }
    curl_slist_free_all(transfer.headers);
    return status;
}

/* ---------------------------------------------------------------- addresses */

/* One part of an address as a text that curl_free releases; NULL when it has none. */
static char *part_of(CURLU *url, CURLUPart part) {
    char *text = NULL;
    return curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part) {
    char *x = part_of(a, part), *y = part_of(b, part);
    const bool same = x != NULL && y != NULL && curl_strequal(x, y) != 0;
    curl_free(x);
    curl_free(y);
    return same;
}

static bool has_scheme(CURLU *url, const char *scheme) {
    char *text = part_of(url, CURLUPART_SCHEME);
    const bool has = text != NULL && curl_strequal(text, scheme) != 0;
    curl_free(text);
    return has;
}

owu_status owu_http__resolve(owu_buffer *out, bool *same_origin, const char *base,
                             const char *location, owu_error *err) {
    CURLU *from = curl_url(), *to = curl_url();
    char *text = NULL, *user = NULL;
    CURLUcode code = CURLUE_OK;
    owu_status status = OWU_OK;
    if (from == NULL || to == NULL || curl_url_set(from, CURLUPART_URL, base, 0) != CURLUE_OK ||
        curl_url_set(to, CURLUPART_URL, base, 0) != CURLUE_OK) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory at a redirect");
        goto done;
    }
    /* Set over the base, it is read as relative to it. */
    code = curl_url_set(to, CURLUPART_URL, location, 0);
    if (code == CURLUE_OUT_OF_MEMORY) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory at a redirect");
        goto done;
    }
    if (code != CURLUE_OK ||
        !(has_scheme(to, "https") || (has_scheme(to, "http") && has_scheme(from, "http")))) {
        status = owu_fail(err, OWU_EREDIRECT,
                          "the server redirects to an address that is not followed%s",
                          has_scheme(from, "https") ? " (only https is, from https)" : "");
        goto done;
    }
    user = part_of(to, CURLUPART_USER);
    if (user != NULL) {
        status =
            owu_fail(err, OWU_EREDIRECT, "the server redirects to an address with a user name");
        goto done;
    }
    *same_origin = same_part(from, to, CURLUPART_SCHEME) && same_part(from, to, CURLUPART_HOST) &&
                   same_part(from, to, CURLUPART_PORT);
    if (curl_url_get(to, CURLUPART_URL, &text, 0) != CURLUE_OK) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory at a redirect");
        goto done;
    }
    (void)owu_buffer_append_text(out, text);
    if (owu_buffer_terminate(out) != OWU_OK) {
        status = out->status == OWU_ENOMEM
                     ? owu_fail(err, OWU_ENOMEM, "out of memory at a redirect")
                     : owu_fail(err, OWU_EREDIRECT,
                                "the server redirects to an address that is too long");
    }
done:
    curl_free(text);
    curl_free(user);
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return status;
}

/* Is a part absent, or text without controls when it is decoded? */
static bool decodes(CURLU *url, CURLUPart part, char **text) {
    const CURLUcode code = curl_url_get(url, part, text, CURLU_URLDECODE);
    return code == CURLUE_OK || code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD;
}

owu_status owu_http__check_proxy(const char *proxy, owu_error *err) {
    static const char *const schemes[] = {"http",    "https",  "socks4",
                                          "socks4a", "socks5", "socks5h"};
    CURLU *url = curl_url();
    char *user = NULL, *password = NULL;
    bool known = false;
    size_t i;
    if (url == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory for a proxy");
    }
    if (curl_url_set(url, CURLUPART_URL, proxy, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK) {
        for (i = 0; !known && i < sizeof schemes / sizeof *schemes; i++) {
            known = has_scheme(url, schemes[i]);
        }
        /* libcurl leaves a proxy out whose user or password it cannot decode */
        known = known && decodes(url, CURLUPART_USER, &user) &&
                decodes(url, CURLUPART_PASSWORD, &password);
    }
    curl_free(user);
    curl_free(password);
    curl_url_cleanup(url);
    return known ? OWU_OK
                 : owu_fail(err, OWU_EVALUE,
                            "proxy must be an address such as http://proxy.example:3128, with "
                            "http, https, socks4, socks4a, socks5 or socks5h");
}
