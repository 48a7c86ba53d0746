/* py_validate.c - making model objects: from keywords, mappings, attributes, JSON text. */
#include "pyowu.h"

#include <string.h>

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
    FaultList *faults; /* NULL: nothing is checked */
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
    PyObject *key, *value, *extra;
    Py_ssize_t position = 0;
    int failed;
    while (PyDict_Next(f->input, &position, &key, &value)) {
        const bool is_text = PyUnicode_Check(key);
        if (!is_text && f->faults != NULL) {
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
        if (is_text && (ModelClass_key(klass, key) >= 0 || ModelClass_field(klass, key) >= 0)) {
            continue;
        }
        extra = Model_extra(f->self);
        failed = extra == NULL ? -1 : PyDict_SetItem(extra, key, value);
        Py_XDECREF(extra);
        if (failed < 0) {
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
    const int has_keys = PyDict_Check(mapping) ? 1 : owu_has_attribute(mapping, "keys");
    const bool attributes = has_keys == 0;
    ModelObject *self = has_keys < 0 ? NULL : Model_alloc(klass, type);
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

int Model_tp_init(PyObject *op, PyObject *args, PyObject *kwargs) {
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
    Model_clear_values(self); /* __init__ may be called again */
    owu_document_unref(self->document);
    self->document = NULL;
    self->record = NULL;
    self->set = self->absent = self->edited = 0;
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

/* Set a flag where the value of its argument is true. */
static int add_flag(PyObject *value, unsigned flag, unsigned *flags) {
    const int is_true = PyObject_IsTrue(value);
    if (is_true > 0) {
        *flags |= flag;
    }
    return is_true < 0 ? -1 : 0;
}

PyObject *Model_model_validate(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"obj", "strict", "from_attributes", NULL};
    PyTypeObject *type = (PyTypeObject *)cls;
    PyObject *in, *strict = Py_None, *attributes = Py_None, *made = NULL;
    ModelClass *klass = ModelClass_of_type(type);
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
    if (add_flag(strict, CONVERT_STRICT, &flags) < 0 ||
        add_flag(attributes, CONVERT_FROM_ATTRIBUTES, &flags) < 0) {
        return NULL;
    }
    if ((flags & CONVERT_FROM_ATTRIBUTES) != 0 && !PyUnicode_Check(in) && !PyBytes_Check(in) &&
        !PyNumber_Check(in) && !PySequence_Check(in) && in != Py_None) {
        result = Model_from_mapping(klass, type, in, flags, NULL, &faults, &made);
    } else if (!Model_check(klass->state, in) && (result = owu_is_mapping(in)) != 0) {
        result = result < 0 ? -1 : Model_from_mapping(klass, type, in, flags, NULL, &faults, &made);
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

PyObject *Model_model_validate_json(PyObject *cls, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"json_data", "strict", NULL};
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = ModelClass_of_type(type);
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
    unsigned flags = 0;

    if (klass == NULL || !PyArg_ParseTupleAndKeywords(args, kwargs, "O|$O:model_validate_json",
                                                      names, &in, &strict)) {
        return NULL;
    }
    if (add_flag(strict, OWU_READ_STRICT, &flags) < 0) {
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
    Py_BEGIN_ALLOW_THREADS
    status = owu_document_read(&document, &wanted, text, len, flags, &faults, &err);
    Py_END_ALLOW_THREADS
    if (status == OWU_OK) {
        made = model_of_document(klass, type, document);
    } else if (status == OWU_EJSON) {
        (void)owu_raise_json_invalid(klass->state, type->tp_name, &err, in);
    } else if (status == OWU_ESCHEMA) {
        FaultList list = {owu_faults_to_list(klass->state, &faults), true};
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
PyObject *Model_construct(ModelClass *klass, PyTypeObject *type, PyObject *values,
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
        Filling f = {self, values, values, false, 0, NULL, NULL, true};
        if (fill_extra(&f) < 0) {
            Py_CLEAR(self);
        }
    }
    return (PyObject *)self;
}

PyObject *Model_model_construct(PyObject *cls, PyObject *args, PyObject *kwargs) {
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = ModelClass_of_type(type);
    PyObject *fields_set = Py_None, *values, *result = NULL, *given;
    if (klass == NULL || !PyArg_ParseTuple(args, "|O:model_construct", &fields_set)) {
        return NULL;
    }
    values = kwargs == NULL ? PyDict_New() : PyDict_Copy(kwargs);
    if (values == NULL) {
        return NULL;
    }
    given = owu_dict_item(values, "_fields_set");
    fields_set = given != NULL ? given : fields_set;
    Py_INCREF(fields_set);
    if (given == NULL ? !PyErr_Occurred() : PyDict_DelItemString(values, "_fields_set") == 0) {
        result = Model_construct(klass, type, values, fields_set);
    }
    Py_DECREF(fields_set);
    Py_DECREF(values);
    return result;
}
