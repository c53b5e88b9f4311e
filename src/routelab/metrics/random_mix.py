"""The random mix: a coin between the cheapest and the best model, whatever the request is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class RandomMix(NamedTuple):
    """How the random mix spends a given cost.

    It is the simplest router there is. The zero router is the best mixture of any two models, so
    that the random mix is never above it.

    Attributes:
        weak: index of the cheapest model, of equals the best, of equals the first.
        strong: index of the best model, of equals the cheapest, of equals the first.
        share: of requests that go to the strong model, in [0, 1].
    """

    weak: int
    strong: int
    share: float


def random_mix_of(cost: Sequence[float], quality: Sequence[float], at: float) -> RandomMix:
    """The random mix of some models at a cost.

    Below the cheapest model's cost it is that model, above the best one's the best.

    Args:
        cost: (m,) means of the models, in any unit.
        quality: (m,) means of the models.
        at: what is to be spent, in the unit of `cost`.
    """
    every = range(len(cost))
    weak = min(every, key=lambda it: (cost[it], -quality[it]))
    strong = max(every, key=lambda it: (quality[it], -cost[it]))
    room = cost[strong] - cost[weak]
    share = float(np.clip((at - cost[weak]) / room, 0.0, 1.0)) if room > 0 else 0.0
    return RandomMix(weak, strong, share)
