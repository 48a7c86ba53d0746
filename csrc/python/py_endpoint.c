/* py_endpoint.c - the methods of the clients: one descriptor a row of the table of calls. */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

typedef struct EndpointMethodObject {
    PyObject_HEAD
    const owu_endpoint *endpoint; /* static */
    ModuleState *state;                         /* borrowed: the type keeps the module */
    PyTypeObject *owner;                        /* owned: class of clients that it belongs to */
    bool is_async;                              /* returns a coroutine */
    PyObject *name;                             /* owned: interned */
    PyObject *signature; /* owned: made when first asked for; NULL until then */
    vectorcallfunc vectorcall;
} EndpointMethodObject;

/* ---------------------------------------------------------------- calling */

static int check_self(const EndpointMethodObject *self, PyObject *client) {
    if (client != NULL && PyObject_TypeCheck(client, self->owner)) {
        return 0;
    }
    PyErr_Format(PyExc_TypeError, "method '%s' needs a %.200s as first argument%s%.100s",
                 self->endpoint->name, self->owner->tp_name, client == NULL ? "" : ", not ",
                 client == NULL ? "" : Py_TYPE(client)->tp_name);
    return -1;
}

static PyObject *EndpointMethod_vectorcall(PyObject *op, PyObject *const *args, size_t nargsf,
                                           PyObject *kwnames) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    PyObject *result = NULL;
    Call call;
    if (check_self(self, nargs == 0 ? NULL : args[0]) < 0) {
        return NULL;
    }
    memset(&call, 0, sizeof call);
    call.state = self->state;
    call.client = (ClientObject *)args[0];
    call.endpoint = self->endpoint;
    if (Call_bind(&call, args + 1, nargs - 1, kwnames) < 0) {
        Call_clear(&call);
        return NULL;
    }
    if (self->is_async) {
        return owu_async_call(&call);
    }
    if (Call_convert(&call) == 0) {
        result = Call_block(&call);
    }
    Call_clear(&call);
    return result;
}

/* Keywords as vectorcall has them: values behind args in *all, which is owned, names in a tuple. */
static int spread(PyObject *args, PyObject *kwargs, PyObject ***all, PyObject **names) {
    const Py_ssize_t n_args = PyTuple_GET_SIZE(args), n = n_args + PyDict_GET_SIZE(kwargs);
    PyObject *name, *value;
    Py_ssize_t position = 0, i = n_args;
    *all = PyMem_Calloc((size_t)n + 1, sizeof **all);
    *names = *all == NULL ? NULL : PyTuple_New(n - n_args);
    if (*names == NULL) {
        PyMem_Free(*all);
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t j = 0; j < n_args; j++) {
        (*all)[j] = PyTuple_GET_ITEM(args, j);
    }
    while (i < n && PyDict_Next(kwargs, &position, &name, &value)) {
        if (!PyUnicode_Check(name)) {
            PyErr_SetString(PyExc_TypeError, "keywords must be strings");
            PyMem_Free(*all);
            Py_CLEAR(*names);
            return -1;
        }
        (*all)[i] = value;
        PyTuple_SET_ITEM(*names, i - n_args, Py_NewRef(name));
        i++;
    }
    return 0;
}

ClientObject *EndpointMethod_client(ModuleState *state, PyObject *method) {
    PyObject *function = PyMethod_Check(method) ? PyMethod_GET_FUNCTION(method) : NULL;
    if (function == NULL || !Py_IS_TYPE(function, state->EndpointMethod_Type)) {
        PyErr_Format(PyExc_TypeError,
                     "a method of a client that stands for one call of the server is needed, for "
                     "instance client.get_user_by_id, not %R",
                     method);
        return NULL;
    }
    if (check_self((EndpointMethodObject *)function, PyMethod_GET_SELF(method)) < 0 ||
        Client_check((ClientObject *)PyMethod_GET_SELF(method)) < 0) {
        return NULL;
    }
    return (ClientObject *)PyMethod_GET_SELF(method);
}

int EndpointMethod_prepare(PyObject *method, PyObject *args, PyObject *kwargs, Call *call) {
    PyObject **all, *names;
    int failed;
    call->client = EndpointMethod_client(call->state, method);
    if (call->client == NULL || spread(args, kwargs, &all, &names) < 0) {
        return -1;
    }
    call->endpoint = ((EndpointMethodObject *)PyMethod_GET_FUNCTION(method))->endpoint;
    failed = Call_bind(call, all, PyTuple_GET_SIZE(args), names);
    PyMem_Free(all);
    Py_DECREF(names);
    return failed;
}

/* ---------------------------------------------------------------- documentation */

/* A sentence of "Raises:" and the calls it holds for. */
typedef struct RaisesLine {
    bool (*holds)(const owu_endpoint *endpoint);
    const char *text;
} RaisesLine;

static bool has_place(const owu_endpoint *endpoint, owu_place place) {
    for (uint32_t i = 0; i < endpoint->n_params; i++) {
        if (endpoint->params[i].place == place) {
            return true;
        }
    }
    return false;
}

static bool has_path_argument(const owu_endpoint *endpoint) {
    return has_place(endpoint, OWU_IN_PATH);
}

static bool has_body(const owu_endpoint *endpoint) {
    return has_place(endpoint, OWU_IN_BODY);
}

static bool has_form(const owu_endpoint *endpoint) {
    for (uint32_t i = 0; i < endpoint->n_params; i++) {
        if (endpoint->params[i].place == OWU_IN_BODY &&
            endpoint->params[i].type.kind == OWU_MODEL) {
            return true;
        }
    }
    return false;
}

static bool checks_password(const owu_endpoint *endpoint) {
    return (endpoint->flags & OWU_CHECKS_PASSWORD) != 0;
}

static bool needs_key(const owu_endpoint *endpoint) {
    return (endpoint->flags & OWU_PUBLIC) == 0;
}

static bool is_user_route(const owu_endpoint *endpoint) {
    return (endpoint->flags & OWU_USER_ROUTE) != 0;
}

static bool is_later(const owu_endpoint *endpoint) {
    return owu_version_compare(endpoint->since, owu_oldest_version) > 0;
}

static bool always(const owu_endpoint *endpoint) {
    (void)endpoint;
    return true;
}

static const RaisesLine raises_lines[] = {
    {has_path_argument, "ValueError: an id that cannot be one segment of a path."},
    {checks_password, "ValueError: a password longer than the client's password_limit."},
    {has_form, "ValidationError: the form does not fit; nothing was sent."},
    {has_body, "UnprocessableEntityError: the server refused the form."},
    {needs_key, "AuthenticationError: the API key is missing or not valid."},
    {needs_key, "AdminRequiredError: the user of the key may not do this."},
    {is_user_route, "UserNotFoundError: there is no such user."},
    {is_later, "UnsupportedByServerError: the server is older than the call."},
    {always, "APIStatusError: any other refusal of the server."},
    {always, "APIConnectionError: no usable answer came, or not in time."},
};

/* How a scalar or item of this kind is called in Python; NULL: its model's name. */
static const char *kind_text(owu_kind kind) {
    switch (kind) {
    case OWU_STR:
        return "str";
    case OWU_INT:
        return "int";
    case OWU_FLOAT:
        return "float";
    case OWU_BOOL:
        return "bool";
    case OWU_DATE:
        return "datetime.date";
    case OWU_DICT:
        return "dict";
    case OWU_LIST:
        return "list";
    case OWU_BYTES:
        return "bytes";
    case OWU_MODEL:
        return NULL;
    case OWU_ANY:
        break;
    }
    return "any JSON value";
}

static void append_kind(owu_buffer *out, owu_kind kind, const owu_model *model) {
    const char *text = kind_text(kind);
    (void)owu_buffer_append_text(out, text != NULL ? text : model != NULL ? model->name : "model");
}

static void append_type(owu_buffer *out, const owu_type *type) {
    append_kind(out, type->kind, type->model);
    if ((type->kind == OWU_LIST || type->kind == OWU_DICT) && type->item != OWU_ANY) {
        (void)owu_buffer_append_text(out, type->kind == OWU_LIST ? "[" : "[str, ");
        append_kind(out, type->item, type->model);
        (void)owu_buffer_append_char(out, ']');
    }
    if (type->nullable) {
        (void)owu_buffer_append_text(out, " or None");
    }
}

static void append_param(owu_buffer *out, const owu_param *param) {
    (void)owu_buffer_append_text(out, "    ");
    (void)owu_buffer_append_text(out, param->name);
    (void)owu_buffer_append_text(out, " (");
    append_type(out, &param->type);
    if (param->place == OWU_IN_BODY && param->type.kind == OWU_MODEL) {
        (void)owu_buffer_append_text(out, ", dict, or keywords for its fields");
    }
    (void)owu_buffer_append_text(out, param->required ? "): " : ", optional): ");
    (void)owu_buffer_append_text(out, param->doc != NULL ? param->doc : "");
    if (param->since != NULL) {
        (void)owu_buffer_append_text(out, " Since Open WebUI ");
        (void)owu_buffer_append_text(out, param->since);
        (void)owu_buffer_append_char(out, '.');
    }
    (void)owu_buffer_append_char(out, '\n');
}

static void append_doc(owu_buffer *out, const owu_endpoint *endpoint) {
    (void)owu_buffer_append_text(out, endpoint->doc != NULL ? endpoint->doc : endpoint->name);
    (void)owu_buffer_append_text(out, "\n\n");
    if (endpoint->n_params > 0) {
        (void)owu_buffer_append_text(out, "Args:\n");
        for (uint32_t i = 0; i < endpoint->n_params; i++) {
            append_param(out, &endpoint->params[i]);
        }
        (void)owu_buffer_append_char(out, '\n');
    }
    (void)owu_buffer_append_text(out, "Returns:\n    ");
    append_type(out, &endpoint->answer);
    (void)owu_buffer_append_text(out, endpoint->returns != NULL ? ": " : "");
    (void)owu_buffer_append_text(out, endpoint->returns != NULL ? endpoint->returns : "");
    (void)owu_buffer_append_text(out, "\n\nRaises:\n");
    for (size_t i = 0; i < sizeof raises_lines / sizeof *raises_lines; i++) {
        if (raises_lines[i].holds(endpoint)) {
            (void)owu_buffer_append_text(out, "    ");
            (void)owu_buffer_append_text(out, raises_lines[i].text);
            (void)owu_buffer_append_char(out, '\n');
        }
    }
    (void)owu_buffer_append_text(out, "\nServer route: ");
    (void)owu_buffer_append_text(out, endpoint->method);
    (void)owu_buffer_append_char(out, ' ');
    (void)owu_buffer_append_text(out, endpoint->path);
    if (endpoint->since != NULL) {
        (void)owu_buffer_append_text(out, ", since Open WebUI ");
        (void)owu_buffer_append_text(out, endpoint->since);
    }
    (void)owu_buffer_append_text(out, ".\n");
}

static PyObject *EndpointMethod_get_doc(PyObject *op, void *closure) {
    owu_buffer text = {0};
    PyObject *doc = NULL;
    (void)closure;
    append_doc(&text, ((EndpointMethodObject *)op)->endpoint);
    if (text.status != OWU_OK) {
        PyErr_NoMemory();
    } else {
        doc = PyUnicode_DecodeUTF8(text.data, (Py_ssize_t)text.len, "replace");
    }
    owu_buffer_free(&text);
    return doc;
}

/* ---------------------------------------------------------------- attributes */

static PyObject *EndpointMethod_get_qualname(PyObject *op, void *closure) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    (void)closure;
    return owu_endpoint_qualname(self->state, self->endpoint, self->is_async);
}

static PyObject *EndpointMethod_get_module(PyObject *op, void *closure) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    (void)closure;
    return PyObject_GetAttrString((PyObject *)self->owner, "__module__");
}

static PyObject *EndpointMethod_get_signature(PyObject *op, void *closure) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    PyObject *key, *made;
    (void)closure;
    if (self->signature == NULL) {
        key = Py_BuildValue("(ss)", self->endpoint->resource, self->endpoint->name);
        made = key == NULL ? NULL : owu_describe(self->state, "endpoint_signature", key);
        Py_XDECREF(key);
        if (made == NULL) {
            return NULL;
        }
        Py_XSETREF(self->signature, made);
    }
    return Py_NewRef(self->signature);
}

/* The mark by which a module knows a function that returns a coroutine: where[0] is the module, the
 * names behind it are those that the mark had in one version or another. */
static PyObject *EndpointMethod_get_mark(PyObject *op, void *closure) {
    const char *const *where = closure;
    PyObject *module = NULL, *mark = NULL;
    if (((EndpointMethodObject *)op)->is_async) {
        module = PyImport_ImportModule(where[0]);
    }
    for (size_t i = 1; module != NULL && mark == NULL && where[i] != NULL; i++) {
        if (owu_clear_error() < 0) {
            break;
        }
        mark = PyObject_GetAttrString(module, where[i]);
    }
    Py_XDECREF(module);
    if (mark == NULL && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_AttributeError, where[1]);
    }
    return mark;
}

static const char *const inspect_mark[] = {"inspect", "_is_coroutine_mark", "_is_coroutine_marker",
                                           NULL};
static const char *const asyncio_mark[] = {"asyncio.coroutines", "_is_coroutine", NULL};

static PyGetSetDef EndpointMethod_getset[] = {
    {"_is_coroutine_marker", EndpointMethod_get_mark, NULL, NULL, (void *)(uintptr_t)inspect_mark},
    {"_is_coroutine", EndpointMethod_get_mark, NULL, NULL, (void *)(uintptr_t)asyncio_mark},
    {"__doc__", EndpointMethod_get_doc, NULL, NULL, NULL},
    {"__qualname__", EndpointMethod_get_qualname, NULL, NULL, NULL},
    {"__module__", EndpointMethod_get_module, NULL, NULL, NULL},
    {"__signature__", EndpointMethod_get_signature, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMemberDef EndpointMethod_members[] = {
    {"__name__", T_OBJECT_EX, offsetof(EndpointMethodObject, name), READONLY, NULL},
    {"__objclass__", T_OBJECT_EX, offsetof(EndpointMethodObject, owner), READONLY, NULL},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(EndpointMethodObject, vectorcall), READONLY,
     NULL},
    {NULL, 0, 0, 0, NULL},
};

/* Pickled by name, so that functools.partial(UsersClient.get_users, …) can travel. */
static PyObject *EndpointMethod_reduce(PyObject *op, PyObject *unused) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    PyObject *builtins = PyEval_GetBuiltins(); /* borrowed */
    PyObject *getattr = builtins == NULL ? NULL : PyMapping_GetItemString(builtins, "getattr");
    PyObject *result = NULL;
    (void)unused;
    if (getattr != NULL) {
        result = Py_BuildValue("O(OO)", getattr, (PyObject *)self->owner, self->name);
        Py_DECREF(getattr);
    }
    return result;
}

static PyMethodDef EndpointMethod_methods[] = {
    {"__reduce__", EndpointMethod_reduce, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* ---------------------------------------------------------------- type */

static PyObject *EndpointMethod_tp_descr_get(PyObject *op, PyObject *instance, PyObject *owner) {
    (void)owner;
    return instance == NULL || instance == Py_None ? Py_NewRef(op) : PyMethod_New(op, instance);
}

static PyObject *EndpointMethod_tp_repr(PyObject *op) {
    PyObject *name = EndpointMethod_get_qualname(op, NULL);
    PyObject *text = name == NULL ? NULL : PyUnicode_FromFormat("<method %U>", name);
    Py_XDECREF(name);
    return text;
}

static int EndpointMethod_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->owner);
    Py_VISIT(self->name);
    Py_VISIT(self->signature);
    return 0;
}

static int EndpointMethod_tp_clear(PyObject *op) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    /* owner and name stay until the end: a method in a cycle that is being cleared can be called */
    Py_CLEAR(self->signature);
    return 0;
}

static void EndpointMethod_tp_dealloc(PyObject *op) {
    EndpointMethodObject *self = (EndpointMethodObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_CLEAR(self->signature);
    Py_CLEAR(self->name);
    Py_CLEAR(self->owner);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot EndpointMethod_slots[] = {
    {Py_tp_dealloc, SLOT(EndpointMethod_tp_dealloc)},
    {Py_tp_traverse, SLOT(EndpointMethod_tp_traverse)},
    {Py_tp_clear, SLOT(EndpointMethod_tp_clear)},
    {Py_tp_repr, SLOT(EndpointMethod_tp_repr)},
    {Py_tp_call, SLOT(PyVectorcall_Call)},
    {Py_tp_descr_get, SLOT(EndpointMethod_tp_descr_get)},
    {Py_tp_getset, EndpointMethod_getset},
    {Py_tp_members, EndpointMethod_members},
    {Py_tp_methods, EndpointMethod_methods},
    {0, NULL},
};

static PyType_Spec EndpointMethod_spec = {
    .name = "openwebui_users._core.EndpointMethod",
    .basicsize = sizeof(EndpointMethodObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
             Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = EndpointMethod_slots,
};

PyObject *EndpointMethod_new(ModuleState *state, const owu_endpoint *endpoint, PyTypeObject *owner,
                             bool is_async) {
    EndpointMethodObject *self = PyObject_GC_New(EndpointMethodObject, state->EndpointMethod_Type);
    if (self == NULL) {
        return NULL;
    }
    self->endpoint = endpoint;
    self->state = state;
    self->owner = (PyTypeObject *)Py_NewRef((PyObject *)owner);
    self->is_async = is_async;
    self->signature = NULL;
    self->vectorcall = EndpointMethod_vectorcall;
    self->name = PyUnicode_InternFromString(endpoint->name);
    PyObject_GC_Track(self);
    if (self->name == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

int owu_endpoint_init(PyObject *module, ModuleState *state) {
    state->EndpointMethod_Type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &EndpointMethod_spec, NULL);
    return state->EndpointMethod_Type == NULL ? -1 : 0;
}
