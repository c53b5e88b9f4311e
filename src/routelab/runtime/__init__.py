"""Route live requests by a policy directory; the base installation is enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.blocking import BlockingAnswer, Router
    from routelab.runtime.config import RouterConfig
    from routelab.runtime.journal import DecisionLog, LogStatus
    from routelab.runtime.requests.answer import Piece, StreamedAnswer
    from routelab.runtime.requests.observers import Observer
    from routelab.runtime.requests.options import RequestOptions
    from routelab.runtime.routed_answer import RoutedAnswer
    from routelab.runtime.router import AsyncRouter
    from routelab.runtime.upstream import OpenReply, OutgoingRequest, Reply, Upstream, UpstreamError
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "AsyncRouter": "router",
            "BlockingAnswer": "blocking",
            "DecisionLog": "journal",
            "LogStatus": "journal",
            "Observer": "requests.observers",
            "OpenReply": "upstream",
            "OutgoingRequest": "upstream",
            "Piece": "requests.answer",
            "Reply": "upstream",
            "RequestOptions": "requests.options",
            "RoutedAnswer": "routed_answer",
            "Router": "blocking",
            "RouterConfig": "config",
            "StreamedAnswer": "requests.answer",
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
    "OpenReply",
    "OutgoingRequest",
    "Piece",
    "Reply",
    "RequestOptions",
    "RoutedAnswer",
    "Router",
    "RouterConfig",
    "StreamedAnswer",
    "Upstream",
    "UpstreamError",
]
