"""Logged outcomes as chat completions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from routelab.core.messages import counted
from routelab.logs.model import Log
from routelab.replay import call_usd
from routelab.simulate.answers.replay_error import ReplayError

NOT_LOGGED = "(answer not logged)"
"""The text that is served where the log has an answer's outcome without its text."""
_BLOCK = 8192
"""Answers of one model that are read from disk at once."""


class Outcomes:
    """The outcomes of a log, as the response bodies of an OpenAI-compatible endpoint.

    Args:
        texts: give the text of answers, which is read from disk.
    """

    def __init__(self, log: Log, *, texts: bool = True) -> None:
        self._log = log
        self._texts = log.texts if texts else None
        self._block = lru_cache(maxsize=64)(self._read_block)
        self._samples = (self, *(Outcomes(it, texts=texts) for it in log.again))

    def sample(self, number: str | None) -> Outcomes:
        """These outcomes for another sample of each model; for the first one where none is named.

        Args:
            number: of the sample, from 0, as text; None for the first.
        Raises:
            ReplayError: 404 if the log has no such sample.
        """
        if number is None:
            return self
        at = int(number) if number.isascii() and number.isdigit() else -1
        if not 0 <= at < len(self._samples):
            have = len(self._samples)
            raise ReplayError(
                404,
                "not_observed",
                f"the log has {counted(have, 'sample')} of each model,"
                f" and sample {number} is wanted",
            )
        return self._samples[at]

    def completion(self, row: int, column: int, model: str, need: Sequence[str] | None) -> Any:
        """The answer as a chat completion.

        Args:
            row, column: of the log.
            model: as the request named it.
            need: signals to give and to charge for; None gives all and charges for none.
        Raises:
            ReplayError: 404 if the outcome was not observed, 500 if the logged call failed.
        """
        log, request_id = self._log, str(self._log.requests.id[row])
        what = f"{log.models[column]!r} on request {request_id!r}"
        if log.error[row, column]:
            usage = self._usage(row, column, need or ())
            raise ReplayError(500, "logged_error", f"the logged call of {what} failed", usage)
        if math.isnan(log.quality[row, column]):
            raise ReplayError(404, "not_observed", f"the log has no outcome of {what}")
        text = self.text(row, column)
        message = {"role": "assistant", "content": NOT_LOGGED if text is None else text}
        signals = {name: self._signal(name, row, column) for name in need or ()}
        if need is None:
            signals = {name: self._signal(name, row, column) for name in log.signals}
        return {
            "id": f"replay-{request_id}",
            "object": "chat.completion",
            "created": 0,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": self._usage(row, column, need or ()),
            "routelab": {"signals": signals},
        }

    def tokens(self, row: int, column: int) -> float:
        """Tokens of an answer; 1 where they were not observed."""
        return max(1.0, _known(self._log.completion_tokens[row, column]) or 1.0)

    def text(self, row: int, column: int) -> str | None:
        """Text of an answer; None if the log does not hold it."""
        return self._block(row // _BLOCK, column)[row % _BLOCK]

    def cost_usd(self, row: int, column: int, need: Sequence[str]) -> float | None:
        """USD of an answer with some signals; None if it is not known.

        Args:
            row, column: of the log.
            need: signals to charge for.
        """
        return _known(call_usd(self._log, tuple(need), (row, column)))

    def quality(self, row: int, column: int) -> float:
        """Quality of an answer, in [0, 1]; NaN if it was not observed."""
        return float(self._log.quality[row, column])

    def latency_s(self, row: int, column: int) -> float:
        """Logged latency in seconds; 0 if it was not observed."""
        return _known(self._log.latency_s[row, column]) or 0.0

    def _signal(self, name: str, row: int, column: int) -> float | None:
        values = self._log.signals.get(name)
        return None if values is None else _known(values[row, column])

    def _usage(self, row: int, column: int, need: Sequence[str]) -> dict[str, Any]:
        log = self._log
        prompt, completion = (
            int(_known(tokens[row, column]) or 0)
            for tokens in (log.prompt_tokens, log.completion_tokens)
        )
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "cost": self.cost_usd(row, column, need),
        }

    def _read_block(self, block: int, column: int) -> list[str | None]:
        rows = np.arange(block * _BLOCK, min((block + 1) * _BLOCK, len(self._log)))
        if self._texts is None:
            return [None] * len(rows)
        return self._texts.responses(rows, self._log.models[column])


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
