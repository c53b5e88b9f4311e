"""All parts of a breakdown."""

from __future__ import annotations

from routelab.core import Policy
from routelab.policies import Cascade, Fixed
from routelab.replay.breakdown.deferral import deferral
from routelab.replay.breakdown.grid import grid
from routelab.replay.breakdown.latency import latency
from routelab.replay.breakdown.reliability import reliability
from routelab.replay.breakdown.shape import Breakdown
from routelab.replay.breakdown.slices import slices
from routelab.replay.breakdown.stages import stages
from routelab.replay.breakdown.stops import Stops, stops
from routelab.replay.breakdown.thresholds import curves
from routelab.replay.comparison_set import ComparisonSet


def breakdown(
    policy: Policy, test: ComparisonSet, tune: ComparisonSet | None, best_model: str
) -> Breakdown:
    """Where a policy's figures on test come from.

    Parts about thresholds are empty for a policy without thresholds of its own.

    Args:
        tune: for the threshold curves that the choice was made on; None for none.
        best_model: the candidate that slices are compared with.
    Raises:
        LogError: the log lacks a model or a signal of the policy.
    """
    replay = test.replay(policy)
    here = _stops(policy, test)
    on_parts = [(part, _stops(policy, part)) for part in (tune, test) if part is not None]
    return Breakdown(
        slices=slices(replay, test.replay(Fixed(best_model)), test),
        stages=stages(policy, replay, test),
        thresholds=tuple(
            curve
            for part, found in on_parts
            if found is not None
            for curve in curves(found, part.part)
        ),
        deferral=() if here is None else deferral(here),
        reliability=() if here is None else reliability(here),
        latency=latency(replay),
        grid=grid(policy, test) if isinstance(policy, Cascade) else None,
    )


def _stops(policy: Policy, comparison: ComparisonSet) -> Stops | None:
    return stops(policy, comparison) if isinstance(policy, Cascade) else None
