"""What streams cost in the gateway, and what a change of files does to those who ask meanwhile.

The first piece of an answer is timed beside a bare relay's, in turns, over connections that are
open. Memory is that of a gateway which holds 2,000 streams after their first piece. Reloads are
those of the catalogue, twice a second, under callers who go on asking.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from msgspec import structs

from benchmarks.bench_runtime import PROMPT, policy_file, server
from benchmarks.bench_serve import SETTINGS, posted, started
from routelab.core.catalogue import Timeouts, catalogue_file
from routelab.serve import new_key

CHAT = "/v1/chat/completions"
STREAMS, HELD_S = 2_000, 600.0
PATIENT = Timeouts(first_token_s=HELD_S, between_tokens_s=HELD_S)
FIRSTS, TURNS = 200, 5
AT_ONCE, LOADED_S, RELOADED_S = 8, 4.0, 0.5


@contextmanager
def gateway(base_url: str, at_once: int = 256) -> Iterator[tuple[int, int, bytes, bytes, Path]]:
    """Process id, port, a plain and a streamed request, and the catalogue's file."""
    with tempfile.TemporaryDirectory() as held:
        folder = Path(held)
        policy = policy_file(folder, base_url, at_once)
        models = {
            name: structs.replace(
                model,
                deployments=tuple(
                    structs.replace(it, timeouts=PATIENT) for it in model.deployments
                ),
            )
            for name, model in policy.document.catalogue.models.items()
        }
        text = catalogue_file.text(models)
        (folder / "models.toml").write_text(text, encoding="utf-8")
        key, table = new_key("bench", "bench")
        (folder / "keys.toml").write_text(table, encoding="utf-8")
        settings = SETTINGS.replace("at_once = 1000", f"at_once = {2 * STREAMS}")
        (folder / "serve.toml").write_text(settings, encoding="utf-8")
        words = sys.executable, "-m", "benchmarks.gateway", str(policy.path), str(folder)
        body = {"model": "routelab/bench", "messages": [{"role": "user", "content": PROMPT}]}
        bearer = f"authorization: Bearer {key}"
        with started(*words) as (pid, port):
            plain = posted(CHAT, body, bearer)
            yield (
                pid,
                port,
                plain,
                posted(CHAT, {**body, "stream": True}, bearer),
                (folder / "models.toml"),
            )


async def first_pieces(port: int, request: bytes, n: int) -> list[float]:
    """Seconds to the first piece of each of n streams, on one connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    for _ in range(n):
        began = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in head[:20], head
        await reader.readuntil(b"data: ")
        taken.append(time.perf_counter() - began)
        await reader.readuntil(b"[DONE]")
        await reader.readuntil(b"0\r\n\r\n")
    writer.close()
    return taken


async def first_piece_p50s_ms(base_url: str) -> tuple[float, float]:
    """Of the relay and of the gateway; the first turn warms up."""
    body = {"model": "north", "messages": [{"role": "user", "content": PROMPT}], "stream": True}
    with (
        started(sys.executable, "-m", "benchmarks.relay", base_url) as (_, relay_port),
        gateway(base_url) as (_, port, _, streamed, _),
    ):
        found: tuple[list[float], list[float]] = ([], [])
        for number in range(TURNS + 1):
            for taken, at, request in zip(
                found, (relay_port, port), (posted(CHAT, body), streamed), strict=True
            ):
                seconds = await first_pieces(at, request, FIRSTS)
                taken.extend(seconds if number else ())
    relayed, routed = (1e3 * statistics.median(taken) for taken in found)
    return relayed, routed


async def open_streams_mb(base_url: str) -> float:
    """Resident memory of a gateway with so many streams open."""

    async def opened(port: int, request: bytes) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await reader.readuntil(b"data: ")
        return writer

    with gateway(base_url, STREAMS) as (pid, port, _, streamed, _):
        writers = []
        for _ in range(STREAMS // 50):
            writers += await asyncio.gather(*(opened(port, streamed) for _ in range(50)))
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        (resident,) = [it for it in status.splitlines() if it.startswith("VmRSS")]
        for writer in writers:
            writer.transport.abort()
        return int(resident.split()[1]) * 1024 / 1e6


async def loaded(port: int, request: bytes, seconds: float) -> list[float]:
    """Seconds that requests took while so many callers asked for so long."""
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def caller() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
            await reader.readexactly(length)
            taken.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return taken


async def p99s_ms(base_url: str) -> tuple[float, float]:
    """Without reloads and with them, in turns; the median of each over the turns."""
    found: tuple[list[float], list[float]] = ([], [])
    with gateway(base_url) as (pid, port, plain, _, catalogue):
        await loaded(port, plain, 1.0)

        async def reloads() -> None:
            while True:
                os.utime(catalogue)
                os.kill(pid, signal.SIGHUP)
                await asyncio.sleep(RELOADED_S)

        for _ in range(TURNS):
            for p99s, reloading in zip(found, (False, True), strict=True):
                task = asyncio.create_task(reloads()) if reloading else None
                taken = await loaded(port, plain, LOADED_S)
                if task is not None:
                    task.cancel()
                p99s.append(1e3 * statistics.quantiles(taken, n=100)[-1])
    calm, reloaded = (statistics.median(p99s) for p99s in found)
    return calm, reloaded


def run() -> list[tuple[str, float, str, bool]]:
    with server() as base_url:
        relayed, routed = asyncio.run(first_piece_p50s_ms(base_url))
        calm, reloaded = asyncio.run(p99s_ms(base_url))
    with server(HELD_S) as base_url:
        held_mb = asyncio.run(open_streams_mb(base_url))
    over_ms, added_ms = routed - relayed, reloaded - calm
    return [
        ("serve_relay_first_piece_p50_ms", relayed, "-", True),
        ("serve_gateway_first_piece_p50_ms", routed, "-", True),
        ("serve_first_piece_over_relay_ms", over_ms, "<= 1", over_ms <= 1.0),
        (f"serve_open_streams_{STREAMS}_mb", held_mb, "< 400", held_mb < 400.0),
        ("serve_p99_ms", calm, "-", True),
        ("serve_p99_added_by_reloads_ms", added_ms, "<= 10", added_ms <= 10.0),
    ]


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
