"""The way down trees: compiled against plain, and what would lead nowhere."""

from __future__ import annotations

import math

import numpy as np
import pytest
from compiling import needs_a_compiler
from hypothesis import given
from hypothesis import strategies as st

from routelab.scorers.walk import Nodes, plain

try:
    from routelab.scorers.walk import _compiled, compiled
except ImportError:
    _compiled = None
    forms = [plain.Walk]
else:
    forms = [plain.Walk, compiled.Walk]

COLUMNS = 3
each_form = pytest.mark.parametrize("form", forms, ids=lambda form: form.__module__)
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


@each_form
@given(nodes=forests(), x=st.lists(numbers, min_size=COLUMNS, max_size=COLUMNS))
def test_every_tree_leads_to_the_leaf_that_a_reader_comes_to(form, nodes, x):
    leaves = form(nodes).leaves(np.array(x))
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
