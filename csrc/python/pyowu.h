/*
 * pyowu.h - what the files of the CPython wrapper share.
 *
 * The wrapper turns arguments into C values, calls the core without the GIL, and makes Python
 * objects of what comes back. All rules live in the core, all facts in its two tables.
 *
 * References: functions that return PyObject * return a new reference, or NULL with an exception
 * set, unless they say otherwise. Functions that return int return 0, or -1 with an exception set.
 */
#ifndef PYOWU_H
#define PYOWU_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "owu.h"

/** A function as the void * of a type slot: ISO C converts by way of an integer only. */
#define SLOT(function) ((void *)(uintptr_t)(function))

/* ---------------------------------------------------------------- module state (py_module.c) */

typedef struct ModuleState ModuleState;

/** Which field a descriptor is of. */
typedef struct FieldAccess {
    const owu_model *model;
    uint32_t index;
} FieldAccess;

/** One model class: static facts of the table beside the Python class made for them. */
typedef struct ModelClass {
    const owu_model *model;
    ModuleState *state;    /* borrowed: the module outlives its classes */
    PyTypeObject *type;    /* owned; NULL after the module was cleared */
    PyObject **names;      /* owned: interned attribute names, model->n_fields */
    PyObject **keys;       /* owned: interned JSON keys */
    PyObject *blank[2];    /* owned: what dumps by name and by alias begin with; NULL: not made */
    PyGetSetDef *getset;   /* owned: descriptors of the fields point into it */
    char *getset_names;    /* owned: names of derived attributes */
    FieldAccess *access;   /* owned, one a field: what the descriptors know */
} ModelClass;

/* How many short texts are kept, and how long they are at most. */
enum { CACHED_TEXTS = 256, CACHED_TEXT = 16, CACHED_KEY = 32 };

typedef struct CachedText {
    uint64_t first, last; /* its first and its last bytes, which are all where it is short */
    size_t len;
    PyObject *str; /* owned; NULL: none */
} CachedText;

struct ModuleState {
    PyTypeObject *Model_Type;
    PyTypeObject *ClassAttribute_Type;
    PyTypeObject *EndpointMethod_Type;
    PyTypeObject *Client_Type; /* base of UsersClient and the other resources */
    PyTypeObject *BlockingClient_Type; /* base of those that block, UsersClient among them */
    PyTypeObject *AsyncClient_Type; /* base of AsyncUsersClient and the others */
    PyTypeObject *PendingCall_Type;
    PyTypeObject *Port_Type;
    PyTypeObject *PackageFunction_Type;
    PyTypeObject *ModelList_Type;
    ModelClass *classes; /* in the order of owu_models */
    size_t n_classes;
    ModelClass *last_class; /* borrowed from classes: the one that was looked for last */
    PyObject *client_classes[2]; /* dicts: resource name -> class; blocking, asynchronous */
    PyObject *errors;    /* openwebui_users.errors, imported on the first failure; may be NULL */
    PyObject *describe;  /* openwebui_users._describe, imported when first needed; may be NULL */
    PyObject *options;   /* openwebui_users.options, likewise */
    PyObject *observe;   /* openwebui_users._observe, likewise */
    PyObject *aio;       /* openwebui_users._aio, likewise */
    PyObject *str_class_capsule; /* "__owu_class__" */
    PyObject *str_all;           /* "__all__" */
    PyObject *str_call;          /* "call" */
    PyObject *str_done;          /* "done" */
    PyObject *str_set_result;    /* "set_result" */
    /* Short texts that were made last, by a hash of theirs. */
    CachedText keys[CACHED_TEXTS], texts[CACHED_TEXTS];
    bool ends_threads;           /* was it registered with atexit? */
    bool classes_made;           /* those of the table; all later ones are their users' */
};

extern struct PyModuleDef owu_module_def;

/** State of the module that made this type or one of its bases; NULL with TypeError. */
ModuleState *owu_state_of_type(PyTypeObject *type);
/** Import a module of this package once; *slot owns it afterwards. Borrowed result. */
PyObject *owu_import_once(PyObject **slot, const char *name);
/** Clear the exception that is set, if any. -1: it is MemoryError and stays, as memory that ran out is
 *  no answer to anything. */
int owu_clear_error(void);
/** Item of a dict by name: borrowed. NULL: there is none, or an exception, which
 *  PyDict_GetItemString() would not tell. */
PyObject *owu_dict_item(PyObject *dict, const char *name);
/** A new list of what an iterable gives. PySequence_List() keeps the list that it is given for ever when
 *  there is no memory for another (all of CPython 3.10 to 3.13). */
PyObject *owu_list_of(PyObject *iterable);
/** Has it this attribute? 1, 0; -1: MemoryError. */
int owu_has_attribute(PyObject *object, const char *name);
/** Call a function of openwebui_users._describe with these arguments. */
PyObject *owu_describe(ModuleState *state, const char *function, PyObject *argument);

/* ---------------------------------------------------------------- failures (py_errors.c) */

/** Where a value stands while it is converted: linked nodes on the C stack. */
typedef struct Path {
    const struct Path *up;
    PyObject *key;    /* borrowed: a str; NULL: an index */
    Py_ssize_t index;
} Path;

/** How many steps it has. */
int Path_depth(const Path *path);
/** The location as a tuple of str and int. */
PyObject *Path_tuple(const Path *path);

/** Faults found in Python input: a list of {type, loc, msg, input}, made when the first is found. */
typedef struct FaultList {
    PyObject *list; /* owned; NULL: none so far */
    bool from_json; /* messages say "object" and "array" */
} FaultList;

/** Add one fault. `input` is borrowed. `secret` fields show '**********' instead. */
int FaultList_add(FaultList *faults, owu_fault_type type, const Path *path, PyObject *input,
                  const owu_model *model, const char *detail);
/** Raise ValidationError(title, list) and return NULL. Steals nothing; clears the list. */
PyObject *FaultList_raise(FaultList *faults, ModuleState *state, const char *title);
/** The core's faults of a JSON text as such a list; inputs are made from the slices. */
PyObject *owu_faults_to_list(ModuleState *state, const owu_faults *faults);
/** One json_invalid error with line and column, as ValidationError(title). Returns NULL. */
PyObject *owu_raise_json_invalid(ModuleState *state, const char *title, const owu_error *err,
                                 PyObject *input);
/** Raise SerializationError(message, loc). Returns -1. */
int owu_raise_serialization(ModuleState *state, const Path *path, const char *format, ...);
/** Raise it for a value that is nested too deeply, or contains itself. Returns -1. */
int owu_raise_too_deep(ModuleState *state, const Path *path);
/** The exception for a core status without an answer (ENOMEM, EVALUE, ELIMIT …). Returns NULL. */
PyObject *owu_raise_error(ModuleState *state, const owu_error *err);
/** A class of openwebui_users.errors by name: new reference. */
PyObject *owu_error_class(ModuleState *state, const char *name);
/** Raise an exception of that module with a printf-like message (PyUnicode_FromFormat). NULL. */
PyObject *owu_raise(ModuleState *state, const char *name, const char *format, ...);

/** What is known of a call that failed. */
typedef struct CallFacts {
    owu_client *client;           /* borrowed: base URL, and the key, to mask it; may be NULL */
    const owu_endpoint *endpoint; /* static; NULL: a request without a row in the table */
    const char *method;           /* borrowed */
    PyObject *url;                /* borrowed: str without query */
    PyObject *key; /* borrowed: str that was sent in place of the client's; or NULL */
    const owu_answer *answer; /* borrowed; NULL: none came */
} CallFacts;

/** The exception for a failed call. Keeps an exception that is already set. Returns NULL. */
PyObject *owu_raise_call(ModuleState *state, const owu_error *err, const CallFacts *facts);
/** Name of the exception that stands for a failure of a call; "OpenWebUIError" at least. Static. */
const char *owu_failure_name(owu_status code);
/** Header lines of an answer as a list of (name, value). */
PyObject *owu_answer_lines(const owu_answer *answer);

/* ---------------------------------------------------------------- conversion (py_convert.c) */

enum { CONVERT_STRICT = 1, CONVERT_FROM_ATTRIBUTES = 2 };

/** What PyDateTime_IMPORT gives PyDateTimeAPI, of which each file that includes <datetime.h> has its
 *  own; NULL with the exception of the import, which the macro would replace by ImportError. */
void *owu_datetime_api(void);

/** Does this count as a mapping: has it keys, as dict() asks? 1, 0; -1: MemoryError. */
int owu_is_mapping(PyObject *value);

/** Is it an instance of a class of a module, which need not have been imported: then nothing is.
 *  1, 0, -1. */
int owu_is_instance_of(PyObject *value, const char *module_name, const char *class_name);

/**
 * One Python value as a value of this type, by the rules of the core.
 * @param[out] out new reference when 1 is returned.
 * @return 1: converted; 0: a fault was added; -1: exception.
 */
int owu_convert(ModuleState *state, const owu_type *type, PyObject *in, unsigned flags,
                const Path *path, const owu_model *owner, unsigned field_flags, FaultList *faults,
                PyObject **out);

/** The Python value of a cell; models hold a reference to document.
 *  @param secret it may hold one, as a key that no model declares may: no text of it is kept for the
 *                next value that reads the same. */
PyObject *owu_cell_to_python(ModuleState *state, const owu_cell *cell, owu_document *document,
                             bool secret);
/** The same of a cell that holds what type says: a list of models is a ModelList. */
PyObject *owu_value_to_python(ModuleState *state, const owu_type *type, const owu_cell *cell,
                              owu_document *document, bool secret);
/** Any JSON text as Python objects. @param secret as above. */
PyObject *owu_json_to_python(ModuleState *state, const char *text, size_t len, bool secret);

/**
 * A converted argument (None, bool, int, float, str, date: the result of owu_convert for a scalar
 * type) as a cell. Text is borrowed from value, or from arena.
 */
int owu_python_to_cell(PyObject *value, owu_arena *arena, owu_cell *out);

/* ---------------------------------------------------------------- models (py_model.c) */

/** A model: over a record whose values are made when they are read, or holding values only. */
typedef struct ModelObject {
    PyObject_HEAD
    const ModelClass *klass; /* borrowed: kept by the type */
    owu_document *document; /* owned; NULL: never read from JSON */
    const owu_record *record; /* borrowed from document */
    PyObject **values; /* owned, one a field; NULL: none was made yet */
    PyObject *extra; /* owned dict of unknown keys; NULL: still in the record, or none */
    uint64_t set; /* fields that were given */
    uint64_t absent; /* fields without any value: deleted, or constructed without */
    uint64_t edited; /* fields assigned from Python: what a record says of them is past */
    uint64_t containers; /* fields whose value may lead somewhere: what the collector follows */
    PyObject *weakrefs;
} ModelObject;

/** The value of a field, made and kept on first use; AttributeError when it has none. */
PyObject *Model_value(ModelObject *self, uint32_t index);
/** The unknown keys as a dict, made on first use. */
PyObject *Model_extra(ModelObject *self);
/** Has nothing been read or changed since the record was decoded? */
bool Model_is_pristine(const ModelObject *self);
/** The value of a container field that was never set but was changed in place: is it so? 1, 0, -1 */
int Model_default_was_edited(ModelObject *self, uint32_t index);

/** The table entry behind a class or the nearest of its bases: borrowed; NULL with TypeError. */
ModelClass *ModelClass_of_type(PyTypeObject *type);
/** Index of the field with this attribute name, or with this JSON key, a str; -1. */
int ModelClass_field(const ModelClass *klass, PyObject *name);
int ModelClass_key(const ModelClass *klass, PyObject *key);
/** Let the collector know an object that came from a record, now that it holds what may lead back. */
void Model_track(ModelObject *self);
/** An empty instance of type, a subclass of klass->type. */
ModelObject *Model_alloc(ModelClass *klass, PyTypeObject *type);
/** Make room for values; let go of all of them; put one in place (steals value). */
int Model_reserve_values(ModelObject *self);
void Model_clear_values(ModelObject *self);
int Model_put(ModelObject *self, uint32_t index, PyObject *value);
/** Make every value, so that the record is no longer needed. */
int Model_detach(ModelObject *self);
/** The getter of model_fields_set. */
PyObject *Model_get_fields_set(PyObject *op, void *closure);

/** Make Model and all classes of the table, and add them to the module. */
int owu_models_init(PyObject *module, ModuleState *state);

/** An unread model object over a record. */
PyObject *Model_from_record(ModuleState *state, owu_document *document, const owu_record *record);
/** Is value an instance of any model class? */
bool Model_check(ModuleState *state, PyObject *value);
/** Class made for a table entry: borrowed. */
ModelClass *owu_class_of(ModuleState *state, const owu_model *model);

/* ---------------------------------------------------------------- lists of models (py_list.c) */

/** A list of models. */
typedef struct ModelListObject {
    PyListObject list;
    const owu_model *model; /* static: what its items are made as; NULL: not known */
} ModelListObject;

/**
 * A list that belongs to a value of this type: as a ModelList where the type is a list of models.
 * @param list consumed, also on failure: a new list that nobody else knows. NULL: an exception is set,
 *             and is kept.
 * @return owned: the ModelList, or the list itself; NULL with an exception.
 */
PyObject *owu_list_of_type(ModuleState *state, const owu_type *type, PyObject *list);
/** Is it a ModelList, and of no subclass? */
bool ModelList_check_exact(const ModuleState *state, PyObject *value);
/** Make ModelList and add it to the module; give pages of models the methods that lists have. */
int owu_lists_init(PyObject *module, ModuleState *state);

/* ---------------------------------------------------------------- columns (py_columns.c) */

/**
 * _core.columns_of(models, names=None): which columns there are.
 * @param args borrowed: an iterable of models; a set of names, or None.
 * @return owned: (names of models, kept keys), two lists; NULL with TypeError, ValueError (kept keys
 *         without end), or what iterating raises.
 */
PyObject *owu_columns_of(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/**
 * _core.columns(models, names, as_json): the values of each name.
 * @param args borrowed: an iterable of models; a tuple of str; whether values are to be JSON.
 * @return owned: a list of lists, which hold no container that a model holds; NULL with TypeError,
 *         SerializationError (row and name), or what iterating and dumping raise.
 */
PyObject *owu_columns(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/**
 * _core.records(names, lists): columns as a dict for each row.
 * @param args borrowed: a tuple of str; a tuple of lists of one length. The dicts share their items.
 * @return owned: a list of dicts; NULL with TypeError, ValueError.
 */
PyObject *owu_records(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
/**
 * _core.column_facts(values): of which types the values of a column are.
 * @param values borrowed: a list.
 * @return owned: (kinds, least integer, greatest integer, row of the first lone surrogate or -1); NULL
 *         with TypeError.
 */
PyObject *owu_column_facts(PyObject *module, PyObject *values);

/* ---------------------------------------------------------------- construction (py_validate.c) */

/** Validate a mapping (or, with CONVERT_FROM_ATTRIBUTES, any object) into a new instance.
 *  @return 1, 0 (faults), -1 as owu_convert. */
int Model_from_mapping(ModelClass *klass, PyTypeObject *type, PyObject *mapping, unsigned flags,
                       const Path *path, FaultList *faults, PyObject **out);
/** Without any check: what is given is taken, the rest are defaults or absent.
 *  @param fields_set a container of names, or None: those that are given. */
PyObject *Model_construct(ModelClass *klass, PyTypeObject *type, PyObject *values,
                          PyObject *fields_set);
int Model_tp_init(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *Model_model_validate(PyObject *cls, PyObject *args, PyObject *kwargs);
PyObject *Model_model_validate_json(PyObject *cls, PyObject *args, PyObject *kwargs);
PyObject *Model_model_construct(PyObject *cls, PyObject *args, PyObject *kwargs);

/* ---------------------------------------------------------------- copies (py_copy.c) */

PyObject *Model_copy(PyObject *op, PyObject *unused);
PyObject *Model_deepcopy(PyObject *op, PyObject *memo);
PyObject *Model_model_copy(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *Model_replace(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *Model_reduce(PyObject *op, PyObject *unused);
PyObject *Model_restore(PyObject *cls, PyObject *args);
PyObject *Model_setstate(PyObject *op, PyObject *state);

/* ---------------------------------------------------------------- dumps (py_dump.c) */

PyObject *Model_model_dump(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *Model_model_dump_json(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *Model_to_json_bytes(PyObject *self, PyObject *args, PyObject *kwargs);
/** Everything a pristine model holds, as JSON that reads back to the same: set fields, excluded
 *  ones too, and what it carries. */
int Model_write_everything(ModelObject *self, owu_writer *writer);

/**
 * One field as model_dump() has it. No value is made or kept in self for it.
 * @param self borrowed. What runs meanwhile may change it: the caller holds its document.
 * @param path borrowed: where the value stands, in messages.
 * @return owned; None where it has none; NULL with SerializationError, or what dumping raises.
 */
PyObject *Model_dump_field(ModelObject *self, uint32_t index, const Path *path);
/** The same as JSON, of the same arguments; writer is borrowed.
 *  @return 1; 0: it is null, and nothing was written; -1 with an exception. */
int Model_write_field(ModelObject *self, uint32_t index, owu_writer *writer, const Path *path);
/**
 * What model_dump() makes of any value.
 * @param value, path borrowed.
 * @return owned: a copy of what can be changed, value itself of what cannot or is not known; NULL with
 *         SerializationError, or what dumping raises.
 */
PyObject *owu_dump_value(ModuleState *state, PyObject *value, const Path *path);

/** What a dump was asked for: opaque. */
typedef struct DumpOptions DumpOptions;

/** model_dump_json() of a model as part of a larger text. 0; -1 with SerializationError.
 *  @param options of the dump that meets it; NULL: none were given. */
int Model_write_dump(PyObject *self, const DumpOptions *options, owu_writer *writer,
                     const Path *path);

/* ------------------------------------- bodies (py_body.c), any Python value (py_write.c) */

/**
 * The request body of a model object: fields that were set, under JSON keys, and what it carries.
 * Values assigned since are checked: ValidationError, or SerializationError, with the location.
 */
int Model_write_body(PyObject *self, owu_writer *writer);

/**
 * Write any Python value that JSON can hold. What it cannot hold raises SerializationError with
 * the location: NaN, lone surrogates, other objects, keys that are not text, cycles.
 * @param options what holds for the models in it; NULL: none were given.
 */
int owu_write_python(ModuleState *state, owu_writer *writer, PyObject *value,
                     const DumpOptions *options, const Path *path);
/** The same of a key of dict, whose keys must be distinct as texts too. */
int owu_write_python_key(ModuleState *state, owu_writer *writer, PyObject *dict, PyObject *key,
                         const Path *path);
/** The same value made of dict, list, str, int, float, bool and None only. */
PyObject *owu_python_to_plain(ModuleState *state, PyObject *value, const DumpOptions *options,
                              const Path *path);
/** 0, or -1 with an exception when something could not be written. */
int owu_check_buffer(ModuleState *state, const owu_buffer *buffer, const Path *path);

/* ---------------------------------------------------------------- clients (py_client.c) */

enum { CLIENT_N_OPTIONS = 16 };

/** A client, or a view of one: other resources, other options, the same connections. */
typedef struct ClientObject {
    PyObject_HEAD
    owu_client *client; /* owned; NULL: __init__ did not run */
    PyObject *root; /* owned: the client that this is a view of; NULL: it is one itself */
    PyObject *options[CLIENT_N_OPTIONS]; /* owned, as they are shown; NULL: not given */
    PyObject *header_lines; /* owned tuple of bytes, "Name: value"; NULL: none */
    PyObject *key_source; /* owned, of a root: called for the key of each call; may be NULL */
    PyObject *own_key; /* owned, of a view: str, None or a source; NULL: the root's key */
    PyObject *ports; /* owned dict, of a root: event loop -> Port; NULL: none so far */
    PyObject *dict; /* owned */
    PyObject *weakrefs;
    owu_options core; /* what the options mean to the core */
    Py_ssize_t password_limit; /* bytes; 0: not checked */
    bool raw; /* methods return RawResponse */
    bool used; /* of a root: a request was made, so closing is due */
} ClientObject;

/** Options of one call, with what they point at. */
typedef struct ClientOptions {
    owu_options options;
    const char *lines[OWU_MAX_EXTRA_HEADERS + 1]; /* borrowed from the client */
} ClientOptions;

/** Was this client initialised? RuntimeError otherwise. */
int Client_check(const ClientObject *self);
/** Options of one call of a client that was initialised; RuntimeError otherwise.
 *  @param key what the source of keys gave, borrowed; NULL: the client's own key is used. */
int Client_options(ClientObject *self, PyObject *key, ClientOptions *out);
/** The client that this is a view of, or itself: borrowed. */
ClientObject *Client_root(ClientObject *self);
/** Whether its methods return coroutines. */
bool Client_is_async(const ClientObject *self, const ModuleState *state);
/** Base URL and target without its query, as str. */
PyObject *Client_url(const ClientObject *self, const char *target, size_t len);
/** Note that a request is made now: closing is due. */
void Client_mark_used(ClientObject *self);
/** The class made for a resource: borrowed, NULL without exception when there is none. */
PyTypeObject *owu_client_class(ModuleState *state, const char *resource, bool is_async);
/** Make the method descriptor type and the client classes, and add them to the module. */
int owu_clients_init(PyObject *module, ModuleState *state);

/* ---------------------------------------------------------------- configuration (py_configure.c) */

/** Initialise an empty client. @param base_url, api_key borrowed; NULL or None: the environment.
 *  ConfigurationError, TypeError; RuntimeError when it is not empty. */
int Client_configure(ClientObject *self, PyObject *base_url, PyObject *api_key, PyObject *kwargs);
/** Set options by name. @param of_calls only those that a view may change. */
int Client_set_options(ClientObject *self, PyObject *kwargs, bool of_calls);
/** The value of an option as it is shown. */
PyObject *Client_option(ClientObject *self, size_t index);
const char *Client_option_name(size_t index);
const char *Client_option_doc(size_t index);
/** on_response or on_request: borrowed; NULL: none. */
PyObject *Client_hook(ClientObject *self, bool answered);
/** What docstrings say of the options: ", timeout=60.0, …", or one paragraph each. */
PyObject *Client_options_doc(bool signature, bool all);
/** _core.option_table(): the table of options as a list of dicts. */
PyObject *owu_option_table(PyObject *module, PyObject *unused);
/** _core.core_defaults(): what the core does where no option is given, by name. */
PyObject *owu_core_defaults(PyObject *module, PyObject *unused);

/** Replace the key: str, a callable that gives it for each call, or NULL or None for none.
 *  ConfigurationError never shows it. */
int Client_set_key(ClientObject *self, PyObject *value);
/** Give a view a key of its own, with the same choice. */
int Client_set_own_key(ClientObject *self, PyObject *value);
/** The key or the callable that gives it: new; None: there is none. */
PyObject *Client_shown_key(ClientObject *self);
/** The key of one call: *out is a new reference; NULL where the core has it. */
int Client_call_key(ClientObject *self, PyObject **out);
/** Let a call be made with this key, which is borrowed: str or None. ConfigurationError. */
int Client_use_key(ClientObject *self, PyObject *key, owu_options *out);

/* ---------------------------------------------------------------- logs and hooks (py_observe.c) */

/** Is anybody listening to what happens in calls? 1, 0, -1. */
int Client_is_observed(ClientObject *self, ModuleState *state);
/** Tell hooks and logs of an event. @return what the hook returned. */
PyObject *Client_tell(ClientObject *self, ModuleState *state, const owu_event *event);

/** Waiting without the GIL: signals are looked at between slices, events told as they come. */
typedef struct Blocking {
    PyThreadState *thread;
    ModuleState *state; /* borrowed */
    ClientObject *client; /* borrowed */
} Blocking;

/** Release the GIL and let these options look at signals, and tell who listens. With -1 it did not. */
int Blocking_begin(Blocking *self, ModuleState *state, ClientObject *client, owu_options *options);
void Blocking_end(Blocking *self);

/* ---------------------------------------------------------------- one call (py_call.c) */

typedef enum CallKind { CALL_ENDPOINT, CALL_REQUEST, CALL_VERSION, CALL_FAREWELL } CallKind;

/** One call: what goes in and what came out. Zero-initialise; Call_clear it. */
typedef struct Call {
    CallKind kind;
    ModuleState *state; /* borrowed */
    ClientObject *client; /* borrowed: the caller holds it */
    const owu_endpoint *endpoint; /* static; of CALL_ENDPOINT */
    const char *method; /* static; of CALL_REQUEST */
    owu_buffer target; /* path and query; of CALL_REQUEST */
    PyObject *values[OWU_MAX_PARAMS]; /* owned: hold the texts of cells */
    owu_cell cells[OWU_MAX_PARAMS];
    owu_arena arena;
    owu_buffer body; /* empty: none */
    bool switched_off; /* a switch of the client (OWU_IN_CLIENT) was given as false */
    PyObject *key; /* owned: what the source of keys gave; NULL: the client's own is used */
    owu_job *job; /* owned; of a call that does not block: holds what the three below point at */
    owu_answer *answer; /* borrowed; NULL: it has not ended */
    const owu_error *err;
    const char *version; /* of CALL_VERSION */
    owu_status status;
} Call;

/** "UsersClient.get_users" of a row. */
PyObject *owu_endpoint_qualname(ModuleState *state, const owu_endpoint *endpoint, bool is_async);
/** Give every argument (without self, as vectorcall has them) to its parameter: TypeError. */
int Call_bind(Call *call, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
/** Stroke one: check and copy what was bound. */
int Call_convert(Call *call);
/** Ask the source of keys, if there is one, for the key of this call; once. */
int Call_take_key(Call *call);
/** Stroke two and three of a call that blocks: send and wait without the GIL; result or exception. */
PyObject *Call_block(Call *call);
/** Stroke two of one that does not: it goes its way, and context comes out of the port. */
int Call_start(Call *call, owu_port *port, void *context);
/** Stroke three: the result, or the exception, of one whose answer is there. */
PyObject *Call_finish(Call *call);
void Call_clear(Call *call);

/* ---------------------------------------------------------------- methods (py_endpoint.c) */

/** Make EndpointMethod. */
int owu_endpoint_init(PyObject *module, ModuleState *state);
/** The method of one row, for a class of clients. */
PyObject *EndpointMethod_new(ModuleState *state, const owu_endpoint *endpoint, PyTypeObject *owner,
                             bool is_async);
/** The client that a method is bound to: borrowed; NULL with TypeError for any other object. */
ClientObject *EndpointMethod_client(ModuleState *state, PyObject *method);
/** Begin the call of a method that is bound to a client of this module: binds the arguments.
 *  @return 0, or -1 with TypeError. */
int EndpointMethod_prepare(PyObject *method, PyObject *args, PyObject *kwargs, Call *call);

/* ------------------------------------------------- requests without a model (py_request.c) */

/** Make ready a request to any route; json may be None. */
int Call_prepare_request(Call *call, PyObject *method, PyObject *path, PyObject *params,
                         PyObject *json);
PyObject *Client_request(PyObject *op, PyObject *args, PyObject *kwargs);
PyObject *Client_get_version(PyObject *op, PyObject *unused);

/* ---------------------------------------------------------------- calls that do not block (py_async.c) */

/** Make PendingCall and Port, and add them to the module. */
int owu_async_init(PyObject *module, ModuleState *state);
/** The coroutine of a call whose arguments were bound. Takes what call holds, which is zeroed. */
PyObject *owu_async_call(Call *call);

/* ---------------------------------------------------------------- methods in Python (py_package.c) */

/** Make PackageFunction: an attribute of a class that is a function of a module of this package,
 *  imported when it is first asked for. */
int owu_package_init(PyObject *module, ModuleState *state);
/** Put such attributes into a class. @param names "method", NULL-terminated; each a function of
 *  that name in the module. */
int owu_package_add(ModuleState *state, PyTypeObject *type, const char *module,
                    const char *const *names);

/* ---------------------------------------------------------------- raw answers (py_response.c) */

/** Make RawResponse and add it to the module. */
int owu_response_init(PyObject *module);
/**
 * An answer as it came.
 * @param key     as CallFacts has it; may be NULL.
 * @param answer  moved: zeroed when this returns, whatever it returns.
 * @param method  static or living as long as endpoint; copied otherwise.
 */
PyObject *RawResponse_new(ModuleState *state, ClientObject *client, const owu_endpoint *endpoint,
                          const char *method, PyObject *url, PyObject *key, owu_answer *answer);

/* ---------------------------------------------------------------- tables (py_tables.c) */

/** _core.model_table() and _core.endpoint_table(): the two tables as lists of dicts. */
PyObject *owu_model_table(PyObject *module, PyObject *unused);
PyObject *owu_endpoint_table(PyObject *module, PyObject *unused);

/* ---------------------------------------------------------------- JSON texts (py_json.c) */

/** _core.json_merge(), json_diff() and json_equal(): two texts, str or bytes. ValueError for what is
 *  no JSON, or too large. */
PyObject *owu_json_merge_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *owu_json_diff_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs);
PyObject *owu_json_equal_texts(PyObject *module, PyObject *const *args, Py_ssize_t nargs);

#endif
