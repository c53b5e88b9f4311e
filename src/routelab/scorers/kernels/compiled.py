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
    """As `plain.dot`; arrays are contiguous, of float64 and int64."""
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
        """As `plain.PlainWalk.sums`; x is contiguous, of float64."""
        sums = np.repeat(self._bias[None], len(x), axis=0)
        walk(sums, x, len(x), *self._forest)
        return sums
