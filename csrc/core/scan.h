/*
 * scan.h - the tokens of JSON, checked after RFC 8259.
 *
 * Every function takes the place where a token begins and returns the place behind it, so that the
 * place stays in a register; NULL when the text is refused (scan->status, *scan->err tell why).
 */
#ifndef OWU_SCAN_H
#define OWU_SCAN_H

#include "internal.h"

struct owu_scan {
    const char *start, *end; /* borrowed: the whole text */
    owu_error *err;          /* borrowed; may be NULL */
    owu_status status;       /* of the first failure */
    unsigned depth;          /* containers that are open */
    bool normal;             /* of the free-form value being checked: see OWU_CELL_NORMAL */
};

/** One string as it stands in the text, between its quotes. */
struct owu_token {
    const char *p; /* borrowed from the text */
    size_t len;
    bool escaped;
    unsigned flags; /* OWU_CELL_ASCII (as escaped), and OWU_CELL_PLAIN when nothing is escaped */
};

void owu_scan__init(struct owu_scan *scan, const char *text, size_t len, owu_error *err);

/** Refuse the text at p: `what` with line and column. @return NULL. */
const char *owu_scan__refuse(struct owu_scan *scan, const char *p, const char *what);
/** The same where `expected` is due; says so when the text has ended. @return NULL. */
const char *owu_scan__unexpected(struct owu_scan *scan, const char *p, const char *expected);
/** Give up for another reason than the text. @return NULL. */
const char *owu_scan__fail(struct owu_scan *scan, owu_status status, const char *what);
const char *owu_scan__no_memory(struct owu_scan *scan);

const char *owu_scan__spaces(struct owu_scan *scan, const char *p);

static inline const char *owu_scan__space(struct owu_scan *scan, const char *p) {
    return p < scan->end && (unsigned char)*p <= ' ' ? owu_scan__spaces(scan, p) : p;
}

static inline bool owu_scan__is_digit(char c) {
    return c >= '0' && c <= '9';
}

/** Before the first token: spaces, but no byte order mark. */
const char *owu_scan__begin(struct owu_scan *scan);
/** Behind the last token: nothing but spaces may follow. */
const char *owu_scan__finish(struct owu_scan *scan, const char *p);

/** p is behind the opening quote, the result behind the closing one. */
const char *owu_scan__string(struct owu_scan *scan, const char *p, struct owu_token *token);

/** The token as UTF-8 in the arena (NUL behind it), its len and flags made those of that text; NULL
 *  when memory ran out. */
const char *owu_scan__unescape(owu_arena *arena, struct owu_token *token);

/** Like owu_scan__string, but as a STR cell whose text is in the arena with a NUL behind it. */
const char *owu_scan__text(struct owu_scan *scan, const char *p, owu_arena *arena, owu_cell *out);

/** integral: neither a fraction nor an exponent. */
const char *owu_scan__number(struct owu_scan *scan, const char *p, bool *integral);

/** `word` is "true", "false" or "null". */
const char *owu_scan__word(struct owu_scan *scan, const char *p, const char *word);

/** The quote, the key, the colon and spaces. */
const char *owu_scan__key(struct owu_scan *scan, const char *p, struct owu_token *key);

/** p is at `{` or `[`, the result at the first item or at what closes it. */
const char *owu_scan__enter(struct owu_scan *scan, const char *p);

/** At the first item of what was entered: is it empty? *p is then behind `closing`. */
static inline bool owu_scan__close_empty(struct owu_scan *scan, const char **p, char closing) {
    if (*p < scan->end && **p == closing) {
        ++*p;
        scan->depth--;
        return true;
    }
    return false;
}

const char *owu_scan__no_item(struct owu_scan *scan, const char *p, char closing);

/** Behind an item: *more tells whether another follows, which the result is at. */
static inline const char *owu_scan__next(struct owu_scan *scan, const char *p, char closing,
                                         bool *more) {
    p = owu_scan__space(scan, p);
    if (p < scan->end && *p == ',') {
        *more = true;
        return owu_scan__space(scan, p + 1);
    }
    if (p < scan->end && *p == closing) {
        *more = false;
        scan->depth--;
        return p + 1;
    }
    return owu_scan__no_item(scan, p, closing);
}

#endif
