"""Route live requests by a policy directory; the base installation is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.ask import RequestOptions
    from routelab.runtime.blocking import BlockingAnswer, Router
    from routelab.runtime.books import Observer
    from routelab.runtime.config import RouterConfig
    from routelab.runtime.journal import DecisionLog, LogStatus
    from routelab.runtime.routed import Routed
    from routelab.runtime.router import AsyncRouter
    from routelab.runtime.stream.answer import Piece, StreamedAnswer
    from routelab.runtime.upstream import Opened, Outgoing, Reply, Upstream, UpstreamError
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AsyncRouter": "router",
            "BlockingAnswer": "blocking",
            "DecisionLog": "journal",
            "LogStatus": "journal",
            "Observer": "books",
            "Opened": "upstream",
            "Outgoing": "upstream",
            "Piece": "stream.answer",
            "Reply": "upstream",
            "RequestOptions": "ask",
            "Routed": "routed",
            "Router": "blocking",
            "RouterConfig": "config",
            "StreamedAnswer": "stream.answer",
            "Upstream": "upstream",
            "UpstreamError": "upstream",
        },
    )

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
