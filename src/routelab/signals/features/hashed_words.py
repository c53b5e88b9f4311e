"""Which words a prompt has: hashed words and pairs of words."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from routelab.core import Feedback, Floats, Request
from routelab.errors import PolicyError
from routelab.signals.features import words
from routelab.signals.features.passage import passage
from routelab.signals.features.provider import BoundProvider, FeatureProvider
from routelab.signals.features.tensors import Tensors, TensorSpec, take_tensors
from routelab.signals.features.text import capped, text_of
from routelab.signals.features.vector import Vector

MOST = 1024
"""Occurrences of one word that are told apart."""


class HashedWords(FeatureProvider, frozen=True, tag="hashed"):
    """Words and pairs of neighbouring words, hashed by CRC-32, of Euclidean length one.

    Attributes:
        bits: 2**bits columns.
        cap: characters read, half of them from the end.
        tf: a word that occurs t times counts 1 + log t, t, or 1; t is at most `MOST`.
        idf: tensor (2**bits,) float64 that multiplies before the length is made one;
            empty for none.
    """

    bits: int = 16
    cap: int = 8192
    tf: Literal["log", "raw", "binary"] = "log"
    idf: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 24:
            raise PolicyError(f"bits is {self.bits}; it must lie in [1, 24]")
        if not 2 <= self.cap <= 1_000_000:
            raise PolicyError(f"cap is {self.cap} characters; it must lie in [2, 1000000]")

    def bind(self, tensors: Tensors) -> BoundProvider:
        idf = None
        if self.idf:
            (idf,) = take_tensors(tensors, TensorSpec(self.idf, "float64", (2**self.bits,)))
        return _BoundHashed(self, idf)


class _BoundHashed(BoundProvider):
    def __init__(self, spec: HashedWords, idf: Floats | None) -> None:
        self.width = 2**spec.bits
        self._cap = spec.cap
        self._bits = spec.bits
        self._idf = None if idf is None else np.ascontiguousarray(idf)
        self._worth = _worth(spec)

    def vector(self, request: Request, seen: Feedback | None) -> Vector:
        codes = passage(capped(text_of(request), self._cap)).codes
        return Vector(*words.vector(codes, self._bits, self._worth, self._idf))


def _worth(spec: HashedWords) -> Floats:
    """(MOST + 1,) value by number of occurrences."""
    if spec.tf == "log":
        return np.array([0.0, *(1.0 + math.log(times) for times in range(1, MOST + 1))])
    times = np.arange(MOST + 1, dtype=np.float64)
    return times if spec.tf == "raw" else np.minimum(times, 1.0)
