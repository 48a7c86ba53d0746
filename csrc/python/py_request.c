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
    PyErr_Clear();
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
    if (!owu_is_mapping(params)) {
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

/* Send, wait and wrap the answer. */
static PyObject *send_request(ClientObject *self, ModuleState *state, const char *method,
                              const owu_buffer *target, const owu_buffer *body) {
    ClientOptions options;
    Blocking blocking;
    owu_answer answer;
    owu_error err;
    owu_status status;
    PyObject *url = NULL, *result = NULL;
    CallFacts facts = {self->client, NULL, method, NULL, NULL, &answer};
    memset(&answer, 0, sizeof answer);
    if (Client_options(self, &options) < 0) {
        ClientOptions_clear(&options);
        return NULL;
    }
    options.options.raw = true;
    facts.key = options.key;
    Client_mark_used(self);
    if (Blocking_begin(&blocking, state, self, &options.options) < 0) {
        goto done;
    }
    status = owu_client_request(self->client, method, target->data, target->len,
                                body->len == 0 ? NULL : body->data, body->len, &options.options,
                                &answer, &err);
    Blocking_end(&blocking);
    if (PyErr_Occurred()) {
        goto done; /* a signal handler raised while the call waited */
    }
    url = Client_url(self, target->data, target->len);
    if (url == NULL) {
        goto done;
    }
    facts.url = url;
    result = status == OWU_OK
                 ? RawResponse_new(state, self, NULL, method, url, options.key, &answer)
                 : owu_raise_call(state, &err, &facts);
done:
    Py_XDECREF(url);
    owu_answer_free(&answer);
    ClientOptions_clear(&options);
    return result;
}

PyObject *Client_request(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"method", "path", "params", "json", NULL};
    ClientObject *self = (ClientObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    PyObject *method_text, *path, *params = Py_None, *json = Py_None, *result = NULL;
    owu_buffer target = {NULL, 0, 0, OWU_MAX_URL, OWU_OK}, body = {NULL, 0, 0, 0, OWU_OK};
    owu_writer writer;
    const char *method;
    if (state == NULL || Client_check(self) < 0 ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "UU|$OO:request", names, &method_text, &path,
                                     &params, &json) ||
        (method = method_of(method_text)) == NULL) {
        return NULL;
    }
    owu_writer_init(&writer, &body, -1);
    if (build_target(state, &target, path, params) == 0 &&
        (json == Py_None || owu_write_python(state, &writer, json, NULL) == 0)) {
        result = send_request(self, state, method, &target, &body);
    }
    if (body.data != NULL) {
        memset(body.data, 0, body.len); /* it may hold a password */
    }
    owu_buffer_free(&target);
    owu_buffer_free(&body);
    return result;
}

PyObject *Client_get_version(PyObject *op, PyObject *unused) {
    static const char route[] = "/api/version";
    ClientObject *self = (ClientObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    ClientOptions options;
    Blocking blocking;
    owu_answer answer; /* only says how often it was asked */
    CallFacts facts = {self->client, NULL, "GET", NULL, NULL, &answer};
    PyObject *url = NULL, *result = NULL;
    char version[32];
    owu_error err;
    owu_status status;
    (void)unused;
    memset(&options, 0, sizeof options);
    memset(&answer, 0, sizeof answer);
    if (state == NULL || Client_options(self, &options) < 0) {
        goto done;
    }
    facts.key = options.key;
    Client_mark_used(self);
    if (Blocking_begin(&blocking, state, self, &options.options) < 0) {
        goto done;
    }
    status = owu_client_version(self->client, version, &options.options, &answer.retries, &err);
    Blocking_end(&blocking);
    if (PyErr_Occurred()) {
        goto done;
    }
    if (status == OWU_OK) {
        result = PyUnicode_DecodeUTF8(version, (Py_ssize_t)strlen(version), "replace");
        goto done;
    }
    url = Client_url(self, route, sizeof route - 1);
    if (url != NULL) {
        facts.url = url;
        (void)owu_raise_call(state, &err, &facts);
    }
done:
    Py_XDECREF(url);
    ClientOptions_clear(&options);
    return result;
}
