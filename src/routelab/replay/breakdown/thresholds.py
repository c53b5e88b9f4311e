"""What moving one threshold does, with all others as they are."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.replay.breakdown.levels import levels
from routelab.replay.breakdown.shape import ThresholdCurve
from routelab.replay.breakdown.stops import StopMeans, Stops

POINTS = 61
"""Thresholds on one curve, at most."""


def curves(stops: Stops, part: str) -> Iterator[ThresholdCurve]:
    """A curve for each threshold.

    Args:
        part: name of the part that the stops are of.
    """
    cascade = stops.cascade
    for step, chosen in enumerate(cascade.thresholds):
        tried = levels(stops.confidence[step][stops.asked[step]], chosen, POINTS)
        found = [_moved(stops, step, threshold) for threshold in tried]
        yield ThresholdCurve(
            part=part,
            model=cascade.models[step],
            signal=cascade.signal,
            chosen=chosen,
            thresholds=tried,
            quality=tuple(it.quality for it in found),
            usd_per_1k=tuple(it.usd_per_1k for it in found),
            escalation_rate=tuple(it.escalation_rate for it in found),
        )


def _moved(stops: Stops, step: int, threshold: float) -> StopMeans:
    before, after = stops.cascade.thresholds[:step], stops.cascade.thresholds[step + 1 :]
    return stops.means(stops.at((*before, threshold, *after)))
