"""The kind of policy to export, and with how much quality: chosen on folds of tune."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from routelab.core import Floats, Policy
from routelab.metrics import aiq_among
from routelab.replay import ComparisonSet, Range, gain_difference
from routelab.tuning.kinds import Holdout
from routelab.tuning.objectives import ENOUGH, MARGIN, FrontPoint, best_at
from routelab.tuning.selection.kind_search import KindSearch

TIE = MARGIN
"""A kind is worth its complexity from this much of AIQ, as routing is from this much of quality:
of kinds that are closer to the best the simplest wins."""

SHARES = (ENOUGH, 0.985, 0.99, 0.995, 1.0)
"""Of the best model's quality on tune, what may be asked for."""


class Rival(msgspec.Struct, frozen=True):
    """A kind of policy that was searched.

    Attributes:
        kind: its name; "fixed" where single models were all that its front holds.
        aiq_tune: of the hull of its front and the candidates, on tune.
        aiq_held_out: the same on folds of tune that the front was not chosen on, by which
            kinds are compared: the freer a search, the more its own rows flatter it. None
            where there was one kind only.
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


def winner(searched: KindSearch, alone: Sequence[FrontPoint]) -> str:
    """The kind of greatest AIQ on rows not chosen on; of near equals the simplest."""
    if len(searched.fronts) < 2:
        return next(iter(searched.fronts))
    found = {kind: _held_out(searched, kind, alone) for kind in searched.fronts}
    best = max((value for value in found.values() if not math.isnan(value)), default=-math.inf)
    return next((kind for kind, value in found.items() if value >= best - TIE), next(iter(found)))


def share_asked_for(holdout: Holdout, refits: Sequence[Sequence[Policy]], best: Policy) -> float:
    """The least of `SHARES` that leaves `ENOUGH` on folds that were not chosen on.

    What costs least at some quality on tune is the luckiest policy there, and has less quality
    elsewhere. For each fold, the cheapest policy with a share of the best model's quality on the
    other folds is judged on that fold. Where no share leaves enough, the one that leaves most.

    Args:
        holdout: means of policies on tune, by fold.
        refits: for each fold, policies that were proposed without it, single models among them.
        best: candidate alone.
    """
    reference = holdout.sums([best])[0, :, 1]
    left = {share: _left(holdout, refits, reference, share) for share in SHARES}
    whole = float(reference.sum())
    enough = [share for share, quality in left.items() if quality >= ENOUGH * whole]
    return min(enough, default=max(SHARES, key=lambda share: (left[share], share)))


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


def _left(
    holdout: Holdout, refits: Sequence[Sequence[Policy]], reference: Floats, share: float
) -> float:
    """Sum of quality, on each fold, of what was cheapest with this share on the others."""
    total = 0.0
    for fold, policies in enumerate(refits):
        sums = holdout.sums(policies)
        rest = sums.sum(axis=1) - sums[:, fold]
        able = np.flatnonzero(rest[:, 1] >= share * (reference.sum() - reference[fold]))
        if not len(able):
            total += float(reference[fold])
            continue
        # Of equal cost the better one.
        at = able[np.lexsort((-rest[able, 1], rest[able, 0]))[0]]
        total += float(sums[at, fold, 1])
    return total
