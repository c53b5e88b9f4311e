"""The gateway as an ASGI application: addresses, and what every exchange goes through."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from routelab.core.messages import nearest
from routelab.serve.callers import NOBODY
from routelab.serve.chat_request import checked_id, header_said
from routelab.serve.entries import (
    ChatEntry,
    DecisionEntry,
    FeedbackEntry,
    OpenApiEntry,
    OperationsEntry,
    RouteEntry,
    StatusEntry,
    WebSocketConnection,
    WebSocketEntry,
)
from routelab.serve.http_exchange import HttpExchange, Receive, Scope, Send
from routelab.serve.peers import PeerHandler
from routelab.serve.queues import QueueHost
from routelab.serve.refusal import CallerLeftError, RefusedError
from routelab.serve.responses import ResponsesForm
from routelab.serve.service import Service
from routelab.serve.status import StatusReport, merged_reports

STATUS = "status"
"""What processes of a server ask each other for the page."""

WEBSOCKET = "/v1/websocket"
"""Where connections stay open."""

Handler: TypeAlias = Callable[[HttpExchange, Any], Awaitable[None]]


class HttpRoute(NamedTuple):
    """What is at an address.

    Attributes:
        method: by which it is asked.
        handler: that answers.
        entry: for metrics.
        open: anybody may ask, as probes have no key.
    """

    method: str
    handler: Handler
    entry: str
    open: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """By which it may be asked; the server keeps the body of a reply to HEAD back."""
        return _GET if self.method == "GET" else (self.method,)


class GatewayApp:
    """Serves a gateway over HTTP; opens it when the server starts, and closes it with it.

    Attributes:
        addresses: what is where.
        decision, feedback: entries that other protocols have too.
        figures: what this process has counted.
        peer_handlers: what other processes of the server may ask of this one, by name.

    Args:
        service: to serve.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        gateway, limits = service.gateway, service.config.limits
        chat = ChatEntry(gateway, limits)
        responses = ChatEntry(gateway, limits, ResponsesForm, "responses")
        feedback = FeedbackEntry(gateway, service.memory, limits, service.peers)
        decision = DecisionEntry(gateway, limits)
        self.decision, self.feedback = decision, feedback
        route = RouteEntry(gateway, service.routes, limits, service.peers)
        operations = OperationsEntry(gateway, service.peers, service.board.spending.counts)
        self.figures = operations.figures
        self.peer_handlers: dict[str, PeerHandler] = {
            "feedback": feedback.peer_judgement,
            "outcome": route.peer_outcome,
            STATUS: lambda *_: _own_report(service, operations),
        }
        status = StatusEntry(gateway, service.config.status, lambda: _report(service, operations))
        self._queues = QueueHost(service, feedback.judgement)
        self._websocket = WebSocketEntry(
            gateway, service.doorkeeper, limits, service.config.websocket
        )
        self.addresses = {
            "/v1/chat/completions": HttpRoute("POST", chat.complete, "chat"),
            "/v1/responses": HttpRoute("POST", responses.complete, "responses"),
            "/v1/models": HttpRoute("GET", chat.models, "models"),
            "/v1/feedback": HttpRoute("POST", feedback.judge, "feedback"),
            "/v1/decision": HttpRoute("POST", decision.decide, "decision"),
            "/route": HttpRoute("POST", route.route, "route"),
            "/outcome": HttpRoute("POST", route.outcome, "outcome"),
            "/feedback": HttpRoute("POST", feedback.judge, "feedback"),
            "/capabilities": HttpRoute("GET", route.capabilities, "capabilities"),
            "/livez": HttpRoute("GET", operations.health, "health", open=True),
            "/healthz": HttpRoute("GET", operations.health, "health", open=True),
            "/readyz": HttpRoute("GET", operations.ready, "ready", open=True),
            "/openapi.json": HttpRoute("GET", OpenApiEntry().show, "openapi", open=True),
            "/metrics": HttpRoute("GET", operations.metrics, "metrics", open=True),
        }
        if service.config.status.page:
            self.addresses |= _status_routes(status)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._exchange(HttpExchange(scope, receive, send))
        elif scope["type"] == "websocket":
            await self._connect(WebSocketConnection(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)

    async def drain(self) -> None:
        """See through what is under way in queues and on connections that stay open."""
        await asyncio.gather(self._websocket.drain(), self._queues.drain())

    async def _connect(self, connection: WebSocketConnection) -> None:
        if connection.path.rstrip("/") == WEBSOCKET:
            await self._websocket.serve(connection)
            return
        refusal = RefusedError(404, f"WebSockets are at {WEBSOCKET}", "not_found")
        self._service.gateway.refused("unknown", refusal)
        await connection.refuse(refusal)

    async def _exchange(self, exchange: HttpExchange) -> None:
        service, caller, entry = self._service, NOBODY, "unknown"
        try:
            there = self._address(exchange)
            entry = there.entry
            if not there.open:
                checked_id(header_said(exchange.id))
                caller = service.doorkeeper.caller(
                    exchange.headers, exchange.address, exchange.query
                )
            with service.telemetry.within(exchange.headers):
                await there.handler(exchange, caller)
        except RefusedError as refusal:
            service.gateway.refused(entry, refusal, caller)
            await exchange.refuse(refusal)
        except CallerLeftError:
            pass
        except Exception as error:
            service.events.event("broken", "error", entry=entry, error=type(error).__name__)
            if not exchange.begun:
                await exchange.refuse(_BROKEN)
            raise  # the server writes the traceback

    def _address(self, exchange: HttpExchange) -> HttpRoute:
        path = exchange.path.rstrip("/") or "/"
        there = self.addresses.get(path)
        if there is None:
            if path == WEBSOCKET:
                raise _upgrade() if exchange.method in _GET else _wrong_method(exchange, _GET)
            near = nearest(path, self.addresses)
            meant = f"; {near} is likely meant" if near else ""
            raise RefusedError(404, f"there is nothing at {path!r:.120}{meant}", "not_found")
        if exchange.method not in there.methods:
            raise _wrong_method(exchange, there.methods)
        return there

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        watching = asyncio.create_task(self._service.watch())
        await self._queues.open()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        watching.cancel()
        await self._queues.aclose()
        await self._service.aclose()
        await send({"type": "lifespan.shutdown.complete"})


_GET = ("GET", "HEAD")


def _wrong_method(exchange: HttpExchange, methods: Sequence[str]) -> RefusedError:
    return RefusedError(
        405,
        f"{exchange.path:.120} is asked by {methods[0]}, not {exchange.method:.20}",
        "wrong_method",
        fields={"allow": ", ".join(methods)},
    )


def _upgrade() -> RefusedError:
    return RefusedError(
        426,
        f"{WEBSOCKET} is asked by a WebSocket",
        "wrong_method",
        fields={"upgrade": "websocket", "connection": "upgrade"},
    )


def _status_routes(status: StatusEntry) -> dict[str, HttpRoute]:
    """The status page, which anybody may load, and its figures, for which it asks with a key."""
    return {
        "/": HttpRoute("GET", status.page, "status", open=True),
        "/status/status.css": HttpRoute("GET", status.style, "status", open=True),
        "/status/status.js": HttpRoute("GET", status.script, "status", open=True),
        "/status": HttpRoute("GET", status.data, "status"),
        "/status/events": HttpRoute("GET", status.events, "status"),
    }


async def _report(service: Service, operations: OperationsEntry) -> StatusReport:
    """The status of all processes of the server."""
    own = await _own_report(service, operations)
    others = await service.peers.told(STATUS)
    reports = [msgspec.msgpack.decode(it, type=StatusReport) for it in others]
    return merged_reports([own, *reports]) if reports else own


async def _own_report(service: Service, operations: OperationsEntry) -> StatusReport:
    return service.board.report(service.gateway, await operations.snapshot())


_BROKEN = RefusedError(500, "the server failed; its log says why", "broken", kind="server_error")
