"""Many requests at once over connections of our own, and over a client that has only a few."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter

import httpx
import httpx2
import pytest
from runtime_world import completion
from sink_world import Sink

from routelab.core.catalogue.catalogue import Deployment, Timeouts
from routelab.runtime.attempts import attempt
from routelab.runtime.transport import host_pools
from routelab.runtime.transport.client import HttpUpstream
from routelab.runtime.upstream import OutgoingRequest


class Slow:
    """Answers each request after a while, and counts connections."""

    def __init__(self, takes_s=0.05):
        self.takes_s = takes_s
        self.connections = 0
        self.open = 0
        self.served = 0

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _serve(self, reader, writer):
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                size = int(head.partition("content-length: ")[2].split("\r\n")[0])
                await reader.readexactly(size)
                await asyncio.sleep(self.takes_s)
                content = json.dumps(completion("hello")).encode()
                self.served += 1
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
                    b"content-length: %d\r\n\r\n%b" % (len(content), content)
                )
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()


def outgoing(url, **timeouts):
    return OutgoingRequest(Deployment(url, "m"), {"model": "m"}, {}, Timeouts(**timeouts))


def test_as_many_connections_as_requests_each_in_a_pool_of_its_own():
    async def run():
        upstream = HttpUpstream()
        async with Slow(0.3) as server:
            await asyncio.gather(*(upstream.send(outgoing(server.url)) for _ in range(100)))
            assert server.connections == 100
            (host,) = upstream._sender._hosts.values()
            assert len(host.pools) == len(host.roomy) == 100
            assert all(len(it.transport._pool.connections) == 1 for it in host.pools)
            assert not any(it.busy for it in host.pools)
            await asyncio.gather(*(upstream.send(outgoing(server.url)) for _ in range(100)))
            assert server.connections == 100  # they were kept
            await upstream.aclose()

    asyncio.run(asyncio.wait_for(run(), 20.0))


def test_one_request_after_the_other_keeps_to_one_connection():
    async def run():
        upstream = HttpUpstream()
        async with Slow(0.0) as server:
            for _ in range(5):
                await upstream.send(outgoing(server.url))
            async with upstream.stream(outgoing(server.url)) as opened:
                assert [chunk async for chunk in opened.chunks]
            assert server.connections == 1
            await upstream.aclose()

    asyncio.run(asyncio.wait_for(run(), 20.0))


def test_pools_that_are_not_needed_any_more_are_closed(monkeypatch):
    monkeypatch.setattr(host_pools, "_KEPT_S", 0.05)

    async def run():
        upstream = HttpUpstream()
        async with Slow(0.1) as server:
            await asyncio.gather(*(upstream.send(outgoing(server.url)) for _ in range(14)))
            (host,) = upstream._sender._hosts.values()
            assert len(host.pools) == server.open == 14
            await asyncio.sleep(0.1)
            for _ in range(4):
                await upstream.send(outgoing(server.url))
            assert len(host.pools) == len(host.roomy) == 1
            await asyncio.sleep(0.05)
            assert server.open == 1
            await upstream.aclose()

    asyncio.run(asyncio.wait_for(run(), 20.0))


def test_a_cancelled_request_leaves_its_place():
    async def run():
        upstream = HttpUpstream()
        async with Slow(5.0) as server:
            tasks = [asyncio.create_task(upstream.send(outgoing(server.url))) for _ in range(8)]
            await asyncio.sleep(0.2)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            (host,) = upstream._sender._hosts.values()
            assert len(host.pools) == len(host.roomy) == 8
            assert not any(it.busy for it in host.pools)
            server.takes_s = 0.0
            await upstream.send(outgoing(server.url))
            assert len(host.pools) == 8
            await upstream.aclose()

    asyncio.run(asyncio.wait_for(run(), 20.0))


def clients():
    few = httpx.Limits(max_connections=1)
    yield "client", lambda: HttpUpstream(httpx.AsyncClient(limits=few, timeout=None))
    yield "transport", lambda: HttpUpstream(transport=httpx.AsyncHTTPTransport(limits=few))


@pytest.mark.parametrize("made", [it for _, it in clients()], ids=[name for name, _ in clients()])
@pytest.mark.parametrize("stream", [False, True])
def test_who_got_no_connection_of_a_small_client_is_told_apart_from_who_got_no_answer(made, stream):
    async def run():
        upstream = made()
        loop = asyncio.get_running_loop()

        class Sink:
            taken_s = 0.0

            async def __call__(self, piece):
                pass

            def stopping(self, stop):
                from contextlib import nullcontext

                return nullcontext()

        async with Slow(5.0) as server:
            deployment = Deployment(server.url, "m")
            asked = (
                attempt(
                    upstream,
                    deployment,
                    {"messages": []},
                    {},
                    Timeouts(first_token_s=0.4 + more_s, total_s=0.5 + more_s),
                    clock=loop.time,
                    wall_clock=loop.time,
                    sink=Sink() if stream else None,
                )
                for more_s in (0.5, 0.0, 0.0)  # the first holds the only connection
            )
            got = await asyncio.gather(*asked)
            assert sorted(it.kind for it in got) == ["busy", "busy", "timeout"]
            assert {it.error for it in got if it.kind == "busy"} == {
                "no connection was free here, so no first token in 0.4 s"
                if stream
                else "no connection was free here, so no answer in 0.5 s"
            }
            await upstream.aclose()

    asyncio.run(asyncio.wait_for(run(), 20.0))


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_gets_a_connection_as_its_time_ends_is_not_sent(library, stream):
    """It could not be answered, and its silence would be the deployment's."""

    async def run():
        limits = library.Limits(max_connections=3)
        async with Slow(20.0) as server, library.AsyncClient(limits=limits, timeout=None) as client:
            upstream, asked = HttpUpstream(client), []
            for _ in range(30):
                one = attempt(
                    upstream,
                    Deployment(server.url, "m"),
                    {"messages": [{"role": "user", "content": "x"}]},
                    {},
                    Timeouts(total_s=0.5),
                    clock=asyncio.get_running_loop().time,
                    wall_clock=time.time,
                    sink=Sink() if stream else None,
                )
                asked.append(asyncio.create_task(one))
                await asyncio.sleep(0)
            got = await asyncio.gather(*asked)
            assert Counter(it.kind for it in got) == {"busy": 27, "timeout": 3}

    asyncio.run(asyncio.wait_for(run(), 20.0))


def test_a_clients_own_limit_of_waiting_is_told_as_such():
    async def run():
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(limits=limits) as client, Slow(1.0) as server:

            async def hurried(request):
                request.extensions["timeout"]["pool"] = 0.1

            client.event_hooks = {"request": [hurried]}
            upstream = HttpUpstream(client)
            got = await asyncio.gather(
                *(upstream.send(outgoing(server.url)) for _ in range(2)), return_exceptions=True
            )
            (error,) = [it for it in got if isinstance(it, Exception)]
            assert error.kind == "busy"
            assert "no connection was free here" in str(error)

    asyncio.run(asyncio.wait_for(run(), 20.0))


@pytest.mark.parametrize("connects", [True, False])
def test_who_got_no_connection_in_time_was_not_sent(monkeypatch, connects):
    """What was never sent is never billed, and a silence after sending may be."""

    async def slowly(*args, **options):
        await asyncio.sleep(5.0)

    async def run():
        loop, upstream = asyncio.get_running_loop(), HttpUpstream()
        async with Slow(5.0) as server:
            if not connects:
                monkeypatch.setattr("anyio.connect_tcp", slowly)
            got = await attempt(
                upstream,
                Deployment(server.url, "m"),
                {"messages": []},
                {},
                Timeouts(total_s=0.3),
                clock=loop.time,
                wall_clock=loop.time,
            )
            await upstream.aclose()
        return got.kind, got.error

    kind, error = asyncio.run(asyncio.wait_for(run(), 20.0))
    told = "no answer in 0.3 s" if connects else "no connection yet, so no answer in 0.3 s"
    assert (kind, error) == ("timeout" if connects else "connect", told)
