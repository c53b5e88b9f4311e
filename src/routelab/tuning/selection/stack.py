"""The front of all kinds together: at every cost the kind that does best on other rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core import Floats, Policy
from routelab.metrics import hull, value_at
from routelab.tuning.kinds import HeldOut, Holdout
from routelab.tuning.objectives import FrontPoint, PolicyScore, front

SURE = 0.5
"""Standard errors by which a kind must lead a simpler one at a cost to take its place there."""


def expected(
    points: Sequence[FrontPoint], held_out: HeldOut, single: Sequence[Policy]
) -> list[FrontPoint]:
    """A kind's front, with what is expected of each policy on other rows.

    The best of a search flatters itself on the rows searched. By how much is measured at every
    cost: what its hull there promises, less what is left where it was not chosen. Models alone
    were not chosen, and keep their means.

    Args:
        points: by rising cost, with means on the rows searched.
        held_out: of the kind.
        single: the candidates alone.
    """
    chosen = [it for it in points if it.policy not in single]
    if not chosen:
        return list(points)
    flat = hull([it.score.usd_per_1k for it in points], [it.score.quality for it in points])
    promised = value_at(held_out.budgets, flat)
    cost = np.clip(held_out.budgets, flat.cost[0], flat.cost[-1])
    quality_off = held_out.quality - promised
    cost_off = (held_out.cost - cost) / np.where(cost > 0, cost, 1.0)

    def moved(it: FrontPoint) -> FrontPoint:
        if it.policy in single:
            return it
        usd, quality = it.score
        usd_off = float(np.interp(usd, held_out.budgets, cost_off))
        off = float(np.interp(usd, held_out.budgets, quality_off))
        return FrontPoint(
            it.policy, PolicyScore(max(0.0, usd * (1 + usd_off)), min(1.0, max(0.0, quality + off)))
        )

    return front(map(moved, points))


def stacked(
    fronts: Mapping[str, Sequence[FrontPoint]],
    held_out: Mapping[str, HeldOut],
    alone: Sequence[FrontPoint],
    holdout: Holdout,
) -> tuple[list[FrontPoint], dict[Policy, str]]:
    """The front of all kinds, and the kind of each policy of any of them.

    Kinds are asked from the simplest on, the models alone before all: at each cost one takes
    the place of those before if it leads them by `SURE` standard errors, by blocks of rows.

    Args:
        fronts: by kind, the simplest first, with what is expected on other rows.
        held_out: by kind.
        alone: each candidate by itself.
        holdout: the rows, in blocks.
    Source: Breiman, Friedman, Olshen & Stone 1984, section 3.4.3 (the one standard error rule).
    """
    single = [it.policy for it in alone]
    kinds = {it.policy: kind for kind, points in fronts.items() for it in reversed(points)}
    budgets = next(iter(held_out.values())).budgets
    zero = holdout.held_out([single] * holdout.folds, budgets)
    best, leads = zero, np.full(len(budgets), -1)
    sums = best.sums.copy()
    slope = _slopes(alone, budgets)
    for at, kind in enumerate(fronts):
        mine = held_out[kind].sums
        lead, error = _lead(mine, sums, slope)
        better = lead > SURE * error
        leads[better] = at
        sums[better] = mine[better]
    names = list(fronts)
    kept = list(alone)
    for at, kind in enumerate(names):
        kept += [it for it in fronts[kind] if leads[_nearest(budgets, it)] == at]
    return front(kept), kinds


def _lead(mine: Floats, theirs: Floats, slope: Floats) -> tuple[Floats, Floats]:
    """(budgets,) sums by which one leads, costs weighed in, and their standard errors."""
    apart = mine - theirs
    worth = apart[:, :, 1] - slope[:, None] * apart[:, :, 0]
    blocks = worth.shape[1]
    spread = worth.std(axis=1, ddof=1) if blocks > 1 else np.full(len(worth), math.inf)
    return worth.sum(axis=1), spread * math.sqrt(blocks)


def _slopes(alone: Sequence[FrontPoint], budgets: Floats) -> Floats:
    """(budgets,) quality that a USD per 1,000 requests buys the zero router at each cost."""
    zero = hull([it.score.usd_per_1k for it in alone], [it.score.quality for it in alone])
    if len(zero.cost) < 2:
        return np.zeros(len(budgets))
    slopes = np.diff(zero.quality) / np.diff(zero.cost)
    at = np.clip(np.searchsorted(zero.cost, budgets, side="right") - 1, 0, len(slopes) - 1)
    return np.where(budgets > zero.cost[-1], 0.0, slopes[at])


def _nearest(budgets: Floats, it: FrontPoint) -> int:
    return int(np.argmin(np.abs(budgets - it.score.usd_per_1k)))
