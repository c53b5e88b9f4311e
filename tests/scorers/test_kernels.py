"""What scorers do most: compiled and plain against a reader, and what makes no sense."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compiling import each_form, form_of, needs_a_compiler
from hypothesis import given
from hypothesis import strategies as st

from routelab.scorers import Linear
from routelab.scorers.kernels import Nodes
from routelab.signals.features import Vector

_compiled = form_of("routelab.scorers.kernels", "_compiled")
in_each_form = each_form("routelab.scorers.kernels")

COLUMNS = 3
numbers = st.sampled_from([-math.inf, -1.0, -0.0, 0.0, 0.5, 1.0, math.inf, math.nan, 5e-324])


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

    return Nodes(
        feature=drawn(st.integers(0, COLUMNS - 1)),
        threshold=drawn(numbers.filter(math.isfinite)),
        left=left,
        right=right,
        missing_left=drawn(st.integers(0, 1)),
        roots=np.array(draw(st.lists(st.integers(0, n - 1), max_size=9)), np.int64),
    )


def descended(nodes, x, node):
    """The leaf that a reader would come to."""
    if nodes.left[node] < 0:
        return node
    at = x[nodes.feature[node]]
    goes_left = bool(nodes.missing_left[node]) if math.isnan(at) else at <= nodes.threshold[node]
    return descended(nodes, x, nodes.left[node] if goes_left else nodes.right[node])


@needs_a_compiler
def test_it_is_compiled_where_there_is_a_compiler():
    assert _compiled is not None


@in_each_form
@given(nodes=forests(), x=st.lists(numbers, min_size=COLUMNS, max_size=COLUMNS))
def test_every_tree_leads_to_the_leaf_that_a_reader_comes_to(form, nodes, x):
    leaves = form.Walk(nodes).leaves(np.array(x))
    assert leaves.dtype == np.int64
    assert leaves.tolist() == [descended(nodes, x, root) for root in nodes.roots]


def packed(**changed):
    """A tree of three nodes, as the compiled form takes it, after its row."""
    arrays = {
        "x": np.zeros(1),
        "feature": np.zeros(3, np.int32),
        "threshold": np.zeros(3),
        "left": np.array([1, -1, -1], np.int32),
        "right": np.array([2, -1, -1], np.int32),
        "missing_left": np.zeros(3, np.uint8),
        "roots": np.zeros(1, np.int32),
    }
    arrays |= {name: np.array(it, arrays[name].dtype) for name, it in changed.items()}
    return [array.tobytes() for array in arrays.values()]


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
        packed(threshold=[0.0]),
        packed()[:-1],
        [*packed()[:-1], b"123"],
        [*packed()[:-1], "text"],
    ],
)
def test_what_would_lead_nowhere_is_an_error_and_no_crash(arguments):
    assert np.frombuffer(_compiled.leaves(*packed()), np.int64).tolist() == [1]
    with pytest.raises((TypeError, ValueError)):
        _compiled.leaves(*arguments)
