/* py_request.c - requests without a model: any route, and the version of the server. */
#include "pyowu.h"

#include <string.h>

static const char *const http_methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

/* The method as the static text of the table, whatever its case; NULL with an exception. */
static const char *method_of(PyObject *value) {
    const char *text = PyUnicode_AsUTF8(value);
    for (size_t i = 0; text != NULL && i < sizeof http_methods / sizeof *http_methods; i++) {
        if (PyOS_stricmp(text, http_methods[i]) == 0) {
            return http_methods[i];
        }
    }
    if (owu_clear_error() < 0) {
        return NULL;
    }
    PyErr_SetString(PyExc_ValueError, "method must be GET, POST, PUT, PATCH or DELETE");
    return NULL;
}

/* A value of a query as text: bool as the server reads it; new reference. */
static PyObject *query_text(PyObject *value) {
    if (PyUnicode_Check(value)) {
        return Py_NewRef(value);
    }
    if (PyBool_Check(value)) {
        return PyUnicode_FromString(value == Py_True ? "true" : "false");
    }
    if (PyLong_Check(value) || PyFloat_Check(value)) {
        return PyObject_Str(value);
    }
    PyErr_Format(PyExc_TypeError,
                 "a value of params must be str, int, float, bool or None, not "
                 "%.100s",
                 Py_TYPE(value)->tp_name);
    return NULL;
}

/* Append name=value behind the target. */
static int append_query(ModuleState *state, owu_buffer *target, PyObject *name, PyObject *value) {
    PyObject *text;
    Py_ssize_t name_len = 0, len = 0;
    const char *name_utf8, *utf8;
    bool first = target->len == 0 || memchr(target->data, '?', target->len) == NULL;
    owu_error err;
    int failed = -1;
    if (value == Py_None) {
        return 0;
    }
    if (!PyUnicode_Check(name)) {
        PyErr_SetString(PyExc_TypeError, "a name in params must be str");
        return -1;
    }
    text = query_text(value);
    name_utf8 = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(name, &name_len);
    utf8 = name_utf8 == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, &len);
    if (utf8 == NULL) {
        goto done; /* lone surrogates: UnicodeEncodeError is a ValueError */
    }
    if ((Py_ssize_t)strlen(name_utf8) != name_len) {
        PyErr_SetString(PyExc_ValueError, "a name in params holds NUL");
    } else if (owu_url_query(target, first, name_utf8, utf8, (size_t)len, &err) != OWU_OK) {
        (void)owu_raise_error(state, &err);
    } else {
        failed = 0;
    }
done:
    Py_XDECREF(text);
    return failed;
}

static int append_params(ModuleState *state, owu_buffer *target, PyObject *params) {
    PyObject *items;
    int failed = 0;
    const int is_mapping = owu_is_mapping(params);
    if (is_mapping < 0) {
        return -1;
    }
    if (!is_mapping) {
        PyErr_Format(PyExc_TypeError, "params must be a mapping, not %.100s",
                     Py_TYPE(params)->tp_name);
        return -1;
    }
    items = PyMapping_Items(params);
    for (Py_ssize_t i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = PyList_GET_ITEM(items, i), *value;
        if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
            PyErr_SetString(PyExc_TypeError, "params must hold pairs of name and value");
            failed = -1;
            break;
        }
        value = PyTuple_GET_ITEM(item, 1);
        if (!PyList_Check(value) && !PyTuple_Check(value)) {
            failed = append_query(state, target, PyTuple_GET_ITEM(item, 0), value);
            continue;
        }
        for (Py_ssize_t j = 0; failed == 0 && j < PySequence_Fast_GET_SIZE(value); j++) {
            failed = append_query(state, target, PyTuple_GET_ITEM(item, 0),
                                  PySequence_Fast_GET_ITEM(value, j));
        }
    }
    failed = items == NULL ? -1 : failed;
    Py_XDECREF(items);
    return failed;
}

/* Path and query of request(), checked: whatever it says, it stays below the base URL. */
static int build_target(ModuleState *state, owu_buffer *target, PyObject *path, PyObject *params) {
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(path, &len);
    owu_error err;
    if (text == NULL) {
        return -1;
    }
    if (owu_url_target_check(text, (size_t)len, &err) != OWU_OK) {
        (void)owu_raise_error(state, &err);
        return -1;
    }
    if (owu_buffer_append(target, text, (size_t)len) != OWU_OK) {
        PyErr_NoMemory();
        return -1;
    }
    return params == Py_None ? 0 : append_params(state, target, params);
}

int Call_prepare_request(Call *call, PyObject *method, PyObject *path, PyObject *params,
                         PyObject *json) {
    owu_writer writer;
    call->kind = CALL_REQUEST;
    call->target.limit = OWU_MAX_URL;
    call->method = method_of(method);
    if (call->method == NULL || build_target(call->state, &call->target, path, params) < 0) {
        return -1;
    }
    owu_writer_init(&writer, &call->body, -1);
    return json == Py_None ? 0 : owu_write_python(call->state, &writer, json, NULL, NULL);
}

PyObject *Client_request(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"method", "path", "params", "json", NULL};
    PyObject *method, *path, *params = Py_None, *json = Py_None, *result = NULL;
    Call call;
    memset(&call, 0, sizeof call);
    call.state = owu_state_of_type(Py_TYPE(op));
    call.client = (ClientObject *)op;
    if (call.state == NULL || Client_check(call.client) < 0 ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "UU|$OO:request", names, &method, &path, &params,
                                     &json)) {
        return NULL;
    }
    if (Call_prepare_request(&call, method, path, params, json) == 0) {
        result = Call_block(&call);
    }
    Call_clear(&call);
    return result;
}

PyObject *Client_get_version(PyObject *op, PyObject *unused) {
    PyObject *result = NULL;
    Call call;
    (void)unused;
    memset(&call, 0, sizeof call);
    call.kind = CALL_VERSION;
    call.state = owu_state_of_type(Py_TYPE(op));
    call.client = (ClientObject *)op;
    if (call.state != NULL) {
        result = Call_block(&call);
    }
    Call_clear(&call);
    return result;
}
