"""One WebSocket, over ASGI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from routelab.runtime import encode_json
from routelab.serve.connections import header_fields
from routelab.serve.http_exchange import JSON, Receive, Scope, Send
from routelab.serve.refusal import CallerLeftError, RefusedError

ABORT = "routelab.abort"
"""Of ASGI's extensions: its `call` hangs up at once, for which the protocol has no message."""


class WebSocketConnection:
    """A connection that is accepted or refused, and then carries frames both ways.

    Attributes:
        path, query: as asked.
        headers: names in lower case; of one given twice the last.
        address: of whoever opened the connection.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.path: str = scope["path"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Mapping[str, str] = header_fields(
            [(name.decode("latin-1"), it.decode("latin-1")) for name, it in scope["headers"]]
        )
        client = scope.get("client")
        self.address: str | None = client[0] if client else None
        extensions = scope.get("extensions", {})
        self._can_say_why = "websocket.http.response" in extensions
        self._receive = receive
        self._send = send
        self._sending = asyncio.Lock()
        self._closed = False
        self._abort: Callable[[], object] = extensions.get(ABORT, {}).get("call", lambda: None)

    async def accept(self) -> None:
        """Let frames come."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def refuse(self, refusal: RefusedError) -> None:
        """Say why there is no connection, as HTTP does where the server can."""
        await self._receive()
        if not self._can_say_why:
            await self._send({"type": "websocket.close", "code": 1008})
            return
        headers = {**refusal.headers, "content-type": JSON}
        raw = [(name.encode("latin-1"), it.encode("latin-1")) for name, it in headers.items()]
        start = {"type": "websocket.http.response.start", "status": refusal.status, "headers": raw}
        await self._send(start)
        await self._send(
            {"type": "websocket.http.response.body", "body": encode_json(refusal.body)}
        )

    async def receive(self) -> bytes:
        """The next frame.

        Raises:
            CallerLeftError: there is none any more.
        """
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._closed = True
            raise CallerLeftError
        text = message.get("text")
        return text.encode() if text is not None else message.get("bytes") or b""

    async def send(self, text: str) -> None:
        """Send a frame; waits where the caller is slow to read.

        Raises:
            CallerLeftError: they left.
        """
        async with self._sending:  # what waits here waits for the caller, and is bounded by them
            if self._closed:
                raise CallerLeftError
            try:
                await self._send({"type": "websocket.send", "text": text})
            except (OSError, RuntimeError) as error:
                self._closed = True
                raise CallerLeftError from error

    async def close(self, code: int, reason: str) -> None:
        """End it in good order."""
        if not self._closed:
            self._closed = True
            with contextlib.suppress(OSError, RuntimeError):
                await self._send({"type": "websocket.close", "code": code, "reason": reason})

    def abandon(self) -> None:
        """End it at once, whatever is not read yet."""
        self._closed = True
        self._abort()
