"""Sinks of finished requests."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeAlias

import msgspec

from routelab.core.storage import AlertRecord, FeedbackRecord
from routelab.runtime.finished_request import FinishedRequest

Note: TypeAlias = FeedbackRecord | AlertRecord


class LogStatus(msgspec.Struct, frozen=True):
    """The state of a decision log.

    Attributes:
        written: records that are with the operating system.
        queued: records that wait to be written.
        dropped: records lost, because the queue was full or the disk would not take them.
        error: why the last write failed; None once one succeeds.
    """

    written: int = 0
    queued: int = 0
    dropped: int = 0
    error: str | None = None


class Sink(Protocol):
    """Takes records of requests; no method may wait or raise."""

    def write(self, finished: FinishedRequest) -> None:
        """Take the record of a request."""
        ...

    def note(self, note: Note) -> None:
        """Take the judgement of an answer, or an alert of a budget."""
        ...

    def keep_out(self, variables: Iterable[str]) -> None:
        """Never write the values of some environment variables, which hold keys.

        Args:
            variables: their names.
        """
        ...

    def status(self) -> LogStatus: ...

    def close(self) -> None:
        """Write what is queued, and stop; may wait for the disk, but not for ever."""
        ...
