"""What scorers do most, in Python and numpy: what the compiled form does, where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats, Ints
from routelab.scorers.kernels.forest import Forest
from routelab.signals.features import Vector


def dot(blocks: Sequence[Floats], vectors: Sequence[Vector], k: int) -> Floats:
    """(k,) the sum of weights times values, term by term in the order of columns, from zero.

    Args:
        blocks: (width, k) weights of each vector's columns.
    """
    terms = np.empty((sum([len(vector.indices) for vector in vectors]), k))
    start = 0
    for block, (indices, values) in zip(blocks, vectors, strict=True):
        part = terms[start : start + len(indices)]
        if len(indices) == len(block):
            np.multiply(block, values[:, None], out=part)
        else:
            block.take(indices, axis=0, out=part, mode="clip")  # "raise" copies once more
            part *= values[:, None]
        start += len(indices)
    if not start:
        return np.zeros(k)
    np.add.accumulate(terms, axis=0, out=terms)
    total: Floats = terms[-1] + 0.0  # from zero: never -0.0
    return total


class PlainWalk:
    """Sums up the leaves that rows lead to."""

    def __init__(self, forest: Forest) -> None:
        self._forest = forest
        self._lists = tuple(array.tolist() for array in forest)

    def sums(self, x: Floats) -> Floats:
        """(n, k) the bias, plus the leaf of each tree in turn.

        Args:
            x: (n, columns); NaN where a column is missing.
        """
        if len(x) == 1:
            return np.array([self._one(x[0].tolist())])
        sums = np.repeat(self._forest.bias[None], len(x), axis=0)
        rows = np.arange(len(x))
        for root, output in zip(self._forest.roots, self._forest.output, strict=True):
            sums[:, output] += self._forest.value[self._leaves(x, rows, root)]
        return sums

    def _one(self, row: list[float]) -> list[float]:
        """(k,) without numpy, which has nothing to gain in one row."""
        feature, threshold, left, right, value, missing_left, roots, output, bias = self._lists
        sums = list(bias)
        for node, to in zip(roots, output, strict=True):
            while (child := left[node]) >= 0:
                at = row[feature[node]]
                if at > threshold[node] or (at != at and not missing_left[node]):
                    child = right[node]
                node = child
            sums[to] += value[node]
        return sums

    def _leaves(self, x: Floats, rows: Ints, root: int) -> Ints:
        forest = self._forest
        node = np.full(len(x), root)
        while (inner := forest.left[node] >= 0).any():
            at = x[rows, forest.feature[node]]
            goes_left = (at <= forest.threshold[node]) | (
                np.isnan(at) & (forest.missing_left[node] != 0)
            )
            child = np.where(goes_left, forest.left[node], forest.right[node])
            node = np.where(inner, child, node)
        return node
