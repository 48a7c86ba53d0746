/*
 * json_floor.c - the least that is done with a text before it is users.
 *
 *     json_floor parse|copy FILE SECONDS
 *
 * parse: cJSON makes its tree of the text; what it takes to free the tree is not counted.
 * copy: the text is copied into memory that was used before.
 *
 * Prints one line of JSON with all repetitions.
 */
#include "measured.h"
#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Text {
    char *bytes;
    size_t len;
} Text;

static Text read_file(const char *path) {
    FILE *file = fopen(path, "rb");
    Text text = {NULL, 0};
    long len = -1;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0 || (len = ftell(file)) <= 0) {
        die(path, "cannot be read");
    }
    rewind(file);
    text.len = (size_t)len;
    text.bytes = malloc(text.len);
    if (text.bytes == NULL || fread(text.bytes, 1, text.len, file) != text.len) {
        die(path, "cannot be read");
    }
    (void)fclose(file);
    return text;
}

static void parse(const Text *text, Laps *laps) {
    while (laps_next(laps)) {
        cJSON *tree = cJSON_ParseWithLength(text->bytes, text->len);
        laps_stop(laps);
        if (tree == NULL) {
            die("cJSON", "refuses the text");
        }
        cJSON_Delete(tree);
    }
}

static void copy(const Text *text, Laps *laps) {
    /* called through a pointer that may change: else the compiler sees that nobody reads the copy */
    void *(*volatile copied)(void *, const void *, size_t) = memcpy;
    char *room = malloc(text->len);
    if (room == NULL) {
        die("copy", "no memory");
    }
    (void)copied(room, text->bytes, text->len);
    while (laps_next(laps)) {
        (void)copied(room, text->bytes, text->len);
        laps_stop(laps);
    }
    free(room);
}

int main(int argc, char **argv) {
    static Laps laps;
    const bool parses = argc == 4 && strcmp(argv[1], "parse") == 0;
    Text text;
    if (!parses && (argc != 4 || strcmp(argv[1], "copy") != 0)) {
        die("usage", "json_floor parse|copy FILE SECONDS");
    }
    text = read_file(argv[2]);
    laps_begin(&laps, strtod(argv[3], NULL));
    if (parses) {
        parse(&text, &laps);
    } else {
        copy(&text, &laps);
    }
    laps_print(&laps);
    free(text.bytes);
    return 0;
}
