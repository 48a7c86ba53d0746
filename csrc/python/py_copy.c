/* py_copy.c - copies and pickles of model objects. */
#include "pyowu.h"

#include <string.h>

enum { PICKLE_FORMAT = 1 };

/* ---------------------------------------------------------------- copies */

/* The __dict__ that a Python subclass may have: *out is NULL when there is none. */
static int instance_dict(PyObject *op, PyObject **out) {
    *out = NULL;
    if (Py_TYPE(op)->tp_dictoffset != 0
#if PY_VERSION_HEX >= 0x030B0000
        || PyType_HasFeature(Py_TYPE(op), Py_TPFLAGS_MANAGED_DICT)
#endif
    ) {
        *out = PyObject_GetAttrString(op, "__dict__");
        return *out == NULL ? owu_clear_error() : 0;
    }
    return 0;
}

static int copy_instance_dict(PyObject *from, PyObject *to, PyObject *deepcopy, PyObject *memo) {
    PyObject *dict, *copied = NULL, *target = NULL;
    int failed = instance_dict(from, &dict);
    if (dict != NULL && PyDict_GET_SIZE(dict) != 0) {
        copied = deepcopy == NULL ? PyDict_Copy(dict)
                                  : PyObject_CallFunctionObjArgs(deepcopy, dict, memo, NULL);
        failed = copied == NULL || instance_dict(to, &target) < 0 ? -1 : 0;
        if (failed == 0 && target != NULL) {
            failed = PyDict_Update(target, copied);
        }
        Py_XDECREF(copied);
        Py_XDECREF(target);
    }
    Py_XDECREF(dict);
    return failed;
}

/* Let copy.deepcopy find the copy of an object that it meets again. */
static int memoise(PyObject *memo, ModelObject *self, ModelObject *copy) {
    PyObject *key = PyLong_FromVoidPtr(self);
    int failed = key == NULL ? -1 : PyObject_SetItem(memo, key, (PyObject *)copy);
    Py_XDECREF(key);
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
    if (deepcopy != NULL && memoise(memo, self, copy) < 0) { /* before what may lead back here */
        Py_DECREF(copy);
        return NULL;
    }
    for (i = 0; i <= self->klass->model->n_fields; i++) {
        const bool last = i == self->klass->model->n_fields;
        /* copying runs code that may take the values away */
        PyObject *value = last ? self->extra : self->values == NULL ? NULL : self->values[i];
        PyObject *copied = NULL;
        if (value == NULL) {
            continue;
        }
        Py_INCREF(value);
        copied = deepcopy != NULL ? PyObject_CallFunctionObjArgs(deepcopy, value, memo, NULL)
                 : last           ? PyDict_Copy(value)
                                  : Py_NewRef(value);
        Py_DECREF(value);
        if (copied == NULL) {
            Py_DECREF(copy);
            return NULL;
        }
        if (last) {
            copy->extra = copied;
        } else {
            copy->values[i] = copied;
            copy->containers |= UINT64_C(1) << i;
        }
    }
    if (copy_instance_dict((PyObject *)self, (PyObject *)copy, deepcopy, memo) < 0) {
        Py_CLEAR(copy);
    }
    return (PyObject *)copy;
}

PyObject *Model_copy(PyObject *op, PyObject *unused) {
    (void)unused;
    return copy_model((ModelObject *)op, NULL, NULL);
}

static PyObject *deep_copy(PyObject *op, PyObject *memo) {
    PyObject *module = PyImport_ImportModule("copy");
    PyObject *deepcopy = module == NULL ? NULL : PyObject_GetAttrString(module, "deepcopy");
    PyObject *result = NULL;
    if (deepcopy != NULL) {
        result = copy_model((ModelObject *)op, deepcopy, memo);
    }
    Py_XDECREF(module);
    Py_XDECREF(deepcopy);
    return result;
}

PyObject *Model_deepcopy(PyObject *op, PyObject *memo) {
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
        index = ModelClass_field(self->klass, key);
        index = index >= 0 ? index : ModelClass_key(self->klass, key);
        if (index >= 0) {
            if (Model_put(self, (uint32_t)index, Py_NewRef(value)) < 0) {
                return -1;
            }
            self->set |= UINT64_C(1) << index;
        } else {
            PyObject *extra = Model_extra(self);
            const int failed = extra == NULL ? -1 : PyDict_SetItem(extra, key, value);
            Py_XDECREF(extra);
            if (failed < 0) {
                return -1;
            }
        }
    }
    return 0;
}

PyObject *Model_model_copy(PyObject *op, PyObject *args, PyObject *kwargs) {
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

PyObject *Model_replace(PyObject *op, PyObject *args, PyObject *kwargs) {
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
    PyObject *dict = PyDict_New(), *extra;
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
    extra = dict == NULL ? NULL : Model_extra(self);
    if (extra == NULL || PyDict_Merge(dict, extra, 0) < 0) {
        Py_CLEAR(dict);
    }
    Py_XDECREF(extra);
    return dict;
}

/*
 * (restore, (class, format, JSON, values, set names), __dict__ or None). An object that nobody
 * touched travels as its JSON; any other as its values, so that nothing assigned to it is lost.
 */
PyObject *Model_reduce(PyObject *op, PyObject *unused) {
    ModelObject *self = (ModelObject *)op;
    PyObject *restore = PyObject_GetAttrString((PyObject *)Py_TYPE(op), "_restore");
    PyObject *json = NULL, *values = NULL, *set = NULL, *dict = NULL, *result = NULL;
    owu_buffer buffer = {0};
    owu_writer writer;

    (void)unused;
    if (restore == NULL || instance_dict(op, &dict) < 0) {
        goto done;
    }
    if (dict == NULL || PyDict_GET_SIZE(dict) == 0) {
        Py_XSETREF(dict, Py_NewRef(Py_None));
    }
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
    if (json != NULL && values != NULL && set != NULL) {
        result = Py_BuildValue("(O(iOOO)O)", restore, PICKLE_FORMAT, json, values, set, dict);
    }
done:
    Py_XDECREF(restore);
    Py_XDECREF(json);
    Py_XDECREF(values);
    Py_XDECREF(set);
    Py_XDECREF(dict);
    return result;
}

PyObject *Model_restore(PyObject *cls, PyObject *args) {
    PyTypeObject *type = (PyTypeObject *)cls;
    ModelClass *klass = ModelClass_of_type(type);
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
        PyObject *result = Model_construct(klass, type, values, set);
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

PyObject *Model_setstate(PyObject *op, PyObject *state) {
    if (state != Py_None) {
        PyObject *dict;
        const int failed =
            instance_dict(op, &dict) < 0 || dict == NULL || PyDict_Update(dict, state) < 0;
        if (dict == NULL && !PyErr_Occurred()) {
            PyErr_Format(PyExc_TypeError, "a %.100s has no attributes besides its fields",
                         Py_TYPE(op)->tp_name);
        }
        Py_XDECREF(dict);
        if (failed) {
            return NULL;
        }
    }
    Py_RETURN_NONE;
}
