"""The front of all kinds together: at every cost the kind that does best on other rows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Policy
from routelab.metrics import hull, value_at
from routelab.stats import thinned
from routelab.tuning.kinds import HeldOut, Holdout
from routelab.tuning.objectives import FrontPoint, front

SURE = 0.5
"""Standard errors by which a kind must lead a simpler one at a cost to take its place there."""


SHOWN = 2.0
"""Standard errors by which a policy must trail the best of its cost to count as worse."""

MOST, MOST_OF_KIND = 200, 100
"""Policies along the whole trade-off that are kept beside the front, of all kinds and of one."""


class Stack(NamedTuple):
    """Kinds put together.

    Attributes:
        front: at every cost of the kind that does best there.
        kinds: by policy of any front, its kind.
        best: at each budget, what does best on rows that it was not chosen on.
    """

    front: list[FrontPoint]
    kinds: dict[Policy, str]
    best: HeldOut


def expected(
    points: Sequence[FrontPoint], held_out: HeldOut, single: Sequence[Policy]
) -> list[FrontPoint]:
    """A kind's policies, with what is expected of each on other rows.

    The best of a search flatters itself on the rows searched. By how much is measured along the
    front: what is left where it was not chosen, less what the front promises at the same cost.
    Models alone were not chosen, and keep their means.

    Args:
        points: with means on the rows searched.
        held_out: of the kind.
        single: the candidates alone.
    """
    if all(it.policy in single for it in points):
        return list(points)
    own = hull([it.score.usd_per_1k for it in points], [it.score.quality for it in points])
    cost = held_out.cost
    order = np.argsort(cost, kind="stable")
    off = (held_out.quality - value_at(cost, own))[order]

    def moved(it: FrontPoint) -> FrontPoint:
        if it.policy in single:
            return it
        less = float(np.interp(it.score.usd_per_1k, cost[order], off))
        quality = min(1.0, max(0.0, it.score.quality + less))
        return FrontPoint(it.policy, it.score._replace(quality=quality))

    return [*map(moved, points)]


def stacked(
    fronts: dict[str, list[FrontPoint]],
    held_out: Mapping[str, HeldOut],
    alone: Sequence[FrontPoint],
    holdout: Holdout,
) -> Stack:
    """The front of all kinds, and the kind of each policy of any of them.

    Kinds are asked from the simplest on, the models alone before all: at each cost one takes
    the place of those before if it leads them by `SURE` standard errors, by blocks of rows, or if
    bounds on latency and groups leave those before no policy that is so cheap. A lead at one cost
    is drawn towards that over all costs, as far as they differ by no more than their noise.

    Args:
        fronts: by kind, the simplest first, with what is expected on other rows.
        held_out: by kind.
        alone: the candidates that may be exported alone.
        holdout: the rows, in blocks.
    Source: Breiman, Friedman, Olshen & Stone 1984, section 3.4.3 (the one standard error rule);
        Efron & Morris 1975 (shrinkage).
    """
    # A policy that several kinds propose, as models alone, is of the simplest.
    kinds = {it.policy: kind for kind in reversed(fronts) for it in fronts[kind]}
    budgets = next(iter(held_out.values())).budgets
    leads = np.full(len(budgets), -1 if alone else 0)
    first = next(iter(held_out.values()))
    if alone:
        first = holdout.held_out([[it.policy for it in alone]] * holdout.folds, budgets)
    sums = first.sums.copy()
    cheapest = np.full(len(budgets), _cheapest(alone or next(iter(fronts.values()))))
    slope = _slopes(alone, budgets)
    for at, kind in enumerate(fronts):
        mine, from_usd = held_out[kind].sums, _cheapest(fronts[kind])
        lead, error = _sums(_drawn(_worth(mine, sums, slope)))
        better = (lead > SURE * error) & (budgets >= min(from_usd, budgets[-1]))
        better |= (budgets < cheapest) & (from_usd < cheapest)
        leads[better] = at
        sums[better] = mine[better]
        cheapest[better] = from_usd
    names = list(fronts)
    kept = list(alone)
    for at, kind in enumerate(names):
        kept += [it for it in fronts[kind] if leads[_nearest(budgets, it)] == at]
    return Stack(front(kept), kinds, HeldOut(budgets, sums, first.n))


def along(
    proposed: Mapping[str, Sequence[FrontPoint]],
    stacked_kinds: Stack,
    alone: Sequence[FrontPoint],
    holdout: Holdout,
) -> list[FrontPoint]:
    """All along the trade-off, by rising cost: the front, and what is not shown to be worse.

    On few rows a front is what was lucky on them: another policy may be as good or better. So one
    is left out only where the best of its cost leads it by `SHOWN` standard errors, or where it
    costs more than the front and every model alone.

    Args:
        proposed: by kind, all of its policies that meet the bounds on latency and groups.
        stacked_kinds: the front, and what is best at each cost.
        alone: the candidates that may be exported alone.
        holdout: the rows, in blocks.
    """
    best = stacked_kinds.best
    slope = _slopes(alone, best.budgets)

    def as_good(points: Sequence[FrontPoint]) -> list[FrontPoint]:
        cost = np.array([it.score.usd_per_1k for it in points])
        at = np.argmin(np.abs(best.cost - cost[:, None]), axis=1)
        mine = holdout.sums([it.policy for it in points])
        lead, error = _sums(_worth(best.sums[at], mine, slope[at]))
        near = [it for it, keep in zip(points, lead <= SHOWN * error, strict=True) if keep]
        return thinned(_by_cost(near), MOST_OF_KIND)

    first = stacked_kinds.front
    most = max(it.score.usd_per_1k for it in [*first, *alone])
    # Models alone too, which no kind proposes where others beat them on the rows searched.
    within = [
        [it for it in points if it.score.usd_per_1k <= most]
        for points in (*proposed.values(), alone)
    ]
    more = [it for points in within if points for it in as_good(points)]
    there = {it.policy for it in first}
    return _by_cost([*first, *thinned(_by_cost(it for it in more if it.policy not in there), MOST)])


def _by_cost(points: Iterable[FrontPoint]) -> list[FrontPoint]:
    """By rising cost; of those with the same means, which decide alike, the first given."""
    different = {it.score: it for it in reversed([*points])}
    return sorted(different.values(), key=lambda it: it.score)


def _cheapest(points: Sequence[FrontPoint]) -> float:
    return min(it.score.usd_per_1k for it in points)


def _worth(mine: Floats, theirs: Floats, slope: Floats) -> Floats:
    """(budgets, blocks) quality by which one leads, costs weighed in."""
    apart = mine - theirs
    return np.asarray(apart[:, :, 1] - slope[:, None] * apart[:, :, 0])


def _drawn(worth: Floats) -> Floats:
    """(budgets, blocks) the same, each budget drawn to the mean of all by empirical Bayes."""
    lead, error = _sums(worth)
    if not np.isfinite(error).all():
        return worth
    noise, mean = np.square(error), worth.mean(axis=0)
    between = max(0.0, float((np.square(lead - mean.sum()) - noise).mean()))
    whole = between + noise
    own = np.divide(between, whole, out=np.ones_like(whole), where=whole > 0.0)[:, None]
    return np.asarray(own * worth + (1.0 - own) * mean)


def _sums(worth: Floats) -> tuple[Floats, Floats]:
    """(budgets,) sums over blocks, and their standard errors."""
    blocks = worth.shape[1]
    spread = worth.std(axis=1, ddof=1) if blocks > 1 else np.full(len(worth), math.inf)
    return worth.sum(axis=1), spread * math.sqrt(blocks)


def _slopes(alone: Sequence[FrontPoint], budgets: Floats) -> Floats:
    """(budgets,) quality that a USD per 1,000 requests buys the zero router at each cost."""
    if len(alone) < 2:
        return np.zeros(len(budgets))
    zero = hull([it.score.usd_per_1k for it in alone], [it.score.quality for it in alone])
    if len(zero.cost) < 2:
        return np.zeros(len(budgets))
    slopes = np.diff(zero.quality) / np.diff(zero.cost)
    at = np.clip(np.searchsorted(zero.cost, budgets, side="right") - 1, 0, len(slopes) - 1)
    return np.where(budgets > zero.cost[-1], 0.0, slopes[at])


def _nearest(budgets: Floats, it: FrontPoint) -> int:
    return int(np.argmin(np.abs(budgets - it.score.usd_per_1k)))
