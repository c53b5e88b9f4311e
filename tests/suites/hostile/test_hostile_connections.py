"""Connections by the thousand that ask nothing, heads that never end, bodies without end: a gateway
answers others meanwhile, and its memory stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import sys
import time
from pathlib import Path

import pytest
from command_world import process
from serve_world import listed, running, saved

from routelab.core.catalogue import pointed_at
from routelab.policies import Fixed
from routelab.serve import ServeConfig, WebSocketRules
from routelab.serve.entries import too_few_files

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is looked up in /proc")

SIZES = [300, pytest.param(10_000, marks=pytest.mark.soak)]
BODIES = [30_000_000, pytest.param(1_000_000_000, marks=pytest.mark.soak)]
SETTINGS = """
[limits]
body_bytes = 1_000_000
head_s = {head_s}
idle_s = 600
body_s = 600
[websocket]
ping_s = 600
"""
PER_CONNECTION = 32_000
"""Bytes that an idle connection may take; a page of every buffer would be more."""
BASE = 30_000_000
"""Bytes that a process may grow by whatever is done to it: allocators keep what they had."""
UPGRADE = (
    b"GET /v1/websocket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
PROBE = b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"


class Served:
    """A gateway in a process of its own."""

    def __init__(self, found):
        self.found, self._writers = found, []
        url = found.wait_for("serving at").removeprefix("serving at ")
        self.port = int(url.removesuffix("/v1").rpartition(":")[2])

    @property
    def resident(self):
        """Bytes of memory that it has."""
        pages = Path(f"/proc/{self.found.running.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGESIZE")

    async def opened(self, said=b""):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        writer.write(said)
        return reader, writer

    def run(self, work):
        """Do it, and leave no connection open."""

        async def done():
            try:
                await work()
            finally:
                writers, self._writers = self._writers, []
                for writer in writers:
                    writer.close()
                await asyncio.gather(*(it.wait_closed() for it in writers), return_exceptions=True)

        asyncio.run(done())

    async def many(self, n, said):
        """Connections that had their answer to what they said."""
        made = []
        for _ in range(0, n, 100):
            fresh = await asyncio.gather(*(self.opened(said) for _ in range(min(100, n))))
            for reader, _ in fresh:
                head = await reader.readuntil(b"\r\n\r\n")
                assert head.split()[1] in (b"200", b"101"), head
                await reader.readexactly(length_of(head))
            made += fresh
        return made

    async def answers(self):
        """It answers whoever asks now."""
        async with asyncio.timeout(30.0):
            ((_, writer),) = await self.many(1, PROBE)
            writer.close()


def length_of(head):
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


@contextlib.contextmanager
def serving(folder, head_s=3):
    known = pointed_at("http://127.0.0.1:9/v1", ["a"])
    policy = saved(folder / "one.policy", Fixed("a"), known)
    (folder / "serve.toml").write_text(SETTINGS.format(head_s=head_s), encoding="utf-8")
    words = ("--catalogue", listed(folder / "models.toml", known), "--port", 0)
    with process(policy, "--config", folder / "serve.toml", *words) as found:
        yield Served(found)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("connections")) as served:
        yield served


def room_for(connections):
    """Skip where this process may not open so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < connections + 200:
        if hard < connections + 200:
            pytest.skip(f"{connections} connections need more than {hard} open files")
        resource.setrlimit(resource.RLIMIT_NOFILE, (connections + 200, hard))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize(("said", "what"), [(PROBE, "HTTP"), (UPGRADE, "WebSocket")])
def test_idle_connections_take_little_memory_and_nobodys_turn(gateway, n, said, what):
    room_for(n)

    async def work():
        await gateway.answers()
        before = gateway.resident
        connections = await gateway.many(n, said)
        grown = gateway.resident - before
        began = time.perf_counter()
        await gateway.answers()
        took_s = time.perf_counter() - began
        each, whole, ms = grown / n / 1e3, gateway.resident / 1e6, 1e3 * took_s
        print(  # noqa: T201  (a soak is run to see its figures)
            f"{n} idle {what}: {each:.1f} KB each, {whole:.0f} MB in all; a probe {ms:.1f} ms"
        )
        assert grown <= BASE + n * PER_CONNECTION
        sample = connections[:: max(1, n // 50)]
        for _, writer in sample:  # they are idle, and not dead
            writer.write(PROBE if said is PROBE else b"\x88\x80\0\0\0\0")
        for reader, _ in sample:
            assert (await reader.read(64)).startswith(b"HTTP/1.1 200" if said is PROBE else b"\x88")
        await gateway.answers()

    gateway.run(work)


@pytest.mark.parametrize("n", SIZES)
def test_heads_that_never_end_are_hung_up_on(gateway, tmp_path, n):
    room_for(n)

    async def drip(reader, writer):
        """A byte now and then, until the other end has enough of it."""
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"x")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        return await reader.read()
        return b""

    async def work():
        begun = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx-long: "
        await served.answers()
        before, connections = served.resident, []
        for _ in range(0, n, 100):
            connections += await asyncio.gather(*(served.opened(begun) for _ in range(100)))
        await served.answers()
        said = await asyncio.gather(*(drip(*it) for it in connections))
        await served.answers()
        print(  # noqa: T201  (a soak is run to see its figures)
            f"{n} slow heads: {(served.resident - before) / 1e6:.1f} MB more"
        )
        why = [it.split(b"\r\n")[0] for it in said if it]  # of the others a reset came first
        assert set(why) == {b"HTTP/1.1 408 Request Timeout"}
        assert len(why) >= 0.3 * n
        assert served.resident - before <= BASE + n * PER_CONNECTION

    if n < 1000:
        served = gateway
        served.run(work)
        return
    with serving(tmp_path, head_s=20) as served:  # so that all of them are open at once
        served.run(work)


def test_a_connection_that_asks_nothing_is_closed_also_between_requests(gateway):
    async def work():
        silent, asked, blank = await asyncio.gather(*(gateway.opened() for _ in range(3)))
        for _, writer in (asked, blank):
            writer.write(PROBE)
        for reader, _ in (asked, blank):
            await reader.readexactly(length_of(await reader.readuntil(b"\r\n\r\n")))
        asked[1].write(b"GET /hea")  # the next request, which is never finished
        async with asyncio.timeout(30.0):
            ended = asyncio.create_task(blank[0].read())
            while not ended.done():
                blank[1].write(b"\r\n")  # which begins no request
                await asyncio.wait([ended], timeout=0.2)
            assert ended.exception() is None or isinstance(ended.exception(), ConnectionError)
            assert await silent[0].read() == b""
            assert (await asked[0].read()).startswith(b"HTTP/1.1 408")
        await gateway.answers()

    gateway.run(work)


@pytest.mark.parametrize("size", BODIES)
@pytest.mark.parametrize("kind", ["promised", "chunked", "header", "frame"])
def test_bodies_heads_and_frames_without_end_are_refused(gateway, size, kind):
    """A part of a body at a time, as far as it is taken."""
    post = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n"
    begin, before, after = {
        "promised": (post + b"content-length: %d\r\n\r\n" % size, b"", b""),
        "chunked": (post + b"transfer-encoding: chunked\r\n\r\n", b"10000\r\n", b"\r\n"),
        "header": (post + b"x-long: ", b"", b""),
        "frame": (UPGRADE, b"", b""),
    }[kind]
    part = before + b"a" * 0x10000 + after

    async def work():
        await gateway.answers()
        started = most = gateway.resident
        reader, writer = await gateway.opened(begin)
        if kind == "frame":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x82\xff" + size.to_bytes(8, "big") + b"\0\0\0\0")
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < size and not reader.at_eof():
                writer.write(part)
                await writer.drain()
                sent += len(part)
                most = max(most, gateway.resident)
                if writer.is_closing():
                    break
                await asyncio.sleep(0)
        grown = most - started
        print(  # noqa: T201  (a soak is run to see its figures)
            f"{kind}: {sent / 1e6:.1f} of {size / 1e6:.0f} MB sent, {grown / 1e6:.1f} MB more"
        )
        assert sent < 0.5 * size  # the connection ended long before
        assert grown <= BASE
        said = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(30.0):
                said = await reader.read(64)
        codes = {"header": b"431", "frame": b"\x88"}.get(kind, b"413")
        assert said == b"" or codes in said  # an answer that a reset overtook is lost
        writer.close()
        await gateway.answers()

    gateway.run(work)


def test_it_is_told_at_the_start_where_files_are_too_few(tmp_path):
    known = pointed_at("http://127.0.0.1:9/v1", ["a"])
    policy = saved(tmp_path / "one.policy", Fixed("a"), known)
    config = ServeConfig(websocket=WebSocketRules(connections=5_000_000))
    with running([policy], listed(tmp_path / "models.toml", known), config) as gateway:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        told = [it["message"] for it in gateway.events if it["event"] == "open files"]
    if hard == resource.RLIM_INFINITY or hard > 5_001_000:
        assert not told
        return
    (said,) = told
    assert soft == hard  # as far as the system allows
    assert f"may have {hard} files open" in said
    assert f"set connections to {hard - 1000}" in said
    assert too_few_files(1_000, 2_000) is None
    assert too_few_files(1_000, None) is None
    assert too_few_files(1_000, 1_999) is not None
    assert "set connections to 500" in (too_few_files(1_000, 1_500) or "")
    assert "set connections" not in (too_few_files(1_000, 500) or "")  # 0 is none that it takes
