"""One call of a policy: its samples, signals, gates and money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.calls.answers import Calls
    from routelab.runtime.calls.caller import Caller, Sending
    from routelab.runtime.calls.concurrent import ask_together
    from routelab.runtime.calls.gates import GateChecker, GateFunction
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Caller": "caller",
            "Calls": "answers",
            "GateChecker": "gates",
            "GateFunction": "gates",
            "Sending": "caller",
            "ask_together": "concurrent",
        },
    )

__all__ = [
    "Caller",
    "Calls",
    "GateChecker",
    "GateFunction",
    "Sending",
    "ask_together",
]
