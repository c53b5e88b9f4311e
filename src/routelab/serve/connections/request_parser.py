"""Requests read by httptools, of which offers to speak HTTP/2 are passed over."""

from __future__ import annotations

from typing import Any

import httptools

from routelab.serve.connections.headers import header_fields

_OF_THE_OFFER = frozenset({"upgrade", "http2-settings"})
_CONNECTION = "connection"


class RequestParser:
    """Reads requests as httptools does, but for an offer to speak another protocol than WebSocket.

    Java's client, and curl when asked, offer HTTP/2 with each request in the clear. httptools ends
    at such a head, and the body would be lost; a server may pass the offer over (RFC 9110, section
    7.8), so that the head is read again without it.

    Args:
        protocol: called back, as httptools does.
    """

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._parser = self._fresh()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)

    @property
    def passes_over(self) -> bool:
        """The head that is complete offers what is passed over, and will be read again."""
        return bool(self._parser.should_upgrade()) and not self._is_websocket()

    def feed_data(self, data: bytes) -> None:
        """Read what came.

        Raises:
            HttpParserUpgrade: a WebSocket begins.
            HttpParserError: it is no HTTP.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._is_websocket():
                raise
            if self._parser.get_method() == b"CONNECT":
                raise httptools.HttpParserError("this is no proxy") from None
            (offset,) = upgrade.args
            head = self._head_without_offer()
            self._parser = self._fresh()
            self.feed_data(head + data[offset:])

    def _fresh(self) -> Any:
        parser = httptools.HttpRequestParser(self._protocol)
        if hasattr(parser, "set_dangerous_leniencies"):  # as uvicorn has it, for pipelines
            parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _is_websocket(self) -> bool:
        fields = self._fields()
        tokens = {it.strip() for it in fields.get(_CONNECTION, "").lower().split(",")}
        return "upgrade" in tokens and fields.get("upgrade", "").lower() == "websocket"

    def _fields(self) -> dict[str, str]:
        pairs = self._protocol.headers
        return header_fields([(it.decode("latin-1"), to.decode("latin-1")) for it, to in pairs])

    def _head_without_offer(self) -> bytes:
        line = self._parser.get_method() + b" " + self._protocol.url
        lines = [line + b" HTTP/" + self._parser.get_http_version().encode()]
        for name, value in self._protocol.headers:
            said = name.decode("latin-1")
            if said == _CONNECTION:
                tokens = [it.strip() for it in value.decode("latin-1").split(",")]
                value = ", ".join(it for it in tokens if it.lower() not in _OF_THE_OFFER).encode()
            if said not in _OF_THE_OFFER:
                lines.append(name + b": " + value)
        return b"\r\n".join((*lines, b"", b""))
