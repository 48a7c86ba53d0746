/* The bytes are what a server answers, status line, header lines and body: a call that gets them
 * ends with what the bytes are worth, and nothing else. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"

static int listener;
static owu_client *client;
/* A copy: the server may still send when the call has ended. */
static uint8_t answer_bytes[1 << 16];
static size_t answer_size;

static void *serve(void *unused) {
    int stream;
    while ((stream = accept(listener, NULL, NULL)) >= 0) {
        char request[8192];
        size_t len = 0;
        ssize_t got;
        while (len < sizeof request - 1 &&
               (got = recv(stream, request + len, sizeof request - 1 - len, 0)) > 0) {
            len += (size_t)got;
            request[len] = '\0';
            if (strstr(request, "\r\n\r\n") != NULL) {
                break;
            }
        }
        (void)send(stream, answer_bytes, answer_size, MSG_NOSIGNAL);
        (void)close(stream); /* the request was read whole, so this is no reset */
    }
    return unused;
}

static void start(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    owu_settings settings = {.api_key = "sk-x", .api_key_len = 4, .user_agent = "fuzz"};
    pthread_t thread;
    char url[64];
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    MUST(listen(listener, 64) == 0);
    MUST(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    MUST(pthread_create(&thread, NULL, serve, NULL) == 0 && pthread_detach(thread) == 0);
    settings.base_url = url;
    settings.base_url_len =
        (size_t)snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    MUST(owu_client_new(&client, &settings, NULL) == OWU_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const owu_endpoint *endpoint = owu_endpoint_find("users", "get_users");
    owu_options options = OWU_OPTIONS_INIT;
    owu_cell args[OWU_MAX_PARAMS] = {{0}};
    owu_answer answer = {0};
    owu_error err = {0};
    owu_status status;
    if (client == NULL) {
        start();
    }
    answer_size = size < sizeof answer_bytes ? size : sizeof answer_bytes;
    memcpy(answer_bytes, data, answer_size);
    options.retry.max_retries = 0;
    options.timeout = 5;
    options.max_body = 1 << 20;
    status = owu_client_call(client, endpoint, args, NULL, 0, &options, &answer, &err);
    MUST(status != OWU_EINTERNAL && status != OWU_ENOMEM);
    MUST((status == OWU_OK) == (answer.document != NULL));
    MUST(status == OWU_OK || err.message[0] != '\0' || status == OWU_ESTATUS ||
         status == OWU_ESCHEMA);
    owu_answer_free(&answer);
    return 0;
}
