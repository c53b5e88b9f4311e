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

/* Whether doubles, or integers of their size, cannot be read there. */
static int
misplaced(const Py_buffer *array)
{
    return (uintptr_t)array->buf % sizeof(double) != 0;
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
    for (int i = 0; i < ARRAYS; i++) {
        if (misplaced(&array[i])) {
            PyErr_SetString(PyExc_ValueError, "an array does not lie where doubles do");
            goto release;
        }
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

enum { FEATURE, THRESHOLD, LEFT, RIGHT, VALUE, MISSING_LEFT, ROOTS, OUTPUT, FOREST };

static const Py_ssize_t width_of[FOREST] = {
    sizeof(int32_t), sizeof(double),  sizeof(int32_t), sizeof(int32_t),
    sizeof(double),  sizeof(uint8_t), sizeof(int32_t), sizeof(int32_t),
};

typedef struct {
    const int32_t *feature, *left, *right, *roots, *output;
    const double *threshold, *value;
    const uint8_t *missing_left;
    int64_t nodes;
    Py_ssize_t trees;
} Forest;

/* The forest in an array of bytes for each of its fields; 0, or -1 with an error set. */
static int
forest_of(Forest *forest, PyObject *const *args)
{
    const void *array[FOREST];
    Py_ssize_t length[FOREST];
    for (int i = 0; i < FOREST; i++) {
        if (!PyBytes_Check(args[i]) || PyBytes_GET_SIZE(args[i]) % width_of[i]) {
            PyErr_Format(PyExc_TypeError, "array %d of a forest is bytes, %zd to each", i,
                         width_of[i]);
            return -1;
        }
        array[i] = PyBytes_AS_STRING(args[i]);
        length[i] = PyBytes_GET_SIZE(args[i]) / width_of[i];
        if (length[i] != length[i < ROOTS ? FEATURE : ROOTS]) {
            PyErr_SetString(PyExc_ValueError, "arrays of a forest differ in length");
            return -1;
        }
    }
    *forest = (Forest){
        .feature = array[FEATURE],
        .threshold = array[THRESHOLD],
        .left = array[LEFT],
        .right = array[RIGHT],
        .value = array[VALUE],
        .missing_left = array[MISSING_LEFT],
        .roots = array[ROOTS],
        .output = array[OUTPUT],
        .nodes = length[FEATURE],
        .trees = length[ROOTS],
    };
    return 0;
}

/* sums (rows, k) += the leaf of a tree that each row (width) leads to; 0, or -1 with an error set. */
static int
leaf_added(double *sums, Py_ssize_t k, const double *row, Py_ssize_t width, Py_ssize_t rows,
           const Forest *forest, Py_ssize_t tree)
{
    if (forest->output[tree] < 0 || forest->output[tree] >= k) {
        PyErr_SetString(PyExc_ValueError, "a tree adds to an output that is not there");
        return -1;
    }
    for (; rows > 0; rows--, row += width, sums += k) {
        int64_t node = -1, child = forest->roots[tree];
        do {
            if (child <= node || child >= forest->nodes) {
                PyErr_SetString(PyExc_ValueError, "a child is not after its parent, or no node");
                return -1;
            }
            node = child;
            child = forest->left[node];
            if (child < 0) {
                break;
            }
            int32_t feature = forest->feature[node];
            if (feature < 0 || feature >= width) {
                PyErr_SetString(PyExc_ValueError, "a node reads a column that is not there");
                return -1;
            }
            double at = row[feature];
            if (at > forest->threshold[node] || (at != at && !forest->missing_left[node])) {
                child = forest->right[node];
            }
        } while (1);
        sums[forest->output[tree]] += forest->value[node];
    }
    return 0;
}

enum { TOGETHER = 64 }; /* rows that a tree is walked for while it and they are in the cache */

static PyObject *
kernels_walk(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    enum { INTO, X, ROWS, FIRST };
    Py_buffer sums, x;
    Forest forest;
    int done = -1;
    if (nargs != FIRST + FOREST) {
        PyErr_SetString(PyExc_TypeError, "walk(sums, x, rows, feature, threshold, left, right,"
                                         " value, missing_left, roots, output)");
        return NULL;
    }
    Py_ssize_t rows = PyLong_AsSsize_t(args[ROWS]);
    if ((rows == -1 && PyErr_Occurred()) || forest_of(&forest, args + FIRST) < 0 ||
        PyObject_GetBuffer(args[INTO], &sums, PyBUF_WRITABLE) < 0) {
        return NULL;
    }
    if (PyObject_GetBuffer(args[X], &x, PyBUF_SIMPLE) < 0) {
        goto release;
    }
    Py_ssize_t k = rows > 0 ? sums.len / rows / (Py_ssize_t)sizeof(double) : 0;
    Py_ssize_t width = rows > 0 ? x.len / rows / (Py_ssize_t)sizeof(double) : 0;
    if (rows < 0 || (rows && !k) || sums.len != rows * k * (Py_ssize_t)sizeof(double) ||
        x.len != rows * width * (Py_ssize_t)sizeof(double)) {
        PyErr_SetString(PyExc_ValueError, "sums and x do not have as many rows");
    } else if (misplaced(&sums) || misplaced(&x)) {
        PyErr_SetString(PyExc_ValueError, "sums or x do not lie where doubles do");
    } else {
        done = 0;
    }
    for (Py_ssize_t row = 0; done == 0 && row < rows; row += TOGETHER) {
        Py_ssize_t count = rows - row < TOGETHER ? rows - row : TOGETHER;
        for (Py_ssize_t tree = 0; done == 0 && tree < forest.trees; tree++) {
            done = leaf_added((double *)sums.buf + row * k, k,
                              (const double *)x.buf + row * width, width, count, &forest, tree);
        }
    }
    PyBuffer_Release(&x);
release:
    PyBuffer_Release(&sums);
    if (done < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"add", (PyCFunction)(void (*)(void))kernels_add, METH_FASTCALL, NULL},
    {"walk", (PyCFunction)(void (*)(void))kernels_walk, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    WITHOUT_LOCK
    {0, NULL},
};

MODULE("What scorers do most.")
