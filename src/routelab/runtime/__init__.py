"""Route live requests by a policy directory; the base installation is enough."""

from routelab.runtime.ask import RequestOptions
from routelab.runtime.blocking import BlockingAnswer, Router
from routelab.runtime.books import Observer
from routelab.runtime.config import RouterConfig
from routelab.runtime.journal import DecisionLog, LogStatus
from routelab.runtime.routed import Routed
from routelab.runtime.router import AsyncRouter
from routelab.runtime.stream.answer import Piece, StreamedAnswer
from routelab.runtime.upstream import Opened, Outgoing, Reply, Upstream, UpstreamError

__all__ = [
    "AsyncRouter",
    "BlockingAnswer",
    "DecisionLog",
    "LogStatus",
    "Observer",
    "Opened",
    "Outgoing",
    "Piece",
    "Reply",
    "RequestOptions",
    "Routed",
    "Router",
    "RouterConfig",
    "StreamedAnswer",
    "Upstream",
    "UpstreamError",
]
