"""The ways in: each turns its own protocol into requests of the gateway, and answers back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.entries.chat import ChatEntry
    from routelab.serve.entries.decision import DecisionEntry
    from routelab.serve.entries.feedback import FeedbackEntry
    from routelab.serve.entries.file_limits import OTHERS, open_files, too_few_files
    from routelab.serve.entries.openapi_document import OpenApiEntry
    from routelab.serve.entries.operations import OperationsEntry
    from routelab.serve.entries.route import RouteEntry
    from routelab.serve.entries.status import StatusEntry
    from routelab.serve.entries.websocket import WebSocketEntry
    from routelab.serve.entries.websocket_connection import ABORT, WebSocketConnection
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "ChatEntry": "chat",
            "DecisionEntry": "decision",
            "FeedbackEntry": "feedback",
            "OpenApiEntry": "openapi_document",
            "OperationsEntry": "operations",
            "RouteEntry": "route",
            "StatusEntry": "status",
            "ABORT": "websocket_connection",
            "WebSocketConnection": "websocket_connection",
            "WebSocketEntry": "websocket",
            "OTHERS": "file_limits",
            "open_files": "file_limits",
            "too_few_files": "file_limits",
        },
    )

__all__ = [
    "ABORT",
    "OTHERS",
    "ChatEntry",
    "DecisionEntry",
    "FeedbackEntry",
    "OpenApiEntry",
    "OperationsEntry",
    "RouteEntry",
    "StatusEntry",
    "WebSocketConnection",
    "WebSocketEntry",
    "open_files",
    "too_few_files",
]
