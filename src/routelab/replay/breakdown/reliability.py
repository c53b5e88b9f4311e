"""Whether a confidence can be taken at its word: quality against confidence, in bins."""

from __future__ import annotations

import numpy as np

from routelab.core import Floats
from routelab.metrics import RIGHT, auroc, ece
from routelab.replay.breakdown.shape import ReliabilityBins
from routelab.replay.breakdown.stops import Stops

BINS = 10


def reliability(stops: Stops) -> tuple[ReliabilityBins, ...]:
    """A diagram for each model with a threshold, over all its answers with a confidence."""
    found = (_reliability(stops, step) for step in range(len(stops.cascade.thresholds)))
    return tuple(one for one in found if one is not None)


def _reliability(stops: Stops, step: int) -> ReliabilityBins | None:
    seen = np.isfinite(stops.confidence[step])
    if not seen.any():
        return None
    confidence, quality = stops.confidence[step][seen], stops.alone[step][seen]
    right = quality >= RIGHT
    probability = bool(confidence.min() >= 0.0 and confidence.max() <= 1.0)
    edges = _edges(confidence, probability=probability)
    index = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, len(edges) - 2)
    rows, confident, good = (
        np.bincount(index, weights, minlength=len(edges) - 1)
        for weights in (None, confidence, quality)
    )
    there = rows > 0
    return ReliabilityBins(
        model=stops.cascade.models[step],
        signal=stops.cascade.signal,
        probability=probability,
        low=tuple(edges[:-1][there].tolist()),
        high=tuple(edges[1:][there].tolist()),
        n=tuple(rows[there].tolist()),
        confidence=tuple((confident[there] / rows[there]).tolist()),
        quality=tuple((good[there] / rows[there]).tolist()),
        ece=ece(confidence, quality) if probability else None,
        auroc=auroc(confidence, right) if right.any() and not right.all() else None,
    )


def _edges(confidence: Floats, *, probability: bool) -> Floats:
    """Bins of equal width for a probability, else of about equally many answers."""
    if probability:
        return np.arange(BINS + 1) / BINS
    found = np.unique(np.quantile(confidence, np.arange(BINS + 1) / BINS))
    return found if len(found) > 1 else np.repeat(found, 2)
