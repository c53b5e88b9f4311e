/* What `plain.py` does, which says what each function gives.

Sorting by digits takes the same time for every text, so that no prompt can be made to slow it
down. Doubles are added one after the other and nothing is fused, as numpy does in `plain.py`. */

#include "exact.h"
#include <math.h>

#define MIX 0x9E3779B1u

static uint32_t crc_of_byte[256];

/* How many codes there are; -1 for what holds none. */
static Py_ssize_t
count_of(PyObject *codes)
{
    if (!PyBytes_Check(codes) || PyBytes_GET_SIZE(codes) % sizeof(uint32_t)) {
        PyErr_SetString(PyExc_TypeError, "codes are bytes, four to each");
        return -1;
    }
    return PyBytes_GET_SIZE(codes) / (Py_ssize_t)sizeof(uint32_t);
}

/* A copy of n codes, in room for `arrays` times as many and one; PyMem_Free ends it. */
static uint32_t *
copied(PyObject *codes, Py_ssize_t arrays, Py_ssize_t *n)
{
    *n = count_of(codes);
    if (*n < 0) {
        return NULL;
    }
    uint32_t *room = PyMem_New(uint32_t, arrays * (*n + 1));
    if (room == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(room, PyBytes_AS_STRING(codes), PyBytes_GET_SIZE(codes));
    return room;
}

/* The n keys, of so many bits, in ascending order: in `keys` or in `spare`. */
static uint32_t *
ascending(uint32_t *keys, uint32_t *spare, Py_ssize_t n, int bits)
{
    for (int low = 0; low < bits; low += 8) {
        Py_ssize_t next[256] = {0}, before = 0;
        for (Py_ssize_t i = 0; i < n; i++) {
            next[(keys[i] >> low) & 255]++;
        }
        for (int digit = 0; digit < 256; digit++) {
            Py_ssize_t count = next[digit];
            next[digit] = before;
            before += count;
        }
        for (Py_ssize_t i = 0; i < n; i++) {
            spare[next[(keys[i] >> low) & 255]++] = keys[i];
        }
        uint32_t *sorted = spare;
        spare = keys;
        keys = sorted;
    }
    return keys;
}

static PyObject *
words_read(PyObject *Py_UNUSED(module), PyObject *spread)
{
    if (!PyBytes_Check(spread)) {
        PyErr_SetString(PyExc_TypeError, "spread is bytes");
        return NULL;
    }
    const unsigned char *at = (const unsigned char *)PyBytes_AS_STRING(spread);
    const unsigned char *end = at + PyBytes_GET_SIZE(spread);
    uint32_t *codes = PyMem_New(uint32_t, PyBytes_GET_SIZE(spread) / 2 + 1);
    if (codes == NULL) {
        return PyErr_NoMemory();
    }
    Py_ssize_t n = 0, letters = 0;
    int lettered = 0;
    while (at < end) {
        const unsigned char *begin = at;
        uint32_t crc = 0xFFFFFFFFu;
        int plain = 1;
        for (; at < end && *at != ' '; at++) {
            crc = crc_of_byte[(crc ^ *at) & 255] ^ (crc >> 8);
            plain &= (*at | 32) >= 'a' && (*at | 32) <= 'z';
        }
        if (at > begin) {
            codes[n++] = ~crc;
            letters += at - begin;
            lettered |= plain;
        }
        at++;
    }
    PyObject *taken = Py_BuildValue(
        "(y#nN)", (const char *)codes, n * (Py_ssize_t)sizeof(uint32_t), letters,
        PyBool_FromLong(lettered));
    PyMem_Free(codes);
    return taken;
}

/* Columns of n words and their pairs, ascending, in one half of 4 n of room; 2 n - 1 for n > 0. */
static uint32_t *
columns_of(const uint32_t *codes, Py_ssize_t n, uint32_t *room, int bits, Py_ssize_t *all)
{
    int shift = 32 - bits;
    *all = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        room[(*all)++] = codes[i] >> shift;
        if (i > 0) {
            room[(*all)++] = (codes[i - 1] * MIX + codes[i]) >> shift;
        }
    }
    return ascending(room, room + 2 * n, *all, bits);
}

/* Each different column with what it is worth, divided by the length of all. */
static void
valued(const uint32_t *columns, Py_ssize_t all, const double *worth, Py_ssize_t most,
       const double *idf, int64_t *index, double *value)
{
    double squares = 0.0;
    Py_ssize_t n = 0;
    for (Py_ssize_t i = 0; i < all;) {
        Py_ssize_t begin = i;
        while (i < all && columns[i] == columns[begin]) {
            i++;
        }
        Py_ssize_t times = i - begin < most ? i - begin : most;
        double v = worth[times];
        if (idf != NULL) {
            v *= idf[columns[begin]];
        }
        squares += v * v;
        index[n] = columns[begin];
        value[n++] = v;
    }
    double length = sqrt(squares);
    for (Py_ssize_t i = 0; length > 0.0 && i < n; i++) {
        value[i] /= length;
    }
}

static PyObject *
vector_of(PyObject *codes, int bits, const Py_buffer *worth, const Py_buffer *idf)
{
    Py_ssize_t n, all, distinct = 0;
    Py_ssize_t most = worth->len / (Py_ssize_t)sizeof(double) - 1;
    Py_ssize_t wanted = idf->len == 0 ? 0 : ((Py_ssize_t)1 << bits) * (Py_ssize_t)sizeof(double);
    if (most < 0 || idf->len != wanted) {
        PyErr_SetString(PyExc_ValueError, "worth is empty, or idf has another length");
        return NULL;
    }
    uint32_t *room = copied(codes, 5, &n);
    if (room == NULL) {
        return NULL;
    }
    uint32_t *columns = columns_of(room, n, room + n, bits, &all);
    for (Py_ssize_t i = 0; i < all; i++) {
        distinct += i == 0 || columns[i] != columns[i - 1];
    }
    PyObject *indices = PyBytes_FromStringAndSize(NULL, distinct * (Py_ssize_t)sizeof(int64_t));
    PyObject *values = PyBytes_FromStringAndSize(NULL, distinct * (Py_ssize_t)sizeof(double));
    PyObject *vector = NULL;
    if (indices != NULL && values != NULL) {
        valued(columns, all, worth->buf, most, idf->len ? idf->buf : NULL,
               (int64_t *)PyBytes_AS_STRING(indices), (double *)PyBytes_AS_STRING(values));
        vector = PyTuple_Pack(2, indices, values);
    }
    Py_XDECREF(indices);
    Py_XDECREF(values);
    PyMem_Free(room);
    return vector;
}

static PyObject *
words_vector(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs != 4) {
        PyErr_SetString(PyExc_TypeError, "vector(codes, bits, worth, idf)");
        return NULL;
    }
    long bits = PyLong_AsLong(args[1]);
    if (bits < 1 || bits > 24) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "bits lie in [1, 24]");
        }
        return NULL;
    }
    Py_buffer worth, idf;
    if (PyObject_GetBuffer(args[2], &worth, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    PyObject *vector = NULL;
    if (PyObject_GetBuffer(args[3], &idf, PyBUF_SIMPLE) == 0) {
        vector = vector_of(args[0], (int)bits, &worth, &idf);
        PyBuffer_Release(&idf);
    }
    PyBuffer_Release(&worth);
    return vector;
}

/* How many of the listed codes are among n different ones in ascending order. */
static Py_ssize_t
held(const uint32_t *codes, Py_ssize_t n, const char *listed, Py_ssize_t count)
{
    Py_ssize_t found = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        uint32_t code;
        memcpy(&code, listed + i * sizeof(code), sizeof(code));
        Py_ssize_t low = 0, high = n;
        while (low < high) {
            Py_ssize_t middle = low + (high - low) / 2;
            if (codes[middle] < code) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        found += low < n && codes[low] == code;
    }
    return found;
}

static PyObject *
words_census(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    if (nargs < 1) {
        PyErr_SetString(PyExc_TypeError, "census(codes, *lists)");
        return NULL;
    }
    Py_ssize_t n, distinct = 0;
    uint32_t *room = copied(args[0], 2, &n);
    if (room == NULL) {
        return NULL;
    }
    uint32_t *codes = ascending(room, room + n, n, 32);
    for (Py_ssize_t i = 0; i < n; i++) {
        if (distinct == 0 || codes[i] != codes[distinct - 1]) {
            codes[distinct++] = codes[i];
        }
    }
    PyObject *found = PyTuple_New(nargs);
    for (Py_ssize_t k = 0; found != NULL && k < nargs; k++) {
        Py_ssize_t listed = k == 0 ? 0 : count_of(args[k]);
        PyObject *count = NULL;
        if (listed >= 0) {
            count = PyLong_FromSsize_t(
                k == 0 ? distinct : held(codes, distinct, PyBytes_AS_STRING(args[k]), listed));
        }
        if (count == NULL) {
            Py_CLEAR(found);
        } else {
            PyTuple_SET_ITEM(found, k, count);
        }
    }
    PyMem_Free(room);
    return found;
}

static PyMethodDef methods[] = {
    {"read", words_read, METH_O, NULL},
    {"vector", (PyCFunction)(void (*)(void))words_vector, METH_FASTCALL, NULL},
    {"census", (PyCFunction)(void (*)(void))words_census, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int
filled(PyObject *Py_UNUSED(module))
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        }
        crc_of_byte[byte] = crc;
    }
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, filled},
    WITHOUT_LOCK
    {0, NULL},
};

MODULE("Words as numbers.")
