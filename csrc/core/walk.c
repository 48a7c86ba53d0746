/*
 * walk.c - free-form values: any JSON, checked with all the strictness of scan.c.
 *
 * They are told to a sink or kept as text, with a note whether that text is what a writer would
 * make of it (OWU_CELL_NORMAL), so that most need not be read again to be written.
 */
#include "walk.h"

#include <string.h>

void owu_walk__init(struct owu_walk *walk, struct owu_scan *scan, owu_arena *arena) {
    walk->scan = scan;
    walk->arena = arena;
    walk->sink = NULL;
    walk->context = NULL;
    walk->n_keys = 0;
}

/* What a sink function answered: p, or NULL when it wants no more. */
static const char *told(struct owu_walk *walk, const char *p, bool go_on) {
    if (!go_on) {
        walk->scan->status = OWU_EINTERRUPTED;
        return NULL;
    }
    return p;
}

#define TELL(walk, p, call) \
    ((p) == NULL || (walk)->sink == NULL ? (p) : told(walk, p, (walk)->sink->call))

static const char *tell_string(struct owu_walk *walk, const char *p, struct owu_token *token,
                               bool is_key) {
    const char *text;
    if (walk->sink == NULL || p == NULL) {
        return p;
    }
    text = token->escaped ? owu_scan__unescape(walk->arena, token) : token->p;
    if (text == NULL) {
        return owu_scan__no_memory(walk->scan);
    }
    return is_key ? TELL(walk, p, key(walk->context, text, token->len, token->flags))
                  : TELL(walk, p, string(walk->context, text, token->len, token->flags));
}

/* A key seen before in the same object makes the text not normal. */
static void remember_key(struct owu_walk *walk, size_t first, const struct owu_token *key) {
    size_t i;
    if (!walk->scan->normal) {
        return;
    }
    for (i = first; i < walk->n_keys; i++) {
        if (walk->keys[i].len == key->len && memcmp(walk->keys[i].p, key->p, key->len) == 0) {
            walk->scan->normal = false;
            return;
        }
    }
    if (walk->n_keys == OWU_KEYS_COMPARED) {
        walk->scan->normal = false;
        return;
    }
    walk->keys[walk->n_keys].p = key->p;
    walk->keys[walk->n_keys++].len = key->len;
}

static const char *walk_object(struct owu_walk *walk, const char *p) {
    const size_t first_key = walk->n_keys;
    bool more = true;
    p = owu_scan__enter(walk->scan, p);
    p = TELL(walk, p, begin_object(walk->context));
    if (p != NULL && owu_scan__close_empty(walk->scan, &p, '}')) {
        return TELL(walk, p, end_object(walk->context));
    }
    while (p != NULL && more) {
        struct owu_token key;
        p = owu_scan__key(walk->scan, p, &key);
        if (p == NULL) {
            break;
        }
        remember_key(walk, first_key, &key);
        p = tell_string(walk, p, &key, true);
        p = p == NULL ? NULL : owu_walk__value(walk, p);
        p = p == NULL ? NULL : owu_scan__next(walk->scan, p, '}', &more);
    }
    walk->n_keys = first_key;
    return TELL(walk, p, end_object(walk->context));
}

static const char *walk_array(struct owu_walk *walk, const char *p) {
    bool more = true;
    p = owu_scan__enter(walk->scan, p);
    p = TELL(walk, p, begin_array(walk->context));
    if (p != NULL && owu_scan__close_empty(walk->scan, &p, ']')) {
        return TELL(walk, p, end_array(walk->context));
    }
    while (p != NULL && more) {
        p = owu_walk__value(walk, p);
        p = p == NULL ? NULL : owu_scan__next(walk->scan, p, ']', &more);
    }
    return TELL(walk, p, end_array(walk->context));
}

/*
 * Is this number, which is no integer, what owu_number__format would write? So is any of 15 digits
 * without a zero to spare: no other text as short reads back as the same double. Others may be, but
 * are rare.
 */
static bool is_shortest(const char *text, size_t len) {
    const char *p = text, *const end = text + len, *point, *first;
    p += *p == '-' ? 1 : 0;
    for (point = p; *point != '.'; point++) {
        if (!owu_scan__is_digit(*point)) {
            return false; /* an exponent */
        }
    }
    for (first = p; first < end && (*first == '0' || *first == '.'); first++) {
    }
    return end - first <= (first < point ? 16 : 15) /* the point is none of them */ &&
           first - point <= 5 /* smaller ones are written with an exponent */ &&
           (end[-1] != '0' || end - point == 2) &&
           memchr(point, 'e', (size_t)(end - point)) == NULL &&
           memchr(point, 'E', (size_t)(end - point)) == NULL;
}

static const char *walk_number(struct owu_walk *walk, const char *p) {
    const char *const start = p;
    bool integral, minus_zero;
    size_t len;
    p = owu_scan__number(walk->scan, p, &integral);
    if (p == NULL) {
        return NULL;
    }
    len = (size_t)(p - start);
    minus_zero = len == 2 && start[0] == '-' && start[1] == '0';
    walk->scan->normal = walk->scan->normal && (integral ? !minus_zero : is_shortest(start, len));
    if (integral) {
        return minus_zero ? TELL(walk, p, integer(walk->context, "0", 1))
                          : TELL(walk, p, integer(walk->context, start, len));
    }
    return TELL(walk, p, number(walk->context, owu_number__parse(start, len), start, len));
}

const char *owu_walk__value(struct owu_walk *walk, const char *p) {
    struct owu_scan *const scan = walk->scan;
    struct owu_token token;
    if (p >= scan->end) {
        return owu_scan__refuse(scan, p, "unexpected end of the text");
    }
    switch (*p) {
    case '"':
        p = owu_scan__string(scan, p + 1, &token);
        return tell_string(walk, p, &token, false);
    case '{':
        return walk_object(walk, p);
    case '[':
        return walk_array(walk, p);
    case 't':
        p = owu_scan__word(scan, p, "true");
        return TELL(walk, p, boolean(walk->context, true));
    case 'f':
        p = owu_scan__word(scan, p, "false");
        return TELL(walk, p, boolean(walk->context, false));
    case 'n':
        p = owu_scan__word(scan, p, "null");
        return TELL(walk, p, null(walk->context));
    default:
        if (*p != '-' && !owu_scan__is_digit(*p)) {
            return owu_scan__unexpected(scan, p, "expected a value");
        }
        return walk_number(walk, p);
    }
}

const char *owu_walk__keep(struct owu_walk *walk, const char *p, owu_cell *out) {
    const char *const start = p;
    size_t len;
    walk->scan->normal = true;
    p = owu_walk__value(walk, p);
    if (p == NULL) {
        return NULL;
    }
    len = (size_t)(p - start);
    if (len > UINT32_MAX) {
        return owu_scan__fail(walk->scan, OWU_ELIMIT, "a value of more than 4 GiB");
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_JSON;
    out->flags = walk->scan->normal ? OWU_CELL_NORMAL : 0;
    out->len = (uint32_t)len;
    out->u.text = owu_arena_copy(walk->arena, start, len);
    return out->u.text == NULL ? owu_scan__no_memory(walk->scan) : p;
}

/* ---------------------------------------------------------------- whole texts */

owu_status owu_json_walk(const char *text, size_t len, const owu_sink *sink, void *context,
                         owu_error *err) {
    owu_arena arena = {0};
    struct owu_scan scan;
    struct owu_walk walk;
    const char *p;
    owu_scan__init(&scan, text, len, err);
    owu_walk__init(&walk, &scan, &arena);
    walk.sink = sink;
    walk.context = context;
    p = owu_scan__begin(&scan);
    p = p == NULL ? NULL : owu_walk__value(&walk, p);
    (void)(p == NULL ? NULL : owu_scan__finish(&scan, p));
    if (scan.status == OWU_EINTERRUPTED) {
        (void)owu_fail(err, OWU_EINTERRUPTED, "stopped by the receiver");
    }
    owu_arena_free(&arena);
    return scan.status;
}
