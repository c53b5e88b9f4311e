"""What scorers do most, in C."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.core import Floats
from routelab.scorers.flatten import NODES
from routelab.scorers.kernels._compiled import add, walk
from routelab.scorers.kernels.forest import Forest
from routelab.signals.features import Vector

_TYPES = {**NODES, "roots": "int32", "output": "int32"}


def dot(blocks: Sequence[Floats], vectors: Sequence[Vector], k: int) -> Floats:
    """(k,) as `plain.dot`, to the same bits.

    Args:
        blocks: (width, k) weights of each vector's columns, contiguous float64.
        vectors: of contiguous int64 and float64.
        k: outputs.
    """
    sums = np.zeros(k)
    for block, (indices, values) in zip(blocks, vectors, strict=True):
        add(sums, block, indices, values)
    return sums


class CompiledWalk:
    """As `plain.PlainWalk`."""

    def __init__(self, forest: Forest) -> None:
        arrays = ((getattr(forest, name), dtype) for name, dtype in _TYPES.items())
        self._forest = tuple(array.astype(dtype).tobytes() for array, dtype in arrays)
        self._bias = forest.bias

    def sums(self, x: Floats) -> Floats:
        """(n, k) as `plain.PlainWalk.sums`, to the same bits.

        Args:
            x: (n, columns) contiguous float64; NaN where a column is missing.
        """
        sums = np.repeat(self._bias[None], len(x), axis=0)
        walk(sums, x, len(x), *self._forest)
        return sums
