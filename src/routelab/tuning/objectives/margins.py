"""Bounds with a margin: a policy that keeps to them on tune is to keep to them elsewhere, too."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs

from routelab.core import Policy
from routelab.errors import TuningError
from routelab.replay import Figures
from routelab.tuning.objectives.bound_checks import COST, QUALITY, means_at_bounds
from routelab.tuning.objectives.bounds import Bounds
from routelab.tuning.objectives.front import FrontPoint
from routelab.tuning.objectives.operating_points import OperatingPoint
from routelab.tuning.objectives.score import PolicyScore

ONE_SIDED = 1.645 / 1.960
"""Of half a 95 % interval, what the truth is beyond in one case of twenty."""

STEPS, HALVINGS = (0.5, 1.0, 1.5), 3
"""Of the margin of what would be chosen without one, what is asked for in turn until what is
chosen keeps its own, and how often the last step is halved: policies nearer to the best model
differ less from it, and need less."""

KNEE = "knee"


class Chosen(NamedTuple):
    """Operating points, and the bounds on means that they were chosen by, margins included."""

    points: list[OperatingPoint]
    bounds: Bounds


class _Tried(NamedTuple):
    """What is chosen under bounds, and how far it is from the user's on tune.

    Attributes:
        kept: the distance as a share of the margin, the least of all bounds.
        distances: by bound, from the limit.
    """

    chosen: Chosen
    kept: float
    distances: dict[str, float]
    margins: dict[str, float]


# Long: one search, of which each step asks for what the last one found.
def with_margins(
    choose: Callable[[Bounds], list[OperatingPoint]],
    measure: Callable[[Policy], Figures],
    bounds: Bounds,
    best: FrontPoint,
    n_test: int,
) -> Chosen:
    """Choose operating points whose cost and quality keep a distance from the user's bounds.

    The margin is what the mean on test, of other requests of this traffic, falls behind what is
    expected by in one case of twenty: of half the interval on the rows searched, `ONE_SIDED` times
    the root of 1 + n / n_test. Where no router keeps it, the one that keeps most of it is taken,
    and its rule says how much that is; a model alone, or a draw between models, takes its place
    only where the bounds leave no other.

    Args:
        choose: operating points under some bounds, with what is expected of them on other rows.
        measure: figures of a policy on the n rows searched.
        bounds: the user's.
        best: candidate alone, on tune.
        n_test: requests of test.
    Raises:
        TuningError: nothing meets the bounds as they are.
    """
    plain = Chosen(choose(bounds), bounds)
    if not bounds.name_a_point:
        return plain

    def tried(chosen: Chosen) -> _Tried:
        point = chosen.points[0].point
        figures = _as_expected(measure(point.policy), point.score)
        wider = ONE_SIDED * math.sqrt(1 + figures.n_requests / max(1, n_test))
        found = list(means_at_bounds(figures, bounds, best.policy.models_used[0]))
        margins = {it.bound: wider * it.reach for it in found if math.isfinite(it.reach)}
        distances = {it.bound: it.distance for it in found if it.bound in margins}
        kept = [distances[at] / it if it > 0 else math.inf for at, it in margins.items()]
        return _Tried(chosen, min(kept, default=math.inf), distances, margins)

    first = nearest = tried(plain)

    def asking(step: float) -> _Tried | None:
        asked = _moved(
            bounds, {at: step * it for at, it in first.margins.items()}, best.score.quality
        )
        try:
            found = Chosen(choose(asked), asked)
        except TuningError:
            return None
        return tried(found) if _by_chance(plain) or not _by_chance(found) else None

    low, steps = 0.0, iter(() if first.kept >= 1 else STEPS)
    for high in steps:
        found = asking(high)
        if found is None or found.kept >= 1:
            break
        low, nearest = high, max(nearest, found, key=lambda it: it.kept)
    else:
        found, high = None, low  # nothing is to be halved
    if found is not None:
        nearest = found
    for _ in range(HALVINGS if high > low else 0):
        middle = (low + high) / 2
        found = asking(middle)
        if found is not None and found.kept >= 1:
            high, nearest = middle, found
        elif found is not None:
            low, nearest = middle, max(nearest, found, key=lambda it: min(it.kept, 1.0))
        else:
            high = middle
    told = [_told(it, nearest) for it in nearest.chosen.points]
    return nearest.chosen._replace(points=told)


def _as_expected(figures: Figures, score: PolicyScore) -> Figures:
    """The figures, about what is expected of the policy on other rows."""
    quality, usd = score.quality - figures.quality, score.usd_per_1k - figures.usd_per_1k
    return structs.replace(
        figures,
        quality=score.quality,
        quality_ci=(figures.quality_ci[0] + quality, figures.quality_ci[1] + quality),
        usd_per_1k=score.usd_per_1k,
        usd_per_1k_ci=(figures.usd_per_1k_ci[0] + usd, figures.usd_per_1k_ci[1] + usd),
    )


def _by_chance(chosen: Chosen) -> bool:
    """Whether what is chosen is a model alone or a mixture of such, which routes nothing."""
    return chosen.points[0].point.policy.by_chance


def _moved(bounds: Bounds, margins: dict[str, float], best_quality: float) -> Bounds:
    ceiling, floor = bounds.max_usd_per_1k, bounds.floor(best_quality)
    if ceiling is not None:
        ceiling -= margins.get(COST, 0.0)
    if floor is not None:
        floor += margins.get(QUALITY, 0.0)
    return structs.replace(bounds, max_usd_per_1k=ceiling, min_quality=floor)


def _told(point: OperatingPoint, found: _Tried) -> OperatingPoint:
    """With the margin in its rule."""
    if point.name == KNEE or not found.margins:
        return point
    told = [
        f"{it:.4g} USD" if bound == COST else f"{100 * it:.2f} points of quality"
        for bound, it in found.margins.items()
    ]
    text = f"with a margin to the bound of {' and '.join(told)}"
    if found.kept < 1:
        text += f", of which {max(0.0, found.kept):.0%} could be had"
    return point._replace(rule=f"{point.rule}, {text}")
