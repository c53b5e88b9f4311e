"""One HTTP request and its reply, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from routelab.runtime import REQUEST_ID, TRACEPARENT, TraceContext, encode_json, read_trace
from routelab.runtime.requests import new_request_id
from routelab.serve.config import GatewayLimits
from routelab.serve.connections import DEPARTURE, Departure, header_fields
from routelab.serve.refusal import OF_AN_ANSWER, CallerLeftError, RefusedError

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json"
EVENTS = "text/event-stream; charset=utf-8"


class HttpExchange:
    """A request that is read at most once, and one reply to it.

    Attributes:
        path, query, method: as asked.
        headers: names in lower case; of one given twice the last.
        id: of the request, as its caller gave it, or a fresh one; every reply has it.
        address: of whoever opened the connection.
        begun: a reply is under way, so that no other can be sent.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.path: str = scope["path"]
        self.method: str = scope["method"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.headers: Mapping[str, str] = header_fields(
            [(name.decode("latin-1"), it.decode("latin-1")) for name, it in scope["headers"]]
        )
        self._raw: Sequence[tuple[bytes, bytes]] = scope["headers"]
        self.id: str = self.headers.get(REQUEST_ID) or new_request_id()
        client = scope.get("client")
        self.address: str | None = client[0] if client else None
        self.begun = False
        self._departure: Departure | None = scope.get("extensions", {}).get(DEPARTURE, {}).get("of")
        self._receive = receive
        self._send = send

    @property
    def trace(self) -> TraceContext | None:
        """That the caller is in."""
        if TRACEPARENT not in self.headers:
            return None
        return read_trace((it.decode("latin-1"), to.decode("latin-1")) for it, to in self._raw)

    async def body(self, limits: GatewayLimits) -> bytes:
        """What was sent, as far as the limits of bodies allow; the rest is not read.

        Raises:
            RefusedError: it is too long, takes too long, or is packed.
            CallerLeftError: it ends before it is complete.
        """
        try:
            async with asyncio.timeout(limits.body_s):
                return await self._body(limits.body_bytes)
        except TimeoutError as error:
            raise RefusedError(
                408, f"the body was not there within {limits.body_s:g} s", "body_too_slow"
            ) from error

    async def _body(self, most: int) -> bytes:
        packed = self.headers.get("content-encoding", "").lower()
        if packed not in ("", "identity"):
            raise RefusedError(
                415,
                f"the body is packed ({packed:.40}), and is taken as it is alone: send it without",
                "body_packed",
            )
        promised = self.headers.get("content-length", "0")
        if promised.isdecimal() and int(promised) > most:
            raise _too_large(most)
        parts: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerLeftError
            part = message.get("body", b"")
            size += len(part)
            if size > most:
                raise _too_large(most)
            parts.append(part)
            more = message.get("more_body", False)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def reply(
        self,
        content: bytes,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        media: str = JSON,
    ) -> None:
        """Send a whole reply."""
        size = ("content-length", str(len(content)))
        await self._start(status, {**(headers or {}), **dict([size])}, media)
        await self._send({"type": "http.response.body", "body": content})

    async def json(
        self, value: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole reply of JSON."""
        await self.reply(encode_json(value), status, headers)

    async def refuse(self, refusal: RefusedError, headers: Mapping[str, str] | None = None) -> None:
        """Send why there is no answer; where a body was not read the connection cannot go on."""
        told = {**dict.fromkeys(OF_AN_ANSWER, ""), **(headers or {}), **refusal.headers}
        if refusal.status in (408, 413, 415):
            told["connection"] = "close"
        await self.json(refusal.body, refusal.status, told)

    async def open_events(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin a reply of server-sent events."""
        await self._start(200, {"cache-control": "no-store", **(headers or {})}, EVENTS)

    async def event(self, content: bytes) -> None:
        """Send events as they are on the wire; waits where the caller is slow to read."""
        await self._send({"type": "http.response.body", "body": content, "more_body": True})

    async def close_events(self, content: bytes = b"") -> None:
        """Send the last events and end the reply."""
        await self._send({"type": "http.response.body", "body": content})

    @asynccontextmanager
    async def while_there(self) -> AsyncIterator[None]:
        """Cancel the block as soon as whoever asked hangs up.

        Raises:
            CallerLeftError: they did.
        """
        asking = asyncio.current_task()
        assert asking is not None  # a server runs every exchange as one
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            asking.cancel()

        departure = self._departure or _WatchedDeparture(self._receive)
        departure.tell(leave)
        try:
            yield
        except asyncio.CancelledError:
            if not left:
                raise
            asking.uncancel()
            raise CallerLeftError from None
        finally:
            departure.forget(leave)

    async def _start(self, status: int, headers: Mapping[str, str], media: str) -> None:
        self.begun = True
        headers = {REQUEST_ID: self.id, **headers}
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        raw.append((b"content-type", media.encode("latin-1")))
        await self._send({"type": "http.response.start", "status": status, "headers": raw})


class _WatchedDeparture(Departure):
    """On a server that tells nobody: a task waits for the end."""

    def __init__(self, receive: Receive) -> None:
        super().__init__(lambda: None)
        self._watching = asyncio.create_task(self._watch(receive))

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.happened()

    def forget(self, leave: Callable[[], object]) -> None:
        super().forget(leave)
        self._watching.cancel()


def _too_large(most: int) -> RefusedError:
    return RefusedError(
        413, f"the body has more than the {most} bytes that are taken", "body_too_large"
    )
