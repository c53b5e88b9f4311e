"""Figures of policies from sums by bucket."""

from __future__ import annotations

from collections.abc import Sequence

from routelab.metrics import random_mix_of
from routelab.replay import (
    SELF,
    Figures,
    Measure,
    NamedPolicy,
    RestOfLog,
    chord,
    figures,
)
from routelab.replay.partitions import Moments


def evaluated(
    moments: Moments,
    policies: Sequence[NamedPolicy],
    models: Sequence[str],
    part: str,
    seed: int,
    log_requests: int = 0,
) -> list[Figures]:
    """Figures as `routelab.replay.evaluate` has them.

    Baselines that look at prompts, or learn from the train part, are left out.

    Args:
        log_requests: of the whole log, which say how dear one may be.
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
            rest=RestOfLog(max(0, log_requests - moments.n)),
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

    return chord(weak, strong, policy) if 0.0 < at.share < 1.0 else (strong if at.share else weak)
