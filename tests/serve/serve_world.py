"""A gateway at work in front of a log, and callers who ask it."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np

from routelab.core.catalogue import Catalogue, catalogue_file, pointed_at
from routelab.core.signal_spec import SignalSpec
from routelab.logs import Log
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, write
from routelab.replay_server import background
from routelab.runtime import base_url, listening_socket
from routelab.serve import EventLog, GatewayServer, ServeConfig, Service

MODELS = ("small-8b", "medium-70b", "frontier")
CASCADE = Cascade(models=MODELS, thresholds=(0.7, 0.7), signal="confidence")
CHAT = "/v1/chat/completions"


def saved(path: Path, policy: Any, catalogue: Catalogue) -> Path:
    """A policy directory."""
    document = Document(
        name=path.stem,
        policy=to_wire(policy),
        candidates=policy.models_used,
        catalogue=catalogue.only(policy.models_used),
        signals=dict.fromkeys(policy.signals_used, SignalSpec(multiplier=1.0)),
    )
    return write(path, document, f"# {path.stem}\n").path


def listed(path: Path, catalogue: Catalogue) -> Path:
    """A `models.toml`."""
    path.write_text(catalogue_file.text(catalogue.models), encoding="utf-8")
    return path


class World(NamedTuple):
    """Where a gateway finds its files.

    Attributes:
        policies: "cascade", "small" and "large", by name.
        catalogue: that lists a replay server's models.
        log: what it answers from.
        folder: for more files.
    """

    policies: dict[str, Path]
    catalogue: Path
    log: Log
    folder: Path


@contextmanager
def replayed(log: Log, folder: Path) -> Iterator[World]:
    """Policies over a replay server of the log."""
    with background(log) as url:
        catalogue = pointed_at(url, MODELS, log.catalogue)
        policies = {
            name: saved(folder / f"{name}.policy", policy, catalogue)
            for name, policy in (
                ("cascade", CASCADE),
                ("small", Fixed("small-8b")),
                ("large", Fixed("frontier")),
            )
        }
        yield World(policies, listed(folder / "models.toml", catalogue), log, folder)


class Running(NamedTuple):
    """A gateway that serves.

    Attributes:
        service: behind it.
        client: to it.
        events: what it has written.
        loop: that it runs in.
        stop: tells it to stop, as SIGTERM does.
        grpc_port: that it answers gRPC on; 0 where it does not.
    """

    service: Service
    client: httpx.Client
    events: list[dict[str, Any]]
    loop: asyncio.AbstractEventLoop
    stop: Callable[[], object]
    grpc_port: int = 0

    def chat(self, body: Any, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, bytes):
            return self.client.post(CHAT, content=body, headers=named)
        return self.client.post(CHAT, json=body, headers=named)

    def reload(self) -> bool:
        """Have it look at its files now."""
        return asyncio.run_coroutine_threadsafe(self.service.reload(), self.loop).result(30.0)

    def logged(self, folder: Path) -> list[dict[str, Any]]:
        """What is in the decision log once it is closed."""
        return decisions(folder)


def decisions(folder: Path) -> list[dict[str, Any]]:
    """Lines of a decision log."""
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]


@contextmanager
def running(
    policies: list[Path],
    catalogue: Path,
    config: ServeConfig | None = None,
    send_bytes: int | None = None,
    **given: Any,
) -> Iterator[Running]:
    """A gateway on a thread, with a loop of its own.

    Args:
        send_bytes: that the system keeps for a caller who does not read; its own choice if None.
        given: to the service.
    """
    events: list[dict[str, Any]] = []
    written = EventLog(
        config is not None and config.log_requests,
        lambda line: events.append(json.loads(line)),
    )
    ready, held = threading.Event(), {}

    async def serve() -> None:
        held["loop"] = asyncio.get_running_loop()
        held["service"] = Service(policies, catalogue, config, events=written, **given)
        held["server"] = GatewayServer(held["service"], ready.set)
        await held["server"].serve(sockets=[listening])

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            held["error"] = error
            raise
        finally:
            ready.set()

    def stop() -> None:
        held["service"].gateway.draining = held["server"].should_exit = True

    with listening_socket("127.0.0.1", 0) as listening:
        if send_bytes is not None:  # connections have it from here
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_bytes)
        url = base_url("127.0.0.1", listening).removesuffix("/v1")
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        ready.wait(60.0)
        assert "error" not in held, held["error"]
        with httpx.Client(base_url=url, trust_env=False, timeout=60.0) as client:
            try:
                grpc = held["server"].grpc
                port = 0 if grpc is None else grpc.port
                yield Running(held["service"], client, events, held["loop"], stop, port)
            finally:
                held["server"].should_exit = True
                thread.join(60.0)


def prompt(log: Log, row: int) -> str:
    """What a request of the log asks."""
    (text,) = log.texts.prompts(np.array([row]))
    return text


def asking(text: str, **more: Any) -> dict[str, Any]:
    """A body that asks it."""
    return {"messages": [{"role": "user", "content": text}], **more}
