"""The path along the front: from the safest policy to the one that is wanted most."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from routelab.errors import TuningError
from routelab.stats import clt
from routelab.tuning.certify.demand import CertificateDemand
from routelab.tuning.certify.evidence import Claim, Evidence, requests_needed
from routelab.tuning.objectives import FrontPoint

# Each point is replayed on tune, and again on calibrate if it is on the path.
MOST = 200
"""Points of the front that are looked at, evenly along it: a step is half a per cent of them."""


class _Judged(NamedTuple):
    """A point with what tune says of it.

    Attributes:
        price: what is to be small: the cost, or minus the quality.
        needed: requests that would certify it if the figures on tune were true; infinite
            where no number would. The fewer, the safer.
        worst: the claim whose mean lies the least standard errors below its bound.
    """

    point: FrontPoint
    price: tuple[float, float]
    needed: float
    worst: Claim

    @property
    def safety(self) -> float:
        return clt.safety(self.worst.sample, self.worst.bound)


def path(
    pool: Sequence[FrontPoint],
    demands: Sequence[CertificateDemand],
    delta: float,
    tune: Evidence,
    ceiling_usd: float | None = None,
) -> list[FrontPoint]:
    """Points in the order in which they are tested: each is less safe on tune, and better.

    With a bound on regret or quality the least cost is wanted, with one on cost alone the most
    quality. A point is left out where another one is as good and safer: to test it first
    would only risk the sequence. Everything is decided on tune.

    Args:
        pool: points to choose among.
        demands: bounds to prove, together.
        delta: level of the tests, by which points are called safe.
        tune: rows that the order is decided on.
        ceiling_usd: what no request can cost more than, by the user; None where nobody named one.
    Raises:
        TuningError: on tune no point keeps all bounds at once; it says which comes closest.
    """
    cheap = any(demand.goal != "cost" for demand in demands)
    judged = [_judged(point, demands, delta, tune, cheap, ceiling_usd) for point in pool]
    ascending: list[_Judged] = []
    for candidate in sorted(judged, key=lambda candidate: (candidate.price, candidate.needed)):
        if candidate.needed < (ascending[-1].needed if ascending else math.inf):
            ascending.append(candidate)
    if not ascending:
        raise TuningError(
            _out_of_reach(max(judged, key=lambda candidate: candidate.safety), demands)
        )
    return [candidate.point for candidate in reversed(ascending)]


def _judged(
    point: FrontPoint,
    demands: Sequence[CertificateDemand],
    delta: float,
    tune: Evidence,
    cheap: bool,
    ceiling_usd: float | None,
) -> _Judged:
    bounded = any(demand.goal == "cost" for demand in demands)
    ceiling = tune.ceiling(point.policy, ceiling_usd).usd if bounded else None
    claims = tune.claims(demands, point.policy, ceiling)
    needed = requests_needed(claims, delta).rows
    worst = min(claims, key=lambda it: clt.safety(it.sample, it.bound))
    cost, quality = point.score.usd_per_1k, point.score.quality
    price = (cost, -quality) if cheap else (-quality, cost)
    return _Judged(point, price, math.inf if needed is None else needed, worst)


def _out_of_reach(nearest: _Judged, demands: Sequence[CertificateDemand]) -> str:
    claim, mean = nearest.worst, nearest.worst.sample.estimate.mean
    goal = claim.demand.goal
    asked = " with ".join(f"`certify` {demand}" for demand in demands)
    together = " at once" if len(demands) > 1 else ""
    value = -mean if goal == "quality" else mean
    return (
        f"{asked}: no policy keeps {'these' if together else 'this'} on tune{together}; the one"
        f" that comes closest has {goal} {value:.4g}: loosen a bound"
    )
