/* py_json.c - JSON texts without a schema that are merged and compared: _core.json_merge() and so on. */
#include "pyowu.h"

typedef struct JsonText {
    const char *text; /* borrowed from the argument */
    Py_ssize_t len;
} JsonText;

/* The two arguments of a function, each str or bytes. */
static int take_texts(const char *function, PyObject *const *args, Py_ssize_t nargs,
                      JsonText out[2]) {
    if (nargs != 2) {
        PyErr_Format(PyExc_TypeError, "%s() takes 2 JSON texts, %zd arguments were given", function,
                     nargs);
        return -1;
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        if (PyBytes_Check(args[i])) {
            out[i].text = PyBytes_AS_STRING(args[i]);
            out[i].len = PyBytes_GET_SIZE(args[i]);
        } else if (PyUnicode_Check(args[i])) {
            out[i].text = PyUnicode_AsUTF8AndSize(args[i], &out[i].len);
            if (out[i].text == NULL) {
                return -1;
            }
        } else {
            PyErr_Format(PyExc_TypeError, "%s() takes JSON as str or bytes, not %.100s", function,
                         Py_TYPE(args[i])->tp_name);
            return -1;
        }
    }
    return 0;
}

static PyObject *fail(PyObject *module, const owu_error *err) {
    ModuleState *state = PyModule_GetState(module);
    if (err->code == OWU_EJSON || err->code == OWU_EVALUE || err->code == OWU_ELIMIT) {
        PyErr_SetString(PyExc_ValueError, err->message);
        return NULL;
    }
    return owu_raise_error(state, err);
}

typedef owu_status (*Combine)(owu_buffer *out, const char *a, size_t a_len, const char *b,
                              size_t b_len, owu_error *err);

static PyObject *combined(PyObject *module, const char *function, Combine combine,
                          PyObject *const *args, Py_ssize_t nargs) {
    JsonText texts[2];
    owu_buffer out = {0};
    owu_error err;
    PyObject *result;
    if (take_texts(function, args, nargs, texts) < 0) {
        return NULL;
    }
    if (combine(&out, texts[0].text, (size_t)texts[0].len, texts[1].text, (size_t)texts[1].len,
                &err) != OWU_OK) {
        result = fail(module, &err);
    } else {
        result = PyBytes_FromStringAndSize(out.data, (Py_ssize_t)out.len);
    }
    owu_buffer_free(&out);
    return result;
}

PyObject *owu_json_merge_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    return combined(module, "json_merge", owu_json_merge, args, nargs);
}

PyObject *owu_json_diff_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    return combined(module, "json_diff", owu_json_diff, args, nargs);
}

PyObject *owu_json_equal_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs) {
    JsonText texts[2];
    bool equal = false;
    owu_error err;
    if (take_texts("json_equal", args, nargs, texts) < 0) {
        return NULL;
    }
    return owu_json_equal(&equal, texts[0].text, (size_t)texts[0].len, texts[1].text,
                          (size_t)texts[1].len, &err) != OWU_OK
               ? fail(module, &err)
               : PyBool_FromLong(equal);
}
