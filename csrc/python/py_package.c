/*
 * py_package.c - methods of the clients that are written in Python: attributes of a class that are
 * functions of a module of this package, which is imported when the first of them is asked for.
 */
#include "pyowu.h"

#include <stddef.h>
#include <structmember.h>

typedef struct PackageFunctionObject {
    PyObject_HEAD
    PyObject *module;   /* owned str: its name */
    PyObject *name;     /* owned str */
    PyObject *function; /* owned; NULL: not asked for yet */
} PackageFunctionObject;

/* The function itself: borrowed. */
static PyObject *load(PackageFunctionObject *self) {
    if (self->function == NULL) {
        PyObject *module = PyImport_Import(self->module);
        PyObject *function = module == NULL ? NULL : PyObject_GetAttr(module, self->name);
        Py_XDECREF(module);
        Py_XSETREF(self->function, function);
    }
    return self->function;
}

static PyObject *PackageFunction_tp_descr_get(PyObject *op, PyObject *instance, PyObject *owner) {
    PyObject *function = load((PackageFunctionObject *)op);
    (void)owner;
    if (function == NULL) {
        return NULL;
    }
    return instance == NULL || instance == Py_None ? Py_NewRef(function)
                                                   : PyMethod_New(function, instance);
}

static PyObject *PackageFunction_get_doc(PyObject *op, void *closure) {
    PyObject *function = load((PackageFunctionObject *)op);
    (void)closure;
    return function == NULL ? NULL : PyObject_GetAttrString(function, "__doc__");
}

static PyGetSetDef PackageFunction_getset[] = {
    {"__doc__", PackageFunction_get_doc, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static int PackageFunction_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    PackageFunctionObject *self = (PackageFunctionObject *)op;
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(self->module);
    Py_VISIT(self->name);
    Py_VISIT(self->function);
    return 0;
}

static int PackageFunction_tp_clear(PyObject *op) {
    Py_CLEAR(((PackageFunctionObject *)op)->function);
    return 0;
}

static void PackageFunction_tp_dealloc(PyObject *op) {
    PackageFunctionObject *self = (PackageFunctionObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_CLEAR(self->module);
    Py_CLEAR(self->name);
    Py_CLEAR(self->function);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyType_Slot PackageFunction_slots[] = {
    {Py_tp_dealloc, SLOT(PackageFunction_tp_dealloc)},
    {Py_tp_traverse, SLOT(PackageFunction_tp_traverse)},
    {Py_tp_clear, SLOT(PackageFunction_tp_clear)},
    {Py_tp_descr_get, SLOT(PackageFunction_tp_descr_get)},
    {Py_tp_getset, PackageFunction_getset},
    {0, NULL},
};

static PyType_Spec PackageFunction_spec = {
    .name = "openwebui_users._core.PackageFunction",
    .basicsize = sizeof(PackageFunctionObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = PackageFunction_slots,
};

static PyObject *make(ModuleState *state, const char *module, const char *name) {
    PackageFunctionObject *self =
        PyObject_GC_New(PackageFunctionObject, state->PackageFunction_Type);
    if (self == NULL) {
        return NULL;
    }
    self->function = NULL;
    self->module = PyUnicode_FromString(module);
    self->name = PyUnicode_InternFromString(name);
    PyObject_GC_Track(self);
    if (self->module == NULL || self->name == NULL) {
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

int owu_package_add(ModuleState *state, PyTypeObject *type, const char *module,
                    const char *const *names) {
    for (; *names != NULL; names++) {
        PyObject *method = make(state, module, *names);
        int failed = method == NULL ? -1 : PyObject_SetAttrString((PyObject *)type, *names, method);
        Py_XDECREF(method);
        if (failed != 0) {
            return -1;
        }
    }
    return 0;
}

int owu_package_init(PyObject *module, ModuleState *state) {
    state->PackageFunction_Type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &PackageFunction_spec, NULL);
    return state->PackageFunction_Type == NULL ? -1 : 0;
}
