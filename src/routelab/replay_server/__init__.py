"""Answer live requests from a log, so that a policy can be tried without spending money."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.core.catalogue import pointed_at
from routelab.lazy import attach
from routelab.replay_server.parity import prove_parity

if TYPE_CHECKING:
    from routelab.replay_server.app import replay_app
    from routelab.replay_server.parity import Parity, ParityDifference
    from routelab.replay_server.server import background, run
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "Parity": "parity",
            "ParityDifference": "parity",
            "background": "server",
            "replay_app": "app",
            "run": "server",
        },
    )

__all__ = [
    "Parity",
    "ParityDifference",
    "background",
    "pointed_at",
    "prove_parity",
    "replay_app",
    "run",
]
