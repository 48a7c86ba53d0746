/*
 * owu.h - the one public header of the C core of openwebui_users.
 *
 * The core knows nothing of Python. It holds two constant tables (models in schema.c, calls in
 * endpoints.c) and the machinery that they drive: a strict JSON reader that decodes straight into
 * records, a writer, URL building, HTTP over libcurl, and the client.
 *
 * Conventions
 *   - A function that can fail returns owu_status and takes `owu_error *err` last. `err` may be
 *     NULL; it is written on failure only and never allocates.
 *   - Every pointer is described as owned (the receiver frees it), borrowed (valid for the call),
 *     consumed (the callee takes it) or static (never freed).
 *   - Texts are UTF-8 with an explicit length and may hold NUL, unless a `char *` comes alone.
 *   - Threads: functions are safe on distinct objects; what is safe on a shared one says so.
 */
#ifndef OWU_H
#define OWU_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- limits */

enum {
    OWU_MAX_DEPTH = 500,        /* nesting of any JSON text or tree */
    OWU_KEY_ROOM = 40,          /* of a field's key in JSON, with two quotes and a colon */
    OWU_MAX_FIELDS = 64,        /* fields of one model: set-ness is one 64-bit mask */
    OWU_MAX_PARAMS = 8,         /* parameters of one call */
    OWU_MAX_FAULTS = 10000,     /* faults of one document that are kept; all are counted */
    OWU_MAX_EXTRA_HEADERS = 64, /* that a caller adds to a request */
    OWU_MAX_HEADERS = 256,      /* header lines kept of one answer */
    OWU_MAX_LOCATION = 1023,    /* bytes kept of where a redirect leads */
    OWU_MAX_REDIRECTS = 5,      /* that one call follows */
    OWU_MAX_CONNECTIONS = 100,  /* default of what one client uses at once */
    OWU_MESSAGE_SIZE = 256      /* bytes of owu_error.message, with its NUL */
};
#define OWU_MAX_BODY ((size_t)64 << 20)         /* default cap on a decompressed answer: 64 MiB */
#define OWU_MAX_HEADER_BYTES ((size_t)256 << 10)
#define OWU_MAX_REQUEST ((size_t)1 << 30)       /* cap on a request body */
#define OWU_MAX_URL ((size_t)64 << 10)
#define OWU_MAX_TREE ((size_t)4 << 20)          /* JSON text that is merged or compared: 4 MiB */

/* ---------------------------------------------------------------- status and error (base.c) */

typedef enum owu_status {
    OWU_OK = 0,
    OWU_ENOMEM,       /* an allocation failed */
    OWU_ELIMIT,       /* a cap of this header was reached */
    OWU_EJSON,        /* text that is not JSON: err->offset, line, column */
    OWU_ESCHEMA,      /* JSON that does not fit the model: see owu_faults */
    OWU_EVALUE,       /* an argument that cannot be used (id, URL, header) */
    OWU_ECLOSED,      /* the client was closed */
    OWU_EINTERRUPTED, /* the interrupt function asked to stop */
    /* transport: no usable answer */
    OWU_ECONNECT,
    OWU_EDNS,
    OWU_EPROXY,
    OWU_ETLS,
    OWU_ECONNECT_TIMEOUT,
    OWU_EPOOL_TIMEOUT, /* all connections that the client may use were in use */
    OWU_ETIMEOUT,
    OWU_EREAD,
    OWU_EINCOMPLETE,  /* err->received, err->expected */
    OWU_EWRITE,
    OWU_EPROTOCOL,
    OWU_ETOO_LARGE,   /* err->received, err->expected (the cap) */
    /* answers that are refused */
    OWU_EREDIRECT,
    OWU_ECONTENT_TYPE,
    OWU_ESTATUS,      /* status 400 and above: see the answer */
    OWU_EUNSUPPORTED, /* the connected server has no such route */
    OWU_EINTERNAL     /* a bug in this library or an unexpected answer of a library below */
} owu_status;

typedef struct owu_error {
    owu_status code;
    size_t offset, line, column; /* OWU_EJSON: offset from 0, line and column from 1 */
    int64_t received, expected;  /* bytes; -1 when unknown */
    int os_errno;                /* 0 when unknown */
    char message[OWU_MESSAGE_SIZE]; /* what was expected, what came, where; never a secret */
} owu_error;

/** Static name of a status, for instance "OWU_EJSON". */
const char *owu_status_name(owu_status code);

/** Write code and message (printf) into err (may be NULL) and return code. */
owu_status owu_fail(owu_error *err, owu_status code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* All memory of the core goes through these three, so that tests can make the n-th one fail. */
void *owu_malloc(size_t size);
void *owu_realloc(void *pointer, size_t size);
void owu_free(void *pointer);
/** Tests only: let the n-th allocation from now fail (1: the next; OWU_TEST_NEVER), and perhaps all
 *  that follow it. Threads: safe.
 *  @return how far away the failure set before was: above 0, it has not happened. */
long owu_test_fail_allocation(long nth, bool all_later);
#define OWU_TEST_NEVER LONG_MAX

/** Bump allocator: everything in it is freed at once. Zero-initialised = empty. */
typedef struct owu_arena {
    struct owu_arena_chunk *chunk; /* newest first */
    char *next, *end;
    size_t total; /* bytes taken from the system */
    size_t expected; /* size of its first chunk; 0: a small one */
} owu_arena;

/** size bytes aligned to 8, not initialised; NULL when memory ran out. Lives as long as arena. */
void *owu_arena_alloc(owu_arena *arena, size_t size);
/** A copy of text with a NUL behind it; NULL when memory ran out. */
char *owu_arena_copy(owu_arena *arena, const char *text, size_t len);
void owu_arena_free(owu_arena *arena);

/** Gives a buffer memory of another's, which frees it: room for `capacity` bytes, of which those that
 *  were written are kept; NULL: there is none. */
typedef char *owu_resize(void *context, size_t capacity);

/** Growing byte buffer with a cap. Zero-initialise, then set limit (0 = OWU_MAX_REQUEST). */
typedef struct owu_buffer {
    char *data; /* owned; not NUL-terminated unless owu_buffer_terminate was called */
    size_t len, capacity, limit;
    owu_status status; /* sticky: the first failure; further appends do nothing */
    owu_resize *resize; /* where its memory comes from; NULL: owu_realloc */
    void *context;      /* borrowed: of resize */
} owu_buffer;

owu_status owu_buffer_append(owu_buffer *buffer, const char *text, size_t len);
owu_status owu_buffer_append_text(owu_buffer *buffer, const char *text); /* NUL-terminated */
owu_status owu_buffer_append_char(owu_buffer *buffer, char c);
/** Put a NUL behind the content, not counted in len. */
owu_status owu_buffer_terminate(owu_buffer *buffer);
void owu_buffer_free(owu_buffer *buffer);

/* ---------------------------------------------------------------- types and values */

/** What a field, a parameter or an answer holds. */
typedef enum owu_kind {
    OWU_ANY,   /* any JSON value, kept as text */
    OWU_STR,
    OWU_INT,   /* exact, any size */
    OWU_FLOAT,
    OWU_BOOL,
    OWU_DATE,  /* a day: YYYY-MM-DD */
    OWU_DICT,  /* object with items of kind `item`; with OWU_ANY kept as text */
    OWU_LIST,  /* array with items of kind `item`; with OWU_ANY kept as text */
    OWU_MODEL, /* record of `model` */
    OWU_BYTES  /* answers only: the body as it is */
} owu_kind;

typedef struct owu_model owu_model;

typedef struct owu_type {
    owu_kind kind;
    owu_kind item;          /* of OWU_LIST and OWU_DICT: OWU_ANY, a scalar kind or OWU_MODEL */
    bool nullable;
    const owu_model *model; /* static; of OWU_MODEL, or of items of that kind */
} owu_type;

/** What one cell holds. */
typedef enum owu_tag {
    OWU_TAG_UNSET = 0, /* nothing was given */
    OWU_TAG_NULL,
    OWU_TAG_BOOL,
    OWU_TAG_INT,    /* u.integer */
    OWU_TAG_BIGINT, /* decimal digits with optional '-', no leading zeros: u.text, len */
    OWU_TAG_FLOAT,  /* u.number */
    OWU_TAG_STR,    /* UTF-8: u.text, len */
    OWU_TAG_DATE,   /* u.date */
    OWU_TAG_JSON,   /* checked JSON text of a free-form value: u.text, len */
    OWU_TAG_LIST,   /* u.cells, len items */
    OWU_TAG_MAP,    /* u.cells, 2 * len: key (STR), value, key, value …; keys are distinct */
    OWU_TAG_RECORD  /* u.record */
} owu_tag;

enum {
    OWU_CELL_ASCII = 1,  /* STR: all bytes below 0x80 */
    OWU_CELL_PLAIN = 2,  /* STR: needs no escape in JSON (no quote, backslash, control) */
    OWU_CELL_NORMAL = 4  /* JSON: already in the normal form of owu_write_json_normal */
};

typedef struct owu_record owu_record;

typedef struct owu_date {
    int16_t year; /* 1 to 9999 */
    uint8_t month, day;
} owu_date;

/** One value: 16 bytes. Pointers are borrowed from the arena (or literal) behind it. */
typedef struct owu_cell {
    uint8_t tag;   /* owu_tag */
    uint8_t flags; /* OWU_CELL_… */
    uint16_t reserved;
    uint32_t len;
    union {
        bool boolean;
        int64_t integer;
        double number;
        const char *text;
        owu_date date;
        const struct owu_cell *cells;
        const owu_record *record;
    } u;
} owu_cell;

/** A key that the model does not declare, with its value as checked JSON text. */
typedef struct owu_extra {
    const struct owu_extra *next; /* in the order they came; keys are distinct */
    const char *key;
    uint32_t key_len;
    uint8_t key_flags;            /* OWU_CELL_ASCII, OWU_CELL_PLAIN */
    owu_cell value;               /* OWU_TAG_JSON */
} owu_extra;

/** A decoded model: immutable once read, freed with its document. Read it by owu_record_cell. */
struct owu_record {
    const owu_model *model;
    const owu_extra *extra; /* NULL when every key was known */
    uint64_t set; /* bit i: field i was given a value */
    uint64_t stored; /* bit i: and it is not null, so that it has a cell */
    owu_cell cells[]; /* of the stored fields, in their order */
};

/* ---------------------------------------------------------------- table of models (schema.c) */

enum {
    OWU_REQUIRED = 1,
    OWU_SECRET = 2,     /* masked in repr, str, HTML and errors */
    OWU_EXCLUDED = 4,   /* never dumped */
    OWU_FORGIVING = 8,  /* a value of the wrong type reads as the default */
    OWU_EPOCH = 16,     /* seconds since 1970: gets a datetime beside it */
    OWU_EPOCH_NS = 32,  /* nanoseconds since 1970 */
    OWU_CATEGORY = 64   /* a text of a few: a category in data frames */
};

typedef struct owu_field {
    const char *name;        /* JSON key */
    const char *python_name; /* attribute: same as name unless that is a keyword */
    owu_type type;
    unsigned flags;
    owu_cell def;            /* default; OWU_TAG_UNSET where required. JSON text for containers */
    const char *doc;         /* one sentence */
    uint8_t name_len;
    uint8_t quoted_len;
    char quoted[OWU_KEY_ROOM]; /* the key as it stands in JSON, with its colon; zeros behind it */
} owu_field;

typedef enum owu_unknown {
    OWU_CARRY, /* unknown keys: no attribute, kept by copy and pickle, sent back in a body */
    OWU_KEEP   /* unknown keys are attributes and are dumped */
} owu_unknown;

struct owu_model {
    const char *name;
    const owu_model *base;   /* static; NULL: derives from Model alone. Its fields come first, in
                                the same order; a row of the same name may narrow the type. */
    const owu_field *fields; /* all, the base's included */
    uint32_t n_fields;
    owu_unknown unknown;
    const char *doc;
};

static inline unsigned owu_count_bits(uint64_t x) {
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (unsigned)(x * UINT64_C(0x0101010101010101) >> 56);
}

/** The value of a field, the default where none was given. Borrowed from record, or static. Inline:
 *  every attribute that is read comes here. */
static inline const owu_cell *owu_record_cell(const owu_record *record, uint32_t index) {
    static const owu_cell null = {.tag = OWU_TAG_NULL};
    const uint64_t bit = UINT64_C(1) << index;
    if ((record->stored & bit) != 0) {
        return &record->cells[owu_count_bits(record->stored & (bit - 1))];
    }
    return (record->set & bit) != 0 ? &null : &record->model->fields[index].def;
}

/** All models, bases before what derives from them; NULL-terminated. Static. */
extern const owu_model *const owu_models[];

/** By class name; NULL when there is none. */
const owu_model *owu_model_find(const char *name);

/** Index of the field with this JSON key (case-sensitive), or -1. `hint` is tried first. */
int owu_model_field(const owu_model *model, const char *key, size_t len, unsigned hint);

/** Index of the list of models in a model that is a page: which has one, and but counts beside it.
 *  -1: it is none. */
int owu_model_page(const owu_model *model);

/** Is this JSON key a secret in any model? Unknown keys of that name are masked as well. */
bool owu_secret_name(const char *key, size_t len);

/** Prove both tables consistent. @return OWU_OK or OWU_EINTERNAL with what is wrong. */
owu_status owu_schema_check(owu_error *err);

/* ---------------------------------------------------------------- faults (model.c) */

/** Why a value does not fit: pydantic's error types. */
typedef enum owu_fault_type {
    OWU_FAULT_NONE = 0,
    OWU_FAULT_MISSING,
    OWU_FAULT_MODEL_TYPE,
    OWU_FAULT_STRING_TYPE,
    OWU_FAULT_STRING_UNICODE,
    OWU_FAULT_INT_TYPE,
    OWU_FAULT_INT_PARSING,
    OWU_FAULT_INT_PARSING_SIZE,
    OWU_FAULT_INT_FROM_FLOAT,
    OWU_FAULT_FINITE_NUMBER,
    OWU_FAULT_FLOAT_TYPE,
    OWU_FAULT_FLOAT_PARSING,
    OWU_FAULT_BOOL_TYPE,
    OWU_FAULT_BOOL_PARSING,
    OWU_FAULT_DATE_TYPE,
    OWU_FAULT_DATE_PARSING,
    OWU_FAULT_DATE_FROM_DATETIME_PARSING,
    OWU_FAULT_DATE_FROM_DATETIME_INEXACT,
    OWU_FAULT_LIST_TYPE,
    OWU_FAULT_DICT_TYPE,
    OWU_FAULT_INVALID_KEY,
    OWU_FAULT_JSON_INVALID,
    OWU_N_FAULT_TYPES
} owu_fault_type;

/** Static: pydantic's name of the type, for instance "string_type". */
const char *owu_fault_name(owu_fault_type type);
/** Static: the message; from_json chooses "object"/"array" over "dictionary"/"list". A `{model}`
 *  in it stands for the class name (model_type). */
const char *owu_fault_message(owu_fault_type type, bool from_json);

/** One step of a location: a key, or an index when key is NULL. */
typedef struct owu_step {
    const char *key; /* borrowed from the faults' arena or static */
    uint32_t key_len;
    uint32_t order;  /* position among the model's fields, for sorting */
    size_t index;
} owu_step;

typedef struct owu_fault {
    owu_fault_type type;
    uint32_t n_steps;
    const owu_step *steps;
    const owu_model *model; /* the model being read */
    const char *input;      /* borrowed from the text that was read */
    size_t input_len;
    bool secret;            /* a SECRET field: the input must not be shown */
    char detail[48];        /* appended to the message after ", "; may be empty */
} owu_fault;

/** Zero-initialise; free with owu_faults_free. In field order, as pydantic reports them. */
typedef struct owu_faults {
    owu_fault *items;
    size_t len, capacity;
    size_t total; /* found; more than len when OWU_MAX_FAULTS was reached */
    owu_arena arena;
} owu_faults;

void owu_faults_free(owu_faults *faults);

/* ------------------------------------------ documents (reader.c, model.c), rules (coerce.c) */

enum { OWU_READ_STRICT = 1 /* no coercion between kinds */ };

/** What one text decoded to: a value and the arena that holds it. Reference-counted. */
typedef struct owu_document owu_document;

/**
 * Decode one JSON text as `type`.
 * @param[out] out    owned: release with owu_document_unref; unchanged on failure.
 * @param type        borrowed; the models it names are static.
 * @param text        borrowed for the call; need not end in NUL; not NULL. Nothing of it is kept,
 *                    but faults->items[].input points into it.
 * @param faults      may be NULL; receives every fault when OWU_ESCHEMA is returned.
 * @return OWU_OK, OWU_EJSON (offset, line, column), OWU_ESCHEMA, OWU_ENOMEM, OWU_ELIMIT.
 * Threads: safe. Never blocks.
 */
owu_status owu_document_read(owu_document **out, const owu_type *type, const char *text, size_t len,
                             unsigned flags, owu_faults *faults, owu_error *err);
/** Atomic. */
owu_document *owu_document_ref(owu_document *document);
/** Atomic; NULL is allowed. */
void owu_document_unref(owu_document *document);
/** Borrowed from document. */
const owu_cell *owu_document_value(const owu_document *document);

/**
 * The rules of coercion, once for JSON and for Python input: turn a scalar (tag NULL, BOOL, INT,
 * BIGINT, FLOAT or STR) into what a scalar type wants.
 * @param[out] out  text in it is borrowed from in or from arena.
 * @return OWU_FAULT_NONE or the fault; memory gone: *out has tag UNSET and NONE is returned.
 * @param detail    may be NULL; room for 48 bytes: reason appended to a message.
 */
owu_fault_type owu_coerce(const owu_type *type, const owu_cell *in, unsigned flags,
                          owu_arena *arena, owu_cell *out, char *detail);

/* ---------------------------------------------------------------- free-form JSON (reader.c) */

/**
 * What the reader tells about a JSON text it walks. Each returns false to stop (the walk then
 * returns OWU_EINTERRUPTED). Texts are borrowed for the call.
 */
typedef struct owu_sink {
    bool (*null)(void *context);
    bool (*boolean)(void *context, bool value);
    bool (*integer)(void *context, const char *digits, size_t len); /* canonical, any size */
    bool (*number)(void *context, double value, const char *text, size_t len);
    bool (*string)(void *context, const char *text, size_t len, unsigned flags); /* unescaped */
    bool (*key)(void *context, const char *text, size_t len, unsigned flags);
    bool (*begin_object)(void *context);
    bool (*end_object)(void *context);
    bool (*begin_array)(void *context);
    bool (*end_array)(void *context);
} owu_sink;

/**
 * Walk any JSON text with all the reader's strictness.
 * @param sink  NULL: only check. Otherwise every member must be set.
 * @return OWU_OK, OWU_EJSON, OWU_ENOMEM, OWU_EINTERRUPTED (a sink function returned false).
 */
owu_status owu_json_walk(const char *text, size_t len, const owu_sink *sink, void *context,
                         owu_error *err);

/* ---------------------------------------------------------------- writing (writer.c) */

/** Writes JSON: compact (indent < 0) or as json.dumps(indent=n) does. Failures stick in buffer. */
typedef struct owu_writer {
    owu_buffer *buffer;
    int indent;
    int depth;
    bool first; /* nothing written yet at this level */
    bool after_key;
} owu_writer;

void owu_writer_init(owu_writer *writer, owu_buffer *buffer, int indent);
void owu_write_null(owu_writer *writer);
void owu_write_bool(owu_writer *writer, bool value);
void owu_write_int(owu_writer *writer, int64_t value);
/** Digits of an integer, or any other text that is already JSON: written as it is. */
void owu_write_raw(owu_writer *writer, const char *text, size_t len);
/** Shortest text that reads back as the same double; not for NaN and infinities. */
void owu_write_double(owu_writer *writer, double value);
/** text: valid UTF-8. flags: OWU_CELL_PLAIN skips the search for escapes. */
void owu_write_string(owu_writer *writer, const char *text, size_t len, unsigned flags);
void owu_write_key(owu_writer *writer, const char *text, size_t len, unsigned flags);
void owu_write_date(owu_writer *writer, owu_date date);
void owu_write_begin_object(owu_writer *writer);
void owu_write_end_object(owu_writer *writer);
void owu_write_begin_array(owu_writer *writer);
void owu_write_end_array(owu_writer *writer);

/** Checked JSON text, rewritten: no white space, doubles shortest, no needless escapes, of
 *  duplicate keys the last value at the first one's place. @return OWU_OK, OWU_EJSON, OWU_ENOMEM. */
owu_status owu_write_json_normal(owu_writer *writer, const char *text, size_t len);

enum {
    OWU_WRITE_NORMAL = 1,        /* free-form text normalised; without it, as it came */
    OWU_WRITE_BY_ALIAS = 2,      /* JSON keys; without it, Python attribute names */
    OWU_WRITE_EXCLUDE_UNSET = 4, /* without it, defaults are written */
    OWU_WRITE_EXCLUDE_NONE = 8,
    OWU_WRITE_EXCLUDE_DEFAULTS = 16,
    OWU_WRITE_CARRIED = 32,      /* also the unknown keys of models that carry them */
    OWU_WRITE_EXCLUDED = 64,     /* also fields that are never dumped */
    /* a body to the server: what was set, under JSON keys, nothing dropped */
    OWU_WRITE_BODY = OWU_WRITE_BY_ALIAS | OWU_WRITE_EXCLUDE_UNSET | OWU_WRITE_CARRIED
};

/** A member: the key that the flags choose, and the cell. No flag leaves it out. */
void owu_write_field(owu_writer *writer, const owu_field *field, const owu_cell *cell,
                     unsigned flags);
/** The unknown keys of a record; NULL: none. */
void owu_write_extra(owu_writer *writer, const owu_extra *extra, unsigned flags);
/** Any cell, records and lists included. @return the buffer's status. */
owu_status owu_write_cell(owu_writer *writer, const owu_cell *cell, unsigned flags);

/** The ten characters of a date, NUL-terminated. */
void owu_date_text(owu_date date, char out[11]);

/* ---------------------------------------------------------------- documents without schema (json.c) */

/**
 * The text at a JSON Pointer (RFC 6901) of a JSON text, for instance "/detail" of an error body.
 * @param[out] out  the value as compact JSON appended to the buffer; its numbers as they stand.
 * @param pointer   borrowed; "" is the whole text. Of equal keys on the way the last counts.
 * @return OWU_OK, OWU_EJSON, OWU_ENOMEM, OWU_EVALUE when nothing is there or it is no pointer.
 */
owu_status owu_json_pointer(owu_buffer *out, const char *text, size_t len, const char *pointer,
                            owu_error *err);
/** Apply a merge patch (RFC 7396) to a JSON text; exact numbers; result appended, compact.
 *  @return OWU_OK, OWU_EJSON, OWU_ENOMEM, OWU_ELIMIT (a text above OWU_MAX_TREE). */
owu_status owu_json_merge(owu_buffer *out, const char *text, size_t len, const char *patch,
                          size_t patch_len, owu_error *err);
/** The merge patch that turns one JSON text into the other, appended to out ("{}" when equal
 *  objects). @return as owu_json_merge; OWU_EVALUE when a member would have to become null, which
 *  no merge patch can say; out may then hold a part. */
owu_status owu_json_diff(owu_buffer *out, const char *from, size_t from_len, const char *to,
                         size_t to_len, owu_error *err);
/** Are two JSON texts equal as values (key order aside, integers exact, 1.0 equal to 1)? */
owu_status owu_json_equal(bool *out, const char *a, size_t a_len, const char *b, size_t b_len,
                          owu_error *err);
/** Static: version of the cJSON library in use. */
const char *owu_json_library_version(void);

/* ---------------------------------------------------------------- table of calls (endpoints.c) */

typedef enum owu_place { OWU_IN_PATH, OWU_IN_QUERY, OWU_IN_BODY, OWU_IN_CLIENT } owu_place;

typedef struct owu_param {
    const char *name;  /* name in Python and, for path and query, on the wire */
    owu_place place;   /* OWU_IN_BODY: the whole body (at most one).
                          OWU_IN_CLIENT: a switch of the client, not sent */
    owu_type type;
    bool required;
    owu_cell def;      /* when not required: UNSET = not sent unless given */
    const char *since; /* first server version known to have it; NULL: all */
    const char *doc;   /* one sentence */
    int64_t min, max;  /* of OWU_INT parameters; both 0: any */
} owu_param;

enum {
    OWU_REPEATABLE = 1,      /* may be sent twice without harm: reads */
    OWU_FOLLOW_ONCE = 2,     /* follows one redirect, without credentials */
    OWU_PUBLIC = 4,          /* needs no credentials */
    OWU_ADOPTS_TOKEN = 8,    /* the answer's token becomes the client's key */
    OWU_DROPS_TOKEN = 16,    /* the client's key is forgotten afterwards */
    OWU_CHECKS_PASSWORD = 32,/* secret texts of the body are passwords, whose length is limited */
    OWU_USER_ROUTE = 64,     /* 400 and 404 with the not-found text mean an unknown user */
    OWU_BARE_BODY = 128      /* the one field of the body's form may be given without the form */
};

typedef struct owu_endpoint {
    const char *resource;    /* "users", "auths", "groups", "channels" */
    const char *name;        /* method name in Python */
    const char *method;      /* "GET", "POST", "DELETE" */
    const char *path;        /* template below the API root: "/api/v1/users/{user_id}" */
    const owu_param *params; /* in call order */
    uint32_t n_params;
    owu_type answer;
    unsigned flags;
    const char *since;        /* first server version known to have it */
    const char *older_method; /* method on servers before older_before; NULL: the same */
    const char *older_before;
    const char *doc;          /* first line a sentence; then paragraphs */
    const char *returns;      /* what is returned */
    const char *not_found_hint; /* what a 400/404 here may mean; may be NULL */
} owu_endpoint;

/** The first server version whose routes the table knows. */
extern const char owu_oldest_version[];

extern const owu_endpoint owu_endpoints[];
extern const size_t owu_n_endpoints;

/** NULL when there is none. */
const owu_endpoint *owu_endpoint_find(const char *resource, const char *name);

/**
 * Path and query of a call: template filled with encoded arguments.
 * @param args   n_params cells (coerced to the parameters' types); UNSET = not sent.
 * @param[out] out  appended, for instance "/api/v1/users/?page=2".
 * @return OWU_OK, OWU_EVALUE (names the parameter, never its value), OWU_ENOMEM.
 */
owu_status owu_endpoint_target(owu_buffer *out, const owu_endpoint *endpoint, const owu_cell *args,
                               owu_error *err);

/* ---------------------------------------------------------------- URLs (url.c) */

/**
 * Normalise a base URL: scheme and host required, trailing slashes and a trailing "/api" or
 * "/api/v1" removed, sub-paths kept. Refused with the reason: other schemes than http and https,
 * user:password, query, fragment, white space, controls, dot segments.
 * @param[out] out  appended, for instance "https://chat.example.com/sub".
 */
owu_status owu_url_normalise(owu_buffer *out, const char *text, size_t len, owu_error *err);
/** Encode one path segment; EVALUE for "", ".", ".." (also encoded), slashes and controls. `what`
 *  names the parameter in the message. */
owu_status owu_url_segment(owu_buffer *out, const char *text, size_t len, const char *what,
                           owu_error *err);
/** Append name=value, encoded, behind '?' (first) or '&'. EVALUE for NUL in value. */
owu_status owu_url_query(owu_buffer *out, bool first, const char *name, const char *value,
                         size_t len, owu_error *err);
/** Is this text fit for a header value (no controls but tab, no CR, LF, NUL; ASCII)? */
owu_status owu_header_check(const char *what, const char *text, size_t len, owu_error *err);
/** Is this target (path and query) safe to be sent: begins with '/', no dot segments, no controls,
 *  no white space, no fragment? For request(). */
owu_status owu_url_target_check(const char *text, size_t len, owu_error *err);

/* ---------------------------------------------------------------- retries (retry.c) */

/** When a request is sent again; initialise with OWU_RETRY_INIT. Times in seconds. */
typedef struct owu_retry {
    unsigned max_retries;   /* of one call */
    double base_delay;      /* before the first retry; doubled before each further one */
    double max_delay;
    double jitter;          /* 0 to 1: how much of a delay is left to chance */
    double max_retry_after; /* a server that asks to wait longer is not waited for */
    double max_elapsed;     /* of the whole call; 0: as the call's timeout */
    bool writes;            /* also what may have changed something already */
} owu_retry;
#define OWU_RETRY_INIT {2, 0.5, 8.0, 0.25, 120.0, 0.0, false}

/** How one attempt went. */
typedef struct owu_attempt {
    owu_status status;  /* OWU_OK: an answer came, whatever its HTTP status */
    int http_status;    /* of that answer */
    bool repeatable;    /* the table says that it may be sent twice without harm */
    bool sent;          /* something of it may have reached the server */
    bool final;         /* no other try would mend it */
    double retry_after; /* seconds the server asks to wait; below 0: it does not say */
} owu_attempt;

/** Seconds to wait before the next attempt, or below 0: there is none.
 *  @param chance from 0 to 1, drawn by the caller. */
double owu_retry_delay(const owu_retry *policy, const owu_attempt *attempt, unsigned retries_taken,
                       double chance);

/** Bounds the retries of all threads of a client together. Zero-initialise. */
typedef struct owu_bucket {
    double tokens, at;
    bool started;
} owu_bucket;

/** Take leave to retry. @param now seconds of any steady clock. @return seconds until it holds, or
 *  below 0: not to be had within `patience` seconds. Not for threads. */
double owu_bucket_take(owu_bucket *bucket, double now, double patience);

/** Seconds since 1970 of a date as HTTP writes it, in any of its three forms; false: no date. */
bool owu_http_date(const char *text, size_t len, int64_t *out);
/** Seconds that the value of a Retry-After header asks to wait; below 0: it says nothing.
 *  @param now seconds since 1970, best by the server's own clock. */
double owu_retry_after(const char *text, size_t len, int64_t now);

/* -------------------------------------------- client (http.c, client.c, send.c, call.c, ca.c) */

/** Called between slices of at most 100 ms, outside libcurl; true = stop with OWU_EINTERRUPTED. */
typedef bool (*owu_interrupt)(void *context);

typedef struct owu_header {
    const char *name;  /* of the answer's header_texts; lower case */
    const char *value;
    size_t value_len;
} owu_header;

/** Zero-initialise; free with owu_answer_free. Facts are there when a call has returned. */
typedef struct owu_answer {
    const char *method; /* that was sent, borrowed from the caller or the table; NULL: none was */
    int status; /* HTTP status; 0: none came */
    owu_header *headers;
    size_t n_headers;
    owu_arena header_texts;  /* owned: holds the lines above */
    owu_buffer body;         /* decompressed; empty once decoded, but for a token to adopt */
    owu_document *document;  /* owned; the decoded answer, when it was asked for and fits */
    owu_faults faults;       /* of an answer that does not fit */
    double elapsed;          /* seconds, waits between attempts included */
    double retry_after;      /* seconds that the last answer asks to wait; below 0: it does not */
    unsigned retries;        /* attempts of the last request beyond its first */
    char *location; /* owned: of a redirect, cut, without its query; NULL: it leads nowhere */
    const char *needs;       /* OWU_EUNSUPPORTED: static, first version that has the route */
    char server_version[32]; /* when known */
} owu_answer;

void owu_answer_free(owu_answer *answer);
/** Value of the first header of that (lower-case) name, borrowed; NULL when absent. */
const char *owu_answer_header(const owu_answer *answer, const char *name);

/** What just happened in a call, for logs and hooks. Texts are borrowed for the call. */
typedef struct owu_event {
    bool answered;      /* false: an attempt begins; true: it ended */
    const char *method;
    const char *route;  /* template of the table, or the path with "{}" for what may be an id */
    unsigned attempt;   /* from 1 */
    owu_status status;  /* OWU_OK: an answer came */
    int http_status;
    double elapsed;     /* seconds of this attempt */
    size_t received;    /* bytes of the body, decompressed */
    double retry_in;    /* seconds until the next attempt; below 0: there is none */
} owu_event;

/** Called outside libcurl, on the calling thread; true = stop with OWU_EINTERRUPTED. */
typedef bool (*owu_observer)(void *context, const owu_event *event);

/** Per-call settings; initialise with OWU_OPTIONS_INIT. Pointers are borrowed for the call. */
typedef struct owu_options {
    double timeout;         /* seconds for the whole call; 0 or less: none. With
                               retry.max_elapsed: for each attempt */
    double connect_timeout; /* seconds to reach the server, each time; 0 or less: as timeout */
    double pool_timeout; /* seconds to wait for one of max_connections; 0 or less: as timeout */
    size_t max_body; /* bytes of a decompressed answer */
    owu_retry retry;
    bool follow_redirects; /* GET only, within the origin, OWU_MAX_REDIRECTS at most */
    const char *const *extra_headers; /* "Name: value" lines, NULL-terminated; may be NULL */
    const char *api_key; /* in place of the client's; NULL: the client's */
    size_t api_key_len;
    owu_interrupt interrupt;
    owu_observer observe;
    void *context; /* of both */
    bool raw; /* do not decode, do not refuse: the answer as it came */
} owu_options;
#define OWU_OPTIONS_INIT \
    {60.0, 5.0, 0.0, OWU_MAX_BODY, OWU_RETRY_INIT, false, NULL, NULL, 0, NULL, NULL, NULL, false}

/** Connections, credentials and what was learnt of one server. Shared by threads; ref-counted. */
typedef struct owu_client owu_client;

/** What a client is made of. All texts are borrowed and copied; NULL: not given. */
typedef struct owu_settings {
    const char *base_url; /* as owu_url_normalise takes it; need not end in NUL */
    size_t base_url_len;
    const char *api_key; /* token or sk-… key; the copy is wiped when it is freed */
    size_t api_key_len;
    const char *user_agent; /* not NULL */
    bool insecure; /* take any certificate */
    const char *ca_file; /* PEM; NULL: as owu_ca_find finds it */
    const char *client_cert; /* PEM */
    const char *client_key; /* PEM; NULL: in client_cert */
    const char *client_key_password;
    const char *http_proxy; /* URL of a proxy for requests to http; NULL or "": none */
    const char *https_proxy; /* and to https */
    const char *no_proxy; /* hosts that are asked directly, as curl takes them */
    bool trust_env; /* for CA files: see owu_ca_find. The environment is read now or never */
    const char *unix_socket; /* path: connect there, whatever the host of base_url */
    unsigned max_connections; /* at once; 0: OWU_MAX_CONNECTIONS */
    const void *owner; /* a mark for owu_client_close_all, never followed */
} owu_settings;

/**
 * @param[out] out owned: release with owu_client_unref.
 * @return OWU_OK, OWU_EVALUE (what cannot be used, never the key), OWU_ENOMEM, OWU_EINTERNAL.
 */
owu_status owu_client_new(owu_client **out, const owu_settings *settings, owu_error *err);
owu_client *owu_client_ref(owu_client *client);
void owu_client_unref(owu_client *client);
/** Close every idle connection and refuse further calls. Calls that block end by themselves; jobs
 *  end with OWU_ECLOSED. */
void owu_client_close(owu_client *client);
bool owu_client_closed(const owu_client *client);
/**
 * Make the document of an answer whose status is good: what owu_client_call does unless it is raw.
 * @return OWU_OK; OWU_ECONTENT_TYPE, OWU_EJSON, OWU_ESCHEMA, OWU_ENOMEM, OWU_ELIMIT.
 */
owu_status owu_answer_decode(owu_answer *answer, const owu_client *client,
                             const owu_endpoint *endpoint, owu_error *err);

/** Static for the client's life: the normalised base URL. */
const char *owu_client_base_url(const owu_client *client);
/** Replace the key (NULL: none). Threads: safe. */
owu_status owu_client_set_key(owu_client *client, const char *key, size_t len, owu_error *err);
/** Copy the key into out; appends nothing when there is none. Threads: safe. */
owu_status owu_client_key(owu_client *client, owu_buffer *out);

/**
 * Do one call of the table: build, send, check, decode. Needs no lock of the caller.
 * @param args   endpoint->n_params cells; body parameter: ignored.
 * @param body   JSON text; NULL: none.
 * @param answer zero-initialised by the caller, who frees it whatever is returned. Its document is
 *               set on OWU_OK unless options->raw or the answer is BYTES.
 * @return OWU_OK, or any code above; with OWU_ESTATUS, OWU_EREDIRECT, OWU_ECONTENT_TYPE,
 *         OWU_EJSON, OWU_ESCHEMA and OWU_EUNSUPPORTED the answer holds status, headers and body.
 * Threads: safe on one client. Blocks.
 */
owu_status owu_client_call(owu_client *client, const owu_endpoint *endpoint, const owu_cell *args,
                           const char *body, size_t body_len, const owu_options *options,
                           owu_answer *answer, owu_error *err);
/**
 * Any route of the server: target is path and query below the base URL, checked by
 * owu_url_target_check. Never decodes; statuses are not refused.
 */
owu_status owu_client_request(owu_client *client, const char *method, const char *target,
                              size_t target_len, const char *body, size_t body_len,
                              const owu_options *options, owu_answer *answer, owu_error *err);
/** Where a server tells its version. */
extern const char owu_version_path[];
/** The server's version text ("0.12.4"), asked once (GET /api/version) and remembered.
 *  @param[out] retries how often it was asked again; written in any case. */
owu_status owu_client_version(owu_client *client, char out[32], const owu_options *options,
                              unsigned *retries, owu_error *err);
/** Compare dotted versions: <0, 0, >0. */
int owu_version_compare(const char *a, const char *b);

/* ---------------------------------------------------------------- calls that do not block (engine.c) */

/*
 * A job is one call that the client's own thread carries through, beside thousands of others. What
 * happened to it comes out of a port, which a loop or a thread looks at when its descriptor is
 * readable. A port and its jobs are used by one thread at a time.
 */
typedef struct owu_port owu_port;
typedef struct owu_job owu_job;

typedef enum owu_news {
    OWU_NEWS_NONE,
    OWU_NEWS_EVENT, /* owu_job_event is to be shown; the job stands still until owu_job_resume */
    OWU_NEWS_DONE /* the outcome is there; nothing more comes of this job */
} owu_news;

/** @param[out] out owned: owu_port_close. @return OWU_OK; OWU_ENOMEM; OWU_EINTERNAL: no descriptor. */
owu_status owu_port_new(owu_port **out, owu_client *client, owu_error *err);
/** Readable while there is news. Not to be read, nor closed. */
int owu_port_fd(const owu_port *port);
/** Was it made by the parent of this process? Its descriptor is shared with it then. */
bool owu_port_foreign(const owu_port *port);
/** The next job with news, as the context it was started with; NULL: there is no more. */
void *owu_port_take(owu_port *port, owu_news *news);
/** No news comes from here on. Jobs that were started with it go on unheard, but for those whose
 *  events are news, which are stopped; cancel them first. NULL is allowed. */
void owu_port_close(owu_port *port);

/**
 * Make ready a call, as owu_client_call does it.
 * @param[out] out owned: owu_job_unref.
 * @param args, options borrowed for the call: what they point at is copied. Of the options,
 *             interrupt is not looked at, and observe says by not being NULL that events are news.
 * @param body moved: zeroed when this returns; empty: none.
 * @return OWU_OK, also for what cannot be sent, which is an outcome; OWU_ENOMEM.
 */
owu_status owu_job_new(owu_job **out, owu_client *client, const owu_endpoint *endpoint,
                       const owu_cell *args, owu_buffer *body, const owu_options *options,
                       owu_error *err);
/** Likewise for any route. method is static, target borrowed. */
owu_status owu_job_new_request(owu_job **out, owu_client *client, const char *method,
                               const char *target, size_t target_len, owu_buffer *body,
                               const owu_options *options, owu_error *err);
/** Likewise for the server's version. */
owu_status owu_job_new_version(owu_job **out, owu_client *client, const owu_options *options,
                               owu_error *err);
/** One whose outcome comes when the client is closed, which it does, and no connection is left. */
owu_status owu_job_new_farewell(owu_job **out, owu_client *client, owu_error *err);
/** NULL is allowed. One that was started goes on. Threads: safe. */
void owu_job_unref(owu_job *job);

/** Start it, once. @param context comes out of the port with its news.
 *  @return OWU_OK; or, and no news comes: OWU_ENOMEM; OWU_EINTERNAL: no thread could be started, or
 *  the process was forked since the job was made. */
owu_status owu_job_start(owu_job *job, owu_port *port, void *context, owu_error *err);
/** Stop it: OWU_EINTERRUPTED is its outcome, unless it has another one already. */
void owu_job_cancel(owu_job *job);
/** What is to be shown. Borrowed until it is resumed; also of one that was stopped meanwhile. */
const owu_event *owu_job_event(const owu_job *job);
/** Go on after an event. @param stop end with OWU_EINTERRUPTED. */
void owu_job_resume(owu_job *job, bool stop);

/** Its outcome, when it is done: as owu_client_call returns it. Borrowed from the job. */
owu_status owu_job_outcome(owu_job *job, owu_answer **answer, const owu_error **err);
/** Of owu_job_new_version: the version. Borrowed. */
const char *owu_job_version(const owu_job *job);

/** Wait until no thread of a closed client runs any more: at once when there is none. Blocks. */
void owu_client_wait(owu_client *client);
/** End the threads of all clients, and let none start again: for the end of a process. Jobs under way
 *  have no outcome; new ones get OWU_ECLOSED. Blocks. */
void owu_client_end_all(void);
/** Close the clients with this mark of their owner, and end their threads: for the end of a part of
 *  the process. Blocks. */
void owu_client_close_all(const void *owner);

/** Counted since the client was made, over all its views and threads. */
typedef struct owu_stats {
    uint64_t requests; /* that went out */
    uint64_t retries; /* attempts that repeated another, whether they went out or not */
    uint64_t failures; /* attempts without an answer */
    uint64_t connections_opened;
    uint64_t connections_reused; /* requests that found a connection open */
    uint64_t bytes_sent, bytes_received; /* headers and bodies, as they travelled */
    double seconds; /* spent in requests, of all threads together */
} owu_stats;

/** Threads: safe. */
void owu_client_stats(owu_client *client, owu_stats *out);

/**
 * The certificates that servers are trusted by, where none are given: with trust_env SSL_CERT_FILE,
 * CURL_CA_BUNDLE or SSL_CERT_DIR; then where libcurl and systems keep them.
 * @param[out] file, directory static, of the environment, or NULL.
 * @return false when there are none.
 */
bool owu_ca_find(bool trust_env, const char **file, const char **directory);

/** Once a process, before anything else that uses the network. Threads: safe. */
owu_status owu_global_init(owu_error *err);
/** Static texts: version of libcurl; its TLS library with version, "" without TLS. */
const char *owu_http_library_version(void);
const char *owu_tls_library_version(void);

#endif
