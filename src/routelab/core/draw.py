"""Randomness that anybody can repeat: a uniform number from a hash of who asks."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate

_TO_UNIT = 2.0**-53


def uniform(seed: int, key: str, name: str) -> float:
    """A uniform number in [0, 1) that depends only on its arguments.

    Args:
        seed: of the policy.
        key: of the request, usually its id.
        name: of the decision, so that two decisions on one request are independent.
    """
    text = f"{seed}\x1f{key}\x1f{name}".encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11) * _TO_UNIT


def pick(unit: float, probabilities: Sequence[float]) -> int:
    """Index of the choice that a uniform number falls on.

    Rounding may leave the sum a little under one; what is above it falls on the last
    choice that can happen.
    """
    last = max(index for index, p in enumerate(probabilities) if p > 0.0)
    for index, edge in enumerate(accumulate(probabilities)):
        if unit < edge:
            return index
    return last
