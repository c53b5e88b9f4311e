"""What a search compares policies by."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core.policy import Policy
from routelab.metrics.exact import exact_mean
from routelab.replay import ComparisonSet, Replay

MARGIN = 0.005
"""A gain below this much quality, half a point, is not worth a router."""


class Score(NamedTuple):
    """Means on tune."""

    usd_per_1k: float
    quality: float


def score(on: ComparisonSet, policy: Policy) -> Score:
    """Means of a policy on some rows."""
    return means(on.replay(policy))


def means(replay: Replay) -> Score:
    """Mean cost and quality of a replay."""
    return Score(1000 * exact_mean(replay.cost_usd), exact_mean(replay.quality))
