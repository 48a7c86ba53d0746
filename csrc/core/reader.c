/*
 * reader.c - the strict JSON reader: RFC 8259 grammar, UTF-8, bounded depth, nothing lost.
 *
 * One pass over the bytes. Where a type is known, values go straight into record cells; where it
 * is not, the text is checked and kept, or told to a sink. No allocation but the arena and two
 * growing stacks, no global, no lock.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* A list under construction: its cells move into the arena when their number is known. */
struct cell_stack {
    owu_cell *items;
    size_t len, capacity;
};

struct key_slice {
    const char *p;
    size_t len;
};

/* The keys of the free-form objects that are open: a duplicate makes their text not normal. */
struct key_stack {
    struct key_slice *items;
    size_t len, capacity;
};

enum { KEYS_COMPARED = 48 }; /* wider free-form objects are simply taken as not normal */

struct reader {
    const char *start, *p, *end;
    owu_arena *arena;
    unsigned flags;
    unsigned depth;
    bool normal; /* of the free-form value being checked: see OWU_CELL_NORMAL */
    owu_faults *faults;
    owu_error *err;
    const owu_sink *sink;
    void *context;
    struct cell_stack cells;
    struct key_stack keys;
};

/* One string as it stands in the text, between its quotes. */
struct raw_string {
    const char *p;
    size_t len;
    bool escaped;
    unsigned flags; /* OWU_CELL_ASCII, and OWU_CELL_PLAIN when nothing is escaped */
};

static owu_status read_value(struct reader *r, const owu_type *type, const struct owu_path *path,
                             const owu_model *owner, unsigned field_flags, owu_cell *out);
static owu_status walk_value(struct reader *r);

/* ---------------------------------------------------------------- failures */

static owu_status fail_at(struct reader *r, const char *p, const char *what) {
    size_t line = 1;
    const char *line_start = r->start;
    const char *q;
    for (q = r->start; q < p; q++) {
        if (*q == '\n') {
            line++;
            line_start = q + 1;
        }
    }
    (void)owu_fail(r->err, OWU_EJSON, "%s at line %zu column %zu", what, line,
                   (size_t)(p - line_start) + 1);
    if (r->err != NULL) {
        r->err->offset = (size_t)(p - r->start);
        r->err->line = line;
        r->err->column = (size_t)(p - line_start) + 1;
    }
    return OWU_EJSON;
}

static owu_status out_of_memory(struct reader *r) {
    return owu_fail(r->err, OWU_ENOMEM, "out of memory while reading JSON");
}

static owu_status unexpected(struct reader *r, const char *expected) {
    return fail_at(r, r->p, r->p >= r->end ? "unexpected end of the text" : expected);
}

/* ---------------------------------------------------------------- tokens */

static void skip_space(struct reader *r) {
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\n' || *r->p == '\r' || *r->p == '\t')) {
        r->p++;
        r->normal = false;
    }
}

unsigned owu_utf8__length(const unsigned char *p, const unsigned char *end) {
    const size_t left = (size_t)(end - p);
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if ((p[0] & 0xF0) == 0xE0) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 ||
            (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) {
            return 0;
        }
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80 ||
            (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
            return 0;
        }
        return 4;
    }
    return 0;
}

/* The first of eight bytes from p that is a quote, a backslash, a control or not ASCII: are there
 * any? Subtracting with borrow finds bytes below a bound; exact enough, as a false alarm only
 * takes the slow way. */
static bool eight_are_plain(const char *p) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t x, quote, backslash;
    memcpy(&x, p, sizeof x);
    quote = x ^ (ones * '"');
    backslash = x ^ (ones * '\\');
    return (((x - ones * 0x20) | (quote - ones) | (backslash - ones) | x) & high) == 0;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned hex_value(char c) {
    if (c <= '9') {
        return (unsigned)(c - '0');
    }
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static unsigned four_hex(const char *p) {
    return hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 | hex_value(p[3]);
}

/* Check the escape at r->p (a backslash) and step over it. */
static owu_status skip_escape(struct reader *r) {
    const char *p = r->p;
    unsigned unit;
    if (r->end - p < 2) {
        return fail_at(r, p, "unexpected end of the text in an escape");
    }
    if (p[1] != 'u') {
        if (memchr("\"\\/bfnrt", p[1], 8) == NULL) {
            return fail_at(r, p, "invalid escape");
        }
        r->normal = r->normal && p[1] != '/';
        r->p += 2;
        return OWU_OK;
    }
    if (r->end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5])) {
        return fail_at(r, p, "an escape \\u needs four hexadecimal digits");
    }
    unit = four_hex(p + 2);
    r->normal = false; /* \u00xx of a control may be normal, but that is rare */
    r->p += 6;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return OWU_OK;
    }
    if (unit > 0xDBFF || r->end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_hex(p[8]) ||
        !is_hex(p[9]) || !is_hex(p[10]) || !is_hex(p[11]) || four_hex(p + 8) < 0xDC00 ||
        four_hex(p + 8) > 0xDFFF) {
        return fail_at(r, p, "lone surrogate in an escape");
    }
    r->p += 6;
    return OWU_OK;
}

/* r->p is behind the opening quote; afterwards behind the closing one. */
static owu_status read_raw_string(struct reader *r, struct raw_string *out) {
    unsigned char high = 0;
    out->p = r->p;
    out->escaped = false;
    for (;;) {
        while (r->end - r->p >= 8 && eight_are_plain(r->p)) {
            r->p += 8;
        }
        if (r->p >= r->end) {
            return fail_at(r, r->p, "unexpected end of the text in a string");
        }
        if (*r->p == '"') {
            break;
        }
        if (*r->p == '\\') {
            const owu_status status = skip_escape(r);
            if (status != OWU_OK) {
                return status;
            }
            out->escaped = true;
        } else if ((unsigned char)*r->p < 0x20) {
            return fail_at(r, r->p, "control character in a string");
        } else {
            const unsigned n =
                owu_utf8__length((const unsigned char *)r->p, (const unsigned char *)r->end);
            if (n == 0) {
                return fail_at(r, r->p, "invalid UTF-8");
            }
            high = (unsigned char)(high | (unsigned char)*r->p);
            r->p += n;
        }
    }
    out->len = (size_t)(r->p - out->p);
    out->flags = (high & 0x80 ? 0u : (unsigned)OWU_CELL_ASCII) |
                 (out->escaped ? 0u : (unsigned)OWU_CELL_PLAIN);
    r->p++;
    return OWU_OK;
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

static char unescaped_char(char c) {
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* The checked raw string as UTF-8 in the arena (NUL behind it); NULL when memory ran out. */
static const char *unescape(owu_arena *arena, struct raw_string *raw) {
    char *to, *result;
    const char *p = raw->p, *const end = raw->p + raw->len;
    if (!raw->escaped) {
        return owu_arena_copy(arena, raw->p, raw->len);
    }
    result = to = owu_arena_alloc(arena, raw->len + 1);
    if (result == NULL) {
        return NULL;
    }
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
        } else if (p[1] != 'u') {
            *to++ = unescaped_char(p[1]);
            p += 2;
        } else {
            unsigned code = four_hex(p + 2);
            p += 6;
            if (code >= 0xD800 && code <= 0xDBFF) {
                code = 0x10000 + ((code - 0xD800) << 10) + (four_hex(p + 2) - 0xDC00);
                p += 6;
            }
            if (code >= 0x80) {
                raw->flags &= ~(unsigned)OWU_CELL_ASCII;
            }
            to = put_utf8(to, code);
        }
    }
    *to = '\0';
    raw->len = (size_t)(to - result);
    return result;
}

static owu_status read_string(struct reader *r, owu_cell *out) {
    struct raw_string raw;
    const owu_status status = read_raw_string(r, &raw);
    const char *text;
    if (status != OWU_OK) {
        return status;
    }
    if (raw.len > UINT32_MAX) {
        return owu_fail(r->err, OWU_ELIMIT, "a string of more than 4 GiB");
    }
    text = unescape(r->arena, &raw);
    if (text == NULL) {
        return out_of_memory(r);
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_STR;
    out->flags = (uint8_t)raw.flags;
    out->len = (uint32_t)raw.len;
    out->u.text = text;
    return OWU_OK;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Check the number at r->p and step over it. */
static owu_status skip_number(struct reader *r, bool *integral) {
    *integral = true;
    if (r->p < r->end && *r->p == '-') {
        r->p++;
    }
    if (r->p >= r->end || !is_digit(*r->p)) {
        return unexpected(r, "invalid number");
    }
    if (*r->p == '0' && r->end - r->p >= 2 && is_digit(r->p[1])) {
        return fail_at(r, r->p, "invalid number: leading zero");
    }
    while (r->p < r->end && is_digit(*r->p)) {
        r->p++;
    }
    if (r->p < r->end && *r->p == '.') {
        *integral = false;
        r->p++;
        if (r->p >= r->end || !is_digit(*r->p)) {
            return unexpected(r, "invalid number: a digit is due behind the point");
        }
        while (r->p < r->end && is_digit(*r->p)) {
            r->p++;
        }
    }
    if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
        *integral = false;
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-')) {
            r->p++;
        }
        if (r->p >= r->end || !is_digit(*r->p)) {
            return unexpected(r, "invalid number: a digit is due in the exponent");
        }
        while (r->p < r->end && is_digit(*r->p)) {
            r->p++;
        }
    }
    return OWU_OK;
}

static owu_status read_number(struct reader *r, owu_cell *out) {
    const char *const start = r->p;
    bool integral;
    const owu_status status = skip_number(r, &integral);
    const size_t len = (size_t)(r->p - start);
    if (status != OWU_OK) {
        return status;
    }
    if (integral) {
        owu_integer__cell(out, start, len);
        if (out->tag == OWU_TAG_BIGINT) {
            out->u.text = owu_arena_copy(r->arena, start, len);
            return out->u.text == NULL ? out_of_memory(r) : OWU_OK;
        }
        return OWU_OK;
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_FLOAT;
    out->u.number = owu_number__parse(start, len);
    return OWU_OK;
}

static owu_status skip_word(struct reader *r, const char *word) {
    const size_t len = strlen(word);
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0) {
        return unexpected(r, "expected a value");
    }
    r->p += len;
    return OWU_OK;
}

static owu_status enter(struct reader *r) {
    if (++r->depth > OWU_MAX_DEPTH) {
        return fail_at(r, r->p, "nested too deeply");
    }
    r->p++;
    skip_space(r);
    return OWU_OK;
}

/* Behind an item: *more tells whether another follows. */
static owu_status next_item(struct reader *r, char closing, bool *more) {
    skip_space(r);
    if (r->p < r->end && *r->p == ',') {
        r->p++;
        skip_space(r);
        *more = true;
        return OWU_OK;
    }
    if (r->p < r->end && *r->p == closing) {
        r->p++;
        r->depth--;
        *more = false;
        return OWU_OK;
    }
    return unexpected(r, closing == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
}

/* At the first item of what enter() opened: is it empty? */
static bool close_empty(struct reader *r, char closing) {
    if (r->p < r->end && *r->p == closing) {
        r->p++;
        r->depth--;
        return true;
    }
    return false;
}

/* The quote, the key, the colon; r->p is then at the value. */
static owu_status read_raw_key(struct reader *r, struct raw_string *key) {
    owu_status status;
    if (r->p >= r->end || *r->p != '"') {
        return unexpected(r, "expected a key in quotes");
    }
    r->p++;
    status = read_raw_string(r, key);
    if (status != OWU_OK) {
        return status;
    }
    skip_space(r);
    if (r->p >= r->end || *r->p != ':') {
        return unexpected(r, "expected `:`");
    }
    r->p++;
    skip_space(r);
    return OWU_OK;
}

/* ---------------------------------------------------------------- free-form values */

#define TELL(r, call) ((r)->sink == NULL || (r)->sink->call ? OWU_OK : OWU_EINTERRUPTED)

static owu_status tell_string(struct reader *r, struct raw_string *raw, bool is_key) {
    const char *text;
    if (r->sink == NULL) {
        return OWU_OK;
    }
    text = raw->escaped ? unescape(r->arena, raw) : raw->p;
    if (text == NULL) {
        return out_of_memory(r);
    }
    return is_key ? TELL(r, key(r->context, text, raw->len, raw->flags))
                  : TELL(r, string(r->context, text, raw->len, raw->flags));
}

/* A key seen before in the same object makes the text not normal. */
static owu_status remember_key(struct reader *r, size_t first, const struct raw_string *key) {
    size_t i;
    if (!r->normal) {
        return OWU_OK;
    }
    if (r->keys.len - first >= KEYS_COMPARED) {
        r->normal = false;
        return OWU_OK;
    }
    for (i = first; i < r->keys.len; i++) {
        if (r->keys.items[i].len == key->len && memcmp(r->keys.items[i].p, key->p, key->len) == 0) {
            r->normal = false;
            return OWU_OK;
        }
    }
    if (r->keys.len == r->keys.capacity) {
        const size_t capacity = r->keys.capacity == 0 ? 64 : r->keys.capacity * 2;
        struct key_slice *items = owu_realloc(r->keys.items, capacity * sizeof *items);
        if (items == NULL) {
            return out_of_memory(r);
        }
        r->keys.items = items;
        r->keys.capacity = capacity;
    }
    r->keys.items[r->keys.len].p = key->p;
    r->keys.items[r->keys.len++].len = key->len;
    return OWU_OK;
}

static owu_status walk_object(struct reader *r) {
    const size_t first_key = r->keys.len;
    bool more = true;
    owu_status status = enter(r);
    if (status == OWU_OK) {
        status = TELL(r, begin_object(r->context));
    }
    if (status == OWU_OK && close_empty(r, '}')) {
        return TELL(r, end_object(r->context));
    }
    while (status == OWU_OK && more) {
        struct raw_string key;
        status = read_raw_key(r, &key);
        if (status == OWU_OK) {
            status = remember_key(r, first_key, &key);
        }
        if (status == OWU_OK) {
            status = tell_string(r, &key, true);
        }
        if (status == OWU_OK) {
            status = walk_value(r);
        }
        if (status == OWU_OK) {
            status = next_item(r, '}', &more);
        }
    }
    r->keys.len = first_key;
    return status == OWU_OK ? TELL(r, end_object(r->context)) : status;
}

static owu_status walk_array(struct reader *r) {
    bool more = true;
    owu_status status = enter(r);
    if (status == OWU_OK) {
        status = TELL(r, begin_array(r->context));
    }
    if (status == OWU_OK && close_empty(r, ']')) {
        return TELL(r, end_array(r->context));
    }
    while (status == OWU_OK && more) {
        status = walk_value(r);
        if (status == OWU_OK) {
            status = next_item(r, ']', &more);
        }
    }
    return status == OWU_OK ? TELL(r, end_array(r->context)) : status;
}

static owu_status walk_number(struct reader *r) {
    const char *const start = r->p;
    bool integral;
    const owu_status status = skip_number(r, &integral);
    const size_t len = (size_t)(r->p - start);
    const bool minus_zero = len == 2 && start[0] == '-' && start[1] == '0';
    if (status != OWU_OK) {
        return status;
    }
    r->normal = r->normal && integral && !minus_zero;
    if (r->sink == NULL) {
        return OWU_OK;
    }
    if (integral) {
        return minus_zero ? TELL(r, integer(r->context, "0", 1))
                          : TELL(r, integer(r->context, start, len));
    }
    return TELL(r, number(r->context, owu_number__parse(start, len), start, len));
}

static owu_status walk_value(struct reader *r) {
    owu_status status;
    struct raw_string raw;
    if (r->p >= r->end) {
        return fail_at(r, r->p, "unexpected end of the text");
    }
    switch (*r->p) {
    case '"':
        r->p++;
        status = read_raw_string(r, &raw);
        return status == OWU_OK ? tell_string(r, &raw, false) : status;
    case '{':
        return walk_object(r);
    case '[':
        return walk_array(r);
    case 't':
        status = skip_word(r, "true");
        return status == OWU_OK ? TELL(r, boolean(r->context, true)) : status;
    case 'f':
        status = skip_word(r, "false");
        return status == OWU_OK ? TELL(r, boolean(r->context, false)) : status;
    case 'n':
        status = skip_word(r, "null");
        return status == OWU_OK ? TELL(r, null(r->context)) : status;
    default:
        if (*r->p != '-' && !is_digit(*r->p)) {
            return unexpected(r, "expected a value");
        }
        return walk_number(r);
    }
}

/* Check the value at r->p and keep its text in the arena. */
static owu_status keep_json(struct reader *r, owu_cell *out) {
    const char *const start = r->p;
    owu_status status;
    size_t len;
    r->normal = true;
    status = walk_value(r);
    if (status != OWU_OK) {
        return status;
    }
    len = (size_t)(r->p - start);
    if (len > UINT32_MAX) {
        return owu_fail(r->err, OWU_ELIMIT, "a value of more than 4 GiB");
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_JSON;
    out->flags = r->normal ? OWU_CELL_NORMAL : 0;
    out->len = (uint32_t)len;
    out->u.text = owu_arena_copy(r->arena, start, len);
    return out->u.text == NULL ? out_of_memory(r) : OWU_OK;
}

/* ---------------------------------------------------------------- typed values */

static void add_fault(struct reader *r, owu_fault_type type, const struct owu_path *path,
                      const owu_model *owner, const char *input, unsigned field_flags,
                      const char *detail) {
    owu_faults__add(r->faults, type, path, owner, input, (size_t)(r->p - input),
                    (field_flags & OWU_SECRET) != 0, detail);
}

static owu_fault_type wrong_type(const owu_type *type) {
    static const owu_cell nothing = {.tag = OWU_TAG_UNSET};
    owu_cell unused;
    owu_type plain = *type;
    plain.nullable = false;
    return owu_coerce(&plain, &nothing, OWU_READ_STRICT, NULL, &unused, NULL);
}

/* A value of the wrong shape: check it, step over it, note the fault. */
static owu_status refuse(struct reader *r, const owu_type *type, const struct owu_path *path,
                         const owu_model *owner, unsigned field_flags) {
    const char *const start = r->p;
    const owu_status status = walk_value(r);
    if (status == OWU_OK) {
        add_fault(r, wrong_type(type), path, owner, start, field_flags, NULL);
    }
    return status;
}

static owu_status read_scalar(struct reader *r, const owu_type *type, const struct owu_path *path,
                              const owu_model *owner, unsigned field_flags, owu_cell *out) {
    const char *const start = r->p;
    owu_status status;
    owu_fault_type fault;
    owu_cell in;
    char detail[48];

    memset(&in, 0, sizeof in);
    switch (*r->p) {
    case '"':
        r->p++;
        status = read_string(r, &in);
        break;
    case 't':
    case 'f':
        in.tag = OWU_TAG_BOOL;
        in.u.boolean = *r->p == 't';
        status = skip_word(r, in.u.boolean ? "true" : "false");
        break;
    case 'n':
        in.tag = OWU_TAG_NULL;
        status = skip_word(r, "null");
        break;
    case '{':
    case '[':
        return refuse(r, type, path, owner, field_flags);
    default:
        if (*r->p != '-' && !is_digit(*r->p)) {
            return unexpected(r, "expected a value");
        }
        status = read_number(r, &in);
    }
    if (status != OWU_OK) {
        return status;
    }
    if (in.tag == OWU_TAG_STR && type->kind == OWU_STR) { /* most of what comes */
        *out = in;
        return OWU_OK;
    }
    fault = owu_coerce(type, &in, r->flags, r->arena, out, detail);
    if (fault != OWU_FAULT_NONE) {
        memset(out, 0, sizeof *out);
        add_fault(r, fault, path, owner, start, field_flags, detail);
    } else if (out->tag == OWU_TAG_UNSET) {
        return out_of_memory(r);
    }
    return OWU_OK;
}

static owu_status push_cell(struct reader *r, owu_cell cell) {
    if (r->cells.len == r->cells.capacity) {
        const size_t capacity = r->cells.capacity == 0 ? 64 : r->cells.capacity * 2;
        owu_cell *items = owu_realloc(r->cells.items, capacity * sizeof *items);
        if (items == NULL) {
            return out_of_memory(r);
        }
        r->cells.items = items;
        r->cells.capacity = capacity;
    }
    r->cells.items[r->cells.len++] = cell;
    return OWU_OK;
}

/* Move the cells from `first` on into the arena. */
static owu_status take_cells(struct reader *r, size_t first, owu_tag tag, owu_cell *out) {
    const size_t n = r->cells.len - first;
    owu_cell *cells = owu_arena_alloc(r->arena, n * sizeof *cells);
    if (cells == NULL) {
        return out_of_memory(r);
    }
    if (n != 0) {
        memcpy(cells, r->cells.items + first, n * sizeof *cells);
    }
    r->cells.len = first;
    memset(out, 0, sizeof *out);
    out->tag = (uint8_t)tag;
    out->len = (uint32_t)(tag == OWU_TAG_MAP ? n / 2 : n);
    out->u.cells = cells;
    return OWU_OK;
}

static owu_status read_list(struct reader *r, const owu_type *type, const struct owu_path *path,
                            const owu_model *owner, unsigned field_flags, owu_cell *out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    const size_t first = r->cells.len;
    struct owu_path step = {path, NULL, 0, 0, 0};
    bool more;
    owu_status status = enter(r);
    if (status != OWU_OK) {
        return status;
    }
    more = !close_empty(r, ']');
    while (status == OWU_OK && more) {
        owu_cell cell;
        memset(&cell, 0, sizeof cell);
        status = read_value(r, &item_type, &step, owner, field_flags, &cell);
        if (status == OWU_OK) {
            status = push_cell(r, cell);
        }
        if (status == OWU_OK) {
            status = next_item(r, ']', &more);
        }
        step.index++;
    }
    if (status == OWU_OK && step.index > UINT32_MAX / 2) {
        status = owu_fail(r->err, OWU_ELIMIT, "a list of more than 2^31 items");
    }
    return status == OWU_OK ? take_cells(r, first, OWU_TAG_LIST, out) : status;
}

/* ---------------------------------------------------------------- keys that come twice */

/* Keep of n (key, value) pairs of cells only the last value of each key; returns how many. */
static owu_status unique_pairs(struct reader *r, owu_cell *pairs, size_t n, size_t *kept) {
    struct owu_keyed *keys = owu_malloc(n * sizeof *keys);
    size_t *last = owu_malloc(n * sizeof *last);
    owu_status status = OWU_OK;
    size_t i;
    *kept = 0;
    if (keys == NULL || last == NULL) {
        status = out_of_memory(r);
        goto done;
    }
    for (i = 0; i < n; i++) {
        keys[i].key = pairs[2 * i].u.text;
        keys[i].len = pairs[2 * i].len;
        keys[i].position = i;
    }
    owu_keys__find_duplicates(keys, n, last);
    for (i = 0; i < n; i++) { /* to the front: a value's place is never before its first key's */
        if (last[i] != SIZE_MAX) {
            pairs[2 * *kept] = pairs[2 * i];
            pairs[2 * *kept + 1] = pairs[2 * last[i] + 1];
            ++*kept;
        }
    }
done:
    owu_free(keys);
    owu_free(last);
    return status;
}

static owu_status read_map(struct reader *r, const owu_type *type, const struct owu_path *path,
                           const owu_model *owner, unsigned field_flags, owu_cell *out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    const size_t first = r->cells.len;
    bool more;
    owu_status status = enter(r);
    size_t kept;
    if (status != OWU_OK) {
        return status;
    }
    more = !close_empty(r, '}');
    while (status == OWU_OK && more) {
        struct raw_string raw;
        owu_cell key, value;
        memset(&key, 0, sizeof key);
        memset(&value, 0, sizeof value);
        status = read_raw_key(r, &raw);
        if (status == OWU_OK) {
            key.tag = OWU_TAG_STR;
            key.u.text = unescape(r->arena, &raw);
            key.len = (uint32_t)raw.len;
            key.flags = (uint8_t)raw.flags;
            status = key.u.text == NULL ? out_of_memory(r) : push_cell(r, key);
        }
        if (status == OWU_OK) {
            const struct owu_path step = {path, key.u.text, key.len, 0, 0};
            status = read_value(r, &item_type, &step, owner, field_flags, &value);
        }
        if (status == OWU_OK) {
            status = push_cell(r, value);
        }
        if (status == OWU_OK) {
            status = next_item(r, '}', &more);
        }
    }
    if (status == OWU_OK && r->cells.len - first > 2) {
        status = unique_pairs(r, r->cells.items + first, (r->cells.len - first) / 2, &kept);
        r->cells.len = first + 2 * kept;
    }
    return status == OWU_OK ? take_cells(r, first, OWU_TAG_MAP, out) : status;
}

/* ---------------------------------------------------------------- records */

/* A record under construction. */
struct building {
    const owu_model *model;
    owu_record *record;
    const struct owu_path *path;
    const char *start;
    owu_extra *extras; /* newest first; still with duplicates */
    size_t n_extras;
    uint64_t seen;
    size_t first_fault;
    size_t valid_from[OWU_MAX_FIELDS]; /* faults of a field before this index were overridden */
};

static int find_by_python_name(const owu_model *model, const char *key, size_t len) {
    uint32_t i;
    for (i = 0; i < model->n_fields; i++) {
        const owu_field *field = &model->fields[i];
        if (field->python_name != field->name && strlen(field->python_name) == len &&
            memcmp(field->python_name, key, len) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Faults of an earlier value under the same key do not count: the last one wins. */
static void drop_overridden_faults(struct reader *r, const struct building *b, size_t depth) {
    size_t from, to;
    for (from = to = b->first_fault; from < r->faults->len; from++) {
        const owu_fault *fault = &r->faults->items[from];
        if (from < b->valid_from[fault->steps[depth].order]) {
            r->faults->total--;
        } else {
            r->faults->items[to++] = *fault;
        }
    }
    r->faults->len = to;
}

/* The faults of one record, in field order and otherwise as they were found (a counting sort).
 * Without memory for it they stay as they were found. */
static void sort_faults(owu_fault *items, size_t n, size_t depth, uint32_t n_fields) {
    owu_fault *sorted = n < 2 ? NULL : owu_malloc(n * sizeof *sorted);
    uint32_t order;
    size_t i, len = 0;
    if (sorted == NULL) {
        return;
    }
    for (order = 0; order < n_fields && len < n; order++) {
        for (i = 0; i < n; i++) {
            if (items[i].steps[depth].order == order) {
                sorted[len++] = items[i];
            }
        }
    }
    memcpy(items, sorted, n * sizeof *sorted);
    owu_free(sorted);
}

static owu_status add_extra(struct reader *r, struct building *b, struct raw_string *raw) {
    owu_extra *extra = owu_arena_alloc(r->arena, sizeof *extra);
    if (extra == NULL) {
        return out_of_memory(r);
    }
    memset(extra, 0, sizeof *extra);
    extra->key = unescape(r->arena, raw);
    if (extra->key == NULL) {
        return out_of_memory(r);
    }
    extra->key_len = (uint32_t)raw->len;
    extra->key_flags = (uint8_t)raw->flags;
    extra->next = b->extras;
    b->extras = extra;
    b->n_extras++;
    return keep_json(r, &extra->value);
}

/* Turn the extras round into the order they came, of duplicate keys the last value only. */
static owu_status finish_extras(struct reader *r, struct building *b) {
    const size_t n = b->n_extras;
    owu_extra **all = NULL;
    struct owu_keyed *keys = NULL;
    size_t *last = NULL;
    owu_extra *extra = b->extras;
    const owu_extra *head = NULL;
    owu_status status = OWU_OK;
    size_t i;

    if (n == 0) {
        return OWU_OK;
    }
    all = owu_malloc(n * sizeof *all);
    keys = owu_malloc(n * sizeof *keys);
    last = owu_malloc(n * sizeof *last);
    if (all == NULL || keys == NULL || last == NULL) {
        status = out_of_memory(r);
        goto done;
    }
    for (i = n; i-- > 0;) {
        all[i] = extra;
        keys[i].key = extra->key;
        keys[i].len = extra->key_len;
        keys[i].position = i;
        extra = (owu_extra *)(uintptr_t)extra->next;
    }
    owu_keys__find_duplicates(keys, n, last);
    for (i = n; i-- > 0;) {
        if (last[i] != SIZE_MAX) {
            all[i]->value = all[last[i]]->value;
            all[i]->next = head;
            head = all[i];
        }
    }
    b->record->extra = head;
done:
    owu_free(all);
    owu_free(keys);
    owu_free(last);
    return status;
}

static owu_status read_member(struct reader *r, struct building *b, unsigned *hint) {
    struct raw_string raw;
    const char *key;
    size_t key_len;
    int i;
    owu_status status = read_raw_key(r, &raw);
    if (status != OWU_OK) {
        return status;
    }
    key = raw.p;
    key_len = raw.len;
    if (raw.escaped) {
        struct raw_string copy = raw;
        key = unescape(r->arena, &copy);
        key_len = copy.len;
        if (key == NULL) {
            return out_of_memory(r);
        }
    }
    i = owu_model_field(b->model, key, key_len, *hint);
    if (i < 0) {
        i = find_by_python_name(b->model, key, key_len);
        if (i >= 0 && (b->seen >> i & 1) != 0 && b->record->cells[i].tag != OWU_TAG_UNSET) {
            r->normal = true; /* both names were given: the JSON key has won */
            return walk_value(r);
        }
    }
    if (i < 0) {
        return add_extra(r, b, &raw);
    }
    *hint = (unsigned)i + 1;
    b->seen |= UINT64_C(1) << i;
    b->valid_from[i] = r->faults->len;
    {
        const owu_field *field = &b->model->fields[i];
        const struct owu_path step = {b->path, field->name, field->name_len, (uint32_t)i, 0};
        memset(&b->record->cells[i], 0, sizeof(owu_cell));
        return read_value(r, &field->type, &step, b->model, field->flags, &b->record->cells[i]);
    }
}

static void add_missing(struct reader *r, const struct building *b) {
    uint32_t i;
    for (i = 0; i < b->model->n_fields; i++) {
        const owu_field *field = &b->model->fields[i];
        if ((field->flags & OWU_REQUIRED) != 0 && (b->seen >> i & 1) == 0) {
            const struct owu_path step = {b->path, field->name, field->name_len, i, 0};
            add_fault(r, OWU_FAULT_MISSING, &step, b->model, b->start, 0, NULL);
        }
    }
}

static owu_status read_record(struct reader *r, const owu_model *model, const struct owu_path *path,
                              owu_cell *out) {
    const size_t size = sizeof(owu_record) + model->n_fields * sizeof(owu_cell);
    struct building b;
    unsigned hint = 0;
    bool more;
    owu_status status;

    memset(&b, 0, offsetof(struct building, valid_from));
    memset(b.valid_from, 0, model->n_fields * sizeof *b.valid_from);
    b.model = model;
    b.path = path;
    b.start = r->p;
    b.first_fault = r->faults->len;
    b.record = owu_arena_alloc(r->arena, size);
    if (b.record == NULL) {
        return out_of_memory(r);
    }
    memset(b.record, 0, size);
    b.record->model = model;
    status = enter(r);
    more = status == OWU_OK && !close_empty(r, '}');
    while (status == OWU_OK && more) {
        status = read_member(r, &b, &hint);
        if (status == OWU_OK) {
            status = next_item(r, '}', &more);
        }
    }
    if (status == OWU_OK) {
        status = finish_extras(r, &b);
    }
    if (status != OWU_OK) {
        return status;
    }
    add_missing(r, &b);
    if (r->faults->len != b.first_fault) {
        size_t depth = 0;
        for (; path != NULL; path = path->up) {
            depth++;
        }
        drop_overridden_faults(r, &b, depth);
        sort_faults(r->faults->items + b.first_fault, r->faults->len - b.first_fault, depth,
                    model->n_fields);
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_RECORD;
    out->u.record = b.record;
    return OWU_OK;
}

/* ---------------------------------------------------------------- dispatch */

static owu_status read_null(struct reader *r, owu_cell *out) {
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_NULL;
    return skip_word(r, "null");
}

/* Not the container that is due: an empty one for forgiving fields, else a fault. */
static owu_status read_misfit(struct reader *r, const owu_type *type, const struct owu_path *path,
                              const owu_model *owner, unsigned field_flags, owu_cell *out) {
    if ((field_flags & OWU_FORGIVING) != 0) {
        memset(out, 0, sizeof *out); /* reads as an empty container */
        out->tag = OWU_TAG_JSON;
        out->flags = OWU_CELL_NORMAL;
        out->len = 2;
        out->u.text = type->kind == OWU_LIST ? "[]" : "{}";
        return walk_value(r);
    }
    return refuse(r, type, path, owner, field_flags);
}

static owu_status read_value(struct reader *r, const owu_type *type, const struct owu_path *path,
                             const owu_model *owner, unsigned field_flags, owu_cell *out) {
    if (r->p >= r->end) {
        return fail_at(r, r->p, "unexpected end of the text");
    }
    switch (type->kind) {
    case OWU_STR:
    case OWU_INT:
    case OWU_FLOAT:
    case OWU_BOOL:
    case OWU_DATE:
        return read_scalar(r, type, path, owner, field_flags, out);
    case OWU_DICT:
    case OWU_MODEL:
        if (*r->p == '{') {
            if (type->kind == OWU_MODEL) {
                return read_record(r, type->model, path, out);
            }
            return type->item == OWU_ANY ? keep_json(r, out)
                                         : read_map(r, type, path, owner, field_flags, out);
        }
        break;
    case OWU_LIST:
        if (*r->p == '[') {
            return type->item == OWU_ANY ? keep_json(r, out)
                                         : read_list(r, type, path, owner, field_flags, out);
        }
        break;
    case OWU_ANY:
    case OWU_BYTES:
        return keep_json(r, out);
    }
    if (*r->p == 'n' && type->nullable) {
        return read_null(r, out);
    }
    return read_misfit(r, type, path, type->kind == OWU_MODEL ? type->model : owner, field_flags,
                       out);
}

static owu_status read_all(struct reader *r, const owu_type *type, owu_cell *out) {
    owu_status status;
    if (r->end - r->p >= 3 && memcmp(r->p, "\xEF\xBB\xBF", 3) == 0) {
        return fail_at(r, r->p, "expected a value, not a byte order mark");
    }
    skip_space(r);
    status = type != NULL ? read_value(r, type, NULL, type->model, 0, out) : walk_value(r);
    if (status != OWU_OK) {
        return status;
    }
    skip_space(r);
    return r->p == r->end ? OWU_OK : fail_at(r, r->p, "trailing characters");
}

static void reader_init(struct reader *r, const char *text, size_t len, owu_arena *arena,
                        owu_error *err) {
    memset(r, 0, sizeof *r);
    r->start = r->p = text;
    r->end = text + len;
    r->arena = arena;
    r->err = err;
}

static void reader_free(struct reader *r) {
    owu_free(r->cells.items);
    owu_free(r->keys.items);
}

enum { MOST_EXPECTED = 64 << 10 };

owu_status owu_document_read(owu_document **out, const owu_type *type, const char *text, size_t len,
                             unsigned flags, owu_faults *faults, owu_error *err) {
    owu_faults own_faults = {0};
    struct reader r;
    owu_cell value;
    owu_status status;
    owu_document *document = owu_document__new();

    if (document == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory while reading JSON");
    }
    memset(&value, 0, sizeof value);
    if (len <= MOST_EXPECTED) { /* records take little more room than their text */
        owu_document__arena(document)->expected = len + len / 2;
    }
    reader_init(&r, text, len, owu_document__arena(document), err);
    r.flags = flags;
    r.faults = faults != NULL ? faults : &own_faults;
    status = read_all(&r, type, &value);
    if (status == OWU_OK && r.faults->total != 0) {
        status = owu_fail(err, OWU_ESCHEMA, "%zu value(s) do not fit %s", r.faults->total,
                          type->model != NULL ? type->model->name : "what was expected");
    }
    if (status == OWU_OK) {
        owu_document__set_value(document, value);
        *out = document;
        document = NULL;
    }
    reader_free(&r);
    owu_faults_free(&own_faults);
    owu_document_unref(document);
    return status;
}

owu_status owu_json_walk(const char *text, size_t len, const owu_sink *sink, void *context,
                         owu_error *err) {
    owu_arena arena = {0};
    struct reader r;
    owu_status status;
    reader_init(&r, text, len, &arena, err);
    r.sink = sink;
    r.context = context;
    status = read_all(&r, NULL, NULL);
    if (status == OWU_EINTERRUPTED) {
        (void)owu_fail(err, OWU_EINTERRUPTED, "stopped by the receiver");
    }
    reader_free(&r);
    owu_arena_free(&arena);
    return status;
}
