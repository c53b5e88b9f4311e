"""How a score ranks requests for a weak and a strong model, beside untrained baselines."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from routelab.core import Floats
from routelab.learning.diagnosis.estimates import Draws, Estimate
from routelab.metrics import apgr, cpt, normalised_area


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
    return Ranking(
        n=len(gain),
        apgr=draws.figure(apgr, gain, weak, strong),
        cpt50=draws.figure(_cpt50, gain, weak, strong),
        cpt80=draws.figure(_cpt80, gain, weak, strong),
        # Of areas under a curve that of deferral: the one of risk and coverage barely tells signals
        # apart.
        deferral_area=draws.figure(normalised_area, gain, weak, strong),
        baselines={
            name: draws.figure(apgr, score, weak, strong) for name, score in baselines.items()
        },
        lead={
            name: draws.figure(_lead, gain, score, weak, strong)
            for name, score in baselines.items()
        },
    )


def nothing(reason: str) -> Ranking:
    """A ranking that could not be judged at all."""
    empty = Estimate(None, reason=reason)
    return Ranking(0, empty, empty, empty, empty, {}, {})


def _cpt50(gain: Floats, weak: Floats, strong: Floats) -> float:
    return cpt(gain, weak, strong, 0.5)


def _cpt80(gain: Floats, weak: Floats, strong: Floats) -> float:
    return cpt(gain, weak, strong, 0.8)


def _lead(gain: Floats, baseline: Floats, weak: Floats, strong: Floats) -> float:
    return apgr(gain, weak, strong) - apgr(baseline, weak, strong)
