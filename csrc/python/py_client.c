/* py_client.c - the client classes: views, attributes, life cycle. */
#include "pyowu.h"

#include <stddef.h>
#include <string.h>
#include <structmember.h>

/* The class of every resource of the table; the name behind the dot is the class's own. */
static const struct {
    const char *resource;
    const char *class_name;
    const char *doc;
} resources[] = {
    {"users", "openwebui_users.UsersClient", "Users: listing, reading, changing, deleting."},
    {"auths", "openwebui_users.AuthsClient", "Signing in, own profile and keys, new users."},
    {"groups", "openwebui_users.GroupsClient", "Groups and who belongs to them."},
    {"channels", "openwebui_users.ChannelsClient", "Channels and who belongs to them."},
};
enum { N_RESOURCES = sizeof resources / sizeof *resources };

static PyObject *Client_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ModuleState *state = owu_state_of_type(type);
    (void)args;
    (void)kwargs;
    if (state == NULL) {
        return NULL;
    }
    if (type == state->Client_Type) {
        PyErr_SetString(PyExc_TypeError, "Client has no methods of its own: make a UsersClient");
        return NULL;
    }
    return type->tp_alloc(type, 0);
}

static int Client_tp_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"base_url",        "api_key",        "timeout",
                            "connect_timeout", "extra_headers",  "user_agent",
                            "max_body",        "password_limit", NULL};
    ClientSettings settings = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    if (!PyArg_ParseTupleAndKeywords(
            args, kwargs, "|OO$OOOOOO", names, &settings.base_url, &settings.api_key,
            &settings.timeout, &settings.connect_timeout, &settings.extra_headers,
            &settings.user_agent, &settings.max_body, &settings.password_limit)) {
        return -1;
    }
    return Client_configure((ClientObject *)op, &settings);
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

int Client_options(ClientObject *self, ClientOptions *out) {
    const owu_options defaults = OWU_OPTIONS_INIT;
    Py_ssize_t n = self->header_lines == NULL ? 0 : PyTuple_GET_SIZE(self->header_lines);
    if (Client_check(self) < 0) {
        return -1;
    }
    out->options = defaults;
    out->options.timeout = self->timeout;
    out->options.connect_timeout = self->connect_timeout;
    out->options.max_body = self->max_body;
    out->options.raw = self->raw;
    for (Py_ssize_t i = 0; i < n; i++) {
        out->lines[i] = PyBytes_AS_STRING(PyTuple_GET_ITEM(self->header_lines, i));
    }
    out->lines[n] = NULL;
    out->options.extra_headers = n == 0 ? NULL : out->lines;
    return 0;
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
    ClientObject *root = self->root == NULL ? self : (ClientObject *)self->root;
    root->used = true;
}

PyTypeObject *owu_client_class(ModuleState *state, const char *resource) {
    return state->client_classes == NULL
               ? NULL
               : (PyTypeObject *)PyDict_GetItemString(state->client_classes, resource);
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
    view->extra_headers = Py_XNewRef(self->extra_headers);
    view->user_agent = Py_XNewRef(self->user_agent);
    view->timeout = self->timeout;
    view->connect_timeout = self->connect_timeout;
    view->max_body = self->max_body;
    view->password_limit = self->password_limit;
    view->raw = self->raw;
    if (copy_attributes(self, view) < 0) {
        Py_CLEAR(view);
    }
    return view;
}

static PyObject *Client_get_resource(PyObject *op, void *closure) {
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    PyTypeObject *class = state == NULL ? NULL : owu_client_class(state, closure);
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
    static char *names[] = {"timeout",  "connect_timeout", "extra_headers",
                            "max_body", "password_limit",  NULL};
    ClientSettings settings = {NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    ClientObject *view;
    if (state == NULL ||
        !PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOOO:with_options", names, &settings.timeout,
                                     &settings.connect_timeout, &settings.extra_headers,
                                     &settings.max_body, &settings.password_limit)) {
        return NULL;
    }
    view = make_view((ClientObject *)op, Py_TYPE(op));
    if (view != NULL && Client_set_options(view, state, &settings) < 0) {
        Py_CLEAR(view);
    }
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
    owu_buffer key = {NULL, 0, 0, 0, OWU_OK};
    PyObject *text = NULL;
    (void)closure;
    if (Client_check(self) < 0) {
        return NULL;
    }
    if (owu_client_key(self->client, &key) != OWU_OK) {
        PyErr_NoMemory();
    } else if (key.len == 0) {
        text = Py_NewRef(Py_None);
    } else {
        text = PyUnicode_DecodeUTF8(key.data, (Py_ssize_t)key.len, "replace");
        memset(key.data, 0, key.len);
    }
    owu_buffer_free(&key);
    return text;
}

static int Client_set_api_key(PyObject *op, PyObject *value, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? -1 : Client_set_key(self, value);
}

static PyObject *Client_get_closed(PyObject *op, void *closure) {
    ClientObject *self = (ClientObject *)op;
    (void)closure;
    return Client_check(self) < 0 ? NULL : PyBool_FromLong(owu_client_closed(self->client));
}

/* Seconds; 0 is None. */
static PyObject *seconds_object(double seconds) {
    if (seconds <= 0) {
        Py_RETURN_NONE;
    }
    return PyFloat_FromDouble(seconds);
}

static PyObject *Client_get_timeout(PyObject *op, void *closure) {
    (void)closure;
    return seconds_object(((ClientObject *)op)->timeout);
}

static PyObject *Client_get_connect_timeout(PyObject *op, void *closure) {
    (void)closure;
    return seconds_object(((ClientObject *)op)->connect_timeout);
}

static PyObject *Client_get_max_body(PyObject *op, void *closure) {
    (void)closure;
    return PyLong_FromSize_t(((ClientObject *)op)->max_body);
}

static PyObject *Client_get_password_limit(PyObject *op, void *closure) {
    Py_ssize_t limit = ((ClientObject *)op)->password_limit;
    (void)closure;
    if (limit == 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromSsize_t(limit);
}

static PyObject *Client_get_user_agent(PyObject *op, void *closure) {
    PyObject *agent = ((ClientObject *)op)->user_agent;
    (void)closure;
    return agent != NULL ? Py_NewRef(agent) : PyUnicode_FromString(owu_default_user_agent);
}

static PyObject *Client_get_extra_headers(PyObject *op, void *closure) {
    PyObject *headers = ((ClientObject *)op)->extra_headers;
    (void)closure;
    return headers != NULL ? PyDict_Copy(headers) : PyDict_New();
}

/* Resources are added behind these by init_getset. */
static const PyGetSetDef client_getset[] = {
    {"base_url", Client_get_base_url, NULL, "Address of the server, normalised.", NULL},
    {"api_key", Client_get_api_key, Client_set_api_key,
     "Key or token that is sent; None when there is none. Views share it.", NULL},
    {"closed", Client_get_closed, NULL, "Whether the client was closed.", NULL},
    {"timeout", Client_get_timeout, NULL, "Seconds for a whole call; None: no limit.", NULL},
    {"connect_timeout", Client_get_connect_timeout, NULL,
     "Seconds to reach the server; None: as timeout.", NULL},
    {"max_body", Client_get_max_body, NULL, "Largest answer in bytes, decompressed.", NULL},
    {"password_limit", Client_get_password_limit, NULL,
     "Longest password in bytes of UTF-8; None: not checked.", NULL},
    {"user_agent", Client_get_user_agent, NULL, "How the client names itself.", NULL},
    {"extra_headers", Client_get_extra_headers, NULL, "Headers sent with every call.", NULL},
    {"with_raw_response", Client_get_with_raw_response, NULL,
     "This client with methods that return RawResponse and refuse no status.", NULL},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
};
enum { N_GETSET = sizeof client_getset / sizeof *client_getset };

/* The whole table; filled once a process with the same values, so sharing it is safe. */
static PyGetSetDef all_getset[N_GETSET + N_RESOURCES + 1];

static PyMemberDef Client_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(ClientObject, weakrefs), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(ClientObject, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

/* ---------------------------------------------------------------- life cycle */

static PyObject *Client_close(PyObject *op, PyObject *unused) {
    ClientObject *self = (ClientObject *)op;
    (void)unused;
    if (self->client != NULL) {
        owu_client_close(self->client);
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

/* Options by name, for pickling: what __setstate__ gives to configure. */
static PyObject *state_dict(ClientObject *self) {
    PyObject *op = (PyObject *)self, *dict = PyDict_New();
    PyObject *values[] = {Client_get_base_url(op, NULL),
                          Client_get_api_key(op, NULL),
                          seconds_object(self->timeout),
                          seconds_object(self->connect_timeout),
                          Client_get_extra_headers(op, NULL),
                          Py_NewRef(self->user_agent != NULL ? self->user_agent : Py_None),
                          PyLong_FromSize_t(self->max_body),
                          Client_get_password_limit(op, NULL),
                          PyBool_FromLong(self->raw),
                          Py_NewRef(self->dict != NULL ? self->dict : Py_None)};
    static const char *const names[] = {
        "base_url", "api_key",        "timeout", "connect_timeout", "extra_headers", "user_agent",
        "max_body", "password_limit", "raw",     "attributes"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (dict != NULL &&
            (values[i] == NULL || PyDict_SetItemString(dict, names[i], values[i]) < 0)) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(values[i]);
    }
    return dict;
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
    PyObject *attributes, *raw, *key;
    ClientSettings settings;
    if (!PyDict_Check(state)) {
        PyErr_SetString(PyExc_TypeError, "the state of a client must be a dict");
        return NULL;
    }
    key = PyDict_GetItemString(state, "api_key");
    settings.base_url = PyDict_GetItemString(state, "base_url");
    settings.api_key = key;
    settings.timeout = PyDict_GetItemString(state, "timeout");
    settings.connect_timeout = PyDict_GetItemString(state, "connect_timeout");
    settings.extra_headers = PyDict_GetItemString(state, "extra_headers");
    settings.user_agent = PyDict_GetItemString(state, "user_agent");
    settings.max_body = PyDict_GetItemString(state, "max_body");
    settings.password_limit = PyDict_GetItemString(state, "password_limit");
    if (Client_configure(self, &settings) < 0) {
        return NULL;
    }
    if ((key == NULL || key == Py_None) && Client_set_api_key(op, NULL, NULL) < 0) {
        return NULL; /* one without a key stays so, whatever the environment says */
    }
    raw = PyDict_GetItemString(state, "raw");
    self->raw = raw == Py_True;
    attributes = PyDict_GetItemString(state, "attributes");
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
    owu_buffer key = {NULL, 0, 0, 0, OWU_OK};
    PyObject *text;
    if (self->client == NULL) {
        return PyUnicode_FromFormat("<%s, not initialised>", name);
    }
    (void)owu_client_key(self->client, &key);
    text = PyUnicode_FromFormat("<%s %s, %s%s%s>", name, owu_client_base_url(self->client),
                                key.len > 0 ? "api_key='**********'" : "no api_key",
                                self->raw ? ", raw" : "",
                                owu_client_closed(self->client) ? ", closed" : "");
    if (key.data != NULL) {
        memset(key.data, 0, key.len);
    }
    owu_buffer_free(&key);
    return text;
}

/* A client that was used and is dropped open: say so, then close it. */
static void Client_tp_finalize(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    PyObject *type, *value, *traceback;
    if (self->client == NULL || self->root != NULL || owu_client_closed(self->client)) {
        return;
    }
    PyErr_Fetch(&type, &value, &traceback);
    if (self->used && PyErr_ResourceWarning(op, 1,
                                            "unclosed client %R: call close() or use it in a "
                                            "with block",
                                            op) < 0) {
        PyErr_WriteUnraisable(op); /* warnings are errors: there is nobody to raise it to */
    }
    owu_client_close(self->client);
    PyErr_Restore(type, value, traceback);
}

static int Client_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    ClientObject *self = (ClientObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->root);
    Py_VISIT(self->header_lines);
    Py_VISIT(self->extra_headers);
    Py_VISIT(self->user_agent);
    Py_VISIT(self->dict);
    return 0;
}

static int Client_tp_clear(PyObject *op) {
    ClientObject *self = (ClientObject *)op;
    Py_CLEAR(self->root);
    Py_CLEAR(self->extra_headers);
    Py_CLEAR(self->user_agent);
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
     "with_options($self, *, timeout=..., connect_timeout=..., extra_headers=..., max_body=...,\n"
     "             password_limit=...)\n--\n\n"
     "This client with other options, over the same connections and with the same key.\n\n"
     "Options that are not given stay as they are; extra_headers replaces all of them."},
    {"request", (PyCFunction)(void (*)(void))Client_request, METH_VARARGS | METH_KEYWORDS,
     "request($self, method, path, *, params=None, json=None)\n--\n\n"
     "Call any route of the server, for those that have no method here.\n\n"
     "Args:\n"
     "    method (str): GET, POST, PUT, PATCH or DELETE.\n"
     "    path (str): below the base URL, for instance '/api/v1/users/'.\n"
     "    params (mapping, optional): values of the query; None is left out, a list is repeated.\n"
     "    json (optional): the body, anything that JSON can hold; None: no body.\n\n"
     "Returns:\n    RawResponse: whatever its status; see its raise_for_status().\n\n"
     "Raises:\n    ValueError: a path that would not stay below the base URL.\n"
     "    SerializationError: a body that JSON cannot hold.\n"
     "    APIConnectionError: no usable answer came, or not in time."},
    {"get_version", Client_get_version, METH_NOARGS,
     "get_version($self)\n--\n\nThe server's version, for instance '0.12.4'; asked once."},
    {"close", Client_close, METH_NOARGS,
     "close($self)\n--\n\nClose the connections; this client and its views cannot be used any "
     "more.\n\nCalls that are under way in other threads end by themselves."},
    {"__enter__", Client_enter, METH_NOARGS, NULL},
    {"__exit__", Client_exit, METH_VARARGS, NULL},
    {"__reduce__", Client_reduce, METH_NOARGS, NULL},
    {"__setstate__", Client_setstate, METH_O, NULL},
    {NULL, NULL, 0, NULL},
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

/* Attributes of the base class, and one for each resource. */
static void init_getset(void) {
    memcpy(all_getset, client_getset, sizeof client_getset);
    for (size_t i = 0; i < N_RESOURCES; i++) {
        PyGetSetDef *def = &all_getset[N_GETSET + i];
        def->name = resources[i].resource;
        def->get = Client_get_resource;
        def->doc = resources[i].doc;
        def->closure = (void *)(uintptr_t)resources[i].resource;
    }
}

static const char constructor_doc[] =
    "\n\n"
    "Args:\n"
    "    base_url (str, optional): address of the server, for instance 'http://localhost:8080';\n"
    "        without it the environment variable OPENWEBUI_URL.\n"
    "    api_key (str, optional): API key or session token; without it OPENWEBUI_API_KEY; ''\n"
    "        sends none.\n"
    "    timeout (float, optional): seconds for a whole call; None: no limit. 60 by default.\n"
    "    connect_timeout (float, optional): seconds to reach the server. 5 by default.\n"
    "    extra_headers (mapping, optional): headers to send with every call.\n"
    "    user_agent (str, optional): how the client names itself.\n"
    "    max_body (int, optional): largest answer in bytes, decompressed. 64 MiB by default.\n"
    "    password_limit (int, optional): longest password in bytes; None: not checked. 72 by\n"
    "        default, because servers hash with bcrypt unless they are set to argon2.\n\n"
    "Raises:\n"
    "    ConfigurationError: no client can be made of this.\n\n"
    "A client may be used by many threads at once. Close it, or use it in a with block.";

/* How the constructor is called, as inspect reads it from a docstring. */
#define CONSTRUCTOR_SIGNATURE \
    "(base_url=None, api_key=None, *, timeout=60.0, connect_timeout=5.0, extra_headers=None, " \
    "user_agent=None, max_body=67108864, password_limit=72)\n--\n\n"

static PyObject *class_doc(size_t index) {
    return PyUnicode_FromFormat("%s" CONSTRUCTOR_SIGNATURE "%s%s",
                                short_name(resources[index].class_name), resources[index].doc,
                                constructor_doc);
}

static int add_methods(ModuleState *state, const char *resource, PyTypeObject *class) {
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
        method = EndpointMethod_new(state, endpoint, class);
        failed =
            method == NULL ? -1 : PyObject_SetAttrString((PyObject *)class, endpoint->name, method);
        Py_XDECREF(method);
        if (failed != 0) {
            return -1;
        }
    }
    return 0;
}

static int make_class(PyObject *module, ModuleState *state, size_t index) {
    PyObject *doc = class_doc(index), *bases = NULL, *class = NULL;
    const char *doc_text = doc == NULL ? NULL : PyUnicode_AsUTF8(doc);
    PyType_Slot slots[] = {
        {Py_tp_doc, (void *)(uintptr_t)doc_text}, /* copied */
        {Py_tp_dealloc, SLOT(Client_tp_dealloc)}, {Py_tp_traverse, SLOT(Client_tp_traverse)},
        {Py_tp_clear, SLOT(Client_tp_clear)},     {0, NULL},
    };
    PyType_Spec spec = {
        .name = resources[index].class_name,
        .basicsize = sizeof(ClientObject),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
        .slots = slots,
    };
    int failed = -1;
    if (doc_text == NULL || (bases = PyTuple_Pack(1, (PyObject *)state->Client_Type)) == NULL ||
        (class = PyType_FromModuleAndSpec(module, &spec, bases)) == NULL) {
        goto done;
    }
    if (PyDict_SetItemString(state->client_classes, resources[index].resource, class) == 0 &&
        add_methods(state, resources[index].resource, (PyTypeObject *)class) == 0) {
        failed = PyModule_AddType(module, (PyTypeObject *)class);
    }
done:
    Py_XDECREF(bases);
    Py_XDECREF(class);
    Py_XDECREF(doc);
    return failed;
}

/* Every resource of the table must have a class. */
static int check_resources(ModuleState *state) {
    for (size_t i = 0; i < owu_n_endpoints; i++) {
        if (owu_client_class(state, owu_endpoints[i].resource) == NULL) {
            PyErr_Format(PyExc_SystemError, "no class for the resource %s",
                         owu_endpoints[i].resource);
            return -1;
        }
    }
    return 0;
}

int owu_clients_init(PyObject *module, ModuleState *state) {
    init_getset();
    state->client_classes = PyDict_New();
    if (state->client_classes == NULL || owu_endpoint_init(module, state) < 0 ||
        owu_response_init(module) < 0) {
        return -1;
    }
    state->Client_Type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &Client_spec, NULL);
    if (state->Client_Type == NULL) {
        return -1;
    }
    for (size_t i = 0; i < N_RESOURCES; i++) {
        if (make_class(module, state, i) < 0) {
            return -1;
        }
    }
    return check_resources(state);
}
