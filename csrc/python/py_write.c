/* py_write.c - any Python value as JSON text. */
#include "pyowu.h"

#include <datetime.h>
#include <math.h>
#include <string.h>

typedef struct JsonWriter {
    ModuleState *state;
    owu_writer *out;
    const DumpOptions *options; /* borrowed: what holds for models; NULL: none were given */
    int depth;
} JsonWriter;

static int write_value(JsonWriter *w, PyObject *value, const Path *path);

int owu_check_buffer(ModuleState *state, const owu_buffer *buffer, const Path *path) {
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
    PyObject *items = owu_list_of(sequence);
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
        const Py_ssize_t is_utc =
            zone == NULL || z == NULL ? -1 : PyUnicode_Tailmatch(text, zone, 0, PY_SSIZE_T_MAX, 1);
        if (is_utc != 0) {
            Py_SETREF(text, is_utc < 0 ? NULL : PyUnicode_Replace(text, zone, z, 1));
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
        const int is_one = owu_is_instance_of(value, known[i].module, known[i].name);
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
    return owu_raise_serialization(w->state, path, "JSON cannot hold a value of type %.100s",
                                   Py_TYPE(value)->tp_name);
}

static int write_container_or_other(JsonWriter *w, PyObject *value, const Path *path) {
    if (Model_check(w->state, value)) {
        return Model_write_dump(value, w->options, w->out, path);
    }
    if (PyDict_Check(value)) {
        return write_dict(w, value, path);
    }
    if (PyList_Check(value) || PyTuple_Check(value) || PyAnySet_Check(value)) {
        return write_sequence(w, value, path);
    }
    if (PyDateTimeAPI == NULL && /* not before a value asks for it: see py_convert.c */
        (PyDateTimeAPI = owu_datetime_api()) == NULL) {
        return -1;
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
        failed = owu_raise_too_deep(w->state, path);
    } else {
        w->depth++;
        failed = write_container_or_other(w, value, path);
        w->depth--;
    }
    return failed;
}

int owu_write_python_key(ModuleState *state, owu_writer *writer, PyObject *dict, PyObject *key,
                         const Path *path) {
    JsonWriter w = {state, writer, NULL, 0};
    PyObject *text = key_text(&w, key, path);
    const Path step = {path, text, 0};
    const int failed = text == NULL || check_key_is_one(&w, dict, key, text, &step) < 0
                           ? -1
                           : write_str(&w, text, &step, true);
    Py_XDECREF(text);
    return failed;
}

int owu_write_python(ModuleState *state, owu_writer *writer, PyObject *value,
                     const DumpOptions *options, const Path *path) {
    JsonWriter w = {state, writer, options, Path_depth(path)};
    if (write_value(&w, value, path) < 0) {
        return -1;
    }
    return owu_check_buffer(state, writer->buffer, path);
}

PyObject *owu_python_to_plain(ModuleState *state, PyObject *value, const DumpOptions *options,
                              const Path *path) {
    owu_buffer buffer = {0};
    owu_writer writer;
    PyObject *result = NULL;
    owu_writer_init(&writer, &buffer, -1);
    if (owu_write_python(state, &writer, value, options, path) == 0) {
        result = owu_json_to_python(state, buffer.data, buffer.len, true); /* whose, is not known */
    }
    owu_buffer_free(&buffer);
    return result;
}
