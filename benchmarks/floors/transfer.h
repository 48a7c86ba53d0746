/*
 * transfer.h - a GET over libcurl as a real client of a JSON API makes it, and nothing made of its
 * answer.
 */
#ifndef TRANSFER_H
#define TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum { TIMEOUT_MS = 60000 };

/* One easy handle and the body of its running call. Both are used again for the next. */
typedef struct Transfer {
    CURL *easy;
    char *body;
    size_t len;
    size_t room;
} Transfer;

void check_easy(CURLcode code, const char *what);

struct curl_slist *request_headers(void);

/* All options are set once: they outlast the call, and so does the connection. */
void transfer_init(Transfer *t, const char *url, struct curl_slist *headers);
void transfer_free(Transfer *t);

/* Did the call succeed, with the body of that other one? */
bool transfer_is_like(const Transfer *t, CURLcode result, const Transfer *other);

#endif
