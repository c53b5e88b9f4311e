"""Whether the signal defers the right requests: against random deferral, and the oracle's."""

from __future__ import annotations

import numpy as np

from routelab.core import Bools, Floats
from routelab.metrics import DeferralCurve, deferral_curve, exact_mean, normalised_area
from routelab.replay.breakdown.shape import Deferral
from routelab.replay.breakdown.stops import Stops

POINTS = 101
"""Points on one curve, at most."""


def deferral(stops: Stops) -> tuple[Deferral, ...]:
    """A curve for each threshold, over the requests that it decides on.

    Those are the requests that get to the model and may be handed to the next one, whose
    answer is taken as the last. A threshold that decides on no request has no curve.
    """
    at = stops.at(stops.cascade.thresholds)
    found = (_deferral(stops, step, at >= step) for step in range(len(stops.cascade.thresholds)))
    return tuple(one for one in found if one is not None)


def _deferral(stops: Stops, step: int, there: Bools) -> Deferral | None:
    cascade = stops.cascade
    rows = np.flatnonzero(there & stops.asked[step] & stops.asked[step + 1])
    if not len(rows):
        return None
    confidence = stops.confidence[step][rows]
    weak, strong = stops.alone[step][rows], stops.alone[step + 1][rows]
    gain = strong - weak
    _, doubt = np.unique(-confidence, return_inverse=True)  # a missing one ranks last
    curve = _thinned(deferral_curve(doubt, weak, strong))
    oracle = _thinned(deferral_curve(gain, weak, strong))
    return Deferral(
        model=cascade.models[step],
        next_model=cascade.models[step + 1],
        signal=cascade.signal,
        n_requests=len(rows),
        share=_plain(curve.share),
        quality=_plain(curve.quality),
        random_quality=(exact_mean(weak), exact_mean(strong)),
        oracle_share=_plain(oracle.share),
        oracle_quality=_plain(oracle.quality),
        area=None if np.all(gain == gain[0]) else normalised_area(doubt, weak, strong),
        chosen_share=float(np.mean(~(confidence >= cascade.thresholds[step]))),
    )


def _thinned(curve: DeferralCurve) -> DeferralCurve:
    """At most `POINTS` of a curve's points, evenly by share."""
    if len(curve.share) <= POINTS:
        return curve
    wanted = np.searchsorted(curve.share, np.linspace(0.0, 1.0, POINTS))
    kept = np.unique(np.minimum(wanted, len(curve.share) - 1))
    return DeferralCurve(curve.share[kept], curve.quality[kept])


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(values.tolist())
