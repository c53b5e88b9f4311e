"""HTTP: how a chat request leaves, and how its connection comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.transport import sender
    from routelab.runtime.transport.client import HttpUpstream
    from routelab.runtime.transport.probe import logged_signals
    from routelab.runtime.transport.sender import Client, Transport
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Client": "sender",
            "HttpUpstream": "client",
            "Transport": "sender",
            "logged_signals": "probe",
            "sender": "",
        },
    )

__all__ = [
    "Client",
    "HttpUpstream",
    "Transport",
    "logged_signals",
    "sender",
]
