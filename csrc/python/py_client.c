/* py_client.c - the client classes: views, attributes, life cycle. */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* The two classes of every resource of the table; the name behind the dot is the class's own. */
static const struct {
    const char *resource;
    const char *class_names[2]; /* blocking, asynchronous */
    const char *doc;
    const char *methods[8]; /* written in Python, in `modules`; NULL-terminated */
} resources[] = {
    {"users",
     {"openwebui_users.UsersClient", "openwebui_users.AsyncUsersClient"},
     "Users: listing, reading, changing, deleting.",
     {"iter_users", "iter_pages", "iter_search", "find_user", NULL}},
    {"auths",
     {"openwebui_users.AuthsClient", "openwebui_users.AsyncAuthsClient"},
     "Signing in, own profile and keys, new users.",
     {NULL}},
    {"groups",
     {"openwebui_users.GroupsClient", "openwebui_users.AsyncGroupsClient"},
     "Groups and who belongs to them.",
     {NULL}},
    {"channels",
     {"openwebui_users.ChannelsClient", "openwebui_users.AsyncChannelsClient"},
     "Channels and who belongs to them.",
     {NULL}},
};
enum { N_RESOURCES = sizeof resources / sizeof *resources };

static PyObject *Client_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ModuleState *state = owu_state_of_type(type);
    (void)args;
    (void)kwargs;
    if (state == NULL) {
        return NULL;
    }
    if (type == state->Client_Type || type == state->BlockingClient_Type ||
        type == state->AsyncClient_Type) {
        PyErr_SetString(PyExc_TypeError,
                        "this class has no calls of its own: make a UsersClient or an "
                        "AsyncUsersClient");
        return NULL;
    }
    return type->tp_alloc(type, 0);
}

/* The two arguments that may come by position, out of args and a copy of kwargs. */
static int take_arguments(PyObject *args, PyObject *kwargs, PyObject **taken) {
    static const char *const names[] = {"base_url", "api_key"};
    if (PyTuple_GET_SIZE(args) > 2) {
        PyErr_Format(PyExc_TypeError,
                     "a client takes at most 2 positional arguments, base_url and api_key, but %zd "
                     "were given",
                     PyTuple_GET_SIZE(args));
        return -1;
    }
    for (Py_ssize_t i = 0; i < 2; i++) {
        PyObject *value = owu_dict_item(kwargs, names[i]);
        taken[i] = i < PyTuple_GET_SIZE(args) ? Py_NewRef(PyTuple_GET_ITEM(args, i)) : NULL;
        if (value == NULL && PyErr_Occurred()) {
            return -1;
        }
        if (value == NULL) {
            continue;
        }
        if (taken[i] != NULL) {
            PyErr_Format(PyExc_TypeError, "got multiple values for argument '%s'", names[i]);
            return -1;
        }
        taken[i] = Py_NewRef(value);
        if (PyDict_DelItemString(kwargs, names[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static int Client_tp_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    PyObject *taken[2] = {NULL, NULL};
    PyObject *rest = kwargs == NULL ? PyDict_New() : PyDict_Copy(kwargs);
    int failed = rest == NULL ? -1 : take_arguments(args, rest, taken);
    if (failed == 0) {
        failed = Client_configure((ClientObject *)op, taken[0], taken[1], rest);
    }
    Py_XDECREF(taken[0]);
    Py_XDECREF(taken[1]);
    Py_XDECREF(rest);
    return failed;
}

/* ---------------------------------------------------------------- services for calls */

int Client_check(const ClientObject *self) {
    if (self->client == NULL) {
        PyErr_Format(PyExc_RuntimeError, "%.200s.__init__ was not called",
                     Py_TYPE((PyObject *)(uintptr_t)self)->tp_name);
        return -1;
    }
    return 0;
}

int Client_options(ClientObject *self, PyObject *key, ClientOptions *out) {
    Py_ssize_t n = self->header_lines == NULL ? 0 : PyTuple_GET_SIZE(self->header_lines);
    if (Client_check(self) < 0) {
        return -1;
    }
    out->options = self->core;
    for (Py_ssize_t i = 0; i < n; i++) {
        out->lines[i] = PyBytes_AS_STRING(PyTuple_GET_ITEM(self->header_lines, i));
    }
    out->lines[n] = NULL;
    out->options.extra_headers = n == 0 ? NULL : out->lines;
    return key == NULL ? 0 : Client_use_key(self, key, &out->options);
}

ClientObject *Client_root(ClientObject *self) {
    return self->root == NULL ? self : (ClientObject *)self->root;
}

bool Client_is_async(const ClientObject *self, const ModuleState *state) {
    return PyObject_TypeCheck((PyObject *)(uintptr_t)self, state->AsyncClient_Type);
}

PyObject *Client_url(const ClientObject *self, const char *target, size_t len) {
    const char *query = memchr(target, '?', len);
    const char *base = owu_client_base_url(self->client);
    PyObject *path = PyUnicode_DecodeUTF8(
        target, query == NULL ? (Py_ssize_t)len : (Py_ssize_t)(query - target), "replace");
    PyObject *url = path == NULL ? NULL : PyUnicode_FromFormat("%s%U", base, path);
    Py_XDECREF(path);
    return url;
}

void Client_mark_used(ClientObject *self) {
    Client_root(self)->used = true;
}

PyTypeObject *owu_client_class(ModuleState *state, const char *resource, bool is_async) {
    PyObject *classes = state->client_classes[is_async];
    return classes == NULL ? NULL : (PyTypeObject *)owu_dict_item(classes, resource);
}

/* ---------------------------------------------------------------- views */

/* What the instance carries besides: attributes that a subclass or its user has set. */
static int copy_attributes(ClientObject *from, ClientObject *to) {
    if (from->dict == NULL || Py_TYPE(from) != Py_TYPE(to)) {
        return 0;
    }
    Py_XSETREF(to->dict, PyDict_Copy(from->dict));
    return to->dict == NULL ? -1 : 0;
}

/* Another client of this type over the same connections, key and options. */
static ClientObject *make_view(ClientObject *self, PyTypeObject *type) {
    ClientObject *view;
    if (Client_check(self) < 0) {
        return NULL;
    }
    view = (ClientObject *)type->tp_alloc(type, 0);
    if (view == NULL) {
        return NULL;
    }
    view->client = owu_client_ref(self->client);
    view->root = Py_NewRef(self->root != NULL ? self->root : (PyObject *)self);
    view->header_lines = Py_XNewRef(self->header_lines);
    view->own_key = Py_XNewRef(self->own_key);
    for (size_t i = 0; i < CLIENT_N_OPTIONS; i++) {
        view->options[i] = Py_XNewRef(self->options[i]);
    }
    view->core = self->core;
    view->password_limit = self->password_limit;
    view->raw = self->raw;
    if (copy_attributes(self, view) < 0) {
        Py_CLEAR(view);
    }
    return view;
}

static PyObject *Client_get_resource(PyObject *op, void *closure) {
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    PyTypeObject *class =
        state == NULL
            ? NULL
            : owu_client_class(state, closure, Client_is_async((ClientObject *)op, state));
    if (class == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_SystemError, "no class was made for this resource");
        }
        return NULL;
    }
    return PyObject_TypeCheck(op, class) ? Py_NewRef(op)
                                         : (PyObject *)make_view((ClientObject *)op, class);
}

static PyObject *Client_get_with_raw_response(PyObject *op, void *closure) {
    ClientObject *view = make_view((ClientObject *)op, Py_TYPE(op));
    (void)closure;
    if (view != NULL) {
        view->raw = true;
    }
    return (PyObject *)view;
}

static PyObject *Client_with_options(PyObject *op, PyObject *args, PyObject *kwargs) {
    ClientObject *view = NULL;
    PyObject *key = NULL, *options = NULL;
    if (PyTuple_GET_SIZE(args) > 0) {
        PyErr_SetString(PyExc_TypeError, "with_options() takes keyword arguments only");
        return NULL;
    }
    if (kwargs != NULL && (options = PyDict_Copy(kwargs)) == NULL) {
        return NULL;
    }
    if (options != NULL) {
        key = Py_XNewRef(owu_dict_item(options, "api_key"));
        if (key == NULL ? PyErr_Occurred() != NULL : PyDict_DelItemString(options, "api_key") < 0) {
            goto done;
        }
    }
    view = make_view((ClientObject *)op, Py_TYPE(op));
    if (view != NULL && (Client_set_options(view, options, true) < 0 ||
                         (key != NULL && Client_set_own_key(view, key) < 0))) {
        Py_CLEAR(view);
    }
done:
    Py_XDECREF(key);
    Py_XDECREF(options);
    return (PyObject *)view;
}

/* ---------------------------------------------------------------- attributes */

static PyObject *Client_get_base_url(PyObject *op, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? NULL : PyUnicode_FromString(owu_client_base_url(self->client));
}

static PyObject *Client_get_api_key(PyObject *op, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? NULL : Client_shown_key(self);
}

static int Client_set_api_key(PyObject *op, PyObject *value, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? -1 : Client_set_key(self, value);
}

static PyObject *Client_get_raw(PyObject *op, void *closure) {
    (void)closure;
    return PyBool_FromLong(((ClientObject *)op)->raw);
}

static PyObject *Client_get_closed(PyObject *op, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? NULL : PyBool_FromLong(owu_client_closed(self->client));
}

static PyObject *Client_get_option(PyObject *op, void *closure) {
    return Client_option((ClientObject *)op, (size_t)(uintptr_t)closure);
}

/* Options and resources are added behind these by init_getset. */
static const PyGetSetDef client_getset[] = {
    {"base_url", Client_get_base_url, NULL, "Address of the server, normalised.", NULL},
    {"api_key", Client_get_api_key, Client_set_api_key,
     "Key or token that is sent, or the function that returns it; None: there is no key. Views "
     "share it, except views that have their own key.",
     NULL},
    {"closed", Client_get_closed, NULL, "Whether the client was closed.", NULL},
    {"raw", Client_get_raw, NULL, "Whether methods return RawResponse; see with_raw_response.",
     NULL},
    {"with_raw_response", Client_get_with_raw_response, NULL,
     "This client with methods that return RawResponse and refuse no status.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
};
enum { N_GETSET = sizeof client_getset / sizeof *client_getset };

/* The whole table; filled once a process with the same values, so sharing it is safe. */
static PyGetSetDef all_getset[N_GETSET + CLIENT_N_OPTIONS + N_RESOURCES + 1];

static PyMemberDef Client_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ClientObject, weakrefs), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(ClientObject, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* ---------------------------------------------------------------- statistics */

static PyObject *Client_stats(PyObject *op, PyObject *unused) {
    ClientObject *self = (ClientObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    PyObject *module, *class = NULL, *args = NULL, *counts = NULL, *result = NULL;
    owu_stats s;
    (void)unused;
    if (state == NULL || Client_check(self) < 0 ||
        (module = owu_import_once(&state->options, "openwebui_users.options")) == NULL ||
        (class = PyObject_GetAttrString(module, "ClientStats")) == NULL) {
        return NULL;
    }
    owu_client_stats(self->client, &s);
    args = PyTuple_New(0);
    counts =
        Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:K,s:K,s:d}", "requests", s.requests, "retries",
                      s.retries, "failures", s.failures, "connections_opened", s.connections_opened,
                      "connections_reused", s.connections_reused, "bytes_sent", s.bytes_sent,
                      "bytes_received", s.bytes_received, "seconds", s.seconds);
    if (args != NULL && counts != NULL) {
        result = PyObject_Call(class, args, counts);
    }
    Py_DECREF(class);
    Py_XDECREF(args);
    Py_XDECREF(counts);
    return result;
}

/* ---------------------------------------------------------------- life cycle */

static PyObject *Client_close(PyObject *op, PyObject *unused) {
    ClientObject *self = (ClientObject *)op;
    (void)unused;
    if (self->client != NULL) {
        owu_client_close(self->client);
        Py_BEGIN_ALLOW_THREADS
        owu_client_wait(self->client);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyObject *Client_enter(PyObject *op, PyObject *unused) {
    ClientObject *self = (ClientObject *)op;
    (void)unused;
    if (Client_check(self) < 0) {
        return NULL;
    }
    if (owu_client_closed(self->client)) {
        ModuleState *state = owu_state_of_type(Py_TYPE(self));
        return state == NULL
                   ? NULL
                   : owu_raise(state, "ClientClosedError", "the client was closed: make a new one");
    }
    return Py_NewRef(op);
}

static PyObject *Client_exit(PyObject *op, PyObject *args) {
    (void)args;
    return Client_close(op, NULL);
}

/* What was given, for pickling: what __setstate__ gives to configure. */
static PyObject *state_dict(ClientObject *self) {
    PyObject *op = (PyObject *)self, *options = PyDict_New();
    for (size_t i = 0; options != NULL && i < CLIENT_N_OPTIONS; i++) {
        if (self->options[i] != NULL &&
            PyDict_SetItemString(options, Client_option_name(i), self->options[i]) < 0) {
            Py_CLEAR(options);
        }
    }
    return options == NULL
               ? NULL
               : Py_BuildValue("{s:N,s:N,s:N,s:N,s:O}", "base_url", Client_get_base_url(op, NULL),
                               "api_key", Client_get_api_key(op, NULL), "options", options, "raw",
                               PyBool_FromLong(self->raw), "attributes",
                               self->dict != NULL ? self->dict : Py_None);
}

static PyObject *Client_reduce(PyObject *op, PyObject *unused) {
    ClientObject *self = (ClientObject *)op;
    PyObject *copyreg = NULL, *make = NULL, *state = NULL, *result = NULL;
    (void)unused;
    if (Client_check(self) < 0 || (copyreg = PyImport_ImportModule("copyreg")) == NULL ||
        (make = PyObject_GetAttrString(copyreg, "__newobj__")) == NULL ||
        (state = state_dict(self)) == NULL) {
        goto done;
    }
    result = Py_BuildValue("O(O)O", make, (PyObject *)Py_TYPE(op), state);
done:
    Py_XDECREF(copyreg);
    Py_XDECREF(make);
    Py_XDECREF(state);
    return result;
}

static PyObject *Client_setstate(PyObject *op, PyObject *state) {
    ClientObject *self = (ClientObject *)op;
    static const char *const names[] = {"base_url", "api_key", "options", "raw", "attributes"};
    PyObject *parts[sizeof names / sizeof *names], *attributes, *key, *options;
    if (!PyDict_Check(state)) {
        PyErr_SetString(PyExc_TypeError, "the state of a client must be a dict");
        return NULL;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        parts[i] = owu_dict_item(state, names[i]);
        if (parts[i] == NULL && PyErr_Occurred()) {
            return NULL;
        }
    }
    key = parts[1];
    options = parts[2] != NULL && PyDict_Check(parts[2]) ? parts[2] : NULL;
    if (Client_configure(self, parts[0], key, options) < 0) {
        return NULL;
    }
    if ((key == NULL || key == Py_None) && Client_set_api_key(op, NULL, NULL) < 0) {
        return NULL; /* one without a key stays so, whatever the environment says */
    }
    self->raw = parts[3] == Py_True;
    attributes = parts[4];
    if (attributes != NULL && PyDict_Check(attributes)) {
        Py_XSETREF(self->dict, Py_NewRef(attributes));
    }
    Py_RETURN_NONE;
}

static const char *short_name(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot == NULL ? name : dot + 1;
}

static PyObject *Client_tp_repr(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    const char *name = short_name(Py_TYPE(op)->tp_name);
    PyObject *key, *text = NULL;
    if (self->client == NULL) {
        return PyUnicode_FromFormat("<%s, not initialised>", name);
    }
    key = Client_shown_key(self);
    if (key != NULL) {
        text = PyUnicode_FromFormat("<%s %s, %s%s%s>", name, owu_client_base_url(self->client),
                                    key != Py_None ? "api_key='**********'" : "no api_key",
                                    self->raw ? ", raw" : "",
                                    owu_client_closed(self->client) ? ", closed" : "");
        Py_DECREF(key);
    }
    return text;
}

static int warn_unclosed(PyObject *op) {
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    const bool is_async = state != NULL && Client_is_async((ClientObject *)op, state);
    return PyErr_ResourceWarning(op, 1,
                                 is_async ? "unclosed client %R: await close() or use it in an "
                                            "async with block"
                                          : "unclosed client %R: call close() or use it in a with "
                                            "block",
                                 op);
}

/* Event loops that still watch a port must let it go. */
static void release_ports(PyObject *op) {
    PyObject *ports = ((ClientObject *)op)->ports, *module, *result = NULL;
    if (ports == NULL || PyDict_GET_SIZE(ports) == 0) {
        return;
    }
    module = PyImport_ImportModule("openwebui_users._aio");
    if (module != NULL) {
        result = PyObject_CallMethod(module, "release", "O", ports);
    }
    Py_XDECREF(module);
    Py_XDECREF(result);
    if (result == NULL) {
        PyErr_Clear(); /* the interpreter ends: so do the loops */
    }
}

/* A client that was used and is dropped open: say so, then close it. */
static void Client_tp_finalize(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    PyObject *type, *value, *traceback;
    if (self->client == NULL || self->root != NULL) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback); /* it may be dropped while one is on its way */
    if (!owu_client_closed(self->client)) {
        if (self->used && warn_unclosed(op) < 0) {
            PyErr_WriteUnraisable(op); /* warnings are errors: there is nobody to raise it to */
        }
        owu_client_close(self->client);
    }
    release_ports(op);
    PyErr_Restore(type, value, traceback);
}

static int Client_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    ClientObject *self = (ClientObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->root);
    Py_VISIT(self->header_lines);
    Py_VISIT(self->key_source);
    Py_VISIT(self->own_key);
    Py_VISIT(self->ports);
    for (size_t i = 0; i < CLIENT_N_OPTIONS; i++) {
        Py_VISIT(self->options[i]);
    }
    Py_VISIT(self->dict);
    return 0;
}

static int Client_tp_clear(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    Py_CLEAR(self->root);
    Py_CLEAR(self->key_source);
    Py_CLEAR(self->own_key);
    Py_CLEAR(self->ports);
    for (size_t i = 0; i < CLIENT_N_OPTIONS; i++) {
        Py_CLEAR(self->options[i]);
    }
    Py_CLEAR(self->dict);
    return 0;
}

static void Client_tp_dealloc(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    if (PyObject_CallFinalizerFromDealloc(op) < 0) {
        return; /* somebody took a reference meanwhile */
    }
    PyObject_GC_UnTrack(op);
    if (self->weakrefs != NULL) {
        PyObject_ClearWeakRefs(op);
    }
    (void)Client_tp_clear(op);
    Py_CLEAR(self->header_lines);
    owu_client_unref(self->client);
    type->tp_free(op);
    Py_DECREF(type);
}

/* ---------------------------------------------------------------- types */

static PyMethodDef Client_methods[] = {
    {"with_options", (PyCFunction)(void (*)(void))Client_with_options, METH_VARARGS | METH_KEYWORDS,
     "with_options($self, /, **options)\n--\n\n"
     "This client with other options, over the same connections.\n\n"
     "Options that are not given do not change; extra_headers replaces all extra headers. With\n"
     "api_key the new client acts as another user, for instance a new user whose token you have.\n"
     "If it signs in or out, only its own key changes."},
    {"stats", Client_stats, METH_NOARGS,
     "stats($self)\n--\n\nStatistics since the client was made, over all its views and "
     "threads.\n\n"
     "Returns:\n    ClientStats: requests, retries, connections, bytes, seconds."},
    {"__reduce__", Client_reduce, METH_NOARGS, NULL},
    {"__setstate__", Client_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

/* Methods of clients that block. */
static PyMethodDef blocking_methods[] = {
    {"request", (PyCFunction)(void (*)(void))Client_request, METH_VARARGS | METH_KEYWORDS,
     "request($self, method, path, *, params=None, json=None)\n--\n\n"
     "Call any route of the server, such as a route that has no method here.\n\n"
     "Args:\n"
     "    method (str): GET, POST, PUT, PATCH or DELETE.\n"
     "    path (str): below the base URL, for instance '/api/v1/users/'.\n"
     "    params (mapping, optional): values of the query; None is left out, a list is repeated.\n"
     "    json (optional): the body, anything that JSON can hold; None: no body.\n\n"
     "Returns:\n    RawResponse: the answer with any status; see its raise_for_status().\n\n"
     "Raises:\n    ValueError: the path would not stay below the base URL.\n"
     "    SerializationError: JSON cannot hold the body.\n"
     "    APIConnectionError: no usable answer came, or it did not come in time."},
    {"get_version", Client_get_version, METH_NOARGS,
     "get_version($self)\n--\n\nThe server's version, such as '0.12.4'. It is requested once."},
    {"close", Client_close, METH_NOARGS,
     "close($self)\n--\n\nClose the connections; this client and its views cannot be used any "
     "more.\n\nCalls that are under way in other threads still end by themselves."},
    {"__enter__", Client_enter, METH_NOARGS, NULL},
    {"__exit__", Client_exit, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

/* Written in Python, in the module of their kind. */
static const char *const modules[2] = {"openwebui_users._sync", "openwebui_users._aio"};
static const char *const package_methods[2][8] = {
    {"map", NULL},
    {"map", "request", "get_version", "close", "aclose", "__aenter__", "__aexit__", NULL},
};

static PyType_Slot Client_slots[] = {
    {Py_tp_new, SLOT(Client_tp_new)},
    {Py_tp_init, SLOT(Client_tp_init)},
    {Py_tp_dealloc, SLOT(Client_tp_dealloc)},
    {Py_tp_finalize, SLOT(Client_tp_finalize)},
    {Py_tp_traverse, SLOT(Client_tp_traverse)},
    {Py_tp_clear, SLOT(Client_tp_clear)},
    {Py_tp_repr, SLOT(Client_tp_repr)},
    {Py_tp_methods, Client_methods},
    {Py_tp_members, Client_members},
    {Py_tp_getset, all_getset},
    {0, NULL},
};

static PyType_Spec Client_spec = {
    .name = "openwebui_users._core.Client",
    .basicsize = sizeof(ClientObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = Client_slots,
};

/* Named again in every class below the base: a heap type that visits and releases its type must do
 * so by functions of its own spec. */
#define LIFE_SLOTS \
    {Py_tp_dealloc, SLOT(Client_tp_dealloc)}, {Py_tp_traverse, SLOT(Client_tp_traverse)}, { \
        Py_tp_clear, SLOT(Client_tp_clear) \
    }

static PyType_Slot BlockingClient_slots[] = {
    LIFE_SLOTS, {Py_tp_methods, blocking_methods}, {0, NULL}};

static PyType_Spec BlockingClient_spec = {
    .name = "openwebui_users._core.BlockingClient",
    .basicsize = sizeof(ClientObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = BlockingClient_slots,
};

static PyType_Slot AsyncClient_slots[] = {LIFE_SLOTS, {0, NULL}};

static PyType_Spec AsyncClient_spec = {
    .name = "openwebui_users._core.AsyncClient",
    .basicsize = sizeof(ClientObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = AsyncClient_slots,
};

/* Attributes of the base class, and one for each resource. */
static void init_getset(void) {
    memcpy(all_getset, client_getset, sizeof client_getset);
    for (size_t i = 0; i < CLIENT_N_OPTIONS; i++) {
        PyGetSetDef *def = &all_getset[N_GETSET + i];
        def->name = Client_option_name(i);
        def->get = Client_get_option;
        def->doc = Client_option_doc(i);
        def->closure = (void *)(uintptr_t)i;
    }
    for (size_t i = 0; i < N_RESOURCES; i++) {
        PyGetSetDef *def = &all_getset[N_GETSET + CLIENT_N_OPTIONS + i];
        def->name = resources[i].resource;
        def->get = Client_get_resource;
        def->doc = resources[i].doc;
        def->closure = (void *)(uintptr_t)resources[i].resource;
    }
}

/* The docstring of a class, with the signature as inspect reads it. */
static PyObject *class_doc(size_t index, bool is_async) {
    PyObject *signature = Client_options_doc(true, true), *text = Client_options_doc(false, true);
    PyObject *doc = NULL;
    if (signature != NULL && text != NULL) {
        doc = PyUnicode_FromFormat(
            "%s(base_url=None, api_key=None, *%U)\n--\n\n%s\n\n"
            "Args:\n"
            "    base_url (str | None): address of the server, for instance "
            "'http://localhost:8080';\n        None: the environment variable OPENWEBUI_URL.\n"
            "    api_key (str | Callable[[], %s] | None): API key or session token, or what gives "
            "it\n        for each call; None: OPENWEBUI_API_KEY; '': none is sent.\n%U\n"
            "Raises:\n"
            "    ConfigurationError: no client can be made of this.\n\n"
            "%s",
            short_name(resources[index].class_names[is_async]), signature, resources[index].doc,
            is_async ? "str | Awaitable[str]" : "str", text,
            is_async
                ? "The methods are coroutines, for asyncio. A client may be used by many tasks "
                  "at once, and by\nseveral event loops. Close it, or use it in an async with "
                  "block."
                : "A client may be used by many threads at once. Close it, or use it in a with "
                  "block.");
    }
    Py_XDECREF(signature);
    Py_XDECREF(text);
    return doc;
}

static int add_methods(ModuleState *state, const char *resource, PyTypeObject *class,
                       bool is_async) {
    for (size_t i = 0; i < owu_n_endpoints; i++) {
        const owu_endpoint *endpoint = &owu_endpoints[i];
        PyObject *method;
        int failed;
        if (strcmp(endpoint->resource, resource) != 0) {
            continue;
        }
        if (PyObject_HasAttrString((PyObject *)class, endpoint->name)) {
            PyErr_Format(PyExc_SystemError, "%s.%s would hide an attribute of the client", resource,
                         endpoint->name);
            return -1;
        }
        method = EndpointMethod_new(state, endpoint, class, is_async);
        failed =
            method == NULL ? -1 : PyObject_SetAttrString((PyObject *)class, endpoint->name, method);
        Py_XDECREF(method);
        if (failed != 0) {
            return -1;
        }
    }
    return 0;
}

static int make_class(PyObject *module, ModuleState *state, PyTypeObject *base, size_t index,
                      bool is_async) {
    PyObject *doc = class_doc(index, is_async), *bases = NULL, *class = NULL;
    const char *resource = resources[index].resource;
    const char *doc_text = doc == NULL ? NULL : PyUnicode_AsUTF8(doc);
    PyType_Slot slots[] = {
        {Py_tp_doc, (void *)(uintptr_t)doc_text}, /* copied */
        LIFE_SLOTS,
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = resources[index].class_names[is_async],
        .basicsize = sizeof(ClientObject),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    int failed = -1;
    if (doc_text == NULL || (bases = PyTuple_Pack(1, (PyObject *)base)) == NULL ||
        (class = PyType_FromModuleAndSpec(module, &spec, bases)) == NULL) {
        goto done;
    }
    if (PyDict_SetItemString(state->client_classes[is_async], resource, class) == 0 &&
        add_methods(state, resource, (PyTypeObject *)class, is_async) == 0 &&
        owu_package_add(state, (PyTypeObject *)class, modules[is_async],
                        resources[index].methods) == 0) {
        failed = PyModule_AddType(module, (PyTypeObject *)class);
    }
done:
    Py_XDECREF(bases);
    Py_XDECREF(class);
    Py_XDECREF(doc);
    return failed;
}

/* A base with what all resources have, and the class of each. */
static int make_classes(PyObject *module, ModuleState *state, PyType_Spec *spec, bool is_async) {
    PyObject *bases = PyTuple_Pack(1, (PyObject *)state->Client_Type);
    PyTypeObject *base =
        bases == NULL ? NULL : (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, bases);
    int failed = -1;
    Py_XDECREF(bases);
    if (is_async) {
        state->AsyncClient_Type = (PyTypeObject *)Py_XNewRef((PyObject *)base);
    } else {
        state->BlockingClient_Type = (PyTypeObject *)Py_XNewRef((PyObject *)base);
    }
    state->client_classes[is_async] = PyDict_New();
    if (base != NULL && state->client_classes[is_async] != NULL) {
        failed = owu_package_add(state, base, modules[is_async], package_methods[is_async]);
        failed = failed < 0 ? -1 : PyModule_AddType(module, base);
    }
    for (size_t i = 0; failed == 0 && i < N_RESOURCES; i++) {
        failed = make_class(module, state, base, i, is_async);
    }
    Py_XDECREF((PyObject *)base);
    return failed;
}

/* Every resource of the table must have its classes. */
static int check_resources(ModuleState *state) {
    for (size_t i = 0; i < owu_n_endpoints; i++) {
        if (owu_client_class(state, owu_endpoints[i].resource, false) == NULL ||
            owu_client_class(state, owu_endpoints[i].resource, true) == NULL) {
            PyErr_Format(PyExc_SystemError, "no class for the resource %s",
                         owu_endpoints[i].resource);
            return -1;
        }
    }
    return 0;
}

int owu_clients_init(PyObject *module, ModuleState *state) {
    init_getset();
    if (owu_endpoint_init(module, state) < 0 || owu_package_init(module, state) < 0 ||
        owu_response_init(module) < 0) {
        return -1;
    }
    state->Client_Type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &Client_spec, NULL);
    if (state->Client_Type == NULL || make_classes(module, state, &AsyncClient_spec, true) < 0 ||
        make_classes(module, state, &BlockingClient_spec, false) < 0 ||
        owu_async_init(module, state) < 0) {
        return -1;
    }
    return check_resources(state);
}
