"""A connection of HTTP whose heads are bounded, in bytes and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from routelab.runtime import REQUEST_ID, encode_json
from routelab.runtime.requests import new_request_id
from routelab.serve.config import GatewayLimits
from routelab.serve.connections.departure import DEPARTURE, Departure
from routelab.serve.connections.joined_writes import JoinedWrites
from routelab.serve.connections.request_parser import RequestParser
from routelab.serve.refusal import OF_AN_ANSWER, RefusedError

Refused: TypeAlias = Callable[[str, RefusedError], object]
_ENTRY = "unknown"
_AROUND = 4
"""Bytes of a header besides its name and value."""


class HttpConnection(HttpToolsProtocol):
    """uvicorn's, which takes heads of any size for as long as they come; here they are bounded.

    What is no request is refused in the words of every refusal, and an offer to speak HTTP/2 is
    passed over.

    Args:
        refused: counts what is refused, by the entry that it is counted under.
        limits: of heads.
        given: by uvicorn.
    """

    def __init__(self, refused: Refused, limits: GatewayLimits, **given: Any) -> None:
        super().__init__(**given)
        self.parser = RequestParser(self)  # type: ignore[assignment]
        self._refused = refused
        self._limits = limits
        self._alarm: asyncio.TimerHandle | None = None
        self._begun = False
        self._unread = 0
        self._head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request."""
        super().connection_made(JoinedWrites(transport, self.loop))  # type: ignore[arg-type]
        self._departure = Departure(self.flow.resume_reading)
        self._set_alarm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_alarm()
        super().connection_lost(exc)
        self._departure.happened()

    def data_received(self, data: bytes) -> None:
        """Read what came, as far as the limits of heads allow."""
        self._unread += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            self._stop_alarm()
        elif self._unread > self._limits.head_bytes:
            self._refuse(self._too_large())
        elif self._is_awaited():
            self._set_alarm()
        else:
            self._stop_alarm()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._begun, self._head = True, 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the address is there."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header is there, of the head or after a body."""
        self._count(len(name) + len(value) + _AROUND)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is there."""
        if not self.parser.passes_over:  # type: ignore[attr-defined]
            self._begun, self._unread = False, 0
            self.scope["extensions"] = {DEPARTURE: {"of": self._departure}}
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body is there."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is there."""
        if not self.parser.passes_over:  # type: ignore[attr-defined]
            self._unread = 0
            super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to a WebSocket, which joins its frames by itself."""
        if isinstance(self.transport, JoinedWrites):
            self.transport = self.transport.plain
        super().handle_websocket_upgrade()

    def send_400_response(self, msg: str) -> None:
        """Refuse what httptools did not take."""
        if self._head > self._limits.head_bytes:
            self._refuse(self._too_large())
            return
        self._refuse(RefusedError(400, "this is no request of HTTP/1.1", "invalid_http"))

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.head_bytes:
            raise ValueError("the head is too large")  # httptools ends with it

    def _is_awaited(self) -> bool:
        """Whether the next head is what the connection waits for, and nothing else ends it."""
        if self._begun or self.cycle is None:
            return True
        return self.cycle.response_complete and self.timeout_keep_alive_task is None

    def _set_alarm(self) -> None:
        if self._alarm is None:
            self._alarm = self.loop.call_later(self._limits.head_s, self._late)

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _late(self) -> None:
        self._alarm = None
        if self._under_way():  # the next head came while an answer goes out
            self._set_alarm()
        elif self._begun:
            message = f"the head was not there within {self._limits.head_s:g} s"
            self._refuse(RefusedError(408, message, "head_too_slow"))
        else:
            self.transport.close()

    def _under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _too_large(self) -> RefusedError:
        return RefusedError(
            431,
            f"the address and headers have more than the {self._limits.head_bytes} bytes that are"
            " taken",
            "head_too_large",
        )

    def _refuse(self, refusal: RefusedError) -> None:
        """Say why, where no answer is on its way that it would fall into, and hang up."""
        self._stop_alarm()
        self._refused(_ENTRY, refusal)
        if self._under_way() and self.cycle.response_started:
            self.transport.close()
            return
        content = encode_json(refusal.body)
        headers = {
            REQUEST_ID: new_request_id(),
            **dict.fromkeys(OF_AN_ANSWER, ""),
            **refusal.headers,
            "content-type": "application/json",
            "content-length": str(len(content)),
            "connection": "close",
        }
        lines = [f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items()]
        self.transport.write(b"".join((STATUS_LINE[refusal.status], *lines, b"\r\n", content)))
        self.transport.close()


def http_connections(refused: Refused, limits: GatewayLimits) -> Any:
    """What makes connections, for uvicorn.

    Args:
        refused: counts what is refused, by the entry that it is counted under.
        limits: of heads.
    """
    return partial(HttpConnection, refused, limits)
