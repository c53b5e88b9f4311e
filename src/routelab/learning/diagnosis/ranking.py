"""How a score ranks requests for a weak and a strong model, beside untrained baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import msgspec

from routelab.core import Floats
from routelab.learning.diagnosis.estimates import Draws, Estimate
from routelab.metrics import DeferralCurve, deferral_curve


class Ranking(msgspec.Struct, frozen=True):
    """How well a score ranks requests by what the strong model would gain over the weak one.

    Attributes:
        n: rows judged.
        apgr: average performance gap recovered, over all shares of strong calls; 0.5 is random
            routing.
        cpt50, cpt80: call-performance thresholds: smallest share of strong calls, in [0, 1], that
            recovers half, or .8, of the gap.
        deferral_area: area under the deferral curve; 0 is random, 1 the oracle.
        baselines: `apgr` of prompt length and task mean on the same rows.
        lead: `apgr` minus that of each baseline, on the same resamples.
    Source: RouteLLM, arXiv 2406.18665 (APGR, CPT); Jitkrittum et al. 2023 (deferral curve).
    """

    n: int
    apgr: Estimate
    cpt50: Estimate
    cpt80: Estimate
    deferral_area: Estimate
    baselines: Mapping[str, Estimate]
    lead: Mapping[str, Estimate]


def rank(
    gain: Floats, weak: Floats, strong: Floats, baselines: Mapping[str, Floats], draws: Draws
) -> Ranking:
    """Judge expected gains (n,) by the quality (n,) that each model had.

    Args:
        gain: (n,) the score; the greater, the sooner a request goes to the strong model.
        weak, strong: (n,) quality of either model.
        baselines: (n,) other scores by name.
        draws: resamples of these rows.
    """
    metrics: dict[str, Callable[[_Curves], float]] = {
        "apgr": lambda it: it.own.apgr,
        "cpt50": lambda it: it.own.cpt(0.5),
        "cpt80": lambda it: it.own.cpt(0.8),
        # Of areas under a curve that of deferral: the one of risk and coverage barely tells signals
        # apart.
        "deferral_area": lambda it: it.own.normalised_area(it.weak, it.strong),
    }
    for at, name in enumerate(baselines):
        metrics[f"of {name}"] = partial(_baseline, at)
        metrics[f"over {name}"] = partial(_lead, at)
    found = draws.figures(_curves, metrics, weak, strong, gain, *baselines.values())
    return Ranking(
        n=len(gain),
        apgr=found["apgr"],
        cpt50=found["cpt50"],
        cpt80=found["cpt80"],
        deferral_area=found["deferral_area"],
        baselines={name: found[f"of {name}"] for name in baselines},
        lead={name: found[f"over {name}"] for name in baselines},
    )


def nothing(reason: str) -> Ranking:
    """A ranking that could not be judged at all."""
    empty = Estimate(None, reason=reason)
    return Ranking(0, empty, empty, empty, empty, {}, {})


class _Curves(NamedTuple):
    """What every figure is of, so that requests are put in order once for all of them."""

    weak: Floats
    strong: Floats
    own: DeferralCurve
    baselines: tuple[DeferralCurve, ...]


def _curves(weak: Floats, strong: Floats, gain: Floats, *baselines: Floats) -> _Curves:
    of = tuple(deferral_curve(it, weak, strong) for it in baselines)
    return _Curves(weak, strong, deferral_curve(gain, weak, strong), of)


def _baseline(at: int, it: _Curves) -> float:
    return it.baselines[at].apgr


def _lead(at: int, it: _Curves) -> float:
    return it.own.apgr - it.baselines[at].apgr
