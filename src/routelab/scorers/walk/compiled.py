"""The way down trees in C."""

from __future__ import annotations

import numpy as np

from routelab.core.table import Floats, Ints
from routelab.scorers.walk._compiled import leaves
from routelab.scorers.walk.nodes import Nodes

_TYPES = (np.int32, np.float64, np.int32, np.int32, np.uint8, np.int32)


class Walk:
    """As `plain.Walk`."""

    def __init__(self, nodes: Nodes) -> None:
        pairs = zip(nodes, _TYPES, strict=True)
        self._nodes = tuple(array.astype(dtype).tobytes() for array, dtype in pairs)

    def leaves(self, x: Floats) -> Ints:
        """(trees,) as `plain.Walk.leaves`; x is float64."""
        return np.frombuffer(leaves(x.tobytes(), *self._nodes), np.int64)
