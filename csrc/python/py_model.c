/* py_model.c - the model classes: construction, attributes, comparison, copies, pickles. */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

enum { PICKLE_FORMAT = 1 };

/* ---------------------------------------------------------------- classes */

ModelClass *owu_class_of(ModuleState *state, const owu_model *model) {
    size_t i;
    for (i = 0; i < state->n_classes; i++) {
        if (state->classes[i].model == model) {
            return &state->classes[i];
        }
    }
    return NULL; /* owu_schema_check proves that it cannot be */
}

bool Model_check(ModuleState *state, PyObject *value) {
    return PyObject_TypeCheck(value, state->Model_Type);
}

const owu_model *Model_model(PyObject *self) {
    return ((ModelObject *)self)->klass->model;
}

static const char capsule_name[] = "openwebui_users._core.model";

/* The table entry behind a class or the nearest of its bases; borrowed. */
static ModelClass *class_of_type(PyTypeObject *type) {
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

static int field_index(const ModelClass *klass, PyObject *name) {
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

static int key_index(const ModelClass *klass, PyObject *key) {
    uint32_t i;
    for (i = 0; i < klass->model->n_fields; i++) {
        if (klass->keys[i] == key || PyUnicode_Compare(klass->keys[i], key) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- life of an object */

static ModelObject *Model_alloc(ModelClass *klass, PyTypeObject *type) {
    ModelObject *self = (ModelObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->klass = klass;
    }
    return self;
}

static PyObject *Model_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ModelClass *klass = class_of_type(type);
    (void)args;
    (void)kwargs;
    return klass == NULL ? NULL : (PyObject *)Model_alloc(klass, type);
}

PyObject *Model_from_record(ModuleState *state, owu_document *document, const owu_record *record) {
    ModelClass *klass = owu_class_of(state, record->model);
    ModelObject *self = Model_alloc(klass, klass->type);
    uint32_t i;
    if (self == NULL) {
        return NULL;
    }
    self->document = owu_document_ref(document);
    self->record = record;
    for (i = 0; i < record->model->n_fields; i++) {
        self->set |= (uint64_t)(record->cells[i].tag != OWU_TAG_UNSET) << i;
    }
    return (PyObject *)self;
}

static int Model_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    ModelObject *self = (ModelObject *)op;
    uint32_t i;
    Py_VISIT(Py_TYPE(op));
    for (i = 0; self->values != NULL && i < self->klass->model->n_fields; i++) {
        Py_VISIT(self->values[i]);
    }
    Py_VISIT(self->extra);
    return 0;
}

static void clear_values(ModelObject *self) {
    PyObject **values = self->values;
    uint32_t i;
    self->values = NULL; /* first: a destructor below may look at self */
    for (i = 0; values != NULL && i < self->klass->model->n_fields; i++) {
        Py_XDECREF(values[i]);
    }
    PyMem_Free(values);
    Py_CLEAR(self->extra);
}

static int Model_tp_clear(PyObject *op) {
    ModelObject *self = (ModelObject *)op;
    self->absent = self->record == NULL ? UINT64_MAX : self->absent;
    clear_values(self);
    return 0;
}

static void Model_tp_dealloc(PyObject *op) {
    ModelObject *self = (ModelObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs(op);
    }
    clear_values(self);
    owu_document_unref(self->document);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- values */

static int Model_reserve_values(ModelObject *self) {
    if (self->values == NULL) {
        self->values = PyMem_Calloc(self->klass->model->n_fields + 1, sizeof *self->values);
        if (self->values == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

/* Steals value. */
static int Model_put(ModelObject *self, uint32_t index, PyObject *value) {
    if (Model_reserve_values(self) < 0) {
        Py_DECREF(value);
        return -1;
    }
    self->absent &= ~(UINT64_C(1) << index);
    Py_XSETREF(self->values[index], value);
    return 0;
}

PyObject *Model_value(ModelObject *self, uint32_t index) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_cell *cell = &field->def;
    PyObject *value;

    if (self->values != NULL && self->values[index] != NULL) {
        return Py_NewRef(self->values[index]);
    }
    if ((self->absent >> index & 1) != 0) {
        PyErr_Format(PyExc_AttributeError, "'%.100s' object has no attribute '%.100s'",
                     Py_TYPE(self)->tp_name, field->python_name);
        return NULL;
    }
    if (self->record != NULL && self->record->cells[index].tag != OWU_TAG_UNSET) {
        cell = &self->record->cells[index];
    }
    value = owu_cell_to_python(self->klass->state, cell, self->document);
    if (value == NULL) {
        return NULL;
    }
    /* making it ran Python code at most through the collector; a value made meanwhile stays */
    if (Model_put(self, index, Py_NewRef(value)) < 0) {
        Py_CLEAR(value);
    }
    return value;
}

bool Model_is_pristine(const ModelObject *self) {
    return self->record != NULL && self->values == NULL && self->extra == NULL && self->absent == 0;
}

int Model_default_was_edited(ModelObject *self, uint32_t index) {
    const owu_field *field = &self->klass->model->fields[index];
    const owu_kind kind = field->type.kind;
    PyObject *def;
    int equal;
    if ((kind != OWU_LIST && kind != OWU_DICT && kind != OWU_MODEL) ||
        self->values[index] == Py_None || (field->flags & OWU_EXCLUDED) != 0) {
        return 0;
    }
    def = owu_cell_to_python(self->klass->state, &field->def, NULL);
    equal = def == NULL ? -1 : PyObject_RichCompareBool(self->values[index], def, Py_EQ);
    Py_XDECREF(def);
    return equal < 0 ? -1 : !equal;
}

PyObject *Model_extra(ModelObject *self) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    PyObject *dict;
    if (self->extra != NULL) {
        return self->extra;
    }
    dict = PyDict_New();
    for (; dict != NULL && extra != NULL; extra = extra->next) {
        PyObject *key = PyUnicode_DecodeUTF8(extra->key, (Py_ssize_t)extra->key_len, NULL);
        PyObject *value =
            key == NULL ? NULL : owu_cell_to_python(self->klass->state, &extra->value, NULL);
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    if (dict != NULL) {
        self->extra = dict;
    }
    return dict;
}

/* Make every value, so that the record is no longer needed, and let go of it. */
static int Model_detach(ModelObject *self) {
    uint32_t i;
    if (self->record == NULL) {
        return 0;
    }
    if (Model_reserve_values(self) < 0 || Model_extra(self) == NULL) {
        return -1;
    }
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

/* ---------------------------------------------------------------- construction */

/* Where the value of a field is in the input. @return 1 (new reference), 0 when missing, -1. */
static int input_of_field(const ModelClass *klass, uint32_t index, PyObject *input, bool attributes,
                          PyObject **value, PyObject **name_used) {
    PyObject *names[2];
    int n = 1, i;
    names[0] = klass->keys[index]; /* the JSON key wins over the attribute's name */
    names[1] = klass->names[index];
    n += names[0] != names[1] ? 1 : 0;
    *name_used = names[0];
    for (i = 0; i < n; i++) {
        if (attributes) {
            *value = PyObject_GetAttr(input, names[i]);
            if (*value == NULL && !PyErr_ExceptionMatches(PyExc_AttributeError)) {
                return -1;
            }
            PyErr_Clear();
        } else {
            *value = Py_XNewRef(PyDict_GetItemWithError(input, names[i]));
            if (*value == NULL && PyErr_Occurred()) {
                return -1;
            }
        }
        if (*value != NULL) {
            *name_used = names[i];
            return 1;
        }
    }
    return 0;
}

/* Filling one object from Python input. */
typedef struct Filling {
    ModelObject *self;
    PyObject *input;    /* borrowed: a dict, or any object when attributes are read */
    PyObject *original; /* borrowed: what the caller gave, for the errors */
    bool attributes;
    unsigned flags;
    const Path *path;
    FaultList *faults;
    bool ok;
} Filling;

static int fill_field(Filling *f, uint32_t index) {
    const ModelClass *klass = f->self->klass;
    const owu_field *field = &klass->model->fields[index];
    PyObject *given = NULL, *converted = NULL, *name = NULL;
    int result = input_of_field(klass, index, f->input, f->attributes, &given, &name);
    const Path step = {f->path, name, 0};

    if (result < 0) {
        return -1;
    }
    if (result == 0) {
        if ((field->flags & OWU_REQUIRED) != 0) {
            f->ok = false;
            return FaultList_add(f->faults, OWU_FAULT_MISSING, &step, f->original, klass->model,
                                 NULL) < 0
                       ? -1
                       : 0;
        }
        return 0;
    }
    result = owu_convert(klass->state, &field->type, given, f->flags, &step, klass->model,
                         field->flags, f->faults, &converted);
    Py_DECREF(given);
    if (result == 0) {
        f->ok = false;
    }
    if (result == 1) {
        f->self->set |= UINT64_C(1) << index;
        result = Model_put(f->self, index, converted);
    }
    return result < 0 ? -1 : 0;
}

/* What the model does not declare: kept or carried, in the order given. */
static int fill_extra(Filling *f) {
    const ModelClass *klass = f->self->klass;
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(f->input, &position, &key, &value)) {
        if (!PyUnicode_Check(key)) {
            if (klass->model->unknown == OWU_KEEP) {
                const Path step = {f->path, key, 0};
                f->ok = false;
                if (FaultList_add(f->faults, OWU_FAULT_INVALID_KEY, &step, key, klass->model,
                                  NULL) < 0) {
                    return -1;
                }
            }
            continue;
        }
        if (key_index(klass, key) >= 0 || field_index(klass, key) >= 0) {
            continue;
        }
        if (f->self->extra == NULL && (f->self->extra = PyDict_New()) == NULL) {
            return -1;
        }
        if (PyDict_SetItem(f->self->extra, key, value) < 0) {
            return -1;
        }
    }
    return 0;
}

/* @return 1, 0 (faults were added), -1 */
static int Model_fill(ModelObject *self, PyObject *input, PyObject *original, bool attributes,
                      unsigned flags, const Path *path, FaultList *faults) {
    Filling f = {self, input, original, attributes, flags, path, faults, true};
    uint32_t i;
    for (i = 0; i < self->klass->model->n_fields; i++) {
        if (fill_field(&f, i) < 0) {
            return -1;
        }
    }
    if (!attributes && fill_extra(&f) < 0) {
        return -1;
    }
    return f.ok ? 1 : 0;
}

int Model_from_mapping(ModelClass *klass, PyTypeObject *type, PyObject *mapping, unsigned flags,
                       const Path *path, FaultList *faults, PyObject **out) {
    const bool attributes = !PyDict_Check(mapping) && !PyObject_HasAttrString(mapping, "keys");
    ModelObject *self = Model_alloc(klass, type);
    PyObject *input = NULL;
    int result = -1;
    if (self == NULL) {
        return -1;
    }
    if (attributes || PyDict_CheckExact(mapping)) {
        input = Py_NewRef(mapping);
    } else {
        input = PyDict_New();
        if (input != NULL && PyDict_Update(input, mapping) < 0) {
            Py_CLEAR(input);
        }
    }
    if (input != NULL) {
        result = Model_fill(self, input, mapping, attributes, flags, path, faults);
    }
    Py_XDECREF(input);
    if (result == 1) {
        *out = (PyObject *)self;
        return 1;
    }
    Py_DECREF(self);
    return result;
}

static int Model_tp_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    ModelObject *self = (ModelObject *)op;
    FaultList faults = {NULL, false};
    PyObject *input;
    int result;

    if (PyTuple_GET_SIZE(args) != 0) {
        PyErr_Format(PyExc_TypeError,
                     "%.100s() takes keyword arguments only, but %zd positional were given: write "
                     "%.100s(name=value), or %.100s.model_validate(mapping)",
                     Py_TYPE(op)->tp_name, PyTuple_GET_SIZE(args), Py_TYPE(op)->tp_name,
                     Py_TYPE(op)->tp_name);
        return -1;
    }
    clear_values(self); /* __init__ may be called again */
    owu_document_unref(self->document);
    self->document = NULL;
    self->record = NULL;
    self->set = self->absent = 0;
    input = kwargs != NULL ? Py_NewRef(kwargs) : PyDict_New();
    if (input == NULL) {
        return -1;
    }
    result = Model_fill(self, input, input, false, 0, NULL, &faults);
    Py_DECREF(input);
    if (result == 0) {
        (void)FaultList_raise(&faults, self->klass->state, Py_TYPE(op)->tp_name);
    }
    Py_CLEAR(faults.list);
    return result == 1 ? 0 : -1;
}

/* Turn the result of a filling into what a constructor returns. */
static PyObject *finish_validation(ModelClass *klass, PyTypeObject *type, int result,
                                   FaultList *faults, PyObject *made) {
    if (result == 0) {
        (void)FaultList_raise(faults, klass->state, type->tp_name);
    }
    Py_CLEAR(faults->list);
    return result == 1 ? made : NULL;
}

static PyObject *Model_model_validate(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"obj", "strict", "from_attributes", NULL};
    PyTypeObject *type = (PyTypeObject *)cls;
    PyObject *in, *strict = Py_None, *attributes = Py_None, *made = NULL;
    ModelClass *klass = class_of_type(type);
    FaultList faults = {NULL, false};
    unsigned flags = 0;
    int result;

    if (klass == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OO:model_validate", names,
                                                      &in, &strict, &attributes)) {
        return NULL;
    }
    if (PyObject_TypeCheck(in, type)) {
        return Py_NewRef(in);
    }
    if (PyObject_IsTrue(strict) == 1) {
        flags |= CONVERT_STRICT;
    }
    if (PyObject_IsTrue(attributes) == 1) {
        flags |= CONVERT_FROM_ATTRIBUTES;
    }
    if ((flags & CONVERT_FROM_ATTRIBUTES) != 0 && !PyUnicode_Check(in) && !PyBytes_Check(in) &&
        !PyNumber_Check(in) && !PySequence_Check(in) && in != Py_None) {
        result = Model_from_mapping(klass, type, in, flags, NULL, &faults, &made);
    } else if (!Model_check(klass->state, in) &&
               (PyDict_Check(in) ||
                (PyMapping_Check(in) && PyObject_HasAttrString(in, "keys")))) {
        result = Model_from_mapping(klass, type, in, flags, NULL, &faults, &made);
    } else {
        result = FaultList_add(&faults, OWU_FAULT_MODEL_TYPE, NULL, in, klass->model, NULL);
    }
    return finish_validation(klass, type, result, &faults, made);
}

/* Text of a str, bytes or bytearray; view keeps a buffer that must be released when held. */
static int json_input(PyObject *in, const char **text, size_t *len, Py_buffer *view, bool *held) {
    Py_ssize_t size = 0;
    *held = false;
    if (PyUnicode_Check(in)) {
        *text = PyUnicode_AsUTF8AndSize(in, &size);
        if (*text == NULL) {
            return -1;
        }
    } else if (PyBytes_Check(in) || PyByteArray_Check(in)) {
        if (PyObject_GetBuffer(in, view, PyBUF_SIMPLE) < 0) {
            return -1;
        }
        *held = true;
        *text = view->buf == NULL ? "" : view->buf;
        size = view->len;
    } else {
        PyErr_Format(PyExc_TypeError, "JSON input must be str, bytes or bytearray, not %.100s",
                     Py_TYPE(in)->tp_name);
        return -1;
    }
    *len = (size_t)size;
    return 0;
}

/* An instance of a Python subclass over the record that was read for the class of the table. */
static PyObject *model_of_document(ModelClass *klass, PyTypeObject *type, owu_document *document) {
    const owu_cell *value = owu_document_value(document);
    PyObject *made = Model_from_record(klass->state, document, value->u.record);
    if (made != NULL && type != klass->type) {
        ModelObject *from = (ModelObject *)made;
        ModelObject *self = Model_alloc(klass, type);
        if (self != NULL) {
            self->document = owu_document_ref(document);
            self->record = from->record;
            self->set = from->set;
        }
        Py_SETREF(made, (PyObject *)self);
    }
    return made;
}

static PyObject *Model_model_validate_json(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"json_data", "strict", NULL};
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = class_of_type(type);
    PyObject *in, *strict = Py_None, *made = NULL;
    const char *text;
    size_t len;
    Py_buffer view;
    bool held = false;
    owu_faults faults = {0};
    owu_document *document = NULL;
    owu_error err;
    owu_status status;
    owu_type wanted = {OWU_MODEL, OWU_ANY, false, NULL};
    unsigned flags;

    if (klass == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:model_validate_json", names, &in,
                                     &strict)) {
        return NULL;
    }
    if (json_input(in, &text, &len, &view, &held) < 0) {
        if (!PyUnicode_Check(in) || !PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            return NULL;
        }
        PyErr_Clear(); /* a lone surrogate: no text of JSON */
        (void)owu_fail(&err, OWU_EJSON, "invalid unicode code point at line 1 column 1");
        return owu_raise_json_invalid(klass->state, type->tp_name, &err, in);
    }
    wanted.model = klass->model;
    flags = PyObject_IsTrue(strict) == 1 ? OWU_READ_STRICT : 0;
    Py_BEGIN_ALLOW_THREADS
    status = owu_document_read(&document, &wanted, text, len, flags, &faults, &err);
    Py_END_ALLOW_THREADS
    if (status == OWU_OK) {
        made = model_of_document(klass, type, document);
    } else if (status == OWU_EJSON) {
        (void)owu_raise_json_invalid(klass->state, type->tp_name, &err, in);
    } else if (status == OWU_ESCHEMA) {
        FaultList list = {owu_faults_to_list(klass->state, &faults, true), true};
        if (list.list != NULL) {
            (void)FaultList_raise(&list, klass->state, type->tp_name);
            Py_CLEAR(list.list);
        }
    } else {
        (void)owu_raise_error(klass->state, &err);
    }
    owu_document_unref(document);
    owu_faults_free(&faults);
    if (held) {
        PyBuffer_Release(&view);
    }
    return made;
}

/* Without any check: what is given is taken, the rest are defaults or absent. */
static PyObject *construct(ModelClass *klass, PyTypeObject *type, PyObject *values,
                           PyObject *fields_set) {
    ModelObject *self = Model_alloc(klass, type);
    uint32_t i;
    if (self == NULL) {
        return NULL;
    }
    for (i = 0; i < klass->model->n_fields; i++) {
        PyObject *value = NULL, *name = NULL;
        const int found = input_of_field(klass, i, values, false, &value, &name);
        const uint64_t bit = UINT64_C(1) << i;
        if (found < 0 || (found == 1 && Model_put(self, i, value) < 0)) {
            Py_DECREF(self);
            return NULL;
        }
        if (fields_set == Py_None) {
            self->set |= found == 1 ? bit : 0;
        } else {
            const int contains = PySequence_Contains(fields_set, klass->names[i]);
            if (contains < 0) {
                Py_DECREF(self);
                return NULL;
            }
            self->set |= contains == 1 ? bit : 0;
        }
        if (found == 0 && (klass->model->fields[i].flags & OWU_REQUIRED) != 0) {
            self->absent |= bit;
        }
    }
    {
        FaultList unused = {NULL, false};
        Filling f = {self, values, values, false, 0, NULL, &unused, true};
        if (fill_extra(&f) < 0) {
            Py_CLEAR(self);
        }
        Py_CLEAR(unused.list);
    }
    return (PyObject *)self;
}

static PyObject *Model_model_construct(PyObject *cls, PyObject *args, PyObject *kwargs) {
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = class_of_type(type);
    PyObject *fields_set = Py_None, *values, *result, *given;
    if (klass == NULL || !PyArg_ParseTuple(args, "|O:model_construct", &fields_set)) {
        return NULL;
    }
    values = kwargs == NULL ? PyDict_New() : PyDict_Copy(kwargs);
    if (values == NULL) {
        return NULL;
    }
    given = PyDict_GetItemString(values, "_fields_set");
    fields_set = given != NULL ? given : fields_set;
    Py_INCREF(fields_set);
    if (given != NULL && PyDict_DelItemString(values, "_fields_set") < 0) {
        result = NULL;
    } else {
        result = construct(klass, type, values, fields_set);
    }
    Py_DECREF(fields_set);
    Py_DECREF(values);
    return result;
}

/* ---------------------------------------------------------------- attributes */

static PyObject *field_get(PyObject *op, void *closure) {
    return Model_value((ModelObject *)op, (uint32_t)(uintptr_t)closure);
}

static int field_set(PyObject *op, PyObject *value, void *closure) {
    ModelObject *self = (ModelObject *)op;
    const uint32_t index = (uint32_t)(uintptr_t)closure;
    const uint64_t bit = UINT64_C(1) << index;
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
    if (self->values != NULL) {
        Py_CLEAR(self->values[index]);
    }
    self->set &= ~bit;
    self->absent |= bit;
    return 0;
}

/* The timezone-aware datetime beside a field that counts seconds (or nanoseconds). */
static PyObject *epoch_get(PyObject *op, void *closure) {
    ModelObject *self = (ModelObject *)op;
    const uint32_t index = (uint32_t)(uintptr_t)closure;
    const bool nanoseconds = (self->klass->model->fields[index].flags & OWU_EPOCH_NS) != 0;
    PyObject *value = Model_value(self, index), *pair, *result = NULL;
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

static PyObject *Model_tp_getattro(PyObject *op, PyObject *name) {
    ModelObject *self = (ModelObject *)op;
    PyObject *result = PyObject_GenericGetAttr(op, name);
    if (result == NULL && self->klass->model->unknown == OWU_KEEP &&
        PyErr_ExceptionMatches(PyExc_AttributeError)) {
        PyObject *type, *value, *traceback, *extra, *found;
        PyErr_Fetch(&type, &value, &traceback);
        extra = Model_extra(self);
        found = extra == NULL ? NULL : PyDict_GetItemWithError(extra, name);
        if (found != NULL || PyErr_Occurred()) {
            Py_XDECREF(type);
            Py_XDECREF(value);
            Py_XDECREF(traceback);
            return Py_XNewRef(found);
        }
        PyErr_Restore(type, value, traceback);
    }
    return result;
}

/* Fields and properties by their descriptors; what is unknown is kept or refused. */
static int Model_tp_setattro(PyObject *op, PyObject *name, PyObject *value) {
    ModelObject *self = (ModelObject *)op;
    PyObject *descriptor = PyUnicode_Check(name) ? _PyType_Lookup(Py_TYPE(op), name) : NULL;
    const char *text;

    if (!PyUnicode_Check(name) || (descriptor != NULL && Py_TYPE(descriptor)->tp_descr_set)) {
        return PyObject_GenericSetAttr(op, name, value);
    }
    text = PyUnicode_AsUTF8(name);
    if (text == NULL) {
        return -1;
    }
    if (text[0] == '_') { /* private to a subclass */
        return PyObject_GenericSetAttr(op, name, value);
    }
    if (self->klass->model->unknown == OWU_KEEP && descriptor == NULL) {
        PyObject *extra = Model_extra(self);
        if (extra == NULL) {
            return -1;
        }
        if (value != NULL) {
            return PyDict_SetItem(extra, name, value);
        }
        if (PyDict_Contains(extra, name) == 1) {
            return PyDict_DelItem(extra, name);
        }
        PyErr_SetObject(PyExc_AttributeError, name);
        return -1;
    }
    if (value == NULL) {
        PyErr_SetObject(PyExc_AttributeError, name);
        return -1;
    }
    PyErr_Format(PyExc_ValueError, "\"%.100s\" object has no field \"%U\"", Py_TYPE(op)->tp_name,
                 name);
    return -1;
}

static PyObject *Model_get_fields_set(PyObject *op, void *closure) {
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
        PyObject *extra = Model_extra(self), *key;
        Py_ssize_t position = 0;
        while (extra != NULL && PyDict_Next(extra, &position, &key, NULL)) {
            if (PySet_Add(result, key) < 0) {
                extra = NULL;
            }
        }
        if (extra == NULL) {
            Py_CLEAR(result);
        }
    }
    return result;
}

static PyObject *Model_get_extra(PyObject *op, void *closure) {
    (void)closure;
    if (((ModelObject *)op)->klass->model->unknown != OWU_KEEP) {
        Py_RETURN_NONE;
    }
    return Py_XNewRef(Model_extra((ModelObject *)op));
}

static PyObject *Model_get_unknown(PyObject *op, void *closure) {
    (void)closure;
    if (((ModelObject *)op)->klass->model->unknown != OWU_CARRY) {
        return PyDict_New();
    }
    return Py_XNewRef(Model_extra((ModelObject *)op));
}

/* ---------------------------------------------------------------- comparison and iteration */

static int same_extra(ModelObject *a, ModelObject *b) {
    PyObject *x = Model_extra(a), *y = Model_extra(b);
    return x == NULL || y == NULL ? -1 : PyObject_RichCompareBool(x, y, Py_EQ);
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

static bool is_secret(ModelObject *self, PyObject *name) {
    const int index = field_index(self->klass, name);
    return index >= 0 && (self->klass->model->fields[index].flags & OWU_SECRET) != 0;
}

/* name=repr(value), with secrets masked. */
static PyObject *repr_pair(ModelObject *self, PyObject *name, PyObject *value) {
    if (value != Py_None && is_secret(self, name)) {
        return PyUnicode_FromFormat("%U='**********'", name);
    }
    return PyUnicode_FromFormat("%U=%R", name, value);
}

static PyObject *repr_joined(ModelObject *self, const char *separator) {
    PyObject *pairs = Model_pairs(self), *glue = PyUnicode_FromString(separator), *result = NULL;
    Py_ssize_t i;
    for (i = 0; pairs != NULL && i < PyList_GET_SIZE(pairs); i++) {
        PyObject *pair = PyList_GET_ITEM(pairs, i);
        PyObject *text =
            repr_pair(self, PyTuple_GET_ITEM(pair, 0), PyTuple_GET_ITEM(pair, 1));
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

/* ---------------------------------------------------------------- copies */

/* The __dict__ that a Python subclass may have; NULL without exception when there is none. */
static PyObject *instance_dict(PyObject *op) {
    PyObject *dict = NULL;
    if (Py_TYPE(op)->tp_dictoffset != 0
#if PY_VERSION_HEX >= 0x030B0000
        || PyType_HasFeature(Py_TYPE(op), Py_TPFLAGS_MANAGED_DICT)
#endif
    ) {
        dict = PyObject_GetAttrString(op, "__dict__");
        if (dict == NULL) {
            PyErr_Clear();
        }
    }
    return dict;
}

static int copy_instance_dict(PyObject *from, PyObject *to, PyObject *deepcopy, PyObject *memo) {
    PyObject *dict = instance_dict(from), *copied = NULL, *target = NULL;
    int failed = 0;
    if (dict != NULL && PyDict_GET_SIZE(dict) != 0) {
        copied = deepcopy == NULL ? PyDict_Copy(dict)
                                  : PyObject_CallFunctionObjArgs(deepcopy, dict, memo, NULL);
        target = copied == NULL ? NULL : instance_dict(to);
        failed = target == NULL || PyDict_Update(target, copied) < 0 ? -1 : 0;
        Py_XDECREF(copied);
        Py_XDECREF(target);
    }
    Py_XDECREF(dict);
    return failed;
}

/* A copy that shares its values with self (deepcopy NULL) or has copies of them. */
static PyObject *copy_model(ModelObject *self, PyObject *deepcopy, PyObject *memo) {
    ModelObject *copy;
    uint32_t i;
    if (Model_detach(self) < 0 || Model_reserve_values(self) < 0) {
        return NULL;
    }
    copy = Model_alloc((ModelClass *)self->klass, Py_TYPE(self));
    if (copy == NULL || Model_reserve_values(copy) < 0) {
        Py_XDECREF(copy);
        return NULL;
    }
    copy->set = self->set;
    copy->absent = self->absent;
    for (i = 0; i <= self->klass->model->n_fields; i++) {
        const bool last = i == self->klass->model->n_fields;
        PyObject *value = last ? self->extra : self->values[i];
        PyObject *copied = NULL;
        if (value == NULL) {
            continue;
        }
        copied = deepcopy != NULL ? PyObject_CallFunctionObjArgs(deepcopy, value, memo, NULL)
                 : last           ? PyDict_Copy(value)
                                  : Py_NewRef(value);
        if (copied == NULL) {
            Py_DECREF(copy);
            return NULL;
        }
        if (last) {
            copy->extra = copied;
        } else {
            copy->values[i] = copied;
        }
    }
    if (copy_instance_dict((PyObject *)self, (PyObject *)copy, deepcopy, memo) < 0) {
        Py_CLEAR(copy);
    }
    return (PyObject *)copy;
}

static PyObject *Model_copy(PyObject *op, PyObject *unused) {
    (void)unused;
    return copy_model((ModelObject *)op, NULL, NULL);
}

static PyObject *deep_copy(PyObject *op, PyObject *memo) {
    PyObject *module = PyImport_ImportModule("copy");
    PyObject *deepcopy = module == NULL ? NULL : PyObject_GetAttrString(module, "deepcopy");
    PyObject *result = NULL, *key = PyLong_FromVoidPtr(op);
    if (deepcopy != NULL && key != NULL) {
        result = copy_model((ModelObject *)op, deepcopy, memo);
    }
    if (result != NULL && PyDict_Check(memo) && PyDict_SetItem(memo, key, result) < 0) {
        Py_CLEAR(result);
    }
    Py_XDECREF(module);
    Py_XDECREF(deepcopy);
    Py_XDECREF(key);
    return result;
}

static PyObject *Model_deepcopy(PyObject *op, PyObject *memo) {
    PyObject *own = memo == Py_None ? PyDict_New() : Py_NewRef(memo);
    PyObject *result = own == NULL ? NULL : deep_copy(op, own);
    Py_XDECREF(own);
    return result;
}

/* Set values without checking them, as attributes or as unknown keys. */
static int update_values(ModelObject *self, PyObject *changes) {
    PyObject *key, *value;
    Py_ssize_t position = 0;
    while (PyDict_Next(changes, &position, &key, &value)) {
        int index;
        if (!PyUnicode_Check(key)) {
            PyErr_SetString(PyExc_TypeError, "names of fields must be str");
            return -1;
        }
        index = field_index(self->klass, key);
        index = index >= 0 ? index : key_index(self->klass, key);
        if (index >= 0) {
            if (Model_put(self, (uint32_t)index, Py_NewRef(value)) < 0) {
                return -1;
            }
            self->set |= UINT64_C(1) << index;
        } else if (Model_extra(self) == NULL || PyDict_SetItem(self->extra, key, value) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyObject *Model_model_copy(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"update", "deep", NULL};
    PyObject *update = Py_None, *result, *changes = NULL;
    int deep = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$Op:model_copy", names, &update, &deep)) {
        return NULL;
    }
    result = deep ? Model_deepcopy(op, Py_None) : Model_copy(op, NULL);
    if (result != NULL && update != Py_None) {
        changes = PyDict_New();
        if (changes == NULL || PyDict_Update(changes, update) < 0 ||
            update_values((ModelObject *)result, changes) < 0) {
            Py_CLEAR(result);
        }
        Py_XDECREF(changes);
    }
    return result;
}

static PyObject *Model_replace(PyObject *op, PyObject *args, PyObject *kwargs) {
    PyObject *result;
    if (PyTuple_GET_SIZE(args) != 0) {
        PyErr_SetString(PyExc_TypeError, "__replace__() takes keyword arguments only");
        return NULL;
    }
    result = Model_copy(op, NULL);
    if (result != NULL && kwargs != NULL && update_values((ModelObject *)result, kwargs) < 0) {
        Py_CLEAR(result);
    }
    return result;
}

/* ---------------------------------------------------------------- pickles */

/* Every value by name, for an object that was read or changed. */
static PyObject *values_by_name(ModelObject *self) {
    PyObject *dict = PyDict_New();
    uint32_t i;
    for (i = 0; dict != NULL && i < self->klass->model->n_fields; i++) {
        PyObject *value;
        if ((self->absent >> i & 1) != 0) {
            continue;
        }
        value = Model_value(self, i);
        if (value == NULL || PyDict_SetItem(dict, self->klass->names[i], value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(value);
    }
    if (dict != NULL && (Model_extra(self) == NULL || PyDict_Update(dict, self->extra) < 0)) {
        Py_CLEAR(dict);
    }
    return dict;
}

/*
 * (restore, (class, format, JSON, values, set names), __dict__ or None). An object that nobody
 * touched travels as its JSON; any other as its values, so that nothing assigned to it is lost.
 */
static PyObject *Model_reduce(PyObject *op, PyObject *unused) {
    ModelObject *self = (ModelObject *)op;
    PyObject *restore = PyObject_GetAttrString((PyObject *)Py_TYPE(op), "_restore");
    PyObject *json = NULL, *values = NULL, *set = NULL, *dict = NULL, *result = NULL;
    owu_buffer buffer = {0};
    owu_writer writer;

    (void)unused;
    if (Model_is_pristine(self)) {
        owu_writer_init(&writer, &buffer, -1);
        if (Model_write_everything(self, &writer) == 0) {
            json = PyBytes_FromStringAndSize(buffer.data, (Py_ssize_t)buffer.len);
            values = Py_NewRef(Py_None);
            set = Py_NewRef(Py_None);
        }
        owu_buffer_free(&buffer);
    } else {
        json = Py_NewRef(Py_None);
        values = values_by_name(self);
        set = Model_get_fields_set(op, NULL);
    }
    dict = instance_dict(op);
    if (dict == NULL || PyDict_GET_SIZE(dict) == 0) {
        Py_XSETREF(dict, Py_NewRef(Py_None));
    }
    if (restore != NULL && json != NULL && values != NULL && set != NULL) {
        result = Py_BuildValue("(O(iOOO)O)", restore, PICKLE_FORMAT, json, values, set, dict);
    }
    Py_XDECREF(restore);
    Py_XDECREF(json);
    Py_XDECREF(values);
    Py_XDECREF(set);
    Py_XDECREF(dict);
    return result;
}

static PyObject *Model_restore(PyObject *cls, PyObject *args) {
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = class_of_type(type);
    PyObject *json, *values, *set;
    int format;
    if (klass == NULL || !PyArg_ParseTuple(args, "iOOO:_restore", &format, &json, &values, &set)) {
        return NULL;
    }
    if (format != PICKLE_FORMAT) {
        PyErr_Format(PyExc_ValueError,
                     "a pickle of %.100s has format %d; this version of openwebui_users reads %d",
                     type->tp_name, format, PICKLE_FORMAT);
        return NULL;
    }
    if (PyBytes_Check(json)) {
        PyObject *one = PyTuple_Pack(1, json);
        PyObject *result = one == NULL ? NULL : Model_model_validate_json(cls, one, NULL);
        Py_XDECREF(one);
        return result;
    }
    if (!PyDict_Check(values) || !PyAnySet_Check(set)) {
        PyErr_SetString(PyExc_ValueError, "a pickle of a model that this version cannot read");
        return NULL;
    }
    {
        PyObject *result = construct(klass, type, values, set);
        uint32_t i;
        for (i = 0; result != NULL && i < klass->model->n_fields; i++) {
            ModelObject *self = (ModelObject *)result;
            if (self->values == NULL || self->values[i] == NULL) {
                self->absent |= UINT64_C(1) << i; /* every other value is in the pickle */
            }
        }
        return result;
    }
}

static PyObject *Model_setstate(PyObject *op, PyObject *state) {
    if (state != Py_None) {
        PyObject *dict = instance_dict(op);
        const int failed = dict == NULL || PyDict_Update(dict, state) < 0;
        Py_XDECREF(dict);
        if (failed) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}

/* ---------------------------------------------------------------- what _describe answers */

static PyObject *describe_self(PyObject *op, const char *function) {
    return owu_describe(((ModelObject *)op)->klass->state, function, op);
}

static PyObject *Model_repr_html(PyObject *op, PyObject *unused) {
    (void)unused;
    return describe_self(op, "repr_html");
}

static PyObject *Model_rich_repr(PyObject *op, PyObject *unused) {
    (void)unused;
    return describe_self(op, "rich_repr");
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

static PyMethodDef Model_methods[] = {
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
     "The fields as a fresh dict; mode 'json' makes values that JSON can hold."},
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
    {"__rich_repr__", Model_rich_repr, METH_NOARGS, NULL},
    {"__get_pydantic_core_schema__", Model_core_schema, METH_VARARGS | METH_CLASS, NULL},
    {"__get_pydantic_json_schema__", Model_pydantic_json_schema, METH_VARARGS | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Model_getset[] = {
    {"model_fields_set", Model_get_fields_set, NULL,
     "Names of the fields that were given a value.", NULL},
    {"model_extra", Model_get_extra, NULL,
     "Unknown keys that this model keeps, or None where it carries them.", NULL},
    {"model_unknown", Model_get_unknown, NULL,
     "Unknown keys that are carried: not dumped, but sent back in a request body.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef Model_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ModelObject, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

PyDoc_STRVAR(Model_doc, "Common base of all models: what a server sends or takes.\n\n"
                        "Instances are made with keyword arguments, which are checked and coerced\n"
                        "as pydantic does; all errors are raised together as ValidationError.");

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
    if (klass->names == NULL || klass->keys == NULL || klass->getset == NULL ||
        klass->getset_names == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (i = 0; i < model->n_fields; i++) {
        klass->names[i] = PyUnicode_InternFromString(model->fields[i].python_name);
        klass->keys[i] = PyUnicode_InternFromString(model->fields[i].name);
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
        def->closure = (void *)(uintptr_t)i;
        if (add_descriptor(klass, def++) < 0) {
            return -1;
        }
        if (epoch_length != 0 && epoch_length < 64) {
            char *name = klass->getset_names + 64 * i;
            memcpy(name, field->python_name, epoch_length);
            def->name = name;
            def->get = epoch_get;
            def->doc = "The same moment as a datetime in UTC, or None.";
            def->closure = (void *)(uintptr_t)i;
            if (add_descriptor(klass, def++) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static PyObject *class_namespace(ModelClass *klass) {
    PyObject *namespace =
        Py_BuildValue("{s:s,s:s,s:()}", "__module__", "openwebui_users.models", "__doc__",
                      klass->model->doc, "__slots__");
    PyObject *capsule = PyCapsule_New(klass, capsule_name, NULL);
    PyObject *match = PyTuple_New((Py_ssize_t)klass->model->n_fields);
    uint32_t i;
    for (i = 0; match != NULL && i < klass->model->n_fields; i++) {
        PyTuple_SET_ITEM(match, (Py_ssize_t)i, Py_NewRef(klass->names[i]));
    }
    if (namespace == NULL || capsule == NULL || match == NULL ||
        PyDict_SetItem(namespace, klass->state->str_class_capsule, capsule) < 0 ||
        PyDict_SetItemString(namespace, "__match_args__", match) < 0) {
        Py_CLEAR(namespace);
    }
    Py_XDECREF(capsule);
    Py_XDECREF(match);
    return namespace;
}

static int make_class(PyObject *module, ModuleState *state, size_t index) {
    ModelClass *klass = &state->classes[index];
    PyObject *namespace = NULL, *base;
    int failed = -1;
    klass->state = state;
    klass->model = owu_models[index];
    if (intern_names(klass) < 0) {
        return -1;
    }
    base = klass->model->base == NULL
               ? (PyObject *)state->Model_Type
               : (PyObject *)owu_class_of(state, klass->model->base)->type;
    namespace = class_namespace(klass);
    if (namespace != NULL) {
        klass->type = (PyTypeObject *)PyObject_CallFunction((PyObject *)&PyType_Type, "s(O)O",
                                                            klass->model->name, base, namespace);
    }
    if (klass->type != NULL && add_fields(klass) == 0) {
        failed = PyModule_AddObjectRef(module, klass->model->name, (PyObject *)klass->type);
    }
    Py_XDECREF(namespace);
    return failed;
}

/* What is computed once a class, on the class: model_fields, __signature__ … */
static int add_class_attributes(ModuleState *state) {
    static const char *const names[][2] = {
        {"model_fields", "model_fields"},
        {"__signature__", "model_signature"},
        {"__dataclass_fields__", "dataclass_fields"},
    };
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *attribute = PyObject_CallFunction((PyObject *)state->ClassAttribute_Type, "s",
                                                    names[i][1]);
        const int failed = attribute == NULL ||
                           PyObject_SetAttrString((PyObject *)state->Model_Type, names[i][0],
                                                  attribute) < 0;
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
