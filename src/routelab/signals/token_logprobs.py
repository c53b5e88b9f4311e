"""Token log-probabilities of a chat completion, for the signals that are made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routelab.core import Request
from routelab.signals.source import Body, SignalReading, SignalSource, missing, number

FIX = (
    "use an endpoint that honours logprobs=true, or another source,"
    " for example signals={NAME: 'agreement:3'} or 'column:FIELD'"
)


class TokenSignal(SignalSource, frozen=True):
    """A signal computed from the tokens of one answer."""

    @property
    def fields(self) -> Body:
        return {"logprobs": True}

    @property
    def bounds(self) -> tuple[float, float]:
        return _LEAST, 0.0

    def read(self, request: Request, bodies: Sequence[Body | None]) -> SignalReading:
        tokens = _tokens(bodies[0])
        if not tokens:
            return missing("the response has no token logprobs", FIX)
        return self.of(tokens)

    def of(self, tokens: Sequence[Mapping[str, Any]]) -> SignalReading:
        """The signal of these tokens, at least one."""
        raise TypeError(f"{type(self).__name__} does not define of")


_LEAST = -9999.0
"""As OpenAI writes a probability of next to nothing; lower ones, -inf included, are as good."""
_ROUNDED = 1e-3
"""Above 0 by no more than this is 0, rounded; by more it is no logarithm of a probability."""


def logprobs(tokens: object) -> list[float]:
    """Log-probability of every token, from -9999 to 0; empty if one has none."""
    if not isinstance(tokens, list):
        return []
    values = [
        _logprob(token.get("logprob")) if isinstance(token, dict) else None for token in tokens
    ]
    return [value for value in values if value is not None] if None not in values else []


def _logprob(value: object) -> float | None:
    """A log-probability; None of what can be none."""
    known = None if isinstance(value, bool) else number(value)
    if known is None or not known <= _ROUNDED:  # NaN too
        return None
    return min(0.0, max(_LEAST, known))


def _tokens(body: Body | None) -> list[Mapping[str, Any]]:
    try:
        content = body["choices"][0]["logprobs"]["content"]  # type: ignore[index]
    except (KeyError, IndexError, TypeError):
        return []
    tokens = content if isinstance(content, list) else []
    return tokens if all(isinstance(token, dict) for token in tokens) else []
