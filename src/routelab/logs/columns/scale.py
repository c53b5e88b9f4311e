"""Scales of quality: what a number that is not in [0, 1] is worth."""

from __future__ import annotations

import math

import numpy as np

from routelab.core import Floats
from routelab.errors import LogError

ROUNDING = 1e-6
"""How far from [0, 1] rounding may bring a quality."""
_COMMON = ((1, 5), (0, 5), (1, 10), (0, 10), (0, 100), (-1, 1))


def scale_of(given: str | tuple[float, float] | None) -> tuple[float, float] | None:
    """The worst and the best quality of a scale, which `1:5` says as a text.

    >>> scale_of("1:5"), scale_of("5:1"), scale_of((0, 100))
    ((1.0, 5.0), (5.0, 1.0), (0.0, 100.0))

    Raises:
        LogError: it is none.
    """
    if given is None:
        return None
    ends = given.split(":") if isinstance(given, str) else given
    try:
        low, high = (float(it) for it in ends)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low != high):
        raise LogError(
            f"`quality_scale` is {given!r}: give the worst and the best quality as WORST:BEST, for"
            " example `quality_scale='1:5'`"
        )
    return low, high


def suggested(seen: Floats, scale: tuple[float, float] | None) -> str:
    """Where a quality lies, and how to say where these (k,) lie, for a message."""
    if scale is not None:
        given = ":".join(f"{it:g}" for it in scale)
        return f"the scale {given} that was given; is it another one?"
    known = seen[np.isfinite(seen)]
    if not len(known):
        return "[0, 1]"
    least, most = float(known.min()), float(known.max())
    fits = (it for it in _COMMON if it[0] <= least and most <= it[1])
    low, high = next(fits, (math.floor(least), math.ceil(most)))
    return f"[0, 1]; if it is on another scale, say so: `quality_scale='{low}:{high}'`"
