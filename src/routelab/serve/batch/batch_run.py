"""Ask the requests of a batch file, as many at once as is wanted, within what may be spent."""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from routelab.errors import ConfigError
from routelab.serve.batch.batch_input import BatchInput, BatchLine
from routelab.serve.batch.batch_output import BatchOutput
from routelab.serve.callers import Identity
from routelab.serve.gateway import Gateway
from routelab.serve.refusal import RefusedError

ENTRY = "batch"
_LONGEST_ID = 256
_STOPS = ("insufficient_quota",)
"""Refusals after which the rest would be refused too: it is left for another run."""


class BatchProgress(NamedTuple):
    """How far a batch is.

    Attributes:
        answered, failed, asked: requests, those of earlier runs included; `asked` is all of them.
        cost_usd: of all of them so far.
        left_s: seconds until the end, at the pace of this run; None before there is one.
        stopped: why not all were asked; empty if they were.
    """

    answered: int
    failed: int
    asked: int
    cost_usd: float
    left_s: float | None
    stopped: str = ""

    @property
    def done(self) -> bool:
        """Whether every request has its answer or its failure."""
        return self.answered + self.failed == self.asked


class BatchRun:
    """One run over a batch, which may go on with what an earlier one left.

    Args:
        gateway: that answers.
        asked: the requests.
        output: what is answered already, and where answers go.
        identity: who asks.
        at_once: requests under way.
        max_usd: that the batch may cost, earlier runs included; those under way when it is spent
            are seen through, and may pass it by what they cost.
        progress: told after each answer.
        clock: seconds that only go on.
    """

    def __init__(
        self,
        gateway: Gateway,
        asked: BatchInput,
        output: BatchOutput,
        *,
        identity: Identity | None = None,
        at_once: int = 16,
        max_usd: float = math.inf,
        progress: Callable[[BatchProgress], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._asked = asked
        self._output = output
        self._identity = identity or Identity()
        self._at_once = at_once
        self._max_usd = max_usd
        self._progress = progress
        self._clock = clock
        self._cost_usd = output.cost_usd
        self._stopped = ""
        self._before = len(output.answered) + len(output.failed)
        self._began_s = clock()

    def stop(self, why: str) -> None:
        """Ask no more; what is under way is seen through."""
        self._stopped = self._stopped or why

    async def run(self) -> BatchProgress:
        """Ask what is left."""
        left = self._asked.lines(self._output.answered | self._output.failed)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self._at_once):
                tasks.create_task(self._work(left))
        return self._now()

    async def _work(self, left: Iterator[BatchLine]) -> None:
        while not self._stopped:
            if self._cost_usd >= self._max_usd:
                self.stop(f"{self._cost_usd:.6g} of {self._max_usd:.6g} USD are spent")
                return
            try:
                line = next(left, None)
            except ConfigError as error:
                self.stop(str(error))
                return
            if line is None:
                return
            await self._answer(line)
            self._progress(self._now())

    async def _answer(self, line: BatchLine) -> None:
        key = request_id(line.custom_id)
        try:
            with self._gateway.admit(ENTRY, line.body, self._identity, key) as visit:
                answer = await visit.answer()
        except RefusedError as refusal:
            self._spend(refusal.cost_usd)
            if refusal.code in _STOPS and not refusal.calls:
                self.stop(refusal.message)
            else:
                self._output.failure(line.custom_id, key, refusal)
            return
        self._spend(answer.routed.cost_usd)
        self._output.answer(line.custom_id, key, answer)

    def _spend(self, usd: float) -> None:
        self._cost_usd += 0.0 if math.isnan(usd) else usd

    def _now(self) -> BatchProgress:
        answered, failed = len(self._output.answered), len(self._output.failed)
        made, n = answered + failed - self._before, len(self._asked)
        took_s = self._clock() - self._began_s
        left_s = took_s / made * (n - answered - failed) if made else None
        return BatchProgress(answered, failed, n, self._cost_usd, left_s, self._stopped)


def request_id(custom_id: str) -> str:
    """The id of a request: its own where that can be one, so that a run repeats its draws."""
    if len(custom_id) <= _LONGEST_ID:
        return custom_id
    return hashlib.sha256(custom_id.encode("utf-8", "surrogatepass")).hexdigest()
