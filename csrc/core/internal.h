/* internal.h - what files of the core share with each other and with the C tests only. */
#ifndef OWU_INTERNAL_H
#define OWU_INTERNAL_H

#include "owu.h"

/** Parse a JSON number or any plain decimal text as a double, whatever the process's locale.
 *  @param text borrowed: [-]digits[.digits][e[+-]digits], checked by the caller. */
double owu_number__parse(const char *text, size_t len);

/** Shortest text that reads back as the same finite double, with ".0" where it is integral.
 *  @return bytes written, no NUL. */
size_t owu_number__format(double value, char out[32]);

/** Canonical digits ([-]digits, no leading zeros) as INT where an int64 holds them, else as a
 *  BIGINT that borrows the text. */
void owu_integer__cell(owu_cell *out, const char *digits, size_t len);

/** Bytes of the UTF-8 sequence at p (1 to 4), or 0 where it is not well-formed. */
unsigned owu_utf8__length(const unsigned char *p, const unsigned char *end);

/** Order of two keys by bytes, shorter first where one begins the other: <0, 0, >0. */
int owu_key__compare(const char *a, size_t a_len, const char *b, size_t b_len);

/** A key and its place among its neighbours. */
struct owu_keyed {
    const char *key; /* borrowed */
    size_t len;
    size_t position;
};

/**
 * For n keys in the order they came: last[i] becomes the position of the last duplicate of key i
 * when i is its first occurrence, SIZE_MAX when i is a later one. The keys are sorted meanwhile, so
 * a hostile text of a million keys costs no more than sorting them.
 */
void owu_keys__find_duplicates(struct owu_keyed *keys, size_t n, size_t *last);

/** Record one fault; path is copied. Ignores memory that ran out but counts (total). */
struct owu_path {
    const struct owu_path *up; /* NULL: the outermost step */
    const char *key;           /* NULL: an index */
    uint32_t key_len;
    uint32_t order;
    size_t index;
};
void owu_faults__add(owu_faults *faults, owu_fault_type type, const struct owu_path *path,
                     const owu_model *model, const char *input, size_t input_len, bool secret,
                     const char *detail);

/** An empty document with an arena, reference count 1; NULL when memory ran out. */
owu_document *owu_document__new(void);
owu_arena *owu_document__arena(owu_document *document);
void owu_document__set_value(owu_document *document, owu_cell value);

#endif
