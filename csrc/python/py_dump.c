/* py_dump.c - from model objects to dicts and JSON text. */
#include "pyowu.h"

#include <string.h>

/* ---------------------------------------------------------------- what a dump selects */

struct DumpOptions {
    ModuleState *state;
    bool json; /* mode="json" */
    bool by_alias;
    bool exclude_unset, exclude_defaults, exclude_none;
};

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
    def = owu_cell_to_python(self->klass->state, &field->def, NULL, false);
    equal = def == NULL ? -1 : PyObject_RichCompareBool(value, def, Py_EQ);
    Py_XDECREF(def);
    return equal;
}

/* ---------------------------------------------------------------- dumps as Python values */

static PyObject *dump_model(const DumpOptions *o, ModelObject *self, const Filter *filter,
                            const Path *path);
static PyObject *dump_value(const DumpOptions *o, PyObject *value, const Filter *filter,
                            const Path *path);

/* Without a filter, of no subclass, whose methods PyDict_Copy would ask: a copy, in which what is
 * not a plain scalar is dumped in its place. Code that this runs cannot reach the copy. */
static PyObject *dump_whole_dict(const DumpOptions *o, PyObject *dict, const Path *path) {
    PyObject *result = PyDict_Copy(dict), *key, *value;
    Py_ssize_t position = 0;
    while (result != NULL && PyDict_Next(result, &position, &key, &value)) {
        const Path step = {path, key, 0};
        PyObject *dumped = dump_value(o, value, &no_filter, &step);
        if (dumped == NULL || (dumped != value && PyDict_SetItem(result, key, dumped) < 0)) {
            Py_CLEAR(result);
        }
        Py_XDECREF(dumped);
    }
    return result;
}

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

static PyObject *dump_whole_list(const DumpOptions *o, PyObject *list, const Path *path) {
    PyObject *result = owu_list_of(list);
    Py_ssize_t i;
    for (i = 0; result != NULL && i < PyList_GET_SIZE(result); i++) {
        const Path step = {path, NULL, i};
        PyObject *dumped = dump_value(o, PyList_GET_ITEM(result, i), &no_filter, &step);
        if (dumped == NULL) {
            Py_CLEAR(result);
        } else {
            PyObject *const old = PyList_GET_ITEM(result, i);
            PyList_SET_ITEM(result, i, dumped);
            Py_DECREF(old);
        }
    }
    return result;
}

static PyObject *dump_list(const DumpOptions *o, PyObject *list, const Filter *filter,
                           const Path *path) {
    PyObject *items = owu_list_of(list);
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
    if (Path_depth(path) > OWU_MAX_DEPTH) {
        (void)owu_raise_too_deep(o->state, path);
        return NULL;
    }
    if (Model_check(o->state, value)) {
        result = dump_model(o, (ModelObject *)value, filter, path);
    } else if (PyDict_Check(value) && (!o->json || has_text_keys(value))) {
        result = PyDict_CheckExact(value) && filters_nothing(filter)
                     ? dump_whole_dict(o, value, path)
                     : dump_dict(o, value, filter, path);
    } else if ((PyList_CheckExact(value) || ModelList_check_exact(o->state, value)) &&
               filters_nothing(filter)) {
        result = dump_whole_list(o, value, path);
    } else if (PyList_Check(value) || PyTuple_CheckExact(value)) {
        result = dump_list(o, value, filter, path);
    } else if (o->json) {
        result = owu_python_to_plain(o->state, value, o, path);
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
    items = extra == NULL ? NULL : PyDict_Items(extra);
    Py_XDECREF(extra);
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

static PyObject *dump_selected(const DumpOptions *o, ModelObject *self, const Filter *filter,
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

/* ---------------------------------------------------------------- whole models, from records */

/* Is it None? So is a required field of an object without a record to which none was given: one that
 * __new__ made, or whose __init__ was called again and failed. */
static bool is_none(const owu_cell *cell) {
    return cell->tag == OWU_TAG_NULL || cell->tag == OWU_TAG_UNSET;
}

static PyObject *dump_whole(const DumpOptions *o, ModelClass *klass, const owu_record *record,
                            ModelObject *self, const Path *path);

/* What a dump of this class begins with: every name, with None. To copy it and replace what is
 * something is much cheaper than to build a dict. Borrowed. */
static PyObject *blank_of(ModelClass *klass, bool by_alias) {
    PyObject **const blank = &klass->blank[by_alias ? 1 : 0];
    PyObject *dict = *blank == NULL ? PyDict_New() : *blank;
    uint32_t i;
    for (i = 0; *blank == NULL && dict != NULL && i < klass->model->n_fields; i++) {
        if ((klass->model->fields[i].flags & OWU_EXCLUDED) == 0 &&
            PyDict_SetItem(dict, by_alias ? klass->keys[i] : klass->names[i], Py_None) < 0) {
            Py_CLEAR(dict);
        }
    }
    return *blank = dict;
}

/* A cell as a dump shows it, without any object of a model. secret: see owu_cell_to_python. */
static PyObject *dump_cell(const DumpOptions *o, const owu_cell *cell, bool secret,
                           const Path *path) {
    PyObject *value, *dumped;
    if (cell->tag == OWU_TAG_RECORD) {
        return dump_whole(o, owu_class_of(o->state, cell->u.record->model), cell->u.record, NULL,
                          path);
    }
    if (cell->tag == OWU_TAG_LIST) {
        PyObject *list = PyList_New((Py_ssize_t)cell->len);
        Path step = {path, NULL, 0};
        for (; list != NULL && step.index < (Py_ssize_t)cell->len; step.index++) {
            PyObject *item = dump_cell(o, &cell->u.cells[step.index], secret, &step);
            if (item == NULL) {
                Py_CLEAR(list);
            } else {
                PyList_SET_ITEM(list, step.index, item);
            }
        }
        return list;
    }
    /* holds no model: none needs the document */
    value = owu_cell_to_python(o->state, cell, NULL, secret);
    if (value == NULL || !o->json || cell->tag == OWU_TAG_STR || cell->tag == OWU_TAG_INT) {
        return value;
    }
    dumped = dump_value(o, value, &no_filter, path);
    Py_DECREF(value);
    return dumped;
}

/*
 * A model with nothing left out. What nobody has read comes straight from the record; no value is
 * kept for it. self: NULL for a record of which there is no object.
 */
static PyObject *dump_whole(const DumpOptions *o, ModelClass *klass, const owu_record *record,
                            ModelObject *self, const Path *path) {
    PyObject *blank = blank_of(klass, o->by_alias);
    PyObject *result = blank == NULL ? NULL : PyDict_Copy(blank);
    const owu_field *const fields = klass->model->fields;
    const owu_extra *extra = record == NULL ? NULL : record->extra;
    uint32_t i;
    for (i = 0; result != NULL && i < klass->model->n_fields; i++) {
        const Path step = {path, klass->names[i], 0};
        PyObject *const name = o->by_alias ? klass->keys[i] : klass->names[i];
        PyObject *value = self == NULL || self->values == NULL ? NULL : self->values[i];
        const owu_cell *cell = record == NULL ? &fields[i].def : owu_record_cell(record, i);
        if ((fields[i].flags & OWU_EXCLUDED) != 0) {
            continue;
        }
        if (self != NULL && (self->absent >> i & 1) != 0) { /* deleted since the dump began */
            if (PyDict_DelItem(result, name) < 0) {
                Py_CLEAR(result);
            }
            continue;
        }
        if (value == NULL ? is_none(cell) : value == Py_None) {
            continue;
        }
        if (value == NULL) {
            value = dump_cell(o, cell, (fields[i].flags & OWU_SECRET) != 0, &step);
        } else {
            Py_INCREF(value); /* dumping it may replace it */
            Py_SETREF(value, dump_value(o, value, &no_filter, &step));
        }
        if (value == NULL || PyDict_SetItem(result, name, value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(value);
    }
    if (result == NULL || klass->model->unknown != OWU_KEEP) {
        return result;
    }
    if (self != NULL && self->extra != NULL) {
        if (dump_extra(o, self, &no_filter, path, result) < 0) {
            Py_CLEAR(result);
        }
        return result;
    }
    for (; result != NULL && extra != NULL; extra = extra->next) {
        PyObject *key = PyUnicode_DecodeUTF8(extra->key, (Py_ssize_t)extra->key_len, NULL);
        const Path step = {path, key, 0};
        PyObject *value = key == NULL ? NULL : dump_cell(o, &extra->value, true, &step);
        if (value == NULL || PyDict_SetItem(result, key, value) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return result;
}

static PyObject *dump_model(const DumpOptions *o, ModelObject *self, const Filter *filter,
                            const Path *path) {
    if (filters_nothing(filter) && self->absent == 0 && !o->exclude_unset && !o->exclude_defaults &&
        !o->exclude_none) {
        /* dumping may run code that lets go of the record */
        owu_document *document = self->document == NULL ? NULL : owu_document_ref(self->document);
        PyObject *result = dump_whole(o, (ModelClass *)self->klass, self->record, self, path);
        owu_document_unref(document);
        return result;
    }
    return dump_selected(o, self, filter, path);
}

/* ---------------------------------------------------------------- JSON text, from records */

static unsigned write_flags(const DumpOptions *o) {
    return (o->by_alias ? (unsigned)OWU_WRITE_BY_ALIAS : 0u) |
           (o->exclude_unset ? (unsigned)OWU_WRITE_EXCLUDE_UNSET : 0u) |
           (o->exclude_defaults ? (unsigned)OWU_WRITE_EXCLUDE_DEFAULTS : 0u) |
           (o->exclude_none ? (unsigned)OWU_WRITE_EXCLUDE_NONE : 0u) | OWU_WRITE_NORMAL;
}

static bool is_scalar(const owu_cell *cell) {
    return cell->tag != OWU_TAG_JSON && cell->tag != OWU_TAG_LIST && cell->tag != OWU_TAG_MAP &&
           cell->tag != OWU_TAG_RECORD;
}

static int write_field(const DumpOptions *o, ModelObject *self, uint32_t index, owu_writer *writer,
                       const Path *path) {
    const ModelClass *klass = self->klass;
    const owu_field *field = &klass->model->fields[index];
    const owu_cell *cell =
        self->record == NULL ? &field->def : owu_record_cell(self->record, index);
    const uint64_t bit = UINT64_C(1) << index;
    const Path step = {path, klass->names[index], 0};
    PyObject *value = self->values == NULL ? NULL : self->values[index];
    const char *name = o->by_alias ? field->name : field->python_name;
    int failed;

    if ((field->flags & OWU_EXCLUDED) != 0 || (self->absent & bit) != 0 ||
        (o->exclude_unset && (self->set & bit) == 0)) {
        return 0;
    }
    if (value == NULL || (self->record != NULL && (self->edited & bit) == 0 && is_scalar(cell))) {
        if (!o->exclude_none || !is_none(cell)) {
            owu_write_field(writer, field, cell, write_flags(o));
        }
        return owu_check_buffer(o->state, writer->buffer, &step);
    }
    if (o->exclude_none && value == Py_None) {
        return 0;
    }
    owu_write_key(writer, name, strlen(name), OWU_CELL_PLAIN);
    Py_INCREF(value); /* writing it may replace it */
    failed = owu_write_python(o->state, writer, value, o, &step);
    Py_DECREF(value);
    return failed;
}

static int write_extra(const DumpOptions *o, ModelObject *self, owu_writer *writer,
                       const Path *path) {
    PyObject *extra, *items;
    Py_ssize_t i;
    int failed = 0;
    if (self->extra == NULL && !o->exclude_none) {
        owu_write_extra(writer, self->record == NULL ? NULL : self->record->extra, write_flags(o));
        return owu_check_buffer(o->state, writer->buffer, path);
    }
    extra = Model_extra(self);
    items = extra == NULL ? NULL : PyDict_Items(extra);
    for (i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        const Path step = {path, key, 0};
        if (!o->exclude_none || value != Py_None) {
            failed = owu_write_python_key(o->state, writer, extra, key, path) < 0 ||
                             owu_write_python(o->state, writer, value, o, &step) < 0
                         ? -1
                         : 0;
        }
    }
    failed = items == NULL ? -1 : failed;
    Py_XDECREF(extra);
    Py_XDECREF(items);
    return failed;
}

/* Nothing filtered; no defaults left out but of what is all in its record. What was not touched is
 * written as its record has it. */
static int write_model(const DumpOptions *o, ModelObject *self, owu_writer *writer,
                       const Path *path) {
    uint32_t i;
    int failed = 0;
    if (Model_is_pristine(self)) {
        const owu_cell cell = {.tag = OWU_TAG_RECORD, .u = {.record = self->record}};
        (void)owu_write_cell(writer, &cell, write_flags(o));
        return owu_check_buffer(o->state, writer->buffer, path);
    }
    if (Path_depth(path) >= OWU_MAX_DEPTH) {
        return owu_raise_too_deep(o->state, path);
    }
    owu_write_begin_object(writer);
    for (i = 0; failed == 0 && i < self->klass->model->n_fields; i++) {
        failed = write_field(o, self, i, writer, path);
    }
    if (failed == 0 && self->klass->model->unknown == OWU_KEEP) {
        failed = write_extra(o, self, writer, path);
    }
    owu_write_end_object(writer);
    return failed < 0 ? -1 : owu_check_buffer(o->state, writer->buffer, path);
}

/* With a filter by way of model_dump, and without defaults, which the core tells in records only. */
static int write_dump(const DumpOptions *o, ModelObject *self, const Filter *filter,
                      owu_writer *writer, const Path *path) {
    PyObject *plain;
    int failed;
    if (filters_nothing(filter) && (!o->exclude_defaults || Model_is_pristine(self))) {
        return write_model(o, self, writer, path);
    }
    plain = dump_model(o, self, filter, path);
    failed = plain == NULL ? -1 : owu_write_python(o->state, writer, plain, NULL, path);
    Py_XDECREF(plain);
    return failed;
}

int Model_write_dump(PyObject *self, const DumpOptions *options, owu_writer *writer,
                     const Path *path) {
    const DumpOptions none = {
        ((ModelObject *)self)->klass->state, true, false, false, false, false};
    return write_dump(options == NULL ? &none : options, (ModelObject *)self, &no_filter, writer,
                      path);
}

int Model_write_everything(ModelObject *self, owu_writer *writer) {
    const owu_cell cell = {.tag = OWU_TAG_RECORD, .u = {.record = self->record}};
    (void)owu_write_cell(writer, &cell, OWU_WRITE_BODY | OWU_WRITE_EXCLUDED);
    return owu_check_buffer(self->klass->state, writer->buffer, NULL);
}

/* ---------------------------------------------------------------- single values, for columns */

PyObject *Model_dump_field(ModelObject *self, uint32_t index, const Path *path) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_cell *cell =
        self->record == NULL ? &field->def : owu_record_cell(self->record, index);
    PyObject *value = self->values == NULL ? NULL : self->values[index];
    const DumpOptions o = {self->klass->state, false, false, false, false, false};
    if ((field->flags & OWU_EXCLUDED) != 0 || (self->absent >> index & 1) != 0) {
        Py_RETURN_NONE;
    }
    if (value == NULL) {
        return dump_cell(&o, cell, (field->flags & OWU_SECRET) != 0, path);
    }
    Py_INCREF(value); /* dumping it may replace it */
    Py_SETREF(value, dump_value(&o, value, &no_filter, path));
    return value;
}

int Model_write_field(ModelObject *self, uint32_t index, owu_writer *writer, const Path *path) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_cell *cell =
        self->record == NULL ? &field->def : owu_record_cell(self->record, index);
    PyObject *value = self->values == NULL ? NULL : self->values[index];
    int failed;
    if ((field->flags & OWU_EXCLUDED) != 0 || (self->absent >> index & 1) != 0 ||
        (value == NULL ? is_none(cell) : value == Py_None)) {
        return 0;
    }
    if (value == NULL) {
        (void)owu_write_cell(writer, cell, OWU_WRITE_NORMAL);
        failed = owu_check_buffer(self->klass->state, writer->buffer, path);
    } else {
        Py_INCREF(value); /* writing it may replace it */
        failed = owu_write_python(self->klass->state, writer, value, NULL, path);
        Py_DECREF(value);
    }
    return failed < 0 ? -1 : 1;
}

PyObject *owu_dump_value(ModuleState *state, PyObject *value, const Path *path) {
    const DumpOptions o = {state, false, false, false, false, false};
    return dump_value(&o, value, &no_filter, path);
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

/* Memory of a buffer that becomes a bytes object: saves a copy of the whole. */
static char *resize_bytes(void *context, size_t capacity) {
    PyObject **bytes = context;
    if (*bytes == NULL) {
        *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)capacity);
    } else {
        (void)_PyBytes_Resize(bytes, (Py_ssize_t)capacity); /* NULL when it fails */
    }
    if (*bytes == NULL) {
        PyErr_Clear(); /* the buffer tells */
        return NULL;
    }
    return PyBytes_AS_STRING(*bytes);
}

static PyObject *dump_json(PyObject *self, PyObject *args, PyObject *kwargs, bool as_bytes) {
    static char *names[] = {"indent",        "include",          "exclude",      "by_alias",
                            "exclude_unset", "exclude_defaults", "exclude_none", NULL};
    PyObject *indent_object = Py_None, *result = NULL;
    int by_alias = 0, unset = 0, defaults = 0, none = 0, indent = -1;
    DumpOptions o = {((ModelObject *)self)->klass->state, true, false, false, false, false};
    Filter filter = {NULL, NULL};
    PyObject *bytes = NULL;
    owu_buffer buffer = {0};
    owu_writer writer;

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
    if (as_bytes) {
        buffer.resize = resize_bytes;
        buffer.context = &bytes;
    }
    owu_writer_init(&writer, &buffer, indent);
    if (write_dump(&o, (ModelObject *)self, &filter, &writer, NULL) == 0) {
        if (!as_bytes) {
            result = PyUnicode_DecodeUTF8(buffer.data, (Py_ssize_t)buffer.len, NULL);
        } else if (_PyBytes_Resize(&bytes, (Py_ssize_t)buffer.len) == 0) {
            result = bytes;
            bytes = NULL;
        }
    }
    owu_buffer_free(&buffer);
    Py_XDECREF(bytes);
    return result;
}

PyObject *Model_model_dump_json(PyObject *self, PyObject *args, PyObject *kwargs) {
    return dump_json(self, args, kwargs, false);
}

PyObject *Model_to_json_bytes(PyObject *self, PyObject *args, PyObject *kwargs) {
    return dump_json(self, args, kwargs, true);
}
