/* scan.c - the tokens of JSON: strings, numbers, words, and where a text is refused. */
#include "scan.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---------------------------------------------------------------- failures */

void owu_scan__init(struct owu_scan *scan, const char *text, size_t len, owu_error *err) {
    memset(scan, 0, sizeof *scan);
    scan->start = text == NULL ? "" : text; /* an empty buffer; NULL is how places say "failed" */
    scan->end = scan->start + len;
    scan->err = err;
}

const char *owu_scan__refuse(struct owu_scan *scan, const char *p, const char *what) {
    size_t line = 1;
    const char *line_start = scan->start;
    const char *q;
    for (q = scan->start; q < p; q++) {
        if (*q == '\n') {
            line++;
            line_start = q + 1;
        }
    }
    scan->status = owu_fail(scan->err, OWU_EJSON, "%s at line %zu column %zu", what, line,
                            (size_t)(p - line_start) + 1);
    if (scan->err != NULL) {
        scan->err->offset = (size_t)(p - scan->start);
        scan->err->line = line;
        scan->err->column = (size_t)(p - line_start) + 1;
    }
    return NULL;
}

const char *owu_scan__unexpected(struct owu_scan *scan, const char *p, const char *expected) {
    return owu_scan__refuse(scan, p, p >= scan->end ? "unexpected end of the text" : expected);
}

const char *owu_scan__fail(struct owu_scan *scan, owu_status status, const char *what) {
    scan->status = owu_fail(scan->err, status, "%s", what);
    return NULL;
}

const char *owu_scan__no_memory(struct owu_scan *scan) {
    return owu_scan__fail(scan, OWU_ENOMEM, "out of memory while reading JSON");
}

/* ---------------------------------------------------------------- strings */

unsigned owu_utf8__length(const unsigned char *p, const unsigned char *end) {
    const size_t left = (size_t)(end - p);
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if ((p[0] & 0xF0) == 0xE0) {
        if (left < 3 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 ||
            (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F)) {
            return 0;
        }
        return 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (left < 4 || (p[1] & 0xC0) != 0x80 || (p[2] & 0xC0) != 0x80 || (p[3] & 0xC0) != 0x80 ||
            (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F)) {
            return 0;
        }
        return 4;
    }
    return 0;
}

/*
 * Many bytes at once. plain_among() tells how many of the STRIDE bytes at p come before the first
 * that is a quote, a backslash, a control or not ASCII, and copies them all to `to` (not NULL).
 */
#if defined(__SSE2__) && defined(__GNUC__) && !defined(OWU_PORTABLE_SCAN)

enum { STRIDE = 16 };

static inline unsigned plain_among(const char *p, char *to) {
    const __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    const __m128i quotes = _mm_cmpeq_epi8(x, _mm_set1_epi8('"'));
    const __m128i backslashes = _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'));
    /* as signed bytes, those above 0x7F are below 0x20 too */
    const __m128i others = _mm_cmplt_epi8(x, _mm_set1_epi8(0x20));
    const int found = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quotes, backslashes), others));
    if (to != NULL) {
        _mm_storeu_si128((__m128i *)(void *)to, x);
    }
    return (unsigned)__builtin_ctz((unsigned)found | 1u << STRIDE);
}

#else

enum { STRIDE = 8 };

/* Subtracting with borrow finds bytes below a bound; a false alarm only takes the slow way. */
static inline unsigned plain_among(const char *p, char *to) {
    const uint64_t ones = UINT64_C(0x0101010101010101), high = UINT64_C(0x8080808080808080);
    uint64_t x, quotes, backslashes;
    unsigned n;
    memcpy(&x, p, sizeof x);
    if (to != NULL) {
        memcpy(to, &x, sizeof x);
    }
    quotes = x ^ (ones * '"');
    backslashes = x ^ (ones * '\\');
    if ((((x - ones * 0x20) | (quotes - ones) | (backslashes - ones) | x) & high) == 0) {
        return STRIDE;
    }
    for (n = 0; n < STRIDE; n++) {
        const unsigned char c = (unsigned char)p[n];
        if (c == '"' || c == '\\' || c < 0x20 || c > 0x7F) {
            break;
        }
    }
    return n;
}

#endif

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned hex_value(char c) {
    if (c <= '9') {
        return (unsigned)(c - '0');
    }
    return (unsigned)((c | 0x20) - 'a') + 10;
}

static unsigned four_hex(const char *p) {
    return hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 | hex_value(p[3]);
}

/* p is at a backslash. */
static const char *skip_escape(struct owu_scan *scan, const char *p) {
    unsigned unit;
    if (scan->end - p < 2) {
        return owu_scan__refuse(scan, p, "unexpected end of the text in an escape");
    }
    if (p[1] != 'u') {
        if (memchr("\"\\/bfnrt", p[1], 8) == NULL) {
            return owu_scan__refuse(scan, p, "invalid escape");
        }
        scan->normal = scan->normal && p[1] != '/';
        return p + 2;
    }
    if (scan->end - p < 6 || !is_hex(p[2]) || !is_hex(p[3]) || !is_hex(p[4]) || !is_hex(p[5])) {
        return owu_scan__refuse(scan, p, "an escape \\u needs four hexadecimal digits");
    }
    unit = four_hex(p + 2);
    scan->normal = false; /* \u00xx of a control may be normal, but that is rare */
    if (unit < 0xD800 || unit > 0xDFFF) {
        return p + 6;
    }
    if (unit > 0xDBFF || scan->end - p < 12 || p[6] != '\\' || p[7] != 'u' || !is_hex(p[8]) ||
        !is_hex(p[9]) || !is_hex(p[10]) || !is_hex(p[11]) || four_hex(p + 8) < 0xDC00 ||
        four_hex(p + 8) > 0xDFFF) {
        return owu_scan__refuse(scan, p, "lone surrogate in an escape");
    }
    return p + 12;
}

static char unescaped_char(char c) {
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

/* What the checked escape at p stands for; at most four bytes, never more than it takes itself. */
static char *put_escape(char *to, const char *p, bool *ascii) {
    unsigned code;
    if (p[1] != 'u') {
        *to = unescaped_char(p[1]);
        return to + 1;
    }
    code = four_hex(p + 2);
    if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (four_hex(p + 8) - 0xDC00);
    }
    *ascii = *ascii && code < 0x80;
    return put_utf8(to, code);
}

/* p is at a byte that plain_among stops at, and that is neither a quote nor a backslash. */
static const char *skip_special(struct owu_scan *scan, const char *p, bool *ascii) {
    unsigned n;
    if ((unsigned char)*p < 0x20) {
        return owu_scan__refuse(scan, p, "control character in a string");
    }
    n = owu_utf8__length((const unsigned char *)p, (const unsigned char *)scan->end);
    if (n == 0) {
        return owu_scan__refuse(scan, p, "invalid UTF-8");
    }
    *ascii = *ascii && n == 1;
    return p + n;
}

static unsigned flags_of(bool ascii, bool escaped) {
    return (ascii ? (unsigned)OWU_CELL_ASCII : 0u) | (escaped ? 0u : (unsigned)OWU_CELL_PLAIN);
}

const char *owu_scan__string(struct owu_scan *scan, const char *p, struct owu_token *token) {
    const char *const end = scan->end;
    bool ascii = true, escaped = false;
    token->p = p;
    for (;;) {
        while (end - p >= STRIDE) {
            const unsigned n = plain_among(p, NULL);
            p += n;
            if (n != STRIDE) {
                break;
            }
        }
        if (p >= end) {
            return owu_scan__refuse(scan, p, "unexpected end of the text in a string");
        }
        if (*p == '"') {
            break;
        }
        escaped = escaped || *p == '\\';
        p = *p == '\\' ? skip_escape(scan, p) : skip_special(scan, p, &ascii);
        if (p == NULL) {
            return NULL;
        }
    }
    token->len = (size_t)(p - token->p);
    token->escaped = escaped;
    token->flags = flags_of(ascii, escaped);
    return p + 1;
}

const char *owu_scan__unescape(owu_arena *arena, struct owu_token *token) {
    char *to, *result;
    const char *p = token->p, *const end = token->p + token->len;
    bool ascii = true;
    if (!token->escaped) {
        return owu_arena_copy(arena, token->p, token->len);
    }
    result = to = owu_arena_alloc(arena, token->len + 1);
    if (result == NULL) {
        return NULL;
    }
    while (p < end) {
        if (*p != '\\') {
            *to++ = *p++;
        } else {
            const unsigned code = p[1] == 'u' ? four_hex(p + 2) : 0;
            to = put_escape(to, p, &ascii);
            p += p[1] != 'u' ? 2 : code >= 0xD800 && code <= 0xDBFF ? 12 : 6;
        }
    }
    *to = '\0';
    token->len = (size_t)(to - result);
    if (!ascii) {
        token->flags &= ~(unsigned)OWU_CELL_ASCII;
    }
    return result;
}

static const char *text_cell(struct owu_scan *scan, const char *text, size_t len, unsigned flags,
                             owu_cell *out) {
    if (len > UINT32_MAX) {
        return owu_scan__fail(scan, OWU_ELIMIT, "a string of more than 4 GiB");
    }
    out->tag = OWU_TAG_STR;
    out->flags = (uint8_t)flags;
    out->reserved = 0;
    out->len = (uint32_t)len;
    out->u.text = text;
    return text;
}

/* Check first, copy then: for what does not fit into the arena's newest chunk, or ends the text. */
static const char *text_in_two_steps(struct owu_scan *scan, const char *p, owu_arena *arena,
                                     owu_cell *out) {
    struct owu_token token;
    const char *text;
    p = owu_scan__string(scan, p, &token);
    if (p == NULL) {
        return NULL;
    }
    text = owu_scan__unescape(arena, &token);
    if (text == NULL) {
        return owu_scan__no_memory(scan);
    }
    return text_cell(scan, text, token.len, token.flags, out) == NULL ? NULL : p;
}

enum { ROOM = STRIDE + 4 }; /* for what one turn of the loop below writes */

const char *owu_scan__text(struct owu_scan *scan, const char *p, owu_arena *arena, owu_cell *out) {
    const char *const start = p;
    char *const text = arena->next;
    char *to = text;
    bool ascii = true, escaped = false;
    if (arena->chunk == NULL) {
        return text_in_two_steps(scan, start, arena, out);
    }
    while (scan->end - p >= STRIDE && (size_t)(arena->end - to) >= ROOM) {
        const unsigned n = plain_among(p, to);
        p += n;
        to += n;
        if (n == STRIDE) {
            continue;
        }
        if (*p == '"') {
            const size_t len = (size_t)(to - text);
            *to = '\0';
            arena->next = to + 1;
            return text_cell(scan, text, len, flags_of(ascii, escaped), out) == NULL ? NULL : p + 1;
        }
        {
            const char *special = p;
            p = *p == '\\' ? skip_escape(scan, p) : skip_special(scan, p, &ascii);
            if (p == NULL) {
                return NULL;
            }
            if (*special == '\\') {
                escaped = true;
                to = put_escape(to, special, &ascii);
            } else {
                do {
                    *to++ = *special++;
                } while (special < p);
            }
        }
    }
    return text_in_two_steps(scan, start, arena, out);
}

/* ---------------------------------------------------------------- other tokens */

const char *owu_scan__begin(struct owu_scan *scan) {
    const char *const p = scan->start;
    if (scan->end - p >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) {
        return owu_scan__refuse(scan, p, "expected a value, not a byte order mark");
    }
    return owu_scan__space(scan, p);
}

const char *owu_scan__finish(struct owu_scan *scan, const char *p) {
    p = owu_scan__space(scan, p);
    return p == scan->end ? p : owu_scan__refuse(scan, p, "trailing characters");
}

const char *owu_scan__spaces(struct owu_scan *scan, const char *p) {
    while (p < scan->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) {
        p++;
        scan->normal = false;
    }
    return p;
}

static const char *skip_digits(const struct owu_scan *scan, const char *p) {
    while (p < scan->end && owu_scan__is_digit(*p)) {
        p++;
    }
    return p;
}

const char *owu_scan__number(struct owu_scan *scan, const char *p, bool *integral) {
    const char *const end = scan->end;
    *integral = true;
    p += p < end && *p == '-' ? 1 : 0;
    if (p >= end || !owu_scan__is_digit(*p)) {
        return owu_scan__unexpected(scan, p, "invalid number");
    }
    if (*p == '0' && end - p >= 2 && owu_scan__is_digit(p[1])) {
        return owu_scan__refuse(scan, p, "invalid number: leading zero");
    }
    p = skip_digits(scan, p);
    if (p < end && *p == '.') {
        *integral = false;
        p++;
        if (p >= end || !owu_scan__is_digit(*p)) {
            return owu_scan__unexpected(scan, p, "invalid number: a digit is due behind the point");
        }
        p = skip_digits(scan, p);
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *integral = false;
        p++;
        p += p < end && (*p == '+' || *p == '-') ? 1 : 0;
        if (p >= end || !owu_scan__is_digit(*p)) {
            return owu_scan__unexpected(scan, p, "invalid number: a digit is due in the exponent");
        }
        p = skip_digits(scan, p);
    }
    return p;
}

const char *owu_scan__word(struct owu_scan *scan, const char *p, const char *word) {
    const size_t len = strlen(word);
    if ((size_t)(scan->end - p) < len || memcmp(p, word, len) != 0) {
        return owu_scan__unexpected(scan, p, "expected a value");
    }
    return p + len;
}

const char *owu_scan__key(struct owu_scan *scan, const char *p, struct owu_token *key) {
    if (p >= scan->end || *p != '"') {
        return owu_scan__unexpected(scan, p, "expected a key in quotes");
    }
    p = owu_scan__string(scan, p + 1, key);
    if (p == NULL) {
        return NULL;
    }
    p = owu_scan__space(scan, p);
    if (p >= scan->end || *p != ':') {
        return owu_scan__unexpected(scan, p, "expected `:`");
    }
    return owu_scan__space(scan, p + 1);
}

const char *owu_scan__enter(struct owu_scan *scan, const char *p) {
    if (++scan->depth > OWU_MAX_DEPTH) {
        return owu_scan__refuse(scan, p, "nested too deeply");
    }
    return owu_scan__space(scan, p + 1);
}

const char *owu_scan__no_item(struct owu_scan *scan, const char *p, char closing) {
    return owu_scan__unexpected(scan, p,
                                closing == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
}
