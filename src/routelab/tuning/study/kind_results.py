"""What each kind and each untuned router came to on test, the exported one or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from routelab.core.messages import bracketed
from routelab.errors import TuningError
from routelab.replay import ComparisonSet, NamedPolicy, Range, baseline_gains, evaluate
from routelab.tuning.objectives import FrontPoint, OperatingPoint, operating_points
from routelab.tuning.options import Options
from routelab.tuning.tuners import TASK_MEAN

OF_BASELINES = {"task_mean": f"`policy={TASK_MEAN!r}`"}
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


def tried_kinds(
    fronts: Mapping[str, Sequence[FrontPoint]],
    shares: Mapping[str, float],
    won: str,
    chosen: OperatingPoint,
    options: Options,
    best: FrontPoint,
    alone: Sequence[FrontPoint],
    testing: ComparisonSet,
) -> list[TriedKind]:
    """Every kind on test; nothing where there is one alone, or none meets the bounds.

    Args:
        fronts: by kind, on tune.
        shares: by kind, of the best model's quality that is asked for.
        won: the exported kind; chosen: its point.
        options: of the study.
        best: candidate alone; alone: candidates that may be exported alone.
        testing: rows of test, with every scorer.
    """
    if len(fronts) < 2:
        return []
    points = {}
    for kind, front in fronts.items():
        try:
            points[kind] = (
                chosen
                if kind == won
                else operating_points(
                    front,
                    options.bounds,
                    best,
                    alone,
                    point=options.point,
                    share=shares[kind],
                )[0]
            )
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
            it.escalation_rate == 0 and max(it.model_share.values()) == 1.0,
        )
        for it in found
    ]


def that_gain(
    kinds: Sequence[TriedKind],
    points: Sequence[tuple[str, float, Range]],
    testing: ComparisonSet,
    usd_per_1k: float,
) -> list[str]:
    """What gains over the zero router on test beside the exported policy, in sentences.

    Args:
        kinds: that were tried.
        points: name, gain and interval of the operating points that are not exported.
        testing: rows of test.
        usd_per_1k: what the exported policy costs, and untuned routers may.
    """
    gains = [(f"`point={name!r}`", name, gain, ci) for name, gain, ci in points]
    gains += [
        (f"`policy={it.kind!r}`", it.kind, it.gain, it.gain_ci) for it in kinds if not it.exported
    ]
    for name, (gain, ci) in baseline_gains(testing, usd_per_1k / 1000).items():
        gains.append((OF_BASELINES.get(name, ""), name, gain, ci))
    return [
        f"{name} gains {100 * gain:+z.2f} points {bracketed(ci, '+.2f', 100)}"
        + (f", and {how} exports it" if how else "")
        for how, name, gain, ci in sorted(gains, key=lambda it: -it[3][0])
        if ci[0] > 0
    ]
