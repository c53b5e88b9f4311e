"""The way down trees in Python: what the compiled form does, where there is none."""

from __future__ import annotations

import numpy as np

from routelab.core.table import Floats, Ints
from routelab.scorers.walk.nodes import Nodes


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
