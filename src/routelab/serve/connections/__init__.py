"""Connections of HTTP as they come in: what their heads may be, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routelab.lazy import attach

if TYPE_CHECKING:
    from routelab.serve.connections.departure import DEPARTURE, Departure
    from routelab.serve.connections.headers import HeaderFields, header_fields
    from routelab.serve.connections.http_connection import HttpConnection, http_connections
    from routelab.serve.connections.joined_writes import JoinedWrites
    from routelab.serve.connections.request_parser import RequestParser
else:
    __getattr__, __dir__ = attach(
        __name__,
        {
            "DEPARTURE": "departure",
            "Departure": "departure",
            "HeaderFields": "headers",
            "HttpConnection": "http_connection",
            "JoinedWrites": "joined_writes",
            "RequestParser": "request_parser",
            "header_fields": "headers",
            "http_connections": "http_connection",
        },
    )

__all__ = [
    "DEPARTURE",
    "Departure",
    "HeaderFields",
    "HttpConnection",
    "JoinedWrites",
    "RequestParser",
    "header_fields",
    "http_connections",
]
