/* py_body.c - model objects as request bodies: what was set, checked, with nothing dropped. */
#include "pyowu.h"

/* A body in the making: faults of assigned values are collected, then raised together. */
typedef struct Body {
    ModuleState *state;
    owu_writer *out;
    FaultList faults;
} Body;

static int body_model(Body *b, ModelObject *self, const Path *path);

static int body_list(Body *b, PyObject *list, const Path *path) {
    Path step = {path, NULL, 0};
    int failed = 0;
    owu_write_begin_array(b->out);
    for (step.index = 0; failed == 0 && step.index < PyList_GET_SIZE(list); step.index++) {
        failed = body_model(b, (ModelObject *)PyList_GET_ITEM(list, step.index), &step);
    }
    owu_write_end_array(b->out);
    return failed;
}

/* A value assigned or built in Python: checked against its field, then written. */
static int body_value(Body *b, ModelObject *self, uint32_t index, PyObject *value,
                      const Path *path) {
    const owu_model *model = self->klass->model;
    const owu_field *field = &model->fields[index];
    PyObject *converted = NULL;
    int failed;
    const int result = owu_convert(b->state, &field->type, value, 0, path, model, field->flags,
                                   &b->faults, &converted);
    if (result <= 0) {
        owu_write_null(b->out); /* keeps the text well-formed while the faults are collected */
        return result;
    }
    if (converted != Py_None && field->type.kind == OWU_MODEL) {
        failed = body_model(b, (ModelObject *)converted, path);
    } else if (converted != Py_None && field->type.kind == OWU_LIST &&
               field->type.item == OWU_MODEL) {
        failed = body_list(b, converted, path);
    } else {
        failed = owu_write_python(b->state, b->out, converted, NULL, path);
    }
    Py_DECREF(converted);
    return failed;
}

static int body_field(Body *b, ModelObject *self, uint32_t index, const Path *path) {
    const ModelClass *klass = self->klass;
    const owu_field *field = &klass->model->fields[index];
    const uint64_t bit = UINT64_C(1) << index;
    const Path step = {path, klass->keys[index], 0};
    const bool made = self->values != NULL && self->values[index] != NULL;

    if ((self->absent & bit) != 0) {
        return 0;
    }
    if ((self->set & bit) == 0) { /* an edit in place of a default is not lost */
        const int edited = made ? Model_default_was_edited(self, index) : 0;
        if (edited <= 0) {
            return edited;
        }
    }
    owu_write_key(b->out, field->name, field->name_len, OWU_CELL_PLAIN);
    if (made) {
        PyObject *value = Py_NewRef(self->values[index]); /* checking it may replace it */
        const int failed = body_value(b, self, index, value, &step);
        Py_DECREF(value);
        return failed;
    }
    (void)owu_write_cell(b->out, owu_record_cell(self->record, index), OWU_WRITE_BODY);
    return owu_check_buffer(b->state, b->out->buffer, &step);
}

static int body_extra(Body *b, ModelObject *self, const Path *path) {
    const owu_extra *extra = self->record == NULL ? NULL : self->record->extra;
    PyObject *kept, *items;
    Py_ssize_t i;
    int failed = 0;
    if (self->extra == NULL) {
        owu_write_extra(b->out, extra, OWU_WRITE_BODY);
        return 0;
    }
    kept = Model_extra(self);
    items = kept == NULL ? NULL : PyDict_Items(kept);
    Py_XDECREF(kept);
    for (i = 0; items != NULL && failed == 0 && i < PyList_GET_SIZE(items); i++) {
        PyObject *key = PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 0);
        const Path step = {path, key, 0};
        Py_ssize_t len;
        const char *text = PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &len) : NULL;
        if (text == NULL && owu_clear_error() < 0) {
            failed = -1;
        } else if (text == NULL) {
            failed =
                owu_raise_serialization(b->state, path, "a key must be a str in valid Unicode");
        } else if (owu_model_field(self->klass->model, text, (size_t)len, 0) >= 0) {
            failed = owu_raise_serialization(b->state, &step,
                                             "an unknown key has the name of a field: set the "
                                             "attribute");
        } else {
            owu_write_key(b->out, text, (size_t)len, 0);
            failed = owu_write_python(b->state, b->out,
                                      PyTuple_GET_ITEM(PyList_GET_ITEM(items, i), 1), NULL, &step);
        }
    }
    failed = items == NULL ? -1 : failed;
    Py_XDECREF(items);
    return failed;
}

static int body_model(Body *b, ModelObject *self, const Path *path) {
    uint32_t i;
    int failed = 0;
    if (Path_depth(path) >= OWU_MAX_DEPTH) {
        return owu_raise_too_deep(b->state, path);
    }
    owu_write_begin_object(b->out);
    for (i = 0; failed == 0 && i < self->klass->model->n_fields; i++) {
        failed = body_field(b, self, i, path);
    }
    if (failed == 0) {
        failed = body_extra(b, self, path);
    }
    owu_write_end_object(b->out);
    return failed;
}

int Model_write_body(PyObject *self, owu_writer *writer) {
    ModelObject *model = (ModelObject *)self;
    Body b = {model->klass->state, writer, {NULL, false}};
    int failed = body_model(&b, model, NULL);
    if (failed == 0 && b.faults.list != NULL) {
        (void)FaultList_raise(&b.faults, b.state, model->klass->model->name);
        failed = -1;
    }
    Py_CLEAR(b.faults.list);
    return failed < 0 ? -1 : owu_check_buffer(b.state, writer->buffer, NULL);
}
