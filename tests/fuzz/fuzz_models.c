/* The first byte chooses a model, the second how it is read; the rest is read as that. */
#include "fuzz.h"

static size_t count_models(void) {
    size_t n = 0;
    while (owu_models[n] != NULL) {
        n++;
    }
    return n;
}

/* What was read, written and read again, is the same. */
static void write_and_read(const owu_type *type, const owu_cell *value, unsigned flags) {
    static const unsigned ways[] = {OWU_WRITE_BODY, OWU_WRITE_BY_ALIAS | OWU_WRITE_CARRIED,
                                    OWU_WRITE_BY_ALIAS | OWU_WRITE_NORMAL | OWU_WRITE_CARRIED};
    size_t i;
    for (i = 0; i < sizeof ways / sizeof *ways; i++) {
        const unsigned way = ways[i] | OWU_WRITE_EXCLUDED;
        owu_buffer once = {0}, twice = {0};
        owu_writer writer;
        owu_document *again = NULL;
        owu_writer_init(&writer, &once, -1);
        if (owu_write_cell(&writer, value, way) != OWU_OK) {
            MUST(once.status == OWU_EVALUE); /* a number beyond a double was read as infinite */
            owu_buffer_free(&once);
            continue;
        }
        MUST(owu_json_walk(once.data, once.len, NULL, NULL, NULL) == OWU_OK);
        MUST(owu_document_read(&again, type, once.data, once.len, flags, NULL, NULL) == OWU_OK);
        owu_writer_init(&writer, &twice, -1);
        MUST(owu_write_cell(&writer, owu_document_value(again), way) == OWU_OK);
        MUST(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
        owu_document_unref(again);
        owu_buffer_free(&once);
        owu_buffer_free(&twice);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    owu_type type = {.kind = OWU_MODEL};
    owu_document *document = NULL;
    owu_faults faults = {0};
    owu_error err = {0};
    owu_status status;
    unsigned flags;
    char *text;
    if (size < 2) {
        return 0;
    }
    type.model = owu_models[data[0] % count_models()];
    flags = (data[1] & 1) != 0 ? OWU_READ_STRICT : 0;
    if ((data[1] & 2) != 0) {
        type.kind = OWU_LIST;
        type.item = OWU_MODEL;
    }
    text = exact_copy(data + 2, size - 2);
    status = owu_document_read(&document, &type, text, size - 2, flags, &faults, &err);
    if (status == OWU_OK) {
        write_and_read(&type, owu_document_value(document), flags);
        owu_document_unref(document);
    } else {
        size_t i;
        MUST(status == OWU_EJSON || status == OWU_ESCHEMA || status == OWU_ELIMIT);
        MUST(document == NULL && (status != OWU_ESCHEMA || faults.len > 0));
        for (i = 0; i < faults.len; i++) {
            MUST(faults.items[i].input == NULL ||
                 (faults.items[i].input >= text &&
                  faults.items[i].input + faults.items[i].input_len <= text + size - 2));
        }
    }
    owu_faults_free(&faults);
    free(text);
    return 0;
}
