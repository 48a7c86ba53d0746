/* py_response.c - RawResponse: an answer as it came, for with_raw_response and request(). */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct RawResponseObject {
    PyObject_HEAD
    ModuleState *state; /* borrowed: the type keeps the module */
    const owu_endpoint *endpoint;     /* static; NULL: of request() */
    PyObject *client;                 /* owned: the client that it came by */
    PyObject *method;                 /* owned str */
    PyObject *url;                    /* owned str, without query */
    PyObject *key; /* owned: as CallFacts has it; NULL */
    PyObject *content;                /* owned bytes, made when first read */
    PyObject *headers;                /* owned Headers, made when first read */
    owu_answer answer;                /* owned */
} RawResponseObject;

/* ---------------------------------------------------------------- parts */

static PyObject *RawResponse_get_content(PyObject *op, void *closure) {
    RawResponseObject *self = (RawResponseObject *)op;
    (void)closure;
    if (self->content == NULL) {
        self->content =
            PyBytes_FromStringAndSize(self->answer.body.data, (Py_ssize_t)self->answer.body.len);
    }
    return Py_XNewRef(self->content);
}

static PyObject *RawResponse_get_text(PyObject *op, void *closure) {
    RawResponseObject *self = (RawResponseObject *)op;
    (void)closure;
    if (self->answer.body.len == 0) {
        return PyUnicode_FromStringAndSize(NULL, 0);
    }
    return PyUnicode_DecodeUTF8(self->answer.body.data, (Py_ssize_t)self->answer.body.len,
                                "replace");
}

static PyObject *RawResponse_get_headers(PyObject *op, void *closure) {
    RawResponseObject *self = (RawResponseObject *)op;
    PyObject *class = NULL, *lines = NULL;
    (void)closure;
    if (self->headers == NULL && (class = owu_error_class(self->state, "Headers")) != NULL &&
        (lines = owu_answer_lines(&self->answer)) != NULL) {
        self->headers = PyObject_CallOneArg(class, lines);
    }
    Py_XDECREF(class);
    Py_XDECREF(lines);
    return Py_XNewRef(self->headers);
}

static PyObject *RawResponse_get_status_code(PyObject *op, void *closure) {
    (void)closure;
    return PyLong_FromLong(((RawResponseObject *)op)->answer.status);
}

static PyObject *RawResponse_get_elapsed(PyObject *op, void *closure) {
    (void)closure;
    return PyFloat_FromDouble(((RawResponseObject *)op)->answer.elapsed);
}

static PyObject *RawResponse_get_ok(PyObject *op, void *closure) {
    int status = ((RawResponseObject *)op)->answer.status;
    (void)closure;
    return PyBool_FromLong(status >= 200 && status < 300);
}

static PyGetSetDef RawResponse_getset[] = {
    {"status_code", RawResponse_get_status_code, NULL, "HTTP status.", NULL},
    {"ok", RawResponse_get_ok, NULL, "Whether the status is 200 to 299.", NULL},
    {"headers", RawResponse_get_headers, NULL, "Header lines, read by name in any case.", NULL},
    {"content", RawResponse_get_content, NULL, "The body as bytes, decompressed.", NULL},
    {"text", RawResponse_get_text, NULL, "The body as text; what is not UTF-8 is replaced.", NULL},
    {"elapsed", RawResponse_get_elapsed, NULL, "Seconds that the call took.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef RawResponse_members[] = {
    {"method", T_OBJECT_EX, offsetof(RawResponseObject, method), READONLY, "HTTP method."},
    {"url", T_OBJECT_EX, offsetof(RawResponseObject, url), READONLY,
     "URL of the request, without its query."},
    {NULL, 0, 0, 0, NULL},
};

/* ---------------------------------------------------------------- methods */

static PyObject *raise_as(RawResponseObject *self, const owu_error *err) {
    CallFacts facts = {((ClientObject *)self->client)->client,
                       self->endpoint,
                       PyUnicode_AsUTF8(self->method),
                       self->url,
                       self->key,
                       &self->answer};
    return owu_raise_call(self->state, err, &facts);
}

/* Refuse a redirect and a status of 400 and above, as a method of the client does. */
static int check_status(RawResponseObject *self) {
    int status = self->answer.status;
    owu_error err;
    if (status >= 200 && status < 300) {
        return 0;
    }
    if (status >= 400) {
        (void)owu_fail(&err, OWU_ESTATUS, "status %d", status);
    } else {
        (void)owu_fail(&err, OWU_EREDIRECT, "status %d: the server sends the request elsewhere",
                       status);
    }
    (void)raise_as(self, &err);
    return -1;
}

static PyObject *RawResponse_raise_for_status(PyObject *op, PyObject *unused) {
    (void)unused;
    return check_status((RawResponseObject *)op) < 0 ? NULL : Py_NewRef(op);
}

/* Does the body begin as a web page does? */
static bool is_page(const owu_answer *answer) {
    size_t i = 0;
    while (i < answer->body.len && strchr(" \t\r\n", answer->body.data[i]) != NULL) {
        i++;
    }
    return i < answer->body.len && answer->body.data[i] == '<';
}

/* An answer that cannot be read: a web page is named as such, whatever the reader said of it. */
static PyObject *raise_unreadable(RawResponseObject *self, owu_error *err) {
    if (err->code == OWU_EJSON && is_page(&self->answer)) {
        (void)owu_fail(err, OWU_ECONTENT_TYPE, "a web page came where JSON was expected");
    }
    return raise_as(self, err);
}

static PyObject *RawResponse_json(PyObject *op, PyObject *unused) {
    RawResponseObject *self = (RawResponseObject *)op;
    owu_error err;
    (void)unused;
    if (owu_json_walk(self->answer.body.data == NULL ? "" : self->answer.body.data,
                      self->answer.body.len, NULL, NULL, &err) != OWU_OK) {
        return raise_unreadable(self, &err);
    }
    return owu_json_to_python(self->state, self->answer.body.data, self->answer.body.len, false);
}

static PyObject *RawResponse_parse(PyObject *op, PyObject *unused) {
    RawResponseObject *self = (RawResponseObject *)op;
    owu_answer *answer = &self->answer;
    owu_error err;
    if (self->endpoint == NULL) {
        return RawResponse_json(op, unused);
    }
    if (check_status(self) < 0) {
        return NULL;
    }
    if (answer->document == NULL &&
        owu_answer_decode(answer, ((ClientObject *)self->client)->client, self->endpoint, &err) !=
            OWU_OK) {
        return raise_as(self, &err);
    }
    if (self->endpoint->answer.kind == OWU_BYTES) {
        return RawResponse_get_content(op, NULL);
    }
    return owu_value_to_python(self->state, &self->endpoint->answer,
                               owu_document_value(answer->document), answer->document, false);
}

static PyMethodDef RawResponse_methods[] = {
    {"json", RawResponse_json, METH_NOARGS,
     "json($self)\n--\n\nThe body as plain Python values, read strictly.\n\n"
     "Raises:\n    ResponseDecodeError: the body is not JSON.\n"
     "    UnexpectedContentTypeError: the body is a web page."},
    {"parse", RawResponse_parse, METH_NOARGS,
     "parse($self)\n--\n\nThe value that the client's method itself would have returned.\n\n"
     "For an answer to request() this is json(), because no model is known for it.\n\n"
     "Raises:\n    APIStatusError, RedirectError: as the method would have.\n"
     "    ResponseDecodeError, ResponseValidationError, UnexpectedContentTypeError: the\n"
     "        body does not fit."},
    {"raise_for_status", RawResponse_raise_for_status, METH_NOARGS,
     "raise_for_status($self)\n--\n\nThis answer, if its status is 200 to 299.\n\n"
     "Raises:\n    APIStatusError: the status is 400 or above.\n"
     "    RedirectError: the answer is a redirect."},
    {NULL, NULL, 0, NULL},
};

/* ---------------------------------------------------------------- type */

static PyObject *RawResponse_tp_repr(PyObject *op) {
    RawResponseObject *self = (RawResponseObject *)op;
    return PyUnicode_FromFormat("<RawResponse %d: %U %U, %zu bytes>", self->answer.status,
                                self->method, self->url, self->answer.body.len);
}

static int RawResponse_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    RawResponseObject *self = (RawResponseObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->client);
    Py_VISIT(self->method);
    Py_VISIT(self->url);
    Py_VISIT(self->key);
    Py_VISIT(self->content);
    Py_VISIT(self->headers);
    return 0;
}

static int RawResponse_tp_clear(PyObject *op) {
    /* what the methods rely on stays until the end; a cycle can only pass through headers */
    Py_CLEAR(((RawResponseObject *)op)->headers);
    return 0;
}

static void RawResponse_tp_dealloc(PyObject *op) {
    RawResponseObject *self = (RawResponseObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_CLEAR(self->client);
    Py_CLEAR(self->method);
    Py_CLEAR(self->url);
    Py_CLEAR(self->key);
    Py_CLEAR(self->content);
    Py_CLEAR(self->headers);
    owu_answer_free(&self->answer);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(RawResponse_doc,
             "An answer as the server sent it: status, header lines and body.\n\n"
             "The methods of `client.with_raw_response` and `client.request()` return it. They "
             "refuse no\nstatus; only `parse()` and `raise_for_status()` can refuse one.");

static PyType_Slot RawResponse_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)RawResponse_doc},
    {Py_tp_dealloc, SLOT(RawResponse_tp_dealloc)},
    {Py_tp_traverse, SLOT(RawResponse_tp_traverse)},
    {Py_tp_clear, SLOT(RawResponse_tp_clear)},
    {Py_tp_repr, SLOT(RawResponse_tp_repr)},
    {Py_tp_methods, RawResponse_methods},
    {Py_tp_members, RawResponse_members},
    {Py_tp_getset, RawResponse_getset},
    {0, NULL},
};

static PyType_Spec RawResponse_spec = {
    .name = "openwebui_users.RawResponse",
    .basicsize = sizeof(RawResponseObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = RawResponse_slots,
};

int owu_response_init(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &RawResponse_spec, NULL);
    int failed = type == NULL ? -1 : PyModule_AddObjectRef(module, "RawResponse", type);
    Py_XDECREF(type);
    return failed;
}

/* The class, which the module alone keeps. */
static PyTypeObject *response_type(ModuleState *state) {
    PyObject *module = PyType_GetModule(state->Client_Type);
    PyObject *type = module == NULL ? NULL : PyObject_GetAttrString(module, "RawResponse");
    if (type != NULL &&
        (!PyType_Check(type) || ((PyTypeObject *)type)->tp_dealloc != RawResponse_tp_dealloc)) {
        PyErr_SetString(PyExc_TypeError, "openwebui_users._core.RawResponse was replaced");
        Py_CLEAR(type);
    }
    return (PyTypeObject *)type;
}

/* The client's own key as it is now, which is to be masked later: *out is NULL where there is none. */
static int key_of(const ClientObject *client, PyObject **out) {
    owu_buffer key = {0};
    int failed = 0;
    *out = NULL;
    if (owu_client_key(client->client, &key) != OWU_OK) {
        PyErr_NoMemory();
        failed = -1;
    } else if (key.len > 0) {
        *out = PyUnicode_DecodeUTF8(key.data, (Py_ssize_t)key.len, "replace");
        failed = *out == NULL ? -1 : 0;
    }
    if (key.data != NULL) {
        memset(key.data, 0, key.len);
    }
    owu_buffer_free(&key);
    return failed;
}

PyObject *RawResponse_new(ModuleState *state, ClientObject *client, const owu_endpoint *endpoint,
                          const char *method, PyObject *url, PyObject *key, owu_answer *answer) {
    PyTypeObject *type = response_type(state);
    RawResponseObject *self = NULL;
    PyObject *sent = Py_XNewRef(key);
    if (type != NULL && (sent != NULL || key_of(client, &sent) == 0)) {
        self = PyObject_GC_New(RawResponseObject, type);
    }
    Py_XDECREF(type); /* the object holds it from here on */
    if (self == NULL) {
        Py_XDECREF(sent);
        owu_answer_free(answer);
        memset(answer, 0, sizeof *answer);
        return NULL;
    }
    self->state = state;
    self->endpoint = endpoint;
    self->client = Py_NewRef((PyObject *)client);
    self->url = Py_NewRef(url);
    self->key = sent;
    self->content = NULL;
    self->headers = NULL;
    self->answer = *answer;
    memset(answer, 0, sizeof *answer);
    self->method = PyUnicode_FromString(method);
    PyObject_GC_Track(self);
    if (self->method == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}
