/*
 * json.c - JSON without a schema: a value by JSON Pointer, merge patches, differences, equality.
 *
 * The only file that names cJSON. Trees are made by our own reader through cJSON_Create…, because
 * cJSON's parser cuts texts at \u0000, rounds integers and accepts what is not JSON. A tree holds
 *   - a number that a double holds exactly as a number, any other as raw text;
 *   - a text without NUL as a string, any other as its JSON text, raw;
 *   - keys in JSON's own escaping, so that they never hold a NUL; distinct, the last value kept.
 * It nests at most OWU_MAX_DEPTH deep, so that functions here and in cJSON may recurse.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

const char *owu_json_library_version(void) {
    return cJSON_Version();
}

/* ---------------------------------------------------------------- keys */

/* A key, as it stands between the quotes of a JSON text, terminated. @return NULL: out of memory */
static const char *escaped_key(owu_buffer *scratch, const char *key, size_t len, unsigned flags) {
    owu_writer writer;
    scratch->len = 0;
    owu_writer_init(&writer, scratch, -1);
    owu_write_string(&writer, key, len, flags);
    if (owu_buffer_terminate(scratch) != OWU_OK) {
        return NULL;
    }
    scratch->data[scratch->len - 1] = '\0'; /* in place of the closing quote */
    return scratch->data + 1;
}

/* ---------------------------------------------------------------- reading a tree */

typedef struct TreeBuilder {
    cJSON *root;                      /* owned */
    cJSON *parents[OWU_MAX_DEPTH + 1]; /* borrowed from root; [depth - 1] is being filled */
    size_t depth;
    owu_buffer key;     /* of the value to come, as escaped_key gives it */
    owu_buffer scratch; /* a text with a NUL behind it */
} TreeBuilder;

/* Takes node (consumed; NULL: memory ran out) to where the text stands. */
static bool tree_add(TreeBuilder *tree, cJSON *node) {
    cJSON *parent = tree->depth == 0 ? NULL : tree->parents[tree->depth - 1];
    bool added;
    if (node == NULL) {
        return false;
    }
    if (parent == NULL) {
        tree->root = node;
        return true;
    }
    added = cJSON_IsObject(parent) ? cJSON_AddItemToObject(parent, tree->key.data + 1, node)
                                   : cJSON_AddItemToArray(parent, node);
    if (!added) {
        cJSON_Delete(node);
    }
    return added;
}

static const char *terminated(TreeBuilder *tree, const char *text, size_t len) {
    tree->scratch.len = 0;
    (void)owu_buffer_append(&tree->scratch, text, len);
    return owu_buffer_terminate(&tree->scratch) == OWU_OK ? tree->scratch.data : NULL;
}

static bool tree_add_raw(TreeBuilder *tree, const char *text, size_t len) {
    const char *copy = terminated(tree, text, len);
    return copy != NULL && tree_add(tree, cJSON_CreateRaw(copy));
}

static bool tree_null(void *context) {
    return tree_add(context, cJSON_CreateNull());
}

static bool tree_boolean(void *context, bool value) {
    return tree_add(context, cJSON_CreateBool(value));
}

static bool tree_integer(void *context, const char *digits, size_t len) {
    enum { ALWAYS_EXACT = 15 }; /* digits that a double holds whatever they are */
    const size_t n_digits = len - (digits[0] == '-');
    return n_digits <= ALWAYS_EXACT
               ? tree_add(context, cJSON_CreateNumber(owu_number__parse(digits, len)))
               : tree_add_raw(context, digits, len);
}

/* Raw always: 1.0 must not come back as 1, nor 1E400 as infinity. */
static bool tree_number(void *context, double value, const char *text, size_t len) {
    (void)value;
    return tree_add_raw(context, text, len);
}

static bool tree_string(void *context, const char *text, size_t len, unsigned flags) {
    TreeBuilder *tree = context;
    owu_writer writer;
    if (memchr(text, '\0', len) == NULL) {
        const char *copy = terminated(tree, text, len);
        return copy != NULL && tree_add(tree, cJSON_CreateString(copy));
    }
    tree->scratch.len = 0;
    owu_writer_init(&writer, &tree->scratch, -1);
    owu_write_string(&writer, text, len, flags);
    return owu_buffer_terminate(&tree->scratch) == OWU_OK &&
           tree_add(tree, cJSON_CreateRaw(tree->scratch.data));
}

static bool tree_key(void *context, const char *text, size_t len, unsigned flags) {
    TreeBuilder *tree = context;
    return escaped_key(&tree->key, text, len, flags) != NULL;
}

static bool tree_begin(TreeBuilder *tree, cJSON *node) {
    if (!tree_add(tree, node)) {
        return false;
    }
    tree->parents[tree->depth++] = node;
    return true;
}

static bool tree_begin_object(void *context) {
    return tree_begin(context, cJSON_CreateObject());
}

static bool tree_begin_array(void *context) {
    return tree_begin(context, cJSON_CreateArray());
}

static bool tree_end_array(void *context) {
    TreeBuilder *tree = context;
    tree->depth--;
    return true;
}

/* ---------------------------------------------------------------- members by key */

/* The members of an object in the order of their keys, and of their places where keys are equal. */
typedef struct Members {
    struct Member {
        cJSON *node; /* borrowed */
        size_t place;
    } *items; /* owned */
    size_t len;
} Members;

static int compare_members(const void *a, const void *b) {
    const struct Member *x = a, *y = b;
    const int order = strcmp(x->node->string, y->node->string);
    return order != 0 ? order : (x->place > y->place) - (x->place < y->place);
}

static bool members_of(Members *members, const cJSON *object) {
    cJSON *node;
    size_t len = 0;
    for (node = object->child; node != NULL; node = node->next) {
        len++;
    }
    members->len = 0;
    members->items = owu_malloc(len * sizeof *members->items);
    if (members->items == NULL) {
        return false;
    }
    for (node = object->child; node != NULL; node = node->next) {
        members->items[members->len] = (struct Member){node, members->len};
        members->len++;
    }
    qsort(members->items, members->len, sizeof *members->items, compare_members);
    return true;
}

static void members_free(Members *members) {
    owu_free(members->items);
    members->items = NULL;
}

static int compare_key(const void *key, const void *member) {
    return strcmp(key, ((const struct Member *)member)->node->string);
}

static cJSON *members_find(const Members *members, const char *key) {
    const struct Member *found =
        bsearch(key, members->items, members->len, sizeof *members->items, compare_key);
    return found == NULL ? NULL : found->node;
}

/* Of members with one key only the last value stays, at the first one's place. */
static bool tree_end_object(void *context) {
    TreeBuilder *tree = context;
    cJSON *object = tree->parents[--tree->depth];
    Members members;
    size_t i, last;
    if (!members_of(&members, object)) {
        return false;
    }
    for (i = 0; i < members.len; i = last + 1) {
        for (last = i; last + 1 < members.len && strcmp(members.items[i].node->string,
                                                        members.items[last + 1].node->string) == 0;
             last++) {
            if (last > i) {
                cJSON_Delete(cJSON_DetachItemViaPointer(object, members.items[last].node));
            }
        }
        if (last > i) {
            cJSON *value = cJSON_DetachItemViaPointer(object, members.items[last].node);
            (void)cJSON_ReplaceItemViaPointer(object, members.items[i].node, value);
        }
    }
    members_free(&members);
    return true;
}

static const owu_sink tree_sink = {
    tree_null, tree_boolean,      tree_integer,    tree_number,      tree_string,
    tree_key,  tree_begin_object, tree_end_object, tree_begin_array, tree_end_array,
};

/* @param[out] out owned: cJSON_Delete; unchanged on failure. */
static owu_status tree_read(cJSON **out, const char *text, size_t len, owu_error *err) {
    TreeBuilder tree = {0};
    owu_status status;
    if (len > OWU_MAX_TREE) {
        return owu_fail(err, OWU_ELIMIT,
                        "a JSON document of %zu bytes is too large to be worked on: at most %zu",
                        len, OWU_MAX_TREE);
    }
    status = owu_json_walk(text, len, &tree_sink, &tree, err);
    if (status == OWU_OK) {
        *out = tree.root;
    } else {
        cJSON_Delete(tree.root);
        if (status == OWU_EINTERRUPTED) { /* the sink stops for nothing else */
            status = owu_fail(err, OWU_ENOMEM, "out of memory for a JSON document");
        }
    }
    owu_buffer_free(&tree.key);
    owu_buffer_free(&tree.scratch);
    return status;
}

/* ---------------------------------------------------------------- writing a tree */

/* Keys are escaped already. */
static void write_key(owu_writer *writer, const char *key) {
    owu_write_key(writer, key, strlen(key), OWU_CELL_PLAIN);
}

static void write_tree(owu_writer *writer, const cJSON *node) {
    const cJSON *child;
    if (cJSON_IsObject(node)) {
        owu_write_begin_object(writer);
        for (child = node->child; child != NULL; child = child->next) {
            write_key(writer, child->string);
            write_tree(writer, child);
        }
        owu_write_end_object(writer);
    } else if (cJSON_IsArray(node)) {
        owu_write_begin_array(writer);
        for (child = node->child; child != NULL; child = child->next) {
            write_tree(writer, child);
        }
        owu_write_end_array(writer);
    } else if (cJSON_IsString(node)) {
        owu_write_string(writer, node->valuestring, strlen(node->valuestring), 0);
    } else if (cJSON_IsRaw(node)) {
        owu_write_raw(writer, node->valuestring, strlen(node->valuestring));
    } else if (cJSON_IsNumber(node)) {
        owu_write_int(writer, (int64_t)node->valuedouble); /* tree_integer made it */
    } else if (cJSON_IsBool(node)) {
        owu_write_bool(writer, cJSON_IsTrue(node));
    } else {
        owu_write_null(writer);
    }
}

static owu_status written(const owu_buffer *out, owu_error *err) {
    return out->status == OWU_OK
               ? OWU_OK
               : owu_fail(err, out->status, "out of memory, or too large, while writing JSON");
}

/* ---------------------------------------------------------------- equality */

static bool raw_is_text(const cJSON *node) {
    return node->valuestring[0] == '"';
}

/* Digits alone are exact; with a fraction or an exponent the value counts: 1E2 is 100.0. */
static bool raw_equal(const cJSON *a, const cJSON *b) {
    const char *x = a->valuestring, *y = b->valuestring;
    if (strcmp(x, y) == 0) {
        return true;
    }
    if (raw_is_text(a) || raw_is_text(b) || strpbrk(x, ".eE") == NULL ||
        strpbrk(y, ".eE") == NULL) {
        return false;
    }
    return !(owu_number__parse(x, strlen(x)) < owu_number__parse(y, strlen(y))) &&
           !(owu_number__parse(x, strlen(x)) > owu_number__parse(y, strlen(y)));
}

static bool integer_equals_raw(const cJSON *integer, const cJSON *raw) {
    const char *text = raw->valuestring;
    double value;
    if (raw_is_text(raw) || strpbrk(text, ".eE") == NULL) {
        return false; /* an integer that is raw has too many digits to be equal */
    }
    value = owu_number__parse(text, strlen(text));
    return !(value < integer->valuedouble) && !(value > integer->valuedouble);
}

static owu_status tree_equal(bool *out, const cJSON *a, const cJSON *b);

static owu_status arrays_equal(bool *out, const cJSON *a, const cJSON *b) {
    owu_status status = OWU_OK;
    a = a->child;
    b = b->child;
    for (*out = true; status == OWU_OK && *out && a != NULL && b != NULL;
         a = a->next, b = b->next) {
        status = tree_equal(out, a, b);
    }
    *out = *out && a == NULL && b == NULL;
    return status;
}

static owu_status objects_equal(bool *out, const cJSON *a, const cJSON *b) {
    Members x = {0}, y = {0};
    owu_status status = members_of(&x, a) && members_of(&y, b) ? OWU_OK : OWU_ENOMEM;
    size_t i;
    if (status == OWU_OK) {
        *out = x.len == y.len;
        for (i = 0; status == OWU_OK && *out && i < x.len; i++) {
            *out = strcmp(x.items[i].node->string, y.items[i].node->string) == 0;
            if (*out) {
                status = tree_equal(out, x.items[i].node, y.items[i].node);
            }
        }
    }
    members_free(&x);
    members_free(&y);
    return status;
}

/* @return OWU_OK or OWU_ENOMEM */
static owu_status tree_equal(bool *out, const cJSON *a, const cJSON *b) {
    if (cJSON_IsObject(a) && cJSON_IsObject(b)) {
        return objects_equal(out, a, b);
    }
    if (cJSON_IsArray(a) && cJSON_IsArray(b)) {
        return arrays_equal(out, a, b);
    }
    if (cJSON_IsNumber(a) && cJSON_IsRaw(b)) {
        *out = integer_equals_raw(a, b);
    } else if (cJSON_IsRaw(a) && cJSON_IsNumber(b)) {
        *out = integer_equals_raw(b, a);
    } else if (cJSON_IsRaw(a) && cJSON_IsRaw(b)) {
        *out = raw_equal(a, b);
    } else {
        *out = cJSON_Compare(a, b, true); /* scalars */
    }
    return OWU_OK;
}

owu_status owu_json_equal(bool *out, const char *a, size_t a_len, const char *b, size_t b_len,
                          owu_error *err) {
    cJSON *x = NULL, *y = NULL;
    owu_status status = tree_read(&x, a, a_len, err);
    if (status == OWU_OK) {
        status = tree_read(&y, b, b_len, err);
    }
    if (status == OWU_OK && tree_equal(out, x, y) != OWU_OK) {
        status = owu_fail(err, OWU_ENOMEM, "out of memory while comparing JSON");
    }
    cJSON_Delete(x);
    cJSON_Delete(y);
    return status;
}

/* ---------------------------------------------------------------- merge patch */

/* For each member of patch what target has under its key, or NULL. @return owned; NULL: no memory */
static cJSON **counterparts(const cJSON *target, const cJSON *patch) {
    Members members = {0};
    cJSON **found = owu_malloc((size_t)cJSON_GetArraySize(patch) * sizeof(cJSON *));
    if (found != NULL && members_of(&members, target)) {
        const cJSON *node;
        size_t i = 0;
        for (node = patch->child; node != NULL; node = node->next) {
            found[i++] = members_find(&members, node->string);
        }
    } else {
        owu_free(found);
        found = NULL;
    }
    members_free(&members);
    return found;
}

/* RFC 7396. Consumes both. @return owned; NULL: memory ran out, and a target that is an object is
 * still the caller's. */
static cJSON *merge(cJSON *target, cJSON *patch) {
    cJSON **found = NULL; /* looked up before anything changes */
    cJSON *node, *next;
    const bool in_place = cJSON_IsObject(target);
    size_t i = 0;
    bool ok;
    if (!cJSON_IsObject(patch)) {
        cJSON_Delete(target);
        return patch;
    }
    if (!in_place) {
        cJSON_Delete(target);
        target = cJSON_CreateObject();
    }
    ok = target != NULL && (found = counterparts(target, patch)) != NULL;
    for (node = ok ? patch->child : NULL; ok && node != NULL; node = next) {
        cJSON *there = found[i++];
        next = node->next;
        (void)cJSON_DetachItemViaPointer(patch, node);
        if (cJSON_IsNull(node)) {
            cJSON_Delete(node);
            if (there != NULL) {
                cJSON_Delete(cJSON_DetachItemViaPointer(target, there));
            }
        } else if (cJSON_IsObject(there) && cJSON_IsObject(node)) {
            ok = merge(there, node) != NULL; /* in its place */
        } else {
            char *key = node->string;
            node->string = NULL; /* kept while the value may be replaced below */
            if (cJSON_IsObject(node)) {
                node = merge(NULL, node); /* nulls in it stand for nothing */
            }
            if (node == NULL) {
                ok = false;
            } else if (there != NULL) {
                node->string = key;
                key = NULL;
                ok = cJSON_ReplaceItemViaPointer(target, there, node);
            } else if (!cJSON_AddItemToObject(target, key, node)) {
                cJSON_Delete(node);
                ok = false;
            }
            cJSON_free(key);
        }
    }
    owu_free(found);
    cJSON_Delete(patch);
    if (!ok && !in_place) {
        cJSON_Delete(target);
    }
    return ok ? target : NULL;
}

owu_status owu_json_merge(owu_buffer *out, const char *text, size_t len, const char *patch,
                          size_t patch_len, owu_error *err) {
    cJSON *target = NULL, *change = NULL;
    owu_writer writer;
    owu_status status = tree_read(&target, text, len, err);
    if (status == OWU_OK) {
        status = tree_read(&change, patch, patch_len, err);
    }
    if (status == OWU_OK) {
        const bool stays_ours = cJSON_IsObject(target); /* when merging fails */
        cJSON *merged = merge(target, change);
        if (merged != NULL || !stays_ours) {
            target = merged;
        }
        change = NULL;
        if (merged == NULL) {
            status = owu_fail(err, OWU_ENOMEM, "out of memory while merging JSON");
        } else {
            owu_writer_init(&writer, out, -1);
            write_tree(&writer, target);
            status = written(out, err);
        }
    }
    cJSON_Delete(target);
    cJSON_Delete(change);
    return status;
}

/* ---------------------------------------------------------------- difference */

/* Does the value hold a null that a merge patch would take as "remove"? */
static bool has_null_member(const cJSON *node) {
    const cJSON *child;
    if (!cJSON_IsObject(node)) {
        return false;
    }
    for (child = node->child; child != NULL; child = child->next) {
        if (cJSON_IsNull(child) || has_null_member(child)) {
            return true;
        }
    }
    return false;
}

static owu_status write_difference(owu_writer *writer, const cJSON *from, const cJSON *to);

/* What sets the member `to` of an object that has `from` (NULL: nothing) under its key. */
static owu_status write_change(owu_writer *writer, const cJSON *from, const cJSON *to) {
    bool equal = false;
    if (from != NULL && tree_equal(&equal, from, to) != OWU_OK) {
        return OWU_ENOMEM;
    }
    if (equal) {
        return OWU_OK;
    }
    if (cJSON_IsNull(to) || (has_null_member(to) && !cJSON_IsObject(from))) {
        return OWU_EVALUE;
    }
    write_key(writer, to->string);
    if (cJSON_IsObject(from) && cJSON_IsObject(to)) {
        return write_difference(writer, from, to);
    }
    write_tree(writer, to);
    return OWU_OK;
}

/* Two objects. @return OWU_OK, OWU_ENOMEM, OWU_EVALUE (a null that no patch can set) */
static owu_status write_difference(owu_writer *writer, const cJSON *from, const cJSON *to) {
    Members old = {0}, new = {0};
    const cJSON *node;
    owu_status status = members_of(&old, from) && members_of(&new, to) ? OWU_OK : OWU_ENOMEM;
    owu_write_begin_object(writer);
    for (node = to->child; status == OWU_OK && node != NULL; node = node->next) {
        status = write_change(writer, members_find(&old, node->string), node);
    }
    for (node = from->child; status == OWU_OK && node != NULL; node = node->next) {
        if (members_find(&new, node->string) == NULL) {
            write_key(writer, node->string);
            owu_write_null(writer);
        }
    }
    owu_write_end_object(writer);
    members_free(&old);
    members_free(&new);
    return status;
}

owu_status owu_json_diff(owu_buffer *out, const char *from, size_t from_len, const char *to,
                         size_t to_len, owu_error *err) {
    cJSON *x = NULL, *y = NULL;
    owu_writer writer;
    owu_status status = tree_read(&x, from, from_len, err);
    if (status == OWU_OK) {
        status = tree_read(&y, to, to_len, err);
    }
    if (status != OWU_OK) {
        goto done;
    }
    owu_writer_init(&writer, out, -1);
    if (cJSON_IsObject(x) && cJSON_IsObject(y)) {
        status = write_difference(&writer, x, y);
    } else if (has_null_member(y)) {
        status = OWU_EVALUE;
    } else {
        write_tree(&writer, y);
    }
    if (status == OWU_OK) {
        status = written(out, err);
    } else if (status == OWU_EVALUE) {
        (void)owu_fail(err, status, "a merge patch cannot set a value to null, and this one would");
    } else {
        (void)owu_fail(err, status, "out of memory while comparing JSON");
    }
done:
    cJSON_Delete(x);
    cJSON_Delete(y);
    return status;
}

/* ---------------------------------------------------------------- pointer */

/* A reference token as it stands in the pointer, ~0 and ~1 not decoded. */
typedef struct Token {
    const char *text; /* borrowed from the pointer */
    size_t len;
} Token;

/*
 * A look-up needs no tree: one walk follows the tokens and writes what stands at their end. A
 * container is on the way when the tokens so far lead into it; those are the outermost ones.
 */
typedef struct Search {
    Token tokens[OWU_MAX_DEPTH];
    size_t n_tokens;
    size_t depth;  /* containers around here */
    size_t on_way; /* how many of them are on the way */
    struct {
        bool is_array;
        size_t next; /* index of the next item of an array */
    } containers[OWU_MAX_DEPTH + 1]; /* on the way, by depth */
    bool key_fits;   /* is the last key of the innermost container on the way the next token? */
    bool writing;    /* in the value looked for */
    size_t value_depth;
    owu_buffer found;
    owu_writer writer; /* to found */
} Search;

static bool token_is(const Token *token, const char *text, size_t len) {
    size_t i, n = 0;
    for (i = 0; i < token->len; i++, n++) {
        char c = token->text[i];
        if (c == '~') {
            c = token->text[++i] == '0' ? '~' : '/';
        }
        if (n >= len || text[n] != c) {
            return false;
        }
    }
    return n == len;
}

static bool token_is_index(const Token *token, size_t index) {
    char digits[24];
    char *p = digits + sizeof digits;
    do {
        *--p = (char)('0' + index % 10);
        index /= 10;
    } while (index != 0);
    return token_is(token, p, (size_t)(digits + sizeof digits - p));
}

/* Before each value: do the tokens lead here? */
static bool search_fits(Search *s) {
    if (s->on_way != s->depth) {
        return false;
    }
    if (s->depth == 0) {
        return true;
    }
    return s->containers[s->depth].is_array
               ? token_is_index(&s->tokens[s->depth - 1], s->containers[s->depth].next++)
               : s->key_fits;
}

/* Before each value that is no container: is it written? */
static bool search_writes(Search *s) {
    return s->writing || (search_fits(s) && s->depth == s->n_tokens);
}

static bool search_goes_on(const Search *s) {
    return s->found.status == OWU_OK;
}

static bool search_null(void *context) {
    Search *s = context;
    if (search_writes(s)) {
        owu_write_null(&s->writer);
    }
    return search_goes_on(s);
}

static bool search_boolean(void *context, bool value) {
    Search *s = context;
    if (search_writes(s)) {
        owu_write_bool(&s->writer, value);
    }
    return search_goes_on(s);
}

static bool search_integer(void *context, const char *digits, size_t len) {
    Search *s = context;
    if (search_writes(s)) {
        owu_write_raw(&s->writer, digits, len);
    }
    return search_goes_on(s);
}

static bool search_number(void *context, double value, const char *text, size_t len) {
    (void)value;
    return search_integer(context, text, len);
}

static bool search_string(void *context, const char *text, size_t len, unsigned flags) {
    Search *s = context;
    if (search_writes(s)) {
        owu_write_string(&s->writer, text, len, flags);
    }
    return search_goes_on(s);
}

static bool search_key(void *context, const char *text, size_t len, unsigned flags) {
    Search *s = context;
    if (s->writing) {
        owu_write_key(&s->writer, text, len, flags);
    } else if (s->on_way == s->depth) {
        s->key_fits = token_is(&s->tokens[s->depth - 1], text, len);
        if (s->key_fits) {
            s->found.len = 0; /* of equal keys the last counts */
            owu_writer_init(&s->writer, &s->found, -1);
        }
    }
    return search_goes_on(s);
}

static bool search_begin(Search *s, bool is_array) {
    if (!s->writing && search_fits(s)) {
        if (s->depth == s->n_tokens) {
            s->writing = true;
            s->value_depth = s->depth;
        } else {
            s->on_way++;
            s->containers[s->on_way].is_array = is_array;
            s->containers[s->on_way].next = 0;
        }
    }
    s->depth++;
    if (s->writing) {
        (is_array ? owu_write_begin_array : owu_write_begin_object)(&s->writer);
    }
    return search_goes_on(s);
}

static bool search_end(Search *s, bool is_array) {
    s->depth--;
    if (s->writing) {
        (is_array ? owu_write_end_array : owu_write_end_object)(&s->writer);
        s->writing = s->depth > s->value_depth;
    } else if (s->on_way > s->depth) {
        s->on_way = s->depth;
    }
    s->key_fits = false;
    return search_goes_on(s);
}

static bool search_begin_object(void *context) {
    return search_begin(context, false);
}

static bool search_end_object(void *context) {
    return search_end(context, false);
}

static bool search_begin_array(void *context) {
    return search_begin(context, true);
}

static bool search_end_array(void *context) {
    return search_end(context, true);
}

static const owu_sink search_sink = {
    search_null, search_boolean,      search_integer,    search_number,      search_string,
    search_key,  search_begin_object, search_end_object, search_begin_array, search_end_array,
};

/* Cut the pointer into tokens; false when it is none. */
static bool read_pointer(Search *s, const char *pointer) {
    while (*pointer != '\0') {
        Token *token = &s->tokens[s->n_tokens];
        if (*pointer != '/' || s->n_tokens == OWU_MAX_DEPTH) {
            return false;
        }
        token->text = ++pointer;
        for (; *pointer != '\0' && *pointer != '/'; pointer++) {
            if (*pointer == '~' && pointer[1] != '0' && pointer[1] != '1') {
                return false;
            }
        }
        token->len = (size_t)(pointer - token->text);
        s->n_tokens++;
    }
    return true;
}

owu_status owu_json_pointer(owu_buffer *out, const char *text, size_t len, const char *pointer,
                            owu_error *err) {
    Search s;
    owu_status status;
    memset(&s, 0, sizeof s);
    if (!read_pointer(&s, pointer)) {
        return owu_fail(err, OWU_EVALUE, "not a JSON Pointer: expected \"\" or \"/…\"");
    }
    owu_writer_init(&s.writer, &s.found, -1);
    status = owu_json_walk(text, len, &search_sink, &s, err);
    if (status == OWU_EINTERRUPTED) { /* the sink stops for nothing else */
        status = written(&s.found, err);
    } else if (status == OWU_OK && s.found.len == 0) {
        status = owu_fail(err, OWU_EVALUE, "nothing stands there in the JSON text");
    } else if (status == OWU_OK && owu_buffer_append(out, s.found.data, s.found.len) != OWU_OK) {
        status = written(out, err);
    }
    owu_buffer_free(&s.found);
    return status;
}
