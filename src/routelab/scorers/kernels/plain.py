"""What scorers do most, in Python and numpy: what the compiled form does, where there is none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core.table import Floats, Ints
from routelab.scorers.kernels.nodes import Nodes
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


class Walk:
    """Finds the leaf of each tree."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = tuple(array.tolist() for array in nodes)

    def leaves(self, x: Floats) -> Ints:
        """(trees,) the leaf that a row of columns ends in; a column is NaN where it is missing."""
        columns = x.tolist()
        feature, threshold, left, right, missing_left, roots = self._nodes
        found = []
        for node in roots:
            while (child := left[node]) >= 0:
                at = columns[feature[node]]
                if at > threshold[node] or (at != at and not missing_left[node]):
                    child = right[node]
                node = child
            found.append(node)
        return np.array(found, np.int64)
