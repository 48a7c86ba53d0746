/* py_observe.c - what happens while a call waits: signals, logs and hooks. Never within libcurl. */
#include "pyowu.h"

/* The core asks between slices: run signal handlers, and stop when one raised. */
static bool Blocking_interrupted(void *context) {
    Blocking *self = context;
    bool stop;
    PyEval_RestoreThread(self->thread);
    stop = PyErr_CheckSignals() < 0;
    self->thread = PyEval_SaveThread();
    return stop;
}

static PyObject *or_none(PyObject *value) {
    return value == NULL ? Py_None : value;
}

/* Seconds; below 0: None. */
static PyObject *seconds_or_none(double seconds) {
    return seconds < 0 ? Py_NewRef(Py_None) : PyFloat_FromDouble(seconds);
}

static PyObject *tell_begin(PyObject *module, PyObject *hook, const owu_event *event) {
    return PyObject_CallMethod(module, "request_begins", "OssI", or_none(hook), event->method,
                               event->route, event->attempt);
}

static PyObject *tell_end(PyObject *module, PyObject *hook, const owu_event *event) {
    const bool failed = event->status != OWU_OK;
    PyObject *status = failed ? Py_NewRef(Py_None) : PyLong_FromLong(event->http_status);
    PyObject *retry_in = seconds_or_none(event->retry_in), *result = NULL;
    if (status != NULL && retry_in != NULL) {
        result = PyObject_CallMethod(module, "request_ends", "OssIOzdnO", or_none(hook),
                                     event->method, event->route, event->attempt, status,
                                     failed ? owu_failure_name(event->status) : NULL,
                                     event->elapsed, (Py_ssize_t)event->received, retry_in);
    }
    Py_XDECREF(status);
    Py_XDECREF(retry_in);
    return result;
}

PyObject *Client_tell(ClientObject *self, ModuleState *state, const owu_event *event) {
    PyObject *hook = Py_XNewRef(Client_hook(self, event->answered));
    PyObject *module = owu_import_once(&state->observe, "openwebui_users._observe"), *result = NULL;
    if (module != NULL) {
        result = event->answered ? tell_end(module, hook, event) : tell_begin(module, hook, event);
    }
    Py_XDECREF(hook);
    if (result != NULL && PyCoro_CheckExact(result) && !Client_is_async(self, state)) {
        PyObject *closed = PyObject_CallMethod(result, "close", NULL); /* it will not be awaited */
        Py_XDECREF(closed);
        Py_CLEAR(result);
        PyErr_SetString(PyExc_TypeError,
                        "a hook of a client that blocks must be no coroutine function");
    }
    return result;
}

static bool Blocking_told(void *context, const owu_event *event) {
    Blocking *self = context;
    PyObject *result;
    PyEval_RestoreThread(self->thread);
    result = Client_tell(self->client, self->state, event);
    Py_XDECREF(result);
    self->thread = PyEval_SaveThread();
    return result == NULL;
}

/* Whoever wants logs has imported logging; nobody else pays for it. */
int Client_is_observed(ClientObject *self, ModuleState *state) {
    PyObject *modules, *module, *enabled;
    int listens;
    if (Client_hook(self, false) != NULL || Client_hook(self, true) != NULL) {
        return 1;
    }
    modules = PyImport_GetModuleDict();
    if (owu_dict_item(modules, "logging") == NULL) {
        return PyErr_Occurred() ? -1 : 0;
    }
    module = owu_import_once(&state->observe, "openwebui_users._observe");
    enabled = module == NULL ? NULL : PyObject_CallMethod(module, "is_logging", NULL);
    listens = enabled == NULL ? -1 : enabled == Py_True;
    Py_XDECREF(enabled);
    return listens;
}

int Blocking_begin(Blocking *self, ModuleState *state, ClientObject *client, owu_options *options) {
    const int listens = Client_is_observed(client, state);
    if (listens < 0) {
        return -1;
    }
    self->state = state;
    self->client = client;
    options->interrupt = Blocking_interrupted;
    options->observe = listens == 1 ? Blocking_told : NULL;
    options->context = self;
    self->thread = PyEval_SaveThread();
    return 0;
}

void Blocking_end(Blocking *self) {
    PyEval_RestoreThread(self->thread);
}
