/* What `plain.py` does. Doubles are multiplied and added in its order, and its `fsum` is rounded
once, as `added` and `rounded` do, so that the sets found are the same. */

#include "exact.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    double *partial; /* (n), of growing size, none overlapping: their sum is exact */
    Py_ssize_t n;
} Sum;

/* Shewchuk, "Adaptive precision floating-point arithmetic and fast robust geometric predicates",
1997, figure 6. */
static inline void
added(Sum *sum, double x)
{
    Py_ssize_t kept = 0;
    if (x == 0.0) {
        return;
    }
    for (Py_ssize_t i = 0; i < sum->n; i++) {
        double y = sum->partial[i];
        if (fabs(x) < fabs(y)) {
            double larger = y;
            y = x;
            x = larger;
        }
        double high = x + y, low = y - (high - x);
        if (low != 0.0) {
            sum->partial[kept++] = low;
        }
        x = high;
    }
    if (x != 0.0) {
        sum->partial[kept++] = x;
    }
    sum->n = kept;
}

/* The double nearest to the sum; halfway between two, the even one. */
static inline double
rounded(const Sum *sum)
{
    Py_ssize_t n = sum->n;
    double high = n ? sum->partial[--n] : 0.0, low = 0.0;
    while (n && low == 0.0) {
        double x = high, y = sum->partial[--n];
        high = x + y;
        low = y - (high - x);
    }
    if (n && low != 0.0 && (low < 0.0) == (sum->partial[n - 1] < 0.0)) {
        double up = high + 2.0 * low; /* what is smaller yet tips the balance */
        if (up - high == 2.0 * low) {
            return up;
        }
    }
    return high;
}

typedef struct {
    Py_ssize_t count, steps, nodes, most_nodes, best_size;
    double best;
    double *grid, *widths, *prices;
    double *below, *gaps;     /* (count, steps) */
    double *partial;          /* scratch of a sum */
    double *chances, *adds;   /* (levels, steps) and (levels, count) */
    Py_ssize_t *gap_count;    /* (count) how many gaps there are */
    Py_ssize_t *order;        /* (levels, count) whom to ask at each level, greatest first */
    Py_ssize_t *chosen, *set; /* (levels) now, and in the best set found */
} Search;

static double
sum_of_products(Search *s, const double *a, const double *b, Py_ssize_t n)
{
    Sum sum = {s->partial, 0};
    for (Py_ssize_t i = 0; i < n; i++) {
        added(&sum, a[i] * b[i]);
    }
    return rounded(&sum);
}

/* Whether no set of the rest can bring the value above the best one found. */
static int
cannot_win(Search *s, double value, double lacking, const double *below, const double *adds,
           const Py_ssize_t *rest, Py_ssize_t n, Py_ssize_t room)
{
    Sum sum = {s->partial, 0};
    for (Py_ssize_t i = 0; i < n && i < room; i++) {
        added(&sum, adds[i]);
    }
    if (value + rounded(&sum) <= s->best) {
        return 1;
    }
    sum.n = 0;
    for (Py_ssize_t step = 0; step < s->steps; step++) {
        double together = below[step];
        for (Py_ssize_t i = 0; i < n; i++) {
            together *= s->below[rest[i] * s->steps + step];
        }
        added(&sum, s->widths[step] * together);
    }
    double least = s->prices[rest[0]];
    for (Py_ssize_t i = 1; i < n; i++) {
        least = s->prices[rest[i]] < least ? s->prices[rest[i]] : least;
    }
    return value + (lacking - rounded(&sum)) - least <= s->best;
}

/* Look at all sets that hold what is chosen, `depth` models, and some of the others. */
static void
grow(Search *s, double value, Py_ssize_t depth, const Py_ssize_t *others, Py_ssize_t n,
     Py_ssize_t room)
{
    const double *below = s->chances + depth * s->steps;
    double *adds = s->adds + depth * s->count;
    Py_ssize_t *order = s->order + depth * s->count, worthy = 0;
    s->nodes++;
    if (value > s->best) {
        s->best = value;
        s->best_size = depth;
        memcpy(s->set, s->chosen, depth * sizeof(*s->set));
    }
    if (room < 1) {
        return;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        Py_ssize_t index = others[i], at = worthy;
        const double *gaps = s->gaps + index * s->steps;
        double add = sum_of_products(s, below, gaps, s->gap_count[index]) - s->prices[index];
        if (!(add > 0.0)) {
            continue;
        }
        for (; at && (adds[at - 1] < add || (adds[at - 1] == add && order[at - 1] > index)); at--) {
            adds[at] = adds[at - 1];
            order[at] = order[at - 1];
        }
        adds[at] = add;
        order[at] = index;
        worthy++;
    }
    double lacking = worthy ? sum_of_products(s, s->widths, below, s->steps) : 0.0;
    for (Py_ssize_t at = 0; at < worthy; at++) {
        Py_ssize_t left = worthy - at;
        if (s->nodes > s->most_nodes ||
            cannot_win(s, value, lacking, below, adds + at, order + at, left, room)) {
            return;
        }
        double *next = s->chances + (depth + 1) * s->steps;
        const double *own = s->below + order[at] * s->steps;
        for (Py_ssize_t step = 0; step < s->steps; step++) {
            next[step] = below[step] * own[step];
        }
        s->chosen[depth] = order[at];
        grow(s, value + adds[at], depth + 1, order + at + 1, left - 1, room - 1);
    }
}

static int
ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int
ascending_index(const void *a, const void *b)
{
    Py_ssize_t x = *(const Py_ssize_t *)a, y = *(const Py_ssize_t *)b;
    return (x > y) - (x < y);
}

enum { MOST = 1024 }; /* candidates, and nodes: scratch is quadratic, and every node a call */

enum { QUALITY, RESOLUTION, PRICE, FIELDS };

static double
low_of(const double *candidate)
{
    return candidate[QUALITY] * (1.0 - candidate[RESOLUTION]);
}

static double
high_of(const double *candidate)
{
    return candidate[QUALITY] + candidate[RESOLUTION] * (1.0 - candidate[QUALITY]);
}

/* Qualities that an answer may turn out to have, and how likely each model is to be below. */
static void
prepare(Search *s, double held, const double (*candidates)[FIELDS])
{
    Py_ssize_t n = 0, kept = 0;
    s->grid[n++] = held;
    for (Py_ssize_t i = 0; i < s->count; i++) {
        double low = low_of(candidates[i]), high = high_of(candidates[i]);
        if (low > held) {
            s->grid[n++] = low;
        }
        if (high > held) {
            s->grid[n++] = high;
        }
    }
    qsort(s->grid, n, sizeof(double), ascending);
    for (Py_ssize_t i = 1; i < n; i++) {
        if (s->grid[i] != s->grid[kept]) {
            s->grid[++kept] = s->grid[i];
        }
    }
    s->steps = kept;
    for (Py_ssize_t step = 0; step < kept; step++) {
        s->widths[step] = s->grid[step + 1] - s->grid[step];
        s->chances[step] = 1.0;
    }
    for (Py_ssize_t i = 0; i < s->count; i++) {
        double low = low_of(candidates[i]), high = high_of(candidates[i]);
        double *below = s->below + i * kept, *gaps = s->gaps + i * kept;
        s->prices[i] = candidates[i][PRICE];
        s->gap_count[i] = 0;
        for (Py_ssize_t step = 0; step < kept; step++) {
            double at = s->grid[step];
            below[step] = at < low ? 0.0 : at < high ? 1.0 - candidates[i][QUALITY] : 1.0;
            if (below[step] < 1.0) {
                gaps[s->gap_count[i]++] = (1.0 - below[step]) * s->widths[step];
            }
        }
    }
}

static PyObject *
searched(double held, const double (*candidates)[FIELDS], Py_ssize_t count, Py_ssize_t room,
         Py_ssize_t most_nodes)
{
    Py_ssize_t levels = room < count ? room : count, steps = 2 * count;
    levels = 1 + (most_nodes < levels ? most_nodes : levels);
    Py_ssize_t doubles = 2 * (steps + 1) + steps + count + 2 * count * steps;
    doubles += levels * (steps + count);
    double *numbers = PyMem_Malloc(doubles * sizeof(double));
    Py_ssize_t *indices =
        PyMem_Malloc((2 * count + levels * (count + 2)) * sizeof(Py_ssize_t));
    PyObject *found = NULL;
    if (numbers == NULL || indices == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    Search s = {.count = count, .most_nodes = most_nodes};
    s.grid = numbers;
    s.partial = s.grid + steps + 1;
    s.widths = s.partial + steps + 1;
    s.prices = s.widths + steps;
    s.below = s.prices + count;
    s.gaps = s.below + count * steps;
    s.chances = s.gaps + count * steps;
    s.adds = s.chances + levels * steps;
    s.gap_count = indices;
    s.order = s.gap_count + count;
    s.chosen = s.order + levels * count;
    s.set = s.chosen + levels;
    Py_ssize_t *everyone = s.set + levels;
    for (Py_ssize_t i = 0; i < count; i++) {
        everyone[i] = i;
    }
    prepare(&s, held, candidates);
    grow(&s, 0.0, 0, everyone, count, room);
    qsort(s.set, s.best_size, sizeof(*s.set), ascending_index);
    found = PyTuple_New(s.best_size);
    for (Py_ssize_t i = 0; found != NULL && i < s.best_size; i++) {
        PyObject *index = PyLong_FromSsize_t(s.set[i]);
        if (index == NULL) {
            Py_CLEAR(found);
            break;
        }
        PyTuple_SET_ITEM(found, i, index);
    }
done:
    PyMem_Free(numbers);
    PyMem_Free(indices);
    return found;
}

static PyObject *
supermodel_search(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t nargs)
{
    enum { HELD, CANDIDATES, ROOM, NODES, COUNT };
    if (nargs != COUNT) {
        PyErr_SetString(PyExc_TypeError, "search(held, candidates, room, nodes)");
        return NULL;
    }
    double held = PyFloat_AsDouble(args[HELD]);
    Py_ssize_t room = PyLong_AsSsize_t(args[ROOM]), most_nodes = PyLong_AsSsize_t(args[NODES]);
    if (PyErr_Occurred()) {
        return NULL;
    }
    PyObject *sequence = PySequence_Tuple(args[CANDIDATES]);
    if (sequence == NULL) {
        return NULL;
    }
    PyObject *found = NULL;
    double(*candidates)[FIELDS] = NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(sequence);
    if (room < 0 || most_nodes < 0 || most_nodes > MOST || count > MOST) {
        PyErr_Format(PyExc_ValueError,
                     "room or nodes below 0, or nodes or candidates over %d", MOST);
        goto done;
    }
    candidates = PyMem_Malloc((count ? count : 1) * sizeof(*candidates));
    if (candidates == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *candidate = PyTuple_GET_ITEM(sequence, i);
        if (!PyTuple_Check(candidate) || PyTuple_GET_SIZE(candidate) != FIELDS) {
            PyErr_SetString(PyExc_TypeError, "a candidate is (quality, resolution, price)");
            goto done;
        }
        for (int field = 0; field < FIELDS; field++) {
            candidates[i][field] = PyFloat_AsDouble(PyTuple_GET_ITEM(candidate, field));
            if (candidates[i][field] == -1.0 && PyErr_Occurred()) {
                goto done;
            }
        }
    }
    found = searched(held, (const double(*)[FIELDS])candidates, count, room, most_nodes);
done:
    PyMem_Free(candidates);
    Py_DECREF(sequence);
    return found;
}

static PyMethodDef methods[] = {
    {"search", (PyCFunction)(void (*)(void))supermodel_search, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static int
say_most(PyObject *module)
{
    return PyModule_AddIntConstant(module, "MOST", MOST);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)(int (*)(PyObject *))say_most},
    WITHOUT_LOCK
    {0, NULL},
};

MODULE("The search of sets.")
