"""A server of several processes: one that starts and replaces the others, which answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.workers.supervisor import Supervisor, serve_workers
else:
    __getattr__, __dir__ = attach(
        __name__, {"Supervisor": "supervisor", "serve_workers": "supervisor"}
    )

__all__ = ["Supervisor", "serve_workers"]
