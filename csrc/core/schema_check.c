/* schema_check.c - look-ups in the two tables, and the proof that they are consistent. */
#include "schema.h"

#include <string.h>

/* ---------------------------------------------------------------- look-ups */

const owu_model *owu_model_find(const char *name) {
    size_t i;
    for (i = 0; owu_models[i] != NULL; i++) {
        if (strcmp(owu_models[i]->name, name) == 0) {
            return owu_models[i];
        }
    }
    return NULL;
}

static bool has_key(const owu_field *field, const char *key, size_t len) {
    return field->name_len == len && memcmp(field->name, key, len) == 0;
}

int owu_model_field(const owu_model *model, const char *key, size_t len, unsigned hint) {
    uint32_t i;
    if (hint < model->n_fields && has_key(&model->fields[hint], key, len)) {
        return (int)hint;
    }
    for (i = 0; i < model->n_fields; i++) {
        if (has_key(&model->fields[i], key, len)) {
            return (int)i;
        }
    }
    return -1;
}

bool owu_secret_name(const char *key, size_t len) {
    size_t m;
    uint32_t i;
    for (m = 0; owu_models[m] != NULL; m++) {
        for (i = 0; i < owu_models[m]->n_fields; i++) {
            const owu_field *field = &owu_models[m]->fields[i];
            if ((field->flags & OWU_SECRET) != 0 && has_key(field, key, len)) {
                return true;
            }
        }
    }
    return false;
}

static bool is_count(const owu_type *type) {
    return type->kind == OWU_INT || (type->kind == OWU_DICT && type->item == OWU_INT);
}

int owu_model_page(const owu_model *model) {
    int found = -1;
    uint32_t i;
    for (i = 0; i < model->n_fields; i++) {
        const owu_type *type = &model->fields[i].type;
        if (type->kind == OWU_LIST && type->item == OWU_MODEL && found < 0) {
            found = (int)i;
        } else if (!is_count(type)) {
            return -1;
        }
    }
    return found;
}

const owu_endpoint *owu_endpoint_find(const char *resource, const char *name) {
    size_t i;
    for (i = 0; i < owu_n_endpoints; i++) {
        if (strcmp(owu_endpoints[i].resource, resource) == 0 &&
            strcmp(owu_endpoints[i].name, name) == 0) {
            return &owu_endpoints[i];
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- models */

#define CHECK(condition, ...) \
    do { \
        if (!(condition)) { \
            return owu_fail(err, OWU_EINTERNAL, __VA_ARGS__); \
        } \
    } while (0)

static bool is_sentence(const char *doc) {
    const size_t len = doc == NULL ? 0 : strlen(doc);
    return len > 3 && (doc[len - 1] == '.' || doc[len - 1] == '?') && doc[0] >= 'A' &&
           doc[0] <= 'Z';
}

static bool is_identifier(const char *name) {
    static const char *const keywords[] = {"import", "from",  "class", "def",    "in",   "is",
                                           "not",    "or",    "and",   "if",     "else", "for",
                                           "while",  "with",  "as",    "global", "pass", "del",
                                           "return", "yield", "try",   "raise",  "async"};
    const char *p = name;
    size_t i;
    for (i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        if (strcmp(name, keywords[i]) == 0) {
            return false;
        }
    }
    for (; *p != '\0'; p++) {
        const bool letter = (*p >= 'a' && *p <= 'z') || *p == '_';
        if (!letter && (p == name || *p < '0' || *p > '9')) {
            return false;
        }
    }
    return p != name;
}

static bool default_fits(const owu_field *field) {
    const owu_type *type = &field->type;
    switch ((owu_tag)field->def.tag) {
    case OWU_TAG_UNSET:
        return (field->flags & OWU_REQUIRED) != 0;
    case OWU_TAG_NULL:
        return type->nullable && (field->flags & OWU_REQUIRED) == 0;
    case OWU_TAG_BOOL:
        return type->kind == OWU_BOOL;
    case OWU_TAG_INT:
        return type->kind == OWU_INT;
    case OWU_TAG_FLOAT:
        return type->kind == OWU_FLOAT;
    case OWU_TAG_STR:
        return type->kind == OWU_STR && strlen(field->def.u.text) == field->def.len;
    case OWU_TAG_JSON:
        return field->def.len == 2 && ((type->kind == OWU_DICT && field->def.u.text[0] == '{') ||
                                       (type->kind == OWU_LIST && field->def.u.text[0] == '['));
    case OWU_TAG_BIGINT:
    case OWU_TAG_DATE:
    case OWU_TAG_LIST:
    case OWU_TAG_MAP:
    case OWU_TAG_RECORD:
        return false;
    }
    return false;
}

/* Position of a model in the table, or SIZE_MAX. */
static size_t position_of(const owu_model *model) {
    size_t i;
    for (i = 0; owu_models[i] != NULL; i++) {
        if (owu_models[i] == model) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* A type names a model of the table exactly where it needs one. */
static bool type_is_whole(const owu_type *type) {
    const bool container = type->kind == OWU_LIST || type->kind == OWU_DICT;
    const bool needs = type->kind == OWU_MODEL || (container && type->item == OWU_MODEL);
    return (type->model != NULL) == needs && (!needs || position_of(type->model) != SIZE_MAX) &&
           (container || type->item == OWU_ANY) && type->item != OWU_LIST && type->item != OWU_DICT;
}

static owu_status check_field(const owu_model *model, uint32_t index, owu_error *err) {
    const owu_field *field = &model->fields[index];
    CHECK(strlen(field->name) == field->name_len, "%s.%s: name_len", model->name, field->name);
    CHECK(strlen(field->quoted) == field->quoted_len && field->quoted_len == field->name_len + 3u &&
              memcmp(field->quoted + 1, field->name, field->name_len) == 0,
          "%s.%s: quoted", model->name, field->name);
    CHECK(owu_model_field(model, field->name, field->name_len, UINT32_MAX) == (int)index,
          "%s.%s stands twice", model->name, field->name);
    CHECK(is_identifier(field->python_name), "%s.%s: python_name", model->name, field->name);
    CHECK(is_sentence(field->doc), "%s.%s: doc is no sentence", model->name, field->name);
    CHECK(type_is_whole(&field->type), "%s.%s: type", model->name, field->name);
    CHECK(default_fits(field), "%s.%s: default", model->name, field->name);
    CHECK((field->flags & OWU_CATEGORY) == 0 || field->type.kind == OWU_STR,
          "%s.%s: a category is a text", model->name, field->name);
    return OWU_OK;
}

static owu_status check_base(const owu_model *model, owu_error *err) {
    const owu_model *base = model->base;
    uint32_t i;
    if (base == NULL) {
        return OWU_OK;
    }
    CHECK(position_of(base) < position_of(model), "%s stands before its base", model->name);
    CHECK(base->n_fields <= model->n_fields, "%s has fewer fields than its base", model->name);
    for (i = 0; i < base->n_fields; i++) {
        const owu_field *a = &base->fields[i], *b = &model->fields[i];
        CHECK(strcmp(a->name, b->name) == 0 && strcmp(a->python_name, b->python_name) == 0 &&
                  a->flags == b->flags && a->type.kind == b->type.kind,
              "%s.%s is not the base's field", model->name, b->name);
    }
    return OWU_OK;
}

static owu_status check_model(const owu_model *model, owu_error *err) {
    uint32_t i;
    CHECK(owu_model_find(model->name) == model, "two models are called %s", model->name);
    CHECK(model->n_fields > 0 && model->n_fields <= OWU_MAX_FIELDS, "%s: fields", model->name);
    CHECK(is_sentence(model->doc), "%s: doc is no sentence", model->name);
    for (i = 0; i < model->n_fields; i++) {
        const owu_status status = check_field(model, i, err);
        if (status != OWU_OK) {
            return status;
        }
    }
    return check_base(model, err);
}

/* ---------------------------------------------------------------- calls */

static bool is_version(const char *text) {
    int dots = 0;
    for (; text != NULL && *text != '\0'; text++) {
        dots += *text == '.';
        if (*text != '.' && (*text < '0' || *text > '9')) {
            return false;
        }
    }
    return dots == 2;
}

static bool path_names(const char *path, const char *name) {
    const size_t len = strlen(name);
    const char *p;
    for (p = strchr(path, '{'); p != NULL; p = strchr(p + 1, '{')) {
        if (strncmp(p + 1, name, len) == 0 && p[len + 1] == '}') {
            return true;
        }
    }
    return false;
}

static size_t count_char(const char *text, char c) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += *text == c;
    }
    return n;
}

static owu_status check_params(const owu_endpoint *e, owu_error *err) {
    size_t in_path = 0, bodies = 0;
    bool optional = false;
    uint32_t i;
    CHECK(e->n_params <= OWU_MAX_PARAMS, "%s.%s: too many parameters", e->resource, e->name);
    for (i = 0; i < e->n_params; i++) {
        const owu_param *p = &e->params[i];
        CHECK(is_identifier(p->name) && is_sentence(p->doc), "%s.%s: parameter %s", e->resource,
              e->name, p->name);
        CHECK(type_is_whole(&p->type), "%s.%s: type of %s", e->resource, e->name, p->name);
        CHECK(p->since == NULL || is_version(p->since), "%s.%s: since of %s", e->resource, e->name,
              p->name);
        CHECK(!(optional && p->required), "%s.%s: %s is required behind an optional one",
              e->resource, e->name, p->name);
        optional = optional || !p->required;
        in_path += p->place == OWU_IN_PATH;
        bodies += p->place == OWU_IN_BODY;
        CHECK(p->place != OWU_IN_PATH || path_names(e->path, p->name),
              "%s.%s: %s is not in the path", e->resource, e->name, p->name);
    }
    CHECK(in_path == count_char(e->path, '{'), "%s.%s: places in the path", e->resource, e->name);
    CHECK(bodies <= 1, "%s.%s: more than one body", e->resource, e->name);
    CHECK((e->flags & OWU_BARE_BODY) == 0 || bodies == 1, "%s.%s: no body to be given bare",
          e->resource, e->name);
    return OWU_OK;
}

static owu_status check_endpoint(const owu_endpoint *e, owu_error *err) {
    static const char *const methods[] = {"GET", "POST", "DELETE"};
    bool known = false;
    size_t i;
    CHECK(owu_endpoint_find(e->resource, e->name) == e, "two calls are called %s.%s", e->resource,
          e->name);
    for (i = 0; i < sizeof methods / sizeof *methods; i++) {
        known = known || strcmp(e->method, methods[i]) == 0;
    }
    CHECK(known && e->path[0] == '/', "%s.%s: method and path", e->resource, e->name);
    CHECK(strchr(e->path, '-') == NULL, "%s.%s: a dash in the path", e->resource, e->name);
    CHECK(is_version(e->since), "%s.%s: since", e->resource, e->name);
    CHECK((e->older_method == NULL) == (e->older_before == NULL) &&
              (e->older_before == NULL || is_version(e->older_before)),
          "%s.%s: older method", e->resource, e->name);
    CHECK(is_identifier(e->name) && e->doc != NULL && is_sentence(e->returns), "%s.%s: doc",
          e->resource, e->name);
    CHECK(e->answer.kind == OWU_BYTES || type_is_whole(&e->answer), "%s.%s: answer", e->resource,
          e->name);
    CHECK((e->flags & OWU_REPEATABLE) == 0 || strcmp(e->method, "DELETE") != 0,
          "%s.%s deletes and is marked repeatable", e->resource, e->name);
    return check_params(e, err);
}

owu_status owu_schema_check(owu_error *err) {
    owu_status status = OWU_OK;
    size_t i;
    for (i = 0; status == OWU_OK && owu_models[i] != NULL; i++) {
        status = check_model(owu_models[i], err);
    }
    for (i = 0; status == OWU_OK && i < owu_n_endpoints; i++) {
        status = check_endpoint(&owu_endpoints[i], err);
    }
    return status;
}
