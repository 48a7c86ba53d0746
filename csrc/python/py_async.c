/*
 * py_async.c - calls that do not block: PendingCall is one on its way, Port is where a loop or a
 * thread learns what became of it. The thread of the core never touches Python: it only makes the
 * port's descriptor readable.
 */
#include "pyowu.h"

#include <poll.h>
#include <stddef.h>
#include <string.h>

#define SLICE_MS 100 /* between two looks at signals */

typedef enum PendingState {
    PENDING_MADE,    /* nothing was sent, nor will be unless it is started */
    PENDING_STARTING,
    PENDING_STARTED, /* in its port's list, which has a reference */
    PENDING_TOLD,    /* as well; it stands still, for an event that is to be shown */
    PENDING_DONE,
    PENDING_LOST /* its port was closed before, or it could not be started */
} PendingState;

typedef struct PortObject PortObject;

typedef struct PendingCallObject {
    PyObject_HEAD
    Call call; /* its client is owned */
    PendingState state;
    PyObject *future; /* owned: gets a result when there is news; NULL: nobody waits */
    PortObject *port; /* owned while it is in its list */
    struct PendingCallObject *previous, *next;
} PendingCallObject;

struct PortObject {
    PyObject_HEAD
    owu_port *port;             /* owned; NULL: closed */
    const owu_client *client;   /* borrowed from port: whose calls may be started with it */
    PendingCallObject *pending; /* owned: those that were started and have not ended */
};

/* ---------------------------------------------------------------- pending calls */

static PendingCallObject *pending_new(ModuleState *state, Call *call) {
    PendingCallObject *self = PyObject_GC_New(PendingCallObject, state->PendingCall_Type);
    if (self == NULL) {
        Call_clear(call);
        return NULL;
    }
    self->call = *call;
    memset(call, 0, sizeof *call);
    Py_INCREF(self->call.client);
    self->state = PENDING_MADE;
    self->future = NULL;
    self->port = NULL;
    self->previous = self->next = NULL;
    PyObject_GC_Track(self);
    return self;
}

/* Out of its port's list, whose reference to it becomes the caller's. */
static void leave_port(PendingCallObject *self) {
    PortObject *port = self->port;
    *(self->previous != NULL ? &self->previous->next : &port->pending) = self->next;
    if (self->next != NULL) {
        self->next->previous = self->previous;
    }
    self->previous = self->next = NULL;
    self->port = NULL;
    Py_DECREF(port);
}

static int check_state(const PendingCallObject *self, PendingState state, const char *what) {
    if (self->state != state) {
        PyErr_Format(PyExc_RuntimeError, "this call cannot be %s now", what);
        return -1;
    }
    return 0;
}

/* Let whoever waits for this future go on. Fails when its loop is closed: then nobody does. */
static int set_result(ModuleState *state, PyObject *future) {
    PyObject *done = PyObject_CallMethodNoArgs(future, state->str_done), *result = NULL;
    if (done == Py_False) {
        result = PyObject_CallMethodOneArg(future, state->str_set_result, Py_None);
    }
    const int failed = done == NULL || (done == Py_False && result == NULL) ? -1 : 0;
    Py_XDECREF(done);
    Py_XDECREF(result);
    return failed;
}

/* In the child of a fork: what its parent has begun goes on there only. */
static PyObject *refuse_foreign(ModuleState *state) {
    return state == NULL ? NULL
                         : owu_raise(state, "ReadError", "the process was forked during the call");
}

static PyObject *PendingCall_start(PyObject *op, PyObject *const *args, Py_ssize_t nargs) {
    PendingCallObject *self = (PendingCallObject *)op;
    PortObject *port;
    if (nargs != 2 || !PyObject_TypeCheck(args[0], self->call.state->Port_Type)) {
        PyErr_SetString(PyExc_TypeError, "start() takes a Port and a future or None");
        return NULL;
    }
    port = (PortObject *)args[0];
    if (check_state(self, PENDING_MADE, "started") < 0) {
        return NULL;
    }
    if (port->port == NULL || port->client != self->call.client->client) {
        PyErr_SetString(PyExc_RuntimeError,
                        port->port == NULL ? "the port was closed" : "the port of another client");
        return NULL;
    }
    self->state = PENDING_STARTING; /* what is called meanwhile can do nothing to it */
    if (Call_convert(&self->call) < 0 || Call_take_key(&self->call) < 0) {
        self->state = PENDING_LOST;
        return NULL;
    }
    if (port->port == NULL) {
        self->state = PENDING_LOST;
        PyErr_SetString(PyExc_RuntimeError, "the port was closed");
        return NULL;
    }
    /* In the list first: its news may come before Call_start returns. */
    self->future = args[1] == Py_None ? NULL : Py_NewRef(args[1]);
    self->port = (PortObject *)Py_NewRef((PyObject *)port);
    self->next = port->pending;
    if (port->pending != NULL) {
        port->pending->previous = self;
    }
    port->pending = (PendingCallObject *)Py_NewRef(op);
    self->state = PENDING_STARTED;
    if (Call_start(&self->call, port->port, self) < 0) {
        leave_port(self);
        self->state = PENDING_LOST;
        Py_DECREF(op);
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *PendingCall_ask_key(PyObject *op, PyObject *unused) {
    PendingCallObject *self = (PendingCallObject *)op;
    PyObject *key;
    (void)unused;
    if (self->call.kind == CALL_FAREWELL) {
        Py_RETURN_NONE;
    }
    if (Client_call_key(self->call.client, &key) < 0) {
        return NULL;
    }
    if (key == NULL || PyUnicode_Check(key)) {
        Py_XSETREF(self->call.key, key);
        Py_RETURN_NONE;
    }
    return key;
}

static PyObject *PendingCall_set_key(PyObject *op, PyObject *key) {
    Py_XSETREF(((PendingCallObject *)op)->call.key, Py_NewRef(key));
    Py_RETURN_NONE;
}

static PyObject *PendingCall_tell(PyObject *op, PyObject *unused) {
    PendingCallObject *self = (PendingCallObject *)op;
    (void)unused;
    if (check_state(self, PENDING_TOLD, "told of") < 0) {
        return NULL;
    }
    return Client_tell(self->call.client, self->call.state, owu_job_event(self->call.job));
}

static PyObject *PendingCall_resume(PyObject *op, PyObject *future) {
    PendingCallObject *self = (PendingCallObject *)op;
    if (self->state == PENDING_TOLD && owu_port_foreign(self->port->port)) {
        return refuse_foreign(self->call.state);
    }
    if (self->state == PENDING_DONE || self->state == PENDING_LOST) { /* stopped meanwhile */
        if (future != Py_None && set_result(self->call.state, future) < 0) {
            return NULL;
        }
        Py_RETURN_NONE;
    }
    if (check_state(self, PENDING_TOLD, "resumed") < 0) {
        return NULL;
    }
    Py_XSETREF(self->future, future == Py_None ? NULL : Py_NewRef(future));
    self->state = PENDING_STARTED;
    owu_job_resume(self->call.job, false);
    Py_RETURN_NONE;
}

static PyObject *PendingCall_close_client(PyObject *op, PyObject *unused) {
    (void)unused;
    owu_client_close(((PendingCallObject *)op)->call.client->client);
    Py_RETURN_NONE;
}

static PyObject *PendingCall_cancel(PyObject *op, PyObject *unused) {
    PendingCallObject *self = (PendingCallObject *)op;
    (void)unused;
    if (self->state == PENDING_STARTED || self->state == PENDING_TOLD) {
        owu_job_cancel(self->call.job);
    }
    Py_RETURN_NONE;
}

static PyObject *PendingCall_finish(PyObject *op, PyObject *unused) {
    PendingCallObject *self = (PendingCallObject *)op;
    PyObject *result;
    (void)unused;
    if (self->state == PENDING_LOST) {
        return owu_raise(self->call.state, "ClientClosedError",
                         "this client was closed during a call");
    }
    if (check_state(self, PENDING_DONE, "finished") < 0) {
        return NULL;
    }
    if (self->call.job == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "this call was finished before");
        return NULL;
    }
    result = Call_finish(&self->call);
    owu_job_unref(self->call.job); /* what it answered is in the result */
    self->call.job = NULL;
    self->call.answer = NULL;
    return result;
}

static PyObject *PendingCall_get_done(PyObject *op, void *closure) {
    (void)closure;
    return PyBool_FromLong(((PendingCallObject *)op)->state == PENDING_DONE);
}

static PyObject *PendingCall_get_has_event(PyObject *op, void *closure) {
    (void)closure;
    return PyBool_FromLong(((PendingCallObject *)op)->state == PENDING_TOLD);
}

/* The client whose ports this call may use. */
static PyObject *PendingCall_get_client(PyObject *op, void *closure) {
    (void)closure;
    return Py_NewRef((PyObject *)Client_root(((PendingCallObject *)op)->call.client));
}

static PyObject *PendingCall_get_ports(PyObject *op, void *closure) {
    ClientObject *root = Client_root(((PendingCallObject *)op)->call.client);
    (void)closure;
    if (root->ports == NULL && (root->ports = PyDict_New()) == NULL) {
        return NULL;
    }
    return Py_NewRef(root->ports);
}

/* ---------------------------------------------------------------- ways to make one */

static PyObject *PendingCall_of_method(PyObject *type, PyObject *args) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)type);
    PyObject *method, *arguments, *keywords;
    Call call;
    memset(&call, 0, sizeof call);
    call.state = state;
    if (state == NULL || !PyArg_ParseTuple(args, "OO!O!:of_method", &method, &PyTuple_Type,
                                           &arguments, &PyDict_Type, &keywords)) {
        return NULL;
    }
    if (EndpointMethod_prepare(method, arguments, keywords, &call) < 0) {
        Call_clear(&call);
        return NULL;
    }
    return (PyObject *)pending_new(state, &call);
}

static PyObject *PendingCall_check_method(PyObject *type, PyObject *args) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)type);
    PyObject *client, *method;
    ClientObject *owner;
    if (state == NULL ||
        !PyArg_ParseTuple(args, "O!O:check_method", state->Client_Type, &client, &method) ||
        (owner = EndpointMethod_client(state, method)) == NULL) {
        return NULL;
    }
    if (owner->client != ((ClientObject *)client)->client ||
        Client_is_async(owner, state) != Client_is_async((ClientObject *)client, state)) {
        PyErr_SetString(PyExc_TypeError, "a method of this client, or of a view of it, is needed");
        return NULL;
    }
    Py_RETURN_NONE;
}

/* The client among the arguments, checked. */
static int take_client(PyObject *type, PyObject *client, Call *call) {
    memset(call, 0, sizeof *call);
    call->state = owu_state_of_type((PyTypeObject *)type);
    if (call->state == NULL) {
        return -1;
    }
    if (!PyObject_TypeCheck(client, call->state->Client_Type)) {
        PyErr_SetString(PyExc_TypeError, "a client is needed");
        return -1;
    }
    call->client = (ClientObject *)client;
    return Client_check(call->client);
}

static PyObject *PendingCall_of_request(PyObject *type, PyObject *args) {
    PyObject *client, *method, *path, *params, *json;
    Call call;
    if (!PyArg_ParseTuple(args, "OUUOO:of_request", &client, &method, &path, &params, &json) ||
        take_client(type, client, &call) < 0) {
        return NULL;
    }
    if (Call_prepare_request(&call, method, path, params, json) < 0) {
        Call_clear(&call);
        return NULL;
    }
    return (PyObject *)pending_new(call.state, &call);
}

static PyObject *of_client(PyObject *type, PyObject *client, CallKind kind) {
    Call call;
    if (take_client(type, client, &call) < 0) {
        return NULL;
    }
    call.kind = kind;
    return (PyObject *)pending_new(call.state, &call);
}

static PyObject *PendingCall_of_version(PyObject *type, PyObject *client) {
    return of_client(type, client, CALL_VERSION);
}

static PyObject *PendingCall_of_farewell(PyObject *type, PyObject *client) {
    return of_client(type, client, CALL_FAREWELL);
}

PyObject *owu_async_call(Call *call) {
    ModuleState *state = call->state;
    PyObject *pending = (PyObject *)pending_new(state, call), *module, *coroutine = NULL;
    if (pending == NULL) {
        return NULL;
    }
    module = owu_import_once(&state->aio, "openwebui_users._aio");
    if (module != NULL) {
        coroutine = PyObject_CallMethodOneArg(module, state->str_call, pending);
    }
    Py_DECREF(pending);
    return coroutine;
}

/* ---------------------------------------------------------------- type of pending calls */

static PyMethodDef PendingCall_methods[] = {
    {"of_method", PendingCall_of_method, METH_VARARGS | METH_CLASS,
     "of_method($type, method, args, kwargs, /)\n--\n\nA call of a method of a client."},
    {"check_method", PendingCall_check_method, METH_VARARGS | METH_CLASS,
     "check_method($type, client, method, /)\n--\n\nRefuse anything that is not a method of this "
     "client."},
    {"of_request", PendingCall_of_request, METH_VARARGS | METH_CLASS,
     "of_request($type, client, method, path, params, json, /)\n--\n\nA call of any route."},
    {"of_version", PendingCall_of_version, METH_O | METH_CLASS,
     "of_version($type, client, /)\n--\n\nThe request for the server's version."},
    {"of_farewell", PendingCall_of_farewell, METH_O | METH_CLASS,
     "of_farewell($type, client, /)\n--\n\nClose the client; the call is done when nothing of the "
     "client runs any more."},
    {"start", (PyCFunction)(void (*)(void))PendingCall_start, METH_FASTCALL,
     "start($self, port, future, /)\n--\n\nCheck the arguments and begin."},
    {"ask_key", PendingCall_ask_key, METH_NOARGS,
     "ask_key($self, /)\n--\n\nGet the key from its function. If the result is not a str, return "
     "it: it is awaited."},
    {"set_key", PendingCall_set_key, METH_O, "set_key($self, key, /)\n--\n\nUse this key."},
    {"tell", PendingCall_tell, METH_NOARGS,
     "tell($self, /)\n--\n\nReport the event to hooks and logs; the hook's return value."},
    {"resume", PendingCall_resume, METH_O, "resume($self, future, /)\n--\n\nGo on after an event."},
    {"close_client", PendingCall_close_client, METH_NOARGS,
     "close_client($self, /)\n--\n\nClose the client, without waiting for anything."},
    {"cancel", PendingCall_cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nStop the call, unless it is done."},
    {"finish", PendingCall_finish, METH_NOARGS,
     "finish($self, /)\n--\n\nReturn the result or raise the exception, once."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef PendingCall_getset[] = {
    {"done", PendingCall_get_done, NULL, "Whether the call has ended.", NULL},
    {"has_event", PendingCall_get_has_event, NULL, "Whether the call waits for tell().", NULL},
    {"client", PendingCall_get_client, NULL, "The client itself, not a view of it.", NULL},
    {"ports", PendingCall_get_ports, NULL, "The client's ports by their event loop.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static int PendingCall_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    PendingCallObject *self = (PendingCallObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->call.client);
    Py_VISIT(self->call.key);
    for (size_t i = 0; i < OWU_MAX_PARAMS; i++) {
        Py_VISIT(self->call.values[i]);
    }
    Py_VISIT(self->future);
    Py_VISIT(self->port);
    return 0;
}

/* The call's own parts stay until the end: methods rely on them. */
static int PendingCall_tp_clear(PyObject *op) {
    Py_CLEAR(((PendingCallObject *)op)->future);
    return 0;
}

static void PendingCall_tp_dealloc(PyObject *op) {
    PendingCallObject *self = (PendingCallObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject *client = (PyObject *)self->call.client;
    PyObject_GC_UnTrack(op);
    Py_CLEAR(self->future);
    Call_clear(&self->call);
    Py_XDECREF(client);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(PendingCall_doc, "One call that does not block. Not for users: see _aio and _sync.");

static PyType_Slot PendingCall_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)PendingCall_doc},
    {Py_tp_dealloc, SLOT(PendingCall_tp_dealloc)},
    {Py_tp_traverse, SLOT(PendingCall_tp_traverse)},
    {Py_tp_clear, SLOT(PendingCall_tp_clear)},
    {Py_tp_methods, PendingCall_methods},
    {Py_tp_getset, PendingCall_getset},
    {0, NULL},
};

static PyType_Spec PendingCall_spec = {
    .name = "openwebui_users._core.PendingCall",
    .basicsize = sizeof(PendingCallObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = PendingCall_slots,
};

/* ---------------------------------------------------------------- ports */

/* At the end of the interpreter: threads must not outlive what they use. The main interpreter is the
 * last one, and its end is the end of the process. */
static PyObject *end_threads(PyObject *module, PyObject *unused) {
    const PyInterpreterState *interpreter = PyInterpreterState_Get();
    const bool last = interpreter == PyInterpreterState_Main();
    (void)module;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS
    if (last) {
        owu_client_end_all();
    } else {
        owu_client_close_all(interpreter);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyMethodDef end_threads_def = {"_end_threads", end_threads, METH_NOARGS, NULL};

static int register_end(ModuleState *state) {
    PyObject *function, *module, *result = NULL;
    if (state->ends_threads) {
        return 0;
    }
    function = PyCFunction_New(&end_threads_def, NULL);
    module = function == NULL ? NULL : PyImport_ImportModule("atexit");
    if (module != NULL) {
        result = PyObject_CallMethod(module, "register", "O", function);
    }
    state->ends_threads = result != NULL;
    Py_XDECREF(function);
    Py_XDECREF(module);
    Py_XDECREF(result);
    return state->ends_threads ? 0 : -1;
}

static PyObject *Port_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    ModuleState *state = owu_state_of_type(type);
    PyObject *client;
    PortObject *self;
    owu_error err;
    if (state == NULL || kwargs != NULL ||
        !PyArg_ParseTuple(args, "O!:Port", state->Client_Type, &client) ||
        Client_check((ClientObject *)client) < 0 || register_end(state) < 0) {
        return NULL;
    }
    self = (PortObject *)type->tp_alloc(type, 0);
    if (self != NULL &&
        owu_port_new(&self->port, ((ClientObject *)client)->client, &err) != OWU_OK) {
        Py_CLEAR(self);
        (void)owu_raise_error(state, &err);
    }
    if (self != NULL) {
        self->client = ((ClientObject *)client)->client;
    }
    return (PyObject *)self;
}

static PyObject *Port_fileno(PyObject *op, PyObject *unused) {
    PortObject *self = (PortObject *)op;
    (void)unused;
    return PyLong_FromLong(self->port == NULL ? -1 : owu_port_fd(self->port));
}

/* One that has news: into the list, or its future is set. */
static int hand_over(ModuleState *state, PendingCallObject *pending, PyObject *list) {
    PyObject *future = pending->future;
    int failed;
    if (future == NULL) {
        return PyList_Append(list, (PyObject *)pending);
    }
    pending->future = NULL;
    failed = set_result(state, future);
    Py_DECREF(future);
    return failed;
}

static PyObject *Port_drain(PyObject *op, PyObject *unused) {
    PortObject *self = (PortObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    PyObject *list = state == NULL ? NULL : PyList_New(0);
    PendingCallObject *pending;
    owu_news news;
    (void)unused;
    Py_INCREF(op); /* what is called may let go of the last reference */
    while (list != NULL && self->port != NULL &&
           (pending = owu_port_take(self->port, &news)) != NULL) {
        const bool was_awaited = pending->future != NULL;
        bool failed;
        Py_INCREF(pending);
        if (news == OWU_NEWS_DONE) {
            leave_port(pending);
            pending->state = PENDING_DONE;
            Py_DECREF(pending); /* the list's */
        } else {
            pending->state = PENDING_TOLD;
        }
        failed = hand_over(state, pending, list) < 0;
        if (failed && was_awaited) {
            PyErr_WriteUnraisable(op); /* the others must learn theirs all the same */
        } else if (failed) {
            Py_CLEAR(list);
        }
        Py_DECREF(pending);
    }
    Py_DECREF(op);
    return list;
}

static PyObject *Port_wait(PyObject *op, PyObject *arg) {
    PortObject *self = (PortObject *)op;
    double seconds = arg == Py_None ? -1 : PyFloat_AsDouble(arg);
    if (PyErr_Occurred()) {
        return NULL;
    }
    while (self->port != NULL) {
        struct pollfd look = {.fd = owu_port_fd(self->port), .events = POLLIN};
        const double slice = seconds >= 0 && seconds < SLICE_MS / 1e3 ? seconds : SLICE_MS / 1e3;
        int ready;
        if (owu_port_foreign(self->port)) {
            return refuse_foreign(owu_state_of_type(Py_TYPE(op)));
        }
        Py_BEGIN_ALLOW_THREADS
        ready = poll(&look, 1, (int)(slice * 1e3));
        Py_END_ALLOW_THREADS
        if (PyErr_CheckSignals() < 0) {
            return NULL;
        }
        if (ready > 0) {
            Py_RETURN_TRUE;
        }
        if (seconds >= 0 && (seconds -= slice) <= 0) {
            break;
        }
    }
    Py_RETURN_FALSE;
}

static void port_close(PortObject *self) {
    owu_port *port = self->port;
    PendingCallObject *pending;
    self->port = NULL;
    while ((pending = self->pending) != NULL) {
        owu_job_cancel(pending->call.job);
        leave_port(pending);
        pending->state = PENDING_LOST;
        Py_CLEAR(pending->future);
        Py_DECREF(pending);
    }
    owu_port_close(port);
}

/* Whoever still waits learns that it is over. */
static PyObject *Port_close(PyObject *op, PyObject *unused) {
    PortObject *self = (PortObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    PyObject *futures = state == NULL ? NULL : PyList_New(0);
    PendingCallObject *pending;
    (void)unused;
    for (pending = self->pending; futures != NULL && pending != NULL; pending = pending->next) {
        if (pending->future != NULL && PyList_Append(futures, pending->future) < 0) {
            Py_CLEAR(futures);
        }
    }
    if (futures == NULL) {
        return NULL;
    }
    Py_INCREF(op);
    port_close(self);
    Py_DECREF(op);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(futures); i++) {
        if (set_result(state, PyList_GET_ITEM(futures, i)) < 0) {
            PyErr_Clear(); /* its loop is closed: nobody waits */
        }
    }
    Py_DECREF(futures);
    Py_RETURN_NONE;
}

static PyObject *Port_get_is_foreign(PyObject *op, void *closure) {
    PortObject *self = (PortObject *)op;
    (void)closure;
    return PyBool_FromLong(self->port != NULL && owu_port_foreign(self->port));
}

static PyMethodDef Port_methods[] = {
    {"fileno", Port_fileno, METH_NOARGS,
     "fileno($self, /)\n--\n\nThe descriptor, readable while there is news."},
    {"drain", Port_drain, METH_NOARGS,
     "drain($self, /)\n--\n\nTake all news: futures get a result, calls without a future are "
     "returned."},
    {"wait", Port_wait, METH_O,
     "wait($self, seconds, /)\n--\n\nBlock until there is news, or for this many seconds; None: no "
     "limit."},
    {"close", Port_close, METH_NOARGS,
     "close($self, /)\n--\n\nStop the calls that were started here, and close the descriptor."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef Port_getset[] = {
    {"is_foreign", Port_get_is_foreign, NULL, "Whether a parent of this process made the port.",
     NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static int Port_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    PendingCallObject *pending;
    Py_VISIT(Py_TYPE(op));
    for (pending = ((PortObject *)op)->pending; pending != NULL; pending = pending->next) {
        Py_VISIT(pending);
    }
    return 0;
}

static int Port_tp_clear(PyObject *op) {
    port_close((PortObject *)op);
    return 0;
}

static void Port_tp_dealloc(PyObject *op) {
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    port_close((PortObject *)op);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(Port_doc,
             "Port(client, /)\n--\n\n"
             "Where one loop or thread learns of the client's pending calls. Not for users.");

static PyType_Slot Port_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)Port_doc},
    {Py_tp_new, SLOT(Port_tp_new)},
    {Py_tp_dealloc, SLOT(Port_tp_dealloc)},
    {Py_tp_traverse, SLOT(Port_tp_traverse)},
    {Py_tp_clear, SLOT(Port_tp_clear)},
    {Py_tp_methods, Port_methods},
    {Py_tp_getset, Port_getset},
    {0, NULL},
};

static PyType_Spec Port_spec = {
    .name = "openwebui_users._core.Port",
    .basicsize = sizeof(PortObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = Port_slots,
};

int owu_async_init(PyObject *module, ModuleState *state) {
    state->PendingCall_Type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &PendingCall_spec, NULL);
    state->Port_Type = state->PendingCall_Type == NULL
                           ? NULL
                           : (PyTypeObject *)PyType_FromModuleAndSpec(module, &Port_spec, NULL);
    if (state->Port_Type == NULL || PyModule_AddType(module, state->PendingCall_Type) < 0) {
        return -1;
    }
    return PyModule_AddType(module, state->Port_Type);
}
