"""`/v1/websocket`: many requests at once on one connection, streamed and cancellable by their ids.

A caller sends objects, each a text frame of JSON:

    {"type": "request", "id": "a", "body": {... of /v1/chat/completions}}
    {"type": "cancel", "id": "a"}

and gets for each request `started`, then `answer`, or `chunk`s and `done`; or `error`, or
`cancelled`. A request may have `request_id`, `traceparent` and `tracestate`, the headers of HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from routelab.core.messages import value_text
from routelab.runtime import TRACEPARENT, encode_json, read_trace
from routelab.serve.callers import NOBODY, Doorkeeper, Identity
from routelab.serve.chat_request import decode_body
from routelab.serve.config import GatewayLimits, WebSocketRules
from routelab.serve.entries.websocket_connection import WebSocketConnection
from routelab.serve.gateway import ChatVisit, Gateway
from routelab.serve.refusal import CallerLeftError, RefusedError, malformed

_log = logging.getLogger("routelab")

ENTRY = "websocket"
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "request": ("type", "id", "body", "request_id", "traceparent", "tracestate"),
    "cancel": ("type", "id"),
}
_LONGEST_ID = 256
_GOING_AWAY = 1001


class WebSocketEntry:
    """Answers over WebSockets.

    Args:
        gateway: that answers.
        doorkeeper: who tells callers apart, for every request anew: a key may have ended.
        limits: of bodies.
        rules: of connections.
    """

    def __init__(
        self,
        gateway: Gateway,
        doorkeeper: Doorkeeper,
        limits: GatewayLimits,
        rules: WebSocketRules,
    ) -> None:
        self._gateway = gateway
        self._doorkeeper = doorkeeper
        self._limits = limits
        self._rules = rules
        self._sessions: set[WebSocketSession] = set()

    async def serve(self, connection: WebSocketConnection) -> None:
        """Answer what comes over a connection, until it ends."""
        try:
            self._check_door(connection)
        except RefusedError as refusal:
            self._gateway.refused(ENTRY, refusal)
            await connection.refuse(refusal)
            return
        await connection.accept()
        session = WebSocketSession(self, connection)
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    async def drain(self) -> None:
        """See the requests under way through, and close every connection."""
        await asyncio.gather(*(it.drain() for it in self._sessions))

    def admit(self, session: WebSocketSession, said: Mapping[str, Any]) -> ChatVisit:
        """Let a request in.

        Args:
            session: that it came over.
            said: its frame, checked.
        Raises:
            RefusedError: it cannot be answered, or may not be.
        """
        caller = self._caller(session.connection)
        headers = said if TRACEPARENT in said else session.connection.headers
        trace = read_trace((name, it) for name, it in headers.items() if isinstance(it, str))
        return self._gateway.admit(ENTRY, said["body"], caller, said.get("request_id"), trace)

    def refused(self, refusal: RefusedError) -> None:
        """Count a frame that was none."""
        self._gateway.refused(ENTRY, refusal, NOBODY)

    def broken(self, error: Exception) -> None:
        """Write down what is a mistake of the server's."""
        self._gateway.events.event("broken", "error", entry=ENTRY, error=type(error).__name__)
        _log.error("a request over a WebSocket failed", exc_info=error)

    @property
    def rules(self) -> WebSocketRules:
        """Of connections."""
        return self._rules

    @property
    def depth(self) -> int:
        """Of lists and objects in each other that a frame may have, its own included."""
        return self._limits.body_depth + 1

    def _check_door(self, connection: WebSocketConnection) -> None:
        self._caller(connection)
        if len(self._sessions) >= self._rules.connections:
            raise RefusedError(
                503,
                f"there are {len(self._sessions)} connections, and no more are taken: close those"
                " that are idle, or come back later",
                "too_many_connections",
                kind="server_error",
                retry_after_s=1.0,
            )

    def _caller(self, connection: WebSocketConnection) -> Identity:
        return self._doorkeeper.caller(connection.headers, connection.address, connection.query)


class WebSocketSession:
    """One connection, and the requests that are under way on it.

    Args:
        entry: that it came by.
        connection: to whoever asks.
    """

    def __init__(self, entry: WebSocketEntry, connection: WebSocketConnection) -> None:
        self.connection = connection
        self._entry = entry
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._draining = False

    async def run(self) -> None:
        """Take requests until the connection ends, which ends those under way too."""
        try:
            while True:
                frame = await self.connection.receive()
                name = None
                try:
                    said = await decode_body(frame, self._entry.depth)
                    name = said.get("id")
                    self._take(said)
                except RefusedError as refusal:
                    self._entry.refused(refusal)
                    can_be = isinstance(name, str) and name not in self._under_way
                    await self._refuse(name if can_be else None, refusal)
        except CallerLeftError:
            pass
        finally:
            await self._cancel_all()

    async def drain(self) -> None:
        """Take no more, and close once those under way are over."""
        self._draining = True
        while self._under_way:
            await asyncio.wait(list(self._under_way.values()))
        await self.connection.close(_GOING_AWAY, "the server stops")

    def _take(self, said: Mapping[str, Any]) -> None:
        """Begin a request, or end one.

        Raises:
            RefusedError: the frame is neither, or there is no room for it.
        """
        kind, name = _checked(said)
        if kind == "cancel":
            if name in self._under_way:  # of what is over there is nothing to end
                self._under_way[name].cancel()
            return
        self._check_room(name)
        task = asyncio.create_task(self._answer(name, said))
        self._under_way[name] = task
        task.add_done_callback(lambda _: self._under_way.pop(name))

    async def _answer(self, name: str, said: Mapping[str, Any]) -> None:
        with contextlib.suppress(CallerLeftError):
            try:
                with self._entry.admit(self, said) as visit:
                    await self._deliver(name, visit)
            except RefusedError as refusal:
                await self._refuse(name, refusal)
            except asyncio.CancelledError:
                await self._send({"type": "cancelled", "id": name})
            except CallerLeftError:
                raise
            except Exception as error:  # noqa: BLE001  (the other requests go on)
                self._entry.broken(error)
                await self._refuse(name, _BROKEN)

    async def _deliver(self, name: str, visit: ChatVisit) -> None:
        started = {"type": "started", "id": name, "decision": visit.id, "policy": visit.policy}
        await self._send(started)
        if not visit.stream:
            answer = await visit.answer()
            await self._send({"type": "answer", "id": name, "body": answer.body})
            return
        async with aclosing(visit.pieces()) as pieces:
            async for piece in pieces:
                await self._send({"type": "chunk", "id": name, "body": piece})
        await self._send({"type": "done", "id": name})

    def _check_room(self, name: str) -> None:
        most = self._entry.rules.at_once
        if name in self._under_way:
            raise RefusedError(
                409,
                f"id={name!r} is under way on this connection: give each request its own",
                "duplicate_id",
                param="id",
            )
        if self._draining:
            raise RefusedError(
                503,
                "the server stops: connect again",
                "draining",
                kind="server_error",
                retry_after_s=1.0,
            )
        if len(self._under_way) >= most:
            raise RefusedError(
                429,
                f"this connection has {most} requests under way: wait for one to end, or open"
                " another connection",
                "too_many_at_once",
                kind="rate_limit_error",
                retry_after_s=1.0,
            )

    async def _send(self, value: Mapping[str, Any]) -> None:
        """Send a frame; a caller who does not read in time is hung up on.

        Raises:
            CallerLeftError: they left, or read too slowly.
        """
        try:
            async with asyncio.timeout(self._entry.rules.send_s):
                await self.connection.send(encode_json(value).decode())
        except TimeoutError:
            self.connection.abandon()
            raise CallerLeftError from None

    async def _refuse(self, name: str | None, refusal: RefusedError) -> None:
        error = {**refusal.body, "status": refusal.status}
        if refusal.retry_after_s is not None:
            error["retry_after_s"] = refusal.retry_after_s
        await self._send({"type": "error", "id": name, **error})

    async def _cancel_all(self) -> None:
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _checked(said: Mapping[str, Any]) -> tuple[str, str]:
    """What kind of frame it is, and which request it is of.

    Raises:
        RefusedError: it is malformed; names everything that is.
    """
    kind, name = said.get("type"), said.get("id")
    problems: list[tuple[str | None, str]] = []
    if not isinstance(kind, str) or kind not in _FIELDS:
        problems.append(("type", f"type={value_text(kind)}: write {' or '.join(_FIELDS)}"))
    elif unknown := [it for it in said if it not in _FIELDS[kind]]:
        problems.append(
            (
                unknown[0],
                f"no field {', '.join(map(repr, unknown))} of a {kind}; there is"
                f" {', '.join(_FIELDS[kind])}",
            )
        )
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_ID:
        problems.append(
            ("id", f"id={value_text(name)}: write a text of 1 to {_LONGEST_ID} characters")
        )
    problems += [
        (field, f"{field}={value_text(said[field])}: a text")
        for field in ("request_id", "traceparent", "tracestate")
        if not isinstance(said.get(field), str | None)
    ]
    if kind == "request" and not isinstance(said.get("body"), dict):
        problems.append(("body", "body: write the chat completion that is asked for, an object"))
    if problems:
        raise malformed(problems)
    assert isinstance(kind, str)
    assert isinstance(name, str)
    return kind, name


_BROKEN = RefusedError(500, "the server failed; its log says why", "broken", kind="server_error")
