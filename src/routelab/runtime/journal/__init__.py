"""The decision log: a line for every request, written beside the requests and never before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.journal.decision_log import DecisionLog
    from routelab.runtime.journal.entry import record, record_line, secrets
    from routelab.runtime.journal.reading import finished_request
    from routelab.runtime.journal.sink import LogStatus, Note, Sink
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "DecisionLog": "decision_log",
            "LogStatus": "sink",
            "Note": "sink",
            "Sink": "sink",
            "finished_request": "reading",
            "record": "entry",
            "record_line": "entry",
            "secrets": "entry",
        },
    )

__all__ = [
    "DecisionLog",
    "LogStatus",
    "Note",
    "Sink",
    "finished_request",
    "record",
    "record_line",
    "secrets",
]
