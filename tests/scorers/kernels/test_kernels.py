"""What scorers do most: compiled and plain against a reader, and what makes no sense."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compiled_forms import each_form, form_of, needs_a_compiler
from hypothesis import given
from hypothesis import strategies as st

from routelab.scorers import Linear
from routelab.scorers.kernels import Forest
from routelab.signals.features import Vector

_compiled = form_of("routelab.scorers.kernels", "_compiled")
in_each_form = each_form("routelab.scorers.kernels")

COLUMNS = 3
numbers = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, math.inf, math.nan, 5e-324])


leaves = st.sampled_from([-0.0, 0.1, 0.2, -0.3, 1e16, 1e-300])


@st.composite
def forests(draw):
    """Trees whose nodes lie about in one array, every child after its parent."""
    n = draw(st.integers(1, 30))
    left, right = np.full(n, -1), np.full(n, -1)
    for node in range(n - 1):
        if draw(st.booleans()):
            left[node], right[node] = (draw(st.integers(node + 1, n - 1)) for _ in range(2))

    def drawn(values):
        return np.array(draw(st.lists(values, min_size=n, max_size=n)))

    roots = draw(st.lists(st.integers(0, n - 1), max_size=9))
    k = draw(st.integers(1, 3))
    output = draw(st.lists(st.integers(0, k - 1), min_size=len(roots), max_size=len(roots)))
    return Forest(
        feature=drawn(st.integers(0, COLUMNS - 1)),
        threshold=drawn(numbers.filter(math.isfinite)),
        left=left,
        right=right,
        value=drawn(leaves),
        missing_left=drawn(st.integers(0, 1)),
        roots=np.array(roots, np.int64),
        output=np.array(output, np.int64),
        bias=np.array(draw(st.lists(leaves, min_size=k, max_size=k))),
    )


def descended(forest, x, node):
    """The leaf that a reader would come to."""
    if forest.left[node] < 0:
        return node
    at = x[forest.feature[node]]
    goes_left = bool(forest.missing_left[node]) if math.isnan(at) else at <= forest.threshold[node]
    return descended(forest, x, forest.left[node] if goes_left else forest.right[node])


@needs_a_compiler
def test_it_is_compiled_where_there_is_a_compiler():
    assert _compiled is not None


row = st.lists(numbers, min_size=COLUMNS, max_size=COLUMNS)


def walk(form, forest):
    """The one walk that a form has."""
    (kind,) = (it for name, it in vars(form).items() if name.endswith("Walk"))
    return kind(forest)


@in_each_form
@given(forest=forests(), few=st.lists(row, max_size=4), times=st.sampled_from([1, 40]))
def test_every_tree_adds_the_leaf_that_a_reader_comes_to(form, forest, few, times):
    rows = few * times  # 160 are walked in blocks
    expected = [forest.bias.tolist() for _ in rows]
    for sums, x in zip(expected, rows, strict=True):
        for root, output in zip(forest.roots, forest.output, strict=True):
            sums[output] += float(forest.value[descended(forest, x, root)])
    found = walk(form, forest).sums(np.array(rows).reshape(len(rows), COLUMNS))
    assert found.shape == (len(rows), len(forest.bias))
    assert [float.hex(it) for it in found.ravel()] == [
        float.hex(it) for sums in expected for it in sums
    ]


def packed(rows=1, **changed):
    """A tree of three nodes, as the compiled form takes it, after sums and rows."""
    arrays = {
        "sums": np.zeros(1),
        "x": np.zeros(1),
        "feature": np.zeros(3, np.int32),
        "threshold": np.zeros(3),
        "left": np.array([1, -1, -1], np.int32),
        "right": np.array([2, -1, -1], np.int32),
        "value": np.array([0.0, 5.0, 7.0]),
        "missing_left": np.zeros(3, np.uint8),
        "roots": np.zeros(1, np.int32),
        "output": np.zeros(1, np.int32),
    }
    arrays |= {name: np.array(it, arrays[name].dtype) for name, it in changed.items()}
    into, x, *forest = arrays.values()
    return [into, x, rows, *(array.tobytes() for array in forest)]


finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def sums(draw):
    """Blocks of weights, and a vector of values for each."""
    k = draw(st.integers(1, 3))
    blocks, vectors = [], []
    for _ in range(draw(st.integers(0, 3))):
        width = draw(st.integers(1, 6))
        block = draw(st.lists(finite, min_size=width * k, max_size=width * k))
        indices = sorted(draw(st.sets(st.integers(0, width - 1))))
        values = draw(st.lists(finite, min_size=len(indices), max_size=len(indices)))
        blocks.append(np.array(block).reshape(width, k))
        vectors.append(Vector(np.array(indices, np.int64), np.array(values, np.float64)))
    return blocks, vectors, k


@in_each_form
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@given(case=sums())
def test_terms_are_added_one_by_one(form, case):
    blocks, vectors, k = case
    expected = [0.0] * k
    for block, (indices, values) in zip(blocks, vectors, strict=True):
        for index, value in zip(indices.tolist(), values.tolist(), strict=True):
            row = block[index].tolist()
            expected = [z + w * value for z, w in zip(expected, row, strict=True)]
    found = form.dot(blocks, vectors, k).tolist()
    assert [float.hex(it) for it in found] == [float.hex(it) for it in expected]


def test_weights_may_lie_in_memory_as_they_like():
    class Asked:
        def vectors(self, features):
            return [Vector(np.array([0, 2]), np.array([2.0, -1.0]))]

    weights = np.arange(6.0).reshape(3, 2)
    spec = Linear(
        target="quality", outputs=("small", "large"), features=("words",), tensors="linear"
    )
    for laid in (weights, np.asfortranarray(weights), np.repeat(weights, 2, axis=0)[::2]):
        tensors = {"linear.weights": laid, "linear.bias": np.zeros(2)}
        assert list(spec.bind((3,), tensors).one(Asked())) == [-4.0, -3.0]


BLOCK = np.ones((3, 2))


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros(2), BLOCK, np.array([3]), np.ones(1)),
        (np.zeros(2), BLOCK, np.array([-1]), np.ones(1)),
        (np.zeros(2), BLOCK, np.array([1]), np.ones(2)),
        (np.zeros(2), BLOCK, np.array([1], np.int32), np.ones(1)),
        (np.zeros(2), BLOCK, np.array([1]), np.ones(1, np.float32)),
        (np.zeros(2), BLOCK[:, ::-1], np.array([1]), np.ones(1)),
        (np.zeros(0), BLOCK, np.array([1]), np.ones(1)),
        (b"\0" * 16, BLOCK, np.array([1]), np.ones(1)),
        (np.zeros(2), BLOCK, np.array([1])),
        (np.zeros(2), 1.0, np.array([1]), np.ones(1)),
        (np.zeros(2), BLOCK, np.array([1]), memoryview(bytearray(17))[1:9]),
    ],
)
def test_a_sum_that_makes_no_sense_is_an_error_and_no_crash(arguments):
    with pytest.raises((TypeError, ValueError, IndexError, BufferError)):
        _compiled.add(*arguments)


@pytest.mark.skipif(_compiled is None, reason="installed without a compiler")
@pytest.mark.parametrize(
    "arguments",
    [
        packed(left=[0, -1, -1]),
        packed(left=[3, -1, -1]),
        packed(x=[1.0], right=[7, -1, -1]),
        packed(feature=[1, 0, 0]),
        packed(feature=[-1, 0, 0]),
        packed(roots=[3]),
        packed(roots=[-1]),
        packed(roots=[]),
        packed(output=[1]),
        packed(output=[-1]),
        packed(sums=[]),
        packed(x=[]),
        packed(threshold=[0.0]),
        packed(rows=2),
        packed(rows=-1),
        packed(rows="1"),
        packed(rows=0),
        packed(rows=2**62, sums=[], x=[]),
        [np.zeros(1), memoryview(bytearray(17))[1:9], *packed()[2:]],
        [memoryview(bytearray(17))[1:9], *packed()[1:]],
        packed()[:-1],
        [b"12345678", *packed()[1:]],
        [1.0, *packed()[1:]],
        [*packed()[:-1], b"123"],
        [*packed()[:-1], "text"],
    ],
)
def test_what_would_lead_nowhere_is_an_error_and_no_crash(arguments):
    sums, *rest = packed()
    _compiled.walk(sums, *rest)
    assert sums.tolist() == [5.0]
    with pytest.raises((TypeError, ValueError, BufferError)):
        _compiled.walk(*arguments)
