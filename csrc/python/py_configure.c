/* py_configure.c - what a client is made of: its options, its key and its server, checked. */
#include "pyowu.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define DEFAULT_PASSWORD_LIMIT 72 /* bytes that bcrypt uses */

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

/* ---------------------------------------------------------------- readers of options */

/*
 * Each takes the value of one option: checks it, and puts what the core needs into the client.
 * *value is what is kept and shown; a reader may replace it.
 */
typedef int Reader(ClientObject *self, ModuleState *state, const char *name, PyObject **value);

/* A whole number of bytes of at least one. */
static int read_bytes(ModuleState *state, const char *name, PyObject *value, Py_ssize_t *out) {
    Py_ssize_t bytes;
    if (!PyLong_Check(value) || PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be a number of bytes, not %.100s", name,
                     Py_TYPE(value)->tp_name);
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

static int read_max_body(ClientObject *self, ModuleState *state, const char *name,
                         PyObject **value) {
    Py_ssize_t bytes;
    if (read_bytes(state, name, *value, &bytes) < 0) {
        return -1;
    }
    self->core.max_body = (size_t)bytes;
    return 0;
}

static int read_password_limit(ClientObject *self, ModuleState *state, const char *name,
                               PyObject **value) {
    if (*value == Py_None) {
        self->password_limit = 0;
        return 0;
    }
    return read_bytes(state, name, *value, &self->password_limit);
}

static int read_bool(const char *name, PyObject *value, bool *out) {
    if (!PyBool_Check(value)) {
        PyErr_Format(PyExc_TypeError, "%s must be bool, not %.100s", name, Py_TYPE(value)->tp_name);
        return -1;
    }
    *out = value == Py_True;
    return 0;
}

static int read_follow_redirects(ClientObject *self, ModuleState *state, const char *name,
                                 PyObject **value) {
    (void)state;
    return read_bool(name, *value, &self->core.follow_redirects);
}

/* A value of openwebui_users.options: one that was given, or one made of what it says for short. */
static int as_option(ModuleState *state, const char *class_name, const char *name,
                     const char *expected, bool is_short, PyObject **value) {
    PyObject *module = owu_import_once(&state->options, "openwebui_users.options");
    PyObject *class = module == NULL ? NULL : PyObject_GetAttrString(module, class_name);
    int is_it = class == NULL ? -1 : PyObject_IsInstance(*value, class);
    PyObject *made = NULL;
    if (is_it == 0 && is_short) {
        made = PyObject_CallOneArg(class, *value);
        if (made != NULL) {
            Py_SETREF(*value, made);
            is_it = 1;
        }
    } else if (is_it == 0) {
        PyErr_Format(PyExc_TypeError, "%s must be %s, not %.100s", name, expected,
                     Py_TYPE(*value)->tp_name);
    }
    Py_XDECREF(class);
    return is_it > 0 ? 0 : -1;
}

/* Attributes of a value of options, by name; None reads as `none`. */
static int number_of(PyObject *value, const char *name, double none, double *out) {
    PyObject *number = PyObject_GetAttrString(value, name);
    if (number == NULL) {
        return -1;
    }
    *out = number == Py_None ? none : PyFloat_AsDouble(number);
    Py_DECREF(number);
    return PyErr_Occurred() ? -1 : 0;
}

static int read_timeout(ClientObject *self, ModuleState *state, const char *name,
                        PyObject **value) {
    bool is_short = *value == Py_None ||
                    ((PyFloat_Check(*value) || PyLong_Check(*value)) && !PyBool_Check(*value));
    if (as_option(state, "Timeout", name, "Timeout, a number of seconds or None", is_short, value) <
        0) {
        return -1;
    }
    return number_of(*value, "total", 0, &self->core.timeout) < 0 ||
                   number_of(*value, "connect", 0, &self->core.connect_timeout) < 0 ||
                   number_of(*value, "pool", 0, &self->core.pool_timeout) < 0
               ? -1
               : 0;
}

static int read_retry(ClientObject *self, ModuleState *state, const char *name, PyObject **value) {
    static const owu_retry standard = OWU_RETRY_INIT;
    owu_retry *retry = &self->core.retry;
    bool is_short = PyLong_Check(*value) && !PyBool_Check(*value);
    double most, none;
    PyObject *writes;
    if (*value == Py_None) {
        Py_SETREF(*value, PyLong_FromLong(0));
        is_short = true;
    }
    if (*value == NULL || as_option(state, "Retry", name, "Retry, a number of retries or None",
                                    is_short, value) < 0) {
        return -1;
    }
    if (number_of(*value, "base_delay", 0, &retry->base_delay) < 0 ||
        number_of(*value, "max_delay", 0, &retry->max_delay) < 0 ||
        number_of(*value, "jitter", 0, &retry->jitter) < 0 ||
        number_of(*value, "max_retry_after", 0, &retry->max_retry_after) < 0 ||
        number_of(*value, "max_elapsed", 0, &retry->max_elapsed) < 0) {
        return -1;
    }
    none = retry->max_elapsed > 0 ? (double)UINT_MAX : (double)standard.max_retries;
    if (number_of(*value, "max_retries", none, &most) < 0 ||
        (writes = PyObject_GetAttrString(*value, "retry_writes")) == NULL) {
        return -1;
    }
    retry->max_retries = (unsigned)most;
    retry->writes = writes == Py_True;
    Py_DECREF(writes);
    return 0;
}

static int read_hook(ClientObject *self, ModuleState *state, const char *name, PyObject **value) {
    (void)self;
    (void)state;
    if (*value != Py_None && !PyCallable_Check(*value)) {
        PyErr_Format(PyExc_TypeError, "%s must be callable or None, not %.100s", name,
                     Py_TYPE(*value)->tp_name);
        return -1;
    }
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
        "trailer",       "upgrade", "expect",         "proxy-authorization", "user-agent", "accept",
        "content-type"};
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
    if (strspn(value_text, " \t") == (size_t)value_len) {
        return owu_raise(state, "ConfigurationError", "the extra header %s has no value",
                         name_text);
    }
    if (owu_header_check(name_text, value_text, (size_t)value_len, &err) != OWU_OK) {
        (void)raise_configuration(state, &err);
        return NULL;
    }
    return PyBytes_FromFormat("%s: %s", name_text, value_text);
}

/* Has one of the lines before this one the same name? */
static bool is_repeated(PyObject *lines, Py_ssize_t index) {
    const char *line = PyBytes_AS_STRING(PyTuple_GET_ITEM(lines, index));
    const Py_ssize_t name_len = (Py_ssize_t)strcspn(line, ":") + 1;
    for (Py_ssize_t i = 0; i < index; i++) {
        if (PyOS_mystrnicmp(line, PyBytes_AS_STRING(PyTuple_GET_ITEM(lines, i)), name_len) == 0) {
            return true;
        }
    }
    return false;
}

/* Check extra_headers and make a tuple of lines; *lines is NULL when there are none. */
static int read_headers(ModuleState *state, PyObject *given, PyObject **copy, PyObject **lines) {
    PyObject *items = NULL;
    Py_ssize_t n;
    int failed = -1;
    const int is_mapping = owu_is_mapping(given);
    *copy = is_mapping < 0 ? NULL : PyDict_New();
    if (*copy == NULL) {
        return -1;
    }
    if (!is_mapping) {
        PyErr_Format(PyExc_TypeError, "extra_headers must be a mapping of str to str, not %.100s",
                     Py_TYPE(given)->tp_name);
        goto done;
    }
    if (PyDict_Update(*copy, given) < 0 || (items = PyDict_Items(*copy)) == NULL) {
        goto done;
    }
    n = PyList_GET_SIZE(items);
    if (n > OWU_MAX_EXTRA_HEADERS) {
        (void)owu_raise(state, "ConfigurationError", "more than %d extra headers",
                        OWU_MAX_EXTRA_HEADERS);
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
        if (is_repeated(*lines, i)) {
            (void)owu_raise(state, "ConfigurationError",
                            "extra_headers holds a name twice, in upper and lower case");
            goto done;
        }
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

static int read_extra_headers(ClientObject *self, ModuleState *state, const char *name,
                              PyObject **value) {
    PyObject *copy = NULL, *lines = NULL;
    (void)name;
    if (*value == Py_None) {
        copy = PyDict_New();
    } else if (read_headers(state, *value, &copy, &lines) < 0) {
        return -1;
    }
    if (copy == NULL) {
        return -1;
    }
    Py_SETREF(*value, copy);
    Py_XSETREF(self->header_lines, lines);
    return 0;
}

/* Options that are used when the client of the core is made, and only their kind is checked. */

static int read_flag(ClientObject *self, ModuleState *state, const char *name, PyObject **value) {
    bool ignored;
    (void)self;
    (void)state;
    return read_bool(name, *value, &ignored);
}

static int read_text(ClientObject *self, ModuleState *state, const char *name, PyObject **value) {
    (void)self;
    (void)state;
    if (*value != Py_None && !PyUnicode_Check(*value)) {
        PyErr_Format(PyExc_TypeError, "%s must be str or None, not %.100s", name,
                     Py_TYPE(*value)->tp_name);
        return -1;
    }
    return 0;
}

/* str, os.PathLike or None; kept as str. */
static int read_path(ClientObject *self, ModuleState *state, const char *name, PyObject **value) {
    PyObject *path;
    if (*value == Py_None) {
        return 0;
    }
    path = PyOS_FSPath(*value);
    if (path == NULL) {
        if (owu_clear_error() < 0) {
            return -1;
        }
        PyErr_Format(PyExc_TypeError, "%s must be a path or None, not %.100s", name,
                     Py_TYPE(*value)->tp_name);
        return -1;
    }
    Py_SETREF(*value, path);
    return read_text(self, state, name, value);
}

/* A path, or a tuple of the certificate's path, the key's, and optionally the key's password. */
static int read_client_cert(ClientObject *self, ModuleState *state, const char *name,
                            PyObject **value) {
    PyObject *parts;
    Py_ssize_t n;
    if (!PyTuple_Check(*value)) {
        return read_path(self, state, name, value);
    }
    n = PyTuple_GET_SIZE(*value);
    if (n != 2 && n != 3) {
        PyErr_Format(PyExc_TypeError,
                     "%s must be a path or a tuple of certificate, key and optionally the key's "
                     "password",
                     name);
        return -1;
    }
    parts = PyTuple_New(n);
    for (Py_ssize_t i = 0; parts != NULL && i < n; i++) {
        PyObject *part = Py_NewRef(PyTuple_GET_ITEM(*value, i));
        if ((i < 2 ? read_path : read_text)(self, state, name, &part) < 0) {
            Py_DECREF(part);
            Py_CLEAR(parts);
        } else {
            PyTuple_SET_ITEM(parts, i, part);
        }
    }
    if (parts == NULL) {
        return -1;
    }
    Py_SETREF(*value, parts);
    return 0;
}

static int read_max_connections(ClientObject *self, ModuleState *state, const char *name,
                                PyObject **value) {
    enum { MOST = 10000 };
    long number;
    (void)self;
    if (!PyLong_Check(*value) || PyBool_Check(*value)) {
        PyErr_Format(PyExc_TypeError, "%s must be int, not %.100s", name, Py_TYPE(*value)->tp_name);
        return -1;
    }
    number = PyLong_AsLong(*value);
    if (number < 1 || number > MOST) {
        PyErr_Clear();
        (void)owu_raise(state, "ConfigurationError", "%s must be from 1 to %d", name, MOST);
        return -1;
    }
    return 0;
}

/* ---------------------------------------------------------------- the table of options */

enum {
    OPTION_TIMEOUT,
    OPTION_RETRY,
    OPTION_EXTRA_HEADERS,
    OPTION_FOLLOW_REDIRECTS,
    OPTION_MAX_BODY,
    OPTION_PASSWORD_LIMIT,
    OPTION_ON_REQUEST,
    OPTION_ON_RESPONSE,
    OPTION_USER_AGENT,
    OPTION_VERIFY,
    OPTION_CA_FILE,
    OPTION_CLIENT_CERT,
    OPTION_PROXY,
    OPTION_TRUST_ENV,
    OPTION_UNIX_SOCKET,
    OPTION_MAX_CONNECTIONS
};

static const struct Option {
    const char *name;
    bool of_calls; /* with_options may change it; the others are part of the connections */
    const char *type;
    const char *def; /* as Python says it */
    const char *doc;
    Reader *read;
} options[] = {
    [OPTION_TIMEOUT] = {"timeout", true, "Timeout | float | None", "60.0",
                        "seconds for a whole call, retries included; None: no limit. "
                        "Timeout(total, connect=…) also limits the time to reach the server, "
                        "which is 5 seconds by default.",
                        read_timeout},
    [OPTION_RETRY] = {"retry", true, "Retry | int | None", "2",
                      "how often, and when, a request is sent again; None: never. See Retry.",
                      read_retry},
    [OPTION_EXTRA_HEADERS] = {"extra_headers", true, "Mapping[str, str] | None", "None",
                              "headers to send with every call.", read_extra_headers},
    [OPTION_FOLLOW_REDIRECTS] = {"follow_redirects", true, "bool", "False",
                                 "follow redirects of GET within the server's origin, 5 at most.",
                                 read_follow_redirects},
    [OPTION_MAX_BODY] = {"max_body", true, "int", "67108864",
                         "maximum size of an answer in bytes, decompressed.", read_max_body},
    [OPTION_PASSWORD_LIMIT] = {"password_limit", true, "int | None", "72",
                               "maximum length of a password in bytes of UTF-8; None: not checked. "
                               "Servers hash with bcrypt, which accepts 72 bytes, unless they are "
                               "configured for argon2.",
                               read_password_limit},
    [OPTION_ON_REQUEST] = {"on_request", true, "Callable[[RequestEvent], object] | None", "None",
                           "called with a RequestEvent before each attempt; an exception in it "
                           "stops the call.",
                           read_hook},
    [OPTION_ON_RESPONSE] = {"on_response", true, "Callable[[ResponseEvent], object] | None", "None",
                            "called with a ResponseEvent after each attempt.", read_hook},
    [OPTION_USER_AGENT] = {"user_agent", false, "str | None", "None",
                           "the User-Agent header; None: the versions of the package, Python and "
                           "libcurl.",
                           read_text},
    [OPTION_VERIFY] = {"verify", false, "bool", "True",
                       "whether the server's certificate is checked. False warns.", read_flag},
    [OPTION_CA_FILE] = {"ca_file", false, "str | os.PathLike[str] | None", "None",
                        "PEM file of the certificates to trust; None: those of SSL_CERT_FILE, "
                        "CURL_CA_BUNDLE or SSL_CERT_DIR, then those of the system, then those "
                        "of certifi.",
                        read_path},
    [OPTION_CLIENT_CERT] = {"client_cert", false,
                            "str | os.PathLike[str] | tuple[str | os.PathLike[str], ...] | None",
                            "None",
                            "PEM file of the client's own certificate and key, or a tuple of both "
                            "files and optionally the key's password.",
                            read_client_cert},
    [OPTION_PROXY] = {"proxy", false, "str | None", "None",
                      "address of a proxy (http, https, socks4, socks4a, socks5, socks5h) for"
                      " all requests; '': no proxy; None: http_proxy, HTTPS_PROXY, ALL_PROXY "
                      "and NO_PROXY, read when the client is created.",
                      read_text},
    [OPTION_TRUST_ENV] = {"trust_env", false, "bool", "True",
                          "whether the environment may name proxies and certificates.", read_flag},
    [OPTION_UNIX_SOCKET] = {"unix_socket", false, "str | os.PathLike[str] | None", "None",
                            "path of a socket to connect to, whatever the host of base_url.",
                            read_path},
    [OPTION_MAX_CONNECTIONS] =
        {"max_connections", false, "int", "100",
         "maximum number of requests under way at once, of all threads and "
         "tasks; further requests wait for their turn in the order in which they"
         " came. Over HTTP/2 they share connections.",
         read_max_connections},
};
enum { N_OPTIONS = sizeof options / sizeof *options };
_Static_assert((int)N_OPTIONS == (int)CLIENT_N_OPTIONS, "an option without room in ClientObject");

const char *Client_option_name(size_t index) {
    return options[index].name;
}

const char *Client_option_doc(size_t index) {
    return options[index].doc;
}

/* A default of the table as Python has it. */
static PyObject *default_of(const struct Option *option) {
    if (strcmp(option->def, "None") == 0) {
        Py_RETURN_NONE;
    }
    if (strcmp(option->def, "True") == 0 || strcmp(option->def, "False") == 0) {
        return PyBool_FromLong(option->def[0] == 'T');
    }
    if (strchr(option->def, '.') != NULL) {
        PyObject *text = PyUnicode_FromString(option->def);
        PyObject *number = text == NULL ? NULL : PyFloat_FromString(text);
        Py_XDECREF(text);
        return number;
    }
    return PyLong_FromString(option->def, NULL, 10);
}

/* Put one option into the client. */
static int set_option(ClientObject *self, ModuleState *state, size_t index, PyObject *given) {
    PyObject *value = Py_NewRef(given);
    if (options[index].read(self, state, options[index].name, &value) < 0) {
        Py_XDECREF(value);
        return -1;
    }
    Py_XSETREF(self->options[index], value);
    return 0;
}

PyObject *Client_option(ClientObject *self, size_t index) {
    PyObject *value = self->options[index];
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    if (state == NULL) {
        return NULL;
    }
    if (value != NULL) {
        return PyDict_Check(value) ? PyDict_Copy(value) : Py_NewRef(value);
    }
    if (index == OPTION_USER_AGENT) {
        return PyUnicode_FromFormat("openwebui_users/%s Python/%d.%d.%d libcurl/%s", OWU_VERSION,
                                    PY_MAJOR_VERSION, PY_MINOR_VERSION, PY_MICRO_VERSION,
                                    owu_http_library_version());
    }
    value = default_of(&options[index]);
    /* Shown in the form that they have in the client: Timeout(…), Retry(…), {}. */
    if (value != NULL &&
        (index == OPTION_TIMEOUT || index == OPTION_RETRY || index == OPTION_EXTRA_HEADERS)) {
        if (options[index].read(self, state, options[index].name, &value) < 0) {
            Py_CLEAR(value);
        }
    }
    return value;
}

PyObject *Client_hook(ClientObject *self, bool answered) {
    PyObject *hook = self->options[answered ? OPTION_ON_RESPONSE : OPTION_ON_REQUEST];
    return hook == NULL || hook == Py_None ? NULL : hook;
}

static int find_option(PyObject *name) {
    for (int i = 0; i < N_OPTIONS; i++) {
        if (PyUnicode_CompareWithASCIIString(name, options[i].name) == 0) {
            return i;
        }
    }
    return -1;
}

int Client_set_options(ClientObject *self, PyObject *kwargs, bool of_calls) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    PyObject *name, *value;
    Py_ssize_t position = 0;
    if (state == NULL) {
        return -1;
    }
    while (kwargs != NULL && PyDict_Next(kwargs, &position, &name, &value)) {
        const int index = find_option(name);
        if (index < 0) {
            PyErr_Format(PyExc_TypeError, "%.100s() got an unexpected keyword argument '%U'",
                         of_calls ? "with_options" : Py_TYPE(self)->tp_name, name);
            return -1;
        }
        if (of_calls && !options[index].of_calls) {
            PyErr_Format(PyExc_TypeError,
                         "with_options() cannot change '%U', a part of the connections: make "
                         "another client",
                         name);
            return -1;
        }
        if (set_option(self, state, (size_t)index, value) < 0) {
            return -1;
        }
    }
    return 0;
}

PyObject *owu_core_defaults(PyObject *module, PyObject *unused) {
    static const owu_options core = OWU_OPTIONS_INIT;
    const owu_retry *retry = &core.retry;
    (void)module;
    (void)unused;
    return Py_BuildValue("{s:d,s:d,s:n,s:i,s:i,s:I,s:d,s:d,s:d,s:d,s:O}", "total", core.timeout,
                         "connect", core.connect_timeout, "max_body", (Py_ssize_t)core.max_body,
                         "password_limit", DEFAULT_PASSWORD_LIMIT, "max_connections",
                         (int)OWU_MAX_CONNECTIONS, "max_retries", retry->max_retries, "base_delay",
                         retry->base_delay, "max_delay", retry->max_delay, "jitter", retry->jitter,
                         "max_retry_after", retry->max_retry_after, "retry_writes",
                         retry->writes ? Py_True : Py_False);
}

PyObject *owu_option_table(PyObject *module, PyObject *unused) {
    PyObject *list = PyList_New(N_OPTIONS);
    (void)module;
    (void)unused;
    for (Py_ssize_t i = 0; list != NULL && i < N_OPTIONS; i++) {
        const struct Option *row = &options[i];
        PyObject *dict = Py_BuildValue("{s:s,s:N,s:s,s:s,s:s}", "name", row->name, "of_calls",
                                       PyBool_FromLong(row->of_calls), "type", row->type, "default",
                                       row->def, "doc", row->doc);
        if (dict == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, dict);
        }
    }
    return list;
}

/* "…, timeout=60.0, …" and one paragraph for each, for docstrings. */
PyObject *Client_options_doc(bool signature, bool all) {
    PyObject *text = PyUnicode_FromString("");
    for (size_t i = 0; text != NULL && i < N_OPTIONS; i++) {
        const struct Option *row = &options[i];
        PyObject *more;
        if (!all && !row->of_calls) {
            continue;
        }
        more =
            signature
                ? PyUnicode_FromFormat("%U, %s=%s", text, row->name, all ? row->def : "...")
                : PyUnicode_FromFormat("%U    %s (%s): %s\n", text, row->name, row->type, row->doc);
        Py_SETREF(text, more);
    }
    return text;
}

/* ---------------------------------------------------------------- the key */

/* The UTF-8 of a key that was given; NULL with *len 0 for none; NULL with -1 for a refusal. */
static int read_key(ModuleState *state, PyObject *value, const char **key, Py_ssize_t *len) {
    *key = NULL;
    *len = 0;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    *key = text_of(state, "api_key", value, len);
    if (*key == NULL || check_key(state, *key, *len) < 0) {
        return -1;
    }
    if (*len == 0) {
        *key = NULL;
    }
    return 0;
}

int Client_set_key(ClientObject *self, PyObject *value) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    const bool source = value != NULL && PyCallable_Check(value);
    const char *key;
    Py_ssize_t len;
    owu_error err;
    if (self->own_key != NULL) { /* what a view changes is its own */
        return Client_set_own_key(self, value);
    }
    if (state == NULL || read_key(state, source ? NULL : value, &key, &len) < 0) {
        return -1;
    }
    if (owu_client_set_key(self->client, key, (size_t)len, &err) != OWU_OK) {
        return raise_configuration(state, &err);
    }
    Py_XSETREF(Client_root(self)->key_source, source ? Py_NewRef(value) : NULL);
    return 0;
}

int Client_set_own_key(ClientObject *self, PyObject *value) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    const bool source = value != NULL && PyCallable_Check(value);
    const char *key;
    Py_ssize_t len;
    if (state == NULL || read_key(state, source ? NULL : value, &key, &len) < 0) {
        return -1;
    }
    Py_XSETREF(self->own_key, Py_NewRef(source || key != NULL ? value : Py_None));
    return 0;
}

PyObject *Client_shown_key(ClientObject *self) {
    PyObject *source = Client_root(self)->key_source, *text;
    owu_buffer key = {0};
    if (self->own_key != NULL || source != NULL) {
        return Py_NewRef(self->own_key != NULL ? self->own_key : source);
    }
    if (owu_client_key(self->client, &key) != OWU_OK) {
        text = PyErr_NoMemory();
    } else {
        text = key.len == 0 ? Py_NewRef(Py_None)
                            : PyUnicode_DecodeUTF8(key.data, (Py_ssize_t)key.len, "replace");
    }
    if (key.data != NULL) {
        memset(key.data, 0, key.len);
    }
    owu_buffer_free(&key);
    return text;
}

int Client_call_key(ClientObject *self, PyObject **out) {
    PyObject *source = self->own_key != NULL ? self->own_key : Client_root(self)->key_source;
    *out = NULL;
    if (source == NULL) {
        return 0;
    }
    if (!PyCallable_Check(source)) {
        *out = Py_NewRef(source);
        return 0;
    }
    Py_INCREF(source); /* it may replace itself */
    *out = PyObject_CallNoArgs(source);
    Py_DECREF(source);
    return *out == NULL ? -1 : 0;
}

int Client_use_key(ClientObject *self, PyObject *given, owu_options *out) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    const char *key;
    Py_ssize_t len;
    if (state == NULL || read_key(state, given, &key, &len) < 0) {
        return -1;
    }
    out->api_key = key == NULL ? "" : key;
    out->api_key_len = (size_t)len;
    return 0;
}

/* ---------------------------------------------------------------- configuration */

/* A text without NUL of an option; *out stays NULL for None. */
static int option_text(ModuleState *state, const char *name, PyObject *value, const char **out) {
    Py_ssize_t len;
    if (value == NULL || value == Py_None) {
        return 0;
    }
    *out = text_of(state, name, value, &len);
    if (*out != NULL && (Py_ssize_t)strlen(*out) != len) {
        (void)owu_raise(state, "ConfigurationError", "%s holds NUL", name);
        return -1;
    }
    return *out == NULL ? -1 : 0;
}

/* The first of these variables that is set and not empty: borrowed from keep, which owns it. */
static int first_variable(ModuleState *state, PyObject *keep, const char *const *names,
                          const char **out) {
    *out = NULL;
    for (; *out == NULL && *names != NULL; names++) {
        PyObject *value = environment(*names);
        int failed = value == NULL ? -1 : PyList_Append(keep, value);
        if (failed == 0) {
            failed = option_text(state, *names, value, out);
        }
        Py_XDECREF(value);
        if (failed < 0) {
            return -1;
        }
    }
    return 0;
}

/*
 * Proxies: the one that was given, for everything, or those of the environment. They are read here,
 * under the GIL: libcurl would read them during a transfer, while another thread may change them.
 * HTTP_PROXY in capitals is none, because a CGI script gets it from a header of the request.
 */
static int fill_proxies(ClientObject *self, ModuleState *state, owu_settings *settings,
                        PyObject *keep) {
    static const char *const http[] = {"http_proxy", "all_proxy", "ALL_PROXY", NULL};
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                        NULL};
    static const char *const none[] = {"no_proxy", "NO_PROXY", NULL};
    PyObject *proxy = self->options[OPTION_PROXY];
    if (proxy != NULL && proxy != Py_None) {
        if (option_text(state, "proxy", proxy, &settings->http_proxy) < 0) {
            return -1;
        }
        settings->https_proxy = settings->http_proxy;
        return 0;
    }
    if (!settings->trust_env) {
        return 0;
    }
    return first_variable(state, keep, http, &settings->http_proxy) < 0 ||
                   first_variable(state, keep, https, &settings->https_proxy) < 0 ||
                   first_variable(state, keep, none, &settings->no_proxy) < 0
               ? -1
               : 0;
}

static int fill_settings(ClientObject *self, ModuleState *state, owu_settings *settings) {
    PyObject *cert = self->options[OPTION_CLIENT_CERT];
    const bool has_parts = cert != NULL && PyTuple_Check(cert);
    PyObject *key = has_parts ? PyTuple_GET_ITEM(cert, 1) : NULL;
    PyObject *password =
        has_parts && PyTuple_GET_SIZE(cert) == 3 ? PyTuple_GET_ITEM(cert, 2) : NULL;
    const struct {
        const char *name;
        PyObject *value;
        const char **out;
    } texts[] = {
        {"user_agent", self->options[OPTION_USER_AGENT], &settings->user_agent},
        {"ca_file", self->options[OPTION_CA_FILE], &settings->ca_file},
        {"client_cert", has_parts ? PyTuple_GET_ITEM(cert, 0) : cert, &settings->client_cert},
        {"client_cert", key, &settings->client_key},
        {"client_cert", password, &settings->client_key_password},
        {"unix_socket", self->options[OPTION_UNIX_SOCKET], &settings->unix_socket},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (option_text(state, texts[i].name, texts[i].value, texts[i].out) < 0) {
            return -1;
        }
    }
    settings->insecure = self->options[OPTION_VERIFY] == Py_False;
    settings->trust_env = self->options[OPTION_TRUST_ENV] != Py_False;
    if (self->options[OPTION_MAX_CONNECTIONS] != NULL) { /* checked when it was set */
        settings->max_connections = (unsigned)PyLong_AsLong(self->options[OPTION_MAX_CONNECTIONS]);
    }
    return 0;
}

/* certifi's certificates, where it is installed and the system has none: new reference, or None. */
static PyObject *find_certifi(const owu_settings *settings) {
    const char *file, *directory;
    PyObject *certifi, *path;
    if (settings->ca_file != NULL || settings->insecure ||
        owu_ca_find(settings->trust_env, &file, &directory)) {
        Py_RETURN_NONE;
    }
    certifi = PyImport_ImportModule("certifi");
    if (certifi == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_ImportError)) {
            return NULL;
        }
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    path = PyObject_CallMethod(certifi, "where", NULL);
    Py_DECREF(certifi);
    return path;
}

static int warn_insecure(ModuleState *state) {
    PyObject *class = owu_error_class(state, "InsecureConnectionWarning");
    int failed = class == NULL
                     ? -1
                     : PyErr_WarnEx(class,
                                    "verify=False: the server's certificate is not checked, so "
                                    "anybody on the way can read and change everything; give "
                                    "ca_file for a certificate of your own",
                                    1);
    Py_XDECREF(class);
    return failed;
}

/* The client of the core, of options that were set. */
static int make_client(ClientObject *self, ModuleState *state, PyObject *base_url,
                       PyObject *api_key) {
    const bool source = PyCallable_Check(api_key) != 0;
    owu_settings settings = {.trust_env = true, .owner = PyInterpreterState_Get()};
    PyObject *agent = Client_option(self, OPTION_USER_AGENT), *certifi = NULL;
    PyObject *keep = PyList_New(0);
    Py_ssize_t url_len = 0, key_len = 0;
    int failed = -1;
    owu_error err;
    settings.user_agent = agent == NULL ? NULL : PyUnicode_AsUTF8(agent);
    settings.base_url =
        settings.user_agent == NULL ? NULL : text_of(state, "base_url", base_url, &url_len);
    if (settings.base_url == NULL || keep == NULL ||
        read_key(state, source ? NULL : api_key, &settings.api_key, &key_len) < 0 ||
        fill_settings(self, state, &settings) < 0 ||
        fill_proxies(self, state, &settings, keep) < 0 ||
        (settings.insecure && warn_insecure(state) < 0) ||
        (certifi = find_certifi(&settings)) == NULL ||
        option_text(state, "certifi.where()", certifi, &settings.ca_file) < 0) {
        goto done;
    }
    settings.base_url_len = (size_t)url_len;
    settings.api_key_len = (size_t)key_len;
    if (owu_client_new(&self->client, &settings, &err) != OWU_OK) {
        failed = raise_configuration(state, &err);
        goto done;
    }
    self->key_source = source ? Py_NewRef(api_key) : NULL;
    failed = 0;
done:
    Py_XDECREF(agent);
    Py_XDECREF(certifi);
    Py_XDECREF(keep);
    return failed;
}

/* An argument, or else the environment: new reference, Py_None when neither has it. */
static PyObject *given_or_environment(PyObject *given, const char *variable) {
    return given != NULL && given != Py_None ? Py_NewRef(given) : environment(variable);
}

int Client_configure(ClientObject *self, PyObject *base_url, PyObject *api_key, PyObject *kwargs) {
    const owu_options defaults = OWU_OPTIONS_INIT;
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    int failed = -1;
    if (state == NULL) {
        return -1;
    }
    if (self->client != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a client cannot be initialised twice");
        return -1;
    }
    self->core = defaults;
    self->password_limit = DEFAULT_PASSWORD_LIMIT;
    for (size_t i = 0; i < N_OPTIONS; i++) { /* of an attempt that failed */
        Py_CLEAR(self->options[i]);
    }
    Py_CLEAR(self->header_lines);
    base_url = given_or_environment(base_url, "OPENWEBUI_URL");
    api_key = base_url == NULL ? NULL : given_or_environment(api_key, "OPENWEBUI_API_KEY");
    if (api_key == NULL) {
        goto done;
    }
    if (base_url == Py_None || (PyUnicode_Check(base_url) && PyUnicode_GET_LENGTH(base_url) == 0)) {
        failed = refuse(state, "no server: give base_url, for instance "
                               "'http://localhost:8080', or set OPENWEBUI_URL");
        goto done;
    }
    if (Client_set_options(self, kwargs, false) == 0) {
        failed = make_client(self, state, base_url, api_key);
    }
done:
    Py_XDECREF(base_url);
    Py_XDECREF(api_key);
    return failed;
}
