"""The points that people ask for: the least cost, the most quality, the knee."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from routelab.errors import TuningError
from routelab.metrics import hull, value_at
from routelab.policies import Mixture
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.front import FrontPoint, front, knee, meets, on_hull
from routelab.tuning.objectives.score import MARGIN, PolicyScore

SAVING = 0.1
"""A mixture of policies takes a single one's place from this share of the cost, as it does from
`MARGIN` of quality: it meets a bound on tune with nothing to spare, so that it is as likely as
not to miss it elsewhere, and draws by chance. Below, the simpler policy is exported."""

ENOUGH = 0.98
"""Of the best model's quality, where no bound says how much is enough."""

SAME_QUALITY, SAME_COST = 0.0005, 0.001
"""What is closer to the zero router, in quality and as a share of the cost, reads the same."""


class OperatingPoint(NamedTuple):
    """A point of the front with a reason to choose it.

    Attributes:
        name: "least-cost", "most-quality", "knee", "certified" or "slo".
        rule: the reason in words; "on tune" follows.
        point: the policy, and its means on tune.
        mixed: the point is a mixture that was made to meet a bound exactly.
        plain: the best that the same rule finds without mixtures; None where nothing else
            meets the bounds.
    """

    name: str
    rule: str
    point: FrontPoint
    mixed: bool = False
    plain: FrontPoint | None = None


class _Rule(NamedTuple):
    """What is wanted of all that meets the bounds.

    Attributes:
        best: the key by which the greatest is the best.
        near: whether a score is as good as another one but for this much, in quality or as a
            share of the cost.
    """

    name: str
    text: str
    ceiling: float | None
    floor: float | None
    best: Callable[[FrontPoint], tuple[float, float]]
    near: Callable[[PolicyScore, PolicyScore, tuple[float, float]], bool]


def operating_points(
    points: Sequence[FrontPoint],
    bounds: Bounds,
    best: FrontPoint,
    alone: Sequence[FrontPoint],
    *,
    point: str = "least-cost",
    share: float = ENOUGH,
) -> list[OperatingPoint]:
    """The operating points of a front, the exported one first, then the others that exist.

    Args:
        points: a front, by rising cost.
        bounds: the user's.
        best: the best candidate alone.
        alone: candidates that may be exported alone, and so be mixed; none where no single model
            keeps to bounds that policies keep to.
        point: the name of the one that is exported where no bound says so. The least cost is
            then of single policies: with no bound to meet, nothing is gained by a draw, unless
            there is only a model alone.
        share: of the best model's quality on these rows that is enough, where no bound says how
            much is.
    Raises:
        TuningError: no point meets the user's bounds; it says the best reachable.
    """
    ceiling = bounds.max_usd_per_1k
    floor = bounds.floor(best.score.quality)
    cheap_floor = share * best.score.quality if floor is None else floor
    dear_ceiling = best.score.usd_per_1k if ceiling is None else ceiling
    # From the simplest to the most complex: what is not worth its complexity is not exported.
    ladder = (
        list(points),
        _reachable(front(alone), dear_ceiling, cheap_floor),
        _reachable(points, dear_ceiling, cheap_floor),
    )
    every = [point for rung in ladder for point in rung]
    if not any(meets(point.score, ceiling, floor) for point in every):
        within = " within the bounds on latency and groups" if bounds.further else ""
        raise TuningError(_out_of_reach(every, ceiling, floor, f"no policy{within}"))
    least = f"least cost with quality of {cheap_floor:.4f} or more"
    most = f"most quality at {dear_ceiling:.4g} USD per 1,000 requests or less"
    if floor is None:
        least += _share_text(share)
    if ceiling is None:
        most += ", what the best model costs"
    free = floor is None and ceiling is None
    cheapest = _Rule("least-cost", least, ceiling, cheap_floor, _cheap, _as_cheap)
    routed = _simplest(ladder[:1], cheapest) if free and point == "least-cost" else None
    if routed is None or routed.point.policy in [it.policy for it in alone]:
        routed = _simplest(ladder, cheapest)
    candidates = [
        routed,
        _simplest(ladder, _Rule("most-quality", most, dear_ceiling, floor, _good, _as_good)),
        OperatingPoint("knee", "knee of the front", knee(on_hull(points))),
    ]
    wanted = "least-cost" if bounds.on_quality else "most-quality" if ceiling else point
    listed = [it for it in candidates if it is not None]
    return sorted(listed, key=lambda it: it.name != wanted)


def best_at(points: Sequence[FrontPoint], usd_per_1k: float) -> FrontPoint:
    """The most quality that a front and mixtures along its hull reach at no more than a cost.

    Args:
        points: a front, the first of which costs no more.
        usd_per_1k: USD per 1,000 requests.
    """
    reached = _reachable(points, usd_per_1k, math.inf)
    return max((it for it in reached if it.score.usd_per_1k <= usd_per_1k), key=_good)


def _share_text(share: float) -> str:
    """How much of the best model's quality is asked for on tune, and why so much."""
    why = "," if share == ENOUGH else f": to leave {ENOUGH:.0%} elsewhere,"
    return f"{why} {100 * share:.4g}% of the best model's"


def _simplest(ladder: Sequence[list[FrontPoint]], rule: _Rule) -> OperatingPoint | None:
    """The simplest that the zero router does not beat and nothing beats by what is worth it.

    A router as good as the zero router of its own cost is exported for it, even if a mixture of
    models meets the bound for a little less: what is drawn by chance gains nothing.
    Where the zero router beats the single policies, mixtures of these take its place if they gain
    what is worth a router.

    Args:
        ladder: single policies; single models and their mixtures, which are the zero router; and
            single policies and theirs. Or single policies alone.
    """
    met = [[it for it in rung if meets(it.score, rule.ceiling, rule.floor)] for rung in ladder]
    first = max(met[0], key=rule.best, default=None)
    if len(met) == 1:
        return None if first is None else OperatingPoint(rule.name, rule.text, first, plain=first)
    zero, last = (max(rung, key=rule.best, default=None) for rung in met[1:])
    if last is None:
        return None
    if (
        first is not None
        and (zero is None or _keeps_up(first, zero, ladder[1], rule))
        and rule.near(first.score, last.score, (MARGIN, SAVING))
    ):
        return OperatingPoint(rule.name, rule.text, first, plain=first)
    if zero is not None and _gain(last.score, ladder[1]) < MARGIN:
        last = zero
    return OperatingPoint(rule.name, rule.text, last, True, first)


def _keeps_up(
    policy: FrontPoint, zero: FrontPoint, alone: Sequence[FrontPoint], rule: _Rule
) -> bool:
    """Whether the zero router does not beat a policy: at its own cost, or as the rule has it."""
    routes = len(policy.policy.models_used) > 1
    return (routes and _gain(policy.score, alone) >= -SAME_QUALITY) or rule.near(
        policy.score, zero.score, (SAME_QUALITY, SAME_COST)
    )


def _gain(score: PolicyScore, alone: Sequence[FrontPoint]) -> float:
    """Quality above the zero router of these single models and mixtures, at the same cost."""
    zero = hull([it.score.usd_per_1k for it in alone], [it.score.quality for it in alone])
    return score.quality - value_at(score.usd_per_1k, zero).item()


def _cheap(point: FrontPoint) -> tuple[float, float]:
    return -point.score.usd_per_1k, point.score.quality


def _good(point: FrontPoint) -> tuple[float, float]:
    return point.score.quality, -point.score.usd_per_1k


def _as_cheap(one: PolicyScore, other: PolicyScore, but: tuple[float, float]) -> bool:
    return one.usd_per_1k * (1 - but[1]) <= other.usd_per_1k


def _as_good(one: PolicyScore, other: PolicyScore, but: tuple[float, float]) -> bool:
    return one.quality >= other.quality - but[0]


def _reachable(points: Sequence[FrontPoint], ceiling: float, floor: float) -> list[FrontPoint]:
    """The points, and the mixtures of neighbours on their hull that meet a bound exactly."""
    found = list(points)
    for low, high in pairwise(on_hull(points)):
        for axis, target in enumerate((ceiling, floor)):
            if low.score[axis] < target < high.score[axis]:
                share = (high.score[axis] - target) / (high.score[axis] - low.score[axis])
                score = PolicyScore(
                    *(
                        share * a + (1 - share) * b
                        for a, b in zip(low.score, high.score, strict=True)
                    )
                )
                exact = score._replace(**{PolicyScore._fields[axis]: target})
                found.append(FrontPoint(Mixture(low.policy, high.policy, share), exact))
    return found


def _out_of_reach(
    pool: Sequence[FrontPoint], ceiling: float | None, floor: float | None, none: str
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
