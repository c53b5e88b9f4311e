"""How many thresholds a confidence reaches, an order of magnitude faster than by bisection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from routelab.core import Floats, Ints

_BUCKETS = 1 << 12
_CROWDED = 6
"""Levels in one bucket from which bisection is as fast."""

_BLOCK = 1 << 14


@dataclass(frozen=True, eq=False)
class Levels:
    """Thresholds of one model's confidence.

    Attributes:
        values: (k,) finite and strictly ascending.
    """

    values: Floats

    def __post_init__(self) -> None:
        ascending = bool(np.all(np.diff(self.values) > 0)) and bool(np.isfinite(self.values).all())
        if not len(self.values) or not ascending:
            raise ValueError("levels must be finite, strictly ascending, and at least one")

    def __len__(self) -> int:
        return len(self.values)

    def reached(self, confidence: npt.NDArray[np.floating]) -> Ints:
        """(n,) how many levels `l` have confidence >= l in float64; none where it is NaN."""
        found = np.empty(len(confidence), dtype=np.int64)
        for start in range(0, len(confidence), _BLOCK):
            block = slice(start, start + _BLOCK)
            values = np.asarray(confidence[block], dtype=np.float64)
            found[block] = self._bisected(values) if self._steps is None else self._stepped(values)
        return found

    def _bisected(self, values: Floats) -> Ints:
        found = np.searchsorted(self.values, values, side="right")
        return np.where(np.isnan(values), 0, found)

    def _stepped(self, values: Floats) -> Ints:
        """Look up how many levels lie in earlier buckets, then step over those of its own."""
        assert self._steps is not None
        found: Ints = self._before.take(self._bucket(values))
        for _ in range(self._steps):
            found += values >= self._padded.take(found)
        return found

    def _bucket(self, values: Floats) -> Ints:
        """Buckets of equal width. Rounding keeps the order, which is all that is relied on."""
        low, high = self.values[0], self.values[-1]
        scale = (_BUCKETS - 1) / (high - low) if high > low else 0.0
        inside: Floats = np.fmin(np.fmax(values, low), high)  # NaN falls in the first bucket
        inside -= low
        inside *= scale
        return np.asarray(inside.astype(np.int64))

    @cached_property
    def _padded(self) -> Floats:
        return np.append(self.values, np.nan)  # nothing reaches a level after the last

    @cached_property
    def _before(self) -> Ints:
        """(buckets,) levels in earlier buckets."""
        return np.searchsorted(self._bucket(self.values), np.arange(_BUCKETS), side="left")

    @cached_property
    def _steps(self) -> int | None:
        """The most levels that share a bucket; None where there are too many."""
        spread = float(self.values[-1]) - float(self.values[0])
        if not np.finfo(np.float64).tiny * _BUCKETS <= spread < np.inf and len(self) > 1:
            return None
        most = int(np.bincount(self._bucket(self.values)).max())
        return most if most <= _CROWDED else None
