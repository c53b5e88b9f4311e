"""What each kind and each untuned router came to on test, the exported one or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from routelab.core.messages import bracketed
from routelab.errors import TuningError
from routelab.replay import (
    ComparisonSet,
    Figures,
    JointFigures,
    NamedPolicy,
    Range,
    baseline_gains,
    evaluate,
)
from routelab.stats import at_level, look_level
from routelab.tuning.objectives import MARGIN, FrontPoint, OperatingPoint, operating_points
from routelab.tuning.options import Options
from routelab.tuning.tuners import TASK_MEAN

OF_BASELINES = {"task_mean": f"`policy={TASK_MEAN!r}` exports such a policy"}
"""How a baseline is exported, where it can be."""


class TriedKind(msgspec.Struct, frozen=True):
    """A kind of policy that was searched, at the operating point that is exported of its front.

    Attributes:
        kind: its name.
        quality, quality_ci: on test, with its 95 % interval.
        usd_per_1k: on test, USD per 1,000 requests.
        gain, gain_ci: over the zero router at its own cost, on test.
        exported: it is the one.
        single: it is a single model.
    """

    kind: str
    quality: float
    quality_ci: Range
    usd_per_1k: float
    gain: float
    gain_ci: Range
    exported: bool
    single: bool


class PointQuery(NamedTuple):
    """What decides which point of a front is exported.

    Attributes:
        options: of the study.
        best: candidate alone; alone: candidates that may be exported alone.
    """

    options: Options
    best: FrontPoint
    alone: Sequence[FrontPoint]

    def exported(self, front: Sequence[FrontPoint]) -> OperatingPoint:
        """The point of a front that would be exported.

        Raises:
            TuningError: none meets the bounds.
        """
        bounds, point = self.options.bounds, self.options.point
        return operating_points(front, bounds, self.best, self.alone, point=point)[0]


def tried_kinds(
    fronts: Mapping[str, Sequence[FrontPoint]],
    asked: PointQuery,
    won: str,
    chosen: OperatingPoint,
    testing: ComparisonSet,
) -> list[TriedKind]:
    """Every kind on test; nothing where there is one alone, or none meets the bounds.

    Args:
        fronts: by kind.
        asked: which point of each is looked at.
        won: the exported kind; chosen: its point.
        testing: rows of test, with every scorer.
    """
    if len(fronts) < 2:
        return []
    points = {}
    for kind, front in fronts.items():
        try:
            points[kind] = chosen if kind == won else asked.exported(front)
        except TuningError:
            continue  # its front does not meet the bounds
    found = evaluate(testing, [NamedPolicy(kind, it.point.policy) for kind, it in points.items()])
    return [
        TriedKind(
            it.policy,
            it.quality,
            it.quality_ci,
            it.usd_per_1k,
            it.gain_vs_zero_router,
            it.gain_ci,
            it.policy == won,
            it.single_model,
        )
        for it in found
    ]


def that_gain(
    kinds: Sequence[TriedKind],
    points: Sequence[PointGain],
    usd_per_1k: float,
    testing: ComparisonSet,
) -> list[str]:
    """What gains over the zero router on test beside the exported policy, in sentences.

    Args:
        kinds: that were tried.
        points: the other operating points.
        usd_per_1k: that the exported policy costs on test, and untuned routers spend.
        testing: rows of test.
    """
    gains = [_of_point(it) for it in points]
    gains += [
        _Gain(it.kind, f"`policy={it.kind!r}` exports such a policy", it.gain, it.gain_ci)
        for it in kinds
        if not it.exported
    ]
    baselines = baseline_gains(testing, usd_per_1k / 1000)
    gains += [_Gain(it, OF_BASELINES.get(it, ""), *found) for it, found in baselines.items()]
    return _sentences(gains)


def points_that_gain(points: Sequence[PointGain]) -> list[str]:
    """The part of `that_gain` that is of operating points."""
    return _sentences([_of_point(it) for it in points])


class PointGain(NamedTuple):
    """Gain of an operating point over the zero router on test; intervals hold together.

    Attributes:
        name: of the point.
        gain: in units of quality.
        ci: its interval.
    """

    name: str
    gain: float
    ci: Range


def joint_points(points: Sequence[OperatingPoint], judged: JointFigures) -> tuple[PointGain, ...]:
    """Gains of operating points on test, in 95 % intervals that hold together.

    Args:
        points: the exported one first, which is left out of what is returned.
        judged: their figures on test.
    """
    each = zip(points, judged.figures, judged.gain_ci, strict=True)
    found = [PointGain(it.name, mine.gain_vs_zero_router, ci) for it, mine, ci in each]
    return tuple(found[1:])


def shared_level(
    points: Sequence[OperatingPoint], tested: Sequence[Figures]
) -> tuple[PointGain, ...]:
    """The same where no resamples are at hand: each has its part of the level (Bonferroni).

    Args:
        points: the exported one first; tested: their figures on test.
    """
    level, found = look_level(1) / len(points), []
    for it, figures in zip(points[1:], tested[1:], strict=True):
        gain = figures.gain_vs_zero_router
        found.append(PointGain(it.name, gain, at_level(gain, figures.gain_ci, level)))
    return tuple(found)


def undecided(points: Sequence[PointGain]) -> list[str]:
    """Operating points that may gain what is worth a router, in sentences."""
    return [
        f"{it.name} may be worth it: {100 * it.gain:+z.2f} points"
        f" {bracketed(it.ci, '+.2f', 100)} over the zero router, `point={it.name!r}` exports it"
        for it in sorted(points, key=lambda it: -it.ci[1])
        if it.ci[1] >= MARGIN
    ]


class _Gain(NamedTuple):
    """What a policy gains over the zero router on test, and how it is exported; "" for no way."""

    name: str
    how: str
    gain: float
    ci: Range


def _of_point(it: PointGain) -> _Gain:
    return _Gain(it.name, f"`point={it.name!r}` exports it", it.gain, it.ci)


def _sentences(gains: Sequence[_Gain]) -> list[str]:
    """Of what surely gains, the surest first."""
    return [
        f"{it.name} gains {100 * it.gain:+z.2f} points {bracketed(it.ci, '+.2f', 100)}"
        + (f", and {it.how}" if it.how else "")
        for it in sorted(gains, key=lambda it: -it.ci[0])
        if it.ci[0] > 0
    ]
