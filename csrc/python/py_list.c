/*
 * py_list.c - ModelList: a list, with methods for what is done with many models at once. It has the
 * memory of a list, so whoever reads or changes lists in C takes it for one.
 */
#include "pyowu.h"

#include <string.h>

bool ModelList_check_exact(const ModuleState *state, PyObject *value) {
    return Py_IS_TYPE(value, state->ModelList_Type);
}

/* A ModelList with the items of a list, which is new and known to nobody else. Steals it (NULL: an
 * exception is set). */
static PyObject *ModelList_take(ModuleState *state, const owu_model *model, PyObject *list) {
    PyTypeObject *const type = state->ModelList_Type;
    ModelListObject *self = list == NULL ? NULL : (ModelListObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        PyListObject *from = (PyListObject *)list, *to = &self->list;
        to->ob_item = from->ob_item;
        to->allocated = from->allocated;
        Py_SET_SIZE(to, PyList_GET_SIZE(list));
        from->ob_item = NULL;
        from->allocated = 0;
        Py_SET_SIZE(from, 0);
        self->model = model;
    }
    Py_XDECREF(list);
    return (PyObject *)self;
}

PyObject *owu_list_of_type(ModuleState *state, const owu_type *type, PyObject *list) {
    return type->kind == OWU_LIST && type->item == OWU_MODEL
               ? ModelList_take(state, type->model, list)
               : list;
}

/* ---------------------------------------------------------------- what lists do */

/* What a method of list made of self, as a ModelList of the same class of models. Steals list. */
static PyObject *like(PyObject *self, PyObject *list) {
    ModuleState *state = list == NULL ? NULL : owu_state_of_type(Py_TYPE(self));
    if (state == NULL) {
        Py_XDECREF(list);
        return NULL;
    }
    return ModelList_take(state, ((ModelListObject *)self)->model, list);
}

static int ModelList_tp_init(PyObject *op, PyObject *args, PyObject *kwargs) {
    ModelListObject *self = (ModelListObject *)op;
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) != 0) { /* which some lists would not mind */
        PyErr_Format(PyExc_TypeError, "%.100s() takes no keyword arguments", Py_TYPE(op)->tp_name);
        return -1;
    }
    if (state == NULL || PyList_Type.tp_init(op, args, NULL) < 0) {
        return -1;
    }
    self->model = NULL;
    if (PyTuple_GET_SIZE(args) == 1 &&
        PyObject_TypeCheck(PyTuple_GET_ITEM(args, 0), state->ModelList_Type)) {
        self->model = ((ModelListObject *)PyTuple_GET_ITEM(args, 0))->model;
    }
    return 0;
}

static PyObject *ModelList_mp_subscript(PyObject *self, PyObject *key) {
    PyObject *found = PyList_Type.tp_as_mapping->mp_subscript(self, key);
    return PySlice_Check(key) ? like(self, found) : found;
}

static PyObject *ModelList_sq_concat(PyObject *self, PyObject *other) {
    return like(self, PyList_Type.tp_as_sequence->sq_concat(self, other));
}

static PyObject *ModelList_sq_repeat(PyObject *self, Py_ssize_t times) {
    return like(self, PyList_Type.tp_as_sequence->sq_repeat(self, times));
}

static PyObject *ModelList_copy(PyObject *self, PyObject *unused) {
    (void)unused;
    return like(self, PyList_GetSlice(self, 0, PyList_GET_SIZE(self)));
}

/* ---------------------------------------------------------------- copies and pickles */

/* (_restore, (model, function, arguments), …) of what object makes of it, or what a subclass does:
 * (function, arguments, …). Copies of copy.copy() and copy.deepcopy() come this way, too. */
static PyObject *with_model(ModuleState *state, const owu_model *model, PyObject *reduced) {
    PyObject *restore, *begin, *rest, *result = NULL;
    if (model == NULL || !PyTuple_Check(reduced) || PyTuple_GET_SIZE(reduced) < 2) {
        return Py_NewRef(reduced);
    }
    restore = PyObject_GetAttrString((PyObject *)state->ModelList_Type, "_restore");
    begin = restore == NULL
                ? NULL
                : Py_BuildValue("(O(sOO))", restore, model->name, PyTuple_GET_ITEM(reduced, 0),
                                PyTuple_GET_ITEM(reduced, 1));
    rest = PyTuple_GetSlice(reduced, 2, PyTuple_GET_SIZE(reduced));
    if (begin != NULL && rest != NULL) {
        result = PySequence_Concat(begin, rest);
    }
    Py_XDECREF(restore);
    Py_XDECREF(begin);
    Py_XDECREF(rest);
    return result;
}

static PyObject *ModelList_reduce_ex(PyObject *self, PyObject *protocol) {
    ModuleState *state = owu_state_of_type(Py_TYPE(self));
    PyObject *reduced = state == NULL ? NULL
                                      : PyObject_CallMethod((PyObject *)&PyBaseObject_Type,
                                                            "__reduce_ex__", "OO", self, protocol);
    PyObject *result =
        reduced == NULL ? NULL : with_model(state, ((ModelListObject *)self)->model, reduced);
    Py_XDECREF(reduced);
    return result;
}

/* A list as the function makes it, with the model of this name, which another version may not have. */
static PyObject *ModelList_restore(PyObject *cls, PyObject *args) {
    ModuleState *state = owu_state_of_type((PyTypeObject *)cls);
    const char *name;
    PyObject *function, *arguments, *result;
    size_t i;
    if (state == NULL ||
        !PyArg_ParseTuple(args, "sOO!:_restore", &name, &function, &PyTuple_Type, &arguments)) {
        return NULL;
    }
    result = PyObject_CallObject(function, arguments);
    if (result != NULL && PyObject_TypeCheck(result, state->ModelList_Type)) {
        for (i = 0; i < state->n_classes; i++) {
            if (strcmp(state->classes[i].model->name, name) == 0) {
                ((ModelListObject *)result)->model = state->classes[i].model;
            }
        }
    }
    return result;
}

/* ---------------------------------------------------------------- displays */

/* A function of openwebui_users._html, of these arguments (NULL ends them early). */
static PyObject *display(const char *function, PyObject *self, PyObject *a, PyObject *b) {
    PyObject *module = PyImport_ImportModule("openwebui_users._html");
    PyObject *callable = module == NULL ? NULL : PyObject_GetAttrString(module, function);
    PyObject *result =
        callable == NULL ? NULL : PyObject_CallFunctionObjArgs(callable, self, a, b, NULL);
    Py_XDECREF(module);
    Py_XDECREF(callable);
    return result;
}

static PyObject *ModelList_repr_html(PyObject *self, PyObject *unused) {
    (void)unused;
    return display("repr_html", self, NULL, NULL);
}

static PyObject *ModelList_repr_mimebundle(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"include", "exclude", NULL};
    PyObject *include = Py_None, *exclude = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:_repr_mimebundle_", names, &include,
                                     &exclude)) {
        return NULL;
    }
    return display("repr_mimebundle", self, include, exclude);
}

/* ---------------------------------------------------------------- the type */

static int ModelList_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(op));
    return PyList_Type.tp_traverse(op, visit, arg);
}

static int ModelList_tp_clear(PyObject *op) {
    return PyList_Type.tp_clear(op);
}

/* As list does, which lets chains of any length go; its own function would not release the type. */
static void ModelList_tp_dealloc(PyObject *op) {
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_TRASHCAN_BEGIN(op, ModelList_tp_dealloc);
    (void)PyList_Type.tp_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
    Py_TRASHCAN_END;
}

static PyMethodDef ModelList_methods[] = {
    {"copy", ModelList_copy, METH_NOARGS, "copy($self, /)\n--\n\nA shallow copy."},
    {"__reduce_ex__", ModelList_reduce_ex, METH_O, NULL},
    {"_restore", ModelList_restore, METH_VARARGS | METH_CLASS, NULL},
    {"_repr_html_", ModelList_repr_html, METH_NOARGS, NULL},
    {"_repr_mimebundle_", (PyCFunction)(void (*)(void))ModelList_repr_mimebundle,
     METH_VARARGS | METH_KEYWORDS, NULL},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    ModelList_doc,
    "A list of models, such as users. It is a list in every way, and has methods that make "
    "records\nand data frames.\n\n"
    "Lists that a server sent are of this class. So are their slices, copies and sums. To make "
    "one\n"
    "from any models, use for example ModelList(client.iter_users()).");

static PyType_Slot ModelList_slots[] = {
    {Py_tp_doc, (void *)ModelList_doc},
    {Py_tp_init, SLOT(ModelList_tp_init)},
    {Py_tp_dealloc, SLOT(ModelList_tp_dealloc)},
    {Py_tp_traverse, SLOT(ModelList_tp_traverse)},
    {Py_tp_clear, SLOT(ModelList_tp_clear)},
    {Py_tp_methods, ModelList_methods},
    {Py_mp_subscript, SLOT(ModelList_mp_subscript)},
    {Py_sq_concat, SLOT(ModelList_sq_concat)},
    {Py_sq_repeat, SLOT(ModelList_sq_repeat)},
    {0, NULL},
};

static PyType_Spec ModelList_spec = {
    .name = "openwebui_users.ModelList",
    .basicsize = sizeof(ModelListObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = ModelList_slots,
};

/* ---------------------------------------------------------------- methods in Python */

/* Functions of openwebui_users.frames that are methods of lists and of pages. */
static const char frames_module[] = "openwebui_users.frames";
static const char *const frames_methods[] = {"to_records", "to_pandas", "to_polars", "to_arrow",
                                             NULL};

int owu_lists_init(PyObject *module, ModuleState *state) {
    PyObject *bases = PyTuple_Pack(1, (PyObject *)&PyList_Type);
    size_t i;
    state->ModelList_Type =
        bases == NULL ? NULL
                      : (PyTypeObject *)PyType_FromModuleAndSpec(module, &ModelList_spec, bases);
    Py_XDECREF(bases);
    if (state->ModelList_Type == NULL || PyModule_AddType(module, state->ModelList_Type) < 0 ||
        owu_package_add(state, state->ModelList_Type, frames_module, frames_methods) < 0) {
        return -1;
    }
    for (i = 0; i < state->n_classes; i++) {
        if (owu_model_page(state->classes[i].model) >= 0 &&
            owu_package_add(state, state->classes[i].type, frames_module, frames_methods) < 0) {
            return -1;
        }
    }
    return 0;
}
