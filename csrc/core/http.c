/*
 * http.c - requests over libcurl; the only file that names it.
 *
 * A multi holds connections and the transfers over them, all driven by one thread at a time. The
 * engine (engine.c) has one for everything it does; a request that blocks has one for itself
 * (pool.c).
 */
#define _POSIX_C_SOURCE 200809L
#include "http.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "internal.h"

#if LIBCURL_VERSION_NUM < 0x075700
#error "libcurl 7.87 or later is needed (CURLOPT_QUICK_EXIT)"
#endif

static const double longest_slice = 0.5; /* seconds that libcurl may work without waiting */

/* ---------------------------------------------------------------- process-wide start */

static pthread_once_t start_once = PTHREAD_ONCE_INIT;
static CURLcode start_code;
static const curl_version_info_data *about; /* asked for once: libcurl writes it anew each time */
/* "Accept-Encoding: …" with what this libcurl can decompress, as it would say so itself. */
static char encodings_line[64];

static void name_encodings(void) {
    static const struct {
        int feature;
        const char *names;
    } known[] = {{CURL_VERSION_LIBZ, "deflate, gzip"},
                 {CURL_VERSION_BROTLI, "br"},
                 {CURL_VERSION_ZSTD, "zstd"}};
    const char *between = "";
    size_t i, len;
    len = (size_t)snprintf(encodings_line, sizeof encodings_line, "Accept-Encoding: ");
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        if ((about->features & known[i].feature) != 0) {
            len += (size_t)snprintf(encodings_line + len, sizeof encodings_line - len, "%s%s",
                                    between, known[i].names);
            between = ", ";
        }
    }
    if (*between == '\0') {
        (void)snprintf(encodings_line + len, sizeof encodings_line - len, "identity");
    }
}

static void start_libcurl(void) {
    start_code = curl_global_init(CURL_GLOBAL_DEFAULT); /* never undone: others share libcurl */
    about = curl_version_info(CURLVERSION_NOW);
    name_encodings();
}

static const curl_version_info_data *about_libcurl(void) {
    (void)pthread_once(&start_once, start_libcurl);
    return about;
}

owu_status owu_global_init(owu_error *err) {
    (void)pthread_once(&start_once, start_libcurl);
    if (start_code != CURLE_OK) {
        return owu_fail(err, OWU_EINTERNAL, "libcurl does not start: %s",
                        curl_easy_strerror(start_code));
    }
    if (about->version_num < 0x075700) {
        return owu_fail(err, OWU_EINTERNAL,
                        "libcurl %s is loaded, but 7.87 or later is needed: update libcurl",
                        about->version);
    }
    return OWU_OK;
}

const char *owu_http_library_version(void) {
    return about_libcurl()->version;
}

const char *owu_tls_library_version(void) {
    const char *version = about_libcurl()->ssl_version;
    return version == NULL ? "" : version;
}

const char *owu_http__default_ca_file(void) {
    return about_libcurl()->cainfo;
}

const char *owu_http__default_ca_directory(void) {
    return about_libcurl()->capath;
}

double owu_http__now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- multis */

struct owu_http_multi {
    CURLM *multi;
    const owu_http_route *route; /* borrowed */
    unsigned long generation;    /* of the process that made it */
    owu_http_transfer *spare;    /* have an easy handle and nothing to do */
    owu_http_transfer *done;     /* finished, not told yet */
    bool is_lane;    /* has one transfer at a time */
    bool speaks_h2;  /* the server was seen to: calls may wait for a connection to share */
    double step_start; /* of the running call of libcurl */
};

/* Another number in the child of a fork than in its parent: connections are never taken across. */
static atomic_ulong generation;

void owu_http__after_fork(void) {
    atomic_fetch_add(&generation, 1);
}

unsigned long owu_http__generation(void) {
    return atomic_load(&generation);
}

static bool is_foreign(const owu_http_multi *multi) {
    return multi->generation != atomic_load(&generation);
}

/* ---------------------------------------------------------------- one transfer */

enum {
    MAX_LINES = OWU_MAX_EXTRA_HEADERS + 7, /* header lines of one request */
    MAX_SOCKETS = 8                        /* remembered of those tried to reach a server */
};

struct owu_http_transfer {
    owu_http_multi *multi;
    CURL *easy;
    const owu_http_request *request;
    owu_answer *answer;
    void *owner;
    owu_http_transfer *next; /* in the list where it is */
    CURLSH *
        share; /* owned: has its connection, which is used by no other; NULL: none, or the multi's */
    curl_socket_t sockets[MAX_SOCKETS]; /* open for it, the newest last */
    size_t n_sockets;
    bool running; /* libcurl has it */
    bool by_proxy;
    bool is_set, is_https; /* its handle has the options of a read of the client's own server */
    char error_text[CURL_ERROR_SIZE];
    size_t header_bytes;
    unsigned sent; /* requests that went out */
    owu_status refused; /* why a callback stopped the transfer */
    CURLcode result;
    bool finished;
    bool head_ended; /* the empty line after the headers has come */
    bool body_began;
    bool watches, has_line; /* libcurl tells what it does; it has kept a header line */
    unsigned n_lines; /* header lines of the running answer so far */
    bool final; /* of a failure: no other try would mend it */
    double start;
    struct curl_slist lines[MAX_LINES];
};
typedef owu_http_transfer Transfer;

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
    owu_arena_free(&answer->header_texts);
    answer->headers = NULL;
    answer->n_headers = 0;
}

/* Room for one more line: the array is full at powers of two, and moves then. */
static bool has_header_room(owu_answer *answer) {
    enum { FIRST = 8, TEXTS = 768 };
    const size_t n = answer->n_headers;
    owu_header *more;
    if (n != 0 && (n < FIRST || (n & (n - 1)) != 0)) {
        return true;
    }
    if (n == 0) {
        answer->header_texts.expected = TEXTS;
    }
    more = owu_arena_alloc(&answer->header_texts, (n == 0 ? FIRST : n * 2) * sizeof *more);
    if (more == NULL) {
        return false;
    }
    if (n != 0) {
        memcpy(more, answer->headers, n * sizeof *more);
    }
    answer->headers = more;
    return true;
}

static bool is_folded(const char *line, size_t len) {
    return len > 0 && (line[0] == ' ' || line[0] == '\t');
}

/* Without the blanks at both ends. */
static const char *trimmed(const char *text, size_t *len) {
    while (*len > 0 && (*text == ' ' || *text == '\t')) {
        text++;
        (*len)--;
    }
    while (*len > 0 && strchr(" \t\r\n", text[*len - 1]) != NULL) {
        (*len)--;
    }
    return text;
}

/* A line that goes on with the value of the line before. */
static owu_status continue_header(owu_answer *answer, const char *line, size_t len) {
    owu_header *last;
    const char *more;
    char *joined;
    if (answer->n_headers == 0) {
        return OWU_EPROTOCOL;
    }
    last = &answer->headers[answer->n_headers - 1];
    more = trimmed(line, &len);
    joined = owu_arena_alloc(&answer->header_texts, last->value_len + len + 2);
    if (joined == NULL) {
        return OWU_ENOMEM;
    }
    memcpy(joined, last->value, last->value_len);
    joined[last->value_len] = ' ';
    memcpy(joined + last->value_len + 1, more, len);
    joined[last->value_len + len + 1] = '\0';
    last->value = joined;
    last->value_len += len + 1;
    return OWU_OK;
}

static owu_status add_header(owu_answer *answer, const char *line, size_t len) {
    const char *colon = memchr(line, ':', len);
    const char *value;
    char *name, *copy;
    size_t i;
    if (is_folded(line, len)) {
        return continue_header(answer, line, len);
    }
    if (colon == NULL || answer->n_headers >= OWU_MAX_HEADERS) {
        return colon == NULL ? OWU_OK : OWU_EPROTOCOL;
    }
    len -= (size_t)(colon + 1 - line);
    value = trimmed(colon + 1, &len);
    if (!has_header_room(answer)) {
        return OWU_ENOMEM;
    }
    name = owu_arena_copy(&answer->header_texts, line, (size_t)(colon - line));
    copy = owu_arena_copy(&answer->header_texts, value, len);
    if (name == NULL || copy == NULL) {
        return OWU_ENOMEM;
    }
    for (i = 0; name[i] != '\0'; i++) {
        name[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
    }
    answer->headers[answer->n_headers].name = name;
    answer->headers[answer->n_headers].value = copy;
    answer->headers[answer->n_headers++].value_len = len;
    return OWU_OK;
}

/*
 * libcurl before 8.1.1 keeps a pointer to the last header line of a handle's answer beyond the memory
 * of that line, and follows it when the handle's next answer has a folded line before any other (its
 * issue 11101). Between the first status line and the first line that libcurl keeps it is therefore
 * asked to tell what it does: it shows a line before it takes it, and one that is folded is made one
 * that is not.
 */
static int on_debug(CURL *easy, curl_infotype type, char *data, size_t size, void *context) {
    Transfer *t = context;
    (void)easy;
    if (type == CURLINFO_HEADER_IN && is_folded(data, size)) {
        data[0] = '_';
        t->refused = OWU_EPROTOCOL;
    }
    return 0;
}

/* A line has come: the first of an answer is its status line, whatever it says, and an empty one ends
 * an answer. */
static void watch_lines(Transfer *t, const char *line) {
    const bool was_watching = t->watches;
    if (about_libcurl()->version_num >= 0x080101) {
        return;
    }
    t->n_lines = line[0] == '\r' || line[0] == '\n' ? 0 : t->n_lines + 1;
    t->has_line = t->has_line || t->n_lines > 1;
    t->watches = !t->has_line;
    if (t->watches != was_watching) {
        (void)curl_easy_setopt(t->easy, CURLOPT_VERBOSE, t->watches ? 1L : 0L);
    }
}

static size_t on_header(char *data, size_t size, size_t n, void *context) {
    Transfer *t = context;
    const size_t len = size * n;
    t->header_bytes += len;
    watch_lines(t, data);
    if (t->refused != OWU_OK) { /* see on_debug */
        return 0;
    }
    if (t->header_bytes > OWU_MAX_HEADER_BYTES) {
        t->refused = OWU_EPROTOCOL;
        return 0;
    }
    /* the status line of a later answer, such as behind 100; a trailer may look like one */
    if (!t->body_began && len >= 6 && memcmp(data, "HTTP/", 5) == 0 && data[5] >= '0' &&
        data[5] <= '9') {
        t->head_ended = false;
        owu_answer__free_headers(t->answer);
        return len;
    }
    /* whole: libcurl 8.23 hands on what is left of one that was cut off */
    if (data[0] == '\n' || (data[0] == '\r' && len > 1 && data[1] == '\n')) {
        t->head_ended = true;
    }
    t->refused = add_header(t->answer, data, len);
    return t->refused == OWU_OK ? len : 0;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address) {
    Transfer *t = context;
    const curl_socket_t fd = socket(address->family, address->socktype, address->protocol);
    (void)purpose;
    if (fd < 0) {
        return CURL_SOCKET_BAD;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (t->n_sockets ==
        MAX_SOCKETS) { /* libcurl does not tell of all that it closes: see on_close */
        memmove(t->sockets, t->sockets + 1, sizeof t->sockets - sizeof *t->sockets);
        t->n_sockets--;
    }
    t->sockets[t->n_sockets++] = fd;
    return fd;
}

/* Not called for a socket that was given up before it was connected (libcurl 7.88): the list can hold
 * one that is closed. At worst a sound connection is dropped for it. */
static int on_close(void *context, curl_socket_t fd) {
    Transfer *t = context; /* that opened it, whoever has used it since */
    size_t i;
    for (i = 0; i < t->n_sockets; i++) {
        if (t->sockets[i] == fd) {
            t->n_sockets--;
            memmove(t->sockets + i, t->sockets + i + 1, (t->n_sockets - i) * sizeof *t->sockets);
            break;
        }
    }
    return close(fd);
}

/* Has the server closed the connection that this transfer keeps, or said something that nobody asked
 * for? It would be taken for the answer to the next request. */
static bool is_spoilt(const Transfer *t) {
    size_t i;
    for (i = 0; i < t->n_sockets; i++) {
        struct pollfd look = {.fd = (int)t->sockets[i], .events = POLLIN};
        if (poll(&look, 1, 0) != 0) {
            return true;
        }
    }
    return false;
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
    /* among others it is not this one alone that takes the time */
    const double longest = t->multi->is_lane ? longest_slice : 10 * longest_slice;
    const bool stuck = t->by_proxy && t->sent == 0 && clock > t->multi->step_start + longest;
    (void)total;
    (void)now;
    (void)up_total;
    (void)up_now;
    return too_late || stuck ? 1 : 0;
}

/* The lines to send, as libcurl takes them: links in the transfer itself, over borrowed texts. */
static void link_header_lines(Transfer *t, const char *const *line, size_t *n) {
    for (; line != NULL && *line != NULL && *n < MAX_LINES; line++) {
        t->lines[*n].data = (char *)(uintptr_t)*line; /* only read */
        t->lines[*n].next = NULL;
        if (*n > 0) {
            t->lines[*n - 1].next = &t->lines[*n];
        }
        ++*n;
    }
}

/* Is there another of the same name as this one among the extra lines? */
static bool is_given(const char *const *extra, const char *line) {
    const size_t name = strcspn(line, ":") + 1;
    for (; extra != NULL && *extra != NULL; extra++) {
        if (strncasecmp(*extra, line, name) == 0) {
            return true;
        }
    }
    return false;
}

/* With what options of libcurl would send too: as a line that is ready it costs much less. */
static void collect_headers(Transfer *t) {
    static const char *const no_pause[] = {"Expect:", NULL}; /* before a body */
    const owu_http_request *q = t->request;
    const char *const ready[] = {q->agent, encodings_line};
    size_t n = 0, i;
    for (i = 0; i < sizeof ready / sizeof *ready; i++) {
        const char *const line[] = {is_given(q->extra_headers, ready[i]) ? NULL : ready[i], NULL};
        link_header_lines(t, line, &n);
    }
    link_header_lines(t, q->body != NULL ? no_pause : NULL, &n);
    link_header_lines(t, q->headers, &n);
    link_header_lines(t, q->extra_headers, &n);
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
static CURLcode set_route(CURL *easy, Transfer *t, const owu_http_route *route) {
    const char *url = t->request->url;
    const char *proxy = strncmp(url, "https:", 6) == 0 ? route->https_proxy : route->http_proxy;
    CURLcode code = CURLE_OK;
    t->by_proxy = proxy != NULL && *proxy != '\0';
    SET(CURLOPT_USERAGENT,
        t->by_proxy ? t->request->agent + strlen("User-Agent: ") : NULL); /* CONNECT */
    SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
    SET(CURLOPT_NOPROXY, route->no_proxy != NULL ? route->no_proxy : "");
    return code == CURLE_OK ? set_tls(easy, route) : code;
}

/* What differs between any two requests. */
static CURLcode set_request(CURL *easy, Transfer *t) {
    const owu_http_request *q = t->request;
    CURLcode code = CURLE_OK;
    /* 0 would mean a limit of libcurl's own */
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(q->connect_timeout > 0 ? q->connect_timeout
                                                : q->timeout > 0       ? q->timeout
                                                                       : longest_wait));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(q->timeout));
    SET(CURLOPT_URL, q->url);
    SET(CURLOPT_HTTPHEADER, t->lines);
    /* to another server: on a connection of its own, once */
    SET(CURLOPT_FRESH_CONNECT, q->foreign ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, q->foreign ? 1L : 0L);
    /* Where nobody is known to share, waiting for a connection that hangs would hang all. */
    SET(CURLOPT_PIPEWAIT, t->multi->speaks_h2 ? 1L : 0L);
    SET(CURLOPT_SHARE, t->share);
    return code;
}

/* All other options, from nothing: none of an earlier request can linger. */
static CURLcode set_all(CURL *easy, Transfer *t, const owu_http_route *route) {
    const owu_http_request *q = t->request;
    CURLcode code = CURLE_OK;
    curl_easy_reset(easy);
    t->watches = false;
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
    SET(CURLOPT_ACCEPT_ENCODING, ""); /* all that this libcurl can decompress: encodings_line */
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* of a proxy's answer to CONNECT */
    SET(CURLOPT_DEBUGFUNCTION, on_debug);
    SET(CURLOPT_DEBUGDATA, t);
    SET(CURLOPT_PREREQFUNCTION, on_request);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, t);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CLOSESOCKETFUNCTION, on_close);
    SET(CURLOPT_CLOSESOCKETDATA, t);
    SET(CURLOPT_MAXCONNECTS, 1L); /* of its own share */
    SET(CURLOPT_PRIVATE, (void *)t);
    if (code == CURLE_OK) {
        code = set_body(easy, q);
    }
    if (code == CURLE_OK) {
        code = set_route(easy, t, route);
    }
    return code == CURLE_OK && !q->foreign ? set_own(easy, route) : code;
}

/* Close the connection that it keeps for itself. */
static void drop_connection(Transfer *t) {
    if (t->share != NULL) {
        (void)curl_easy_setopt(t->easy, CURLOPT_SHARE, NULL);
        (void)curl_share_cleanup(t->share);
        t->share = NULL;
    }
    t->n_sockets = 0;
}

/*
 * On which connections. HTTP/1 answers are told apart by their order alone, so each transfer keeps a
 * connection of its own, in a share of libcurl's, which is looked at before it is used again. Over
 * HTTP/2 answers have numbers: all transfers share the connections of the multi.
 */
static bool choose_connection(Transfer *t) {
    if (t->multi->speaks_h2 || is_spoilt(t)) {
        drop_connection(t);
    }
    if (t->share == NULL && !t->multi->speaks_h2) {
        t->share = curl_share_init();
        return t->share != NULL &&
               curl_share_setopt(t->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_CONNECT) == CURLSHE_OK;
    }
    return true;
}

/* Everything, for this request. Reads of the client's own server differ in little, and are most of
 * what there is: a handle that has their options keeps them from one to the next. Any other request
 * begins from nothing, and leaves nothing. */
static CURLcode set_options(Transfer *t) {
    const owu_http_request *q = t->request;
    const bool is_https = strncmp(q->url, "https:", 6) == 0;
    const bool is_usual = !q->foreign && q->body == NULL && strcmp(q->method, "GET") == 0;
    CURLcode code = choose_connection(t) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
    if (code == CURLE_OK && (!is_usual || !t->is_set || t->is_https != is_https)) {
        code = set_all(t->easy, t, t->multi->route);
    }
    t->is_set = is_usual && code == CURLE_OK;
    t->is_https = is_https;
    return code == CURLE_OK ? set_request(t->easy, t) : code;
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
    const bool to_proxy = t->by_proxy && t->result == CURLE_COULDNT_CONNECT;
    return owu_fail(err, to_proxy ? OWU_EPROXY : OWU_ECONNECT, "cannot connect to %s%s: %s",
                    to_proxy ? "the proxy on the way to " : "", origin, reason_of(t));
}

/* Did a proxy answer CONNECT with a status that is none of success? */
static bool was_refused_by_proxy(const Transfer *t, long *code) {
    return t->sent == 0 &&
           curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, code) == CURLE_OK && *code >= 300;
}

static owu_status fail_refused(Transfer *t, long code, const char *origin, owu_error *err) {
    t->final = code < 500 && code != 408 && code != 429;
    return owu_fail(err, OWU_EPROXY, "the proxy on the way to %s refuses: status %ld", origin,
                    code);
}

static owu_status fail_timeout(Transfer *t, const char *origin, owu_error *err) {
    const double limit = t->request->timeout, passed = owu_http__now() - t->start;
    /* not by the time of the connection, which newer versions also tell where there was none */
    if (t->sent == 0) {
        return owu_fail(err, OWU_ECONNECT_TIMEOUT, "no connection to %s within %.3g s", origin,
                        passed);
    }
    return owu_fail(err, OWU_ETIMEOUT, "no whole answer from %s within %.3g s", origin,
                    limit > 0 && limit < passed ? limit : passed);
}

static owu_status fail_incomplete(Transfer *t, const char *origin, owu_error *err) {
    curl_off_t expected = -1, received = 0;
    owu_status status;
    (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &expected);
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
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

static bool answer_began(Transfer *t) {
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return status != 0;
}

static bool memory_is_left(void) {
    void *probe = owu_malloc((size_t)1 << 20);
    owu_free(probe);
    return probe != NULL;
}

static owu_status explain(Transfer *t, owu_error *err) {
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
        if (was_refused_by_proxy(t, &connect_code)) { /* so newer versions call it */
            return fail_refused(t, connect_code, origin, err);
        }
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
        return fail_timeout(t, origin, err);
    case CURLE_PARTIAL_FILE:
        return fail_incomplete(t, origin, err);
    case CURLE_ABORTED_BY_CALLBACK:
        if (t->request->timeout > 0 && owu_http__now() >= t->start + t->request->timeout) {
            return fail_timeout(t, origin, err);
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
        if (was_refused_by_proxy(t, &connect_code)) {
            return fail_refused(t, connect_code, origin, err);
        }
        /* fall through */
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        if (answer_began(t)) {
            return fail_incomplete(t, origin, err);
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

static owu_status fail_transfer(Transfer *t, owu_error *err) {
    owu_status status = explain(t, err);
    long number = 0;
    if (t->sent > 0 && (status == OWU_ECONNECT || status == OWU_EDNS || status == OWU_EPROXY ||
                        status == OWU_ETLS)) {
        /* A kept connection died with the request on it, and libcurl could not make another: no
         * failure to connect, after which it is certain that nothing was sent. */
        status = owu_fail(err, OWU_EREAD, "the connection broke, and another cannot be made: %s",
                          reason_of(t));
    }
    if (err != NULL && curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK) {
        err->os_errno = (int)number;
    }
    return status;
}

/* ---------------------------------------------------------------- life of a multi */

/* The handle and its connection; the transfer itself is still asked when others are closed. */
static void transfer_end_life(Transfer *t) {
    curl_easy_cleanup(t->easy);
    if (t->share != NULL) {
        (void)curl_share_cleanup(t->share);
    }
}

static Transfer *transfer_new(owu_http_multi *multi) {
    Transfer *t = multi->spare;
    if (t != NULL) {
        multi->spare = t->next;
        t->next = NULL;
        return t;
    }
    t = owu_malloc(sizeof *t);
    if (t == NULL) {
        return NULL;
    }
    memset(t, 0, sizeof *t);
    t->multi = multi;
    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        owu_free(t);
        return NULL;
    }
    return t;
}

owu_http_multi *owu_http__multi_new(const owu_http_route *route, unsigned max_idle) {
    owu_http_multi *multi = owu_malloc(sizeof *multi);
    if (multi == NULL) {
        return NULL;
    }
    memset(multi, 0, sizeof *multi);
    multi->route = route;
    multi->generation = atomic_load(&generation);
    multi->multi = curl_multi_init();
    multi->spare = multi->multi == NULL ? NULL : transfer_new(multi);
    if (multi->spare == NULL) { /* one at least must be possible */
        owu_http__multi_free(multi);
        return NULL;
    }
    multi->is_lane = max_idle == 1;
    (void)curl_multi_setopt(multi->multi, CURLMOPT_MAXCONNECTS, (long)max_idle);
#if LIBCURL_VERSION_NUM >= 0x081400 /* there, resolvers are a pool of the multi's */
    (void)curl_multi_setopt(multi->multi, CURLMOPT_QUICK_EXIT, 1L);
#endif
    return multi;
}

/* In a child nothing is cleaned up: TLS would say goodbye on the parent's connection. */
void owu_http__multi_free(owu_http_multi *multi) {
    Transfer *t;
    if (multi == NULL || is_foreign(multi)) {
        return;
    }
    for (t = multi->spare; t != NULL; t = t->next) {
        transfer_end_life(t);
    }
    (void)curl_multi_cleanup(multi->multi);
    while (multi->spare != NULL) {
        t = multi->spare;
        multi->spare = t->next;
        owu_free(t);
    }
    owu_free(multi);
}

/* ---------------------------------------------------------------- running transfers */

static owu_status fail_multi(CURLMcode code, owu_error *err) {
    return owu_fail(err, code == CURLM_OUT_OF_MEMORY ? OWU_ENOMEM : OWU_EINTERNAL, "libcurl: %s",
                    curl_multi_strerror(code));
}

/* Set everything and hand it to libcurl. */
static owu_status launch(Transfer *t, owu_error *err) {
    CURLMcode multi_code;
    const CURLcode code = set_options(t);
    if (code != CURLE_OK) {
        return owu_fail(err, code == CURLE_OUT_OF_MEMORY ? OWU_ENOMEM : OWU_EINTERNAL,
                        "libcurl refused an option: %s", curl_easy_strerror(code));
    }
    multi_code = curl_multi_add_handle(t->multi->multi, t->easy);
    if (multi_code != CURLM_OK) {
        return fail_multi(multi_code, err);
    }
    t->running = true;
    return OWU_OK;
}

/* It has nothing to do any more. Its handle keeps what set_options may use again. */
static void set_aside(Transfer *t) {
    owu_http_multi *multi = t->multi;
    t->request = NULL;
    t->answer = NULL;
    t->owner = NULL;
    t->running = t->finished = t->head_ended = t->body_began = t->has_line = t->final = false;
    t->n_lines = 0;
    t->error_text[0] = '\0';
    t->header_bytes = 0;
    t->sent = 0;
    t->refused = OWU_OK;
    t->result = CURLE_OK;
    t->next = multi->spare;
    multi->spare = t;
}

owu_status owu_http__multi_add(owu_http_transfer **out, owu_http_multi *multi,
                               const owu_http_request *request, owu_answer *answer, void *owner,
                               owu_error *err) {
    Transfer *t = transfer_new(multi);
    owu_status status;
    if (t == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory before a request");
    }
    t->request = request;
    t->answer = answer;
    t->owner = owner;
    t->start = owu_http__now();
    answer->body.limit = request->max_body;
    collect_headers(t);
    status = launch(t, err);
    if (status != OWU_OK) {
        set_aside(t);
        return status;
    }
    *out = t;
    return OWU_OK;
}

/* libcurl lets it go; the connection stays where that is possible. */
static void detach(Transfer *t) {
    if (t->running) {
        (void)curl_multi_remove_handle(t->multi->multi, t->easy);
        t->running = false;
    }
}

static void take_results(owu_http_multi *multi) {
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->multi, &left)) != NULL) {
        char *private = NULL;
        Transfer *t;
        const CURLcode result = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK) {
            continue;
        }
        t = (Transfer *)(void *)private;
        t->result = result;
        t->finished = true;
        t->next = multi->done;
        multi->done = t;
    }
}

owu_status owu_http__multi_step(owu_http_multi *multi, double seconds, owu_error *err) {
    int running = 0;
    CURLMcode code;
    multi->step_start = owu_http__now();
    code = curl_multi_perform(multi->multi, &running);
    take_results(multi);
    if (code == CURLM_OK && multi->done == NULL) {
        const double most = seconds < longest_wait ? seconds : longest_wait;
        code =
            curl_multi_poll(multi->multi, NULL, 0, most <= 0 ? 0 : (int)(most * 1000.0) + 1, NULL);
    }
    return code == CURLM_OK ? OWU_OK : fail_multi(code, err);
}

void *owu_http__multi_next(owu_http_multi *multi) {
    Transfer *t = multi->done;
    if (t == NULL) {
        return NULL;
    }
    multi->done = t->next;
    t->next = NULL;
    return t->owner;
}

void owu_http__multi_wake(owu_http_multi *multi) {
    (void)curl_multi_wakeup(multi->multi);
}

/* After the transfer, and before its handle forgets it. */
static void count(Transfer *t, owu_http_cost *cost) {
    curl_off_t body = 0;
    long connects = 0, request = 0, headers = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    (void)curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request);
    (void)curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &headers);
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
    cost->connections_opened = connects > 0 ? (uint64_t)connects : 0;
    cost->bytes_received = (uint64_t)headers + (uint64_t)body;
    (void)curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &body);
    cost->bytes_sent = (uint64_t)request + (uint64_t)body;
}

static void forget_finished(Transfer *t) {
    Transfer **link = &t->multi->done;
    while (*link != NULL && *link != t) {
        link = &(*link)->next;
    }
    if (*link == t) {
        *link = t->next;
    }
}

owu_status owu_http__transfer_end(owu_http_transfer *t, bool late, owu_http_cost *cost,
                                  owu_error *err) {
    owu_status status = OWU_OK;
    long code = 0, version = 0;
    memset(cost, 0, sizeof *cost);
    cost->seconds = owu_http__now() - t->start;
    cost->requests = t->sent;
    if (is_foreign(t->multi)) { /* not to be touched any more */
        return owu_fail(err, OWU_EREAD, "the process was forked during the request");
    }
    forget_finished(t);
    if (t->finished && t->result == CURLE_OK && !t->head_ended) {
        t->result = CURLE_PARTIAL_FILE; /* libcurl takes headers that break off for an answer */
    }
    if (!t->finished) {
        t->result = late ? CURLE_OPERATION_TIMEDOUT : CURLE_ABORTED_BY_CALLBACK;
    }
    if (!t->finished && !late) {
        status = owu_fail(err, OWU_EINTERRUPTED, "interrupted");
    } else if (t->result != CURLE_OK) {
        status = fail_transfer(t, err);
    } else {
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
        t->answer->status = (int)code;
        if (!t->request->foreign) {
            (void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
            t->multi->speaks_h2 = version == CURL_HTTP_VERSION_2_0;
        }
    }
    cost->final = t->final;
    count(t, cost);
    detach(t);
    if (t->result != CURLE_OK) {
        drop_connection(t);
    }
    set_aside(t);
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
