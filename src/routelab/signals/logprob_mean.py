"""Mean token log-probability."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from routelab.signals.source import SignalReading, missing
from routelab.signals.token_logprobs import FIX, TokenSignal, logprobs


class LogprobMean(TokenSignal, frozen=True):
    """Mean over the answer's tokens of their log-probability."""

    def __str__(self) -> str:
        return "logprob_mean"

    def of(self, tokens: Sequence[Mapping[str, Any]]) -> SignalReading:
        values = logprobs(tokens)
        if not values:
            return missing("a token has no logprob", FIX)
        return SignalReading(math.fsum(values) / len(values))
