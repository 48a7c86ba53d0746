/* py_errors.c - faults and failures of the core become Python exceptions. */
#include "pyowu.h"

#include <stdarg.h>
#include <string.h>

static const char mask_text[] = "**********";

/* ---------------------------------------------------------------- classes */

PyObject *owu_error_class(ModuleState *state, const char *name) {
    PyObject *module = owu_import_once(&state->errors, "openwebui_users.errors");
    return module == NULL ? NULL : PyObject_GetAttrString(module, name);
}

/* Set this exception object; the reference is consumed and may be NULL (an exception is set). */
static PyObject *raise_object(PyObject *error) {
    if (error != NULL) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}

PyObject *owu_raise(ModuleState *state, const char *name, const char *format, ...) {
    va_list arguments;
    PyObject *class, *message;
    va_start(arguments, format);
    message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    class = message == NULL ? NULL : owu_error_class(state, name);
    if (class != NULL) {
        (void)raise_object(PyObject_CallOneArg(class, message));
    }
    Py_XDECREF(class);
    Py_XDECREF(message);
    return NULL;
}

/* ---------------------------------------------------------------- locations and faults */

static PyObject *step_object(PyObject *key, Py_ssize_t index) {
    return key == NULL ? PyLong_FromSsize_t(index) : Py_NewRef(key);
}

PyObject *Path_tuple(const Path *path) {
    const Path *node;
    Py_ssize_t depth = 0;
    PyObject *tuple;
    for (node = path; node != NULL; node = node->up) {
        depth++;
    }
    tuple = PyTuple_New(depth);
    for (node = path; tuple != NULL && node != NULL; node = node->up) {
        PyObject *step = step_object(node->key, node->index);
        if (step == NULL) {
            Py_CLEAR(tuple);
        } else {
            PyTuple_SET_ITEM(tuple, --depth, step);
        }
    }
    return tuple;
}

/* The message of a fault: the text of the table, the class name put in, the detail put behind. */
static PyObject *fault_message(owu_fault_type type, bool from_json, const owu_model *model,
                               const char *detail) {
    static const char slot[] = "{model}";
    const char *text = owu_fault_message(type, from_json);
    const char *hole = strstr(text, slot);
    const char *comma = detail != NULL && detail[0] != '\0' ? ", " : "";
    const char *tail = detail != NULL ? detail : "";
    PyObject *head, *message;
    if (hole == NULL) {
        return PyUnicode_FromFormat("%s%s%s", text, comma, tail);
    }
    head = PyUnicode_FromStringAndSize(text, hole - text);
    if (head == NULL) {
        return NULL;
    }
    message = PyUnicode_FromFormat("%U%s%s%s%s", head, model != NULL ? model->name : "the model",
                                   hole + sizeof slot - 1, comma, tail);
    Py_DECREF(head);
    return message;
}

/* {type, loc, msg, input}; loc and msg are consumed and may be NULL (an exception is set). */
static PyObject *fault_dict(owu_fault_type type, PyObject *loc, PyObject *msg, PyObject *input) {
    PyObject *dict = NULL;
    if (loc != NULL && msg != NULL) {
        dict = Py_BuildValue("{s:s,s:O,s:O,s:O}", "type", owu_fault_name(type), "loc", loc, "msg",
                             msg, "input", input);
    }
    Py_XDECREF(loc);
    Py_XDECREF(msg);
    return dict;
}

/* Append a fault, which is consumed and may be NULL, to a list that is made when it is needed. */
static int append_fault(PyObject **list, PyObject *fault) {
    int failed = -1;
    if (fault != NULL && *list == NULL) {
        *list = PyList_New(0);
    }
    if (fault != NULL && *list != NULL) {
        failed = PyList_Append(*list, fault);
    }
    Py_XDECREF(fault);
    return failed;
}

int FaultList_add(FaultList *faults, owu_fault_type type, const Path *path, PyObject *input,
                  const owu_model *model, const char *detail) {
    PyObject *loc = Path_tuple(path);
    PyObject *msg = loc == NULL ? NULL : fault_message(type, faults->from_json, model, detail);
    return append_fault(&faults->list, fault_dict(type, loc, msg, input));
}

/* The class's own name: a type's name may come with its module before it. */
static const char *short_name(const char *title) {
    const char *dot = strrchr(title, '.');
    return dot == NULL ? title : dot + 1;
}

PyObject *FaultList_raise(FaultList *faults, ModuleState *state, const char *title) {
    PyObject *class = NULL;
    if (faults->list != NULL && !PyErr_Occurred()) {
        class = owu_error_class(state, "ValidationError");
    }
    if (class != NULL) {
        (void)raise_object(PyObject_CallFunction(class, "sO", short_name(title), faults->list));
        Py_DECREF(class);
    }
    Py_CLEAR(faults->list);
    if (!PyErr_Occurred()) {
        PyErr_SetString(PyExc_SystemError, "a list of faults without a fault was raised");
    }
    return NULL;
}

/* ---------------------------------------------------------------- faults of the core */

static PyObject *core_location(const owu_fault *fault) {
    PyObject *loc = PyTuple_New((Py_ssize_t)fault->n_steps);
    for (uint32_t i = 0; loc != NULL && i < fault->n_steps; i++) {
        const owu_step *from = &fault->steps[i];
        PyObject *step = from->key == NULL
                             ? PyLong_FromSize_t(from->index)
                             : PyUnicode_DecodeUTF8(from->key, from->key_len, "replace");
        if (step == NULL) {
            Py_CLEAR(loc);
        } else {
            PyTuple_SET_ITEM(loc, (Py_ssize_t)i, step);
        }
    }
    return loc;
}

/* What stood there in the text: the value, or None where the slice holds none. */
static PyObject *core_input(ModuleState *state, const owu_fault *fault) {
    PyObject *value;
    if (fault->secret && fault->type != OWU_FAULT_MISSING) {
        return PyUnicode_FromString(mask_text);
    }
    if (fault->input == NULL || fault->input_len == 0) {
        Py_RETURN_NONE;
    }
    /* an object that lacks a key may hold a password beside it */
    value = owu_json_to_python(state, fault->input, fault->input_len, true);
    if (value == NULL && !PyErr_ExceptionMatches(PyExc_MemoryError)) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return value;
}

PyObject *owu_faults_to_list(ModuleState *state, const owu_faults *faults) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < faults->len; i++) {
        const owu_fault *fault = &faults->items[i];
        PyObject *input = core_input(state, fault);
        PyObject *loc = input == NULL ? NULL : core_location(fault);
        PyObject *msg =
            loc == NULL ? NULL : fault_message(fault->type, true, fault->model, fault->detail);
        PyObject *made = fault_dict(fault->type, loc, msg, input);
        Py_XDECREF(input);
        if (append_fault(&list, made) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

PyObject *owu_raise_json_invalid(ModuleState *state, const char *title, const owu_error *err,
                                 PyObject *input) {
    FaultList faults = {NULL, true};
    /* the core's own messages say the place */
    PyObject *msg = PyUnicode_FromFormat("%s: %s", owu_fault_message(OWU_FAULT_JSON_INVALID, true),
                                         err->message);
    PyObject *loc = msg == NULL ? NULL : PyTuple_New(0);
    if (append_fault(&faults.list, fault_dict(OWU_FAULT_JSON_INVALID, loc, msg, input)) == 0) {
        (void)FaultList_raise(&faults, state, title);
    }
    Py_XDECREF(faults.list);
    return NULL;
}

/* A step of a place in a text: an index or a key, which may be anything. New reference. */
static PyObject *shown_step(PyObject *step) {
    PyObject *printable;
    int is_plain = 1;
    if (PyUnicode_Check(step)) {
        printable = PyObject_CallMethod(step, "isprintable", NULL);
        is_plain = printable == NULL ? -1 : PyObject_IsTrue(printable);
        Py_XDECREF(printable);
    }
    return is_plain < 0 ? NULL : is_plain ? PyObject_Str(step) : PyObject_ASCII(step);
}

int owu_raise_serialization(ModuleState *state, const Path *path, const char *format, ...) {
    va_list arguments;
    PyObject *reason, *loc = NULL, *class = NULL, *message = NULL, *where = NULL;
    va_start(arguments, format);
    reason = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (reason == NULL || (loc = Path_tuple(path)) == NULL ||
        (class = owu_error_class(state, "SerializationError")) == NULL) {
        goto done;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(loc); i++) {
        PyObject *step = shown_step(PyTuple_GET_ITEM(loc, i));
        PyObject *longer = step == NULL    ? NULL
                           : where == NULL ? Py_NewRef(step)
                                           : PyUnicode_FromFormat("%U.%U", where, step);
        Py_XDECREF(step);
        Py_XSETREF(where, longer);
        if (where == NULL) {
            goto done;
        }
    }
    message = where == NULL ? Py_NewRef(reason) : PyUnicode_FromFormat("%U: %U", where, reason);
    if (message != NULL) {
        (void)raise_object(PyObject_CallFunctionObjArgs(class, message, loc, NULL));
    }
done:
    Py_XDECREF(reason);
    Py_XDECREF(loc);
    Py_XDECREF(class);
    Py_XDECREF(where);
    Py_XDECREF(message);
    return -1;
}

int owu_raise_too_deep(ModuleState *state, const Path *path) {
    return owu_raise_serialization(state, path, "nested more than %d deep, or containing itself",
                                   OWU_MAX_DEPTH);
}

int Path_depth(const Path *path) {
    int depth = 0;
    for (; path != NULL; path = path->up) {
        depth++;
    }
    return depth;
}

/* ---------------------------------------------------------------- failed calls */

/* Bytes of a body beyond the limit that its error carries: a second copy of the whole would be as
 * much memory as the limit spares. */
#define SHOWN_OF_TOO_LARGE ((size_t)64 << 10)

/* Which attributes an exception gets besides those of the request. */
enum {
    FACT_OS = 1,        /* errno */
    FACT_SIZES = 2,     /* received, expected */
    FACT_LIMIT = 4,     /* received, limit */
    FACT_PLACE = 8,     /* offset, line, column */
    FACT_ANSWER = 16,   /* status_code, headers, body */
    FACT_LOCATION = 32, /* location */
    FACT_NEEDS = 64,    /* needs, server_version */
    FACT_FAULTS = 128   /* title, faults */
};

/* The class of every failure that is one of this package's; the rest are Python's own. */
static const struct {
    const char *class_name;
    unsigned facts;
} failures[] = {
    [OWU_EJSON] = {"ResponseDecodeError", FACT_ANSWER | FACT_PLACE},
    [OWU_ESCHEMA] = {"ResponseValidationError", FACT_ANSWER | FACT_FAULTS},
    [OWU_ECLOSED] = {"ClientClosedError", 0},
    [OWU_ECONNECT] = {"ConnectError", FACT_OS},
    [OWU_EDNS] = {"DNSError", FACT_OS},
    [OWU_EPROXY] = {"ProxyError", FACT_OS},
    [OWU_ETLS] = {"TLSError", FACT_OS},
    [OWU_ECONNECT_TIMEOUT] = {"ConnectTimeout", FACT_OS},
    [OWU_EPOOL_TIMEOUT] = {"PoolTimeout", 0},
    [OWU_ETIMEOUT] = {"ReadTimeout", FACT_OS},
    [OWU_EREAD] = {"ReadError", FACT_OS},
    [OWU_EINCOMPLETE] = {"IncompleteReadError", FACT_OS | FACT_SIZES},
    [OWU_EWRITE] = {"WriteError", FACT_OS},
    [OWU_EPROTOCOL] = {"ProtocolError", FACT_OS},
    [OWU_ETOO_LARGE] = {"ResponseTooLargeError", FACT_ANSWER | FACT_LIMIT},
    [OWU_EREDIRECT] = {"RedirectError", FACT_ANSWER | FACT_LOCATION},
    [OWU_ECONTENT_TYPE] = {"UnexpectedContentTypeError", FACT_ANSWER},
    [OWU_EUNSUPPORTED] = {"UnsupportedByServerError", FACT_NEEDS},
    [OWU_EINTERNAL] = {"OpenWebUIError", 0},
};

const char *owu_failure_name(owu_status code) {
    const bool known = (size_t)code < sizeof failures / sizeof *failures;
    return known && failures[code].class_name != NULL ? failures[code].class_name
                                                      : "OpenWebUIError";
}

/* Put value, which is consumed and may be NULL (an exception is set), under name. */
static int put(PyObject *dict, const char *name, PyObject *value) {
    int failed = value == NULL ? -1 : PyDict_SetItemString(dict, name, value);
    Py_XDECREF(value);
    return failed;
}

/* Where a redirect leads; "" when it does not say. */
static PyObject *location_of(const owu_answer *answer) {
    const char *location = answer->location == NULL ? "" : answer->location;
    return PyUnicode_DecodeLatin1(location, (Py_ssize_t)strlen(location), NULL);
}

/* Text that may be missing: None then. */
static PyObject *text_or_none(const char *text) {
    if (text == NULL || text[0] == '\0') {
        Py_RETURN_NONE;
    }
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

static PyObject *number_or_none(int64_t number) {
    if (number < 0) {
        Py_RETURN_NONE;
    }
    return PyLong_FromLongLong(number);
}

PyObject *owu_answer_lines(const owu_answer *answer) {
    PyObject *lines = PyList_New((Py_ssize_t)answer->n_headers);
    for (size_t i = 0; lines != NULL && i < answer->n_headers; i++) {
        const owu_header *header = &answer->headers[i];
        PyObject *name =
            PyUnicode_DecodeLatin1(header->name, (Py_ssize_t)strlen(header->name), NULL);
        PyObject *value =
            PyUnicode_DecodeLatin1(header->value, (Py_ssize_t)header->value_len, NULL);
        PyObject *line = name == NULL || value == NULL ? NULL : PyTuple_Pack(2, name, value);
        Py_XDECREF(name);
        Py_XDECREF(value);
        if (line == NULL) {
            Py_CLEAR(lines);
        } else {
            PyList_SET_ITEM(lines, (Py_ssize_t)i, line);
        }
    }
    return lines;
}

/* Status, header lines and at most so much of the body. */
static int put_answer(PyObject *dict, const owu_answer *answer, size_t most) {
    const size_t len = answer->body.len < most ? answer->body.len : most;
    if (put(dict, "status_code", PyLong_FromLong(answer->status)) < 0 ||
        put(dict, "headers", owu_answer_lines(answer)) < 0) {
        return -1;
    }
    return put(dict, "body", PyBytes_FromStringAndSize(answer->body.data, (Py_ssize_t)len));
}

/* The request: method, url, retries; and the key, only so that it can be masked in the text. */
static int put_request(PyObject *dict, const CallFacts *facts) {
    owu_buffer key = {0};
    PyObject *secret = NULL;
    int failed = -1;
    if (facts->client != NULL && facts->key == NULL &&
        owu_client_key(facts->client, &key) != OWU_OK) {
        PyErr_NoMemory();
        goto done;
    }
    if (facts->key != NULL) {
        secret = Py_NewRef(facts->key);
    } else {
        secret = key.len == 0 ? Py_NewRef(Py_None)
                              : PyUnicode_DecodeUTF8(key.data, (Py_ssize_t)key.len, "replace");
    }
    if (put(dict, "secret", secret) < 0 || put(dict, "method", text_or_none(facts->method)) < 0 ||
        put(dict, "url", Py_NewRef(facts->url != NULL ? facts->url : Py_None)) < 0 ||
        put(dict, "retries_taken",
            PyLong_FromUnsignedLong(facts->answer != NULL ? facts->answer->retries : 0)) < 0) {
        goto done;
    }
    failed = 0;
done:
    if (key.data != NULL) {
        memset(key.data, 0, key.len);
    }
    owu_buffer_free(&key);
    return failed;
}

static int put_place(PyObject *dict, const owu_error *err) {
    if (err->line == 0) {
        return 0; /* no place is known */
    }
    return put(dict, "offset", PyLong_FromSize_t(err->offset)) < 0 ||
                   put(dict, "line", PyLong_FromSize_t(err->line)) < 0 ||
                   put(dict, "column", PyLong_FromSize_t(err->column)) < 0
               ? -1
               : 0;
}

static int put_faults(ModuleState *state, PyObject *dict, const CallFacts *facts) {
    const owu_type *type = facts->endpoint != NULL ? &facts->endpoint->answer : NULL;
    const char *title = type != NULL && type->model != NULL ? type->model->name : "the answer";
    if (put(dict, "title", PyUnicode_FromString(title)) < 0) {
        return -1;
    }
    return put(dict, "faults", owu_faults_to_list(state, &facts->answer->faults));
}

/* The attributes that only some classes have. */
static int put_facts(ModuleState *state, PyObject *dict, unsigned wanted, const owu_error *err,
                     const CallFacts *facts) {
    const owu_answer *answer = facts->answer;
    if ((wanted & FACT_OS) != 0 && err->os_errno != 0 &&
        put(dict, "errno", PyLong_FromLong(err->os_errno)) < 0) {
        return -1;
    }
    if ((wanted & (FACT_SIZES | FACT_LIMIT)) != 0 &&
        (put(dict, "received", number_or_none(err->received)) < 0 ||
         put(dict, (wanted & FACT_LIMIT) != 0 ? "limit" : "expected",
             number_or_none(err->expected)) < 0)) {
        return -1;
    }
    if ((wanted & FACT_PLACE) != 0 && put_place(dict, err) < 0) {
        return -1;
    }
    if (answer == NULL) {
        return 0;
    }
    if ((wanted & FACT_ANSWER) != 0 &&
        put_answer(dict, answer, (wanted & FACT_LIMIT) != 0 ? SHOWN_OF_TOO_LARGE : SIZE_MAX) < 0) {
        return -1;
    }
    if ((wanted & FACT_LOCATION) != 0 && put(dict, "location", location_of(answer)) < 0) {
        return -1;
    }
    if ((wanted & FACT_NEEDS) != 0 &&
        (put(dict, "needs", text_or_none(answer->needs)) < 0 ||
         put(dict, "server_version", text_or_none(answer->server_version)) < 0)) {
        return -1;
    }
    return (wanted & FACT_FAULTS) != 0 ? put_faults(state, dict, facts) : 0;
}

/* The server's explanation: what stands under "detail"; None when the body holds none. */
static PyObject *answer_detail(ModuleState *state, const owu_answer *answer) {
    owu_buffer text = {0};
    owu_status status = OWU_EVALUE;
    PyObject *detail = NULL;
    if (answer->body.len > 0) {
        status = owu_json_pointer(&text, answer->body.data, answer->body.len, "/detail", NULL);
    }
    if (status == OWU_OK) {
        detail = owu_json_to_python(state, text.data, text.len, false);
    } else if (status == OWU_ENOMEM) {
        PyErr_NoMemory();
    } else {
        detail = Py_NewRef(Py_None);
    }
    owu_buffer_free(&text);
    return detail;
}

/* Call a function of openwebui_users.errors and raise what it returns. */
static void raise_made(ModuleState *state, const char *function, PyObject *args, PyObject *kwargs) {
    PyObject *callable = owu_error_class(state, function);
    if (callable != NULL) {
        (void)raise_object(PyObject_Call(callable, args, kwargs));
        Py_DECREF(callable);
    }
}

/* Status 400 and above: errors.from_answer chooses the class. */
static void raise_status(ModuleState *state, const CallFacts *facts) {
    PyObject *kwargs = PyDict_New(), *args = PyTuple_New(0);
    const owu_endpoint *endpoint = facts->endpoint;
    bool user_route = endpoint != NULL && (endpoint->flags & OWU_USER_ROUTE) != 0;
    const char *hint = endpoint != NULL ? endpoint->not_found_hint : NULL;
    if (kwargs != NULL && args != NULL && put_request(kwargs, facts) == 0 &&
        put_answer(kwargs, facts->answer, SIZE_MAX) == 0 &&
        put(kwargs, "retry_after",
            facts->answer->retry_after < 0 ? Py_NewRef(Py_None)
                                           : PyFloat_FromDouble(facts->answer->retry_after)) == 0 &&
        put(kwargs, "detail", answer_detail(state, facts->answer)) == 0 &&
        put(kwargs, "user_route", PyBool_FromLong(user_route)) == 0 &&
        put(kwargs, "hint", text_or_none(hint)) == 0) {
        raise_made(state, "from_answer", args, kwargs);
    }
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
}

/* Everything else: errors.from_failure makes one of this class. */
static void raise_failure(ModuleState *state, const char *name, unsigned wanted,
                          const owu_error *err, const CallFacts *facts) {
    const char *base_url = facts->client != NULL ? owu_client_base_url(facts->client) : NULL;
    PyObject *kwargs = PyDict_New();
    PyObject *message =
        PyUnicode_DecodeUTF8(err->message, (Py_ssize_t)strlen(err->message), "replace");
    PyObject *args = message == NULL ? NULL : Py_BuildValue("(sO)", name, message);
    if (kwargs != NULL && args != NULL && put_request(kwargs, facts) == 0 &&
        put(kwargs, "base_url", text_or_none(base_url)) == 0 &&
        put_facts(state, kwargs, wanted, err, facts) == 0) {
        raise_made(state, "from_failure", args, kwargs);
    }
    Py_XDECREF(kwargs);
    Py_XDECREF(message);
    Py_XDECREF(args);
}

PyObject *owu_raise_call(ModuleState *state, const owu_error *err, const CallFacts *facts) {
    owu_status code = err->code;
    if (PyErr_Occurred()) {
        return NULL; /* for instance what a signal handler raised */
    }
    if (code == OWU_ELIMIT && facts->answer != NULL && facts->answer->status != 0) {
        code = OWU_EJSON; /* the answer passed a cap of the reader */
    }
    switch (code) {
    case OWU_ENOMEM:
        PyErr_NoMemory();
        break;
    case OWU_EVALUE:
    case OWU_ELIMIT:
        PyErr_SetString(PyExc_ValueError, err->message);
        break;
    case OWU_EINTERRUPTED:
        PyErr_SetNone(PyExc_KeyboardInterrupt);
        break;
    case OWU_ESTATUS:
        raise_status(state, facts);
        break;
    default:
        if ((size_t)code < sizeof failures / sizeof *failures &&
            failures[code].class_name != NULL && (code != OWU_ESCHEMA || facts->answer != NULL)) {
            raise_failure(state, failures[code].class_name, failures[code].facts, err, facts);
        } else {
            PyErr_Format(PyExc_SystemError, "%s: %s", owu_status_name(err->code), err->message);
        }
    }
    return NULL;
}

PyObject *owu_raise_error(ModuleState *state, const owu_error *err) {
    const CallFacts none = {NULL, NULL, NULL, NULL, NULL, NULL};
    return owu_raise_call(state, err, &none);
}
