/*
 * py_columns.c - many models by the values of each field: straight from their records, so that no
 * object holds more afterwards than before.
 */
#include "pyowu.h"

#include <limits.h>
#include <string.h>

enum {
    NOT_LOOKED_UP = -2, /* of FieldIndex */
    KEPT_COLUMNS = 1000 /* keys beyond the declared fields that a list may have in all */
};

/* A new list of the models that were given: code that is run meanwhile cannot change it. */
static PyObject *models_of(ModuleState *state, PyObject *given) {
    PyObject *models = owu_list_of(given);
    Py_ssize_t i;
    for (i = 0; models != NULL && i < PyList_GET_SIZE(models); i++) {
        PyObject *item = PyList_GET_ITEM(models, i);
        if (!Model_check(state, item)) {
            PyErr_Format(PyExc_TypeError, "item %zd must be a model, not %.100s", i,
                         Py_TYPE(item)->tp_name);
            Py_CLEAR(models);
        }
    }
    return models;
}

/* ---------------------------------------------------------------- the garbage collector */

/*
 * Before 3.12 the collector runs whenever enough was allocated: it would look at many thousand new
 * dicts and lists, none of them garbage, again and again. It is off for the whole process, so only
 * while no code runs but ours: whoever else turns it off or on does so when it is as they left it.
 * rests: did we turn it off?
 */
static void let_collector_rest(bool *rests, bool wanted) {
#if PY_VERSION_HEX < 0x030C0000
    if (wanted && !*rests) {
        *rests = PyGC_Disable() != 0;
    } else if (!wanted && *rests) {
        (void)PyGC_Enable();
        *rests = false;
    }
#else
    (void)rests;
    (void)wanted;
#endif
}

/* Does hashing and comparing names run no code but Python's own? */
static bool are_exact(PyObject *names) {
    Py_ssize_t i;
    for (i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (!PyUnicode_CheckExact(PyTuple_GET_ITEM(names, i))) {
            return false;
        }
    }
    return true;
}

/* ---------------------------------------------------------------- which columns there are */

/* The kept keys of models so far. */
typedef struct Kept {
    PyObject *keys;  /* owned dict: key -> None */
    PyObject *asked; /* borrowed set: no others are wanted; NULL: all are */
} Kept;

static int add_kept(Kept *kept, PyObject *key) {
    if (kept->asked != NULL) {
        const int is_asked = PyUnicode_Check(key) ? PySet_Contains(kept->asked, key) : 0;
        return is_asked == 1 ? PyDict_SetItem(kept->keys, key, Py_None) : is_asked;
    }
    if (!PyUnicode_Check(key)) {
        PyErr_Format(PyExc_TypeError, "a key in model_extra must be str to be a column, not %.100s",
                     Py_TYPE(key)->tp_name);
        return -1;
    }
    if (PyDict_SetItem(kept->keys, key, Py_None) < 0) {
        return -1;
    }
    if (PyDict_GET_SIZE(kept->keys) > KEPT_COLUMNS) {
        PyErr_Format(PyExc_ValueError,
                     "these models have more than %d different unknown keys: choose columns with "
                     "fields=",
                     KEPT_COLUMNS);
        return -1;
    }
    return 0;
}

static int add_kept_of(Kept *kept, ModelObject *self) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    PyObject *keys;
    int failed = 0;
    if (self->extra == NULL) {
        for (; failed == 0 && extra != NULL; extra = extra->next) {
            PyObject *key = PyUnicode_DecodeUTF8(extra->key, (Py_ssize_t)extra->key_len, NULL);
            failed = key == NULL ? -1 : add_kept(kept, key);
            Py_XDECREF(key);
        }
        return failed;
    }
    keys = PyDict_Keys(self->extra); /* hashing may change it */
    for (Py_ssize_t i = 0; keys != NULL && failed == 0 && i < PyList_GET_SIZE(keys); i++) {
        failed = add_kept(kept, PyList_GET_ITEM(keys, i));
    }
    failed = keys == NULL ? -1 : failed;
    Py_XDECREF(keys);
    return failed;
}

static int add_class(PyObject *classes, const owu_model *model) {
    PyObject *name = PyUnicode_FromString(model->name);
    const int failed = name == NULL ? -1 : PyDict_SetItem(classes, name, Py_None);
    Py_XDECREF(name);
    return failed;
}

/* The arguments of columns_of(): all of them borrowed. */
static int columns_of_arguments(PyObject *const *args, Py_ssize_t nargs, PyObject **asked) {
    if (nargs != 1 && nargs != 2) {
        PyErr_Format(PyExc_TypeError, "columns_of() takes 1 or 2 arguments, got %zd", nargs);
        return -1;
    }
    *asked = nargs == 1 || args[1] == Py_None ? NULL : args[1];
    if (*asked != NULL && !PyAnySet_CheckExact(*asked)) {
        PyErr_SetString(PyExc_TypeError, "names must be a set of str, or None");
        return -1;
    }
    return 0;
}

PyObject *owu_columns_of(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    ModuleState *state = PyModule_GetState(module);
    PyObject *models, *classes, *result = NULL;
    Kept kept = {NULL, NULL};
    const owu_model *last = NULL;
    Py_ssize_t i;
    if (columns_of_arguments(args, nargs, &kept.asked) < 0) {
        return NULL;
    }
    models = models_of(state, args[0]);
    classes = PyDict_New();
    kept.keys = PyDict_New();
    if (models == NULL || classes == NULL || kept.keys == NULL) {
        goto done;
    }
    for (i = 0; i < PyList_GET_SIZE(models); i++) {
        ModelObject *self = (ModelObject *)PyList_GET_ITEM(models, i);
        const owu_model *model = self->klass->model;
        if ((model != last && add_class(classes, model) < 0) ||
            (model->unknown == OWU_KEEP && add_kept_of(&kept, self) < 0)) {
            goto done;
        }
        last = model;
    }
    if (last == NULL && PyObject_TypeCheck(args[0], state->ModelList_Type)) {
        last = ((ModelListObject *)args[0])->model; /* that of the list, which is empty */
        if (last != NULL && add_class(classes, last) < 0) {
            goto done;
        }
    }
    Py_SETREF(classes, PyDict_Keys(classes));
    Py_SETREF(kept.keys, PyDict_Keys(kept.keys));
    result = classes == NULL || kept.keys == NULL ? NULL : PyTuple_Pack(2, classes, kept.keys);
done:
    Py_XDECREF(models);
    Py_XDECREF(classes);
    Py_XDECREF(kept.keys);
    return result;
}

/* ---------------------------------------------------------------- their values */

/* Zero-initialise, then columns_begin; columns_end releases. */
typedef struct Columns {
    ModuleState *state; /* borrowed */
    PyObject *models;   /* owned list */
    PyObject *names;    /* owned tuple of str */
    PyObject *place;    /* owned dict: name -> index in names */
    PyObject *lists;    /* owned list of lists: what is made */
    int16_t *index;     /* owned: of each class and name the field's index, -1 for none */
    bool as_json;
    owu_buffer buffer; /* of one value in JSON */
} Columns;

static int columns_begin(Columns *self, PyObject *given, PyObject *names) {
    const Py_ssize_t n_names = PyTuple_GET_SIZE(names);
    const size_t n = self->state->n_classes * (size_t)n_names;
    Py_ssize_t i, k;
    self->names = Py_NewRef(names);
    if ((self->models = models_of(self->state, given)) == NULL ||
        (self->place = PyDict_New()) == NULL || (self->lists = PyList_New(0)) == NULL) {
        return -1;
    }
    self->index = PyMem_Malloc((n + 1) * sizeof *self->index);
    if (self->index == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t all = 0; all < n; all++) {
        self->index[all] = NOT_LOOKED_UP;
    }
    for (i = 0; i < n_names; i++) {
        PyObject *number = PyLong_FromSsize_t(i);
        PyObject *list = number == NULL ? NULL : PyList_New(PyList_GET_SIZE(self->models));
        for (k = 0; list != NULL && k < PyList_GET_SIZE(self->models); k++) {
            PyList_SET_ITEM(list, k, Py_NewRef(Py_None));
        }
        if (list == NULL || PyDict_SetItem(self->place, PyTuple_GET_ITEM(names, i), number) < 0 ||
            PyList_Append(self->lists, list) < 0) {
            Py_XDECREF(number);
            Py_XDECREF(list);
            return -1;
        }
        Py_DECREF(number);
        Py_DECREF(list);
    }
    return 0;
}

static void columns_end(Columns *self) {
    Py_XDECREF(self->models);
    Py_XDECREF(self->names);
    Py_XDECREF(self->place);
    Py_XDECREF(self->lists);
    PyMem_Free(self->index);
    owu_buffer_free(&self->buffer);
}

/* Steals value (NULL: an exception is set). */
static int put(const Columns *self, Py_ssize_t column, Py_ssize_t row, PyObject *value) {
    return value == NULL ? -1 : PyList_SetItem(PyList_GET_ITEM(self->lists, column), row, value);
}

/* What was written, as a str. */
static PyObject *written(Columns *self, int status) {
    if (status < 0) {
        return NULL;
    }
    if (status == 0) {
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeUTF8(self->buffer.data, (Py_ssize_t)self->buffer.len, NULL);
}

static int put_field(Columns *self, Py_ssize_t column, Py_ssize_t row, ModelObject *model,
                     uint32_t index, const Path *path) {
    owu_writer writer;
    if (!self->as_json) {
        return put(self, column, row, Model_dump_field(model, index, path));
    }
    self->buffer.len = 0;
    owu_writer_init(&writer, &self->buffer, -1);
    return put(self, column, row, written(self, Model_write_field(model, index, &writer, path)));
}

/* A kept key whose value is in the record. */
static PyObject *kept_in_record(Columns *self, const owu_cell *value, const Path *path) {
    owu_writer writer;
    if (!self->as_json || (value->len == 4 && memcmp(value->u.text, "null", 4) == 0)) {
        return owu_cell_to_python(self->state, value, NULL, true);
    }
    self->buffer.len = 0;
    owu_writer_init(&writer, &self->buffer, -1);
    (void)owu_write_cell(&writer, value, OWU_WRITE_NORMAL);
    return written(self, owu_check_buffer(self->state, &self->buffer, path) < 0 ? -1 : 1);
}

/* One that was read or set. */
static PyObject *kept_in_dict(Columns *self, PyObject *value, const Path *path) {
    owu_writer writer;
    if (!self->as_json || value == Py_None) {
        return owu_dump_value(self->state, value, path);
    }
    self->buffer.len = 0;
    owu_writer_init(&writer, &self->buffer, -1);
    return written(self, owu_write_python(self->state, &writer, value, NULL, path) < 0 ? -1 : 1);
}

/* Which column a kept key is: -1 for none, -2 with an exception. */
static Py_ssize_t place_of(const Columns *self, PyObject *key) {
    PyObject *number = PyDict_GetItemWithError(self->place, key);
    if (number == NULL) {
        return PyErr_Occurred() ? -2 : -1;
    }
    return PyLong_AsSsize_t(number);
}

static int put_kept(Columns *self, Py_ssize_t row, ModelObject *model, const Path *row_path) {
    const owu_extra *extra = model->record == NULL ? NULL : model->record->extra;
    PyObject *items;
    int failed = 0;
    for (; model->extra == NULL && failed == 0 && extra != NULL; extra = extra->next) {
        PyObject *key = PyUnicode_DecodeUTF8(extra->key, (Py_ssize_t)extra->key_len, NULL);
        const Path path = {row_path, key, 0};
        const Py_ssize_t column = key == NULL ? -2 : place_of(self, key);
        failed = column < -1 ? -1 : 0;
        if (column >= 0) {
            failed = put(self, column, row, kept_in_record(self, &extra->value, &path));
        }
        Py_XDECREF(key);
    }
    items = failed == 0 && model->extra != NULL ? PyDict_Items(model->extra) : NULL;
    for (Py_ssize_t i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        PyObject *value = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1);
        const Path path = {row_path, key, 0};
        const Py_ssize_t column = place_of(self, key);
        failed = column < -1 ? -1 : 0;
        if (column >= 0) {
            failed = put(self, column, row, kept_in_dict(self, value, &path));
        }
    }
    Py_XDECREF(items);
    return failed < 0 || PyErr_Occurred() ? -1 : 0;
}

static int put_row(Columns *self, Py_ssize_t row, ModelObject *model) {
    const ModelClass *klass = model->klass;
    const Py_ssize_t n_names = PyTuple_GET_SIZE(self->names);
    int16_t *index = &self->index[(klass - self->state->classes) * n_names];
    const Path row_path = {NULL, NULL, row};
    bool elsewhere = false;
    Py_ssize_t column;
    for (column = 0; column < n_names; column++) {
        PyObject *name = PyTuple_GET_ITEM(self->names, column);
        const Path path = {&row_path, name, 0};
        if (index[column] == NOT_LOOKED_UP) {
            index[column] = (int16_t)ModelClass_field(klass, name);
        }
        if (index[column] < 0) {
            elsewhere = true;
        } else if (put_field(self, column, row, model, (uint32_t)index[column], &path) < 0) {
            return -1;
        }
    }
    return elsewhere && klass->model->unknown == OWU_KEEP ? put_kept(self, row, model, &row_path)
                                                          : 0;
}

static int check_names(PyObject *names) {
    Py_ssize_t i;
    if (!PyTuple_Check(names)) {
        PyErr_SetString(PyExc_TypeError, "names must be a tuple of str");
        return -1;
    }
    for (i = 0; i < PyTuple_GET_SIZE(names); i++) {
        if (!PyUnicode_Check(PyTuple_GET_ITEM(names, i))) {
            PyErr_SetString(PyExc_TypeError, "names must be a tuple of str");
            return -1;
        }
    }
    return 0;
}

PyObject *owu_columns(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    Columns columns = {.state = PyModule_GetState(module)};
    PyObject *result = NULL;
    Py_ssize_t row;
    bool exact, rests = false;
    int failed, as_json;
    if (nargs != 3) {
        PyErr_Format(PyExc_TypeError, "columns() takes 3 arguments, got %zd", nargs);
        return NULL;
    }
    if ((as_json = PyObject_IsTrue(args[2])) < 0) {
        return NULL;
    }
    columns.as_json = as_json != 0;
    failed = check_names(args[1]) < 0 || columns_begin(&columns, args[0], args[1]) < 0 ||
                     owu_datetime_api() == NULL /* imported by now: days import nothing below */
                 ? -1
                 : 0;
    exact = failed == 0 && are_exact(columns.names);
    for (row = 0; failed == 0 && row < PyList_GET_SIZE(columns.models); row++) {
        ModelObject *model = (ModelObject *)PyList_GET_ITEM(columns.models, row);
        /* what was set may be of anybody's class */
        let_collector_rest(&rests, exact && model->values == NULL && model->extra == NULL);
        /* making values may run code that lets go of the record */
        owu_document *document = model->document == NULL ? NULL : owu_document_ref(model->document);
        failed = put_row(&columns, row, model);
        owu_document_unref(document);
    }
    let_collector_rest(&rests, false);
    if (failed == 0) {
        result = columns.lists;
        columns.lists = NULL;
    }
    columns_end(&columns);
    return result;
}

/* ---------------------------------------------------------------- records */

/* A dict of the values in one row; blank has all names with None. */
static PyObject *record_of(PyObject *blank, PyObject *names, PyObject *lists, Py_ssize_t row) {
    PyObject *record = PyDict_Copy(blank);
    Py_ssize_t column;
    for (column = 0; record != NULL && column < PyTuple_GET_SIZE(names); column++) {
        PyObject *list = PyTuple_GET_ITEM(lists, column);
        PyObject *value = PyList_GET_ITEM(list, row);
        if (value != Py_None &&
            PyDict_SetItem(record, PyTuple_GET_ITEM(names, column), value) < 0) {
            Py_CLEAR(record);
        }
    }
    return record;
}

static int check_lists(PyObject *names, PyObject *lists, Py_ssize_t rows) {
    Py_ssize_t i;
    for (i = 0; i < PyTuple_GET_SIZE(lists); i++) {
        PyObject *list = PyTuple_GET_ITEM(lists, i);
        if (!PyList_CheckExact(list) || PyList_GET_SIZE(list) != rows) {
            PyErr_SetString(PyExc_ValueError, "lists must be lists of the same length");
            return -1;
        }
    }
    if (PyTuple_GET_SIZE(names) != PyTuple_GET_SIZE(lists)) {
        PyErr_SetString(PyExc_ValueError, "there must be a name for each list");
        return -1;
    }
    return check_names(names);
}

PyObject *owu_records(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    PyObject *blank, *result;
    Py_ssize_t rows, i;
    bool rests = false;
    (void)module;
    if (nargs != 2 || !PyTuple_Check(args[0]) || !PyTuple_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "records() takes a tuple of names and one of lists");
        return NULL;
    }
    rows = PyTuple_GET_SIZE(args[1]) == 0 || !PyList_Check(PyTuple_GET_ITEM(args[1], 0))
               ? 0
               : PyList_GET_SIZE(PyTuple_GET_ITEM(args[1], 0));
    if (check_lists(args[0], args[1], rows) < 0) {
        return NULL;
    }
    let_collector_rest(&rests, are_exact(args[0]));
    blank = PyDict_New();
    for (i = 0; blank != NULL && i < PyTuple_GET_SIZE(args[0]); i++) {
        if (PyDict_SetItem(blank, PyTuple_GET_ITEM(args[0], i), Py_None) < 0) {
            Py_CLEAR(blank);
        }
    }
    result = blank == NULL ? NULL : PyList_New(rows);
    for (i = 0; result != NULL && i < rows; i++) {
        PyObject *record = record_of(blank, args[0], args[1], i);
        if (record == NULL) {
            Py_CLEAR(result);
        } else {
            PyList_SET_ITEM(result, i, record);
        }
    }
    Py_XDECREF(blank);
    let_collector_rest(&rests, false);
    return result;
}

/* ---------------------------------------------------------------- what a column holds */

/* Kinds of values, as bits and by their names. */
enum {
    HOLDS_NULL = 1,
    HOLDS_TEXT = 2,
    HOLDS_INTEGER = 4, /* of 64 bits */
    HOLDS_FLOAT = 8,
    HOLDS_BOOLEAN = 16,
    HOLDS_DATE = 32,
    HOLDS_TEXTS = 64,    /* lists of texts */
    HOLDS_OTHER = 128,   /* larger integers, too */
    HOLDS_SUBCLASS = 256 /* some value is of a subclass of str, int or float */
};

static const struct {
    const char *name;
    unsigned bit;
} value_kinds[] = {
    {"null", HOLDS_NULL},   {"text", HOLDS_TEXT},       {"integer", HOLDS_INTEGER},
    {"float", HOLDS_FLOAT}, {"boolean", HOLDS_BOOLEAN}, {"date", HOLDS_DATE},
    {"texts", HOLDS_TEXTS}, {"other", HOLDS_OTHER},     {"subclass", HOLDS_SUBCLASS},
};

typedef struct Facts {
    PyObject *date; /* owned: datetime.date */
    unsigned holds;
    long long low, high;      /* of its integers */
    Py_ssize_t row, surrogate; /* the first row with a text that is none in Unicode; -1 */
} Facts;

static void look_at_text(Facts *self, PyObject *text) {
    const Py_ssize_t len = PyUnicode_GET_LENGTH(text);
    const int kind = PyUnicode_KIND(text);
    Py_ssize_t i;
    if (kind == PyUnicode_1BYTE_KIND || self->surrogate >= 0) {
        return;
    }
    for (i = 0; i < len; i++) {
        const Py_UCS4 c = PyUnicode_READ(kind, PyUnicode_DATA(text), i);
        if (c >= 0xD800 && c <= 0xDFFF) {
            self->surrogate = self->row;
            return;
        }
    }
}

static unsigned look_at_integer(Facts *self, PyObject *value) {
    int overflow;
    const long long number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow != 0) {
        return HOLDS_OTHER;
    }
    self->low = number < self->low ? number : self->low;
    self->high = number > self->high ? number : self->high;
    return HOLDS_INTEGER | (PyLong_CheckExact(value) ? 0u : (unsigned)HOLDS_SUBCLASS);
}

static unsigned look_at_list(Facts *self, PyObject *list) {
    Py_ssize_t i;
    for (i = 0; i < PyList_GET_SIZE(list); i++) {
        if (!PyUnicode_CheckExact(PyList_GET_ITEM(list, i))) {
            return HOLDS_OTHER;
        }
        look_at_text(self, PyList_GET_ITEM(list, i));
    }
    return HOLDS_TEXTS;
}

static unsigned look_at(Facts *self, PyObject *value) {
    if (value == Py_None) {
        return HOLDS_NULL;
    }
    if (PyUnicode_Check(value)) {
        look_at_text(self, value);
        return HOLDS_TEXT | (PyUnicode_CheckExact(value) ? 0u : (unsigned)HOLDS_SUBCLASS);
    }
    if (PyBool_Check(value)) {
        return HOLDS_BOOLEAN;
    }
    if (PyLong_Check(value)) {
        return look_at_integer(self, value);
    }
    if (PyFloat_Check(value)) {
        return HOLDS_FLOAT | (PyFloat_CheckExact(value) ? 0u : (unsigned)HOLDS_SUBCLASS);
    }
    if (PyList_CheckExact(value)) {
        return look_at_list(self, value);
    }
    return (PyObject *)Py_TYPE(value) == self->date ? HOLDS_DATE : HOLDS_OTHER;
}

PyObject *owu_column_facts(PyObject *module, PyObject *values) {
    PyObject *datetime, *kinds = NULL, *result = NULL;
    Facts facts = {.low = LLONG_MAX, .high = LLONG_MIN, .surrogate = -1};
    size_t i;
    (void)module;
    if (!PyList_CheckExact(values)) {
        PyErr_SetString(PyExc_TypeError, "values must be a list");
        return NULL;
    }
    datetime = PyImport_ImportModule("datetime");
    facts.date = datetime == NULL ? NULL : PyObject_GetAttrString(datetime, "date");
    for (; facts.date != NULL && facts.row < PyList_GET_SIZE(values); facts.row++) {
        facts.holds |= look_at(&facts, PyList_GET_ITEM(values, facts.row));
    }
    kinds = facts.date == NULL ? NULL : PySet_New(NULL);
    for (i = 0; kinds != NULL && i < sizeof value_kinds / sizeof *value_kinds; i++) {
        if ((facts.holds & value_kinds[i].bit) != 0) {
            PyObject *name = PyUnicode_FromString(value_kinds[i].name);
            if (name == NULL || PySet_Add(kinds, name) < 0) {
                Py_CLEAR(kinds);
            }
            Py_XDECREF(name);
        }
    }
    if (kinds != NULL) {
        result = Py_BuildValue("OLLn", kinds, facts.low, facts.high, facts.surrogate);
    }
    Py_XDECREF(kinds);
    Py_XDECREF(facts.date);
    Py_XDECREF(datetime);
    return result;
}
