"""What drivers tell a policy of a log's requests, each thing read or computed once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.core import (
    AnswerQuery,
    Bools,
    Feedback,
    Floats,
    Ints,
    LazyMapping,
    Message,
    Request,
    Scoring,
    estimated_tokens,
    objects,
    reads_of,
)
from routelab.errors import LogError
from routelab.logs.model import Log
from routelab.signals import script
from routelab.signals.features import text_of

BLOCK = 2048
"""Requests whose prompts are held at once."""


class RequestCache:
    """Prompts, scores and properties of the requests (n) of one log.

    Attributes:
        scores: scorer to (n, k) predictions before any answer.
        after: to (n, k) predictions after an answer.
        outputs: scorer to what its k columns stand for.
        about: (n,) task, tenant, priority, needs, characters and script.
        tokens: (n,) estimated tokens of prompts that may have more than a number of them,
            by that number; 0 for the others.
    """

    def __init__(self, log: Log, scoring: Scoring | None = None, *, block: int = BLOCK) -> None:
        self.log = log
        self.scoring = scoring
        self.scores: LazyMapping[str, Floats] = LazyMapping(self._before)
        self.after: LazyMapping[AnswerQuery, Floats] = LazyMapping(self._after)
        self.outputs: LazyMapping[str, tuple[str, ...]] = LazyMapping(
            lambda name: self._scoring.outputs(name)
        )
        self.about: LazyMapping[str, npt.NDArray[Any]] = LazyMapping(self._about)
        self.tokens: LazyMapping[float, Ints] = LazyMapping(self._tokens)
        self._block = block
        self._held: tuple[int, list[tuple[Message, ...]]] = (-1, [])
        self._answers = lru_cache(maxsize=64)(self._responses)

    @property
    def _scoring(self) -> Scoring:
        assert self.scoring is not None  # drivers check what a policy uses before they ask
        return self.scoring

    @property
    def reads(self) -> str | None:
        """Which of a request's messages the policy and its scorers look at; None for all."""
        return self.log.reads if self.scoring is None else reads_of(self.scoring)

    def take(self, rows: Ints) -> RequestCache:
        """The same of some of the requests (k,)."""
        return _Part(self, rows)

    def request(self, row: int, *, text: bool) -> Request:
        """One request, with its messages if `text`.

        Raises:
            LogError: the log has no prompts, and one is wanted.
        """
        request = self.log.requests.request(row)
        return request.saying(self._said(row)).reading(self.reads) if text else request

    def _said(self, row: int) -> tuple[Message, ...]:
        start = row - row % self._block
        if self._held[0] != start:
            rows = np.arange(start, min(start + self._block, len(self.log)))
            self._held = (start, self._messages(rows))
        return self._held[1][row - start]

    def response(self, key: tuple[int, int], sample: int = 0) -> str | None:
        """What a model answered; None if the log does not say.

        Args:
            key: row and column.
            sample: which sample.
        """
        row, column = key
        block = self._answers((sample, column, row // self._block))
        return block[row % self._block]

    def _responses(self, asked: tuple[int, int, int]) -> list[str | None]:
        sample, column, block = asked
        texts = self.log.samples[sample].texts
        rows = np.arange(block * self._block, min((block + 1) * self._block, len(self.log)))
        if texts is None:
            return [None] * len(rows)
        return texts.responses(rows, self.log.models[column])

    def _messages(self, rows: Ints) -> list[tuple[Message, ...]]:
        if self.log.texts is None:
            raise LogError(
                f"{self.log.name}: no prompt column, and the policy reads prompts; add one, or"
                " say which one it is: `columns={'prompt': 'COLUMN'}`"
            )
        return self.log.texts.messages(rows)

    def _texts(self, rows: Ints) -> list[str]:
        """What is read of each request."""
        return [text_of(request) for request in self._requests(rows, text=True)]

    def _blocks(self) -> Iterator[Ints]:
        for start in range(0, len(self.log), BLOCK):
            yield np.arange(start, min(start + BLOCK, len(self.log)))

    def _requests(self, rows: Ints, *, text: bool) -> list[Request]:
        plain = [self.log.requests.request(int(row)) for row in rows]
        if not text:
            return plain
        pairs, reads = zip(plain, self._messages(rows), strict=True), self.reads
        return [request.saying(messages).reading(reads) for request, messages in pairs]

    def _before(self, name: str) -> Floats:
        return self._scored(name, None)

    def _after(self, asked: AnswerQuery) -> Floats:
        def seen(rows: Ints) -> list[Feedback]:
            return [feedback(self.log, (int(row), asked.model), asked.needs) for row in rows]

        return self._scored(asked.scorer, seen)

    def _scored(self, name: str, seen: Callable[[Ints], Sequence[Feedback]] | None) -> Floats:
        scoring, values = self._scoring, []
        for rows in self._blocks():
            requests = self._requests(rows, text=scoring.reads_text(name))
            values.append(scoring.score_batch(name, requests, seen and seen(rows)))
        return np.concatenate(values) if values else np.empty((0, len(scoring.outputs(name))))

    def _about(self, name: str) -> npt.NDArray[Any]:
        if name == "characters" and not self.log.message_kinds:
            return self.log.prompt_keys[1]
        if name in ("characters", "script"):
            looked_at: Callable[[str], Any] = len if name == "characters" else script
            found = [looked_at(text) for rows in self._blocks() for text in self._texts(rows)]
            return objects(found) if name == "script" else np.array(found, dtype=np.int64)
        column = getattr(self.log.requests, name)
        unknown: list[Any] = [() if name == "needs" else ""] * len(self.log)
        return objects(unknown) if column is None else column

    def _tokens(self, limit: float) -> Ints:
        tokens = np.zeros(len(self.log), dtype=np.int64)
        if self.log.texts is not None and limit < np.inf:
            plain = not self.log.message_kinds
            rows = np.flatnonzero(self.log.prompt_keys[1] > limit) if plain else None
            for here in self._blocks() if rows is None else (rows,):
                tokens[here] = [estimated_tokens(said) for said in self._messages(here)]
        return tokens


class _Part(RequestCache):
    """Some of the requests of another; what the other has computed is not computed again."""

    def __init__(self, whole: RequestCache, rows: Ints) -> None:
        super().__init__(whole.log.take(rows), whole.scoring)
        self.scores = LazyMapping(lambda name: whole.scores[name][rows])
        self.after = LazyMapping(lambda asked: whole.after[asked][rows])
        self.about = LazyMapping(lambda name: whole.about[name][rows])
        self.tokens = LazyMapping(lambda limit: whole.tokens[limit][rows])


def feedback(log: Log, key: tuple[int, int], needs: tuple[str, ...]) -> Feedback:
    """What a call is logged to have brought.

    Args:
        key: row and column.
        needs: the signals it obtained.
    """
    failed = bool(log.error[key])
    return Feedback(
        log.models[key[1]],
        {name: float(log.signals[name][key]) for name in needs},
        call_usd(log, needs, key),
        float(log.latency_s[key]),
        "the logged call failed" if failed else None,
        completion_tokens=np.nan if failed else float(log.completion_tokens[key]),
    )


def call_usd(log: Log, needs: tuple[str, ...], key: tuple[int, int]) -> float:
    """USD of one call with the signals it needs; several add their extras to one answer.

    Args:
        log: that has the costs.
        needs: signals obtained with the answer.
        key: row and column of the call.
    Returns:
        NaN where the log does not know the cost.
    """
    return float(calls_usd(log, needs, key))


def calls_usd(log: Log, needs: tuple[str, ...], key: Any) -> Floats:
    """`call_usd` for many calls.

    Args:
        log: that has the costs, (n, m).
        needs: signals obtained with every answer.
        key: index of the calls, such as `(rows, column)`.
    Returns:
        USD in the shape that `key` selects; NaN where the log does not know the cost.
    """
    if len(needs) == 1:
        return log.cost_with(needs[0], key)
    cost, extra = log.cost_usd[key], 0.0
    for name in needs:
        extra = extra + (log.cost_with(name, key) - cost)
    return np.asarray(cost + extra) if needs else cost


def bounded(log: Log) -> Bools:
    """(n,) which requests limit money or time."""
    found = np.zeros(len(log), dtype=np.bool_)
    for column in (log.requests.max_cost_usd, log.requests.deadline_s):
        if column is not None:
            found |= ~np.isnan(column)
    return found
