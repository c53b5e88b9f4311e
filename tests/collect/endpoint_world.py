"""An endpoint on loopback that answers from a log, fails as it is told to, and keeps the bill."""

from __future__ import annotations

import json
import multiprocessing
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from routelab import read
from routelab.core.catalogue import Catalogue, catalogue_file, pointed_at
from routelab.logs import Log
from routelab.logs.write import write
from routelab.replay_server import replay_app
from routelab.runtime import base_url, listening_socket

DATASETS = Path(__file__).parents[2] / "datasets"


class Endpoint:
    """The replay server behind a provider that fails, and bills all that it made.

    Attributes:
        asked: (request id, model) of every request, in order.
        bills: USD by request id and model, one for each answer that was made.
        broken: (request id, model) whose logged call failed, so that it always does.
    """

    def __init__(
        self, log: Log, faults: dict[str, float], seed: int = 0, latency_scale: float = 0.0
    ) -> None:
        self.asked: list[tuple[str, str]] = []
        self.bills: dict[tuple[str, str], list[float]] = {}
        ids = log.requests.id
        self.broken = {(ids[row], log.models[at]) for row, at in np.argwhere(log.error)}
        self._app = replay_app(log, latency_scale=latency_scale)
        self._faults = faults
        self._rng = random.Random(seed)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        drawn, fault = self._rng.random(), ""
        for name, share in self._faults.items():
            if drawn < share:
                fault = name
                break
            drawn -= share
        body = b""
        more = True
        while more:
            part = await receive()
            body += part.get("body", b"")
            more = part.get("more_body", False)
        asked = json.loads(body)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        key = headers.get("x-request-id", ""), asked["model"]
        self.asked.append(key)
        if fault in ("500", "429", "401"):
            await _reply(send, int(fault), b'{"error": {"message": "no"}}')
            return
        replies: list[dict[str, Any]] = []

        async def again() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        async def kept(message: dict[str, Any]) -> None:
            replies.append(message)

        await self._app(scope, again, kept)
        content = b"".join(it.get("body", b"") for it in replies)
        status = replies[0]["status"]
        if status == 200:
            self.bills.setdefault(key, []).append(json.loads(content)["usage"]["cost"])
        await _reply(send, status, content, cut=fault == "cut")


async def _reply(send: Any, status: int, content: bytes, *, cut: bool = False) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]
    if status == 429:
        headers.append((b"retry-after", b"0.05"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if cut:
        await send({"type": "http.response.body", "body": content[: len(content) // 2],
                    "more_body": True})  # fmt: skip
        raise ConnectionResetError
    await send({"type": "http.response.body", "body": content})


@contextmanager
def served(app: Any) -> Iterator[str]:
    """An application on loopback while the block runs; gives its base URL."""
    with listening_socket("127.0.0.1", 0) as listening:
        config = uvicorn.Config(
            app, log_level=100, access_log=False, lifespan="off", ws="none",
            timeout_graceful_shutdown=1,
        )  # fmt: skip
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield base_url("127.0.0.1", listening)
        finally:
            server.should_exit = True
            thread.join()


def few_requests(tmp_path: Path, n: int) -> tuple[Log, Path]:
    """The first requests of the embedded log that say something of their own, and their file."""
    log = read(DATASETS / "sample.parquet")
    keys, _ = log.prompt_keys
    _, first = np.unique(keys.astype(str), return_index=True)
    some = log.take(np.sort(first)[:n])
    return some, write(some, tmp_path / "asked.parquet")


def catalogue_at(url: str, models: tuple[str, ...]) -> Catalogue:
    """The models of the embedded log, at one address, with retries that do not wait long."""
    known = pointed_at(url, models, catalogue_file.read(DATASETS / "sample.models.toml"))
    return catalogue_file.parse(
        catalogue_file.text(known.models)
        + "\n[engine]\nqueue_s = 60\n[engine.retry]\nmost = 8\nbase_s = 0.02\nmax_s = 0.1\n"
        "share = 1.0\nburst = 1000\n[engine.breaker]\nfailure_rate = 1.0\nopen_s = 0.1\n",
        "models.toml",
    )


class Killed:
    """Runs of one collection in processes that are killed; they are forked from one that is clean.

    Args:
        arguments: of `run_collect`.
    """

    def __init__(self, *arguments: Any) -> None:
        self._arguments = arguments
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["routelab.collect.asking.run", "endpoint_world"])

    def run(self, journal: Path, grows: int) -> bool:
        """One run, killed once the journals have grown by so many bytes; whether it was."""
        before = _size(journal)
        process = self._context.Process(target=run_collect, args=self._arguments)
        process.start()
        while process.is_alive():
            if _size(journal) - before >= grows:
                process.kill()
                process.join()
                return process.exitcode == -signal.SIGKILL
            time.sleep(0.001)
        process.join()
        assert process.exitcode == 0
        return False


def run_collect(source: Path, out: Path, catalogue: Catalogue, options: Any) -> None:
    """Collect until all is asked; in a process of its own."""
    import asyncio

    from routelab.collect import collect

    asyncio.run(collect(source, out, catalogue, options))


def _size(folder: Path) -> int:
    return sum(it.stat().st_size for it in folder.glob("cells-*.jsonl"))
