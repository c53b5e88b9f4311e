"""Run a gateway with uvicorn until it is told to stop, and then see its requests through."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from routelab.core.messages import how_to_install
from routelab.errors import MissingExtraError
from routelab.runtime import base_url, listening_socket
from routelab.serve.app import GatewayApp
from routelab.serve.connections import http_connections
from routelab.serve.entries import ABORT, OTHERS, open_files, too_few_files
from routelab.serve.event_log import EventHandler, EventLog
from routelab.serve.service import Service

if TYPE_CHECKING:
    from routelab.serve.grpc import GrpcServer

_STOPS = (signal.SIGINT, signal.SIGTERM)


def serve(
    service: Callable[[], Service],
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; a second one ends the requests under way too.

    Args:
        service: makes the gateway, once the port is had.
        host: address to listen on.
        port: 0 takes a free one.
        ready: called with the base URL, with `/v1`, once requests can be sent there.
    Raises:
        RoutelabError: the port is taken or none, or the host is not this machine's; or what the
            gateway says of its files.
    """
    with listening_socket(host, port) as listening:

        async def run() -> None:
            async with service() as opened:
                with _logged(opened.events):
                    server = GatewayServer(
                        opened, lambda: ready(base_url(host, listening)), host=host
                    )
                    await server.serve(sockets=[listening])
            opened.events.event("stopped")

        asyncio.run(run())  # uvloop was tried, and is no faster here


@contextmanager
def _logged(events: EventLog) -> Iterator[None]:
    """What Python's loggers are told goes into the events, as the process is ours."""
    root, handler = logging.getLogger(), EventHandler(events)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class AbortableWebSocket(WebSocketsSansIOProtocol):
    """Reads no further while a frame waits, waits for readers, and can hang up on them."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][ABORT] = {"call": self.transport.abort}
        await super().run_asgi()


class GatewayServer(uvicorn.Server):
    """Says when it serves, ends in good order on a signal or with `should_exit`, and then returns.

    Args:
        service: to serve.
        ready: called once requests can be sent.
        host: that further entries listen on.
        shared: other processes listen on the same ports.
    """

    def __init__(
        self,
        service: Service,
        ready: Callable[[], None] = lambda: None,
        *,
        host: str = "127.0.0.1",
        shared: bool = False,
    ) -> None:
        rules, limits = service.config.websocket, service.config.limits
        self.app = GatewayApp(service)
        self.service = service
        config = uvicorn.Config(
            self.app,
            log_config=None,
            access_log=False,
            lifespan="on",
            http=http_connections(service.gateway.refused, limits),
            timeout_keep_alive=limits.idle_s,  # type: ignore[arg-type]
            ws=AbortableWebSocket,
            ws_max_size=limits.body_bytes,
            ws_ping_interval=rules.ping_s,
            ws_ping_timeout=rules.ping_s,
            ws_per_message_deflate=False,  # 40 KB a connection, and small frames that grow large
            server_header=False,
            proxy_headers=False,  # who is believed is the gateway's to say
            timeout_graceful_shutdown=max(1, round(service.config.drain_s)),
        )
        super().__init__(config)
        self._ready = ready
        self.grpc = self._grpc_server(host, shared)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            if self.grpc is not None:
                await self.grpc.start()
            self._tell_warnings()
            serving: dict[str, Any] = {"policies": sorted(self.service.files)}
            if self.grpc is not None:
                serving["grpc_port"] = self.grpc.port
            self.service.events.event("serving", **serving)
            self._ready()

    def _tell_warnings(self) -> None:
        service = self.service
        for warning in service.warnings:
            service.events.event("policy", "warning", message=warning)
        connections = service.config.websocket.connections
        allowed = open_files(connections + OTHERS)
        if service.is_first and (few := too_few_files(connections, allowed)):
            service.events.event("open files", "warning", message=few)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Unlike uvicorn's, sees through what is under way on WebSockets before they are closed."""
        for server in self.servers:
            server.close()
        patience_s = 0.0 if self.force_exit else self.service.config.drain_s
        grpc = None if self.grpc is None else asyncio.create_task(self.grpc.drain(patience_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.app.drain()
        if grpc is not None:
            await grpc
        await super().shutdown(sockets)

    def _grpc_server(self, host: str, shared: bool) -> GrpcServer | None:
        """The entry over gRPC, where there is to be one.

        Raises:
            RoutelabError: it cannot be had, or grpcio is not installed.
        """
        service, rules = self.service, self.service.config.grpc
        if rules.port is None:
            return None
        try:
            from routelab.serve.grpc import GrpcServer, RouterEntry
        except ModuleNotFoundError as error:
            if error.name is None or error.name.startswith("routelab"):
                raise
            raise MissingExtraError(
                f"gRPC needs {error.name}: {how_to_install('grpc')}, or leave grpc.port out"
            ) from error
        entry = RouterEntry(service, self.app.decision, self.app.feedback, rules)
        most = service.config.limits.body_bytes
        return GrpcServer(entry, rules, host, shared=shared, message_bytes=most)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, ends the process by returning: a drained server has not failed."""
        loop = asyncio.get_running_loop()
        handled = []
        for stop in _STOPS:
            try:
                loop.add_signal_handler(stop, self.stop)
                handled.append(stop)
            except (NotImplementedError, RuntimeError, ValueError):  # Windows, or a thread
                break
        if hasattr(signal, "SIGHUP") and handled:
            loop.add_signal_handler(signal.SIGHUP, self._told_to_reload)
            handled.append(signal.SIGHUP)
        try:
            yield
        finally:
            for stop in handled:
                loop.remove_signal_handler(stop)

    def stop(self) -> None:
        """See the requests under way through, and end; told again, end at once."""
        gateway = self.service.gateway
        again, gateway.draining = gateway.draining, True
        self.service.events.event("stopping", under_way=len(gateway.under_way), at_once=again)
        self.force_exit = again
        self.should_exit = True

    def _told_to_reload(self) -> None:
        self._reloading = asyncio.ensure_future(self.service.reload())
