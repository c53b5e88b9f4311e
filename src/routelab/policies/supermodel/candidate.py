"""What asking a model promises, and how far a search goes."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import NamedTuple

NODES = 256
"""Sets looked at before the best one found so far is taken; rarely reached."""


class Candidate(NamedTuple):
    """What asking one model promises.

    The quality that its answer will be judged to have is one of two values with the mean
    `quality`: unresolved they coincide, wholly resolved they are 0 and 1.

    Attributes:
        quality: in [0, 1].
        resolution: in [0, 1]; how much of the uncertainty the judgement of an answer lifts.
        price: of asking, in quality.
    """

    quality: float
    resolution: float
    price: float

    @property
    def low(self) -> float:
        return self.quality * (1.0 - self.resolution)

    @property
    def high(self) -> float:
        return self.quality + self.resolution * (1.0 - self.quality)


def best_single(candidates: Sequence[Candidate]) -> int:
    """The model of greatest quality minus price; of equal ones the first."""
    best, highest = 0, -inf
    for index, it in enumerate(candidates):
        if it.quality - it.price > highest:
            best, highest = index, it.quality - it.price
    return best
