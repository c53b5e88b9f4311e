"""Log-probability of the least likely token."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routelab.signals.source import SignalReading, missing
from routelab.signals.token_logprobs import FIX, TokenSignal, logprobs


class LogprobMin(TokenSignal, frozen=True):
    """Smallest log-probability of the answer's tokens."""

    def __str__(self) -> str:
        return "logprob_min"

    def of(self, tokens: Sequence[Mapping[str, Any]]) -> SignalReading:
        values = logprobs(tokens)
        return SignalReading(min(values)) if values else missing("a token has no logprob", FIX)
