"""Where a router writes down what became of its requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from routelab.core.context import Context
from routelab.core.flow import Decision
from routelab.core.record import FeedbackRecord
from routelab.core.request import Request
from routelab.runtime.finished import Finished, answered, ended
from routelab.runtime.journal import Sink

_log = logging.getLogger("routelab")


class Observer(Protocol):
    """Hears of every request when it is over, in the event loop: it should be quick.

    What it raises is logged and otherwise ignored.
    """

    def finished(self, finished: Finished) -> None:
        """A request is over."""
        ...


class Books:
    """Tells the log and every observer what became of each request.

    Args:
        wall_clock: Unix seconds.
    """

    def __init__(
        self, log: Sink | None, observers: Sequence[Observer], wall_clock: Callable[[], float]
    ) -> None:
        self.log = log
        self.observers = tuple(observers)
        self._wall_clock = wall_clock

    def answered(self, decision: Decision, request: Request, policy: str, latency_s: float) -> None:
        """A request was answered."""
        self._tell(
            answered(decision, request, policy, timestamp_s=self._wall_clock(), latency_s=latency_s)
        )

    def ended(self, error: BaseException, x: Context, policy: str, latency_s: float) -> None:
        """A request ended without an answer."""
        self._tell(ended(error, x, policy, timestamp_s=self._wall_clock(), latency_s=latency_s))

    def feedback(self, request_id: str, quality: float, model: str | None, source: str) -> None:
        """An answer was judged."""
        if self.log is not None:
            self.log.feedback(
                FeedbackRecord(
                    schema="routelab.feedback/1",
                    request_id=request_id,
                    quality=quality,
                    model=model,
                    source=source,
                    timestamp_s=self._wall_clock(),
                )
            )

    def close(self) -> None:
        """Write what is still queued."""
        if self.log is not None:
            self.log.close()

    def _tell(self, finished: Finished) -> None:
        if self.log is not None:
            self.log.write(finished)
        for observer in self.observers:
            try:
                observer.finished(finished)
            except Exception:  # noqa: BLE001  (a request outlives whoever watches it)
                _log.exception("an observer failed on request %r", finished.request.id)
