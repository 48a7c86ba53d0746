/*
 * bare_libcurl.c - the least extension module that has libcurl ready: the floor of an import.
 */
#include <Python.h>
#include <curl/curl.h>

static int start_libcurl(PyObject *module) {
    CURL *easy;
    (void)module;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (easy = curl_easy_init()) == NULL) {
        PyErr_SetString(PyExc_ImportError, "libcurl does not start");
        return -1;
    }
    curl_easy_cleanup(easy);
    return 0;
}

/* ISO C has no conversion from a function to a void pointer; every Python module needs one. */
#pragma GCC diagnostic ignored "-Wpedantic"
static PyModuleDef_Slot slots[] = {{Py_mod_exec, start_libcurl}, {0, NULL}};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "bare_libcurl",
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit_bare_libcurl(void);

PyMODINIT_FUNC PyInit_bare_libcurl(void) {
    return PyModuleDef_Init(&definition);
}
