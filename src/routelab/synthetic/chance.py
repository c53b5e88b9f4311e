"""Random numbers that are the same on every machine and with every numpy.

Only raw bits of PCG64 are used: numpy promises those, and not the streams of `Generator`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import count
from typing import TypeVar

import numpy as np

from routelab.core import Floats, Ints

_T = TypeVar("_T")


class Chance:
    """Independent streams of random arrays, one per name."""

    def __init__(self, seed: int, place: str) -> None:
        self.key = f"{seed}/{place}"

    def uniform(self, name: str, *shape: int) -> Floats:
        """Uniform in (0, 1)."""
        digest = hashlib.sha256(f"{self.key}/{name}".encode()).digest()
        bits = np.random.PCG64(int.from_bytes(digest[:16], "big"))
        raw = bits.random_raw(int(np.prod(shape)))
        return np.asarray(((raw >> 11).astype(np.float64) + 0.5) * 2.0**-53).reshape(shape)

    def normal(self, name: str, *shape: int) -> Floats:
        """Standard normal, by Box and Muller's transform."""
        first, second = np.moveaxis(self.uniform(name, *shape, 2), -1, 0)
        return np.asarray(np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second))

    def index(self, name: str, weights: Sequence[float], n: int) -> Ints:
        """(n,) indices drawn in proportion to the weights."""
        edges = np.cumsum(np.array(weights, dtype=np.float64))
        drawn = np.searchsorted(edges, self.uniform(name, n) * edges[-1], side="right")
        return np.asarray(np.minimum(drawn, len(weights) - 1), dtype=np.int64)


class Picker:
    """A stream of choices for one text, which depends on its key alone."""

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key))
        self._turn = count()

    def below(self, limit: int) -> int:
        """An integer in [0, limit)."""
        digest = hashlib.sha256(f"{self._key}/{next(self._turn)}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def one(self, choices: Sequence[_T]) -> _T:
        """One of the choices, each equally likely."""
        return choices[self.below(len(choices))]

    def shuffled(self, choices: Sequence[_T]) -> list[_T]:
        """All of the choices, in an order of their own."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in choices]
