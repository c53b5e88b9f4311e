"""A quantile of the token log-probabilities.

Source: Gupta et al. 2024, arXiv 2404.10136.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routelab.errors import PolicyError
from routelab.signals.source import SignalReading, missing
from routelab.signals.token_logprobs import FIX, TokenSignal, logprobs


class LogprobQuantile(TokenSignal, frozen=True):
    """Quantile `q` of the answer's token log-probabilities, interpolated linearly."""

    q: float

    @classmethod
    def parse(cls, argument: str) -> LogprobQuantile:
        """The source that `logprob_q:ARGUMENT` names.

        Raises:
            PolicyError: the argument is no number in [0, 1].
        """
        try:
            q = float(argument)
        except ValueError:
            q = -1.0
        if not 0.0 <= q <= 1.0:
            raise PolicyError(
                f"logprob_q:{argument}: the quantile must lie in [0, 1], as in logprob_q:0.1"
            )
        return cls(q)

    def __str__(self) -> str:
        return f"logprob_q:{self.q:g}"

    def of(self, tokens: Sequence[Mapping[str, Any]]) -> SignalReading:
        values = sorted(logprobs(tokens))
        if not values:
            return missing("a token has no logprob", FIX)
        position = self.q * (len(values) - 1)
        below = int(position)
        above = min(below + 1, len(values) - 1)
        return SignalReading(values[below] + (values[above] - values[below]) * (position - below))
