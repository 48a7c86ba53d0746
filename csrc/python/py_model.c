/* py_model.c - the model classes: life of an object, attributes, comparison, repr. */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* ---------------------------------------------------------------- classes */

ModelClass *owu_class_of(ModuleState *state, const owu_model *model) {
    size_t i;
    if (state->last_class != NULL && state->last_class->model == model) { /* as in a list */
        return state->last_class;
    }
    for (i = 0; i < state->n_classes; i++) {
        if (state->classes[i].model == model) {
            return state->last_class = &state->classes[i];
        }
    }
    return NULL; /* owu_schema_check proves that it cannot be */
}

bool Model_check(ModuleState *state, PyObject *value) {
    return PyObject_TypeCheck(value, state->Model_Type);
}

static const char capsule_name[] = "openwebui_users._core.model";

/* The table entry behind a class or the nearest of its bases; borrowed. */
ModelClass *ModelClass_of_type(PyTypeObject *type) {
    ModuleState *state = owu_state_of_type(type);
    PyObject *capsule;
    ModelClass *klass;
    if (state == NULL) {
        return NULL;
    }
    capsule = PyObject_GetAttr((PyObject *)type, state->str_class_capsule);
    if (capsule == NULL) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError,
                     "%.200s is the common base of the models: use one of its subclasses",
                     type->tp_name);
        return NULL;
    }
    klass = PyCapsule_GetPointer(capsule, capsule_name);
    Py_DECREF(capsule);
    return klass;
}

int ModelClass_field(const ModelClass *klass, PyObject *name) {
    uint32_t i;
    for (i = 0; i < klass->model->n_fields; i++) {
        if (klass->names[i] == name) {
            return (int)i;
        }
    }
    for (i = 0; i < klass->model->n_fields; i++) {
        if (PyUnicode_Compare(klass->names[i], name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

int ModelClass_key(const ModelClass *klass, PyObject *key) {
    uint32_t i;
    for (i = 0; i < klass->model->n_fields; i++) {
        if (klass->keys[i] == key || PyUnicode_Compare(klass->keys[i], key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- life of an object */

void Model_track(ModelObject *self) {
    if (!PyObject_GC_IsTracked((PyObject *)self)) {
        PyObject_GC_Track(self);
    }
}

ModelObject *Model_alloc(ModelClass *klass, PyTypeObject *type) {
    ModelObject *self = (ModelObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->klass = klass;
    }
    return self;
}

static PyObject *Model_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ModelClass *klass = ModelClass_of_type(type);
    (void)args;
    (void)kwargs;
    return klass == NULL ? NULL : (PyObject *)Model_alloc(klass, type);
}

PyObject *Model_from_record(ModuleState *state, owu_document *document, const owu_record *record) {
    ModelClass *klass = owu_class_of(state, record->model);
    ModelObject *self = PyObject_GC_New(ModelObject, klass->type);
    if (self == NULL) {
        return NULL;
    }
    /* Not tracked: with nothing but its record, and texts and numbers that are read from it, it is
     * in no cycle, and lists of thousands are no work for the collector. */
    memset((char *)self + sizeof(PyObject), 0, sizeof *self - sizeof(PyObject));
    self->klass = klass;
    self->document = owu_document_ref(document);
    self->record = record;
    self->set = record->set;
    return (PyObject *)self;
}

static int Model_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    ModelObject *self = (ModelObject *)op;
    uint64_t left = self->values == NULL ? 0 : self->containers;
    Py_VISIT(Py_TYPE(op));
    for (; left != 0; left &= left - 1) {
        Py_VISIT(self->values[__builtin_ctzll(left)]);
    }
    Py_VISIT(self->extra);
    return 0;
}

/* Behind the last value: an instance may be cleared when the data of its class is gone, as the
 * collector clears classes and what refers to them in no order. */
static char end_of_values;
#define END_OF_VALUES ((PyObject *)(void *)&end_of_values)

void Model_clear_values(ModelObject *self) {
    PyObject **values = self->values;
    uint32_t i;
    self->values = NULL; /* first: a destructor below may look at self */
    self->containers = 0;
    if (values != NULL) {
        for (i = 0; values[i] != END_OF_VALUES; i++) {
            Py_XDECREF(values[i]);
        }
        PyMem_Free(values);
    }
    Py_CLEAR(self->extra);
}

static int Model_tp_clear(PyObject *op) {
    ModelObject *self = (ModelObject *)op;
    self->absent = self->record == NULL ? UINT64_MAX : self->absent;
    Model_clear_values(self);
    return 0;
}

static void Model_tp_dealloc(PyObject *op) {
    ModelObject *self = (ModelObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs(op);
    }
    Model_clear_values(self);
    owu_document_unref(self->document);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- values */

int Model_reserve_values(ModelObject *self) {
    if (self->values == NULL) {
        const uint32_t n = self->klass->model->n_fields;
        self->values = PyMem_Calloc(n + 1, sizeof *self->values);
        if (self->values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        self->values[n] = END_OF_VALUES;
    }
    return 0;
}

/* Steals value, which takes an empty place. */
static void keep_value(ModelObject *self, uint32_t index, PyObject *value) {
    if (PyType_IS_GC(Py_TYPE(value))) {
        self->containers |= UINT64_C(1) << index;
        Model_track(self);
    }
    self->values[index] = value;
}

/* Steals value. */
int Model_put(ModelObject *self, uint32_t index, PyObject *value) {
    const uint64_t bit = UINT64_C(1) << index;
    PyObject *old;
    if (Model_reserve_values(self) < 0) {
        Py_DECREF(value);
        return -1;
    }
    self->absent &= ~bit;
    self->edited |= bit;
    old = self->values[index];
    keep_value(self, index, value);
    Py_XDECREF(old); /* last: it may run code that looks here */
    return 0;
}

PyObject *Model_value(ModelObject *self, uint32_t index) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_cell *cell = &field->def;
    owu_document *held;
    PyObject *value;

    if (self->values != NULL && self->values[index] != NULL) {
        return Py_NewRef(self->values[index]);
    }
    if ((self->absent >> index & 1) != 0) {
        PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute '%.100s'",
                     Py_TYPE(self)->tp_name, field->python_name);
        return NULL;
    }
    if (self->record != NULL) {
        cell = owu_record_cell(self->record, index);
    }
    /* making containers may run the collector, and that code which lets go of the record */
    held = cell->tag >= OWU_TAG_JSON && self->document != NULL ? owu_document_ref(self->document)
                                                               : NULL;
    value = owu_value_to_python(self->klass->state, &field->type, cell, self->document,
                                (field->flags & OWU_SECRET) != 0);
    owu_document_unref(held);
    if (value == NULL || Model_reserve_values(self) < 0) {
        Py_XDECREF(value);
        return NULL;
    }
    if (self->values[index] != NULL) { /* made meanwhile, through the collector */
        Py_SETREF(value, Py_NewRef(self->values[index]));
    } else {
        keep_value(self, index, Py_NewRef(value));
    }
    return value;
}

bool Model_is_pristine(const ModelObject *self) {
    return self->record != NULL && self->values == NULL && self->extra == NULL && self->absent == 0;
}

int Model_default_was_edited(ModelObject *self, uint32_t index) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_kind kind = field->type.kind;
    PyObject *def, *value = self->values[index];
    int equal;
    if ((kind != OWU_LIST && kind != OWU_DICT && kind != OWU_MODEL) || value == Py_None ||
        (field->flags & OWU_EXCLUDED) != 0) {
        return 0;
    }
    def = owu_cell_to_python(self->klass->state, &field->def, NULL, false);
    Py_INCREF(value); /* comparing may run code that replaces it */
    equal = def == NULL ? -1 : PyObject_RichCompareBool(value, def, Py_EQ);
    Py_XDECREF(def);
    Py_DECREF(value);
    return equal < 0 ? -1 : !equal;
}

/* New, as code that works on it may make the object anew. */
PyObject *Model_extra(ModelObject *self) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    owu_document *held; /* as in Model_value */
    PyObject *dict;
    if (self->extra != NULL) {
        return Py_NewRef(self->extra);
    }
    held = extra == NULL ? NULL : owu_document_ref(self->document);
    dict = PyDict_New();
    for (; dict != NULL && extra != NULL; extra = extra->next) {
        PyObject *key = PyUnicode_DecodeUTF8(extra->key, (Py_ssize_t)extra->key_len, NULL);
        PyObject *value =
            key == NULL ? NULL : owu_cell_to_python(self->klass->state, &extra->value, NULL, true);
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    owu_document_unref(held);
    if (dict != NULL && self->extra != NULL) { /* made meanwhile, through the collector */
        Py_SETREF(dict, Py_NewRef(self->extra));
    } else if (dict != NULL) {
        Model_track(self);
        self->extra = Py_NewRef(dict);
    }
    return dict;
}

/* Make every value, so that the record is no longer needed. It stays: a reader may be at it. */
int Model_detach(ModelObject *self) {
    PyObject *extra;
    uint32_t i;
    if (self->record == NULL) {
        return 0;
    }
    extra = Model_reserve_values(self) < 0 ? NULL : Model_extra(self);
    if (extra == NULL) {
        return -1;
    }
    Py_DECREF(extra); /* self has it */
    for (i = 0; i < self->klass->model->n_fields; i++) {
        if (self->values[i] == NULL && (self->absent >> i & 1) == 0) {
            PyObject *value = Model_value(self, i);
            if (value == NULL) {
                return -1;
            }
            Py_DECREF(value);
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- attributes */

/*
 * Index of the field behind a descriptor among those of this instance; -1 with TypeError. It is that
 * of the descriptor's own class unless Python was made to see another class in the instance, by
 * assigning __class__ or by deriving from two models.
 */
static inline int field_index(const ModelObject *self, const FieldAccess *access) {
    const owu_model *model = self->klass->model;
    for (; model != NULL; model = model->base) { /* a base's fields come first, in its order */
        if (model == access->model) {
            return (int)access->index;
        }
    }
    PyErr_Format(PyExc_TypeError,
                 "this object was made as a %s, which has no field '%s' of this "
                 "class",
                 self->klass->model->name, access->model->fields[access->index].name);
    return -1;
}

static PyObject *field_get(PyObject *op, void *closure) {
    ModelObject *self = (ModelObject *)op;
    const int index = field_index(self, closure);
    if (index < 0) {
        return NULL;
    }
    if (self->values != NULL && self->values[index] != NULL) {
        return Py_NewRef(self->values[index]);
    }
    if (self->record != NULL &&
        (self->record->set & ~self->record->stored & ~self->absent) >> index & 1) {
        Py_RETURN_NONE; /* need not be kept: half of what a server sends often is null */
    }
    return Model_value(self, (uint32_t)index);
}

static int field_set(PyObject *op, PyObject *value, void *closure) {
    ModelObject *self = (ModelObject *)op;
    const int found = field_index(self, closure);
    const uint32_t index = (uint32_t)found;
    const uint64_t bit = found < 0 ? 0 : UINT64_C(1) << index;
    PyObject *old = NULL;
    if (found < 0) {
        return -1;
    }
    if (value != NULL) {
        if (Model_put(self, index, Py_NewRef(value)) < 0) {
            return -1;
        }
        self->set |= bit;
        return 0;
    }
    if ((self->absent & bit) != 0) {
        PyErr_SetObject(PyExc_AttributeError, self->klass->names[index]);
        return -1;
    }
    self->set &= ~bit;
    self->absent |= bit;
    if (self->values != NULL) {
        old = self->values[index];
        self->values[index] = NULL;
    }
    Py_XDECREF(old); /* last: it may run code that looks here */
    return 0;
}

/* The timezone-aware datetime beside a field that counts seconds (or nanoseconds). */
static PyObject *epoch_get(PyObject *op, void *closure) {
    ModelObject *self = (ModelObject *)op;
    const FieldAccess *access = closure;
    const bool nanoseconds = (access->model->fields[access->index].flags & OWU_EPOCH_NS) != 0;
    PyObject *value = field_get(op, closure), *pair, *result = NULL;
    if (value == NULL || value == Py_None) {
        return value;
    }
    pair = PyTuple_Pack(2, value, nanoseconds ? Py_True : Py_False);
    if (pair != NULL) {
        result = owu_describe(self->klass->state, "epoch_to_datetime", pair);
    }
    Py_XDECREF(pair);
    Py_DECREF(value);
    return result;
}

/* One kept key, without making the others: a scalar of the record, which cannot be changed. */
static PyObject *read_kept(const ModelObject *self, PyObject *name) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(name, &len);
    if (text == NULL) {
        PyErr_Clear(); /* a lone surrogate: no key of a JSON text */
        return NULL;
    }
    for (; extra != NULL; extra = extra->next) {
        if (extra->key_len == (size_t)len && memcmp(extra->key, text, (size_t)len) == 0) {
            return strchr("{[", extra->value.u.text[0]) == NULL
                       ? owu_cell_to_python(self->klass->state, &extra->value, NULL, true)
                       : NULL;
        }
    }
    return NULL;
}

/* The value of a kept key: new reference; NULL without an exception when there is none. */
static PyObject *kept_value(ModelObject *self, PyObject *name) {
    PyObject *value = self->extra == NULL ? read_kept(self, name) : NULL, *extra;
    if (value != NULL || PyErr_Occurred()) {
        return value;
    }
    extra = Model_extra(self);
    value = extra == NULL ? NULL : Py_XNewRef(PyDict_GetItemWithError(extra, name));
    Py_XDECREF(extra);
    return value;
}

/* value: NULL deletes. */
static int set_kept_value(ModelObject *self, PyObject *name, PyObject *value) {
    PyObject *extra = Model_extra(self);
    int failed = -1;
    if (extra == NULL) {
        return -1;
    }
    if (value != NULL) {
        failed = PyDict_SetItem(extra, name, value);
    } else if ((failed = PyDict_DelItem(extra, name)) < 0 &&
               PyErr_ExceptionMatches(PyExc_KeyError)) {
        PyErr_SetObject(PyExc_AttributeError, name);
    }
    Py_DECREF(extra);
    return failed;
}

/* A field without the detour over its descriptor; a kept key; else what Python makes of it. */
static PyObject *Model_tp_getattro(PyObject *op, PyObject *name) {
    ModelObject *self = (ModelObject *)op;
    PyObject *descriptor = PyUnicode_Check(name) ? _PyType_Lookup(Py_TYPE(op), name) : NULL;
    if (descriptor != NULL && Py_IS_TYPE(descriptor, &PyGetSetDescr_Type)) {
        const PyGetSetDef *def = ((PyGetSetDescrObject *)descriptor)->d_getset;
        if (def->get == field_get) {
            return field_get(op, def->closure);
        }
    } else if (descriptor == NULL && self->klass->model->unknown == OWU_KEEP &&
               PyUnicode_Check(name)) {
        PyObject *value = kept_value(self, name);
        if (value != NULL || PyErr_Occurred()) {
            return value;
        }
    }
    return PyObject_GenericGetAttr(op, name);
}

/* As Python does, which may make self hold what leads back to it: a __dict__, or another class. */
static int set_generic(PyObject *op, PyObject *name, PyObject *value) {
    const int failed = PyObject_GenericSetAttr(op, name, value);
    if (failed == 0 && value != NULL && PyType_IS_GC(Py_TYPE(value))) {
        Model_track((ModelObject *)op);
    }
    return failed;
}

/* Fields and properties by their descriptors; what is unknown is kept or refused. */
static int Model_tp_setattro(PyObject *op, PyObject *name, PyObject *value) {
    ModelObject *self = (ModelObject *)op;
    PyObject *descriptor = PyUnicode_Check(name) ? _PyType_Lookup(Py_TYPE(op), name) : NULL;
    const char *text;

    if (!PyUnicode_Check(name) || (descriptor != NULL && Py_TYPE(descriptor)->tp_descr_set)) {
        return set_generic(op, name, value);
    }
    text = PyUnicode_AsUTF8(name);
    if (text == NULL) {
        return -1;
    }
    if (text[0] == '_') { /* private to a subclass */
        return set_generic(op, name, value);
    }
    if (self->klass->model->unknown == OWU_KEEP && descriptor == NULL) {
        return set_kept_value(self, name, value);
    }
    if (value == NULL) {
        PyErr_SetObject(PyExc_AttributeError, name);
        return -1;
    }
    PyErr_Format(PyExc_ValueError, "\"%.100s\" object has no field \"%U\"", Py_TYPE(op)->tp_name,
                 name);
    return -1;
}

PyObject *Model_get_fields_set(PyObject *op, void *closure) {
    ModelObject *self = (ModelObject *)op;
    PyObject *result = PySet_New(NULL);
    uint32_t i;
    (void)closure;
    for (i = 0; result != NULL && i < self->klass->model->n_fields; i++) {
        if ((self->set >> i & 1) != 0 && PySet_Add(result, self->klass->names[i]) < 0) {
            Py_CLEAR(result);
        }
    }
    if (result != NULL && self->klass->model->unknown == OWU_KEEP) {
        PyObject *extra = Model_extra(self);
        PyObject *keys = extra == NULL ? NULL : PyDict_Keys(extra); /* hashing may change it */
        for (Py_ssize_t k = 0; keys != NULL && result != NULL && k < PyList_GET_SIZE(keys); k++) {
            if (PySet_Add(result, PyList_GET_ITEM(keys, k)) < 0) {
                Py_CLEAR(result);
            }
        }
        if (keys == NULL) {
            Py_CLEAR(result);
        }
        Py_XDECREF(extra);
        Py_XDECREF(keys);
    }
    return result;
}

static PyObject *Model_get_extra(PyObject *op, void *closure) {
    (void)closure;
    if (((ModelObject *)op)->klass->model->unknown != OWU_KEEP) {
        Py_RETURN_NONE;
    }
    return Model_extra((ModelObject *)op);
}

static PyObject *Model_get_unknown(PyObject *op, void *closure) {
    (void)closure;
    if (((ModelObject *)op)->klass->model->unknown != OWU_CARRY) {
        return PyDict_New();
    }
    return Model_extra((ModelObject *)op);
}

/* ---------------------------------------------------------------- comparison and iteration */

static int same_extra(ModelObject *a, ModelObject *b) {
    PyObject *x = Model_extra(a), *y = x == NULL ? NULL : Model_extra(b);
    const int same = y == NULL ? -1 : PyObject_RichCompareBool(x, y, Py_EQ);
    Py_XDECREF(x);
    Py_XDECREF(y);
    return same;
}

static PyObject *Model_tp_richcompare(PyObject *a, PyObject *b, int op) {
    ModelObject *x = (ModelObject *)a, *y = (ModelObject *)b;
    const owu_model *model = x->klass->model;
    int equal = 1;
    uint32_t i;
    if ((op != Py_EQ && op != Py_NE) || Py_TYPE(a) != Py_TYPE(b)) {
        Py_RETURN_NOTIMPLEMENTED;
    }
    for (i = 0; equal == 1 && i < model->n_fields; i++) {
        const bool absent = (x->absent >> i & 1) != 0;
        if (absent != ((y->absent >> i & 1) != 0)) {
            equal = 0;
        } else if (!absent) {
            PyObject *v = Model_value(x, i), *w = v == NULL ? NULL : Model_value(y, i);
            equal = w == NULL ? -1 : PyObject_RichCompareBool(v, w, Py_EQ);
            Py_XDECREF(v);
            Py_XDECREF(w);
        }
    }
    if (equal == 1 && model->unknown == OWU_KEEP) {
        equal = same_extra(x, y);
    }
    return equal < 0 ? NULL : PyBool_FromLong(op == Py_EQ ? equal : !equal);
}

/* (name, value) of every field that has a value, then of the kept keys: a list. */
static PyObject *Model_pairs(ModelObject *self) {
    PyObject *pairs = PyList_New(0);
    uint32_t i;
    for (i = 0; pairs != NULL && i < self->klass->model->n_fields; i++) {
        PyObject *value, *pair;
        if ((self->absent >> i & 1) != 0) {
            continue;
        }
        value = Model_value(self, i);
        pair = value == NULL ? NULL : PyTuple_Pack(2, self->klass->names[i], value);
        if (pair == NULL || PyList_Append(pairs, pair) < 0) {
            Py_CLEAR(pairs);
        }
        Py_XDECREF(pair);
        Py_XDECREF(value);
    }
    if (pairs != NULL && self->klass->model->unknown == OWU_KEEP) {
        PyObject *extra = Model_extra(self);
        PyObject *items = extra == NULL ? NULL : PyDict_Items(extra);
        if (items == NULL ||
            PyList_SetSlice(pairs, PyList_GET_SIZE(pairs), PyList_GET_SIZE(pairs), items) < 0) {
            Py_CLEAR(pairs);
        }
        Py_XDECREF(extra);
        Py_XDECREF(items);
    }
    return pairs;
}

static PyObject *Model_tp_iter(PyObject *op) {
    PyObject *pairs = Model_pairs((ModelObject *)op);
    PyObject *iterator = pairs == NULL ? NULL : PyObject_GetIter(pairs);
    Py_XDECREF(pairs);
    return iterator;
}

/* ---------------------------------------------------------------- repr */

/* name: a str. 1, 0, -1 */
static int is_secret(ModelObject *self, PyObject *name) {
    const int index = ModelClass_field(self->klass, name);
    Py_ssize_t len;
    const char *text;
    if (index >= 0) {
        return (self->klass->model->fields[index].flags & OWU_SECRET) != 0;
    }
    text = PyUnicode_AsUTF8AndSize(name, &len);
    if (text == NULL) { /* a lone surrogate */
        return owu_clear_error();
    }
    return owu_secret_name(text, (size_t)len); /* a kept key */
}

/* name=repr(value), with secrets masked. A kept key is whatever somebody sent, and may be no str: one
 * that is no identifier is shown as its repr, in which nothing changes a terminal. */
static PyObject *repr_pair(ModelObject *self, PyObject *name, PyObject *value) {
    const int masked = PyUnicode_Check(name) && value != Py_None ? is_secret(self, name) : 0;
    if (masked < 0) {
        return NULL;
    }
    if (!PyUnicode_Check(name) || !PyUnicode_IsIdentifier(name)) {
        return masked ? PyUnicode_FromFormat("%R='**********'", name)
                      : PyUnicode_FromFormat("%R=%R", name, value);
    }
    if (masked) {
        return PyUnicode_FromFormat("%U='**********'", name);
    }
    return PyUnicode_FromFormat("%U=%R", name, value);
}

static PyObject *repr_joined(ModelObject *self, const char *separator) {
    PyObject *pairs = Model_pairs(self), *glue = PyUnicode_FromString(separator), *result = NULL;
    Py_ssize_t i;
    for (i = 0; pairs != NULL && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i);
        PyObject *text = repr_pair(self, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
        if (text == NULL || PyList_SetItem(pairs, i, text) < 0) {
            Py_CLEAR(pairs);
        }
    }
    if (pairs != NULL && glue != NULL) {
        result = PyUnicode_Join(glue, pairs);
    }
    Py_XDECREF(pairs);
    Py_XDECREF(glue);
    return result;
}

static PyObject *Model_tp_repr(PyObject *op) {
    PyObject *name = NULL, *inner = NULL, *result = NULL;
    const int entered = Py_ReprEnter(op);
    if (entered != 0) {
        return entered < 0 ? NULL : PyUnicode_FromString("...");
    }
    name = PyObject_GetAttrString((PyObject *)Py_TYPE(op), "__name__");
    inner = name == NULL ? NULL : repr_joined((ModelObject *)op, ", ");
    if (inner != NULL) {
        result = PyUnicode_FromFormat("%U(%U)", name, inner);
    }
    Py_XDECREF(name);
    Py_XDECREF(inner);
    Py_ReprLeave(op);
    return result;
}

static PyObject *Model_tp_str(PyObject *op) {
    PyObject *result;
    const int entered = Py_ReprEnter(op);
    if (entered != 0) {
        return entered < 0 ? NULL : PyUnicode_FromString("...");
    }
    result = repr_joined((ModelObject *)op, " ");
    Py_ReprLeave(op);
    return result;
}

/* ---------------------------------------------------------------- what _describe answers */

static PyObject *describe(PyObject *op, const char *function, PyObject *argument) {
    return owu_describe(((ModelObject *)op)->klass->state, function, argument);
}

static PyObject *Model_repr_html(PyObject *op, PyObject *unused) {
    (void)unused;
    return describe(op, "repr_html", op);
}

static PyObject *Model_repr_mimebundle(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"include", "exclude", NULL};
    PyObject *include = Py_None, *exclude = Py_None, *all, *result;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:_repr_mimebundle_", names, &include,
                                     &exclude)) {
        return NULL;
    }
    all = PyTuple_Pack(3, op, include, exclude);
    result = all == NULL ? NULL : describe(op, "repr_mimebundle", all);
    Py_XDECREF(all);
    return result;
}

static PyObject *Model_rich_repr(PyObject *op, PyObject *unused) {
    (void)unused;
    return describe(op, "rich_repr", op);
}

static PyObject *Model_model_json_schema(PyObject *cls, PyObject *unused) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)cls);
    (void)unused;
    return state == NULL ? NULL : owu_describe(state, "model_json_schema", cls);
}

/* A classmethod of these arguments by way of _describe.<function>((cls, *args)). */
static PyObject *describe_class(PyObject *cls, PyObject *args, const char *function) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)cls);
    PyObject *own = PyTuple_Pack(1, cls);
    PyObject *all = own == NULL || state == NULL ? NULL : PySequence_Concat(own, args);
    PyObject *result = all == NULL ? NULL : owu_describe(state, function, all);
    Py_XDECREF(own);
    Py_XDECREF(all);
    return result;
}

static PyObject *Model_core_schema(PyObject *cls, PyObject *args) {
    return describe_class(cls, args, "core_schema");
}

static PyObject *Model_pydantic_json_schema(PyObject *cls, PyObject *args) {
    return describe_class(cls, args, "pydantic_json_schema");
}

/* ---------------------------------------------------------------- the type */

#define KEYWORDS (METH_VARARGS | METH_KEYWORDS)
#define WITH_KEYWORDS(function) ((PyCFunction)(void (*)(void))(function))

static PyObject *Model_init_subclass(PyObject *cls, PyObject *args, PyObject *kwargs) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)cls);
    if (PyTuple_GET_SIZE(args) > 0 || (kwargs != NULL && PyDict_Size(kwargs) > 0)) {
        PyErr_Format(PyExc_TypeError, "%.100s takes no arguments of a class statement",
                     ((PyTypeObject *)cls)->tp_name);
        return NULL;
    }
    if (state == NULL) {
        return NULL;
    }
    if (!state->classes_made) { /* ours */
        Py_RETURN_NONE;
    }
    return owu_describe(state, "check_subclass", cls);
}

static PyMethodDef Model_methods[] = {
    {"__init_subclass__", WITH_KEYWORDS(Model_init_subclass), KEYWORDS | METH_CLASS,
     "__init_subclass__($type, /)\n--\n\nRefuse new fields, and two models at once."},
    {"model_validate", WITH_KEYWORDS(Model_model_validate), KEYWORDS | METH_CLASS,
     "model_validate($type, obj, /, *, strict=None, from_attributes=None)\n--\n\n"
     "Check a mapping and make an instance of it; an instance is returned as it is."},
    {"from_dict", WITH_KEYWORDS(Model_model_validate), KEYWORDS | METH_CLASS,
     "from_dict($type, obj, /, *, strict=None, from_attributes=None)\n--\n\n"
     "Another name of model_validate()."},
    {"model_validate_json", WITH_KEYWORDS(Model_model_validate_json), KEYWORDS | METH_CLASS,
     "model_validate_json($type, json_data, /, *, strict=None)\n--\n\n"
     "Check JSON text (str, bytes or bytearray) and make an instance of it."},
    {"from_json", WITH_KEYWORDS(Model_model_validate_json), KEYWORDS | METH_CLASS,
     "from_json($type, json_data, /, *, strict=None)\n--\n\n"
     "Another name of model_validate_json()."},
    {"model_construct", WITH_KEYWORDS(Model_model_construct), KEYWORDS | METH_CLASS,
     "model_construct($type, _fields_set=None, **values)\n--\n\n"
     "Make an instance of trusted values without any check."},
    {"model_dump", WITH_KEYWORDS(Model_model_dump), KEYWORDS,
     "model_dump($self, *, mode='python', include=None, exclude=None, by_alias=False,\n"
     "           exclude_unset=False, exclude_defaults=False, exclude_none=False)\n--\n\n"
     "The fields as a new dict; mode 'json' makes values that JSON can hold."},
    {"to_dict", WITH_KEYWORDS(Model_model_dump), KEYWORDS,
     "to_dict($self, *, mode='python', include=None, exclude=None, by_alias=False,\n"
     "        exclude_unset=False, exclude_defaults=False, exclude_none=False)\n--\n\n"
     "Another name of model_dump()."},
    {"model_dump_json", WITH_KEYWORDS(Model_model_dump_json), KEYWORDS,
     "model_dump_json($self, *, indent=None, include=None, exclude=None, by_alias=False,\n"
     "                exclude_unset=False, exclude_defaults=False, exclude_none=False)\n--\n\n"
     "The fields as JSON text."},
    {"to_json", WITH_KEYWORDS(Model_model_dump_json), KEYWORDS,
     "to_json($self, *, indent=None, include=None, exclude=None, by_alias=False,\n"
     "        exclude_unset=False, exclude_defaults=False, exclude_none=False)\n--\n\n"
     "Another name of model_dump_json()."},
    {"to_json_bytes", WITH_KEYWORDS(Model_to_json_bytes), KEYWORDS,
     "to_json_bytes($self, *, indent=None, include=None, exclude=None, by_alias=False,\n"
     "              exclude_unset=False, exclude_defaults=False, exclude_none=False)\n--\n\n"
     "The fields as JSON in UTF-8."},
    {"model_copy", WITH_KEYWORDS(Model_model_copy), KEYWORDS,
     "model_copy($self, *, update=None, deep=False)\n--\n\n"
     "A copy, with some values replaced without a check."},
    {"copy", Model_copy, METH_NOARGS, "copy($self)\n--\n\nA shallow copy."},
    {"__copy__", Model_copy, METH_NOARGS, NULL},
    {"__deepcopy__", Model_deepcopy, METH_O, NULL},
    {"__replace__", WITH_KEYWORDS(Model_replace), KEYWORDS, NULL},
    {"__reduce__", Model_reduce, METH_NOARGS, NULL},
    {"__reduce_ex__", Model_reduce, METH_O, NULL},
    {"__setstate__", Model_setstate, METH_O, NULL},
    {"_restore", Model_restore, METH_VARARGS | METH_CLASS, NULL},
    {"model_json_schema", Model_model_json_schema, METH_NOARGS | METH_CLASS,
     "model_json_schema($type)\n--\n\nThe JSON Schema (draft 2020-12) of this model."},
    {"_repr_html_", Model_repr_html, METH_NOARGS, NULL},
    {"_repr_mimebundle_", WITH_KEYWORDS(Model_repr_mimebundle), KEYWORDS, NULL},
    {"__rich_repr__", Model_rich_repr, METH_NOARGS, NULL},
    {"__get_pydantic_core_schema__", Model_core_schema, METH_VARARGS | METH_CLASS, NULL},
    {"__get_pydantic_json_schema__", Model_pydantic_json_schema, METH_VARARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Model_getset[] = {
    {"model_fields_set", Model_get_fields_set, NULL, "Names of the fields that were given a value.",
     NULL},
    {"model_extra", Model_get_extra, NULL,
     "Unknown keys that this model keeps; None if it carries them instead.", NULL},
    {"model_unknown", Model_get_unknown, NULL,
     "Unknown keys that are carried: not dumped, but sent back in a request body.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef Model_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ModelObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(Model_doc, "Common base of all models: the data that a server sends or accepts.\n\n"
                        "Make an instance with keyword arguments. They are checked and coerced as\n"
                        "pydantic does. One ValidationError reports all faults.");

static PyType_Slot Model_slots[] = {
    {Py_tp_doc, (void *)Model_doc},
    {Py_tp_new, SLOT(Model_tp_new)},
    {Py_tp_init, SLOT(Model_tp_init)},
    {Py_tp_dealloc, SLOT(Model_tp_dealloc)},
    {Py_tp_traverse, SLOT(Model_tp_traverse)},
    {Py_tp_clear, SLOT(Model_tp_clear)},
    {Py_tp_getattro, SLOT(Model_tp_getattro)},
    {Py_tp_setattro, SLOT(Model_tp_setattro)},
    {Py_tp_richcompare, SLOT(Model_tp_richcompare)},
    {Py_tp_hash, SLOT(PyObject_HashNotImplemented)},
    {Py_tp_iter, SLOT(Model_tp_iter)},
    {Py_tp_repr, SLOT(Model_tp_repr)},
    {Py_tp_str, SLOT(Model_tp_str)},
    {Py_tp_methods, Model_methods},
    {Py_tp_getset, Model_getset},
    {Py_tp_members, Model_members},
    {0, NULL},
};

static PyType_Spec Model_spec = {
    .name = "openwebui_users._core.Model",
    .basicsize = sizeof(ModelObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = Model_slots,
};

/* ---------------------------------------------------------------- making the classes */

static const char epoch_suffix[] = "_at";

/* The name of the datetime beside an epoch field ("created_at" -> "created"); 0 when it has none. */
static size_t epoch_name_length(const owu_model *model, const owu_field *field) {
    const size_t len = strlen(field->python_name), tail = sizeof epoch_suffix - 1;
    if ((field->flags & (OWU_EPOCH | OWU_EPOCH_NS)) == 0 || len <= tail ||
        strcmp(field->python_name + len - tail, epoch_suffix) != 0 ||
        owu_model_field(model, field->python_name, len - tail, 0) >= 0) {
        return 0;
    }
    return len - tail;
}

static int intern_names(ModelClass *klass) {
    const owu_model *model = klass->model;
    uint32_t i;
    klass->names = PyMem_Calloc(model->n_fields + 1, sizeof *klass->names);
    klass->keys = PyMem_Calloc(model->n_fields + 1, sizeof *klass->keys);
    klass->getset = PyMem_Calloc(2 * (size_t)model->n_fields + 1, sizeof *klass->getset);
    klass->getset_names = PyMem_Calloc(model->n_fields + 1, 64);
    klass->access = PyMem_Calloc(model->n_fields + 1, sizeof *klass->access);
    if (klass->names == NULL || klass->keys == NULL || klass->getset == NULL ||
        klass->getset_names == NULL || klass->access == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < model->n_fields; i++) {
        klass->names[i] = PyUnicode_InternFromString(model->fields[i].python_name);
        klass->keys[i] = PyUnicode_InternFromString(model->fields[i].name);
        klass->access[i].model = model;
        klass->access[i].index = i;
        if (klass->names[i] == NULL || klass->keys[i] == NULL) {
            return -1;
        }
    }
    return 0;
}

static int add_descriptor(ModelClass *klass, PyGetSetDef *def) {
    PyObject *descriptor = PyDescr_NewGetSet(klass->type, def);
    int failed = -1;
    if (descriptor != NULL) {
        failed = PyObject_SetAttrString((PyObject *)klass->type, def->name, descriptor);
        Py_DECREF(descriptor);
    }
    return failed;
}

/* Descriptors of the fields that the base does not have already. */
static int add_fields(ModelClass *klass) {
    const owu_model *model = klass->model;
    const uint32_t first = model->base == NULL ? 0 : model->base->n_fields;
    PyGetSetDef *def = klass->getset;
    uint32_t i;
    for (i = first; i < model->n_fields; i++) {
        const owu_field *field = &model->fields[i];
        const size_t epoch_length = epoch_name_length(model, field);
        def->name = field->python_name;
        def->get = field_get;
        def->set = field_set;
        def->doc = field->doc;
        def->closure = &klass->access[i];
        if (add_descriptor(klass, def++) < 0) {
            return -1;
        }
        if (epoch_length != 0 && epoch_length < 64) {
            char *name = klass->getset_names + 64 * i;
            memcpy(name, field->python_name, epoch_length);
            def->name = name;
            def->get = epoch_get;
            def->doc = "The same moment as a datetime in UTC, or None.";
            def->closure = &klass->access[i];
            if (add_descriptor(klass, def++) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

/* What a class statement would put into the class. */
static int add_namespace(ModelClass *klass) {
    PyObject *const type = (PyObject *)klass->type;
    PyObject *capsule = PyCapsule_New(klass, capsule_name, NULL);
    PyObject *match = PyTuple_New((Py_ssize_t)klass->model->n_fields);
    PyObject *slots = PyTuple_New(0);
    PyObject *name = PyUnicode_FromString(klass->model->name);
    uint32_t i;
    int failed;
    for (i = 0; match != NULL && i < klass->model->n_fields; i++) {
        PyTuple_SET_ITEM(match, (Py_ssize_t)i, Py_NewRef(klass->names[i]));
    }
    failed = capsule == NULL || match == NULL || slots == NULL || name == NULL ||
                     /* messages of Python then name the class as its users do, without a module */
                     PyObject_SetAttrString(type, "__name__", name) < 0 ||
                     PyObject_SetAttr(type, klass->state->str_class_capsule, capsule) < 0 ||
                     PyObject_SetAttrString(type, "__match_args__", match) < 0 ||
                     PyObject_SetAttrString(type, "__slots__", slots) < 0
                 ? -1
                 : 0;
    Py_XDECREF(capsule);
    Py_XDECREF(match);
    Py_XDECREF(slots);
    Py_XDECREF(name);
    return failed;
}

static int make_class(PyObject *module, ModuleState *state, size_t index) {
    ModelClass *klass = &state->classes[index];
    const owu_model *model = owu_models[index];
    /* The collector's functions would be found in the base, but by a search for every object. */
    PyType_Slot slots[] = {
        {Py_tp_doc, (void *)(uintptr_t)model->doc},
        {Py_tp_traverse, SLOT(Model_tp_traverse)},
        {Py_tp_clear, SLOT(Model_tp_clear)},
        {0, NULL},
    };
    char name[128];
    PyType_Spec spec = {
        .name = name,
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    PyObject *base;
    klass->state = state;
    klass->model = model;
    if (intern_names(klass) < 0) {
        return -1;
    }
    (void)PyOS_snprintf(name, sizeof name, "openwebui_users.models.%s", model->name);
    base = model->base == NULL ? (PyObject *)state->Model_Type
                               : (PyObject *)owu_class_of(state, model->base)->type;
    klass->type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, base);
    return klass->type == NULL || add_namespace(klass) < 0 || add_fields(klass) < 0
               ? -1
               : PyModule_AddObjectRef(module, model->name, (PyObject *)klass->type);
}

/* What is computed once a class, on the class: model_fields, __signature__ … */
static int add_class_attributes(ModuleState *state) {
    static const char *const names[][2] = {
        {"model_fields", "model_fields"},
        {"__signature__", "model_signature"},
        {"__dataclass_fields__", "dataclass_fields"},
        {"__dataclass_params__", "dataclass_params"},
    };
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *attribute =
            PyObject_CallFunction((PyObject *)state->ClassAttribute_Type, "s", names[i][1]);
        const int failed =
            attribute == NULL ||
            PyObject_SetAttrString((PyObject *)state->Model_Type, names[i][0], attribute) < 0;
        Py_XDECREF(attribute);
        if (failed) {
            return -1;
        }
    }
    return 0;
}

int owu_models_init(PyObject *module, ModuleState *state) {
    size_t n = 0, i;
    state->Model_Type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &Model_spec, NULL);
    if (state->Model_Type == NULL ||
        PyModule_AddObjectRef(module, "Model", (PyObject *)state->Model_Type) < 0 ||
        add_class_attributes(state) < 0) {
        return -1;
    }
    while (owu_models[n] != NULL) {
        n++;
    }
    state->classes = PyMem_Calloc(n + 1, sizeof *state->classes);
    if (state->classes == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < n; i++) {
        state->n_classes = i + 1;
        if (make_class(module, state, i) < 0) {
            return -1;
        }
    }
    return 0;
}
