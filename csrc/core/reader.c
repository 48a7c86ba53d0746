/*
 * reader.c - JSON text to records: one strict pass over the bytes, driven by the table of models.
 *
 * Where a type is known, values go straight into record cells; where it is not, walk.c checks the
 * text and keeps it. No allocation but the arena and one growing stack, no global, no lock.
 */
#include "walk.h"

#include <stdlib.h>
#include <string.h>

/* A list under construction: its cells move into the arena when their number is known. */
struct cell_stack {
    owu_cell *items;
    size_t len, capacity;
};

/*
 * Which field came after which in the last record of a model: answers have their keys in one order,
 * so the next key is usually known and needs but to be compared. after[0] is the first field,
 * after[i + 1] the one behind field i.
 */
struct order {
    const owu_model *model; /* NULL: not in use */
    uint64_t required;      /* its fields that must be there */
    uint8_t after[OWU_MAX_FIELDS + 1];
};

enum { ORDERS = 4 }; /* of models nested in each other */

struct reader {
    struct owu_scan scan;
    owu_arena *arena;
    unsigned flags;
    owu_faults *faults;
    struct cell_stack cells;
    struct order orders[ORDERS];
    unsigned next_order;
    struct owu_walk walk; /* last: large, and not initialised as a whole */
};

static const char *read_value(struct reader *r, const char *p, const owu_type *type,
                              const struct owu_path *path, const owu_model *owner,
                              unsigned field_flags, owu_cell *out);

/* ---------------------------------------------------------------- typed values */

static void add_fault(struct reader *r, owu_fault_type type, const struct owu_path *path,
                      const owu_model *owner, const char *input, const char *input_end,
                      unsigned field_flags, const char *detail) {
    owu_faults__add(r->faults, type, path, owner, input, (size_t)(input_end - input),
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
static const char *refuse(struct reader *r, const char *p, const owu_type *type,
                          const struct owu_path *path, const owu_model *owner,
                          unsigned field_flags) {
    const char *const start = p;
    p = owu_walk__value(&r->walk, p);
    if (p != NULL) {
        add_fault(r, wrong_type(type), path, owner, start, p, field_flags, NULL);
    }
    return p;
}

/* Digits that an int64 surely holds, with nothing behind them that makes them another number;
 * p itself when they are anything else. */
static const char *read_usual_integer(const struct reader *r, const char *p, owu_cell *out) {
    const char *const start = p;
    int64_t value = 0;
    while (p < r->scan.end && owu_scan__is_digit(*p) && p - start < 18) {
        value = value * 10 + (*p++ - '0');
    }
    if (p == r->scan.end || owu_scan__is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E' ||
        (*start == '0' && p - start > 1)) {
        return start;
    }
    *out = (owu_cell){.tag = OWU_TAG_INT, .u = {.integer = value}};
    return p;
}

/* Most of what comes: a value of just the type that is due. p itself when it is anything else. */
static inline const char *read_usual(struct reader *r, const char *p, const owu_type *type,
                                     owu_cell *out) {
    if (p >= r->scan.end) {
        return p;
    }
    if (*p == '"' && type->kind == OWU_STR) {
        return owu_scan__text(&r->scan, p + 1, r->arena, out);
    }
    if (*p == 'n' && type->nullable && r->scan.end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *out = (owu_cell){.tag = OWU_TAG_NULL};
        return p + 4;
    }
    if (type->kind == OWU_INT && owu_scan__is_digit(*p)) {
        return read_usual_integer(r, p, out);
    }
    return p;
}

static const char *read_number(struct reader *r, const char *p, owu_cell *out) {
    const char *const start = p;
    bool integral;
    p = owu_scan__number(&r->scan, p, &integral);
    if (p == NULL) {
        return NULL;
    }
    if (integral) {
        owu_integer__cell(out, start, (size_t)(p - start));
        if (out->tag == OWU_TAG_BIGINT) {
            out->u.text = owu_arena_copy(r->arena, start, (size_t)(p - start));
            return out->u.text == NULL ? owu_scan__no_memory(&r->scan) : p;
        }
        return p;
    }
    *out = (owu_cell){.tag = OWU_TAG_FLOAT};
    out->u.number = owu_number__parse(start, (size_t)(p - start));
    return p;
}

static const char *read_scalar(struct reader *r, const char *p, const owu_type *type,
                               const struct owu_path *path, const owu_model *owner,
                               unsigned field_flags, owu_cell *out) {
    const char *const start = p;
    owu_fault_type fault;
    owu_cell in = {.tag = OWU_TAG_UNSET};
    char detail[48];

    switch (*p) {
    case '"':
        p = owu_scan__text(&r->scan, p + 1, r->arena, &in);
        break;
    case 't':
    case 'f':
        in.tag = OWU_TAG_BOOL;
        in.u.boolean = *p == 't';
        p = owu_scan__word(&r->scan, p, in.u.boolean ? "true" : "false");
        break;
    case 'n':
        in.tag = OWU_TAG_NULL;
        p = owu_scan__word(&r->scan, p, "null");
        break;
    case '{':
    case '[':
        return refuse(r, p, type, path, owner, field_flags);
    default:
        if (*p != '-' && !owu_scan__is_digit(*p)) {
            return owu_scan__unexpected(&r->scan, p, "expected a value");
        }
        p = read_number(r, p, &in);
    }
    if (p == NULL) {
        return NULL;
    }
    fault = owu_coerce(type, &in, r->flags, r->arena, out, detail);
    if (fault != OWU_FAULT_NONE) {
        memset(out, 0, sizeof *out);
        add_fault(r, fault, path, owner, start, p, field_flags, detail);
    } else if (out->tag == OWU_TAG_UNSET) {
        return owu_scan__no_memory(&r->scan);
    }
    return p;
}

static bool push_cell(struct reader *r, owu_cell cell) {
    if (r->cells.len == r->cells.capacity) {
        const size_t capacity = r->cells.capacity == 0 ? 64 : r->cells.capacity * 2;
        owu_cell *items = owu_realloc(r->cells.items, capacity * sizeof *items);
        if (items == NULL) {
            (void)owu_scan__no_memory(&r->scan);
            return false;
        }
        r->cells.items = items;
        r->cells.capacity = capacity;
    }
    r->cells.items[r->cells.len++] = cell;
    return true;
}

/* Move the cells from `first` on into the arena. @return p, or NULL. */
static const char *take_cells(struct reader *r, const char *p, size_t first, owu_tag tag,
                              owu_cell *out) {
    const size_t n = r->cells.len - first;
    owu_cell *cells = owu_arena_alloc(r->arena, n * sizeof *cells);
    if (cells == NULL) {
        return owu_scan__no_memory(&r->scan);
    }
    if (n != 0) {
        memcpy(cells, r->cells.items + first, n * sizeof *cells);
    }
    r->cells.len = first;
    memset(out, 0, sizeof *out);
    out->tag = (uint8_t)tag;
    out->len = (uint32_t)(tag == OWU_TAG_MAP ? n / 2 : n);
    out->u.cells = cells;
    return p;
}

static const char *read_list(struct reader *r, const char *p, const owu_type *type,
                             const struct owu_path *path, const owu_model *owner,
                             unsigned field_flags, owu_cell *out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    const size_t first = r->cells.len;
    struct owu_path step = {path, NULL, 0, 0, 0};
    bool more;
    p = owu_scan__enter(&r->scan, p);
    if (p == NULL) {
        return NULL;
    }
    more = !owu_scan__close_empty(&r->scan, &p, ']');
    while (more) {
        owu_cell cell = {.tag = OWU_TAG_UNSET};
        p = read_value(r, p, &item_type, &step, owner, field_flags, &cell);
        if (p == NULL || !push_cell(r, cell)) {
            return NULL;
        }
        p = owu_scan__next(&r->scan, p, ']', &more);
        if (p == NULL) {
            return NULL;
        }
        step.index++;
    }
    if (step.index > UINT32_MAX / 2) {
        return owu_scan__fail(&r->scan, OWU_ELIMIT, "a list of more than 2^31 items");
    }
    return take_cells(r, p, first, OWU_TAG_LIST, out);
}

/* ---------------------------------------------------------------- keys that come twice */

/* Keep of n (key, value) pairs of cells only the last value of each key; *kept is how many. False: no memory. */
static bool unique_pairs(struct reader *r, owu_cell *pairs, size_t n, size_t *kept) {
    struct owu_keyed *keys = owu_malloc(n * sizeof *keys);
    size_t *last = owu_malloc(n * sizeof *last);
    bool done = false;
    size_t i;
    *kept = 0;
    if (keys == NULL || last == NULL) {
        (void)owu_scan__no_memory(&r->scan);
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
    done = true;
done:
    owu_free(keys);
    owu_free(last);
    return done;
}

static const char *read_pair(struct reader *r, const char *p, const owu_type *item_type,
                             const struct owu_path *path, const owu_model *owner,
                             unsigned field_flags) {
    struct owu_token token;
    owu_cell key = {.tag = OWU_TAG_STR}, value = {.tag = OWU_TAG_UNSET};
    struct owu_path step = {path, NULL, 0, 0, 0};
    p = owu_scan__key(&r->scan, p, &token);
    if (p == NULL) {
        return NULL;
    }
    key.u.text = owu_scan__unescape(r->arena, &token);
    key.len = (uint32_t)token.len;
    key.flags = (uint8_t)token.flags;
    if (key.u.text == NULL) {
        return owu_scan__no_memory(&r->scan);
    }
    if (!push_cell(r, key)) {
        return NULL;
    }
    step.key = key.u.text;
    step.key_len = key.len;
    p = read_value(r, p, item_type, &step, owner, field_flags, &value);
    return p != NULL && push_cell(r, value) ? p : NULL;
}

static const char *read_map(struct reader *r, const char *p, const owu_type *type,
                            const struct owu_path *path, const owu_model *owner,
                            unsigned field_flags, owu_cell *out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    const size_t first = r->cells.len;
    bool more;
    size_t kept;
    p = owu_scan__enter(&r->scan, p);
    if (p == NULL) {
        return NULL;
    }
    more = !owu_scan__close_empty(&r->scan, &p, '}');
    while (more) {
        p = read_pair(r, p, &item_type, path, owner, field_flags);
        p = p == NULL ? NULL : owu_scan__next(&r->scan, p, '}', &more);
        if (p == NULL) {
            return NULL;
        }
    }
    if (r->cells.len - first > 2) {
        if (!unique_pairs(r, r->cells.items + first, (r->cells.len - first) / 2, &kept)) {
            return NULL;
        }
        r->cells.len = first + 2 * kept;
    }
    return take_cells(r, p, first, OWU_TAG_MAP, out);
}

/* ---------------------------------------------------------------- records */

/* A record under construction. */
struct building {
    const owu_model *model;
    const struct owu_path *path;
    const char *start;
    owu_extra *extras; /* newest first; with duplicates when there are many */
    size_t n_extras;
    uint64_t extra_marks; /* of their keys, to see that one is new without comparing it */
    uint64_t seen; /* fields that came; what stands below is initialised for these only */
    size_t first_fault;
    owu_cell cells[OWU_MAX_FIELDS];
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
        const uint32_t field = fault->steps[depth].order;
        if ((b->seen >> field & 1) != 0 && from < b->valid_from[field]) {
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

enum { EXTRAS_COMPARED = 24 }; /* beyond that, sorting finds the duplicates */

static owu_extra *next_extra(const owu_extra *extra) {
    return (owu_extra *)(uintptr_t)extra->next; /* const for the readers of records only */
}

static uint64_t mark_of(const char *key, size_t len) {
    const unsigned ends = len == 0 ? 0 : (unsigned char)key[0] * 5u + (unsigned char)key[len - 1];
    return UINT64_C(1) << ((ends * 7 + len) & 63);
}

static owu_extra *find_extra(const struct building *b, const char *key, size_t len) {
    owu_extra *extra = b->extras;
    while (extra != NULL && (extra->key_len != len || memcmp(extra->key, key, len) != 0)) {
        extra = next_extra(extra);
    }
    return extra;
}

static const char *add_extra(struct reader *r, const char *p, struct building *b,
                             struct owu_token *token) {
    const char *const key = owu_scan__unescape(r->arena, token);
    owu_extra *extra;
    uint64_t mark;
    if (key == NULL) {
        return owu_scan__no_memory(&r->scan);
    }
    mark = mark_of(key, token->len);
    if (b->n_extras <= EXTRAS_COMPARED && (b->extra_marks & mark) != 0) {
        extra = find_extra(b, key, token->len);
        if (extra != NULL) {
            return owu_walk__keep(&r->walk, p, &extra->value);
        }
    }
    extra = owu_arena_alloc(r->arena, sizeof *extra);
    if (extra == NULL) {
        return owu_scan__no_memory(&r->scan);
    }
    memset(extra, 0, sizeof *extra);
    extra->key = key;
    extra->key_len = (uint32_t)token->len;
    extra->key_flags = (uint8_t)token->flags;
    extra->next = b->extras;
    b->extras = extra;
    b->extra_marks |= mark;
    b->n_extras++;
    return owu_walk__keep(&r->walk, p, &extra->value);
}

/* Turn the extras round into the order they came, of duplicate keys the last value only. */
static bool finish_extras(struct reader *r, const struct building *b, const owu_extra **out) {
    const size_t n = b->n_extras;
    owu_extra **all = NULL;
    struct owu_keyed *keys = NULL;
    size_t *last = NULL;
    owu_extra *extra = b->extras;
    const owu_extra *head = NULL;
    bool done = false;
    size_t i;

    if (n <= EXTRAS_COMPARED) {
        while (extra != NULL) {
            owu_extra *const older = next_extra(extra);
            extra->next = head;
            head = extra;
            extra = older;
        }
        *out = head;
        return true;
    }
    all = owu_malloc(n * sizeof *all);
    keys = owu_malloc(n * sizeof *keys);
    last = owu_malloc(n * sizeof *last);
    if (all == NULL || keys == NULL || last == NULL) {
        (void)owu_scan__no_memory(&r->scan);
        goto done;
    }
    for (i = n; i-- > 0;) {
        all[i] = extra;
        keys[i].key = extra->key;
        keys[i].len = extra->key_len;
        keys[i].position = i;
        extra = next_extra(extra);
    }
    owu_keys__find_duplicates(keys, n, last);
    for (i = n; i-- > 0;) {
        if (last[i] != SIZE_MAX) {
            all[i]->value = all[last[i]]->value;
            all[i]->next = head;
            head = all[i];
        }
    }
    *out = head;
    done = true;
done:
    owu_free(all);
    owu_free(keys);
    owu_free(last);
    return done;
}

/* The order of a model's last record; at first that of the table. */
static struct order *order_of(struct reader *r, const owu_model *model) {
    struct order *order;
    unsigned i;
    for (i = 0; i < ORDERS; i++) {
        if (r->orders[i].model == model) {
            return &r->orders[i];
        }
    }
    order = &r->orders[r->next_order];
    r->next_order = (r->next_order + 1) % ORDERS;
    order->model = model;
    order->required = 0;
    for (i = 0; i <= model->n_fields; i++) {
        order->after[i] = (uint8_t)i;
    }
    for (i = 0; i < model->n_fields; i++) {
        order->required |= (uint64_t)((model->fields[i].flags & OWU_REQUIRED) != 0) << i;
    }
    return order;
}

static inline uint64_t eight_bytes(const char *p) {
    uint64_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return bytes;
}

/* Is p, with at least OWU_KEY_ROOM bytes of text, at this field's key and colon? */
static inline bool is_at_key(const char *p, const owu_field *field) {
    static const unsigned char counted[16] = {255, 255, 255, 255, 255, 255, 255, 255};
    const char *const key = field->quoted;
    const size_t len = field->quoted_len;
    size_t i;
    if (len < 8) {
        return ((eight_bytes(p) ^ eight_bytes(key)) &
                eight_bytes((const char *)counted + 8 - len)) == 0;
    }
    for (i = 0; i + 8 < len; i += 8) {
        if (eight_bytes(p + i) != eight_bytes(key + i)) {
            return false;
        }
    }
    return eight_bytes(p + len - 8) == eight_bytes(key + len - 8);
}

enum { OTHER_KEY = -1, READ_ALREADY = -2 };

/* Look the key of a member up. *p: at the key, afterwards at the value, or NULL. @return the field;
 * OTHER_KEY: add_extra wants the token; READ_ALREADY: the value is not wanted. */
static int find_member(struct reader *r, const char **p, const struct building *b,
                       struct owu_token *token) {
    struct owu_token plain;
    const char *key;
    int i;
    *p = owu_scan__key(&r->scan, *p, token);
    if (*p == NULL) {
        return OTHER_KEY;
    }
    plain = *token;
    key = token->escaped ? owu_scan__unescape(r->arena, &plain) : token->p;
    if (key == NULL) {
        *p = owu_scan__no_memory(&r->scan);
        return OTHER_KEY;
    }
    i = owu_model_field(b->model, key, plain.len, 0);
    if (i < 0) {
        i = find_by_python_name(b->model, key, plain.len);
        if (i >= 0 && (b->seen >> i & 1) != 0 && b->cells[i].tag != OWU_TAG_UNSET) {
            return READ_ALREADY; /* both names were given: the JSON key has won */
        }
    }
    return i;
}

/* @param before  1 + the field of the member before, 0: the first; afterwards of this one. */
static const char *read_member(struct reader *r, const char *p, struct building *b,
                               struct order *order, unsigned *before) {
    unsigned i = order->after[*before];
    const owu_field *field = i < b->model->n_fields ? &b->model->fields[i] : NULL;
    owu_cell *cell;
    const char *start;

    if (field != NULL && r->scan.end - p >= OWU_KEY_ROOM && is_at_key(p, field)) {
        p = owu_scan__space(&r->scan, p + field->quoted_len);
    } else {
        struct owu_token token;
        const int found = find_member(r, &p, b, &token);
        if (p == NULL) {
            return NULL;
        }
        if (found < 0) {
            return found == OTHER_KEY ? add_extra(r, p, b, &token) : owu_walk__value(&r->walk, p);
        }
        i = (unsigned)found;
        field = &b->model->fields[i];
        if (order->model == b->model) { /* else a record within took its place */
            order->after[*before] = (uint8_t)i;
        }
    }
    *before = i + 1;
    b->seen |= UINT64_C(1) << i;
    b->valid_from[i] = r->faults->len;
    cell = &b->cells[i];
    start = p;
    p = read_usual(r, p, &field->type, cell);
    if (p == start) {
        const struct owu_path step = {b->path, field->name, field->name_len, i, 0};
        memset(cell, 0, sizeof *cell);
        p = read_value(r, p, &field->type, &step, b->model, field->flags, cell);
    }
    return p;
}

static void add_missing(struct reader *r, const char *p, const struct building *b) {
    uint32_t i;
    for (i = 0; i < b->model->n_fields; i++) {
        const owu_field *field = &b->model->fields[i];
        if ((field->flags & OWU_REQUIRED) != 0 && (b->seen >> i & 1) == 0) {
            const struct owu_path step = {b->path, field->name, field->name_len, i, 0};
            add_fault(r, OWU_FAULT_MISSING, &step, b->model, b->start, p, 0, NULL);
        }
    }
}

/* The record, with cells for what is not null: half of what a server sends often is. NULL when
 * memory ran out. */
static const owu_record *finish_record(struct reader *r, struct building *b) {
    owu_record *record;
    uint64_t stored = 0, left = b->seen; /* shifted: a field may be the 64th */
    uint32_t i, n = 0;
    for (i = 0; left != 0; i++, left >>= 1) { /* without a branch: nulls come as they like */
        const uint64_t keep = left & (b->cells[i].tag != OWU_TAG_NULL);
        b->cells[n] = b->cells[i];
        n += (uint32_t)keep;
        stored |= keep << i;
    }
    record = owu_arena_alloc(r->arena, sizeof *record + n * sizeof *record->cells);
    if (record == NULL || !finish_extras(r, b, &record->extra)) {
        return NULL;
    }
    record->model = b->model;
    record->set = b->seen;
    record->stored = stored;
    memcpy(record->cells, b->cells, n * sizeof *record->cells);
    return record;
}

static void finish_faults(struct reader *r, const struct building *b) {
    const struct owu_path *path;
    size_t depth = 0;
    for (path = b->path; path != NULL; path = path->up) {
        depth++;
    }
    drop_overridden_faults(r, b, depth);
    sort_faults(r->faults->items + b->first_fault, r->faults->len - b->first_fault, depth,
                b->model->n_fields);
}

static const char *read_record(struct reader *r, const char *p, const owu_model *model,
                               const struct owu_path *path, owu_cell *out) {
    struct order *const order = order_of(r, model);
    const uint64_t required = order->required;
    struct building b;
    unsigned before = 0;
    bool more;

    b.model = model;
    b.path = path;
    b.start = p;
    b.extras = NULL;
    b.n_extras = 0;
    b.extra_marks = 0;
    b.seen = 0;
    b.first_fault = r->faults->len;
    p = owu_scan__enter(&r->scan, p);
    more = p != NULL && !owu_scan__close_empty(&r->scan, &p, '}');
    while (p != NULL && more) {
        p = read_member(r, p, &b, order, &before);
        p = p == NULL ? NULL : owu_scan__next(&r->scan, p, '}', &more);
    }
    if (p == NULL) {
        return NULL;
    }
    if ((required & ~b.seen) != 0) {
        add_missing(r, p, &b);
    }
    if (r->faults->len != b.first_fault) {
        finish_faults(r, &b);
    }
    memset(out, 0, sizeof *out);
    out->tag = OWU_TAG_RECORD;
    out->u.record = finish_record(r, &b);
    return out->u.record == NULL ? owu_scan__no_memory(&r->scan) : p;
}

/* ---------------------------------------------------------------- dispatch */

/* Not the container that is due: an empty one for forgiving fields, else a fault. */
static const char *read_misfit(struct reader *r, const char *p, const owu_type *type,
                               const struct owu_path *path, const owu_model *owner,
                               unsigned field_flags, owu_cell *out) {
    if ((field_flags & OWU_FORGIVING) != 0) {
        memset(out, 0, sizeof *out); /* reads as an empty container */
        out->tag = OWU_TAG_JSON;
        out->flags = OWU_CELL_NORMAL;
        out->len = 2;
        out->u.text = type->kind == OWU_LIST ? "[]" : "{}";
        return owu_walk__value(&r->walk, p);
    }
    return refuse(r, p, type, path, owner, field_flags);
}

static const char *read_value(struct reader *r, const char *p, const owu_type *type,
                              const struct owu_path *path, const owu_model *owner,
                              unsigned field_flags, owu_cell *out) {
    const char *const start = p;
    if (p >= r->scan.end) {
        return owu_scan__refuse(&r->scan, p, "unexpected end of the text");
    }
    p = read_usual(r, p, type, out);
    if (p != start) {
        return p;
    }
    switch (type->kind) {
    case OWU_STR:
    case OWU_INT:
    case OWU_FLOAT:
    case OWU_BOOL:
    case OWU_DATE:
        return read_scalar(r, p, type, path, owner, field_flags, out);
    case OWU_DICT:
    case OWU_MODEL:
        if (*p == '{') {
            if (type->kind == OWU_MODEL) {
                return read_record(r, p, type->model, path, out);
            }
            return type->item == OWU_ANY ? owu_walk__keep(&r->walk, p, out)
                                         : read_map(r, p, type, path, owner, field_flags, out);
        }
        break;
    case OWU_LIST:
        if (*p == '[') {
            return type->item == OWU_ANY ? owu_walk__keep(&r->walk, p, out)
                                         : read_list(r, p, type, path, owner, field_flags, out);
        }
        break;
    case OWU_ANY:
    case OWU_BYTES:
        return owu_walk__keep(&r->walk, p, out);
    }
    if (*p == 'n' && type->nullable) { /* but not null, or it had been read */
        return owu_scan__word(&r->scan, p, "null");
    }
    return read_misfit(r, p, type, path, type->kind == OWU_MODEL ? type->model : owner, field_flags,
                       out);
}

static void reader_init(struct reader *r, const char *text, size_t len, owu_arena *arena,
                        owu_error *err) {
    memset(r, 0, offsetof(struct reader, walk));
    owu_scan__init(&r->scan, text, len, err);
    owu_walk__init(&r->walk, &r->scan, arena);
    r->arena = arena;
}

/* Room for what a text decodes to: little texts have more of records and ends of chunks. */
static size_t expected_room(size_t len) {
    return len <= 64 << 10 ? len + len / 2 : len;
}

owu_status owu_document_read(owu_document **out, const owu_type *type, const char *text, size_t len,
                             unsigned flags, owu_faults *faults, owu_error *err) {
    owu_faults own_faults = {0};
    struct reader r;
    owu_cell value;
    owu_status status;
    const char *p;
    owu_document *document = owu_document__new();

    if (document == NULL) {
        return owu_fail(err, OWU_ENOMEM, "out of memory while reading JSON");
    }
    memset(&value, 0, sizeof value);
    owu_document__arena(document)->expected = expected_room(len);
    reader_init(&r, text, len, owu_document__arena(document), err);
    r.flags = flags;
    r.faults = faults != NULL ? faults : &own_faults;
    p = owu_scan__begin(&r.scan);
    p = p == NULL ? NULL : read_value(&r, p, type, NULL, type->model, 0, &value);
    (void)(p == NULL ? NULL : owu_scan__finish(&r.scan, p));
    status = r.scan.status;
    if (status == OWU_OK && r.faults->total != 0) {
        status = owu_fail(err, OWU_ESCHEMA, "%zu value(s) do not fit %s", r.faults->total,
                          type->model != NULL ? type->model->name : "what was expected");
    }
    if (status == OWU_OK) {
        owu_document__set_value(document, value);
        *out = document;
        document = NULL;
    }
    owu_free(r.cells.items);
    owu_faults_free(&own_faults);
    owu_document_unref(document);
    return status;
}
