"""OpenTelemetry: a gateway's requests as spans and metrics, by the `otel` extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.telemetry.conventions import Conventions, chosen_conventions
    from routelab.serve.telemetry.decided_request import DecidedRequest
    from routelab.serve.telemetry.exporters import Telemetry
    from routelab.serve.telemetry.observer import TelemetryObserver
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Conventions": "conventions",
            "DecidedRequest": "decided_request",
            "Telemetry": "exporters",
            "TelemetryObserver": "observer",
            "chosen_conventions": "conventions",
        },
    )

__all__ = [
    "Conventions",
    "DecidedRequest",
    "Telemetry",
    "TelemetryObserver",
    "chosen_conventions",
]
