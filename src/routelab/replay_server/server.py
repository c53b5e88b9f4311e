"""Run the replay server: in the foreground, or on a thread for the length of a block."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from routelab.core.catalogue import Catalogue
from routelab.logs.model import Log
from routelab.replay_server.app import replay_app
from routelab.runtime import base_url, listening_socket


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
    with listening_socket(host, port) as listening:
        app = replay_app(log, catalogue=catalogue, latency_scale=latency_scale, tell=tell)
        ready(base_url(host, listening))
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
    with listening_socket("127.0.0.1", port) as listening:
        server = uvicorn.Server(_config(app, "warning"))
        thread = threading.Thread(
            target=server.run, args=([listening],), name="routelab-replay", daemon=True
        )
        thread.start()
        try:
            while thread.is_alive() and not server.started:
                time.sleep(0.005)
            yield base_url("127.0.0.1", listening)
        finally:
            server.should_exit = True
            thread.join()


def _config(app: object, log_level: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]
        log_level=log_level,
        # loggers are the process's, which may be a gateway: they are not told anew where to write
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=2,
    )
