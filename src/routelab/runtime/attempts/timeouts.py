"""Time limits on an answer that comes in pieces."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Protocol, Self

import anyio

from routelab.core.catalogue import Timeouts


class PieceReader(Protocol):
    """Whoever reads an answer."""

    @property
    def taken_s(self) -> float:
        """Seconds spent on pieces so far, from any start."""
        ...


class StreamTimeouts:
    """Ends its block when the piece that is waited for is late, or someone stops it.

    Attributes:
        reason: which limit it was, once the block was ended.
        stopped: it was `stop` that ended the block.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._scope = anyio.CancelScope()
        self._end = math.inf
        self.reason = ""
        self.stopped = False

    @property
    def ended(self) -> bool:
        """Whether the block did not reach its own end."""
        return self._scope.cancelled_caught

    def stop(self) -> None:
        """End the block: nobody wants the answer any more."""
        self.stopped = True
        self._scope.cancel()

    def next_token(self) -> None:
        """Start to wait for the piece after this one."""
        limit = self._timeouts.between_tokens_s
        self._wait(limit, f"no token for {limit:g} s")

    def ending(self, grace_s: float) -> None:
        """The answer is complete: wait no longer than this for what may follow."""
        self._wait(grace_s, "")

    @contextmanager
    def paused(self, caller: PieceReader) -> Iterator[None]:
        """Time that the caller takes, which counts towards no limit.

        That of an endpoint that sends more than anyone can read does.
        """
        taken_s = caller.taken_s
        self._scope.deadline = math.inf
        yield
        self._end += caller.taken_s - taken_s
        self.next_token()

    def _wait(self, limit_s: float, reason: str) -> None:
        until = anyio.current_time() + limit_s
        total = self._timeouts.total_s
        self.reason = reason if until <= self._end else f"not complete in {total:g} s"
        self._scope.deadline = min(until, self._end)

    def __enter__(self) -> Self:
        self._end = anyio.current_time() + self._timeouts.total_s
        limit = self._timeouts.first_token_s
        self._wait(limit, f"no first token in {limit:g} s")
        self._scope.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        return self._scope.__exit__(kind, error, trace)
