"""How each kind of policy did, on rows searched and on test."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from routelab.metrics import aiq_among
from routelab.replay import ComparisonSet, Range, gain_difference
from routelab.tuning.kinds import HeldOut
from routelab.tuning.objectives import FrontPoint, best_at
from routelab.tuning.selection.kind_search import KindSearch


class Rival(msgspec.Struct, frozen=True):
    """A kind of policy that was searched.

    Attributes:
        kind: its name; "fixed" where single models were all that its front holds.
        aiq_tune: of the hull of its front and the candidates, as expected on other rows.
        aiq_held_out: of what its front reaches on folds that it was not chosen on: the freer a
            search, the more its own rows flatter it. None where there was one kind only.
        won: it was exported.
        gain_behind: on test, how much more the exported policy gains over the zero router
            than this kind's best policy of the same cost; None for the winner.
        gain_behind_ci: its paired 95 % interval.
    """

    kind: str
    aiq_tune: float
    won: bool
    aiq_held_out: float | None = None
    gain_behind: float | None = None
    gain_behind_ci: tuple[float, float] | None = None


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
            _held_out(searched.held_out[kind], alone) if len(searched.fronts) > 1 else None,
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


def _held_out(found: HeldOut, alone: Sequence[FrontPoint]) -> float:
    return aiq_among(
        [point.score.usd_per_1k for point in alone],
        [point.score.quality for point in alone],
        found.cost,
        found.quality,
    )


def _aiq(points: Sequence[FrontPoint], alone: Sequence[FrontPoint]) -> float:
    return aiq_among(
        [point.score.usd_per_1k for point in alone],
        [point.score.quality for point in alone],
        [point.score.usd_per_1k for point in points],
        [point.score.quality for point in points],
    )
