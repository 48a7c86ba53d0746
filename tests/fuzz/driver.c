/* Calls the target it is linked with for each file of the command line. */
#include "fuzz.h"

static int run_file(const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0, room = 0;
    if (file == NULL) {
        perror(path);
        return 1;
    }
    for (;;) {
        size_t got;
        if (size == room) {
            uint8_t *more;
            room = room == 0 ? 4096 : room * 2;
            more = realloc(data, room);
            MUST(more != NULL);
            data = more;
        }
        got = fread(data + size, 1, room - size, file);
        if (got == 0) {
            break;
        }
        size += got;
    }
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

int main(int argc, char **argv) {
    int failed = 0;
    int i;
    for (i = 1; i < argc; i++) {
        failed |= run_file(argv[i]);
    }
    (void)printf("%d inputs\n", argc - 1);
    return failed;
}
