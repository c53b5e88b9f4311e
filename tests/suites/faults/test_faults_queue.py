"""Workers are killed, connections cut, and the broker is restarted: each request is answered once.

The requests are in the broker, two workers share the work, and what they share is the file of
answers. The endpoint counts what it is asked, which is the bill.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from brokers_world import client, own_broker
from serve_world import listed, saved

from routelab.core.catalogue import Catalogue, Deployment, Model
from routelab.policies import Fixed

PROJECT = Path(__file__).parents[3]
AT_ONCE = 8
COMMAND = [sys.executable, "-c", "from routelab.cli import main; raise SystemExit(main())"]
SETTINGS = """
[[queue]]
name = "jobs"
broker = "{kind}"
url = "{url}"
sources = ["{prefix}.low"]
results = "{prefix}.results"
dead_letters = "{prefix}.dead"
at_once = {at_once}
prefetch = 32
lease_s = 2.0
backoff_s = 0.2
tries = 20
{stream}
[delivery]
log = "deliveries.sqlite"
dead_letters = "undelivered.jsonl"
[delivery.to.audit]
file = "audit.jsonl"
[[delivery.rule]]
to = ["audit"]
"""


class CountingEndpoint:
    """Answers every chat request after a moment, and counts them by what they say."""

    def __init__(self, after_s: float) -> None:
        self.asked: Counter[str] = Counter()
        self._after_s = after_s
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        )
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(re.search(rb"content-length: (\d+)", head.lower())[1])
                body = json.loads(await reader.readexactly(length))
                (message,) = body["messages"]
                self.asked[message["content"]] += 1
                await asyncio.sleep(self._after_s)
                choice = {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f"to {message['content']}"},
                }
                content = json.dumps(
                    {"object": "chat.completion", "model": "m", "choices": [choice],
                     "usage": {"prompt_tokens": 1000, "completion_tokens": 1000,
                               "total_tokens": 2000}}
                ).encode()  # fmt: skip
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d"
                    b"\r\n\r\n%b" % (len(content), content)
                )
                await writer.drain()
        writer.close()


class CutProxy:
    """Stands between workers and their broker, and cuts their connections when told to."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._pairs: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                near.close()
                continue
            self._pairs += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while part := one.recv(65536):
                other.sendall(part)
        for it in (one, other):
            with contextlib.suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)
            it.close()

    def cut(self) -> None:
        pairs, self._pairs = self._pairs, []
        for it in pairs:
            with contextlib.suppress(OSError):
                it.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listening.close()
        self.cut()


class Worker:
    """`routelab serve` in a process of its own."""

    def __init__(self, policy: Path, catalogue: Path, config: Path, errors: Path) -> None:
        words = ["serve", policy, "--catalogue", catalogue, "--config", config, "--port", "0"]
        with errors.open("ab") as told:
            self.process = subprocess.Popen(
                [*COMMAND, *map(str, words)],
                stderr=told,
                env={**os.environ, "PYTHONPATH": str(PROJECT / "src")},
            )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60.0)


async def faults(kind: str, n: int, folder: Path, after_s: float) -> tuple[int, int]:
    """Have n requests answered while everything breaks that can.

    Returns:
        How many were asked more than once, and delivered to the file more than once: those that
        were under way as a worker was killed.
    """
    endpoint = CountingEndpoint(after_s)
    known = Catalogue(
        {"m": Model(input_usd_per_mtok=1.0, output_usd_per_mtok=2.0,
                    deployments=(Deployment(endpoint.url, "m"),))}
    )  # fmt: skip
    policy = saved(folder / "one.policy", Fixed("m"), known)
    catalogue = listed(folder / "models.toml", known)
    workers: list[Worker] = []
    with own_broker(kind, folder / "broker") as broker:
        proxy = CutProxy(int(broker.url.rpartition(":")[2]))
        async with client(kind, broker.url) as by:
            (folder / "serve.toml").write_text(
                SETTINGS.format(
                    kind=kind,
                    url=f"{kind}://127.0.0.1:{proxy.port}",
                    prefix=by.prefix,
                    at_once=AT_ONCE,
                    stream=f'stream = "{by.prefix}"' if kind == "nats" else "",
                )
            )

            def start() -> None:
                workers.append(
                    Worker(policy, catalogue, folder / "serve.toml", folder / "errors.jsonl")
                )

            try:
                start()
                await until(lambda: ready(folder), folder)
                for number in range(n):
                    await by.put("low", asking(number), id=str(number))
                start()
                await results(by, n // 5, folder)
                workers[0].kill()
                start()
                await results(by, 2 * n // 5, folder)
                proxy.cut()
                await results(by, 3 * n // 5, folder)
                broker.stop()
                await asyncio.sleep(0.5)
                broker.start()
                await results(by, 4 * n // 5, folder)
                workers[1].kill()
                await results(by, n, folder)
                await asyncio.sleep(3.0)  # longer than a lease: what is left would come again
                stopped = [it.stop() for it in workers[2:]]
                assert stopped == [0], (folder / "errors.jsonl").read_text()[-3000:]
                found = await by.all("results")
                dead = await by.count("dead")
            finally:
                for it in workers:
                    if it.process.poll() is None:
                        it.kill()
                proxy.close()
                endpoint.close()
    return checked(n, found, dead, endpoint.asked, folder)


def checked(n, found, dead, asked, folder):
    """Nothing lost, nothing twice, and the bill is that of the answers."""
    answers = Counter(it.attributes["id"] for it in found)
    assert answers == Counter(map(str, range(n)))
    assert dead == 0
    for it in found:
        body = json.loads(it.body)
        said = body["choices"][0]["message"]["content"]
        assert said == f"to request {it.attributes['id']}"
    bill = sum(json.loads(it.body)["routelab"]["cost_usd"] for it in found)
    assert round(bill / 0.003) == n
    # A request that a killed worker had sent, and whose answer nobody kept, is asked once more.
    assert set(asked) == {f"request {it}" for it in range(n)}
    assert sum(asked.values()) - n <= 2 * AT_ONCE
    audit = Counter(
        json.loads(it)["data"]["id"] for it in (folder / "audit.jsonl").read_bytes().splitlines()
    )
    assert set(audit) == set(answers)
    return sum(asked.values()) - n, sum(audit.values()) - n


def asking(number: int) -> bytes:
    return json.dumps({"messages": [{"role": "user", "content": f"request {number}"}]}).encode()


def ready(folder: Path) -> bool:
    return '"queue open"' in (folder / "errors.jsonl").read_text()


async def until(is_so, folder, seconds=60.0):
    end_s = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end_s, (folder / "errors.jsonl").read_text()[-3000:]
        await asyncio.sleep(0.05)


async def results(by, n, folder, seconds=240.0):
    """Wait for so many answers."""
    end_s, found = time.monotonic() + seconds, 0
    while found < n:
        with contextlib.suppress(Exception):  # the broker is away at times
            found = await by.count("results")
        assert time.monotonic() < end_s, (found, (folder / "errors.jsonl").read_text()[-3000:])
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("kind", ["nats", "redis"])
def test_each_request_is_answered_once_whatever_breaks(kind, tmp_path, record_property):
    record_property("more", asyncio.run(faults(kind, 400, tmp_path, 0.02)))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nats", "redis"])
def test_thousands_of_requests_are_answered_once_whatever_breaks(kind, tmp_path, record_property):
    record_property("more", asyncio.run(faults(kind, 5_000, tmp_path, 0.005)))
