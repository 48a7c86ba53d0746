/*
 * curl_easy.c - the least that one call after the other costs over libcurl.
 *
 *     curl_easy URL CALLS SECONDS
 *
 * GETs one URL over a kept connection with curl_easy_perform, CALLS times a repetition, and
 * compares each body with that of a first call, which is not counted. Makes nothing of what it
 * reads. Prints one line of JSON with all repetitions.
 */
#include "measured.h"
#include "transfer.h"
#include <stdlib.h>

int main(int argc, char **argv) {
    static Laps laps;
    Transfer first, t;
    struct curl_slist *headers;
    long calls, i;

    if (argc != 4) {
        die("usage", "curl_easy URL CALLS SECONDS");
    }
    calls = number(argv[2], 1000000);
    check_easy(curl_global_init(CURL_GLOBAL_DEFAULT), "curl_global_init");
    headers = request_headers();
    transfer_init(&first, argv[1], headers);
    transfer_init(&t, argv[1], headers);
    check_easy(curl_easy_perform(first.easy), argv[1]);
    check_easy(curl_easy_perform(t.easy), argv[1]);

    laps_begin(&laps, strtod(argv[3], NULL));
    while (laps_next(&laps)) {
        for (i = 0; i < calls; i++) {
            t.len = 0;
            if (!transfer_is_like(&t, curl_easy_perform(t.easy), &first)) {
                die(argv[1], "another answer than before");
            }
        }
        laps_stop(&laps);
    }
    laps_print(&laps);

    transfer_free(&first);
    transfer_free(&t);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
