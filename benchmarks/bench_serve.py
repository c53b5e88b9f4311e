"""What a request through the gateway costs beside a bare relay, and how soon a decision is made.

Both are processes of their own, in front of one server that answers at once, and take turns under
the same callers. The ratio is that of processor time: on one core it is that of throughput, and
other work on the machine does not blur it as it does the wall clock. The gateway has everything
on: a decision log, keys, limits of a key and a tenant, metrics, two deployments to balance.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.bench_runtime import PROMPT, policy_file, server
from routelab.core.catalogue import catalogue_file
from routelab.runtime import encode_json
from routelab.serve import new_key

AT_ONCE, TURNS, REQUESTS = 32, 5, 1_500
DECISIONS = 1_500
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = """
log = "log"
[callers]
keys = "keys.toml"
[limits.key]
requests_per_minute = 1e9
[limits.tenant]
at_once = 1000
"""


class Turn(NamedTuple):
    """What one server did in one turn."""

    processor_us: float
    per_second: float


@contextmanager
def started(*command: str) -> Iterator[tuple[int, int]]:
    """A server's process id and port, which its first line ends with."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


async def asked(port: int, request: bytes, n: int) -> list[float]:
    """Seconds that each of n requests took on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await reader.readexactly(length)
        taken.append(time.perf_counter() - began)
    writer.close()
    return taken


async def turn(pid: int, port: int, request: bytes, n: int = REQUESTS) -> Turn:
    """A server under all callers at once."""
    used, began = processor_s(pid), time.perf_counter()
    await asyncio.gather(*(asked(port, request, n // AT_ONCE) for _ in range(AT_ONCE)))
    done = n // AT_ONCE * AT_ONCE
    took = time.perf_counter() - began
    return Turn((processor_s(pid) - used) / done * 1e6, done / took)


def posted(path: str, body: object, *headers: str) -> bytes:
    content = encode_json(body)
    head = (f"POST {path} HTTP/1.1", "host: bench", "content-type: application/json",
            f"content-length: {len(content)}", *headers)  # fmt: skip
    return "\r\n".join(head).encode() + b"\r\n\r\n" + content


async def compared(
    servers: Sequence[tuple[int, int]], requests: Sequence[bytes]
) -> list[list[Turn]]:
    """Turns of each server; the first of them warms up."""
    found: list[list[Turn]] = [[] for _ in servers]
    for number in range(TURNS + 1):
        for (pid, port), request, turns in zip(servers, requests, found, strict=True):
            measured = await turn(pid, port, request)
            if number:
                turns.append(measured)
    return found


def run() -> list[tuple[str, float, str, bool]]:
    with tempfile.TemporaryDirectory() as held, server() as base_url, ExitStack() as stack:
        folder = Path(held)
        policy = policy_file(folder, base_url)
        text = catalogue_file.text(policy.document.catalogue.models)
        (folder / "models.toml").write_text(text, encoding="utf-8")
        key, table = new_key("bench", "bench")
        (folder / "keys.toml").write_text(table, encoding="utf-8")
        (folder / "serve.toml").write_text(SETTINGS, encoding="utf-8")
        relay = stack.enter_context(started(sys.executable, "-m", "benchmarks.relay", base_url))
        gateway = stack.enter_context(
            started(sys.executable, "-m", "benchmarks.gateway", str(policy.path), str(folder))
        )
        bearer = f"authorization: Bearer {key}"
        body = {"model": "north", "messages": [{"role": "user", "content": PROMPT}]}
        ours = {**body, "model": "routelab/bench"}
        chat = "/v1/chat/completions"
        requests = posted(chat, body), posted(chat, ours, bearer)
        bare, routed = asyncio.run(compared((relay, gateway), requests))
        question = {"input_format": "openai_chat", "request": ours}
        port = gateway[1]
        decided = asyncio.run(asked(port, posted("/v1/decision", question, bearer), DECISIONS))
        probe = f"GET /healthz HTTP/1.1\r\nhost: bench\r\n{bearer}\r\n\r\n".encode()
        nothing = asyncio.run(asked(port, probe, DECISIONS))
    us = [statistics.median(it.processor_us for it in turns) for turns in (bare, routed)]
    rates = [statistics.median(it.per_second for it in turns) for turns in (bare, routed)]
    p50_ms = 1e3 * statistics.median(decided)
    share = us[0] / us[1]
    return [
        ("serve_relay_processor_us", us[0], "-", True),
        ("serve_gateway_processor_us", us[1], "-", True),
        (f"serve_of_relay_c{AT_ONCE}", share, ">= 0.6", share >= 0.6),
        (f"serve_relay_c{AT_ONCE}_per_s", rates[0], "-", True),
        (f"serve_gateway_c{AT_ONCE}_per_s", rates[1], "-", True),
        ("serve_health_p50_ms", 1e3 * statistics.median(nothing), "-", True),
        ("serve_decision_p50_ms", p50_ms, "< 1", p50_ms < 1.0),
    ]
