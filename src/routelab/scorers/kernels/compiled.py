"""What scorers do most, in C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core.table import Floats, Ints
from routelab.scorers.kernels._compiled import add, leaves
from routelab.scorers.kernels.nodes import Nodes
from routelab.signals.features import Vector

_TYPES = (np.int32, np.float64, np.int32, np.int32, np.uint8, np.int32)


def dot(blocks: Sequence[Floats], vectors: Sequence[Vector], k: int) -> Floats:
    """As `plain.dot`; arrays are contiguous, of float64 and int64."""
    sums = np.zeros(k)
    for block, (indices, values) in zip(blocks, vectors, strict=True):
        add(sums, block, indices, values)
    return sums


class Walk:
    """As `plain.Walk`."""

    def __init__(self, nodes: Nodes) -> None:
        pairs = zip(nodes, _TYPES, strict=True)
        self._nodes = tuple(array.astype(dtype).tobytes() for array, dtype in pairs)

    def leaves(self, x: Floats) -> Ints:
        """(trees,) as `plain.Walk.leaves`; x is float64."""
        return np.frombuffer(leaves(x.tobytes(), *self._nodes), np.int64)
