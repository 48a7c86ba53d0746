/*
 * transfer.c - the options and the body of a call.
 */
#include "transfer.h"
#include "measured.h"
#include <stdlib.h>
#include <string.h>

void check_easy(CURLcode code, const char *what) {
    if (code != CURLE_OK) {
        die(what, curl_easy_strerror(code));
    }
}

struct curl_slist *request_headers(void) {
    struct curl_slist *first = curl_slist_append(NULL, "Authorization: Bearer sk-key");
    struct curl_slist *all = curl_slist_append(first, "Accept: application/json");
    if (first == NULL || all == NULL) {
        die("headers", "no memory");
    }
    return all;
}

static size_t on_body(char *data, size_t size, size_t n, void *context) {
    Transfer *t = context;
    const size_t more = size * n;
    if (more > t->room - t->len) {
        const size_t room = 2 * (t->len + more);
        char *longer = realloc(t->body, room);
        if (longer == NULL) {
            return CURL_WRITEFUNC_ERROR;
        }
        t->body = longer;
        t->room = room;
    }
    memcpy(t->body + t->len, data, more);
    t->len += more;
    return more;
}

#define SET(option, value) check_easy(curl_easy_setopt(t->easy, option, value), #option)

void transfer_init(Transfer *t, const char *url, struct curl_slist *headers) {
    memset(t, 0, sizeof *t);
    t->easy = curl_easy_init();
    if (t->easy == NULL) {
        die("curl_easy_init", "no memory");
    }
    SET(CURLOPT_URL, url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_ACCEPT_ENCODING, "");
    SET(CURLOPT_USERAGENT, "floor");
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)TIMEOUT_MS);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_PRIVATE, t);
}

void transfer_free(Transfer *t) {
    curl_easy_cleanup(t->easy);
    free(t->body);
}

bool transfer_is_like(const Transfer *t, CURLcode result, const Transfer *other) {
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    return result == CURLE_OK && status == 200 && t->len == other->len &&
           memcmp(t->body, other->body, t->len) == 0;
}
