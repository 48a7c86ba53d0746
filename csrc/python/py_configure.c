/* py_configure.c - what a client is made of: arguments and environment, checked. */
#include "pyowu.h"

#include <math.h>
#include <string.h>

#define DEFAULT_PASSWORD_LIMIT 72 /* bytes that bcrypt uses */
#define USER_AGENT "openwebui_users/" OWU_VERSION " (Python " PY_VERSION ")"

const char *const owu_default_user_agent = USER_AGENT;

/* ---------------------------------------------------------------- texts */

/* A plain refusal of the configuration. Returns -1. */
static int refuse(ModuleState *state, const char *message) {
    (void)owu_raise(state, "ConfigurationError", "%s", message);
    return -1;
}

/* Variable of os.environ: new reference; Py_None when it is not set or empty. */
static PyObject *environment(const char *name) {
    PyObject *os = PyImport_ImportModule("os");
    PyObject *variables = os == NULL ? NULL : PyObject_GetAttrString(os, "environ");
    PyObject *value =
        variables == NULL ? NULL : PyObject_CallMethod(variables, "get", "ss", name, "");
    if (value != NULL && PyUnicode_Check(value) && PyUnicode_GET_LENGTH(value) == 0) {
        Py_SETREF(value, Py_NewRef(Py_None));
    }
    Py_XDECREF(os);
    Py_XDECREF(variables);
    return value;
}

/* UTF-8 of an argument that must be str. The text of an exception of Python's own would show the
 * value, which may be a key: lone surrogates are refused without it. */
static const char *text_of(ModuleState *state, const char *what, PyObject *value, Py_ssize_t *len) {
    const char *text;
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %.100s", what, Py_TYPE(value)->tp_name);
        return NULL;
    }
    text = PyUnicode_AsUTF8AndSize(value, len);
    if (text == NULL && PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) {
        PyErr_Clear();
        (void)owu_raise(state, "ConfigurationError", "%s holds a lone surrogate", what);
    }
    return text;
}

/* Keys are visible ASCII. What else is in one came with it from a file or a copy: say so. */
static int check_key(ModuleState *state, const char *key, Py_ssize_t len) {
    for (Py_ssize_t i = 0; i < len; i++) {
        if (key[i] <= ' ' || key[i] > '~') {
            (void)owu_raise(
                state, "ConfigurationError",
                "api_key holds a %s at position %zd: keys are made of letters, digits "
                "and punctuation only%s",
                key[i] == ' '                                     ? "space"
                : (unsigned char)key[i] < ' ' || key[i] == '\x7f' ? "control character"
                                                                  : "character",
                i, key[i] == '\n' || key[i] == '\r' ? "; was it read with its line end?" : "");
            return -1;
        }
    }
    return 0;
}

/* A refusal of the core while a client is configured. Returns -1. */
static int raise_configuration(ModuleState *state, const owu_error *err) {
    if (err->code == OWU_EVALUE || err->code == OWU_ELIMIT) {
        return refuse(state, err->message);
    }
    (void)owu_raise_error(state, err);
    return -1;
}

/* ---------------------------------------------------------------- numbers */

/* Seconds; None and infinity: no limit (0). */
static int read_seconds(ModuleState *state, const char *name, PyObject *value, double *out) {
    double seconds;
    if (value == NULL) {
        return 0;
    }
    if (value == Py_None) {
        *out = 0;
        return 0;
    }
    seconds = PyBool_Check(value) || PyUnicode_Check(value) ? -1.0 : PyFloat_AsDouble(value);
    if (PyErr_Occurred() || PyBool_Check(value) || PyUnicode_Check(value)) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError, "%s must be a number of seconds or None, not %.100s", name,
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    if (isnan(seconds) || seconds <= 0) {
        (void)owu_raise(state, "ConfigurationError",
                        "%s must be more than 0 seconds; None means no limit", name);
        return -1;
    }
    *out = isinf(seconds) ? 0 : seconds;
    return 0;
}

/* A whole number of bytes of at least one; with none_allowed None means no limit (0). */
static int read_bytes(ModuleState *state, const char *name, PyObject *value, bool none_allowed,
                      Py_ssize_t *out) {
    Py_ssize_t bytes;
    if (value == NULL) {
        return 0;
    }
    if (value == Py_None && none_allowed) {
        *out = 0;
        return 0;
    }
    if (!PyLong_Check(value) || PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be a number of bytes%s, not %.100s", name,
                     none_allowed ? " or None" : "", Py_TYPE(value)->tp_name);
        return -1;
    }
    bytes = PyLong_AsSsize_t(value);
    if (bytes < 1) {
        PyErr_Clear();
        (void)owu_raise(state, "ConfigurationError", "%s must be from 1 to %zd bytes", name,
                        PY_SSIZE_T_MAX);
        return -1;
    }
    *out = bytes;
    return 0;
}

/* ---------------------------------------------------------------- extra headers */

static bool is_token(const char *text) {
    static const char punctuation[] = "!#$%&'*+-.^_`|~";
    const char *c;
    for (c = text; *c != '\0'; c++) {
        bool word =
            (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z');
        if (!word && strchr(punctuation, *c) == NULL) {
            return false;
        }
    }
    return c != text;
}

/* Headers that the client itself sets, and those that would change how the message is framed. */
static bool is_reserved(const char *name) {
    static const char *const reserved[] = {
        "authorization", "host",    "content-length", "transfer-encoding",   "connection", "te",
        "trailer",       "upgrade", "expect",         "proxy-authorization", "user-agent"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
        if (PyOS_stricmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "Name: value" as bytes. The value is never shown: it may be a credential of a proxy. */
static PyObject *header_line(ModuleState *state, PyObject *name, PyObject *value) {
    Py_ssize_t name_len, value_len;
    const char *name_text = text_of(state, "the name of an extra header", name, &name_len);
    const char *value_text =
        name_text == NULL ? NULL
                          : text_of(state, "the value of an extra header", value, &value_len);
    owu_error err;
    if (value_text == NULL) {
        return NULL;
    }
    if ((Py_ssize_t)strlen(name_text) != name_len || !is_token(name_text)) {
        return owu_raise(state, "ConfigurationError",
                         "extra_headers holds a name that no header has");
    }
    if (is_reserved(name_text)) {
        return owu_raise(state, "ConfigurationError",
                         "extra_headers may not set %s: the client does", name_text);
    }
    if (value_len == 0) {
        return owu_raise(state, "ConfigurationError", "the extra header %s has no value",
                         name_text);
    }
    if (owu_header_check(name_text, value_text, (size_t)value_len, &err) != OWU_OK) {
        (void)raise_configuration(state, &err);
        return NULL;
    }
    return PyBytes_FromFormat("%s: %s", name_text, value_text);
}

/* Check extra_headers and make a tuple of lines; *lines is NULL when there are none. */
static int read_headers(ModuleState *state, PyObject *given, PyObject **copy, PyObject **lines) {
    PyObject *items = NULL;
    Py_ssize_t n;
    int failed = -1;
    *copy = PyDict_New();
    if (*copy == NULL) {
        return -1;
    }
    if (!PyMapping_Check(given) || !PyObject_HasAttrString(given, "keys")) {
        PyErr_Format(PyExc_TypeError, "extra_headers must be a mapping of str to str, not %.100s",
                     Py_TYPE(given)->tp_name);
        goto done;
    }
    if (PyDict_Update(*copy, given) < 0 || (items = PyDict_Items(*copy)) == NULL) {
        goto done;
    }
    n = PyList_GET_SIZE(items);
    if (n > CLIENT_MAX_EXTRA_HEADERS) {
        (void)owu_raise(state, "ConfigurationError", "more than %d extra headers",
                        CLIENT_MAX_EXTRA_HEADERS);
        goto done;
    }
    *lines = n == 0 ? NULL : PyTuple_New(n);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *item = PyList_GET_ITEM(items, i);
        PyObject *line = *lines == NULL ? NULL
                                        : header_line(state, PyTuple_GET_ITEM(item, 0),
                                                      PyTuple_GET_ITEM(item, 1));
        if (line == NULL) {
            goto done;
        }
        PyTuple_SET_ITEM(*lines, i, line);
    }
    failed = 0;
done:
    Py_XDECREF(items);
    if (failed != 0) {
        Py_CLEAR(*copy);
        Py_CLEAR(*lines);
    }
    return failed;
}

/* ---------------------------------------------------------------- configuration */

/* Options that a view may change. */
int Client_set_options(ClientObject *self, ModuleState *state, const ClientSettings *settings) {
    Py_ssize_t max_body = (Py_ssize_t)self->max_body;
    if (read_seconds(state, "timeout", settings->timeout, &self->timeout) < 0 ||
        read_seconds(state, "connect_timeout", settings->connect_timeout, &self->connect_timeout) <
            0 ||
        read_bytes(state, "max_body", settings->max_body, false, &max_body) < 0 ||
        read_bytes(state, "password_limit", settings->password_limit, true, &self->password_limit) <
            0) {
        return -1;
    }
    self->max_body = (size_t)max_body;
    if (settings->extra_headers != NULL) {
        PyObject *copy = NULL, *lines = NULL;
        if (settings->extra_headers != Py_None &&
            read_headers(state, settings->extra_headers, &copy, &lines) < 0) {
            return -1;
        }
        Py_XSETREF(self->extra_headers, copy);
        Py_XSETREF(self->header_lines, lines);
    }
    return 0;
}

static void set_defaults(ClientObject *self) {
    const owu_options defaults = OWU_OPTIONS_INIT;
    self->timeout = defaults.timeout;
    self->connect_timeout = defaults.connect_timeout;
    self->max_body = defaults.max_body;
    self->password_limit = DEFAULT_PASSWORD_LIMIT;
}

/* The client of the core from checked texts. */
static int make_client(ClientObject *self, ModuleState *state, PyObject *base_url,
                       PyObject *api_key) {
    Py_ssize_t url_len = 0, key_len = 0, agent_len = 0;
    const char *url = text_of(state, "base_url", base_url, &url_len), *key = NULL;
    const char *agent = USER_AGENT;
    owu_error err;
    if (url == NULL) {
        return -1;
    }
    if (api_key != Py_None) {
        key = text_of(state, "api_key", api_key, &key_len);
        if (key == NULL || check_key(state, key, key_len) < 0) {
            return -1;
        }
    }
    if (self->user_agent != NULL) {
        agent = text_of(state, "user_agent", self->user_agent, &agent_len);
        if (agent == NULL) {
            return -1;
        }
        if (owu_header_check("user_agent", agent, (size_t)agent_len, &err) != OWU_OK) {
            return raise_configuration(state, &err);
        }
    }
    if (owu_client_new(&self->client, url, (size_t)url_len, key_len == 0 ? NULL : key,
                       (size_t)key_len, agent, &err) != OWU_OK) {
        return raise_configuration(state, &err);
    }
    return 0;
}

/* An argument, or else the environment: new reference, Py_None when neither has it. */
static PyObject *given_or_environment(PyObject *given, const char *variable) {
    return given != NULL && given != Py_None ? Py_NewRef(given) : environment(variable);
}

/* Initialise an empty client from the arguments of its constructor. */
int Client_configure(ClientObject *self, const ClientSettings *settings) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    PyObject *base_url = NULL, *api_key = NULL;
    int failed = -1;
    if (state == NULL) {
        return -1;
    }
    if (self->client != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a client cannot be initialised twice");
        return -1;
    }
    set_defaults(self);
    base_url = given_or_environment(settings->base_url, "OPENWEBUI_URL");
    api_key =
        base_url == NULL ? NULL : given_or_environment(settings->api_key, "OPENWEBUI_API_KEY");
    if (api_key == NULL) {
        goto done;
    }
    if (base_url == Py_None || (PyUnicode_Check(base_url) && PyUnicode_GET_LENGTH(base_url) == 0)) {
        failed = refuse(state, "no server: give base_url, for instance "
                               "'http://localhost:8080', or set OPENWEBUI_URL");
        goto done;
    }
    if (settings->user_agent != NULL && settings->user_agent != Py_None) {
        Py_XSETREF(self->user_agent, Py_NewRef(settings->user_agent));
    }
    if (Client_set_options(self, state, settings) == 0) {
        failed = make_client(self, state, base_url, api_key);
    }
done:
    Py_XDECREF(base_url);
    Py_XDECREF(api_key);
    return failed;
}

int Client_set_key(ClientObject *self, PyObject *value) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    const char *key = NULL;
    Py_ssize_t len = 0;
    owu_error err;
    if (state == NULL) {
        return -1;
    }
    if (value != NULL && value != Py_None) {
        key = text_of(state, "api_key", value, &len);
        if (key == NULL || check_key(state, key, len) < 0) {
            return -1;
        }
    }
    if (owu_client_set_key(self->client, len == 0 ? NULL : key, (size_t)len, &err) != OWU_OK) {
        return raise_configuration(state, &err);
    }
    return 0;
}
