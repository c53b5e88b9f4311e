"""One attempt at a deployment: how its answer is read, streamed or not, timed, priced, judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.runtime.attempts.attempt import attempt

if TYPE_CHECKING:
    from routelab.runtime.attempts.assembly import whole_message
    from routelab.runtime.attempts.classify import AttemptResult
    from routelab.runtime.attempts.failures import Failure, failure_classes
    from routelab.runtime.attempts.pieces import DONE, single_chunk, sse_event, word_chunks
    from routelab.runtime.attempts.shaping import STREAM_OPTIONS, refused_fields
    from routelab.runtime.attempts.streamed_attempt import PieceSink
    from routelab.runtime.attempts.usage import (
        Cost,
        ServedPrices,
        combined_multiplier,
        response_cost,
        token_usage,
        used_tokens,
    )
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AttemptResult": "classify",
            "Cost": "usage",
            "DONE": "pieces",
            "Failure": "failures",
            "PieceSink": "streamed_attempt",
            "STREAM_OPTIONS": "shaping",
            "ServedPrices": "usage",
            "combined_multiplier": "usage",
            "failure_classes": "failures",
            "refused_fields": "shaping",
            "response_cost": "usage",
            "single_chunk": "pieces",
            "sse_event": "pieces",
            "token_usage": "usage",
            "used_tokens": "usage",
            "whole_message": "assembly",
            "word_chunks": "pieces",
        },
    )

__all__ = [
    "DONE",
    "STREAM_OPTIONS",
    "AttemptResult",
    "Cost",
    "Failure",
    "PieceSink",
    "ServedPrices",
    "attempt",
    "combined_multiplier",
    "failure_classes",
    "refused_fields",
    "response_cost",
    "single_chunk",
    "sse_event",
    "token_usage",
    "used_tokens",
    "whole_message",
    "word_chunks",
]
