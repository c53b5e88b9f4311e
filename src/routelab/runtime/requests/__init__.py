"""One request: what is asked, by which policy, and how the answer is delivered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.runtime.requests.active_policy import ActivePolicy, cheaper_policy
    from routelab.runtime.requests.answer import Piece, StreamedAnswer
    from routelab.runtime.requests.deployments import (
        check_meant,
        deployed_models,
        merged_models,
        priced_models,
    )
    from routelab.runtime.requests.handler import RequestHandler
    from routelab.runtime.requests.observers import Observer, Observers, TracingObserver
    from routelab.runtime.requests.options import Messages, RequestOptions, sending
    from routelab.runtime.requests.overlay import Overlay
    from routelab.runtime.requests.request_ids import new_request_id
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ActivePolicy": "active_policy",
            "Messages": "options",
            "Observer": "observers",
            "Observers": "observers",
            "Overlay": "overlay",
            "Piece": "answer",
            "RequestHandler": "handler",
            "RequestOptions": "options",
            "StreamedAnswer": "answer",
            "TracingObserver": "observers",
            "cheaper_policy": "active_policy",
            "check_meant": "deployments",
            "deployed_models": "deployments",
            "merged_models": "deployments",
            "new_request_id": "request_ids",
            "priced_models": "deployments",
            "sending": "options",
        },
    )

__all__ = [
    "ActivePolicy",
    "Messages",
    "Observer",
    "Observers",
    "Overlay",
    "Piece",
    "RequestHandler",
    "RequestOptions",
    "StreamedAnswer",
    "TracingObserver",
    "cheaper_policy",
    "check_meant",
    "deployed_models",
    "merged_models",
    "new_request_id",
    "priced_models",
    "sending",
]
