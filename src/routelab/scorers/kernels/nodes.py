"""Nodes of all trees, in arrays."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core.table import Floats, Ints


class Nodes(NamedTuple):
    """Where each node leads, and the trees' roots.

    Attributes:
        feature: (n,) int32 column that a node looks at.
        threshold: (n,) float64; at most that goes left.
        left, right: (n,) int32 children, which come after their parent; a leaf's left is -1.
        missing_left: (n,) uint8, whether NaN goes left.
        roots: (trees,) int32.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    missing_left: Ints
    roots: Ints
