"""The front of tuned policies, its hull and its knee."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Policy
from routelab.metrics import hull, pareto
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.score import PolicyScore


class FrontPoint(NamedTuple):
    """A policy and its mean cost and quality on tune."""

    policy: Policy
    score: PolicyScore


def by_cost(alone: Sequence[FrontPoint]) -> list[str]:
    """Single models, cheapest first."""
    ordered = sorted(alone, key=lambda point: point.score.usd_per_1k)
    return [name for point in ordered for name in point.policy.models_used]


def front(points: Iterable[FrontPoint]) -> list[FrontPoint]:
    """Non-dominated points by rising cost; of equals the first given."""
    listed = list(points)
    if not listed:
        return []
    kept = pareto([p.score.usd_per_1k for p in listed], [p.score.quality for p in listed])
    found = [point for point, keep in zip(listed, kept, strict=True) if keep]
    return sorted(found, key=lambda point: point.score)


def within(points: Iterable[FrontPoint], bounds: Bounds, best: FrontPoint) -> list[FrontPoint]:
    """The points that meet the user's bounds on mean cost and mean quality.

    Args:
        points: to choose among.
        bounds: the user's.
        best: the best candidate alone, of whose quality a share may be demanded.
    """
    floor = bounds.floor(best.score.quality)
    return [point for point in points if meets(point.score, bounds.max_usd_per_1k, floor)]


def knee(vertices: Sequence[FrontPoint]) -> FrontPoint:
    """The vertex of the hull farthest above the line from its cheapest to its dearest.

    Cost and quality are both scaled to [0, 1] first. Of two vertices it is the dearer one.

    Args:
        vertices: of a hull, by rising cost; at least one.
    Source: Satopää, Albrecht, Irwin & Raghavan 2011, "Finding a 'Kneedle' in a Haystack" (its
        difference curve, on the hull).
    """
    cost = np.array([point.score.usd_per_1k for point in vertices])
    quality = np.array([point.score.quality for point in vertices])
    if len(vertices) < 3:
        return vertices[-1]
    along = (cost - cost[0]) / (cost[-1] - cost[0])
    height = (quality - quality[0]) / (quality[-1] - quality[0]) - along
    return vertices[int(np.argmax(height))]


def on_hull(points: Sequence[FrontPoint]) -> list[FrontPoint]:
    """The vertices of the hull of a front, by rising cost; none of none."""
    if not points:
        return []
    corners = hull([p.score.usd_per_1k for p in points], [p.score.quality for p in points])
    at = set(zip(corners.cost.tolist(), corners.quality.tolist(), strict=True))
    return [point for point in points if tuple(point.score) in at]


def meets(score: PolicyScore, ceiling: float | None, floor: float | None) -> bool:
    """Whether a score keeps to a mean cost and a mean quality.

    Args:
        score: means of a policy.
        ceiling: USD per 1,000 requests at most; None for none.
        floor: quality at least; None for none.
    """
    cheap_enough = ceiling is None or score.usd_per_1k <= ceiling
    return cheap_enough and (floor is None or score.quality >= floor)
