/* The bytes are a program for the writer: whatever it is told, what it wrote is JSON. */
#include "fuzz.h"

typedef struct Program {
    const uint8_t *next, *end;
    int depth;
} Program;

static uint8_t take(Program *p) {
    return p->next < p->end ? *p->next++ : 0;
}

static void take_bytes(Program *p, void *out, size_t size) {
    size_t i;
    for (i = 0; i < size; i++) {
        ((uint8_t *)out)[i] = take(p);
    }
}

/* The next bytes as text: those that are not UTF-8 by themselves as the character of that number. */
static size_t take_text(Program *p, char out[128]) {
    const size_t wanted = take(p) % 60;
    size_t i, len = 0;
    for (i = 0; i < wanted; i++) {
        const unsigned c = take(p);
        if (c < 0x80) {
            out[len++] = (char)c;
        } else {
            out[len++] = (char)(0xC0 | c >> 6);
            out[len++] = (char)(0x80 | (c & 0x3F));
        }
    }
    return len;
}

static void write_value(Program *p, owu_writer *w);

static void write_members(Program *p, owu_writer *w, bool keyed) {
    size_t left = take(p) % 8;
    p->depth++;
    while (left-- != 0 && p->next < p->end) {
        if (keyed) {
            char key[128];
            const size_t len = take_text(p, key);
            owu_write_key(w, key, len, 0);
        }
        write_value(p, w);
    }
    p->depth--;
}

static void write_value(Program *p, owu_writer *w) {
    char text[128];
    int64_t integer = 0;
    double number = 0;
    switch (p->depth > 40 ? 0 : take(p) % 8) {
    case 1:
        owu_write_bool(w, (take(p) & 1) != 0);
        break;
    case 2:
        take_bytes(p, &integer, sizeof integer);
        owu_write_int(w, integer);
        break;
    case 3:
        take_bytes(p, &number, sizeof number);
        if (number - number == 0) { /* finite */
            owu_write_double(w, number);
        } else {
            owu_write_null(w);
        }
        break;
    case 4:
        owu_write_string(w, text, take_text(p, text), 0);
        break;
    case 5:
        owu_write_begin_object(w);
        write_members(p, w, true);
        owu_write_end_object(w);
        break;
    case 6:
        owu_write_begin_array(w);
        write_members(p, w, false);
        owu_write_end_array(w);
        break;
    case 7: {
        const owu_date date = {(int16_t)(1 + take(p) * 39), (uint8_t)(1 + take(p) % 12),
                               (uint8_t)(1 + take(p) % 28)};
        owu_write_date(w, date);
        break;
    }
    default:
        owu_write_null(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Program program = {data, data + size, 0};
    owu_buffer out = {0};
    owu_writer writer;
    owu_writer_init(&writer, &out, (int)(take(&program) % 6) - 1);
    write_value(&program, &writer);
    MUST(out.status == OWU_OK);
    MUST(owu_json_walk(out.data, out.len, NULL, NULL, NULL) == OWU_OK);
    owu_buffer_free(&out);
    return 0;
}
