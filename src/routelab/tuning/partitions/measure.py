"""Figures of policies from sums by bucket."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from routelab.replay import SELF, Figures, Measure, NamedPolicy, figures
from routelab.replay.partitions import Moments


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
            {**shared, SELF: every[at], "random_mix": random_mix(alone, every[at].cost_usd)},
        )
        for at, named in enumerate(policies)
    ]


def random_mix(alone: Sequence[Measure], cost_usd: float) -> Measure:
    """Cheapest and best model at random, mixed to spend `cost_usd` a request."""
    weak = min(alone, key=lambda it: it.cost_usd)
    strong = max(alone, key=lambda it: (it.quality, -it.cost_usd))
    room = strong.cost_usd - weak.cost_usd
    share = float(np.clip((cost_usd - weak.cost_usd) / room, 0.0, 1.0)) if room > 0 else 0.0
    return Measure(
        weak.quality + share * (strong.quality - weak.quality),
        weak.cost_usd + share * (strong.cost_usd - weak.cost_usd),
        weak.qualities + share * (strong.qualities - weak.qualities),
        weak.costs_usd + share * (strong.costs_usd - weak.costs_usd),
    )
