"""Connections of HTTP as they come in: what their heads may be, and how they are read."""

from routelab.serve.connections.header_fields import HeaderFields, header_fields
from routelab.serve.connections.http_connection import HttpConnection, http_connections
from routelab.serve.connections.request_parser import RequestParser

__all__ = [
    "HeaderFields",
    "HttpConnection",
    "RequestParser",
    "header_fields",
    "http_connections",
]
