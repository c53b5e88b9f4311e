"""The 95 % intervals of a policy's figures; `routelab.stats` decides how each is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs

from routelab.replay.measure import Measure
from routelab.stats import Interval, IntervalMethod, MethodInterval, bounded_interval, cost_interval


def quality(it: Measure) -> MethodInterval:
    """Of the mean quality, in [0, 1]."""
    sums = it.sums
    return bounded_interval(it.quality, it.qualities, [sums.quality], sums.sizes, low=0.0, high=1.0)


def cost(it: Measure) -> MethodInterval:
    """Of the mean cost, in USD per 1,000 requests."""
    sums = it.sums
    return cost_interval(
        1000 * it.cost_usd, 1000 * it.costs_usd, 1000 * sums.cost_usd, sums.sizes, least=0.0
    )


def quality_difference(one: Measure, other: Measure) -> MethodInterval:
    """Of the quality of one minus that of the other."""
    value = one.quality - other.quality
    samples = one.qualities - other.qualities
    sums = one.sums.quality - other.sums.quality
    found = bounded_interval(value, samples, [sums], one.sums.sizes, low=-1.0, high=1.0)
    if same(one, other):
        return found._replace(ends=Interval(value, value))
    return found


def saving(policy: Measure, other: Measure) -> MethodInterval:
    """Of what the policy costs less than the other, in USD per 1,000 requests."""
    return cost_interval(
        1000 * (other.cost_usd - policy.cost_usd),
        1000 * (other.costs_usd - policy.costs_usd),
        1000 * (other.sums.cost_usd - policy.sums.cost_usd),
        policy.sums.sizes,
    )


def saving_share(policy: Measure, other: Measure) -> Interval | None:
    """Of the same as a share of the other's cost; None where that costs nothing.

    A ratio of costs that are heavy together is not heavy itself, so it is treated as its
    linearisation, `(saved - share * cost) / mean cost`, group by group.
    """
    if other.cost_usd <= 0 or not bool((other.costs_usd > 0).all()):
        return None
    share = 1.0 - policy.cost_usd / other.cost_usd
    kept = 1.0 - share
    off = (kept * other.sums.cost_usd - policy.sums.cost_usd) / other.cost_usd
    found = cost_interval(
        share,
        1.0 - policy.costs_usd / other.costs_usd,
        off + share * policy.sums.sizes,
        policy.sums.sizes,
    )
    return Interval(found.ends.low, min(1.0, found.ends.high))


def gain(policy: Measure, zero: Measure, models: Sequence[Measure]) -> MethodInterval:
    """Of the gain over the zero router, which is refitted in every resample.

    The zero router is a maximum over mixtures, and a maximum of noisy values is too high. Where
    several models lie on one line of the hull the percentile interval of the gain is therefore too
    low (it covered .91 at 1,000 requests), so its upper end is raised to the mirror image of
    the lower one (.96).

    Args:
        policy: whose gain it is.
        zero: the zero router at its cost.
        models: the candidates, of which the zero router is a mixture. A policy that is one of
            them gains nothing whatever else may come, so that nothing rare is looked for.
    """
    value = policy.quality - zero.quality
    beside = () if any(same(policy, it) for it in models) else _beside(policy, models)
    apart = [policy.sums.quality - it.sums.quality for it in beside]
    found = bounded_interval(
        value, policy.qualities - zero.qualities, apart, policy.sums.sizes, low=-1.0, high=1.0
    )
    low, high = found.ends
    return found._replace(ends=Interval(low, min(1.0, max(high, 2 * value - low))))


def methods(policy: Measure, made: Mapping[str, MethodInterval]) -> dict[str, IntervalMethod]:
    """How these intervals of a policy were made, with the blocks of time that were resampled."""
    length = policy.sums.block
    return {
        name: it.method
        if length == 1
        else structs.replace(
            it.method,
            reason="; ".join(
                filter(
                    None, (f"neighbours in time are alike: blocks of {length}", it.method.reason)
                )
            ),
        )
        for name, it in made.items()
    }


def same(one: Measure, other: Measure) -> bool:
    """Whether both do the same in every group."""
    return all(
        np.array_equal(mine, theirs)
        for mine, theirs in (
            (one.sums.quality, other.sums.quality),
            (one.sums.cost_usd, other.sums.cost_usd),
        )
    )


def _beside(policy: Measure, models: Sequence[Measure]) -> tuple[Measure, ...]:
    """The candidates next to the policy by cost."""
    rising = sorted(models, key=lambda it: it.cost_usd)
    below = [it for it in rising if it.cost_usd <= policy.cost_usd][-1:]
    above = [it for it in rising if it.cost_usd > policy.cost_usd][:1]
    return (*below, *above)
