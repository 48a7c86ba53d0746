/* py_module.c - the extension module: its state, its two small services, its functions. */
#include "pyowu.h"

#include <string.h>

/* ---------------------------------------------------------------- services */

ModuleState *owu_state_of_type(PyTypeObject *type) {
#if PY_VERSION_HEX >= 0x030B0000
    PyObject *module = PyType_GetModuleByDef(type, &owu_module_def);
    return module == NULL ? NULL : PyModule_GetState(module);
#else
    Py_ssize_t i;
    for (i = 0; i < PyTuple_GET_SIZE(type->tp_mro); i++) {
        PyTypeObject *base = (PyTypeObject *)PyTuple_GET_ITEM(type->tp_mro, i);
        if (PyType_HasFeature(base, Py_TPFLAGS_HEAPTYPE)) {
            PyObject *module = ((PyHeapTypeObject *)base)->ht_module;
            if (module != NULL && PyModule_GetDef(module) == &owu_module_def) {
                return PyModule_GetState(module);
            }
        }
    }
    PyErr_Format(PyExc_TypeError, "%.200s is not a type of openwebui_users", type->tp_name);
    return NULL;
#endif
}

PyObject *owu_import_once(PyObject **slot, const char *name) {
    if (*slot == NULL) {
        PyObject *module = PyImport_ImportModule(name);
        if (module != NULL && *slot == NULL) {
            *slot = module;
        } else {
            Py_XDECREF(module); /* another thread was faster */
        }
    }
    return *slot;
}

int owu_clear_error(void) {
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) {
        return -1;
    }
    PyErr_Clear();
    return 0;
}

PyObject *owu_dict_item(PyObject *dict, const char *name) {
    PyObject *key = PyUnicode_FromString(name);
    PyObject *item = key == NULL ? NULL : PyDict_GetItemWithError(dict, key);
    Py_XDECREF(key);
    return item;
}

PyObject *owu_list_of(PyObject *iterable) {
    return PyList_CheckExact(iterable) ? PyList_GetSlice(iterable, 0, PyList_GET_SIZE(iterable))
                                       : PySequence_List(iterable);
}

int owu_has_attribute(PyObject *object, const char *name) {
    PyObject *value = PyObject_GetAttrString(object, name);
    const int has = value != NULL;
    Py_XDECREF(value);
    return has || owu_clear_error() == 0 ? has : -1;
}

PyObject *owu_describe(ModuleState *state, const char *function, PyObject *argument) {
    PyObject *module = owu_import_once(&state->describe, "openwebui_users._describe");
    PyObject *callable = module == NULL ? NULL : PyObject_GetAttrString(module, function);
    PyObject *result =
        callable == NULL ? NULL : PyObject_CallFunctionObjArgs(callable, argument, NULL);
    Py_XDECREF(callable);
    return result;
}

/* ---------------------------------------------------------------- ClassAttribute */

/* A value that a function of _describe computes from the class, seen on class and instances. */
typedef struct ClassAttributeObject {
    PyObject_HEAD
    PyObject *function; /* owned: its name */
} ClassAttributeObject;

static PyObject *ClassAttribute_tp_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"function", NULL};
    PyObject *function;
    ClassAttributeObject *self;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "U:ClassAttribute", names, &function)) {
        return NULL;
    }
    self = (ClassAttributeObject *)type->tp_alloc(type, 0);
    if (self != NULL) {
        self->function = Py_NewRef(function);
    }
    return (PyObject *)self;
}

static int ClassAttribute_tp_traverse(PyObject *op, visitproc visit, void *arg) {
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((ClassAttributeObject *)op)->function);
    return 0;
}

static void ClassAttribute_tp_dealloc(PyObject *op) {
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    Py_CLEAR(((ClassAttributeObject *)op)->function);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *ClassAttribute_tp_descr_get(PyObject *op, PyObject *instance, PyObject *owner) {
    ModuleState *state = owu_state_of_type(Py_TYPE(op));
    const char *function = PyUnicode_AsUTF8(((ClassAttributeObject *)op)->function);
    if (owner == NULL) {
        owner = (PyObject *)Py_TYPE(instance);
    }
    return state == NULL || function == NULL ? NULL : owu_describe(state, function, owner);
}

static PyType_Slot ClassAttribute_slots[] = {
    {Py_tp_new, SLOT(ClassAttribute_tp_new)},
    {Py_tp_dealloc, SLOT(ClassAttribute_tp_dealloc)},
    {Py_tp_traverse, SLOT(ClassAttribute_tp_traverse)},
    {Py_tp_descr_get, SLOT(ClassAttribute_tp_descr_get)},
    {0, NULL},
};

static PyType_Spec ClassAttribute_spec = {
    .name = "openwebui_users._core.ClassAttribute",
    .basicsize = sizeof(ClassAttributeObject),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = ClassAttribute_slots,
};

/* ---------------------------------------------------------------- module */

static PyObject *version_info(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return Py_BuildValue("{s:s,s:s,s:s,s:s}", "openwebui_users", OWU_VERSION, "libcurl",
                         owu_http_library_version(), "tls", owu_tls_library_version(), "cjson",
                         owu_json_library_version());
}

static PyMethodDef module_methods[] = {
    {"model_table", owu_model_table, METH_NOARGS,
     "model_table($module)\n--\n\nThe table of models, as a list of dicts."},
    {"endpoint_table", owu_endpoint_table, METH_NOARGS,
     "endpoint_table($module)\n--\n\nThe table of calls, as a list of dicts."},
    {"version_info", version_info, METH_NOARGS,
     "version_info($module)\n--\n\nVersions of this package, of libcurl, of the TLS library and of "
     "cJSON, by name."},
    {"option_table", owu_option_table, METH_NOARGS,
     "option_table($module)\n--\n\nThe options of clients, as a list of dicts."},
    {"core_defaults", owu_core_defaults, METH_NOARGS,
     "core_defaults($module)\n--\n\nThe core's values for options that are not given, by name."},
    {"json_merge", (PyCFunction)(void (*)(void))owu_json_merge_texts, METH_FASTCALL,
     "json_merge($module, document, patch, /)\n--\n\nA JSON text after a merge patch (RFC 7396). "
     "The text of numbers does not change."},
    {"json_diff", (PyCFunction)(void (*)(void))owu_json_diff_texts, METH_FASTCALL,
     "json_diff($module, before, after, /)\n--\n\nThe merge patch that turns one JSON text into "
     "the other."},
    {"json_equal", (PyCFunction)(void (*)(void))owu_json_equal_texts, METH_FASTCALL,
     "json_equal($module, a, b, /)\n--\n\nWhether two JSON texts are equal as values."},
    {"columns_of", (PyCFunction)(void (*)(void))owu_columns_of, METH_FASTCALL,
     "columns_of($module, models, names=None, /)\n--\n\nThe names of the models in a list, in the "
     "order of their first instance; and the unknown keys that the models keep: those among names, "
     "or all."},
    {"columns", (PyCFunction)(void (*)(void))owu_columns, METH_FASTCALL,
     "columns($module, models, names, as_json, /)\n--\n\nThe values of each of these fields and "
     "kept keys, as in model_dump() or as JSON; None if there is no value."},
    {"records", (PyCFunction)(void (*)(void))owu_records, METH_FASTCALL,
     "records($module, names, lists, /)\n--\n\nA dict for each row of columns of these names."},
    {"column_facts", owu_column_facts, METH_O,
     "column_facts($module, values, /)\n--\n\nFacts about the values of a list: kinds, the least "
     "and "
     "the "
     "greatest integer, the first row with a lone surrogate or -1."},
    {NULL, NULL, 0, NULL},
};

static int intern(PyObject **slot, const char *text) {
    *slot = PyUnicode_InternFromString(text);
    return *slot == NULL ? -1 : 0;
}

static int module_exec(PyObject *module) {
    ModuleState *state = PyModule_GetState(module);
    owu_error err;
    if (owu_global_init(&err) != OWU_OK) {
        PyErr_Format(PyExc_ImportError, "openwebui_users._core: %s", err.message);
        return -1;
    }
    if (intern(&state->str_class_capsule, "__owu_class__") < 0 ||
        intern(&state->str_all, "__all__") < 0 || intern(&state->str_call, "call") < 0 ||
        intern(&state->str_done, "done") < 0 || intern(&state->str_set_result, "set_result") < 0) {
        return -1;
    }
    state->ClassAttribute_Type =
        (PyTypeObject *)PyType_FromModuleAndSpec(module, &ClassAttribute_spec, NULL);
    if (state->ClassAttribute_Type == NULL || owu_models_init(module, state) < 0) {
        return -1;
    }
    state->classes_made = true;
    if (owu_clients_init(module, state) < 0 || owu_lists_init(module, state) < 0) {
        return -1;
    }
    return PyModule_AddStringConstant(module, "__version__", OWU_VERSION);
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    ModuleState *state = PyModule_GetState(module);
    size_t i;
    Py_VISIT(state->Model_Type);
    Py_VISIT(state->ClassAttribute_Type);
    Py_VISIT(state->EndpointMethod_Type);
    Py_VISIT(state->Client_Type);
    Py_VISIT(state->BlockingClient_Type);
    Py_VISIT(state->AsyncClient_Type);
    Py_VISIT(state->PendingCall_Type);
    Py_VISIT(state->Port_Type);
    Py_VISIT(state->PackageFunction_Type);
    Py_VISIT(state->ModelList_Type);
    Py_VISIT(state->client_classes[0]);
    Py_VISIT(state->client_classes[1]);
    Py_VISIT(state->errors);
    Py_VISIT(state->describe);
    Py_VISIT(state->options);
    Py_VISIT(state->observe);
    Py_VISIT(state->aio);
    for (i = 0; i < state->n_classes; i++) {
        Py_VISIT(state->classes[i].type);
    }
    return 0;
}

static int module_clear(PyObject *module) {
    ModuleState *state = PyModule_GetState(module);
    size_t i;
    Py_CLEAR(state->Model_Type);
    Py_CLEAR(state->ClassAttribute_Type);
    Py_CLEAR(state->EndpointMethod_Type);
    Py_CLEAR(state->Client_Type);
    Py_CLEAR(state->BlockingClient_Type);
    Py_CLEAR(state->AsyncClient_Type);
    Py_CLEAR(state->PendingCall_Type);
    Py_CLEAR(state->Port_Type);
    Py_CLEAR(state->PackageFunction_Type);
    Py_CLEAR(state->ModelList_Type);
    Py_CLEAR(state->client_classes[0]);
    Py_CLEAR(state->client_classes[1]);
    Py_CLEAR(state->errors);
    Py_CLEAR(state->describe);
    Py_CLEAR(state->options);
    Py_CLEAR(state->observe);
    Py_CLEAR(state->aio);
    for (i = 0; i < CACHED_TEXTS; i++) {
        Py_CLEAR(state->keys[i].str);
        Py_CLEAR(state->texts[i].str);
    }
    for (i = 0; i < state->n_classes; i++) {
        Py_CLEAR(state->classes[i].type);
    }
    return 0;
}

static void free_class(ModelClass *klass) {
    uint32_t i;
    for (i = 0; klass->model != NULL && i < klass->model->n_fields; i++) {
        if (klass->names != NULL) {
            Py_CLEAR(klass->names[i]);
        }
        if (klass->keys != NULL) {
            Py_CLEAR(klass->keys[i]);
        }
    }
    Py_CLEAR(klass->blank[0]);
    Py_CLEAR(klass->blank[1]);
    PyMem_Free(klass->names);
    PyMem_Free(klass->keys);
    PyMem_Free(klass->getset);
    PyMem_Free(klass->getset_names);
    PyMem_Free(klass->access);
}

static void module_free(void *op) {
    ModuleState *state = PyModule_GetState(op);
    size_t i;
    if (state == NULL) {
        return;
    }
    (void)module_clear(op);
    for (i = 0; i < state->n_classes; i++) {
        free_class(&state->classes[i]);
    }
    PyMem_Free(state->classes);
    Py_CLEAR(state->str_class_capsule);
    Py_CLEAR(state->str_all);
    Py_CLEAR(state->str_call);
    Py_CLEAR(state->str_done);
    Py_CLEAR(state->str_set_result);
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, SLOT(module_exec)},
#if PY_VERSION_HEX >= 0x030C0000
    /* not tested with an interpreter lock of its own: such an interpreter refuses the import */
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL},
};

PyDoc_STRVAR(module_doc, "The compiled core of openwebui_users: models and clients.\n\n"
                         "Import the names from openwebui_users.");

struct PyModuleDef owu_module_def = {
    PyModuleDef_HEAD_INIT,         .m_name = "openwebui_users._core", .m_doc = module_doc,
    .m_size = sizeof(ModuleState), .m_methods = module_methods,       .m_slots = module_slots,
    .m_traverse = module_traverse, .m_clear = module_clear,           .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void) {
    return PyModuleDef_Init(&owu_module_def);
}
