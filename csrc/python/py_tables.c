/* py_tables.c - the two constant tables as Python values, for stubs, reference pages and tests. */
#include "pyowu.h"

/* ---------------------------------------------------------------- filling dicts */

/* One entry of a dict; steals value (NULL: an exception is set). */
static int put(PyObject *dict, const char *key, PyObject *value) {
    const int failed = value == NULL ? -1 : PyDict_SetItemString(dict, key, value);
    Py_XDECREF(value);
    return failed;
}

static int put_text(PyObject *dict, const char *key, const char *text) {
    return put(dict, key, text == NULL ? Py_NewRef(Py_None) : PyUnicode_FromString(text));
}

static int put_flag(PyObject *dict, const char *key, bool value) {
    return put(dict, key, PyBool_FromLong(value));
}

/* A named bit of a table's flags. */
typedef struct FlagName {
    const char *name;
    unsigned flag;
} FlagName;

static int put_flags(PyObject *dict, const FlagName *names, size_t n, unsigned flags) {
    size_t i;
    for (i = 0; i < n; i++) {
        if (put_flag(dict, names[i].name, (flags & names[i].flag) != 0) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- types */

static const char *kind_name(owu_kind kind) {
    switch (kind) {
    case OWU_ANY:
        return "any";
    case OWU_STR:
        return "str";
    case OWU_INT:
        return "int";
    case OWU_FLOAT:
        return "float";
    case OWU_BOOL:
        return "bool";
    case OWU_DATE:
        return "date";
    case OWU_DICT:
        return "dict";
    case OWU_LIST:
        return "list";
    case OWU_MODEL:
        return "model";
    case OWU_BYTES:
        return "bytes";
    }
    return NULL;
}

/* kind, item, model and nullable; item is None unless the kind is a container. */
static int put_type(PyObject *dict, const owu_type *type) {
    const bool holds_items = type->kind == OWU_LIST || type->kind == OWU_DICT;
    return put_text(dict, "kind", kind_name(type->kind)) < 0 ||
                   put_text(dict, "item", holds_items ? kind_name(type->item) : NULL) < 0 ||
                   put_text(dict, "model", type->model == NULL ? NULL : type->model->name) < 0 ||
                   put_flag(dict, "nullable", type->nullable) < 0
               ? -1
               : 0;
}

/* ---------------------------------------------------------------- models */

static const char *epoch_unit(unsigned flags) {
    if ((flags & OWU_EPOCH_NS) != 0) {
        return "nanoseconds";
    }
    return (flags & OWU_EPOCH) != 0 ? "seconds" : NULL;
}

static int fill_field(ModuleState *state, PyObject *dict, const owu_field *field) {
    static const FlagName flags[] = {{"required", OWU_REQUIRED},
                                     {"secret", OWU_SECRET},
                                     {"excluded", OWU_EXCLUDED},
                                     {"forgiving", OWU_FORGIVING},
                                     {"category", OWU_CATEGORY}};
    return put_text(dict, "name", field->python_name) < 0 ||
                   put_text(dict, "alias", field->name) < 0 || put_type(dict, &field->type) < 0 ||
                   put_flags(dict, flags, sizeof flags / sizeof *flags, field->flags) < 0 ||
                   put_text(dict, "epoch", epoch_unit(field->flags)) < 0 ||
                   put(dict, "default", owu_cell_to_python(state, &field->def, NULL, false)) < 0 ||
                   put_text(dict, "doc", field->doc) < 0
               ? -1
               : 0;
}

static PyObject *field_list(ModuleState *state, const owu_model *model) {
    PyObject *list = PyList_New((Py_ssize_t)model->n_fields);
    uint32_t i;
    for (i = 0; list != NULL && i < model->n_fields; i++) {
        PyObject *dict = PyDict_New();
        if (dict == NULL) {
            Py_CLEAR(list);
            break;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, dict);
        if (fill_field(state, dict, &model->fields[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

static PyObject *model_dict(ModuleState *state, const owu_model *model) {
    PyObject *dict = PyDict_New();
    const int page = owu_model_page(model);
    if (dict == NULL || put_text(dict, "name", model->name) < 0 ||
        put_text(dict, "base", model->base == NULL ? NULL : model->base->name) < 0 ||
        put_text(dict, "unknown", model->unknown == OWU_KEEP ? "keep" : "carry") < 0 ||
        put_text(dict, "doc", model->doc) < 0 ||
        put_text(dict, "page", page < 0 ? NULL : model->fields[page].python_name) < 0 ||
        put(dict, "fields", field_list(state, model)) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

/* Append and steal (NULL: an exception is set). Clears the list when that fails. */
static void append_or_clear(PyObject **list, PyObject *item) {
    if (item == NULL || PyList_Append(*list, item) < 0) {
        Py_CLEAR(*list);
    }
    Py_XDECREF(item);
}

PyObject *owu_model_table(PyObject *module, PyObject *unused) {
    ModuleState *state = PyModule_GetState(module);
    PyObject *list = PyList_New(0);
    size_t i;
    (void)unused;
    for (i = 0; list != NULL && owu_models[i] != NULL; i++) {
        append_or_clear(&list, model_dict(state, owu_models[i]));
    }
    return list;
}

/* ---------------------------------------------------------------- calls */

static const char *place_name(owu_place place) {
    switch (place) {
    case OWU_IN_PATH:
        return "path";
    case OWU_IN_QUERY:
        return "query";
    case OWU_IN_BODY:
        return "body";
    case OWU_IN_CLIENT:
        return "client";
    }
    return NULL;
}

/* min and max: None where any number will do. */
static int put_limits(PyObject *dict, const owu_param *param) {
    const bool any = param->min == 0 && param->max == 0;
    return put(dict, "min", any ? Py_NewRef(Py_None) : PyLong_FromLongLong(param->min)) < 0 ||
                   put(dict, "max", any ? Py_NewRef(Py_None) : PyLong_FromLongLong(param->max)) < 0
               ? -1
               : 0;
}

static PyObject *param_dict(ModuleState *state, const owu_param *param) {
    PyObject *dict = PyDict_New();
    if (dict == NULL || put_text(dict, "name", param->name) < 0 ||
        put_text(dict, "place", place_name(param->place)) < 0 || put_type(dict, &param->type) < 0 ||
        put_flag(dict, "required", param->required) < 0 ||
        put(dict, "default", owu_cell_to_python(state, &param->def, NULL, false)) < 0 ||
        put_text(dict, "since", param->since) < 0 || put_text(dict, "doc", param->doc) < 0 ||
        put_limits(dict, param) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *param_list(ModuleState *state, const owu_endpoint *endpoint) {
    PyObject *list = PyList_New(0);
    uint32_t i;
    for (i = 0; list != NULL && i < endpoint->n_params; i++) {
        append_or_clear(&list, param_dict(state, &endpoint->params[i]));
    }
    return list;
}

static PyObject *answer_dict(const owu_endpoint *endpoint) {
    PyObject *dict = PyDict_New();
    if (dict != NULL && put_type(dict, &endpoint->answer) < 0) {
        Py_CLEAR(dict);
    }
    return dict;
}

static int fill_endpoint(ModuleState *state, PyObject *dict, const owu_endpoint *endpoint) {
    static const FlagName flags[] = {
        {"repeatable", OWU_REPEATABLE},   {"follow_once", OWU_FOLLOW_ONCE},
        {"public", OWU_PUBLIC},           {"adopts_token", OWU_ADOPTS_TOKEN},
        {"drops_token", OWU_DROPS_TOKEN}, {"checks_password", OWU_CHECKS_PASSWORD},
        {"user_route", OWU_USER_ROUTE},   {"bare_body", OWU_BARE_BODY}};
    return put_text(dict, "resource", endpoint->resource) < 0 ||
                   put_text(dict, "name", endpoint->name) < 0 ||
                   put_text(dict, "method", endpoint->method) < 0 ||
                   put_text(dict, "path", endpoint->path) < 0 ||
                   put(dict, "params", param_list(state, endpoint)) < 0 ||
                   put(dict, "answer", answer_dict(endpoint)) < 0 ||
                   put_flags(dict, flags, sizeof flags / sizeof *flags, endpoint->flags) < 0 ||
                   put_text(dict, "since", endpoint->since) < 0 ||
                   put_text(dict, "older_method", endpoint->older_method) < 0 ||
                   put_text(dict, "older_before", endpoint->older_before) < 0 ||
                   put_text(dict, "doc", endpoint->doc) < 0 ||
                   put_text(dict, "returns", endpoint->returns) < 0 ||
                   put_text(dict, "not_found_hint", endpoint->not_found_hint) < 0
               ? -1
               : 0;
}

PyObject *owu_endpoint_table(PyObject *module, PyObject *unused) {
    ModuleState *state = PyModule_GetState(module);
    PyObject *list = PyList_New(0);
    size_t i;
    (void)unused;
    for (i = 0; list != NULL && i < owu_n_endpoints; i++) {
        PyObject *dict = PyDict_New();
        if (dict != NULL && fill_endpoint(state, dict, &owu_endpoints[i]) < 0) {
            Py_CLEAR(dict);
        }
        append_or_clear(&list, dict);
    }
    return list;
}
