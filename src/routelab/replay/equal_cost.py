"""Untuned routers that spend as much as a policy, also in every resample.

Their share is chosen on the rows at hand, so that they cost what the policy costs. Held fixed in
resamples they would cost more or less there, and a gain over them would look surer than it is. So
the share moves with the resample: to first order, quality moves by what a dollar buys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.metrics import exact_mean
from routelab.replay import baselines
from routelab.replay.baselines import BaselineOutcome
from routelab.replay.comparison_set import ComparisonSet
from routelab.replay.measure import Measure
from routelab.replay.result import Replay

_STEP = 0.05
"""Of the range of the models' mean costs, by which a cost is moved to see what it buys."""

_EQUAL = 1e-6
"""Relative difference up to which two costs are called equal."""


class MatchedRouter(NamedTuple):
    """An untuned router at a policy's cost.

    Attributes:
        outcome: on every request.
        slope: quality that another USD a request buys it; 0 where it cannot spend as much.
    """

    outcome: BaselineOutcome
    slope: float


def routers(
    comparison: ComparisonSet, fixed: list[Replay], cost_usd: float
) -> dict[str, MatchedRouter]:
    """The routers that the log has what is needed for, by name.

    Args:
        fixed: what each candidate alone does.
        cost_usd: what they are to spend a request.
    """
    kinds: dict[str, Callable[[float], BaselineOutcome | None]] = {
        baselines.RANDOM_MIX: lambda at: baselines.random_mix(fixed, at),
        baselines.PROMPT_LENGTH: lambda at: baselines.prompt_length(comparison.log, fixed, at),
    }
    kinds |= {name: it.at for name, it in comparison.learned.by_name.items()}
    costs = [exact_mean(it.cost_usd) for it in fixed]
    step = _STEP * (max(costs) - min(costs))
    found = {}
    for name, router in kinds.items():
        here, below, above = router(cost_usd), router(cost_usd - step), router(cost_usd + step)
        if here is not None and below is not None and above is not None:
            found[name] = MatchedRouter(here, _slope(here, below, above, cost_usd))
    return found


def refitted(router: Measure, policy: Measure, slope: float, models: Sequence[Measure]) -> Measure:
    """A router whose share is chosen again in every resample, to cost what the policy costs.

    What a dollar buys differs between resamples too, by as much as it does where the share of the
    dearest model is raised at random.

    Args:
        router: with the share of the whole sample.
        slope: see `MatchedRouter`.
        models: the candidates alone.
    """
    if not slope:
        return router
    rising = sorted(models, key=lambda it: it.cost_usd)
    cheap, dear = rising[0], rising[-1]
    bought = slope * (dear.cost_usd - cheap.cost_usd)
    apart = np.maximum(dear.costs_usd - cheap.costs_usd, _EQUAL * dear.costs_usd)
    per_usd = np.divide(bought, apart, out=np.zeros_like(apart), where=apart > 0.0)  # all free
    return router._replace(
        qualities=router.qualities + per_usd * (policy.costs_usd - router.costs_usd),
        costs_usd=policy.costs_usd,
        slope=slope,
    )


def chord(low: Measure, high: Measure, policy: Measure) -> Measure:
    """The mixture of two models that costs what a policy costs, in every resample.

    Args:
        low, high: of either side of the policy's cost; one that costs less than the cheaper
            takes it alone, one that costs more than the dearer takes that.
    """
    share = float(_share(low.cost_usd, high.cost_usd, np.array(policy.cost_usd)))
    shares = _share(low.costs_usd, high.costs_usd, policy.costs_usd)
    apart = high.cost_usd - low.cost_usd
    one, other = low.sums, high.sums
    return Measure(
        low.quality + share * (high.quality - low.quality),
        policy.cost_usd,
        low.qualities + shares * (high.qualities - low.qualities),
        policy.costs_usd,
        one._replace(
            quality=one.quality + share * (other.quality - one.quality),
            cost_usd=one.cost_usd + share * (other.cost_usd - one.cost_usd),
        ),
        (high.quality - low.quality) / apart if 0.0 < share < 1.0 else 0.0,
    )


def _share(low: Floats | float, high: Floats | float, at: Floats) -> Floats:
    """Of the dearer one, in [0, 1], so that both together cost this much."""
    apart = np.asarray(high - low)
    some = apart > _EQUAL * np.asarray(high)
    return np.clip(np.where(some, (at - low) / np.where(some, apart, 1.0), at > low), 0.0, 1.0)


def _slope(
    here: BaselineOutcome, below: BaselineOutcome, above: BaselineOutcome, cost_usd: float
) -> float:
    if abs(exact_mean(here.cost_usd) - cost_usd) > _EQUAL * cost_usd:
        return 0.0
    apart = exact_mean(above.cost_usd) - exact_mean(below.cost_usd)
    if apart <= 0.0:
        return 0.0
    return (exact_mean(above.quality) - exact_mean(below.quality)) / apart
