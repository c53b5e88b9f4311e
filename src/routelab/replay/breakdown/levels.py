"""Thresholds worth showing: midpoints between observed confidences, and the chosen one."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats, Ints


def levels(confidence: Floats, chosen: float, count: int) -> tuple[float, ...]:
    """At most `count` thresholds, ascending, evenly by the share of answers they accept.

    `chosen` is always one of them and stands for the midpoint that decides alike.

    Args:
        confidence: (n,) of one model; NaN can never be accepted.
        count: 1 or more.
    """
    values, repeats = np.unique(confidence[np.isfinite(confidence)], return_counts=True)
    low, high = values[:-1], values[1:]
    middle = low + (high - low) / 2
    below = np.arange(1, len(values))
    new = (low < middle) & (middle < high) & (below != np.searchsorted(values, chosen))
    picked = _evenly(np.cumsum(repeats)[:-1][new], count - 1)
    return tuple(np.union1d(middle[new][picked], [chosen]).tolist())


def _evenly(places: Ints, count: int) -> Ints:
    """Indices of at most `count` ascending places, as evenly spaced as they allow."""
    if len(places) <= count:
        return np.arange(len(places))
    wanted = np.linspace(places[0], places[-1], count)
    right = np.clip(np.searchsorted(places, wanted), 1, len(places) - 1)
    nearer_left = wanted - places[right - 1] < places[right] - wanted
    return np.unique(right - nearer_left)
