"""The decision log: a line for every request, written beside the requests and never before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach
from routelab.runtime.journal.sink import LogStatus, Sink

if TYPE_CHECKING:
    from routelab.runtime.journal.decision_log import DecisionLog
else:
    __getattr__, __dir__ = attach(__name__, {"DecisionLog": "decision_log"})

__all__ = ["DecisionLog", "LogStatus", "Sink"]
