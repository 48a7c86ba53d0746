/* server.h - a server in a thread of the test itself, and a client for it. */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "owu.h"

static int listener;
static unsigned port_number;

static const char answer_text[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n"
    "{\"users\": [], \"total\": 0}";

static inline void sleep_for(double seconds) {
    const struct timespec length = {(time_t)seconds,
                                    (long)((seconds - (double)(time_t)seconds) * 1e9)};
    (void)nanosleep(&length, NULL);
}

/* While memory runs out in all places of a test, which then runs often, a small part of it is enough. */
static inline void pause_for(double seconds) {
    sleep_for(check_starves() ? seconds / 30 : seconds);
}

/* Answers every request of one connection; one that asks for "slow" after a while. */
static void *serve_one(void *context) {
    const int stream = (int)(intptr_t)context;
    char text[4096];
    size_t len = 0;
    ssize_t got;
    while ((got = recv(stream, text + len, sizeof text - len - 1, 0)) > 0) {
        len += (size_t)got;
        text[len] = '\0';
        if (strstr(text, "\r\n\r\n") != NULL) {
            if (strstr(text, "slow") != NULL) {
                pause_for(0.3);
            }
            len = 0;
            (void)send(stream, answer_text, sizeof answer_text - 1, MSG_NOSIGNAL);
        }
    }
    (void)close(stream);
    return NULL;
}

static void *serve(void *unused) {
    int stream;
    while ((stream = accept(listener, NULL, NULL)) >= 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)stream) == 0) {
            (void)pthread_detach(thread);
        }
    }
    return unused;
}

static inline void *count_and_allocate(size_t n, size_t size) {
    void *memory = size != 0 && n > SIZE_MAX / size ? NULL : owu_malloc(n * size);
    return memory == NULL ? NULL : memset(memory, 0, n * size);
}

static inline char *duplicate(const char *text) {
    const size_t size = strlen(text) + 1;
    char *copy = owu_malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

/* Where memory runs out, libcurl's does too. */
static inline bool share_memory_with_libcurl(void) {
    return !check_starves() ||
           curl_global_init_mem(CURL_GLOBAL_DEFAULT, owu_malloc, owu_free, owu_realloc, duplicate,
                                count_and_allocate) == CURLE_OK;
}

static inline bool start_server(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    pthread_t thread;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        return false;
    }
    port_number = ntohs(address.sin_port);
    return pthread_create(&thread, NULL, serve, NULL) == 0 && pthread_detach(thread) == 0;
}

/* @param max_connections 0: the default. */
static inline owu_status make_client(owu_client **out, unsigned max_connections, owu_error *err) {
    char url[64];
    owu_settings settings = {.api_key = "sk-x", .api_key_len = 4, .user_agent = "test"};
    const int len = snprintf(url, sizeof url, "http://127.0.0.1:%u", port_number);
    settings.base_url = url;
    settings.base_url_len = (size_t)len;
    settings.max_connections = max_connections;
    return owu_client_new(out, &settings, err);
}

#endif
