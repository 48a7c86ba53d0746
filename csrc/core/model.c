/* model.c - faults and documents: what a decoded or refused text leaves behind. */
#include "internal.h"

#include <stdatomic.h>
#include <string.h>

/* ---------------------------------------------------------------- faults */

static const struct {
    const char *name;
    const char *message;
    const char *json_message; /* NULL: the same */
} fault_texts[OWU_N_FAULT_TYPES] = {
    [OWU_FAULT_NONE] = {"none", "No fault", NULL},
    [OWU_FAULT_MISSING] = {"missing", "Field required", NULL},
    [OWU_FAULT_MODEL_TYPE] = {"model_type",
                              "Input should be a valid dictionary or instance of {model}",
                              "Input should be an object"},
    [OWU_FAULT_STRING_TYPE] = {"string_type", "Input should be a valid string", NULL},
    [OWU_FAULT_STRING_UNICODE] =
        {"string_unicode",
         "Input should be a valid string, unable to parse raw data as a unicode string", NULL},
    [OWU_FAULT_INT_TYPE] = {"int_type", "Input should be a valid integer", NULL},
    [OWU_FAULT_INT_PARSING] = {"int_parsing",
                               "Input should be a valid integer, unable to parse string as an "
                               "integer",
                               NULL},
    [OWU_FAULT_INT_PARSING_SIZE] = {"int_parsing_size",
                                    "Unable to parse input string as an integer, exceeded maximum "
                                    "size",
                                    NULL},
    [OWU_FAULT_INT_FROM_FLOAT] = {"int_from_float",
                                  "Input should be a valid integer, got a number with a fractional "
                                  "part",
                                  NULL},
    [OWU_FAULT_FINITE_NUMBER] = {"finite_number", "Input should be a finite number", NULL},
    [OWU_FAULT_FLOAT_TYPE] = {"float_type", "Input should be a valid number", NULL},
    [OWU_FAULT_FLOAT_PARSING] = {"float_parsing",
                                 "Input should be a valid number, unable to parse string as a "
                                 "number",
                                 NULL},
    [OWU_FAULT_BOOL_TYPE] = {"bool_type", "Input should be a valid boolean", NULL},
    [OWU_FAULT_BOOL_PARSING] = {"bool_parsing",
                                "Input should be a valid boolean, unable to interpret input", NULL},
    [OWU_FAULT_DATE_TYPE] = {"date_type", "Input should be a valid date", NULL},
    [OWU_FAULT_DATE_PARSING] = {"date_parsing",
                                "Input should be a valid date in the format YYYY-MM-DD", NULL},
    [OWU_FAULT_DATE_FROM_DATETIME_PARSING] = {"date_from_datetime_parsing",
                                              "Input should be a valid date or datetime", NULL},
    [OWU_FAULT_DATE_FROM_DATETIME_INEXACT] = {"date_from_datetime_inexact",
                                              "Datetimes provided to dates should have zero time "
                                              "- e.g. be exact dates",
                                              NULL},
    [OWU_FAULT_LIST_TYPE] = {"list_type", "Input should be a valid list",
                             "Input should be a valid array"},
    [OWU_FAULT_DICT_TYPE] = {"dict_type", "Input should be a valid dictionary",
                             "Input should be an object"},
    [OWU_FAULT_INVALID_KEY] = {"invalid_key", "Keys should be strings", NULL},
    [OWU_FAULT_JSON_INVALID] = {"json_invalid", "Invalid JSON", NULL},
};

const char *owu_fault_name(owu_fault_type type) {
    return (unsigned)type < OWU_N_FAULT_TYPES ? fault_texts[type].name : "unknown";
}

const char *owu_fault_message(owu_fault_type type, bool from_json) {
    if ((unsigned)type >= OWU_N_FAULT_TYPES) {
        return "unknown";
    }
    if (from_json && fault_texts[type].json_message != NULL) {
        return fault_texts[type].json_message;
    }
    return fault_texts[type].message;
}

static uint32_t path_depth(const struct owu_path *path) {
    uint32_t depth = 0;
    for (; path != NULL; path = path->up) {
        depth++;
    }
    return depth;
}

/* The steps of a path, outermost first, copied into the arena; NULL when memory ran out. */
static owu_step *copy_path(owu_arena *arena, const struct owu_path *path, uint32_t depth) {
    owu_step *steps = owu_arena_alloc(arena, (depth == 0 ? 1 : depth) * sizeof *steps);
    uint32_t i = depth;
    if (steps == NULL) {
        return NULL;
    }
    for (; path != NULL; path = path->up) {
        owu_step *step = &steps[--i];
        memset(step, 0, sizeof *step);
        step->order = path->order;
        step->index = path->index;
        step->key_len = path->key_len;
        if (path->key != NULL) {
            step->key = owu_arena_copy(arena, path->key, path->key_len);
            if (step->key == NULL) {
                return NULL;
            }
        }
    }
    return steps;
}

static bool faults_reserve(owu_faults *faults) {
    size_t capacity;
    owu_fault *items;
    if (faults->len < faults->capacity) {
        return true;
    }
    capacity = faults->capacity == 0 ? 8 : faults->capacity * 2;
    items = owu_realloc(faults->items, capacity * sizeof *items);
    if (items == NULL) {
        return false;
    }
    faults->items = items;
    faults->capacity = capacity;
    return true;
}

void owu_faults__add(owu_faults *faults, owu_fault_type type, const struct owu_path *path,
                     const owu_model *model, const char *input, size_t input_len, bool secret,
                     const char *detail) {
    owu_fault *fault;
    faults->total++;
    if (faults->len >= OWU_MAX_FAULTS || !faults_reserve(faults)) {
        return;
    }
    fault = &faults->items[faults->len];
    memset(fault, 0, sizeof *fault);
    fault->type = type;
    fault->n_steps = path_depth(path);
    fault->steps = copy_path(&faults->arena, path, fault->n_steps);
    fault->model = model;
    fault->input = input;
    fault->input_len = input_len;
    fault->secret = secret;
    if (detail != NULL) {
        strncpy(fault->detail, detail, sizeof fault->detail - 1);
    }
    if (fault->steps != NULL) {
        faults->len++;
    }
}

void owu_faults_free(owu_faults *faults) {
    owu_free(faults->items);
    owu_arena_free(&faults->arena);
    memset(faults, 0, sizeof *faults);
}

/* ---------------------------------------------------------------- documents */

struct owu_document {
    atomic_size_t references;
    owu_arena arena;
    owu_cell value;
};

owu_document *owu_document__new(void) {
    owu_document *document = owu_malloc(sizeof *document);
    if (document != NULL) {
        memset(document, 0, sizeof *document);
        atomic_init(&document->references, 1);
    }
    return document;
}

owu_arena *owu_document__arena(owu_document *document) {
    return &document->arena;
}

void owu_document__set_value(owu_document *document, owu_cell value) {
    document->value = value;
}

owu_document *owu_document_ref(owu_document *document) {
    atomic_fetch_add_explicit(&document->references, 1, memory_order_relaxed);
    return document;
}

void owu_document_unref(owu_document *document) {
    if (document != NULL &&
        atomic_fetch_sub_explicit(&document->references, 1, memory_order_acq_rel) == 1) {
        owu_arena_free(&document->arena);
        owu_free(document);
    }
}

const owu_cell *owu_document_value(const owu_document *document) {
    return &document->value;
}
