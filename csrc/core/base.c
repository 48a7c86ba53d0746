/* base.c - status names, errors, allocation, arena and buffer. */
#define _DEFAULT_SOURCE /* madvise */
#include "internal.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

/* ---------------------------------------------------------------- status and error */

static const char *const status_names[] = {
    [OWU_OK] = "OWU_OK",
    [OWU_ENOMEM] = "OWU_ENOMEM",
    [OWU_ELIMIT] = "OWU_ELIMIT",
    [OWU_EJSON] = "OWU_EJSON",
    [OWU_ESCHEMA] = "OWU_ESCHEMA",
    [OWU_EVALUE] = "OWU_EVALUE",
    [OWU_ECLOSED] = "OWU_ECLOSED",
    [OWU_EINTERRUPTED] = "OWU_EINTERRUPTED",
    [OWU_ECONNECT] = "OWU_ECONNECT",
    [OWU_EDNS] = "OWU_EDNS",
    [OWU_EPROXY] = "OWU_EPROXY",
    [OWU_ETLS] = "OWU_ETLS",
    [OWU_ECONNECT_TIMEOUT] = "OWU_ECONNECT_TIMEOUT",
    [OWU_EPOOL_TIMEOUT] = "OWU_EPOOL_TIMEOUT",
    [OWU_ETIMEOUT] = "OWU_ETIMEOUT",
    [OWU_EREAD] = "OWU_EREAD",
    [OWU_EINCOMPLETE] = "OWU_EINCOMPLETE",
    [OWU_EWRITE] = "OWU_EWRITE",
    [OWU_EPROTOCOL] = "OWU_EPROTOCOL",
    [OWU_ETOO_LARGE] = "OWU_ETOO_LARGE",
    [OWU_EREDIRECT] = "OWU_EREDIRECT",
    [OWU_ECONTENT_TYPE] = "OWU_ECONTENT_TYPE",
    [OWU_ESTATUS] = "OWU_ESTATUS",
    [OWU_EUNSUPPORTED] = "OWU_EUNSUPPORTED",
    [OWU_EINTERNAL] = "OWU_EINTERNAL",
};

const char *owu_status_name(owu_status code) {
    if ((size_t)code >= sizeof status_names / sizeof *status_names) {
        return "OWU_?";
    }
    return status_names[code];
}

owu_status owu_fail(owu_error *err, owu_status code, const char *format, ...) {
    if (err != NULL) {
        va_list arguments;
        memset(err, 0, sizeof *err);
        err->code = code;
        err->received = -1;
        err->expected = -1;
        va_start(arguments, format);
        (void)vsnprintf(err->message, sizeof err->message, format, arguments);
        va_end(arguments);
    }
    return code;
}

/* ---------------------------------------------------------------- allocation */

/* tests only */
static atomic_long fail_countdown = OWU_TEST_NEVER;
static atomic_bool fail_all_later;

long owu_test_fail_allocation(long nth, bool all_later) {
    atomic_store(&fail_all_later, all_later);
    return atomic_exchange(&fail_countdown, nth);
}

static bool allocation_fails(void) {
    long left;
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) == OWU_TEST_NEVER) {
        return false;
    }
    left = atomic_fetch_sub(&fail_countdown, 1);
    return left == 1 || (left < 1 && atomic_load(&fail_all_later));
}

void *owu_malloc(size_t size) {
    return allocation_fails() ? NULL : malloc(size == 0 ? 1 : size);
}

void *owu_realloc(void *pointer, size_t size) {
    return allocation_fails() ? NULL : realloc(pointer, size == 0 ? 1 : size);
}

void owu_free(void *pointer) {
    free(pointer);
}

/* ---------------------------------------------------------------- arena */

enum { ARENA_FIRST_CHUNK = 1024, ARENA_LARGEST_CHUNK = 1 << 20, LARGE_PAGES_FROM = 32 << 20 };

struct owu_arena_chunk {
    struct owu_arena_chunk *older;
    size_t size;
    max_align_t data[];
};

/*
 * So much memory comes fresh from the system every time, and page after page: half of what it takes
 * to decode 100,000 users. Larger pages are asked for; without them all is only slower.
 */
static void ask_for_large_pages(void *start, size_t size) {
#ifdef MADV_HUGEPAGE
    const size_t page = 4096, skipped = (0 - (uintptr_t)start) % page;
    if (size >= LARGE_PAGES_FROM) {
        (void)madvise((char *)start + skipped, (size - skipped) / page * page, MADV_HUGEPAGE);
    }
#else
    (void)start;
    (void)size;
#endif
}

static bool arena_grow(owu_arena *arena, size_t wanted) {
    size_t size = arena->chunk == NULL ? ARENA_FIRST_CHUNK : arena->chunk->size * 2;
    struct owu_arena_chunk *chunk;

    if (size > ARENA_LARGEST_CHUNK) {
        size = ARENA_LARGEST_CHUNK;
    }
    if (arena->chunk == NULL && arena->expected != 0) {
        size = arena->expected; /* pages that are not written to cost nothing */
    }
    if (size < wanted) {
        size = wanted;
    }
    if (size > SIZE_MAX - sizeof *chunk) {
        return false;
    }
    chunk = owu_malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        return false;
    }
    ask_for_large_pages(chunk, sizeof *chunk + size);
    chunk->older = arena->chunk;
    chunk->size = size;
    arena->chunk = chunk;
    arena->next = (char *)chunk->data;
    arena->end = arena->next + size;
    arena->total += sizeof *chunk + size;
    return true;
}

void *owu_arena_alloc(owu_arena *arena, size_t size) {
    size_t padding;
    char *result;
    if (size > SIZE_MAX - 8) {
        return NULL;
    }
    padding = (0 - (uintptr_t)arena->next) & 7;
    if (arena->chunk == NULL || (size_t)(arena->end - arena->next) < size + padding) {
        if (!arena_grow(arena, size)) {
            return NULL;
        }
        padding = 0;
    }
    result = arena->next + padding;
    arena->next = result + size;
    return result;
}

char *owu_arena_copy(owu_arena *arena, const char *text, size_t len) {
    char *copy = arena->next;
    if (arena->chunk == NULL || (size_t)(arena->end - copy) <= len) {
        if (len == SIZE_MAX || !arena_grow(arena, len + 1)) {
            return NULL;
        }
        copy = arena->next;
    }
    if (len != 0) {
        memcpy(copy, text, len);
    }
    copy[len] = '\0';
    arena->next = copy + len + 1;
    return copy;
}

void owu_arena_free(owu_arena *arena) {
    struct owu_arena_chunk *chunk = arena->chunk;
    while (chunk != NULL) {
        struct owu_arena_chunk *older = chunk->older;
        owu_free(chunk);
        chunk = older;
    }
    memset(arena, 0, sizeof *arena);
}

/* ---------------------------------------------------------------- buffer */

static owu_status buffer_reserve(owu_buffer *buffer, size_t more) {
    const size_t limit = buffer->limit == 0 ? OWU_MAX_REQUEST : buffer->limit;
    size_t capacity;
    char *data;

    if (buffer->status != OWU_OK) {
        return buffer->status;
    }
    if (more > limit || buffer->len > limit - more) {
        return buffer->status = OWU_ELIMIT;
    }
    if (buffer->len + more <= buffer->capacity) {
        return OWU_OK;
    }
    capacity = buffer->capacity < 32 ? 64 : buffer->capacity * 2;
    if (capacity > limit) { /* so that what fits into the capacity is within the limit */
        capacity = limit;
    }
    if (capacity < buffer->len + more) {
        capacity = buffer->len + more;
    }
    data = buffer->resize != NULL ? buffer->resize(buffer->context, capacity)
                                  : owu_realloc(buffer->data, capacity);
    if (data == NULL) {
        return buffer->status = OWU_ENOMEM;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return OWU_OK;
}

owu_status owu_buffer_append(owu_buffer *buffer, const char *text, size_t len) {
    if (buffer->status != OWU_OK || buffer->capacity - buffer->len < len) {
        const owu_status status = buffer_reserve(buffer, len);
        if (status != OWU_OK) {
            return status;
        }
    }
    if (len != 0) {
        memcpy(buffer->data + buffer->len, text, len);
        buffer->len += len;
    }
    return OWU_OK;
}

owu_status owu_buffer_append_text(owu_buffer *buffer, const char *text) {
    return owu_buffer_append(buffer, text, strlen(text));
}

owu_status owu_buffer_append_char(owu_buffer *buffer, char c) {
    return owu_buffer_append(buffer, &c, 1);
}

owu_status owu_buffer_terminate(owu_buffer *buffer) {
    const owu_status status = owu_buffer_append_char(buffer, '\0');
    if (status == OWU_OK) {
        buffer->len--;
    }
    return status;
}

void owu_buffer_free(owu_buffer *buffer) {
    const size_t limit = buffer->limit;
    if (buffer->resize == NULL) {
        owu_free(buffer->data);
    }
    memset(buffer, 0, sizeof *buffer);
    buffer->limit = limit;
}
