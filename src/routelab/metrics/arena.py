"""The score of the RouterArena leader board: accuracy with a small weight on cost."""

from __future__ import annotations

import math

_DEAREST = 200.0
_CHEAPEST = 0.0044
_BETA = 0.1


def arena_score(quality: float, usd_per_1k: float) -> float:
    """Weighted harmonic mean of quality and of cost on a logarithmic scale.

    Args:
        quality: mean, in [0, 1].
        usd_per_1k: USD per 1,000 requests, above zero; the scale has 1 at 0.0044 and 0 at
            200, beyond which the score stays 0.
    Raises:
        ValueError: quality outside [0, 1], or a cost that is not above zero and finite.
    Source: RouterArena, arXiv 2510.00202.
    """
    if not 0.0 <= quality <= 1.0:
        raise ValueError(f"quality is {quality}; it must lie in [0, 1]")
    if not 0.0 < usd_per_1k < math.inf:
        raise ValueError(f"usd_per_1k is {usd_per_1k}; the score needs a finite cost above zero")
    thrift = math.log2(_DEAREST / usd_per_1k) / math.log2(_DEAREST / _CHEAPEST)
    if thrift <= 0.0:
        return 0.0
    return (1.0 + _BETA) * quality * thrift / (_BETA * quality + thrift)
