"""Which kind of policy to export: compared on tune, told on test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec

from routelab.metrics.aiq import aiq_among
from routelab.replay import Ground
from routelab.replay.compare import gain_difference
from routelab.tuning.bounds import Bounds
from routelab.tuning.front import Point, operating_points

TIE = 0.001
"""Kinds whose AIQ on tune differs by no more than this are equals: the simpler one wins."""


class Rival(msgspec.Struct, frozen=True):
    """A kind of policy that was searched.

    Attributes:
        kind: its name; "fixed" where single models were all that its front holds.
        aiq_tune: of the hull of its front and the candidates, on tune.
        won: it was exported.
        gain_behind: on test, how much more the exported policy gains over the zero router
            than this kind's best policy of the same cost on tune; None for the winner.
        gain_behind_ci: its paired 95 % interval.
    """

    kind: str
    aiq_tune: float
    won: bool
    gain_behind: float | None = None
    gain_behind_ci: tuple[float, float] | None = None


def winner(fronts: Mapping[str, Sequence[Point]], alone: Sequence[Point]) -> str:
    """The kind of greatest AIQ on tune; of near equals the simplest, which comes first."""
    found = {kind: _aiq(points, alone) for kind, points in fronts.items()}
    best = max((value for value in found.values() if not math.isnan(value)), default=-math.inf)
    return next((kind for kind, value in found.items() if value >= best - TIE), next(iter(found)))


def told(
    fronts: Mapping[str, Sequence[Point]],
    won: str,
    exported: Point,
    alone: Sequence[Point],
    best: Point,
    testing: Ground,
) -> list[Rival]:
    """How each kind did, at the cost of the exported policy, on requests nobody chose on."""
    return [
        Rival(kind, _aiq(points, alone), True)
        if kind == won
        else _rival(kind, points, exported, alone, best, testing)
        for kind, points in fronts.items()
    ]


def _rival(
    kind: str,
    points: Sequence[Point],
    exported: Point,
    alone: Sequence[Point],
    best: Point,
    testing: Ground,
) -> Rival:
    as_dear = Bounds(max_usd_per_1k=max(exported.score.usd_per_1k, points[0].score.usd_per_1k))
    other = operating_points(points, as_dear, best, mix=True)[0].point
    value, interval = gain_difference(testing, exported.policy, other.policy)
    return Rival(kind, _aiq(points, alone), False, value, interval)


def _aiq(points: Sequence[Point], alone: Sequence[Point]) -> float:
    return aiq_among(
        [point.score.usd_per_1k for point in alone],
        [point.score.quality for point in alone],
        [point.score.usd_per_1k for point in points],
        [point.score.quality for point in points],
    )
