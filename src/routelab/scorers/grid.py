"""Numbers on an integer grid, where every sum of products is exact."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from routelab.core import Floats

if TYPE_CHECKING:
    import numpy.typing as npt

Shorts: TypeAlias = "npt.NDArray[np.int16]"

LIMIT = 1023
"""Largest number on the grid."""

WIDEST = 2000
"""Most columns whose squares still add up within 32 bits."""


def on_grid(values: Floats, shift: Floats, step: Floats) -> Shorts:
    """`(values - shift) * step` rounded and kept within the grid.

    Args:
        values: (..., width).
        shift, step: (width,); a step of `LIMIT` over the largest distance uses the whole grid.
    """
    return np.clip(np.rint((values - shift) * step), -LIMIT, LIMIT).astype(np.int16)
