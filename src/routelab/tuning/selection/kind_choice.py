"""The kind of policy to export, and with how much quality: chosen on folds of tune."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from routelab.core import Floats, Policy
from routelab.metrics import Hull, aiq_among, hull, value_at
from routelab.replay import ComparisonSet, Range, gain_difference
from routelab.tuning.kinds import Holdout
from routelab.tuning.objectives import ENOUGH, MARGIN, Bounds, FrontPoint, best_at
from routelab.tuning.selection.kind_search import KindSearch

TIE = MARGIN
"""A kind is worth its complexity from this much of quality or AIQ, as routing is: of kinds that
are closer to the best the simplest wins."""

SHARES = (ENOUGH, 0.985, 0.99, 0.995, 1.0)
"""Of the best model's quality on tune, what may be asked for."""


class Rival(msgspec.Struct, frozen=True):
    """A kind of policy that was searched.

    Attributes:
        kind: its name; "fixed" where single models were all that its front holds.
        aiq_tune: of the hull of its front and the candidates, on tune.
        aiq_held_out: the same on folds of tune that the front was not chosen on: the freer a
            search, the more its own rows flatter it. None where there was one kind only.
        won: it was exported.
        gain_behind: on test, how much more the exported policy gains over the zero router
            than this kind's best policy of the same cost on tune; None for the winner.
        gain_behind_ci: its paired 95 % interval.
    """

    kind: str
    aiq_tune: float
    won: bool
    aiq_held_out: float | None = None
    gain_behind: float | None = None
    gain_behind_ci: tuple[float, float] | None = None


class Kept(NamedTuple):
    """What the policy with a share of the best model's quality comes to where it was not chosen.

    Attributes:
        share: of the best model's quality, asked for on the other folds of tune.
        usd_per_1k, quality: means over the folds.
        enough: it keeps `ENOUGH` of the best model's quality there.
    """

    share: float
    usd_per_1k: float
    quality: float
    enough: bool


def winner(
    searched: KindSearch,
    alone: Sequence[FrontPoint],
    kept: Mapping[str, Kept],
    bounds: Bounds,
) -> str:
    """The kind that does best where it was not chosen, at the point that is exported.

    Kinds are compared by quality at one cost: that of the bound; with a bound on quality or
    none, the least for which a kind reaches what is asked for. Where the knee or the most quality
    is wanted, by AIQ. Of near equals the simplest wins.

    Args:
        searched: the kinds.
        alone: each candidate by itself.
        kept: by kind, what the point exported by default keeps; empty where another is asked for.
        bounds: the user's.
    """
    kinds = list(searched.fronts)
    if len(kinds) < 2:
        return kinds[0]
    if able := [kind for kind, it in kept.items() if it.enough]:
        kinds = able
    elif kept:
        most = max(it.quality for it in kept.values())
        kinds = [kind for kind, it in kept.items() if it.quality >= most - TIE]
    hulls = {kind: _held_out_hull(searched, kind, alone) for kind in kinds}
    floor = bounds.floor(max(it.score.quality for it in alone))
    if kept:
        at: float | None = min(kept[kind].usd_per_1k for kind in kinds)
    elif bounds.max_usd_per_1k is not None:
        at = bounds.max_usd_per_1k
    elif floor is not None:
        at = min(_cost_of(floor, it) for it in hulls.values())
    else:
        at = None
    values = {
        kind: _held_out(searched, kind, alone) if at is None else value_at(at, hulls[kind]).item()
        for kind in kinds
    }
    best = max((value for value in values.values() if not math.isnan(value)), default=-math.inf)
    return next((kind for kind, value in values.items() if value >= best - TIE), kinds[0])


def kept_by_default(holdout: Holdout, refits: Sequence[Sequence[Policy]], best: Policy) -> Kept:
    """What is exported by default of a kind, with the least of `SHARES` that leaves `ENOUGH`.

    What costs least at some quality on tune is the luckiest policy there, and has less quality
    elsewhere. For each fold, the cheapest policy with a share of the best model's quality on the
    other folds is judged on that fold. Where no share leaves enough, the one that leaves most.

    Args:
        holdout: means of policies on tune, by fold.
        refits: for each fold, policies that were proposed without it, single models among them.
        best: candidate alone.
    """
    reference = holdout.sums([best])[0]
    rows = len(holdout.fold)
    whole = float(reference[:, 1].sum())
    tried = []
    for share in SHARES:
        cost, quality = _left(holdout, refits, reference, share)
        enough = quality >= ENOUGH * whole
        tried.append(Kept(share, cost / rows, quality / rows, enough))
        if enough:
            return tried[-1]
    return max(tried, key=lambda it: (it.quality, it.share))


def rivals(
    searched: KindSearch,
    won: str,
    exported: FrontPoint,
    alone: Sequence[FrontPoint],
    testing: ComparisonSet,
) -> list[Rival]:
    """How each kind did, at the cost of the exported policy, on requests nobody chose on."""
    return [
        Rival(
            kind,
            _aiq(points, alone),
            kind == won,
            _held_out(searched, kind, alone) if len(searched.fronts) > 1 else None,
            *((None, None) if kind == won else _behind(points, exported, testing)),
        )
        for kind, points in searched.fronts.items()
    ]


def _behind(
    points: Sequence[FrontPoint], exported: FrontPoint, testing: ComparisonSet
) -> tuple[float, Range]:
    as_dear = max(exported.score.usd_per_1k, points[0].score.usd_per_1k)
    other = best_at(points, as_dear)
    return gain_difference(testing, exported.policy, other.policy)


def _held_out(searched: KindSearch, kind: str, alone: Sequence[FrontPoint]) -> float:
    return aiq_among(
        [point.score.usd_per_1k for point in alone],
        [point.score.quality for point in alone],
        *searched.held_out[kind],
    )


def _aiq(points: Sequence[FrontPoint], alone: Sequence[FrontPoint]) -> float:
    return aiq_among(
        [point.score.usd_per_1k for point in alone],
        [point.score.quality for point in alone],
        [point.score.usd_per_1k for point in points],
        [point.score.quality for point in points],
    )


def _held_out_hull(searched: KindSearch, kind: str, alone: Sequence[FrontPoint]) -> Hull:
    cost, quality = searched.held_out[kind]
    return hull(
        [*cost, *(point.score.usd_per_1k for point in alone)],
        [*quality, *(point.score.quality for point in alone)],
    )


def _cost_of(floor: float, on: Hull) -> float:
    """The least cost for which a hull reaches a quality; that of its end where it does not."""
    return float(np.interp(floor, on.quality, on.cost))


def _left(
    holdout: Holdout, refits: Sequence[Sequence[Policy]], reference: Floats, share: float
) -> tuple[float, float]:
    """Sums of cost and quality, on each fold, of what was cheapest with a share on the others.

    Args:
        reference: (folds, 2) sums of the best candidate alone, which takes the place of policies
            where none has the share.
    """
    total = np.zeros(2)
    for fold, policies in enumerate(refits):
        sums = holdout.sums(policies)
        rest = sums.sum(axis=1) - sums[:, fold]
        able = np.flatnonzero(rest[:, 1] >= share * (reference[:, 1].sum() - reference[fold, 1]))
        if not len(able):
            total += reference[fold]
            continue
        # Of equal cost the better one.
        at = able[np.lexsort((-rest[able, 1], rest[able, 0]))[0]]
        total += sums[at, fold]
    return float(total[0]), float(total[1])
