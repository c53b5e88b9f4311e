"""Route live requests by a policy directory; the base installation is enough."""

from routelab.runtime.blocking import Router
from routelab.runtime.journal import DecisionLog, LogStatus
from routelab.runtime.routed import Routed
from routelab.runtime.router import AsyncRouter
from routelab.runtime.upstream import Opened, Outgoing, Reply, Upstream, UpstreamError

__all__ = [
    "AsyncRouter",
    "DecisionLog",
    "LogStatus",
    "Opened",
    "Outgoing",
    "Reply",
    "Routed",
    "Router",
    "Upstream",
    "UpstreamError",
]
