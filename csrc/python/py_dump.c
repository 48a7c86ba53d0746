/* py_dump.c - from model objects to dicts and JSON text: dumps for people, bodies for the server. */
#include "pyowu.h"

#include <datetime.h>
#include <math.h>
#include <string.h>

int owu_dump_init(void) {
    PyDateTime_IMPORT;
    return PyDateTimeAPI == NULL ? -1 : 0;
}

/* ---------------------------------------------------------------- any Python value as JSON */

static const char too_deep[] = "nested more than %d deep, or containing itself";

/* How many steps lead to a value. */
static int depth_of(const Path *path) {
    int depth = 0;
    for (; path != NULL; path = path->up) {
        depth++;
    }
    return depth;
}

typedef struct JsonWriter {
    ModuleState *state;
    owu_writer *out;
    int depth;
} JsonWriter;

static int write_value(JsonWriter *w, PyObject *value, const Path *path);
static PyObject *dump_json_mode(PyObject *self, const Path *path);

static int buffer_failed(ModuleState *state, const owu_buffer *buffer, const Path *path) {
    if (buffer->status == OWU_OK) {
        return 0;
    }
    if (buffer->status == OWU_ENOMEM) {
        PyErr_NoMemory();
        return -1;
    }
    if (buffer->status == OWU_EVALUE) {
        return owu_raise_serialization(state, path, "JSON has no NaN and no infinity");
    }
    return owu_raise_serialization(state, path, "the text would pass %zu bytes",
                                   buffer->limit == 0 ? OWU_MAX_REQUEST : buffer->limit);
}

static int write_str(JsonWriter *w, PyObject *value, const Path *path, bool is_key) {
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(value, &len);
    if (text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            return -1;
        }
        PyErr_Clear();
        return owu_raise_serialization(w->state, path,
                                       "a text with a lone surrogate has no form in UTF-8");
    }
    if (is_key) {
        owu_write_key(w->out, text, (size_t)len, 0);
    } else {
        owu_write_string(w->out, text, (size_t)len, 0);
    }
    return 0;
}

static int write_int(JsonWriter *w, PyObject *value, const Path *path) {
    int overflow = 0;
    const long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
    PyObject *text;
    int failed;
    if (small == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow == 0) {
        owu_write_int(w->out, small);
        return 0;
    }
    text = PyLong_Type.tp_repr(value);
    if (text == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ValueError)) {
            return -1;
        }
        PyErr_Clear();
        return owu_raise_serialization(w->state, path,
                                       "an integer of more digits than Python turns into text "
                                       "(see sys.set_int_max_str_digits)");
    }
    {
        Py_ssize_t len;
        const char *digits = PyUnicode_AsUTF8AndSize(text, &len);
        failed = digits == NULL ? -1 : 0;
        if (digits != NULL) {
            owu_write_raw(w->out, digits, (size_t)len);
        }
    }
    Py_DECREF(text);
    return failed;
}

static int write_float(JsonWriter *w, PyObject *value, const Path *path) {
    const double number = PyFloat_AS_DOUBLE(value);
    if (!isfinite(number)) {
        return owu_raise_serialization(w->state, path, "JSON has no NaN and no infinity");
    }
    owu_write_double(w->out, number);
    return 0;
}

/* A key as text: str as it is, numbers, bool and None by their str(), as pydantic does. */
static PyObject *key_text(JsonWriter *w, PyObject *key, const Path *path) {
    if (PyUnicode_Check(key)) {
        return PyUnicode_FromObject(key);
    }
    if (key == Py_None) {
        return PyUnicode_FromString("None");
    }
    if (PyBool_Check(key)) {
        return PyUnicode_FromString(key == Py_True ? "true" : "false");
    }
    if (PyLong_Check(key)) {
        return PyLong_Type.tp_repr(key);
    }
    if (PyFloat_Check(key)) {
        return PyFloat_Type.tp_repr(key);
    }
    (void)owu_raise_serialization(w->state, path, "a key must be a str, not %.100s",
                                  Py_TYPE(key)->tp_name);
    return NULL;
}

/* A key that becomes text must not be another key of the dict by that. */
static int check_key_is_one(JsonWriter *w, PyObject *dict, PyObject *given, PyObject *text,
                            const Path *path) {
    const int twice = PyUnicode_Check(given) ? 0 : PyDict_Contains(dict, text);
    return twice <= 0
               ? twice
               : owu_raise_serialization(w->state, path, "two keys would read the same in JSON");
}

static int write_dict(JsonWriter *w, PyObject *dict, const Path *path) {
    PyObject *items = PyDict_Items(dict); /* a snapshot: nothing here can change under the loop */
    Py_ssize_t i;
    int failed = items == NULL ? -1 : 0;
    if (items != NULL) {
        owu_write_begin_object(w->out);
    }
    for (i = 0; failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        PyObject *key = key_text(w, PyTuple_GET_ITEM(pair, 0), path);
        const Path step = {path, key, 0};
        failed = key == NULL ||
                         check_key_is_one(w, dict, PyTuple_GET_ITEM(pair, 0), key, &step) < 0 ||
                         write_str(w, key, &step, true) < 0 ||
                         write_value(w, PyTuple_GET_ITEM(pair, 1), &step) < 0
                     ? -1
                     : 0;
        Py_XDECREF(key);
    }
    if (failed == 0) {
        owu_write_end_object(w->out);
    }
    Py_XDECREF(items);
    return failed;
}

static int write_sequence(JsonWriter *w, PyObject *sequence, const Path *path) {
    PyObject *items = PySequence_List(sequence);
    Path step = {path, NULL, 0};
    Py_ssize_t i;
    int failed = items == NULL ? -1 : 0;
    if (items != NULL) {
        owu_write_begin_array(w->out);
    }
    for (i = 0; failed == 0 && i < PyList_GET_SIZE(items); i++) {
        step.index = i;
        failed = write_value(w, PyList_GET_ITEM(items, i), &step);
    }
    if (failed == 0) {
        owu_write_end_array(w->out);
    }
    Py_XDECREF(items);
    return failed;
}

/* isoformat(), with Z for UTC as pydantic writes it. */
static int write_temporal(JsonWriter *w, PyObject *value, const Path *path) {
    PyObject *text = PyObject_CallMethod(value, "isoformat", NULL);
    int failed = -1;
    if (text != NULL && PyDateTime_Check(value)) {
        PyObject *zone = PyUnicode_FromString("+00:00");
        PyObject *z = PyUnicode_FromString("Z");
        PyObject *changed = NULL;
        if (zone != NULL && z != NULL && PyUnicode_Tailmatch(text, zone, 0, PY_SSIZE_T_MAX, 1)) {
            changed = PyUnicode_Replace(text, zone, z, 1);
            Py_XSETREF(text, changed);
        }
        Py_XDECREF(zone);
        Py_XDECREF(z);
    }
    if (text != NULL && PyUnicode_Check(text)) {
        failed = write_str(w, text, path, false);
    }
    Py_XDECREF(text);
    return failed;
}

/* What is none of JSON's own: Enum members, Decimal, UUID; anything else is refused. */
static int write_other(JsonWriter *w, PyObject *value, const Path *path) {
    static const struct {
        const char *module, *name;
        bool by_value;
    } known[] = {{"enum", "Enum", true}, {"decimal", "Decimal", false}, {"uuid", "UUID", false}};
    size_t i;
    for (i = 0; i < sizeof known / sizeof *known; i++) {
        PyObject *name = PyUnicode_FromString(known[i].module);
        PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
        PyObject *cls = module == NULL ? NULL : PyObject_GetAttrString(module, known[i].name);
        const int is_one = cls == NULL ? 0 : PyObject_IsInstance(value, cls);
        Py_XDECREF(name);
        Py_XDECREF(module);
        Py_XDECREF(cls);
        if (is_one < 0) {
            return -1;
        }
        if (is_one == 1) {
            PyObject *inner =
                known[i].by_value ? PyObject_GetAttrString(value, "value") : PyObject_Str(value);
            const int failed = inner == NULL ? -1 : write_value(w, inner, path);
            Py_XDECREF(inner);
            return failed;
        }
    }
    PyErr_Clear();
    return owu_raise_serialization(w->state, path, "JSON cannot hold a value of type %.100s",
                                   Py_TYPE(value)->tp_name);
}

static int write_container_or_other(JsonWriter *w, PyObject *value, const Path *path) {
    if (Model_check(w->state, value)) {
        PyObject *plain = dump_json_mode(value, path);
        const int failed = plain == NULL ? -1 : write_value(w, plain, path);
        Py_XDECREF(plain);
        return failed;
    }
    if (PyDict_Check(value)) {
        return write_dict(w, value, path);
    }
    if (PyList_Check(value) || PyTuple_Check(value) || PyAnySet_Check(value)) {
        return write_sequence(w, value, path);
    }
    if (PyDate_Check(value) || PyTime_Check(value)) {
        return write_temporal(w, value, path);
    }
    if (PyBytes_Check(value)) {
        PyObject *text =
            PyUnicode_DecodeUTF8(PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), NULL);
        int failed = -1;
        if (text != NULL) {
            failed = write_str(w, text, path, false);
            Py_DECREF(text);
        } else if (PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            PyErr_Clear();
            failed = owu_raise_serialization(w->state, path, "bytes that are not UTF-8");
        }
        return failed;
    }
    return write_other(w, value, path);
}

static int write_value(JsonWriter *w, PyObject *value, const Path *path) {
    int failed = 0;
    if (value == Py_None) {
        owu_write_null(w->out);
    } else if (PyBool_Check(value)) {
        owu_write_bool(w->out, value == Py_True);
    } else if (PyUnicode_Check(value)) {
        failed = write_str(w, value, path, false);
    } else if (PyLong_Check(value)) {
        failed = write_int(w, value, path);
    } else if (PyFloat_Check(value)) {
        failed = write_float(w, value, path);
    } else if (w->depth >= OWU_MAX_DEPTH) {
        failed = owu_raise_serialization(w->state, path, too_deep, OWU_MAX_DEPTH);
    } else {
        w->depth++;
        failed = write_container_or_other(w, value, path);
        w->depth--;
    }
    return failed;
}

int owu_write_python(ModuleState *state, owu_writer *writer, PyObject *value, const Path *path) {
    JsonWriter w = {state, writer, depth_of(path)};
    if (write_value(&w, value, path) < 0) {
        return -1;
    }
    return buffer_failed(state, writer->buffer, path);
}

PyObject *owu_python_to_plain(ModuleState *state, PyObject *value, const Path *path) {
    owu_buffer buffer = {0};
    owu_writer writer;
    PyObject *result = NULL;
    owu_writer_init(&writer, &buffer, -1);
    if (owu_write_python(state, &writer, value, path) == 0) {
        result = owu_json_to_python(state, buffer.data, buffer.len);
    }
    owu_buffer_free(&buffer);
    return result;
}

/* ---------------------------------------------------------------- what a dump selects */

typedef struct DumpOptions {
    ModuleState *state;
    bool json; /* mode="json" */
    bool by_alias;
    bool exclude_unset, exclude_defaults, exclude_none;
} DumpOptions;

/* include/exclude of one level: sets of keys, or dicts of key -> True or a deeper filter. Owned,
 * because what is dumped may run code that changes the filter; arguments are borrowed instead. */
typedef struct Filter {
    PyObject *include; /* NULL or None: everything */
    PyObject *exclude; /* NULL or None: nothing */
} Filter;

static const Filter no_filter = {NULL, NULL};

static void Filter_clear(Filter *self) {
    Py_CLEAR(self->include);
    Py_CLEAR(self->exclude);
}

/* Look a key up in one filter. @return 1 found, with *deeper the filter below (new reference) or
 * NULL for the whole; 0 not found; -1. */
static int look_up(PyObject *filter, PyObject *key, PyObject *all, PyObject **deeper) {
    int found;
    *deeper = NULL;
    if (PyDict_Check(filter)) {
        PyObject *value = PyDict_GetItemWithError(filter, key);
        if (value == NULL && !PyErr_Occurred() && all != NULL) {
            value = PyDict_GetItemWithError(filter, all);
        }
        if (value == NULL) {
            return PyErr_Occurred() ? -1 : 0;
        }
        if (value == Py_False || value == Py_None) {
            return 0;
        }
        if (value != Py_True && value != Py_Ellipsis) {
            *deeper = Py_NewRef(value);
        }
        return 1;
    }
    found = PySequence_Contains(filter, key);
    if (found == 0 && all != NULL) {
        found = PySequence_Contains(filter, all);
    }
    return found;
}

/* Is this key dumped, and with which filter below it? 1, 0, -1; *below is the caller's to clear. */
static int selects(const Filter *filter, PyObject *key, PyObject *all, Filter *below) {
    PyObject *deeper;
    int found;
    *below = no_filter;
    if (filter->exclude != NULL && filter->exclude != Py_None) {
        found = look_up(filter->exclude, key, all, &deeper);
        if (found < 0 || (found == 1 && deeper == NULL)) {
            return found < 0 ? -1 : 0;
        }
        below->exclude = deeper;
    }
    if (filter->include != NULL && filter->include != Py_None) {
        found = look_up(filter->include, key, all, &deeper);
        if (found <= 0) {
            Filter_clear(below);
            return found;
        }
        below->include = deeper;
    }
    return 1;
}

static bool filters_nothing(const Filter *filter) {
    return (filter->include == NULL || filter->include == Py_None) &&
           (filter->exclude == NULL || filter->exclude == Py_None);
}

static int is_default(ModelObject *self, uint32_t index, PyObject *value) {
    const owu_field *field = &self->klass->model->fields[index];
    PyObject *def;
    int equal;
    if ((field->flags & OWU_REQUIRED) != 0) {
        return 0;
    }
    def = owu_cell_to_python(self->klass->state, &field->def, NULL);
    equal = def == NULL ? -1 : PyObject_RichCompareBool(value, def, Py_EQ);
    Py_XDECREF(def);
    return equal;
}

/* ---------------------------------------------------------------- dumps as Python values */

static PyObject *dump_model(const DumpOptions *o, ModelObject *self, const Filter *filter,
                            const Path *path);
static PyObject *dump_value(const DumpOptions *o, PyObject *value, const Filter *filter,
                            const Path *path);

static PyObject *dump_dict(const DumpOptions *o, PyObject *dict, const Filter *filter,
                           const Path *path) {
    PyObject *items = PyDict_Items(dict);
    PyObject *result = items == NULL ? NULL : PyDict_New();
    Py_ssize_t i;
    for (i = 0; result != NULL && i < PyList_GET_SIZE(items); i++) {
        PyObject *pair = PyList_GET_ITEM(items, i);
        PyObject *key = PyTuple_GET_ITEM(pair, 0), *value = NULL;
        const Path step = {path, key, 0};
        Filter below;
        const int selected = selects(filter, key, o->state->str_all, &below);
        if (selected == 0) {
            continue;
        }
        value = selected < 0 ? NULL : dump_value(o, PyTuple_GET_ITEM(pair, 1), &below, &step);
        Filter_clear(&below);
        if (value == NULL || PyDict_SetItem(result, key, value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(items);
    return result;
}

/* Items are filtered by index, by negative index, or all alike by '__all__'. */
static int selects_item(const DumpOptions *o, const Filter *filter, Py_ssize_t i, Py_ssize_t n,
                        Filter *below) {
    PyObject *index, *from_end;
    int selected;
    Filter other = no_filter;
    if (filters_nothing(filter)) {
        *below = no_filter;
        return 1;
    }
    index = PyLong_FromSsize_t(i);
    from_end = PyLong_FromSsize_t(i - n);
    selected =
        index == NULL || from_end == NULL ? -1 : selects(filter, index, o->state->str_all, below);
    if (selected >= 0) {
        const Filter exclude_only = {NULL, filter->exclude};
        const Filter include_only = {filter->include, NULL};
        const int kept = selects(&exclude_only, from_end, NULL, &other);
        Filter_clear(&other);
        if (kept <= 0) {
            selected = kept;
        } else if (selected == 0 && filter->include != NULL && filter->include != Py_None) {
            const Filter by_index = {NULL, filter->exclude};
            selected = selects(&include_only, from_end, NULL, below);
            if (selected == 1) {
                selected = selects(&by_index, index, o->state->str_all, &other);
                Filter_clear(&other);
            }
        }
    }
    if (selected <= 0) {
        Filter_clear(below);
    }
    Py_XDECREF(index);
    Py_XDECREF(from_end);
    return selected;
}

static PyObject *dump_list(const DumpOptions *o, PyObject *list, const Filter *filter,
                           const Path *path) {
    PyObject *items = PySequence_List(list);
    PyObject *result = items == NULL ? NULL : PyList_New(0);
    const Py_ssize_t n = items == NULL ? 0 : PyList_GET_SIZE(items);
    Py_ssize_t i;
    for (i = 0; result != NULL && i < n; i++) {
        const Path step = {path, NULL, i};
        PyObject *value = NULL;
        Filter below;
        const int selected = selects_item(o, filter, i, n, &below);
        if (selected == 0) {
            continue;
        }
        value = selected < 0 ? NULL : dump_value(o, PyList_GET_ITEM(items, i), &below, &step);
        Filter_clear(&below);
        if (value == NULL || PyList_Append(result, value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(value);
    }
    Py_XDECREF(items);
    if (result != NULL && PyTuple_Check(list) && !o->json) {
        PyObject *tuple = PyList_AsTuple(result);
        Py_SETREF(result, tuple);
    }
    return result;
}

static bool has_text_keys(PyObject *dict) {
    PyObject *key;
    Py_ssize_t position = 0;
    while (PyDict_Next(dict, &position, &key, NULL)) {
        if (!PyUnicode_CheckExact(key)) {
            return false;
        }
    }
    return true;
}

static PyObject *dump_value(const DumpOptions *o, PyObject *value, const Filter *filter,
                            const Path *path) {
    PyObject *result = NULL;
    if (value == Py_None || PyBool_Check(value) || PyUnicode_CheckExact(value) ||
        PyLong_CheckExact(value)) {
        return Py_NewRef(value);
    }
    if (depth_of(path) > OWU_MAX_DEPTH) {
        (void)owu_raise_serialization(o->state, path, too_deep, OWU_MAX_DEPTH);
        return NULL;
    }
    if (Model_check(o->state, value)) {
        result = dump_model(o, (ModelObject *)value, filter, path);
    } else if (PyDict_Check(value) && (!o->json || has_text_keys(value))) {
        result = dump_dict(o, value, filter, path);
    } else if (PyList_Check(value) || PyTuple_CheckExact(value)) {
        result = dump_list(o, value, filter, path);
    } else if (o->json) {
        result = owu_python_to_plain(o->state, value, path);
    } else {
        result = Py_NewRef(value);
    }
    return result;
}

/* One field's dumped value; *skip when it is left out. */
static PyObject *dump_field(const DumpOptions *o, ModelObject *self, uint32_t index,
                            const Filter *filter, const Path *path, bool *skip) {
    const Path step = {path, self->klass->names[index], 0};
    const owu_field *field = &self->klass->model->fields[index];
    const uint64_t bit = UINT64_C(1) << index;
    PyObject *value, *result = NULL;
    Filter below;
    int selected;

    *skip = true;
    if ((field->flags & OWU_EXCLUDED) != 0 || (self->absent & bit) != 0 ||
        (o->exclude_unset && (self->set & bit) == 0)) {
        return NULL;
    }
    selected = selects(filter, self->klass->names[index], NULL, &below);
    if (selected == 0) {
        return NULL;
    }
    *skip = false;
    value = selected < 0 ? NULL : Model_value(self, index);
    if (value == NULL) {
        Filter_clear(&below);
        return NULL;
    }
    if (o->exclude_none && value == Py_None) {
        *skip = true;
    } else if (o->exclude_defaults) {
        const int same = is_default(self, index, value);
        *skip = same == 1;
        selected = same < 0 ? -1 : selected;
    }
    if (selected == 1 && !*skip) {
        result = dump_value(o, value, &below, &step);
    }
    Filter_clear(&below);
    Py_DECREF(value);
    return result;
}

static int dump_extra(const DumpOptions *o, ModelObject *self, const Filter *filter,
                      const Path *path, PyObject *result) {
    PyObject *extra = Model_extra(self), *items;
    Py_ssize_t i;
    int failed = 0;
    if (extra == NULL) {
        return -1;
    }
    items = PyDict_Items(extra);
    for (i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        const Path step = {path, key, 0};
        Filter below;
        const int selected = selects(filter, key, NULL, &below);
        if (selected == 0 || (o->exclude_none && value == Py_None)) {
            Filter_clear(&below);
            continue;
        }
        value = selected < 0 ? NULL : dump_value(o, value, &below, &step);
        Filter_clear(&below);
        failed = value == NULL || PyDict_SetItem(result, key, value) < 0 ? -1 : 0;
        Py_XDECREF(value);
    }
    failed = items == NULL ? -1 : failed;
    Py_XDECREF(items);
    return failed;
}

static PyObject *dump_model(const DumpOptions *o, ModelObject *self, const Filter *filter,
                            const Path *path) {
    const ModelClass *klass = self->klass;
    PyObject *result = PyDict_New();
    uint32_t i;
    for (i = 0; result != NULL && i < klass->model->n_fields; i++) {
        bool skip;
        PyObject *value = dump_field(o, self, i, filter, path, &skip);
        PyObject *name = o->by_alias ? klass->keys[i] : klass->names[i];
        if (skip) {
            continue;
        }
        if (value == NULL || PyDict_SetItem(result, name, value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(value);
    }
    if (result != NULL && klass->model->unknown == OWU_KEEP &&
        dump_extra(o, self, filter, path, result) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

static PyObject *dump_json_mode(PyObject *self, const Path *path) {
    const DumpOptions o = {((ModelObject *)self)->klass->state, true, false, false, false, false};
    return dump_model(&o, (ModelObject *)self, &no_filter, path);
}

/* ---------------------------------------------------------------- arguments of the dumps */

static int parse_mode(const char *mode, bool *json) {
    *json = mode != NULL && strcmp(mode, "json") == 0;
    if (mode != NULL && !*json && strcmp(mode, "python") != 0) {
        PyErr_Format(PyExc_ValueError, "mode must be 'python' or 'json', not '%.50s'", mode);
        return -1;
    }
    return 0;
}

static int check_filter(const char *name, PyObject *filter) {
    if (filter == NULL || filter == Py_None || PyDict_Check(filter) || PyAnySet_Check(filter) ||
        PyList_Check(filter) || PyTuple_Check(filter)) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "%s must be a set or a dict of field names, not %.100s", name,
                 Py_TYPE(filter)->tp_name);
    return -1;
}

PyObject *Model_model_dump(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"mode",          "include",          "exclude",      "by_alias",
                            "exclude_unset", "exclude_defaults", "exclude_none", NULL};
    const char *mode = NULL;
    int by_alias = 0, unset = 0, defaults = 0, none = 0;
    DumpOptions o = {((ModelObject *)self)->klass->state, false, false, false, false, false};
    Filter filter = {NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$sOOpppp:model_dump", names, &mode,
                                     &filter.include, &filter.exclude, &by_alias, &unset, &defaults,
                                     &none) ||
        parse_mode(mode, &o.json) < 0 || check_filter("include", filter.include) < 0 ||
        check_filter("exclude", filter.exclude) < 0) {
        return NULL;
    }
    o.by_alias = by_alias != 0;
    o.exclude_unset = unset != 0;
    o.exclude_defaults = defaults != 0;
    o.exclude_none = none != 0;
    return dump_model(&o, (ModelObject *)self, &filter, NULL);
}

static unsigned write_flags(const DumpOptions *o) {
    return (o->by_alias ? (unsigned)OWU_WRITE_BY_ALIAS : 0u) |
           (o->exclude_unset ? (unsigned)OWU_WRITE_EXCLUDE_UNSET : 0u) |
           (o->exclude_defaults ? (unsigned)OWU_WRITE_EXCLUDE_DEFAULTS : 0u) |
           (o->exclude_none ? (unsigned)OWU_WRITE_EXCLUDE_NONE : 0u) | OWU_WRITE_NORMAL;
}

/* Straight from the record while nobody has touched it, else by way of model_dump. */
static int dump_to_buffer(const DumpOptions *o, ModelObject *self, const Filter *filter, int indent,
                          owu_buffer *buffer) {
    owu_writer writer;
    PyObject *plain;
    int failed;
    owu_writer_init(&writer, buffer, indent);
    if (Model_is_pristine(self) && filters_nothing(filter)) {
        const owu_cell cell = {.tag = OWU_TAG_RECORD, .u = {.record = self->record}};
        (void)owu_write_cell(&writer, &cell, write_flags(o));
        return buffer_failed(o->state, buffer, NULL);
    }
    plain = dump_model(o, self, filter, NULL);
    failed = plain == NULL ? -1 : owu_write_python(o->state, &writer, plain, NULL);
    Py_XDECREF(plain);
    return failed;
}

static PyObject *dump_json(PyObject *self, PyObject *args, PyObject *kwargs, bool as_bytes) {
    static char *names[] = {"indent",        "include",          "exclude",      "by_alias",
                            "exclude_unset", "exclude_defaults", "exclude_none", NULL};
    PyObject *indent_object = Py_None, *result = NULL;
    int by_alias = 0, unset = 0, defaults = 0, none = 0, indent = -1;
    DumpOptions o = {((ModelObject *)self)->klass->state, true, false, false, false, false};
    Filter filter = {NULL, NULL};
    owu_buffer buffer = {0};

    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOpppp:model_dump_json", names,
                                     &indent_object, &filter.include, &filter.exclude, &by_alias,
                                     &unset, &defaults, &none) ||
        check_filter("include", filter.include) < 0 ||
        check_filter("exclude", filter.exclude) < 0) {
        return NULL;
    }
    if (indent_object != Py_None) {
        const long wanted = PyLong_AsLong(indent_object);
        if (wanted == -1 && PyErr_Occurred()) {
            return NULL;
        }
        if (wanted < 0 || wanted > 64) {
            PyErr_SetString(PyExc_ValueError, "indent must be None or 0 to 64");
            return NULL;
        }
        indent = (int)wanted;
    }
    o.by_alias = by_alias != 0;
    o.exclude_unset = unset != 0;
    o.exclude_defaults = defaults != 0;
    o.exclude_none = none != 0;
    if (dump_to_buffer(&o, (ModelObject *)self, &filter, indent, &buffer) == 0) {
        result = as_bytes ? PyBytes_FromStringAndSize(buffer.data, (Py_ssize_t)buffer.len)
                          : PyUnicode_DecodeUTF8(buffer.data, (Py_ssize_t)buffer.len, NULL);
    }
    owu_buffer_free(&buffer);
    return result;
}

PyObject *Model_model_dump_json(PyObject *self, PyObject *args, PyObject *kwargs) {
    return dump_json(self, args, kwargs, false);
}

PyObject *Model_to_json_bytes(PyObject *self, PyObject *args, PyObject *kwargs) {
    return dump_json(self, args, kwargs, true);
}

int Model_write_everything(ModelObject *self, owu_writer *writer) {
    const owu_cell cell = {.tag = OWU_TAG_RECORD, .u = {.record = self->record}};
    (void)owu_write_cell(writer, &cell, OWU_WRITE_BODY | OWU_WRITE_EXCLUDED);
    return buffer_failed(self->klass->state, writer->buffer, NULL);
}

/* ---------------------------------------------------------------- request bodies */

/* A body in the making: faults of assigned values are collected, then raised together. */
typedef struct Body {
    ModuleState *state;
    owu_writer *out;
    FaultList faults;
} Body;

static int body_model(Body *b, ModelObject *self, const Path *path);

static int body_list(Body *b, PyObject *list, const Path *path) {
    Path step = {path, NULL, 0};
    int failed = 0;
    owu_write_begin_array(b->out);
    for (step.index = 0; failed == 0 && step.index < PyList_GET_SIZE(list); step.index++) {
        failed = body_model(b, (ModelObject *)PyList_GET_ITEM(list, step.index), &step);
    }
    owu_write_end_array(b->out);
    return failed;
}

/* A value assigned or built in Python: checked against its field, then written. */
static int body_value(Body *b, ModelObject *self, uint32_t index, PyObject *value,
                      const Path *path) {
    const owu_model *model = self->klass->model;
    const owu_field *field = &model->fields[index];
    PyObject *converted = NULL;
    int failed;
    const int result = owu_convert(b->state, &field->type, value, 0, path, model, field->flags,
                                   &b->faults, &converted);
    if (result <= 0) {
        owu_write_null(b->out); /* keeps the text well-formed while the faults are collected */
        return result;
    }
    if (converted != Py_None && field->type.kind == OWU_MODEL) {
        failed = body_model(b, (ModelObject *)converted, path);
    } else if (converted != Py_None && field->type.kind == OWU_LIST &&
               field->type.item == OWU_MODEL) {
        failed = body_list(b, converted, path);
    } else {
        failed = owu_write_python(b->state, b->out, converted, path);
    }
    Py_DECREF(converted);
    return failed;
}

static int body_field(Body *b, ModelObject *self, uint32_t index, const Path *path) {
    const ModelClass *klass = self->klass;
    const owu_field *field = &klass->model->fields[index];
    const uint64_t bit = UINT64_C(1) << index;
    const Path step = {path, klass->keys[index], 0};
    const bool made = self->values != NULL && self->values[index] != NULL;

    if ((self->absent & bit) != 0) {
        return 0;
    }
    if ((self->set & bit) == 0) { /* an edit in place of a default is not lost */
        const int edited = made ? Model_default_was_edited(self, index) : 0;
        if (edited <= 0) {
            return edited;
        }
    }
    owu_write_key(b->out, field->name, field->name_len, OWU_CELL_PLAIN);
    if (made) {
        PyObject *value = Py_NewRef(self->values[index]); /* checking it may replace it */
        const int failed = body_value(b, self, index, value, &step);
        Py_DECREF(value);
        return failed;
    }
    (void)owu_write_cell(b->out, owu_record_cell(self->record, index), OWU_WRITE_BODY);
    return buffer_failed(b->state, b->out->buffer, &step);
}

static int body_extra(Body *b, ModelObject *self, const Path *path) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    PyObject *items;
    Py_ssize_t i;
    int failed = 0;
    if (self->extra == NULL) {
        for (; extra != NULL; extra = extra->next) {
            owu_write_key(b->out, extra->key, extra->key_len, extra->key_flags);
            (void)owu_write_cell(b->out, &extra->value, OWU_WRITE_BODY);
        }
        return 0;
    }
    items = PyDict_Items(self->extra);
    for (i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        const Path step = {path, key, 0};
        Py_ssize_t len;
        const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &len) : NULL;
        if (text == NULL) {
            PyErr_Clear();
            failed =
                owu_raise_serialization(b->state, path, "a key must be a str in valid Unicode");
        } else if (owu_model_field(self->klass->model, text, (size_t)len, 0) >= 0) {
            failed = owu_raise_serialization(b->state, &step,
                                             "an unknown key has the name of a field: set the "
                                             "attribute");
        } else {
            owu_write_key(b->out, text, (size_t)len, 0);
            failed = owu_write_python(b->state, b->out,
                                      PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1), &step);
        }
    }
    failed = items == NULL ? -1 : failed;
    Py_XDECREF(items);
    return failed;
}

static int body_model(Body *b, ModelObject *self, const Path *path) {
    uint32_t i;
    int failed = 0;
    if (depth_of(path) >= OWU_MAX_DEPTH) {
        return owu_raise_serialization(b->state, path, too_deep, OWU_MAX_DEPTH);
    }
    owu_write_begin_object(b->out);
    for (i = 0; failed == 0 && i < self->klass->model->n_fields; i++) {
        failed = body_field(b, self, i, path);
    }
    if (failed == 0) {
        failed = body_extra(b, self, path);
    }
    owu_write_end_object(b->out);
    return failed;
}

int Model_write_body(PyObject *self, owu_writer *writer) {
    ModelObject *model = (ModelObject *)self;
    Body b = {model->klass->state, writer, {NULL, false}};
    int failed = body_model(&b, model, NULL);
    if (failed == 0 && b.faults.list != NULL) {
        (void)FaultList_raise(&b.faults, b.state, model->klass->model->name);
        failed = -1;
    }
    Py_CLEAR(b.faults.list);
    return failed < 0 ? -1 : buffer_failed(b.state, writer->buffer, NULL);
}
