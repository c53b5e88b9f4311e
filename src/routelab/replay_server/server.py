"""Run the replay server: in the foreground, or on a thread for the length of a block."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from routelab.core.catalogue import Catalogue
from routelab.errors import RoutelabError
from routelab.logs.model import Log
from routelab.replay_server.app import replay_app


def run(
    log: Log,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    catalogue: Catalogue | None = None,
    latency_scale: float = 0.0,
    ready: Callable[[str], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve a log until interrupted.

    Args:
        log: to serve.
        host: address to listen on.
        port: 0 takes a free one.
        ready: called with the base URL, with `/v1`, once requests can be sent there.
        tell: takes warnings, each once.
    Raises:
        RoutelabError: the port is taken or none, or the host is not this machine's.
    """
    with _bound(host, port) as listening:
        app = replay_app(log, catalogue=catalogue, latency_scale=latency_scale, tell=tell)
        ready(_url(host, listening))
        uvicorn.Server(_config(app, "info")).run(sockets=[listening])


@contextmanager
def background(
    log: Log,
    port: int = 0,
    *,
    catalogue: Catalogue | None = None,
    latency_scale: float = 0.0,
) -> Iterator[str]:
    """Serve a log on loopback while the block runs; gives the base URL, with `/v1`.

    Args:
        log: to serve.
        port: 0 takes a free one.
    Raises:
        RoutelabError: the port is taken or none.
    """
    app = replay_app(log, catalogue=catalogue, latency_scale=latency_scale)
    with _bound("127.0.0.1", port) as listening:
        server = uvicorn.Server(_config(app, "warning"))
        thread = threading.Thread(
            target=server.run, args=([listening],), name="routelab-replay", daemon=True
        )
        thread.start()
        try:
            while thread.is_alive() and not server.started:
                time.sleep(0.005)
            yield _url("127.0.0.1", listening)
        finally:
            server.should_exit = True
            thread.join()


def _bound(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise RoutelabError(f"port {port}: a port is 0 to 65535; 0 takes a free one")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        raise RoutelabError(
            f"cannot serve at {host}:{port}: {error.strerror}; choose another `port`"
        ) from error
    # connections inherit it: a small answer must not wait 40 ms for the client's acknowledgement
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _url(host: str, listening: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listening.getsockname()[1]}/v1"


def _config(app: object, log_level: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level=log_level,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
