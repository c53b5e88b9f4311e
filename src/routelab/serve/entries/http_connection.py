"""One connection over HTTP, whose caller may neither take for ever nor send without end."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from routelab.serve.config import GatewayLimits

_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\n"
    b"content-length: 0\r\n\r\n"
)


class BoundedHttpConnection(HttpToolsProtocol):
    """Hangs up on a request whose head is not there in time, or is too long.

    Uvicorn (0.54) bounds neither with httptools; bodies are the gateway's to bound. Use a class
    that `bounded_connection` makes.
    """

    limits = GatewayLimits()

    _head_timer: asyncio.TimerHandle | None = None
    _in_head = False
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.limits.head_bytes:
            self._hang_up(_LONG)
        elif self._is_idle():  # it sent nothing that begins a request: how long is counted on
            self._wait_for_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if not self._in_head:
            self._wait_for_head()
            self._head_bytes = 1  # how many more came at once with the request before is not known

    def on_headers_complete(self) -> None:
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        super().connection_lost(exc)

    def _is_idle(self) -> bool:
        """Whether nothing ends it: no request is under way, and no time runs."""
        answered = self.cycle is not None and self.cycle.response_complete
        return (
            answered
            and not self._in_head
            and self.timeout_keep_alive_task is None
            and not self.transport.is_closing()
        )

    def _wait_for_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._head_timer = self.loop.call_later(self.limits.head_s, self._hang_up, _SLOW)

    def _forget_head(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _hang_up(self, reply: bytes) -> None:
        self._forget_head()
        if self.transport.is_closing():
            return
        if self._head_bytes:  # else nobody asked anything
            self.transport.write(reply)
        self.transport.close()


def bounded_connection(limits: GatewayLimits) -> type[BoundedHttpConnection]:
    """A class of connections.

    Args:
        limits: `head_s` and `head_bytes` are of them.
    """
    return type("HttpConnection", (BoundedHttpConnection,), {"limits": limits})
