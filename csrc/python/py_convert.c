/* py_convert.c - between Python values and the core's: coercion, cells, JSON text. */
#include "pyowu.h"

#include <datetime.h>
#include <math.h>
#include <string.h>

void *owu_datetime_api(void) {
    PyObject *module = PyImport_ImportModule("datetime");
    PyObject *capsule = module == NULL ? NULL : PyObject_GetAttrString(module, "datetime_CAPI");
    void *api = capsule == NULL ? NULL : PyCapsule_GetPointer(capsule, PyDateTime_CAPSULE_NAME);
    Py_XDECREF(module);
    Py_XDECREF(capsule);
    return api;
}

/* The datetime C API, imported with the first value that asks for it: without it `import
 * openwebui_users` takes half the time. False with an exception. */
static bool has_dates(void) {
    if (PyDateTimeAPI == NULL) {
        PyDateTimeAPI = owu_datetime_api();
    }
    return PyDateTimeAPI != NULL;
}

/* ---------------------------------------------------------------- JSON text to Python */

/* Containers under construction; the reader bounds the depth. */
typedef struct Builder {
    ModuleState *state;
    CachedText *texts; /* borrowed: the cache for its short texts; NULL: they are secret */
    PyObject *open[OWU_MAX_DEPTH + 1]; /* owned */
    PyObject *keys[OWU_MAX_DEPTH + 1]; /* owned: the key whose value is due, in dicts */
    int depth;
    PyObject *result; /* owned */
} Builder;

/* The first and the last bytes of a text of at least 2; they overlap where it is short. */
static void ends_of(const char *text, size_t len, uint64_t *first, uint64_t *last) {
    if (len >= 8) {
        memcpy(first, text, 8);
        memcpy(last, text + len - 8, 8);
    } else if (len >= 4) {
        uint32_t a, b;
        memcpy(&a, text, 4);
        memcpy(&b, text + len - 4, 4);
        *first = a;
        *last = b;
    } else {
        uint16_t a, b;
        memcpy(&a, text, 2);
        memcpy(&b, text + len - 2, 2);
        *first = a;
        *last = b;
    }
}

/* The str of a short text in ASCII, which the last that were made are kept of: keys, and values
 * such as roles and time zones, come again and again. Kept for as long as the process, so never of a
 * secret. */
static PyObject *cached_str(CachedText *cache, const char *text, size_t len, bool intern) {
    uint64_t first, last, hash;
    CachedText *slot;
    PyObject *result;
    ends_of(text, len, &first, &last);
    hash = (first ^ (last << 5 | last >> 59) ^ len) * UINT64_C(0x9E3779B97F4A7C15);
    slot = &cache[(size_t)(hash >> 56) % CACHED_TEXTS];
    if (slot->str != NULL && slot->first == first && slot->last == last && slot->len == len &&
        (len <= 16 || memcmp(PyUnicode_1BYTE_DATA(slot->str), text, len) == 0)) {
        return Py_NewRef(slot->str);
    }
    result = PyUnicode_New((Py_ssize_t)len, 127);
    if (result != NULL) {
        memcpy(PyUnicode_1BYTE_DATA(result), text, len);
        if (intern) {
            PyUnicode_InternInPlace(&result);
        }
        slot->first = first;
        slot->last = last;
        slot->len = len;
        Py_XSETREF(slot->str, Py_NewRef(result));
    }
    return result;
}

/* cache: NULL for a secret. */
static PyObject *text_to_str(CachedText *cache, const char *text, size_t len, unsigned flags) {
    if (len > (size_t)PY_SSIZE_T_MAX) {
        PyErr_NoMemory();
        return NULL;
    }
    if (cache != NULL && (flags & OWU_CELL_ASCII) != 0 && len > 1 && len <= CACHED_TEXT) {
        return cached_str(cache, text, len, false);
    }
    if ((flags & OWU_CELL_ASCII) != 0 && len > 1) {
        PyObject *result = PyUnicode_New((Py_ssize_t)len, 127);
        if (result != NULL) {
            memcpy(PyUnicode_1BYTE_DATA(result), text, len);
        }
        return result;
    }
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, NULL);
}

/* Steals value (NULL: an error is set). */
static bool Builder_add(Builder *b, PyObject *value) {
    PyObject *parent;
    int failed;
    if (value == NULL) {
        return false;
    }
    if (b->depth == 0) {
        b->result = value;
        return true;
    }
    parent = b->open[b->depth - 1];
    if (PyList_CheckExact(parent)) {
        failed = PyList_Append(parent, value);
    } else {
        failed = PyDict_SetItem(parent, b->keys[b->depth - 1], value);
        Py_CLEAR(b->keys[b->depth - 1]);
    }
    Py_DECREF(value);
    return failed == 0;
}

static bool Builder_null(void *context) {
    return Builder_add(context, Py_NewRef(Py_None));
}

static bool Builder_boolean(void *context, bool value) {
    return Builder_add(context, PyBool_FromLong(value));
}

enum {
    DIGITS_AT_ONCE = 4000, /* fewer than Python's own limit on the digits of a text */
    DIGITS_READ = 100000   /* more take longer to read than a hostile server should cost */
};

static PyObject *digits_to_int(const char *digits, size_t len);

/* In parts: higher * 10**DIGITS_AT_ONCE + lower. */
static PyObject *long_digits_to_int(const char *digits, size_t len) {
    const bool negative = *digits == '-';
    const size_t split = len - DIGITS_AT_ONCE;
    PyObject *higher = NULL, *lower = NULL, *ten = NULL, *exponent = NULL, *power = NULL;
    PyObject *scaled = NULL, *result = NULL;
    if (len > DIGITS_READ) {
        PyErr_Format(PyExc_ValueError,
                     "an integer of %zu digits is not read, only kept and sent back as it came: at "
                     "most %d digits are",
                     len, DIGITS_READ);
        return NULL;
    }
    if ((higher = digits_to_int(digits, split)) != NULL &&
        (lower = digits_to_int(digits + split, DIGITS_AT_ONCE)) != NULL &&
        (ten = PyLong_FromLong(10)) != NULL &&
        (exponent = PyLong_FromLong(DIGITS_AT_ONCE)) != NULL &&
        (power = PyNumber_Power(ten, exponent, Py_None)) != NULL &&
        (scaled = PyNumber_Multiply(higher, power)) != NULL) {
        result = negative ? PyNumber_Subtract(scaled, lower) : PyNumber_Add(scaled, lower);
    }
    Py_XDECREF(higher);
    Py_XDECREF(lower);
    Py_XDECREF(ten);
    Py_XDECREF(exponent);
    Py_XDECREF(power);
    Py_XDECREF(scaled);
    return result;
}

static PyObject *digits_to_int(const char *digits, size_t len) {
    char small[64];
    PyObject *result;
    char *copy;
    if (len > DIGITS_AT_ONCE + 1) {
        return long_digits_to_int(digits, len);
    }
    copy = len < sizeof small ? small : PyMem_Malloc(len + 1);
    if (copy == NULL) {
        return PyErr_NoMemory();
    }
    memcpy(copy, digits, len);
    copy[len] = '\0';
    result = PyLong_FromString(copy, NULL, 10);
    if (copy != small) {
        PyMem_Free(copy);
    }
    return result;
}

static bool Builder_integer(void *context, const char *digits, size_t len) {
    const bool negative = *digits == '-';
    long long value = 0;
    size_t i;
    if (len > 18) { /* more than a long long surely holds */
        return Builder_add(context, digits_to_int(digits, len));
    }
    for (i = negative ? 1 : 0; i < len; i++) {
        value = value * 10 + (digits[i] - '0');
    }
    return Builder_add(context, PyLong_FromLongLong(negative ? -value : value));
}

static bool Builder_number(void *context, double value, const char *text, size_t len) {
    (void)text;
    (void)len;
    return Builder_add(context, PyFloat_FromDouble(value));
}

static bool Builder_string(void *context, const char *text, size_t len, unsigned flags) {
    Builder *b = context;
    return Builder_add(b, text_to_str(b->texts, text, len, flags));
}

static bool Builder_key(void *context, const char *text, size_t len, unsigned flags) {
    Builder *b = context;
    PyObject *key;
    if ((flags & OWU_CELL_ASCII) != 0 && len > 1 && len <= CACHED_KEY) {
        key = cached_str(b->state->keys, text, len, true);
    } else if ((key = text_to_str(NULL, text, len, flags)) != NULL) {
        PyUnicode_InternInPlace(&key);
    }
    if (key == NULL) {
        return false;
    }
    Py_XSETREF(b->keys[b->depth - 1], key);
    return true;
}

static bool Builder_open(Builder *b, PyObject *container) {
    if (container == NULL) {
        return false;
    }
    b->open[b->depth] = container;
    b->keys[b->depth] = NULL;
    b->depth++;
    return true;
}

static bool Builder_begin_object(void *context) {
    return Builder_open(context, PyDict_New());
}

static bool Builder_begin_array(void *context) {
    return Builder_open(context, PyList_New(0));
}

static bool Builder_end(void *context) {
    Builder *b = context;
    b->depth--;
    return Builder_add(b, b->open[b->depth]);
}

PyObject *owu_json_to_python(ModuleState *state, const char *text, size_t len, bool secret) {
    static const owu_sink sink = {
        Builder_null, Builder_boolean,      Builder_integer, Builder_number,      Builder_string,
        Builder_key,  Builder_begin_object, Builder_end,     Builder_begin_array, Builder_end};
    Builder builder, *const b = &builder;
    PyObject *result = NULL;
    owu_error err;
    owu_status status;

    b->state = state;
    b->texts = secret ? NULL : state->texts;
    b->depth = 0;
    b->result = NULL;
    status = owu_json_walk(text, len, &sink, b, &err);
    if (status == OWU_OK) {
        result = b->result;
        b->result = NULL;
    } else if (status != OWU_EINTERRUPTED) { /* else an exception is set */
        (void)owu_raise_error(state, &err);
    }
    while (b->depth > 0) {
        b->depth--;
        Py_XDECREF(b->open[b->depth]);
        Py_XDECREF(b->keys[b->depth]);
    }
    Py_XDECREF(b->result);
    return result;
}

/* ---------------------------------------------------------------- cells to Python */

enum { AHEAD = 8 };

static PyObject *list_to_python(ModuleState *state, const owu_cell *cell, owu_document *document,
                                bool secret) {
    PyObject *list = PyList_New((Py_ssize_t)cell->len);
    uint32_t i;
    for (i = 0; list != NULL && i < cell->len; i++) {
        PyObject *item;
        if (i + AHEAD < cell->len && cell->u.cells[i + AHEAD].tag == OWU_TAG_RECORD) {
            __builtin_prefetch(cell->u.cells[i + AHEAD].u.record); /* too far apart to be guessed */
        }
        item = owu_cell_to_python(state, &cell->u.cells[i], document, secret);
        if (item == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, item);
        }
    }
    return list;
}

static PyObject *map_to_python(ModuleState *state, const owu_cell *cell, owu_document *document,
                               bool secret) {
    CachedText *const texts = secret ? NULL : state->texts;
    PyObject *dict = PyDict_New();
    uint32_t i;
    for (i = 0; dict != NULL && i < cell->len; i++) {
        const owu_cell *pair = &cell->u.cells[2 * i];
        PyObject *key = text_to_str(texts, pair->u.text, pair->len, pair->flags);
        PyObject *value =
            key == NULL ? NULL : owu_cell_to_python(state, pair + 1, document, secret);
        if (value == NULL || PyDict_SetItem(dict, key, value) < 0) {
            Py_CLEAR(dict);
        }
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

PyObject *owu_cell_to_python(ModuleState *state, const owu_cell *cell, owu_document *document,
                             bool secret) {
    switch ((owu_tag)cell->tag) {
    case OWU_TAG_UNSET:
    case OWU_TAG_NULL:
        Py_RETURN_NONE;
    case OWU_TAG_BOOL:
        return PyBool_FromLong(cell->u.boolean);
    case OWU_TAG_INT:
        return PyLong_FromLongLong(cell->u.integer);
    case OWU_TAG_BIGINT:
        return digits_to_int(cell->u.text, cell->len);
    case OWU_TAG_FLOAT:
        return PyFloat_FromDouble(cell->u.number);
    case OWU_TAG_STR:
        return text_to_str(secret ? NULL : state->texts, cell->u.text, cell->len, cell->flags);
    case OWU_TAG_DATE:
        if (!has_dates()) {
            return NULL;
        }
        return PyDate_FromDate(cell->u.date.year, cell->u.date.month, cell->u.date.day);
    case OWU_TAG_JSON:
        if (cell->u.text[0] == '"' && memchr(cell->u.text, '\\', cell->len) == NULL) {
            return text_to_str(NULL, cell->u.text + 1, cell->len - 2, 0); /* checked before */
        }
        return owu_json_to_python(state, cell->u.text, cell->len, secret);
    case OWU_TAG_LIST:
        return list_to_python(state, cell, document, secret);
    case OWU_TAG_MAP:
        return map_to_python(state, cell, document, secret);
    case OWU_TAG_RECORD:
        return Model_from_record(state, document, cell->u.record);
    }
    PyErr_SetString(PyExc_SystemError, "a cell with an unknown tag");
    return NULL;
}

PyObject *owu_value_to_python(ModuleState *state, const owu_type *type, const owu_cell *cell,
                              owu_document *document, bool secret) {
    PyObject *value = owu_cell_to_python(state, cell, document, secret);
    return value != NULL && PyList_CheckExact(value) ? owu_list_of_type(state, type, value) : value;
}

/* ---------------------------------------------------------------- Python scalars to cells */

int owu_is_instance_of(PyObject *value, const char *module_name, const char *class_name) {
    PyObject *name = PyUnicode_FromString(module_name);
    PyObject *module = name == NULL ? NULL : PyImport_GetModule(name);
    PyObject *cls = module == NULL ? NULL : PyObject_GetAttrString(module, class_name);
    const int answer = cls == NULL ? owu_clear_error() : PyObject_IsInstance(value, cls);
    Py_XDECREF(name);
    Py_XDECREF(module);
    Py_XDECREF(cls);
    return answer;
}

/* 1; 0: none of these; -1. */
static int bool_date_or_none_cell(PyObject *value, owu_cell *out) {
    if (value == Py_None) {
        out->tag = OWU_TAG_NULL;
        return 1;
    }
    if (PyBool_Check(value)) {
        out->tag = OWU_TAG_BOOL;
        out->u.boolean = value == Py_True;
        return 1;
    }
    if (PyUnicode_Check(value) || PyLong_Check(value) || PyFloat_Check(value) ||
        PyBytes_Check(value)) {
        return 0;
    }
    if (!has_dates()) {
        return -1;
    }
    if (PyDate_CheckExact(value)) {
        out->tag = OWU_TAG_DATE;
        out->u.date.year = (int16_t)PyDateTime_GET_YEAR(value);
        out->u.date.month = (uint8_t)PyDateTime_GET_MONTH(value);
        out->u.date.day = (uint8_t)PyDateTime_GET_DAY(value);
        return 1;
    }
    return 0;
}

/* More digits than Python turns into text: refused like a number without end. */
static int too_long_cell(owu_cell *out) {
    PyErr_Clear();
    out->tag = OWU_TAG_FLOAT;
    out->u.number = (double)INFINITY;
    return 0;
}

/* An int of any size: digits go to the arena where an int64 does not hold them. */
static int int_cell(PyObject *value, owu_arena *arena, owu_cell *out) {
    int overflow = 0;
    const long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
    PyObject *text;
    const char *digits;
    Py_ssize_t len;

    if (small == -1 && PyErr_Occurred()) {
        return -1;
    }
    if (overflow == 0) {
        out->tag = OWU_TAG_INT;
        out->u.integer = small;
        return 0;
    }
    text = PyLong_Type.tp_repr(value);
    digits = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, &len);
    if (digits == NULL) {
        Py_XDECREF(text);
        return PyErr_ExceptionMatches(PyExc_ValueError) ? too_long_cell(out) : -1;
    }
    out->tag = OWU_TAG_BIGINT;
    out->len = (uint32_t)len;
    out->u.text = owu_arena_copy(arena, digits, (size_t)len);
    Py_DECREF(text);
    if (out->u.text == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static int str_cell(PyObject *value, owu_cell *out) {
    Py_ssize_t len;
    const char *text = PyUnicode_AsUTF8AndSize(value, &len); /* kept by the str */
    if (text == NULL) {
        return -1;
    }
    if ((uint64_t)len > UINT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "a text of more than 4 GiB");
        return -1;
    }
    out->tag = OWU_TAG_STR;
    out->flags = PyUnicode_IS_ASCII(value) ? OWU_CELL_ASCII : 0;
    out->len = (uint32_t)len;
    out->u.text = text;
    return 0;
}

int owu_python_to_cell(PyObject *value, owu_arena *arena, owu_cell *out) {
    int answer;
    memset(out, 0, sizeof *out);
    answer = bool_date_or_none_cell(value, out);
    if (answer != 0) {
        return answer < 0 ? -1 : 0;
    }
    if (PyLong_Check(value)) {
        return int_cell(value, arena, out);
    }
    if (PyFloat_Check(value)) {
        out->tag = OWU_TAG_FLOAT;
        out->u.number = PyFloat_AS_DOUBLE(value);
        return 0;
    }
    if (PyUnicode_Check(value)) {
        return str_cell(value, out);
    }
    PyErr_Format(PyExc_SystemError, "no cell for a value of type %.100s", Py_TYPE(value)->tp_name);
    return -1;
}

/* ---------------------------------------------------------------- Python values, coerced */

/* What every step of a conversion needs. */
typedef struct Converter {
    ModuleState *state;
    unsigned flags;
    const owu_model *owner;
    unsigned field_flags;
    FaultList *faults;
} Converter;

static int convert(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                   PyObject **out);

static int add_fault(const Converter *c, owu_fault_type type, const Path *path, PyObject *input,
                     const char *detail) {
    PyObject *mask = NULL;
    int failed;
    if ((c->field_flags & OWU_SECRET) != 0 && type != OWU_FAULT_MISSING) {
        mask = PyUnicode_FromString("**********");
        if (mask == NULL) {
            return -1;
        }
    }
    failed = FaultList_add(c->faults, type, path, mask != NULL ? mask : input, c->owner, detail);
    Py_XDECREF(mask);
    return failed < 0 ? -1 : 0;
}

static owu_fault_type fault_of_kind(owu_kind kind) {
    static const owu_cell nothing = {.tag = OWU_TAG_UNSET};
    const owu_type type = {kind, OWU_ANY, false, NULL};
    owu_cell unused;
    return owu_coerce(&type, &nothing, OWU_READ_STRICT, NULL, &unused, NULL);
}

/* Fill a cell from what a scalar kind can be made of in Python. @return 1; 0: of another type
 * altogether; 2: a text that is not Unicode; -1. *keep owns what the cell borrows. */
static int scalar_cell(PyObject *in, owu_kind kind, owu_arena *arena, owu_cell *cell,
                       PyObject **keep) {
    int answer;
    memset(cell, 0, sizeof *cell);
    *keep = NULL;
    answer = bool_date_or_none_cell(in, cell);
    if (answer != 0) {
        return answer;
    }
    if (PyUnicode_Check(in) || PyBytes_Check(in) || (PyByteArray_Check(in) && kind == OWU_STR)) {
        *keep =
            PyUnicode_Check(in) ? PyUnicode_FromObject(in)
            : PyBytes_Check(in)
                ? PyUnicode_DecodeUTF8(PyBytes_AS_STRING(in), PyBytes_GET_SIZE(in), NULL)
                : PyUnicode_DecodeUTF8(PyByteArray_AS_STRING(in), PyByteArray_GET_SIZE(in), NULL);
        if (*keep != NULL && str_cell(*keep, cell) == 0) {
            return 1;
        }
        if (!PyErr_ExceptionMatches(PyExc_UnicodeError)) {
            return -1;
        }
        PyErr_Clear();
        return 2;
    }
    if (PyLong_Check(in)) {
        return int_cell(in, arena, cell) < 0 ? -1 : 1;
    }
    if (PyFloat_Check(in)) {
        cell->tag = OWU_TAG_FLOAT;
        cell->u.number = PyFloat_AS_DOUBLE(in);
        return 1;
    }
    answer = owu_is_instance_of(in, "enum", "Enum");
    if (answer > 0) {
        PyObject *value = PyObject_GetAttrString(in, "value");
        PyObject *inner = NULL;
        if (value == NULL) {
            return -1;
        }
        answer = owu_is_instance_of(value, "enum", "Enum"); /* no endless chain */
        answer = answer == 0 ? scalar_cell(value, kind, arena, cell, &inner) : answer > 0 ? 0 : -1;
        *keep = inner != NULL ? inner : value;
        if (inner != NULL) {
            Py_DECREF(value);
        }
        return answer;
    }
    return answer;
}

/* Numbers that are neither int nor float: Decimal, Fraction, __index__, __float__. */
static int number_cell(PyObject *in, owu_kind kind, owu_arena *arena, owu_cell *cell) {
    PyObject *number = NULL;
    int is_decimal, result = 0;
    memset(cell, 0, sizeof *cell);
    if (kind == OWU_STR || !PyNumber_Check(in) || PyComplex_Check(in)) {
        return 0;
    }
    if (PyIndex_Check(in)) {
        number = PyNumber_Index(in);
        result = number == NULL || int_cell(number, arena, cell) < 0 ? -1 : 1;
        Py_XDECREF(number);
        return result;
    }
    is_decimal = owu_is_instance_of(in, "decimal", "Decimal");
    if (is_decimal < 0) {
        return -1;
    }
    number = PyNumber_Float(in);
    if (number == NULL) {
        return owu_clear_error();
    }
    cell->tag = OWU_TAG_FLOAT;
    cell->u.number = PyFloat_AS_DOUBLE(number);
    Py_DECREF(number);
    if (is_decimal && kind != OWU_FLOAT &&
        isfinite(cell->u.number)) { /* an integral Decimal is exact at any size */
        PyObject *integer = PyNumber_Long(in);
        if (integer == NULL) { /* NaN and infinities: the float tells */
            return owu_clear_error() < 0 ? -1 : 1;
        }
        result = PyObject_RichCompareBool(integer, in, Py_EQ);
        result = result <= 0 ? result : int_cell(integer, arena, cell) < 0 ? -1 : 1;
        Py_DECREF(integer);
        return result < 0 ? -1 : 1;
    }
    return 1;
}

/* An Enum whose value is an int may stand for a str: its digits, as pydantic reads it. */
static bool enum_int_as_text(PyObject *in, owu_kind kind, owu_cell *cell, owu_arena *arena) {
    if (kind == OWU_STR && cell->tag == OWU_TAG_INT && !PyLong_Check(in)) {
        char digits[24];
        const int n = PyOS_snprintf(digits, sizeof digits, "%lld", (long long)cell->u.integer);
        cell->u.text = owu_arena_copy(arena, digits, (size_t)n);
        cell->tag = OWU_TAG_STR;
        cell->flags = OWU_CELL_ASCII;
        cell->len = (uint32_t)n;
        return cell->u.text != NULL;
    }
    return true;
}

static int convert_scalar(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                          PyObject **out) {
    owu_arena arena = {0};
    PyObject *keep = NULL;
    owu_cell cell, coerced;
    owu_fault_type fault = fault_of_kind(type->kind);
    char detail[48] = "";
    int result = scalar_cell(in, type->kind, &arena, &cell, &keep);

    if (result == 0 && (c->flags & CONVERT_STRICT) == 0) {
        result = number_cell(in, type->kind, &arena, &cell);
    } else if (result == 1 && (c->flags & CONVERT_STRICT) != 0 &&
               (PyBytes_Check(in) || PyByteArray_Check(in))) {
        result = 0;
    }
    if (result == 2) {
        fault = type->kind == OWU_INT && PyBytes_Check(in) ? OWU_FAULT_INT_PARSING
                                                           : OWU_FAULT_STRING_UNICODE;
        result = 0;
    } else if (result == 1) {
        if (!enum_int_as_text(in, type->kind, &cell, &arena)) {
            PyErr_NoMemory();
            result = -1;
        } else {
            unsigned flags = (c->flags & CONVERT_STRICT) != 0 ? OWU_READ_STRICT : 0;
            if (type->kind == OWU_DATE && cell.tag == OWU_TAG_STR && flags != 0) {
                fault = OWU_FAULT_DATE_TYPE; /* only JSON has no better form of a date */
            } else {
                fault = owu_coerce(type, &cell, flags, &arena, &coerced, detail);
            }
        }
    }
    if (result == 1 && fault == OWU_FAULT_NONE) {
        if (coerced.tag == OWU_TAG_UNSET) {
            PyErr_NoMemory();
            result = -1;
        } else {
            *out = owu_cell_to_python(c->state, &coerced, NULL, (c->field_flags & OWU_SECRET) != 0);
            result = *out == NULL ? -1 : 1;
        }
    } else if (result >= 0) {
        result = add_fault(c, fault, path, in, detail);
    }
    Py_XDECREF(keep);
    owu_arena_free(&arena);
    return result;
}

/* A datetime stands for a date at midnight. */
static int convert_datetime(const Converter *c, PyObject *in, const Path *path, PyObject **out) {
    if ((c->flags & CONVERT_STRICT) != 0) {
        return add_fault(c, OWU_FAULT_DATE_TYPE, path, in, NULL);
    }
    if (PyDateTime_DATE_GET_HOUR(in) != 0 || PyDateTime_DATE_GET_MINUTE(in) != 0 ||
        PyDateTime_DATE_GET_SECOND(in) != 0 || PyDateTime_DATE_GET_MICROSECOND(in) != 0) {
        return add_fault(c, OWU_FAULT_DATE_FROM_DATETIME_INEXACT, path, in, NULL);
    }
    *out =
        PyDate_FromDate(PyDateTime_GET_YEAR(in), PyDateTime_GET_MONTH(in), PyDateTime_GET_DAY(in));
    return *out == NULL ? -1 : 1;
}

int owu_is_mapping(PyObject *in) {
    int has_keys;
    if (PyDict_Check(in) || !PyMapping_Check(in)) {
        return PyDict_Check(in);
    }
    /* what has keys() and [] counts, as in dict(): collections.abc.Mapping without importing it */
    has_keys = owu_has_attribute(in, "keys");
    return has_keys <= 0 || !PySequence_Check(in) ? has_keys : owu_has_attribute(in, "items");
}

static int convert_dict(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                        PyObject **out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    PyObject *source, *key, *value, *dict = NULL;
    Py_ssize_t position = 0;
    const int is_mapping = owu_is_mapping(in);
    bool ok = true;

    if (is_mapping < 0) {
        return -1;
    }
    if (!is_mapping || (!PyDict_Check(in) && (c->flags & CONVERT_STRICT) != 0)) {
        if ((c->field_flags & OWU_FORGIVING) != 0) {
            *out = PyDict_New();
            return *out == NULL ? -1 : 1;
        }
        return add_fault(c, OWU_FAULT_DICT_TYPE, path, in, NULL);
    }
    source = PyDict_New();
    if (source == NULL || PyDict_Update(source, in) < 0) {
        Py_XDECREF(source);
        return -1;
    }
    if (type->item == OWU_ANY) {
        *out = source;
        return 1;
    }
    dict = PyDict_New();
    while (dict != NULL && PyDict_Next(source, &position, &key, &value)) {
        const Path step = {path, key, 0};
        PyObject *item = NULL;
        int result;
        if (!PyUnicode_Check(key)) { /* pydantic's place for a fault of a key */
            PyObject *marker = PyUnicode_FromString("[key]");
            const Path at_key = {&step, marker, 0};
            result = marker == NULL ? -1 : add_fault(c, OWU_FAULT_STRING_TYPE, &at_key, key, NULL);
            Py_XDECREF(marker);
        } else {
            result = convert(c, &item_type, value, &step, &item);
        }
        if (result < 0 || (result == 1 && PyDict_SetItem(dict, key, item) < 0)) {
            Py_CLEAR(dict);
        }
        ok = ok && result == 1;
        Py_XDECREF(item);
    }
    Py_DECREF(source);
    if (dict == NULL) {
        return -1;
    }
    if (!ok) {
        Py_DECREF(dict);
        return 0;
    }
    *out = dict;
    return 1;
}

/* 1, 0, -1 */
static int is_list_like(PyObject *in, bool strict) {
    int is_mapping;
    if (PyList_Check(in)) {
        return 1;
    }
    if (strict || PyUnicode_Check(in) || PyBytes_Check(in) || PyByteArray_Check(in)) {
        return 0;
    }
    is_mapping = owu_is_mapping(in);
    if (is_mapping != 0) {
        return is_mapping < 0 ? -1 : 0;
    }
    return PyTuple_Check(in) || PyAnySet_Check(in) || Py_TYPE(in)->tp_iter != NULL;
}

static int convert_list(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                        PyObject **out) {
    const owu_type item_type = {type->item, OWU_ANY, false, type->model};
    Path step = {path, NULL, 0};
    PyObject *items;
    Py_ssize_t i;
    const int fits = is_list_like(in, (c->flags & CONVERT_STRICT) != 0);
    bool ok = true;

    if (fits < 0) {
        return -1;
    }
    if (!fits || Model_check(c->state, in)) {
        return add_fault(c, OWU_FAULT_LIST_TYPE, path, in, NULL);
    }
    items = owu_list_of(in);
    for (i = 0; items != NULL && type->item != OWU_ANY && i < PyList_GET_SIZE(items); i++) {
        PyObject *item = NULL;
        int result;
        step.index = i;
        result = convert(c, &item_type, PyList_GET_ITEM(items, i), &step, &item);
        if (result < 0) {
            Py_CLEAR(items);
        } else if (result == 1) {
            PyObject *old = PyList_GET_ITEM(items, i);
            PyList_SET_ITEM(items, i, item);
            Py_DECREF(old);
        } else {
            ok = false;
        }
    }
    if (items == NULL) {
        return -1;
    }
    if (!ok) {
        Py_DECREF(items);
        return 0;
    }
    *out = owu_list_of_type(c->state, type, items);
    return *out == NULL ? -1 : 1;
}

static int convert_model(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                         PyObject **out) {
    ModelClass *klass = owu_class_of(c->state, type->model);
    const Converter inner = {c->state, c->flags, type->model, c->field_flags, c->faults};
    int is_mapping;
    if (PyObject_TypeCheck(in, klass->type)) {
        *out = Py_NewRef(in);
        return 1;
    }
    is_mapping = owu_is_mapping(in);
    if (is_mapping < 0) {
        return -1;
    }
    if (Model_check(c->state, in) || (!is_mapping && (c->flags & CONVERT_FROM_ATTRIBUTES) == 0)) {
        return add_fault(&inner, OWU_FAULT_MODEL_TYPE, path, in, NULL);
    }
    return Model_from_mapping(klass, klass->type, in, c->flags, path, c->faults, out);
}

static int convert(const Converter *c, const owu_type *type, PyObject *in, const Path *path,
                   PyObject **out) {
    if (in == Py_None && type->nullable) {
        *out = Py_NewRef(in);
        return 1;
    }
    switch (type->kind) {
    case OWU_STR:
        if (PyUnicode_CheckExact(in)) {
            *out = Py_NewRef(in);
            return 1;
        }
        break;
    case OWU_INT:
        if (PyLong_CheckExact(in)) {
            *out = Py_NewRef(in);
            return 1;
        }
        break;
    case OWU_DATE:
        if (!has_dates()) {
            return -1;
        }
        if (PyDateTime_Check(in)) {
            return convert_datetime(c, in, path, out);
        }
        if (PyDate_Check(in)) {
            *out = Py_NewRef(in);
            return 1;
        }
        break;
    case OWU_FLOAT:
    case OWU_BOOL:
        break;
    case OWU_DICT:
        return convert_dict(c, type, in, path, out);
    case OWU_LIST:
        return convert_list(c, type, in, path, out);
    case OWU_MODEL:
        return convert_model(c, type, in, path, out);
    case OWU_ANY:
    case OWU_BYTES:
        *out = Py_NewRef(in);
        return 1;
    }
    return convert_scalar(c, type, in, path, out);
}

int owu_convert(ModuleState *state, const owu_type *type, PyObject *in, unsigned flags,
                const Path *path, const owu_model *owner, unsigned field_flags, FaultList *faults,
                PyObject **out) {
    const Converter converter = {state, flags, owner, field_flags, faults};
    int result;
    if (Py_EnterRecursiveCall(" while validating a model")) {
        return -1;
    }
    result = convert(&converter, type, in, path, out);
    Py_LeaveRecursiveCall();
    return result;
}
