"""The thresholds worth trying on one model's signal: midpoints between observed values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from routelab.core import Floats, Ints


@dataclass(frozen=True, eq=False)
class ThresholdCandidates:
    """Every distinct way to cut one model's confidences in two.

    Attributes:
        order: (k,) rows with a confidence, most confident first.
        cuts: (c,) how many rows of `order` each threshold accepts, ascending.
        thresholds: (c,) finite midpoints between adjacent distinct values, descending.
    """

    order: Ints
    cuts: Ints
    thresholds: Floats

    def __bool__(self) -> bool:
        return len(self.thresholds) > 0

    @property
    def accepted(self) -> Floats:
        """(c,) share of the observed confidences that each threshold accepts, ascending."""
        return np.asarray(self.cuts / max(1, len(self.order)))

    def at(self, share: float) -> float:
        """The threshold that accepts at least this share in [0, 1], or the lowest there is."""
        index = int(np.searchsorted(self.accepted, share))
        return float(self.thresholds[min(index, len(self.thresholds) - 1)])

    def share(self, threshold: float) -> float:
        """The share that one of the thresholds accepts; `at` leads back to it."""
        index = int(np.searchsorted(-self.thresholds, -threshold))
        return float(self.accepted[min(index, len(self.thresholds) - 1)])

    def best(self, gain: Floats) -> float:
        """The threshold above which the gains (n,) of the accepted rows sum to the most."""
        sums = np.cumsum(gain[self.order])[self.cuts - 1]
        return float(self.thresholds[int(np.argmax(sums))])


def threshold_candidates(confidence: Floats) -> ThresholdCandidates:
    """Every threshold that tells two confidences (n,) for one model apart; NaN is never accepted.

    A threshold is a midpoint, never an observed value: one on a value flips that row if the value
    comes back a bit different. Between two neighbouring floats the midpoint rounds onto one of
    them; such a pair cannot be told apart safely, so it gets no threshold.
    """
    rows = np.flatnonzero(np.isfinite(confidence))
    order = rows[np.argsort(-confidence[rows], kind="stable")]
    values = confidence[order]
    high, low = values[:-1], values[1:]
    middle = low + (high - low) / 2
    cuts = np.flatnonzero((low < middle) & (middle < high)) + 1
    return ThresholdCandidates(order, cuts, middle[cuts - 1])
