"""Boosted trees, flattened: the sum of one leaf of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats
from routelab.errors import PolicyError
from routelab.scorers.flatten import NODES
from routelab.scorers.kernels import Forest, Walk
from routelab.scorers.link import INVERSE, Link, each
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Matrix, Tensors, TensorSpec, Vector, take_tensors


class Trees(Scorer, frozen=True, kw_only=True, tag="trees"):
    """The bias, plus a leaf's value from each tree in turn, through a link.

    A node goes left where the feature is at most the threshold, or is missing and
    `missing_left` is set.

    Attributes:
        tensors: prefix of the tensors that `flatten` makes.
        link: "identity", "logit" where the sum is the log-odds of a probability, or "log" where it
            is the logarithm of an amount.
    """

    tensors: str
    link: Link = "identity"

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        named = [
            TensorSpec(f"{self.tensors}.{name}", dtype, (None,)) for name, dtype in NODES.items()
        ]
        roots = TensorSpec(f"{self.tensors}.roots", "int32", (None,))
        output = TensorSpec(f"{self.tensors}.output", "int32", (None,))
        bias = TensorSpec(f"{self.tensors}.bias", "float64", (len(self.outputs),))
        found = take_tensors(tensors, *named, roots, output, bias)
        forest = Forest(*found)
        if problems := list(_problems(forest, sum(widths), len(self.outputs))):
            raise PolicyError(*(f"trees {self.tensors!r}: {problem}" for problem in problems))
        return _BoundTrees(self, sum(widths), forest)


def _problems(forest: Forest, width: int, k: int) -> list[str]:
    sizes = {len(array) for array in forest[: len(NODES)]}
    if len(sizes) > 1 or len(forest.roots) != len(forest.output):
        return ["arrays of nodes, or of roots and outputs, differ in length"]
    (n,) = sizes
    here = np.arange(n)
    inner = forest.left >= 0
    after = [
        (forest.left[inner] <= here[inner]) | (forest.right[inner] <= here[inner]),
        (forest.left[inner] >= n) | (forest.right[inner] >= n),
    ]
    checks = {
        "a child does not come after its parent, so that the tree may never end": after[0],
        f"a child is beyond the last of {n} nodes": after[1],
        f"a feature is outside [0, {width})": (forest.feature[inner] < 0)
        | (forest.feature[inner] >= width),
        f"a root is outside [0, {n})": (forest.roots < 0) | (forest.roots >= n),
        f"an output is outside [0, {k})": (forest.output < 0) | (forest.output >= k),
    }
    return [problem for problem, wrong in checks.items() if wrong.any()]


class _BoundTrees(BoundScorer):
    def __init__(self, spec: Trees, width: int, forest: Forest) -> None:
        self._features = spec.features
        self._width = width
        self._inverse = INVERSE[spec.link]
        inner = forest.left >= 0
        self._used = np.unique(forest.feature[inner])
        feature = np.where(inner, np.searchsorted(self._used, forest.feature), 0)
        bias = forest.bias + 0.0  # no -0.0, which would tell an empty sum from a sum of -0.0
        self._walk = Walk(forest._replace(feature=feature, bias=bias))

    def one(self, asked: One) -> Sequence[float]:
        sums = self._walk.sums(self._row(asked.vector(self._features))[None])
        return [self._inverse(z) for z in sums[0].tolist()]

    def _row(self, vector: Vector) -> Floats:
        """(used,) the columns that a node looks at."""
        indices, values = vector
        if len(indices) == self._width:
            return values.take(self._used)
        row = np.zeros(len(self._used))
        if len(indices):
            at = np.minimum(indices.searchsorted(self._used), len(indices) - 1)
            there = indices[at] == self._used
            row[there] = values[at[there]]
        return row

    def many(self, asked: Many) -> Floats:
        sums = self._walk.sums(self._columns(asked.matrix(self._features)))
        return each(self._inverse, sums)

    def _columns(self, matrix: Matrix) -> Floats:
        """(n, used) the columns that a node looks at."""
        place = np.full(matrix.width, -1)
        place[self._used] = np.arange(len(self._used))
        to = place[matrix.indices]
        kept = to >= 0
        x = np.zeros((len(matrix), len(self._used)))
        x[matrix.rows[kept], to[kept]] = matrix.values[kept]
        return x
