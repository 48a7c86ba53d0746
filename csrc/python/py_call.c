/* py_call.c - one call: arguments in, transfer without the GIL, result out. */
#include "pyowu.h"

#include <string.h>

/* ---------------------------------------------------------------- arguments that do not fit */

PyObject *owu_endpoint_qualname(ModuleState *state, const owu_endpoint *endpoint, bool is_async) {
    PyTypeObject *class = owu_client_class(state, endpoint->resource, is_async);
    const char *dot;
    if (class == NULL) {
        return PyErr_Occurred() ? NULL : PyUnicode_FromString(endpoint->name);
    }
    dot = strrchr(class->tp_name, '.');
    return PyUnicode_FromFormat("%s.%s", dot == NULL ? class->tp_name : dot + 1, endpoint->name);
}

/* Raise class with "UsersClient.get_users() " before a message. Returns -1. */
static int refuse(const Call *call, PyObject *class, const char *format, ...) {
    va_list arguments;
    PyObject *message, *name = NULL;
    const bool is_async = Client_is_async(call->client, call->state);
    va_start(arguments, format);
    message = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    if (message != NULL &&
        (name = owu_endpoint_qualname(call->state, call->endpoint, is_async)) != NULL) {
        PyErr_Format(class, "%U() %U", name, message);
    }
    Py_XDECREF(message);
    Py_XDECREF(name);
    return -1;
}

/* Python counts self among the positional arguments. */
static int refuse_count(const Call *call, Py_ssize_t given) {
    Py_ssize_t most = (Py_ssize_t)call->endpoint->n_params + 1, least = 1;
    while (least < most && call->endpoint->params[least - 1].required) {
        least++;
    }
    if (least < most) {
        return refuse(call, PyExc_TypeError,
                      "takes from %zd to %zd positional arguments but %zd were given", least, most,
                      given + 1);
    }
    return refuse(call, PyExc_TypeError, "takes %zd positional argument%s but %zd were given", most,
                  most == 1 ? "" : "s", given + 1);
}

/* "'a'", "'a' and 'b'", "'a', 'b', and 'c'": the required parameters without a value. */
static int refuse_missing(const Call *call) {
    const char *missing[OWU_MAX_PARAMS];
    size_t n = 0;
    PyObject *list = NULL;
    for (uint32_t i = 0; i < call->endpoint->n_params; i++) {
        if (call->endpoint->params[i].required && call->values[i] == NULL) {
            missing[n++] = call->endpoint->params[i].name;
        }
    }
    for (size_t i = 0; i < n; i++) {
        const char *joint = i == 0 ? "" : n == 2 ? " and " : i + 1 == n ? ", and " : ", ";
        PyObject *longer = list == NULL ? PyUnicode_FromFormat("'%s'", missing[i])
                                        : PyUnicode_FromFormat("%U%s'%s'", list, joint, missing[i]);
        Py_XSETREF(list, longer);
        if (list == NULL) {
            return -1;
        }
    }
    (void)refuse(call, PyExc_TypeError, "missing %zu required positional argument%s: %U", n,
                 n == 1 ? "" : "s", list);
    Py_XDECREF(list);
    return -1;
}

/* ---------------------------------------------------------------- binding */

/* Index of the parameter of that name, or -1. */
static int param_index(const owu_endpoint *endpoint, PyObject *name) {
    for (uint32_t i = 0; i < endpoint->n_params; i++) {
        if (PyUnicode_CompareWithASCIIString(name, endpoint->params[i].name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Index of the body parameter, or -1. */
static int body_index(const owu_endpoint *endpoint) {
    for (uint32_t i = 0; i < endpoint->n_params; i++) {
        if (endpoint->params[i].place == OWU_IN_BODY) {
            return (int)i;
        }
    }
    return -1;
}

/* May a keyword of this name stand for a field of the model? */
static bool is_field(const owu_model *model, PyObject *name) {
    if (model->unknown == OWU_KEEP) {
        return true;
    }
    for (uint32_t i = 0; i < model->n_fields; i++) {
        if (PyUnicode_CompareWithASCIIString(name, model->fields[i].python_name) == 0 ||
            PyUnicode_CompareWithASCIIString(name, model->fields[i].name) == 0) {
            return true;
        }
    }
    return false;
}

/* A keyword that is no parameter: a field of the form, collected in a dict that is made for it. */
static int bind_field(const Call *call, int body, PyObject *name, PyObject *value,
                      PyObject **fields) {
    const owu_model *model = body >= 0 && call->endpoint->params[body].type.kind == OWU_MODEL
                                 ? call->endpoint->params[body].type.model
                                 : NULL;
    if (model == NULL || !is_field(model, name)) {
        return refuse(call, PyExc_TypeError, "got an unexpected keyword argument '%U'", name);
    }
    if (*fields == NULL && (*fields = PyDict_New()) == NULL) {
        return -1;
    }
    return PyDict_SetItem(*fields, name, value);
}

static int bind_keywords(Call *call, PyObject *const *values, PyObject *kwnames,
                         PyObject **fields) {
    int body = body_index(call->endpoint);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(kwnames); i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        int index = param_index(call->endpoint, name);
        if (index < 0) {
            if (bind_field(call, body, name, values[i], fields) < 0) {
                return -1;
            }
        } else if (call->values[index] != NULL) {
            return refuse(call, PyExc_TypeError, "got multiple values for argument '%U'", name);
        } else {
            call->values[index] = Py_NewRef(values[i]);
        }
    }
    if (*fields != NULL && call->values[body] != NULL && call->values[body] != Py_None) {
        return refuse(call, PyExc_TypeError,
                      "takes either '%s' or keywords for its fields, not both",
                      call->endpoint->params[body].name);
    }
    if (*fields != NULL) {
        Py_XSETREF(call->values[body], Py_NewRef(*fields));
    }
    return 0;
}

/* As Python itself would. */
int Call_bind(Call *call, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    PyObject *fields = NULL;
    int failed = -1;
    if (call->endpoint->n_params > OWU_MAX_PARAMS) {
        PyErr_SetString(PyExc_SystemError, "a call of the table has too many parameters");
        return -1;
    }
    if (nargs > (Py_ssize_t)call->endpoint->n_params) {
        return refuse_count(call, nargs);
    }
    for (Py_ssize_t i = 0; i < nargs; i++) {
        call->values[i] = Py_NewRef(args[i]);
    }
    if (kwnames != NULL && bind_keywords(call, args + nargs, kwnames, &fields) < 0) {
        goto done;
    }
    for (uint32_t i = 0; i < call->endpoint->n_params; i++) {
        const owu_param *param = &call->endpoint->params[i];
        if (param->required && call->values[i] == NULL) {
            (void)refuse_missing(call);
            goto done;
        }
        if (!param->required && call->values[i] == Py_None) {
            Py_CLEAR(call->values[i]); /* as if it had not been given */
        }
    }
    failed = 0;
done:
    Py_XDECREF(fields);
    return failed;
}

/* ---------------------------------------------------------------- conversion */

/* A fault of an argument: of its type TypeError, of its value ValueError. Never the value. */
static int refuse_fault(const Call *call, const owu_param *param, PyObject *value,
                        FaultList *faults) {
    PyObject *fault = faults->list == NULL ? NULL : PyList_GetItem(faults->list, 0);
    PyObject *type = fault == NULL ? NULL : owu_dict_item(fault, "type");
    PyObject *msg = type == NULL ? NULL : owu_dict_item(fault, "msg");
    if (msg == NULL) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_SystemError, "an argument was refused without a reason");
        }
    } else {
        const char *text = PyUnicode_AsUTF8(type);
        size_t len = text == NULL ? 0 : strlen(text);
        bool by_type = len > 5 && strcmp(text + len - 5, "_type") == 0;
        (void)refuse(call, by_type ? PyExc_TypeError : PyExc_ValueError,
                     "argument '%s': %U%s%.100s", param->name, msg, by_type ? ", not " : "",
                     by_type ? Py_TYPE(value)->tp_name : "");
    }
    Py_CLEAR(faults->list);
    return -1;
}

static int check_bounds(const Call *call, const owu_param *param, const owu_cell *cell) {
    bool bounded = param->min != 0 || param->max != 0;
    if (!bounded || (cell->tag == OWU_TAG_INT && cell->u.integer >= param->min &&
                     cell->u.integer <= param->max)) {
        return 0;
    }
    return refuse(call, PyExc_ValueError, "argument '%s' must be from %lld to %lld", param->name,
                  (long long)param->min, (long long)param->max);
}

/* An id is a str and nothing else: a number or an object that prints well is a mistake. */
static int check_path_argument(const Call *call, const owu_param *param, PyObject *value) {
    if (PyUnicode_Check(value)) {
        return 0;
    }
    return refuse(call, PyExc_TypeError, "argument '%s' must be str, not %.100s%s", param->name,
                  Py_TYPE(value)->tp_name,
                  Model_check(call->state, value) ? ": pass its id, for instance user.id" : "");
}

/* A scalar argument as a cell; the converted value is kept because the cell borrows its text. */
static int convert_scalar(Call *call, uint32_t index) {
    const owu_param *param = &call->endpoint->params[index];
    FaultList faults = {NULL, false};
    PyObject *value = call->values[index], *made = NULL;
    int got;
    if (param->place == OWU_IN_PATH && check_path_argument(call, param, value) < 0) {
        return -1;
    }
    got = owu_convert(call->state, &param->type, value, 0, NULL, NULL, 0, &faults, &made);
    if (got <= 0) {
        got = got < 0 ? -1 : refuse_fault(call, param, value, &faults);
        Py_XDECREF(faults.list);
        return got;
    }
    Py_SETREF(call->values[index], made);
    if (owu_python_to_cell(made, &call->arena, &call->cells[index]) < 0) {
        return -1;
    }
    return param->type.kind == OWU_INT ? check_bounds(call, param, &call->cells[index]) : 0;
}

/* ---------------------------------------------------------------- the body */

/* A form is its own class, a dict, or keywords; another model is a mistake that is named. */
static int check_form(const Call *call, const owu_param *param, PyObject *value) {
    const owu_model *model = param->type.model;
    PyTypeObject *class = owu_class_of(call->state, model)->type;
    const int fits =
        Model_check(call->state, value) ? PyObject_TypeCheck(value, class) : owu_is_mapping(value);
    if (fits != 0) {
        return fits < 0 ? -1 : 0;
    }
    return refuse(call, PyExc_TypeError,
                  "argument '%s' must be a %s, a dict or keywords for its fields, not %.100s",
                  param->name, model->name, Py_TYPE(value)->tp_name);
}

/* Is this the form itself, {"variables": {…}}, rather than the value of its one field? */
static int is_whole_form(PyObject *value, const owu_field *field) {
    PyObject *inner;
    int is_form;
    if (PyMapping_Size(value) != 1) {
        return PyErr_Occurred() ? -1 : 0;
    }
    inner = PyMapping_GetItemString(value, field->name);
    if (inner == NULL) {
        return owu_clear_error();
    }
    is_form = owu_is_mapping(inner);
    Py_DECREF(inner);
    return is_form;
}

/* The form around the bare value of its one field, where the call takes that (new reference). */
static PyObject *complete_form(const Call *call, const owu_param *param, PyObject *value) {
    const owu_field *field;
    int whole = (call->endpoint->flags & OWU_BARE_BODY) == 0 ? 0 : owu_is_mapping(value);
    if (whole <= 0) {
        return whole < 0 ? NULL : Py_NewRef(value);
    }
    field = &param->type.model->fields[0];
    whole = is_whole_form(value, field);
    return whole < 0 ? NULL : whole ? Py_NewRef(value) : Py_BuildValue("{sO}", field->name, value);
}

/* The body parameter as a value that is fit to be written. */
static int convert_body(Call *call, const owu_param *param, PyObject *value, PyObject **out) {
    FaultList faults = {NULL, false};
    int got;
    if (param->type.kind == OWU_ANY) {
        *out = Py_NewRef(value);
        return 0;
    }
    if (param->type.kind == OWU_MODEL && check_form(call, param, value) < 0) {
        return -1;
    }
    got = owu_convert(call->state, &param->type, value, 0, NULL, NULL, 0, &faults, out);
    if (got == 0) {
        if (param->type.kind == OWU_MODEL) {
            (void)FaultList_raise(&faults, call->state, param->type.model->name);
        } else {
            (void)refuse_fault(call, param, value, &faults);
        }
    }
    Py_XDECREF(faults.list);
    return got <= 0 ? -1 : 0;
}

static int write_body(Call *call, uint32_t index) {
    const owu_param *param = &call->endpoint->params[index];
    PyObject *given = complete_form(call, param, call->values[index]), *value = NULL;
    owu_writer writer;
    int failed = given == NULL ? -1 : convert_body(call, param, given, &value);
    Py_XDECREF(given);
    if (failed < 0) {
        return -1;
    }
    owu_writer_init(&writer, &call->body, -1);
    failed = param->type.kind == OWU_MODEL
                 ? Model_write_body(value, &writer)
                 : owu_write_python(call->state, &writer, value, NULL, NULL);
    Py_DECREF(value);
    if (failed == 0 && call->body.status != OWU_OK) {
        failed = call->body.status == OWU_ENOMEM
                     ? (PyErr_NoMemory(), -1)
                     : owu_raise_serialization(call->state, NULL, "the body passes %zu bytes",
                                               OWU_MAX_REQUEST);
    }
    return failed;
}

/* ---------------------------------------------------------------- passwords */

/* The UTF-8 length of the text under one key of the body; -1 when there is none, -2 on failure. */
static Py_ssize_t body_text_length(const Call *call, const char *key) {
    owu_buffer pointer = {0}, text = {0};
    PyObject *value = NULL;
    Py_ssize_t length = -2;
    owu_status status;
    (void)owu_buffer_append_char(&pointer, '/');
    (void)owu_buffer_append_text(&pointer, key);
    status = owu_buffer_terminate(&pointer);
    if (status == OWU_OK) {
        status = owu_json_pointer(&text, call->body.data, call->body.len, pointer.data, NULL);
    }
    if (status == OWU_ENOMEM) {
        PyErr_NoMemory();
        goto done;
    }
    if (status != OWU_OK) {
        length = -1;
        goto done;
    }
    value = owu_json_to_python(call->state, text.data, text.len, true);
    if (value == NULL) {
        goto done;
    }
    if (!PyUnicode_Check(value)) {
        length = -1;
    } else if (PyUnicode_AsUTF8AndSize(value, &length) == NULL) {
        length = -2;
    }
done:
    if (text.data != NULL) {
        memset(text.data, 0, text.len);
    }
    owu_buffer_free(&pointer);
    owu_buffer_free(&text);
    Py_XDECREF(value);
    return length;
}

/* Servers that hash with bcrypt use 72 bytes of a password; older ones fail with status 500. */
static int check_passwords(const Call *call, uint32_t index) {
    const owu_model *model = call->endpoint->params[index].type.model;
    Py_ssize_t limit = call->client->password_limit;
    if ((call->endpoint->flags & OWU_CHECKS_PASSWORD) == 0 || limit == 0 || model == NULL) {
        return 0;
    }
    for (uint32_t i = 0; i < model->n_fields; i++) {
        const owu_field *field = &model->fields[i];
        Py_ssize_t length = -1;
        if ((field->flags & OWU_SECRET) != 0 && field->type.kind == OWU_STR) {
            length = body_text_length(call, field->name);
        }
        if (length == -2) {
            return -1;
        }
        if (length > limit) {
            return refuse(call, PyExc_ValueError,
                          "'%s' is %zd bytes long in UTF-8, but servers that hash with bcrypt take "
                          "at most %zd: choose a shorter one, or make the client with "
                          "password_limit=None when the server uses argon2",
                          field->python_name, length, limit);
        }
    }
    return 0;
}

/* ---------------------------------------------------------------- the three strokes */

static int prepare_argument(Call *call, uint32_t index) {
    const owu_param *param = &call->endpoint->params[index];
    if (call->values[index] == NULL) {
        call->cells[index] = param->def;
    } else if (param->place == OWU_IN_BODY) {
        return write_body(call, index) < 0 ? -1 : check_passwords(call, index);
    } else if (convert_scalar(call, index) < 0) {
        return -1;
    }
    if (param->place == OWU_IN_CLIENT && call->cells[index].tag == OWU_TAG_BOOL &&
        !call->cells[index].u.boolean) {
        call->switched_off = true;
    }
    return 0;
}

int Call_convert(Call *call) {
    for (uint32_t i = 0; call->kind == CALL_ENDPOINT && i < call->endpoint->n_params; i++) {
        if (prepare_argument(call, i) < 0) {
            return -1;
        }
    }
    return 0;
}

int Call_take_key(Call *call) {
    return call->kind != CALL_FAREWELL && call->key == NULL
               ? Client_call_key(call->client, &call->key)
               : 0;
}

/* The key of this call, and its options. */
static int take_options(Call *call, ClientOptions *options) {
    if (Call_take_key(call) < 0 || Client_options(call->client, call->key, options) < 0) {
        return -1;
    }
    options->options.raw = call->client->raw || call->kind == CALL_REQUEST;
    Client_mark_used(call->client);
    return 0;
}

static owu_status send_and_wait(Call *call, const owu_options *options, char version[32],
                                owu_error *err) {
    owu_client *client = call->client->client;
    const char *body = call->body.len == 0 ? NULL : call->body.data;
    switch (call->kind) {
    case CALL_ENDPOINT:
        return owu_client_call(client, call->endpoint, call->cells, body, call->body.len, options,
                               call->answer, err);
    case CALL_REQUEST:
        return owu_client_request(client, call->method, call->target.data, call->target.len, body,
                                  call->body.len, options, call->answer, err);
    case CALL_VERSION:
        return owu_client_version(client, version, options, &call->answer->retries, err);
    case CALL_FAREWELL:
        break;
    }
    return OWU_OK;
}

PyObject *Call_block(Call *call) {
    ClientOptions options;
    owu_answer answer;
    owu_error err;
    Blocking blocking;
    char version[32];
    PyObject *result = NULL;
    memset(&answer, 0, sizeof answer);
    if (take_options(call, &options) < 0 ||
        Blocking_begin(&blocking, call->state, call->client, &options.options) < 0) {
        return NULL;
    }
    call->answer = &answer;
    call->err = &err;
    call->version = version;
    call->status = send_and_wait(call, &options.options, version, &err);
    Blocking_end(&blocking);
    result = Call_finish(call);
    call->answer = NULL;
    owu_answer_free(&answer);
    return result;
}

/* ---------------------------------------------------------------- calls that do not block */

static owu_status make_job(Call *call, const owu_options *options, owu_error *err) {
    owu_client *client = call->client->client;
    switch (call->kind) {
    case CALL_ENDPOINT:
        return owu_job_new(&call->job, client, call->endpoint, call->cells, &call->body, options,
                           err);
    case CALL_REQUEST:
        return owu_job_new_request(&call->job, client, call->method, call->target.data,
                                   call->target.len, &call->body, options, err);
    case CALL_VERSION:
        return owu_job_new_version(&call->job, client, options, err);
    case CALL_FAREWELL:
        return owu_job_new_farewell(&call->job, client, err);
    }
    return OWU_OK;
}

/* Marks that somebody listens; never called. */
static bool observed(void *context, const owu_event *event) {
    (void)context;
    (void)event;
    return false;
}

int Call_start(Call *call, owu_port *port, void *context) {
    ClientOptions options;
    owu_error err;
    int listens;
    if (take_options(call, &options) < 0) {
        return -1;
    }
    listens = Client_is_observed(call->client, call->state);
    if (listens < 0) {
        return -1;
    }
    options.options.observe = listens == 1 ? observed : NULL;
    if (make_job(call, &options.options, &err) != OWU_OK ||
        owu_job_start(call->job, port, context, &err) != OWU_OK) {
        (void)owu_raise_error(call->state, &err);
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- results */

/* URL of the call without its query; the bare template where the arguments make none. */
static PyObject *call_url(const Call *call) {
    owu_buffer target = {0};
    PyObject *url;
    if (call->kind == CALL_REQUEST) {
        return Client_url(call->client, call->target.data, call->target.len);
    }
    if (call->kind != CALL_ENDPOINT) {
        return Client_url(call->client, owu_version_path, strlen(owu_version_path));
    }
    if (owu_endpoint_target(&target, call->endpoint, call->cells, NULL) == OWU_OK) {
        url = Client_url(call->client, target.data, target.len);
    } else {
        url = Client_url(call->client, call->endpoint->path, strlen(call->endpoint->path));
    }
    owu_buffer_free(&target);
    return url;
}

/* What was sent; where nothing was, what would have been. */
static const char *method_of(const Call *call) {
    if (call->answer->method != NULL) {
        return call->answer->method;
    }
    return call->kind == CALL_ENDPOINT  ? call->endpoint->method
           : call->kind == CALL_REQUEST ? call->method
                                        : "GET";
}

static PyObject *raise_failure(const Call *call, const owu_error *err) {
    CallFacts facts = {call->client->client, call->endpoint, method_of(call), NULL, call->key,
                       call->answer};
    PyObject *url;
    if (PyErr_Occurred()) {
        return NULL; /* a signal handler raised while the call waited */
    }
    url = call_url(call);
    if (url != NULL) {
        facts.url = url;
        (void)owu_raise_call(call->state, err, &facts);
        Py_DECREF(url);
    }
    return NULL;
}

/* Make the answer's token the client's key. An answer without one (two-step, pending) has none. */
static int adopt_token(const Call *call) {
    owu_buffer text = {0};
    PyObject *token = NULL;
    int failed = -1;
    owu_status status =
        owu_json_pointer(&text, call->answer->body.data, call->answer->body.len, "/token", NULL);
    if (status != OWU_OK) {
        failed = status == OWU_ENOMEM ? (PyErr_NoMemory(), -1) : 0;
        goto done;
    }
    token = owu_json_to_python(call->state, text.data, text.len, true);
    if (token == NULL) {
        goto done;
    }
    failed = PyUnicode_Check(token) && PyUnicode_GET_LENGTH(token) > 0
                 ? Client_set_key(call->client, token)
                 : 0;
    if (failed != 0 && PyErr_ExceptionMatches(PyExc_ValueError)) {
        owu_error err;
        PyErr_Clear();
        (void)owu_fail(&err, OWU_EJSON,
                       "signed in, but the token that came is not one that can be sent");
        (void)raise_failure(call, &err);
    }
done:
    if (text.data != NULL) {
        memset(text.data, 0, text.len);
    }
    owu_buffer_free(&text);
    Py_XDECREF(token);
    return failed;
}

/* What a call changes in the client itself: its key, after signing in or out. */
static int update_key(const Call *call) {
    unsigned flags = call->endpoint->flags;
    if (call->switched_off || call->answer->status < 200 || call->answer->status > 299) {
        return 0;
    }
    if ((flags & OWU_ADOPTS_TOKEN) != 0) {
        return adopt_token(call);
    }
    return (flags & OWU_DROPS_TOKEN) != 0 ? Client_set_key(call->client, NULL) : 0;
}

static PyObject *raw_response(Call *call) {
    PyObject *url = call_url(call), *result = NULL;
    if (url != NULL) {
        result = RawResponse_new(call->state, call->client, call->endpoint, method_of(call), url,
                                 call->key, call->answer);
        Py_DECREF(url);
    }
    return result;
}

PyObject *Call_finish(Call *call) {
    if (call->job != NULL) {
        call->status = owu_job_outcome(call->job, &call->answer, &call->err);
        call->version = owu_job_version(call->job);
    }
    if (call->status != OWU_OK || PyErr_Occurred()) {
        return raise_failure(call, call->err);
    }
    switch (call->kind) {
    case CALL_VERSION:
        return PyUnicode_DecodeUTF8(call->version, (Py_ssize_t)strlen(call->version), "replace");
    case CALL_FAREWELL:
        Py_RETURN_NONE;
    case CALL_REQUEST:
        return raw_response(call);
    case CALL_ENDPOINT:
        break;
    }
    if (update_key(call) < 0) {
        return NULL;
    }
    if (call->client->raw) {
        return raw_response(call);
    }
    if (call->endpoint->answer.kind == OWU_BYTES) {
        return PyBytes_FromStringAndSize(call->answer->body.data,
                                         (Py_ssize_t)call->answer->body.len);
    }
    return owu_value_to_python(call->state, &call->endpoint->answer,
                               owu_document_value(call->answer->document), call->answer->document,
                               false);
}

void Call_clear(Call *call) {
    for (size_t i = 0; i < OWU_MAX_PARAMS; i++) {
        Py_CLEAR(call->values[i]);
    }
    if (call->body.data != NULL) {
        memset(call->body.data, 0, call->body.len); /* it may hold a password */
    }
    owu_buffer_free(&call->body);
    owu_buffer_free(&call->target);
    owu_arena_free(&call->arena);
    Py_CLEAR(call->key);
    owu_job_unref(call->job);
    call->job = NULL;
    call->answer = NULL;
}
