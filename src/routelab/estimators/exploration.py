"""How much exploration would tell what a log cannot."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from routelab.estimators.logged_decisions import LoggedDecisions
from routelab.estimators.target_decisions import TargetDecisions

EPSILONS = (0.02, 0.05, 0.1, 0.2)
"""Shares of exploration that are weighed against each other."""

_Z = 1.96


class Exploration(msgspec.Struct, frozen=True):
    """What valuing a policy to a given precision would take.

    Attributes:
        epsilon: share of requests whose first model is drawn evenly from all.
        requests: needed in all.
        half_width: of the 95 % interval of quality that they give.
        days: at the log's own pace; None where it has no times.
        extra_usd: that exploring costs over them, beside the logging policy; None where costs are
            not known. Negative where it saves.
        extra_quality: what exploring adds to the mean quality meanwhile, or takes from it; None
            where too little is known.
    """

    epsilon: float
    requests: int
    half_width: float
    days: float | None
    extra_usd: float | None
    extra_quality: float | None

    def __str__(self) -> str:
        days = "" if not self.days or self.days < 0.1 else f", {self.days:.1f} days at this pace"
        money = "" if self.extra_usd is None else f", about {self.extra_usd:+.2f} USD"
        quality = (
            ""
            if self.extra_quality is None
            else f" and {self.extra_quality:+.4f} quality a request meanwhile"
        )
        return (
            f"explore with epsilon {self.epsilon:g} for about {self.requests:,} requests{days}"
            f"{money}{quality}: its quality is then known to ±{self.half_width:g}"
        )


def explorations(
    log: LoggedDecisions,
    target: TargetDecisions,
    *,
    half_width: float = 0.02,
    per_day: float | None = None,
    epsilons: tuple[float, ...] = EPSILONS,
) -> tuple[Exploration, ...]:
    """What each share of exploration would take to value a policy's quality.

    With `Explore(policy, epsilon)` and m models a request on which the policy and the logging one
    agree has weight 1 / (1 - epsilon + epsilon / m) with about that probability, and any other has
    weight m / epsilon. The variance of an estimate is the mean of the inverse probabilities times
    the variance of what the outcome model leaves: all of the logged quality's, to be careful.

    Args:
        log: of the logging policy.
        target: decisions of the policy to be valued.
        half_width: of the 95 % interval, in units of quality.
        per_day: requests that come in a day.
        epsilons: each in (0, 1].
    Source: Horvitz & Thompson 1952, the variance of a weighed mean.
    """
    m = len(log.models)
    agree = float(target.first_of(log).mean())
    variance = _variance(log)
    money, worth = _means(log, "cost_usd"), _means(log, "quality")
    found = []
    for epsilon in epsilons:
        inverse = agree / (1 - epsilon + epsilon / m) + (1 - agree) * m / epsilon
        requests = math.ceil((_Z / half_width) ** 2 * variance * inverse)
        extra = None if money is None else epsilon * requests * money
        found.append(
            Exploration(
                epsilon=epsilon,
                requests=requests,
                half_width=half_width,
                days=None if not per_day else requests / per_day,
                extra_usd=extra,
                extra_quality=None if worth is None else epsilon * worth,
            )
        )
    return tuple(found)


def _variance(log: LoggedDecisions) -> float:
    """Of the logged quality; the largest there is where it is not known."""
    if "quality" not in log.outcomes:
        return 0.25
    known = log.outcomes["quality"].logged
    known = known[~np.isnan(known)]
    return float(np.var(known)) or 0.25 if len(known) else 0.25


def _means(log: LoggedDecisions, name: str) -> float | None:
    """What a model drawn evenly comes to beyond the logging policy, on what is logged of each.

    None where a model was never called: nobody knows.
    """
    if name not in log.outcomes:
        return None
    said = log.outcomes[name]
    first = log.starts
    values, model = said.at_end[first], log.model[first]
    means: list[float] = []
    for column in range(len(log.models)):
        here = values[(model == column) & ~np.isnan(values)]
        if not len(here):
            return None
        means.append(float(here.mean()))
    logged = said.logged[~np.isnan(said.logged)]
    return float(np.mean(means)) - float(logged.mean()) if len(logged) else None
