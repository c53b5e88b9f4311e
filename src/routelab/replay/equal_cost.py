"""Untuned routers that spend as much as a policy, also in every resample.

Their share is chosen on the rows at hand, so that they cost what the policy costs. Held fixed in
resamples they would cost more or less there, and a gain over them would look surer than it is. So
the share moves with the resample: to first order, quality moves by what a dollar buys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

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


def refitted(router: Measure, policy: Measure, slope: float) -> Measure:
    """A router whose share is chosen again in every resample, to cost what the policy costs.

    Args:
        router: with the share of the whole sample.
        slope: see `MatchedRouter`.
    """
    if not slope:
        return router
    more = policy.costs_usd - router.costs_usd
    sums = router.sums
    moved = sums.quality + slope * (policy.sums.cost_usd - sums.cost_usd)
    return router._replace(
        qualities=router.qualities + slope * more,
        costs_usd=policy.costs_usd,
        sums=sums._replace(quality=moved, cost_usd=policy.sums.cost_usd),
    )


def _slope(
    here: BaselineOutcome, below: BaselineOutcome, above: BaselineOutcome, cost_usd: float
) -> float:
    if abs(exact_mean(here.cost_usd) - cost_usd) > _EQUAL * cost_usd:
        return 0.0
    apart = exact_mean(above.cost_usd) - exact_mean(below.cost_usd)
    if apart <= 0.0:
        return 0.0
    return (exact_mean(above.quality) - exact_mean(below.quality)) / apart
