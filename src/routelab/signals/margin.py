"""How far the likeliest token was ahead of the next."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from routelab.signals.source import Body, SignalReading, missing
from routelab.signals.token_logprobs import FIX, TokenSignal, logprobs

_WIDEST = 100.0
"""Between two tokens, at most: some endpoints write -9999 for what they did not reckon, and one
such token would outweigh all the others."""


class Margin(TokenSignal, frozen=True):
    """Mean over tokens of the best minus the second-best log-probability, at most 100 each."""

    @property
    def fields(self) -> Body:
        return {"logprobs": True, "top_logprobs": 2}

    @property
    def bounds(self) -> tuple[float, float]:
        return 0.0, _WIDEST

    def __str__(self) -> str:
        return "margin"

    def of(self, tokens: Sequence[Mapping[str, Any]]) -> SignalReading:
        tops = [sorted(logprobs(token.get("top_logprobs")), reverse=True) for token in tokens]
        if any(len(top) < 2 for top in tops):
            return missing("a token lacks the two top_logprobs that a margin needs", FIX)
        gaps = [min(_WIDEST, top[0] - top[1]) for top in tops]
        return SignalReading(math.fsum(gaps) / len(gaps))
