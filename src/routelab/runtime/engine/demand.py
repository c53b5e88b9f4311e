"""Tokens that a call is expected to use, before it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from routelab.core import ANSWER_LIMITS, estimated_tokens

_FIRST = 256.0
"""Tokens of an answer before any was seen."""

_NEW = 0.1
"""Weight of the newest answer in what is usual."""


class TokenDemand:
    """Expects the prompt's estimated tokens, and an answer as long as is granted or usual."""

    __slots__ = ("_usual",)

    def __init__(self) -> None:
        self._usual = _FIRST

    def of(self, body: Mapping[str, Any]) -> float:
        """Tokens that a request body is expected to use in all."""
        newer, older = ANSWER_LIMITS
        granted = body.get(newer, body.get(older))
        answer = self._usual if not isinstance(granted, int) else min(granted, self._usual)
        return estimated_tokens(body.get("messages") or ()) + answer

    def learn(self, completion_tokens: float) -> None:
        """An answer had so many tokens."""
        if not math.isnan(completion_tokens):
            self._usual += _NEW * (completion_tokens - self._usual)
