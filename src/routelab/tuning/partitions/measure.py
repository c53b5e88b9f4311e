"""Figures of policies from sums by bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from routelab.core import Floats
from routelab.metrics import random_mix_of
from routelab.replay import (
    SELF,
    Figures,
    Measure,
    NamedPolicy,
    OutcomeSums,
    figures,
    refitted,
)
from routelab.replay.partitions import Moments

_Mean = TypeVar("_Mean", float, Floats)


def evaluated(
    moments: Moments, policies: Sequence[NamedPolicy], models: Sequence[str], part: str, seed: int
) -> list[Figures]:
    """Figures as `routelab.replay.evaluate` has them.

    Baselines that look at prompts, or learn from the train part, are left out.
    """
    every = moments.measures(seed)
    k = len(policies)
    alone = every[k : k + len(models)]
    shared = {f"fixed:{name}": measure for name, measure in zip(models, alone, strict=True)}
    shared["oracle"] = every[-1]
    return [
        figures(
            named.name,
            part,
            moments.did(at, models),
            {**shared, SELF: every[at], "random_mix": random_mix(alone, every[at])},
        )
        for at, named in enumerate(policies)
    ]


def random_mix(alone: Sequence[Measure], policy: Measure) -> Measure:
    """The random mix of the models alone, as `routelab.metrics.random_mix_of` has it.

    Args:
        policy: whose cost it is mixed to spend, in every resample.
    """
    costs = [it.cost_usd for it in alone]
    at = random_mix_of(costs, [it.quality for it in alone], policy.cost_usd)
    weak, strong = alone[at.weak], alone[at.strong]

    def mixed(one: _Mean, other: _Mean) -> _Mean:
        return one + at.share * (other - one)

    mix = Measure(
        mixed(weak.quality, strong.quality),
        mixed(weak.cost_usd, strong.cost_usd),
        mixed(weak.qualities, strong.qualities),
        mixed(weak.costs_usd, strong.costs_usd),
        OutcomeSums(
            mixed(weak.sums.quality, strong.sums.quality),
            mixed(weak.sums.cost_usd, strong.sums.cost_usd),
            weak.sums.sizes,
        ),
    )
    if not 0.0 < at.share < 1.0:
        return mix
    slope = (strong.quality - weak.quality) / (strong.cost_usd - weak.cost_usd)
    return refitted(mix, policy, slope)
