/* writer.c - JSON text from values and records; numbers to and from text. */
#include "internal.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- numbers */

/* strtod with the locale's decimal point put in: correct for any text, but slow. */
static double parse_slowly(const char *text, size_t len) {
    char small[128];
    char *copy = small;
    const char *point = localeconv()->decimal_point;
    const size_t point_len = strlen(point);
    size_t i, n = 0;
    double value;
    if (len + point_len >= sizeof small) {
        copy = owu_malloc(len + point_len + 1);
        if (copy == NULL) { /* the first digits decide all but the last bit */
            copy = small;
            len = sizeof small - point_len - 1;
        }
    }
    for (i = 0; i < len; i++) {
        if (text[i] == '.') {
            memcpy(copy + n, point, point_len);
            n += point_len;
        } else {
            copy[n++] = text[i];
        }
    }
    copy[n] = '\0';
    value = strtod(copy, NULL);
    if (copy != small) {
        owu_free(copy);
    }
    return value;
}

/* All that a double holds exactly. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

double owu_number__parse(const char *text, size_t len) {
    const char *p = text, *const end = text + len;
    const bool negative = p < end && *p == '-';
    uint64_t mantissa = 0;
    int exponent = 0, digits = 0;
    bool point = false;
    double value;

    /* Clinger's fast path: a mantissa below 2^53 and a power of ten up to 22 are both exact. */
    for (p += negative ? 1 : 0; p < end && (*p == '.' || (*p >= '0' && *p <= '9')); p++) {
        if (*p == '.') {
            point = true;
        } else {
            mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            digits += digits != 0 || *p != '0' ? 1 : 0;
            exponent -= point ? 1 : 0;
            if (digits > 18 || exponent < -1000) {
                return parse_slowly(text, len);
            }
        }
    }
    if (p < end) { /* e[+-]digits */
        int written = 0;
        bool minus = false;
        for (p++; p < end; p++) {
            if (*p == '-') {
                minus = true;
            } else if (*p != '+') {
                written = written * 10 + (*p - '0');
                if (written > 1000) {
                    return parse_slowly(text, len);
                }
            }
        }
        exponent += minus ? -written : written;
    }
    if (mantissa > UINT64_C(1) << 53 || exponent < -22 || exponent > 22) {
        return parse_slowly(text, len);
    }
    value = (double)mantissa;
    value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
    return negative ? -value : value;
}

static const char pairs_of_digits[] = "00010203040506070809101112131415161718192021222324"
                                      "25262728293031323334353637383940414243444546474849"
                                      "50515253545556575859606162636465666768697071727374"
                                      "75767778798081828384858687888990919293949596979899";

static void put_pair(char *to, unsigned value) {
    memcpy(to, pairs_of_digits + 2 * (value % 100), 2);
}

enum { INT_ROOM = 20 }; /* digits and sign of any int64 */

/* The digits end at `end`; the result is where they begin. */
static char *put_int(char *end, int64_t value) {
    char *p = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    while (rest >= 10) {
        p -= 2;
        put_pair(p, (unsigned)(rest % 100));
        rest /= 100;
    }
    if (rest != 0 || p == end) {
        *--p = (char)('0' + rest);
    }
    if (value < 0) {
        *--p = '-';
    }
    return p;
}

/* d.ddd…e[+-]xx with `precision` digits behind the point, '.' whatever the locale. */
static void format_scientific(double value, int precision, char out[40]) {
    char *comma;
    (void)snprintf(out, 40, "%.*e", precision, value);
    comma = strpbrk(out, ",");
    if (comma != NULL) {
        *comma = '.';
    }
}

/* Does d.ddde±xx read back as value? */
static bool reads_back(const char *text, double value) {
    return owu_number__parse(text, strlen(text)) == value;
}

/* One more in the last of the digits before 'e'; false where they are all nines. */
static bool count_up(char *text) {
    char *p = strchr(text, 'e');
    while (p != text) {
        p--;
        if (*p != '.' && *p != '9') {
            ++*p;
            return true;
        }
        *p = *p == '9' ? '0' : *p;
    }
    return false;
}

/*
 * shortest_digits for what people write: few digits behind the point, at most 15 in all. A whole
 * number over a power of ten, both exact, is divided to the nearest double: what it equals it also
 * reads back as. 0: it is no such number.
 */
static size_t few_digits(double value, char digits[24], int *exponent) {
    int places;
    for (places = 0; places < 10 && value * powers[places] < 1e15; places++) {
        const uint64_t whole = (uint64_t)(value * powers[places] + 0.5);
        if ((double)whole / powers[places] == value) {
            char text[INT_ROOM];
            const char *const first = put_int(text + INT_ROOM, (int64_t)whole);
            size_t n = (size_t)(text + INT_ROOM - first);
            memcpy(digits, first, n);
            *exponent = (int)n - 1 - places;
            while (n > 1 && digits[n - 1] == '0') {
                n--;
            }
            return n;
        }
    }
    return 0;
}

/* The shortest digits (no point, no trailing zeros) and the exponent of the first digit. */
static size_t shortest_digits(double value, char digits[24], int *exponent) {
    char text[40];
    const size_t few = few_digits(value, digits, exponent);
    const char *p;
    size_t n = 0;
    int precision = value < 2.3e-308 ? 0 : 14; /* any 15 digits survive a normal double */
    if (few != 0) {
        return few;
    }
    for (; precision <= 16; precision++) {
        format_scientific(value, precision, text);
        if (reads_back(text, value)) {
            break;
        }
        /* Numbers lie closer below a power of two than above it: what was rounded down to may be
         * another number where the next one up is not. */
        if (count_up(text) && reads_back(text, value)) {
            break;
        }
    }
    for (p = text; *p != 'e'; p++) {
        if (*p != '.') {
            digits[n++] = *p;
        }
    }
    *exponent = (int)strtol(p + 1, NULL, 10);
    while (n > 1 && digits[n - 1] == '0') {
        n--;
    }
    return n;
}

size_t owu_number__format(double value, char out[32]) {
    char digits[24];
    int exponent, i;
    size_t n, len = 0;
    if (signbit(value)) {
        out[len++] = '-';
        value = -value;
    }
    if (value == 0.0) {
        memcpy(out + len, "0.0", 3);
        return len + 3;
    }
    n = shortest_digits(value, digits, &exponent);
    if (exponent >= 0 && exponent < 16) { /* 1234.5 or 1200.0 */
        for (i = 0; i <= exponent; i++) {
            out[len++] = (size_t)i < n ? digits[i] : '0';
        }
        out[len++] = '.';
        if (n <= (size_t)exponent + 1) {
            out[len++] = '0';
        }
        for (i = exponent + 1; (size_t)i < n; i++) {
            out[len++] = digits[i];
        }
    } else if (exponent < 0 && exponent >= -5) { /* 0.00012 */
        out[len++] = '0';
        out[len++] = '.';
        for (i = -1; i > exponent; i--) {
            out[len++] = '0';
        }
        memcpy(out + len, digits, n);
        len += n;
    } else { /* 1.2e34, 1e-7 */
        out[len++] = digits[0];
        if (n > 1) {
            out[len++] = '.';
            memcpy(out + len, digits + 1, n - 1);
            len += n - 1;
        }
        len += (size_t)snprintf(out + len, 8, "e%+d", exponent);
    }
    return len;
}

void owu_date_text(owu_date date, char out[11]) {
    const unsigned year = (unsigned)date.year;
    put_pair(out, year / 100);
    put_pair(out + 2, year);
    put_pair(out + 5, date.month);
    put_pair(out + 8, date.day);
    out[4] = out[7] = '-';
    out[10] = '\0';
}

/* ---------------------------------------------------------------- tokens */

void owu_writer_init(owu_writer *writer, owu_buffer *buffer, int indent) {
    writer->buffer = buffer;
    writer->indent = indent;
    writer->depth = 0;
    writer->first = true;
    writer->after_key = false;
}

static inline void put_char(owu_buffer *buffer, char c) {
    if (buffer->status == OWU_OK && buffer->len < buffer->capacity) {
        buffer->data[buffer->len++] = c;
    } else {
        (void)owu_buffer_append_char(buffer, c);
    }
}

static void new_line(owu_writer *w) {
    int spaces = w->indent * w->depth;
    put_char(w->buffer, '\n');
    for (; spaces > 0; spaces--) {
        put_char(w->buffer, ' ');
    }
}

/* What stands before a value or a key. */
static void separate(owu_writer *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (!w->first) {
        put_char(w->buffer, ',');
    }
    if (w->indent >= 0 && w->depth > 0) {
        new_line(w);
    }
    w->first = false;
}

void owu_write_raw(owu_writer *writer, const char *text, size_t len) {
    separate(writer);
    (void)owu_buffer_append(writer->buffer, text, len);
}

void owu_write_null(owu_writer *writer) {
    owu_write_raw(writer, "null", 4);
}

void owu_write_bool(owu_writer *writer, bool value) {
    if (value) {
        owu_write_raw(writer, "true", 4);
    } else {
        owu_write_raw(writer, "false", 5);
    }
}

void owu_write_int(owu_writer *writer, int64_t value) {
    char text[INT_ROOM];
    const char *const p = put_int(text + sizeof text, value);
    owu_write_raw(writer, p, (size_t)(text + sizeof text - p));
}

void owu_write_double(owu_writer *writer, double value) {
    char text[32];
    const size_t len = owu_number__format(value, text);
    owu_write_raw(writer, text, len);
}

/* The escape of a byte that needs one, NUL-terminated in out. */
static void escape_of(unsigned char c, char out[8]) {
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    const char *p;
    for (p = short_forms; *p != '\0'; p += 2) {
        if ((unsigned char)*p == c) {
            out[0] = '\\';
            out[1] = p[1];
            out[2] = '\0';
            return;
        }
    }
    (void)snprintf(out, 8, "\\u%04x", (unsigned)c);
}

/* Has one of eight bytes to be escaped? Subtracting with borrow finds bytes below a bound; a false
 * alarm (behind a true one, or for bytes above 0x7F) only takes the slow way. */
static bool eight_need_escape(const char *p) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t x, quotes, backslashes;
    memcpy(&x, p, sizeof x);
    quotes = x ^ (ones * '"');
    backslashes = x ^ (ones * '\\');
    return ((((x - ones * 0x20) & ~x) | ((quotes - ones) & ~quotes) |
             ((backslashes - ones) & ~backslashes)) &
            high) != 0;
}

static void put_string(owu_buffer *buffer, const char *text, size_t len, unsigned flags) {
    size_t i, from = 0;
    if ((flags & OWU_CELL_PLAIN) != 0 && buffer->status == OWU_OK &&
        buffer->capacity - buffer->len >= len + 2) {
        char *const to = buffer->data + buffer->len;
        *to = '"';
        memcpy(to + 1, text, len);
        to[len + 1] = '"';
        buffer->len += len + 2;
        return;
    }
    put_char(buffer, '"');
    if ((flags & OWU_CELL_PLAIN) == 0) {
        for (i = 0; i < len; i++) {
            unsigned char c;
            while (len - i > 8 && !eight_need_escape(text + i)) {
                i += 8;
            }
            c = (unsigned char)text[i];
            if (c < 0x20 || c == '"' || c == '\\') {
                char escape[8];
                escape_of(c, escape);
                (void)owu_buffer_append(buffer, text + from, i - from);
                (void)owu_buffer_append_text(buffer, escape);
                from = i + 1;
            }
        }
    }
    (void)owu_buffer_append(buffer, text + from, len - from);
    put_char(buffer, '"');
}

void owu_write_string(owu_writer *writer, const char *text, size_t len, unsigned flags) {
    separate(writer);
    put_string(writer->buffer, text, len, flags);
}

void owu_write_key(owu_writer *writer, const char *text, size_t len, unsigned flags) {
    separate(writer);
    put_string(writer->buffer, text, len, flags);
    (void)owu_buffer_append(writer->buffer, ": ", writer->indent >= 0 ? 2 : 1);
    writer->after_key = true;
}

void owu_write_date(owu_writer *writer, owu_date date) {
    char text[11];
    owu_date_text(date, text);
    owu_write_string(writer, text, 10, OWU_CELL_PLAIN);
}

static void begin(owu_writer *w, char c) {
    separate(w);
    put_char(w->buffer, c);
    w->depth++;
    w->first = true;
}

static void end(owu_writer *w, char c) {
    w->depth--;
    if (w->indent >= 0 && !w->first) {
        new_line(w);
    }
    put_char(w->buffer, c);
    w->first = false;
}

void owu_write_begin_object(owu_writer *writer) {
    begin(writer, '{');
}

void owu_write_end_object(owu_writer *writer) {
    end(writer, '}');
}

void owu_write_begin_array(owu_writer *writer) {
    begin(writer, '[');
}

void owu_write_end_array(owu_writer *writer) {
    end(writer, ']');
}

/* ---------------------------------------------------------------- free-form text, rewritten */

/*
 * A tree of the text's events: rewriting must know an object's later keys before it writes the
 * first value, since of duplicates the last value stands at the first key's place.
 */
enum node_kind { NODE_RAW, NODE_STRING, NODE_DOUBLE, NODE_OBJECT, NODE_ARRAY };

struct node {
    enum node_kind kind;
    unsigned flags;
    const char *text; /* of NODE_RAW and NODE_STRING */
    size_t len;
    double number;
    struct node *first, *last_child; /* of containers: keys and values alternate in objects */
    struct node *next;
    bool dropped; /* a key that came before: its value stands there */
};

struct tree {
    owu_arena arena;
    struct node *open[OWU_MAX_DEPTH + 1]; /* containers being filled */
    size_t depth;
    struct node *root;
};

static struct node *add_node(struct tree *tree, enum node_kind kind, const char *text, size_t len) {
    struct node *node = owu_arena_alloc(&tree->arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    memset(node, 0, sizeof *node);
    node->kind = kind;
    node->len = len;
    if (text != NULL) {
        node->text = owu_arena_copy(&tree->arena, text, len);
        if (node->text == NULL) {
            return NULL;
        }
    }
    if (tree->depth == 0) {
        tree->root = node;
    } else {
        struct node *parent = tree->open[tree->depth - 1];
        if (parent->last_child == NULL) {
            parent->first = node;
        } else {
            parent->last_child->next = node;
        }
        parent->last_child = node;
    }
    return node;
}

static bool on_null(void *context) {
    return add_node(context, NODE_RAW, "null", 4) != NULL;
}

static bool on_bool(void *context, bool value) {
    return add_node(context, NODE_RAW, value ? "true" : "false", value ? 4 : 5) != NULL;
}

static bool on_integer(void *context, const char *digits, size_t len) {
    return add_node(context, NODE_RAW, digits, len) != NULL;
}

static bool on_number(void *context, double value, const char *text, size_t len) {
    /* beyond a double's range the text is all there is */
    struct node *node = isfinite(value) ? add_node(context, NODE_DOUBLE, NULL, 0)
                                        : add_node(context, NODE_RAW, text, len);
    if (node != NULL) {
        node->number = value;
    }
    return node != NULL;
}

static bool on_string(void *context, const char *text, size_t len, unsigned flags) {
    struct node *node = add_node(context, NODE_STRING, text, len);
    if (node != NULL) {
        node->flags = flags;
    }
    return node != NULL;
}

static bool open_container(struct tree *tree, enum node_kind kind) {
    struct node *node = add_node(tree, kind, NULL, 0);
    if (node != NULL) {
        tree->open[tree->depth++] = node;
    }
    return node != NULL;
}

static bool on_begin_object(void *context) {
    return open_container(context, NODE_OBJECT);
}

static bool on_begin_array(void *context) {
    return open_container(context, NODE_ARRAY);
}

static int compare_key_nodes(const void *a, const void *b) {
    const struct node *x = *(struct node *const *)a, *y = *(struct node *const *)b;
    const int order = owu_key__compare(x->text, x->len, y->text, y->len);
    return order != 0 ? order : (x->number < y->number ? -1 : x->number > y->number);
}

/* Of duplicate keys: the last value to the first one's place, the others dropped. */
static bool merge_duplicates(struct tree *tree, struct node *object) {
    struct node **keys;
    struct node *key;
    size_t n = 0, i, j;
    for (key = object->first; key != NULL; key = key->next->next) {
        key->number = (double)n++; /* its position, to sort stably */
    }
    if (n < 2) {
        return true;
    }
    keys = owu_arena_alloc(&tree->arena, n * sizeof *keys);
    if (keys == NULL) {
        return false;
    }
    for (n = 0, key = object->first; key != NULL; key = key->next->next) {
        keys[n++] = key;
    }
    qsort(keys, n, sizeof *keys, compare_key_nodes);
    for (i = 0; i < n; i = j) {
        for (j = i + 1; j < n && keys[j]->len == keys[i]->len &&
                        memcmp(keys[j]->text, keys[i]->text, keys[i]->len) == 0;
             j++) {
            keys[j]->dropped = true;
        }
        if (j - i > 1) {
            struct node *value = keys[i]->next, *const newest = keys[j - 1]->next;
            struct node *const after = value->next;
            *value = *newest;
            value->next = after;
        }
    }
    return true;
}

static bool on_end(void *context) {
    struct tree *tree = context;
    struct node *node = tree->open[--tree->depth];
    return node->kind != NODE_OBJECT || merge_duplicates(tree, node);
}

static void write_node(owu_writer *w, const struct node *node) { /* depth: bounded by the reader */
    const struct node *child;
    switch (node->kind) {
    case NODE_RAW:
        owu_write_raw(w, node->text, node->len);
        break;
    case NODE_STRING:
        owu_write_string(w, node->text, node->len, node->flags);
        break;
    case NODE_DOUBLE:
        owu_write_double(w, node->number);
        break;
    case NODE_ARRAY:
        owu_write_begin_array(w);
        for (child = node->first; child != NULL; child = child->next) {
            write_node(w, child);
        }
        owu_write_end_array(w);
        break;
    case NODE_OBJECT:
        owu_write_begin_object(w);
        for (child = node->first; child != NULL; child = child->next->next) {
            if (!child->dropped) {
                owu_write_key(w, child->text, child->len, child->flags);
                write_node(w, child->next);
            }
        }
        owu_write_end_object(w);
        break;
    }
}

owu_status owu_write_json_normal(owu_writer *writer, const char *text, size_t len) {
    static const owu_sink sink = {on_null,   on_bool,         on_integer, on_number,      on_string,
                                  on_string, on_begin_object, on_end,     on_begin_array, on_end};
    struct tree tree;
    owu_status status;
    memset(&tree, 0, sizeof tree);
    status = owu_json_walk(text, len, &sink, &tree, NULL);
    if (status == OWU_OK) {
        write_node(writer, tree.root);
        status = writer->buffer->status;
    } else if (status == OWU_EINTERRUPTED) { /* a node could not be made */
        status = OWU_ENOMEM;
    }
    if (status != OWU_OK && writer->buffer->status == OWU_OK) {
        writer->buffer->status = status;
    }
    owu_arena_free(&tree.arena);
    return status;
}

/* ---------------------------------------------------------------- cells and records */

/* Is this container as empty as the default, which is "[]" or "{}"? */
static bool is_empty_like(const owu_cell *cell, const owu_cell *def) {
    size_t i = 1;
    if (cell->tag != OWU_TAG_JSON) {
        return cell->len == 0 && (def->u.text[0] == '[') == (cell->tag == OWU_TAG_LIST);
    }
    while (i < cell->len && memchr(" \t\r\n", cell->u.text[i], 4) != NULL) {
        i++;
    }
    return cell->u.text[0] == def->u.text[0] && i == cell->len - 1;
}

static bool is_default(const owu_cell *cell, const owu_cell *def) {
    const owu_tag tag = (owu_tag)cell->tag;
    if (def->tag == OWU_TAG_JSON) {
        return (tag == OWU_TAG_JSON || tag == OWU_TAG_LIST || tag == OWU_TAG_MAP) &&
               is_empty_like(cell, def);
    }
    if (cell->tag != def->tag) {
        return false;
    }
    switch (tag) {
    case OWU_TAG_UNSET:
    case OWU_TAG_NULL:
        return true;
    case OWU_TAG_BOOL:
        return cell->u.boolean == def->u.boolean;
    case OWU_TAG_INT:
        return cell->u.integer == def->u.integer;
    case OWU_TAG_FLOAT:
        return cell->u.number == def->u.number;
    case OWU_TAG_STR:
        return cell->len == def->len && memcmp(cell->u.text, def->u.text, cell->len) == 0;
    case OWU_TAG_DATE: /* no default is of these: owu_schema_check */
    case OWU_TAG_BIGINT:
    case OWU_TAG_JSON:
    case OWU_TAG_LIST:
    case OWU_TAG_MAP:
    case OWU_TAG_RECORD:
        break;
    }
    return false;
}

/*
 * One member of a compact object, written at once where it surely fits into what room the buffer
 * has, and is of the kinds that most are. False: nothing was written.
 */
static bool put_member(owu_writer *w, const owu_field *field, const owu_cell *cell,
                       unsigned flags) {
    owu_buffer *const buffer = w->buffer;
    const bool text = cell->tag == OWU_TAG_STR || cell->tag == OWU_TAG_JSON;
    const size_t room = 1 + OWU_KEY_ROOM + (text ? (size_t)cell->len + 2 : INT_ROOM);
    char *to = buffer->data + buffer->len;
    if (buffer->status != OWU_OK || buffer->capacity - buffer->len < room) {
        return false;
    }
    *to = ',';
    to += w->first ? 0 : 1;
    memcpy(to, field->quoted, OWU_KEY_ROOM);
    to += field->quoted_len;
    switch ((owu_tag)cell->tag) {
    case OWU_TAG_NULL:
        memcpy(to, "null", 4);
        to += 4;
        break;
    case OWU_TAG_BOOL:
        memcpy(to, cell->u.boolean ? "true" : "false", 5);
        to += cell->u.boolean ? 4 : 5;
        break;
    case OWU_TAG_INT: {
        char digits[INT_ROOM];
        const char *const p = put_int(digits + INT_ROOM, cell->u.integer);
        const size_t len = (size_t)(digits + INT_ROOM - p);
        memcpy(to, p, len);
        to += len;
        break;
    }
    case OWU_TAG_DATE:
        *to = '"';
        owu_date_text(cell->u.date, to + 1);
        to[11] = '"';
        to += 12;
        break;
    case OWU_TAG_STR:
        if ((cell->flags & OWU_CELL_PLAIN) == 0) {
            return false;
        }
        *to++ = '"';
        memcpy(to, cell->u.text, cell->len);
        to += cell->len;
        *to++ = '"';
        break;
    case OWU_TAG_JSON:
        if ((flags & OWU_WRITE_NORMAL) != 0 && (cell->flags & OWU_CELL_NORMAL) == 0) {
            return false;
        }
        memcpy(to, cell->u.text, cell->len);
        to += cell->len;
        break;
    default:
        return false;
    }
    buffer->len = (size_t)(to - buffer->data);
    w->first = false;
    return true;
}

void owu_write_field(owu_writer *writer, const owu_field *field, const owu_cell *cell,
                     unsigned flags) {
    const char *const name = (flags & OWU_WRITE_BY_ALIAS) != 0 ? field->name : field->python_name;
    if (writer->indent < 0 && (name == field->name || strcmp(name, field->name) == 0) &&
        put_member(writer, field, cell, flags)) {
        return;
    }
    owu_write_key(writer, name, strlen(name), OWU_CELL_PLAIN);
    (void)owu_write_cell(writer, cell, flags);
}

void owu_write_extra(owu_writer *writer, const owu_extra *extra, unsigned flags) {
    for (; extra != NULL; extra = extra->next) {
        if ((flags & OWU_WRITE_EXCLUDE_NONE) != 0 && extra->value.len == 4 &&
            memcmp(extra->value.u.text, "null", 4) == 0) {
            continue;
        }
        owu_write_key(writer, extra->key, extra->key_len, extra->key_flags);
        (void)owu_write_cell(writer, &extra->value, flags);
    }
}

static void write_record(owu_writer *w, const owu_record *record, unsigned flags) {
    const owu_model *model = record->model;
    const owu_cell *next = record->cells; /* owu_record_cell for all fields in turn */
    uint32_t i;
    owu_write_begin_object(w);
    for (i = 0; i < model->n_fields; i++) {
        const owu_field *field = &model->fields[i];
        const owu_cell *cell = (record->stored >> i & 1) != 0 ? next++ : owu_record_cell(record, i);
        if (((field->flags & OWU_EXCLUDED) != 0 && (flags & OWU_WRITE_EXCLUDED) == 0) ||
            ((record->set >> i & 1) == 0 && (flags & OWU_WRITE_EXCLUDE_UNSET) != 0) ||
            (cell->tag == OWU_TAG_NULL && (flags & OWU_WRITE_EXCLUDE_NONE) != 0) ||
            ((flags & OWU_WRITE_EXCLUDE_DEFAULTS) != 0 && is_default(cell, &field->def))) {
            continue;
        }
        owu_write_field(w, field, cell, flags);
    }
    if (model->unknown == OWU_KEEP || (flags & OWU_WRITE_CARRIED) != 0) {
        owu_write_extra(w, record->extra, flags);
    }
    owu_write_end_object(w);
}

owu_status owu_write_cell(owu_writer *writer, const owu_cell *cell, unsigned flags) {
    uint32_t i;
    switch ((owu_tag)cell->tag) {
    case OWU_TAG_UNSET:
    case OWU_TAG_NULL:
        owu_write_null(writer);
        break;
    case OWU_TAG_BOOL:
        owu_write_bool(writer, cell->u.boolean);
        break;
    case OWU_TAG_INT:
        owu_write_int(writer, cell->u.integer);
        break;
    case OWU_TAG_FLOAT:
        if (isfinite(cell->u.number)) {
            owu_write_double(writer, cell->u.number);
        } else {
            writer->buffer->status = OWU_EVALUE; /* JSON has no NaN and no infinity */
        }
        break;
    case OWU_TAG_BIGINT:
        owu_write_raw(writer, cell->u.text, cell->len);
        break;
    case OWU_TAG_STR:
        owu_write_string(writer, cell->u.text, cell->len, cell->flags);
        break;
    case OWU_TAG_DATE:
        owu_write_date(writer, cell->u.date);
        break;
    case OWU_TAG_JSON:
        if ((flags & OWU_WRITE_NORMAL) == 0 ||
            ((cell->flags & OWU_CELL_NORMAL) != 0 && writer->indent < 0)) {
            owu_write_raw(writer, cell->u.text, cell->len);
        } else {
            return owu_write_json_normal(writer, cell->u.text, cell->len);
        }
        break;
    case OWU_TAG_LIST:
        owu_write_begin_array(writer);
        for (i = 0; i < cell->len; i++) {
            (void)owu_write_cell(writer, &cell->u.cells[i], flags);
        }
        owu_write_end_array(writer);
        break;
    case OWU_TAG_MAP:
        owu_write_begin_object(writer);
        for (i = 0; i < cell->len; i++) {
            const owu_cell *key = &cell->u.cells[2 * i];
            owu_write_key(writer, key->u.text, key->len, key->flags);
            (void)owu_write_cell(writer, key + 1, flags);
        }
        owu_write_end_object(writer);
        break;
    case OWU_TAG_RECORD:
        write_record(writer, cell->u.record, flags);
        break;
    }
    return writer->buffer->status;
}
