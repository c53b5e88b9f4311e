"""The front of tuned policies, and the points on it that people ask for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from routelab.core.policy import Policy
from routelab.errors import TuningError
from routelab.metrics.hull import hull, pareto
from routelab.policies import Mixture
from routelab.tuning.bounds import Bounds
from routelab.tuning.score import Score


class Point(NamedTuple):
    """A policy and its means on tune."""

    policy: Policy
    score: Score


class OperatingPoint(NamedTuple):
    """A point with a reason to be chosen."""

    name: str
    rule: str
    point: Point


def by_cost(alone: Sequence[Point]) -> list[str]:
    """Single models, cheapest first."""
    ordered = sorted(alone, key=lambda point: point.score.usd_per_1k)
    return [name for point in ordered for name in point.policy.models_used]


def front(points: Iterable[Point]) -> list[Point]:
    """Non-dominated points by rising cost; of equals the first given."""
    listed = list(points)
    if not listed:
        return []
    kept = pareto([p.score.usd_per_1k for p in listed], [p.score.quality for p in listed])
    found = [point for point, keep in zip(listed, kept, strict=True) if keep]
    return sorted(found, key=lambda point: point.score)


def operating_points(
    points: Sequence[Point], bounds: Bounds, best: Point, *, mix: bool
) -> list[OperatingPoint]:
    """The exported point first, then the others that exist.

    Args:
        points: a front, by rising cost.
        best: the best candidate alone.
        mix: allow a mixture of two neighbours on the hull, to meet a bound exactly.
    Raises:
        TuningError: no point meets the user's bounds; it says the best reachable.
    """
    vertices = _vertices(points)
    pool = [*points, *_mixed(vertices, bounds, best)] if mix else list(points)
    ceiling = bounds.max_usd_per_1k
    floor = bounds.floor(best.score.quality)
    allowed = [p for p in pool if _meets(p.score, ceiling, floor)]
    if not allowed:
        within = " within the bounds on latency and groups" if bounds.further else ""
        raise TuningError(_out_of_reach(pool, ceiling, floor, f"no policy{within}"))
    cheap_floor = 0.98 * best.score.quality if floor is None else floor
    dear_ceiling = best.score.usd_per_1k if ceiling is None else ceiling
    found = [
        _least_cost(pool, ceiling, cheap_floor),
        _most_quality(pool, dear_ceiling, floor),
        OperatingPoint("knee", "knee of the front", knee(vertices)),
    ]
    wanted = "least-cost" if bounds.on_quality else "most-quality" if ceiling else "knee"
    listed = [point for point in found if point is not None]
    return sorted(listed, key=lambda point: point.name != wanted)


def within(points: Iterable[Point], bounds: Bounds, best: Point) -> list[Point]:
    """The points that meet the user's bounds."""
    floor = bounds.floor(best.score.quality)
    return [point for point in points if _meets(point.score, bounds.max_usd_per_1k, floor)]


def knee(vertices: Sequence[Point]) -> Point:
    """The vertex of the hull farthest above the line from its cheapest to its dearest."""
    cost = np.array([point.score.usd_per_1k for point in vertices])
    quality = np.array([point.score.quality for point in vertices])
    if len(vertices) < 3:
        return vertices[-1]
    along = (cost - cost[0]) / (cost[-1] - cost[0])
    height = (quality - quality[0]) / (quality[-1] - quality[0]) - along
    return vertices[int(np.argmax(height))]


def _vertices(points: Sequence[Point]) -> list[Point]:
    corners = hull([p.score.usd_per_1k for p in points], [p.score.quality for p in points])
    at = set(zip(corners.cost.tolist(), corners.quality.tolist(), strict=True))
    return [point for point in points if tuple(point.score) in at]


def _mixed(vertices: Sequence[Point], bounds: Bounds, best: Point) -> list[Point]:
    """Mixtures of neighbouring vertices that meet a bound with equality."""
    floor = bounds.floor(best.score.quality)
    found = []
    for low, high in pairwise(vertices):
        for axis, target in enumerate((bounds.max_usd_per_1k, floor)):
            if target is not None and low.score[axis] < target < high.score[axis]:
                share = (high.score[axis] - target) / (high.score[axis] - low.score[axis])
                score = Score(
                    *(
                        share * a + (1 - share) * b
                        for a, b in zip(low.score, high.score, strict=True)
                    )
                )
                exact = score._replace(**{Score._fields[axis]: target})
                found.append(Point(Mixture(low.policy, high.policy, share), exact))
    return found


def _meets(score: Score, ceiling: float | None, floor: float | None) -> bool:
    cheap_enough = ceiling is None or score.usd_per_1k <= ceiling
    return cheap_enough and (floor is None or score.quality >= floor)


def _least_cost(
    pool: Sequence[Point], ceiling: float | None, floor: float
) -> OperatingPoint | None:
    good = [point for point in pool if _meets(point.score, ceiling, floor)]
    if not good:
        return None
    chosen = min(good, key=lambda p: (p.score.usd_per_1k, -p.score.quality))
    return OperatingPoint("least-cost", f"least cost with quality of {floor:.4f} or more", chosen)


def _most_quality(
    pool: Sequence[Point], ceiling: float, floor: float | None
) -> OperatingPoint | None:
    good = [point for point in pool if _meets(point.score, ceiling, floor)]
    if not good:
        return None
    chosen = max(good, key=lambda p: (p.score.quality, -p.score.usd_per_1k))
    rule = f"most quality at {ceiling:.4g} USD per 1,000 requests or less"
    return OperatingPoint("most-quality", rule, chosen)


def _out_of_reach(
    pool: Sequence[Point], ceiling: float | None, floor: float | None, none: str
) -> str:
    within = [p.score for p in pool if ceiling is None or p.score.usd_per_1k <= ceiling]
    if not within:
        least = min(point.score.usd_per_1k for point in pool)
        return (
            f"{none} costs {ceiling:.6g} USD per 1,000 requests or less on tune; the least"
            f" reachable is {least:.6g}"
        )
    most = max(score.quality for score in within)
    at = "" if ceiling is None else f" at {ceiling:.6g} USD per 1,000 requests or less"
    return f"{none} reaches quality {floor:.4f}{at} on tune; the best reachable is {most:.4f}"
