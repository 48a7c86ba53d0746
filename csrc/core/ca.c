/* ca.c - where the certificates are that servers are trusted by. */
#define _POSIX_C_SOURCE 200809L
#include <stdlib.h>
#include <unistd.h>

#include "http.h"
#include "internal.h"

/* Where systems keep them; a library built elsewhere may look in a place that is not here. */
static const char *const places[] = {
    "/etc/ssl/certs/ca-certificates.crt",                /* Debian, Ubuntu, Arch, Alpine */
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", /* Fedora, RHEL */
    "/etc/pki/tls/certs/ca-bundle.crt",                  /* older Fedora, RHEL */
    "/etc/ssl/ca-bundle.pem",                            /* openSUSE */
    "/etc/ssl/cert.pem",                                 /* macOS, BSD, Alpine */
    "/usr/local/share/certs/ca-root-nss.crt",            /* FreeBSD */
};

static bool readable(const char *path) {
    return path != NULL && access(path, R_OK) == 0;
}

static const char *environment(const char *name) {
    const char *value = getenv(name);
    return value != NULL && *value != '\0' ? value : NULL;
}

bool owu_ca_find(bool trust_env, const char **file, const char **directory) {
    size_t i;
    *file = *directory = NULL;
    if (trust_env) {
        *file = environment("SSL_CERT_FILE");
        *file = *file != NULL ? *file : environment("CURL_CA_BUNDLE");
        *directory = environment("SSL_CERT_DIR");
        if (*file != NULL || *directory != NULL) {
            return true;
        }
    }
    *file = owu_http__default_ca_file();
    for (i = 0; !readable(*file) && i < sizeof places / sizeof *places; i++) {
        *file = places[i];
    }
    if (readable(*file)) {
        return true;
    }
    *file = NULL;
    *directory = owu_http__default_ca_directory();
    if (readable(*directory)) {
        return true;
    }
    *directory = NULL;
    return false;
}
