"""Untrusted data: what a JSON Schema gate costs, and how long the worst holds the event loop up.

Seconds are of the event loop's thread, so that what else a machine does counts for nothing.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.bench_runtime import policy_file
from routelab.errors import RouteError
from routelab.gates import Gate, JsonSchema, Pattern
from routelab.runtime import AsyncRouter, RouterConfig

ROW = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string"}}}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
        "rows": {"type": "array", "items": {**ROW, "required": ["a", "b"]}},
    },
    "required": ["name", "rows"],
}
ANSWER = json.dumps(
    {
        "name": "x",
        "tags": [f"t{at}" for at in range(10)],
        "rows": [{"a": at, "b": "v" * 12} for at in range(28)],
    }
)
NODE = [{"type": "array", "items": {"$ref": "#/$defs/n"}, "maxItems": at} for at in (1, 2)]
DOUBLED = {"$ref": "#/$defs/n", "$defs": {"n": {"anyOf": NODE}}}
USAGE = {"prompt_tokens": 5, "completion_tokens": 2}
CALLS = 2_000
EVENTS = "text/event-stream"
MB = 1 << 20


class Hostile(NamedTuple):
    """A reply.

    Attributes:
        parts: of its body, as they arrive.
        headers: of the reply.
        gates: that its text is held against.
    """

    parts: Sequence[bytes]
    headers: Mapping[str, str] = {}
    gates: tuple[Gate, ...] = ()

    @property
    def streams(self) -> bool:
        return self.headers.get("content-type") == EVENTS


def said(text: str, **more: Any) -> list[bytes]:
    return [json.dumps({"choices": [{"message": {"content": text}, **more}]}).encode()]


def answered(**message: Any) -> list[bytes]:
    """With usage that is a placeholder, so that it is estimated."""
    message = {"content": None, **message}
    return [json.dumps({"choices": [{"message": message}], "usage": USAGE}).encode()]


def called(arguments: str) -> dict[str, Any]:
    return {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}


def bomb() -> list[bytes]:
    pack = zlib.compressobj(9, zlib.DEFLATED, 31)
    return [b"".join([*(pack.compress(bytes(MB)) for _ in range(100)), pack.flush()])]


def event(**delta: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [{"index": 0, "delta": delta}]}).encode()


def replies() -> dict[str, Hostile]:
    """Of each sort the worst that is known."""
    many = {"choices": [{"message": {"content": "x"}}] * 50_000}
    calls = {"choices": [{"message": {"tool_calls": [called("{}")] * 50_000}}]}
    rows = json.dumps([{"a": at} for at in range(20_000)])
    packed, stream = {"content-encoding": "gzip"}, {"content-type": EVENTS}
    some = 1 << 16
    return {
        "text": Hostile(said("a, b " * (6 * MB))),
        "packed": Hostile(bomb(), packed),
        "deep": Hostile([b'{"choices": ' + b"[" * 900 + b"]" * 900 + b"}"]),
        "values": Hostile([b'{"choices": [' + b"[]," * (8 * MB) + b"0]}"]),
        "choices": Hostile([json.dumps(many).encode()]),
        "calls": Hostile([json.dumps(calls).encode()]),
        "pieces": Hostile([event(content="x") * (some // 60)] * 100, stream),
        "empty events": Hostile([b"data: {}\n\n" * (some // 10)] * 100, stream),
        "comments": Hostile([b":\n" * (some // 2)] * 100, stream),
        "packed events": Hostile(bomb(), {**packed, **stream}),
        "placeholder usage": Hostile(answered(content=" " * (30 * MB))),
        "finish": Hostile(said("x", finish_reason="aB-" * (10 * MB))),
        "parts": Hostile(answered(content=[{}] * 130_000)),
        "arguments": Hostile(answered(tool_calls=[called("[" + "1.0," * 7_000 + "1]")] * 1_000)),
        "quotes": Hostile([b'{"a": "' + b'\\"' * (15 * MB) + b'"}']),
        "names": Hostile([json.dumps({f"k{at}": at for at in range(400_000)}).encode()]),
        "usages": Hostile([json.dumps({"choices": [], "usage": [USAGE] * 60_000}).encode()]),
        "long event": Hostile([event(content="x", a=[[]] * 130_000)], stream),
        "line ends": Hostile([b"\r" * (15 * MB)], stream),
        "unlike rows": Hostile(said(rows), gates=(JsonSchema({"uniqueItems": True}),)),
        "doubled schema": Hostile(said("[" * 40 + "1" + "]" * 40), gates=(JsonSchema(DOUBLED),)),
        "spaces": Hostile(said(" " * 90_000 + "x"), gates=(Pattern(r"\s+$"),)),
    }  # fmt: skip


class _Parts(httpx.AsyncByteStream):
    def __init__(self, parts: Sequence[bytes]) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            await asyncio.sleep(0)
            yield part


async def held_s(hostile: Hostile, folder: Path) -> float:
    """Seconds of the longest turn of the event loop while a reply comes."""
    chosen = policy_file(folder, "http://upstream.test/v1")

    def reply(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=hostile.headers, stream=_Parts(hostile.parts))

    config = RouterConfig(
        transport=httpx.MockTransport(reply), gates=hostile.gates, quiet=True, timeout_s=60.0
    )
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    async with AsyncRouter(chosen, chosen.document.catalogue, config) as router:
        watching = asyncio.create_task(watch())
        try:
            if hostile.streams:
                async with router.stream("hi") as answer:
                    async for _ in answer:
                        pass
            else:
                await router.route("hi")
        except RouteError:
            pass
        finally:
            await asyncio.sleep(0)  # so that the last turn counts
            watching.cancel()
    return longest


def gate_us() -> float:
    """Microseconds of an answer of 1 kB, the median."""
    gate, took = JsonSchema(SCHEMA), []
    for _ in range(CALLS):
        started = time.perf_counter_ns()
        assert gate.problem(ANSWER) is None
        took.append((time.perf_counter_ns() - started) / 1e3)
    return statistics.median(took)


def run() -> list[tuple[str, float, str, bool]]:
    us = gate_us()
    rows = [("hostile.json_schema_1kb_p50_us", us, "< 100", us < 100.0)]
    with tempfile.TemporaryDirectory() as folder:
        for name, hostile in replies().items():
            ms = 1e3 * asyncio.run(held_s(hostile, Path(folder)))
            held = f"hostile.loop_held_ms_{name.replace(' ', '_')}"
            rows.append((held, ms, "<= 50", ms <= 50.0))
    return rows
