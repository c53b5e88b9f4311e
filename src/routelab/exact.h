/* What every `_compiled.c` begins and ends with. Doubles have to be rounded as numpy rounds them, so that a
compiler that would round otherwise is refused. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <float.h>
#include <stdint.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || \
    (defined(FLT_EVAL_METHOD) && (FLT_EVAL_METHOD < 0 || FLT_EVAL_METHOD == 2))
#error "doubles would be rounded otherwise than numpy rounds them"
#endif

/* A slot: nothing here needs the interpreter's lock. */
#ifdef Py_mod_gil
#define WITHOUT_LOCK {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#else
#define WITHOUT_LOCK
#endif

/* The module, after its `methods` and `slots`. */
#define MODULE(DOC)                              \
    static struct PyModuleDef definition = {     \
        PyModuleDef_HEAD_INIT,                   \
        .m_name = "_compiled",                   \
        .m_doc = DOC,                            \
        .m_methods = methods,                    \
        .m_slots = slots,                        \
    };                                           \
                                                 \
    PyMODINIT_FUNC                               \
    PyInit__compiled(void)                       \
    {                                            \
        return PyModuleDef_Init(&definition);    \
    }
