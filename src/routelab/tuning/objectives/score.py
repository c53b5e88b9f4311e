"""Mean cost and mean quality, by which a search compares policies."""

from __future__ import annotations

from typing import NamedTuple

from routelab.core import Policy
from routelab.metrics import exact_mean
from routelab.replay import ComparisonSet, Replay

MARGIN = 0.005
"""A gain below this much quality, half a point, is not worth a router."""


class PolicyScore(NamedTuple):
    """Mean cost and quality of a policy over some requests.

    Attributes:
        usd_per_1k: USD per 1,000 requests, discarded answers included.
        quality: in [0, 1].
    """

    usd_per_1k: float
    quality: float


def score(comparison: ComparisonSet, policy: Policy) -> PolicyScore:
    """Mean cost and quality of a policy on some rows."""
    return mean_cost_quality(comparison.replay(policy))


def mean_cost_quality(replay: Replay) -> PolicyScore:
    """Mean cost and quality of a replay."""
    return PolicyScore(1000 * exact_mean(replay.cost_usd), exact_mean(replay.quality))
