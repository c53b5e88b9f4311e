/* What `plain.py` does. Doubles are added one after the other and nothing is fused, as numpy does
there. */

#include "exact.h"

/* sums (k) += weights (n, k) at rows `indices` times `values`; 0, or -1 with an error set. */
static int
added(double *sums, Py_ssize_t k, const double *weights, Py_ssize_t n, const int64_t *indices,
      const double *values, Py_ssize_t count)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        if (indices[i] < 0 || indices[i] >= n) {
            PyErr_SetString(PyExc_IndexError, "an index is beyond the weights");
            return -1;
        }
        const double *row = weights + indices[i] * k;
        for (Py_ssize_t j = 0; j < k; j++) {
            sums[j] += row[j] * values[i];
        }
    }
    return 0;
}

enum { SUMS, WEIGHTS, INDICES, VALUES, ARRAYS };

static PyObject *
kernels_add(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    Py_buffer array[ARRAYS];
    int held = 0, done = -1;
    if (nargs != ARRAYS) {
        PyErr_SetString(PyExc_TypeError, "add(sums, weights, indices, values)");
        return NULL;
    }
    for (; held < ARRAYS; held++) {
        int how = held == SUMS ? PyBUF_WRITABLE : PyBUF_SIMPLE;
        if (PyObject_GetBuffer(args[held], &array[held], how) < 0) {
            goto release;
        }
    }
    Py_ssize_t k = array[SUMS].len / (Py_ssize_t)sizeof(double);
    Py_ssize_t count = array[VALUES].len / (Py_ssize_t)sizeof(double);
    if (k < 1 || array[INDICES].len != count * (Py_ssize_t)sizeof(int64_t)) {
        PyErr_SetString(PyExc_ValueError, "there are no sums, or not as many values as indices");
        goto release;
    }
    Py_ssize_t n = array[WEIGHTS].len / (k * (Py_ssize_t)sizeof(double));
    done = added(array[SUMS].buf, k, array[WEIGHTS].buf, n, array[INDICES].buf,
                 array[VALUES].buf, count);
release:
    while (held > 0) {
        PyBuffer_Release(&array[--held]);
    }
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

enum { X, FEATURE, THRESHOLD, LEFT, RIGHT, MISSING_LEFT, ROOTS, COUNT };

static const Py_ssize_t width_of[COUNT] = {
    sizeof(double),  sizeof(int32_t), sizeof(double), sizeof(int32_t),
    sizeof(int32_t), sizeof(uint8_t), sizeof(int32_t),
};

static PyObject *
kernels_leaves(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    const void *array[COUNT];
    Py_ssize_t length[COUNT];
    if (nargs != COUNT) {
        PyErr_SetString(
            PyExc_TypeError, "leaves(x, feature, threshold, left, right, missing_left, roots)");
        return NULL;
    }
    for (int i = 0; i < COUNT; i++) {
        if (!PyBytes_Check(args[i]) || PyBytes_GET_SIZE(args[i]) % width_of[i]) {
            PyErr_Format(PyExc_TypeError, "argument %d is bytes, %zd to each", i, width_of[i]);
            return NULL;
        }
        array[i] = PyBytes_AS_STRING(args[i]);
        length[i] = PyBytes_GET_SIZE(args[i]) / width_of[i];
    }
    const double *x = array[X], *threshold = array[THRESHOLD];
    const int32_t *feature = array[FEATURE], *left = array[LEFT], *right = array[RIGHT];
    const int32_t *roots = array[ROOTS];
    const uint8_t *missing_left = array[MISSING_LEFT];
    const Py_ssize_t nodes = length[FEATURE];
    for (int i = FEATURE; i < ROOTS; i++) {
        if (length[i] != nodes) {
            PyErr_SetString(PyExc_ValueError, "arrays of nodes differ in length");
            return NULL;
        }
    }
    Py_ssize_t trees = length[ROOTS];
    PyObject *found = PyBytes_FromStringAndSize(NULL, trees * (Py_ssize_t)sizeof(int64_t));
    if (found == NULL) {
        return NULL;
    }
    int64_t *leaf = (int64_t *)PyBytes_AS_STRING(found);
    for (Py_ssize_t tree = 0; tree < trees; tree++) {
        int64_t node = -1, child = roots[tree];
        do {
            if (child <= node || child >= nodes) {
                PyErr_SetString(PyExc_ValueError, "a child is not after its parent, or no node");
                goto fail;
            }
            node = child;
            child = left[node];
            if (child < 0) {
                break;
            }
            if (feature[node] < 0 || feature[node] >= length[X]) {
                PyErr_SetString(PyExc_ValueError, "a node reads a column that is not there");
                goto fail;
            }
            double at = x[feature[node]];
            if (at > threshold[node] || (at != at && !missing_left[node])) {
                child = right[node];
            }
        } while (1);
        leaf[tree] = node;
    }
    return found;
fail:
    Py_DECREF(found);
    return NULL;
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))kernels_add, METH_FASTCALL, NULL},
    {"leaves", (PyCFunction)(void (*)(void))kernels_leaves, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    WITHOUT_LOCK
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_compiled",
    .m_doc = "What scorers do most.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__compiled(void)
{
    return PyModuleDef_Init(&definition);
}
