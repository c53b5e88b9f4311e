"""A request that is cancelled at the worst moment costs the pool no connection."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from faults_world import TOKENS, Misbehaving

from routelab.core.catalogue.catalogue import Deployment, Timeouts
from routelab.runtime.transport.client import HttpUpstream
from routelab.runtime.transport.leaks import close_leaked
from routelab.runtime.upstream import OutgoingRequest

STEPS = 120
BODY = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture(scope="module")
def server():
    with Misbehaving() as running:
        yield running


def pooled(most):
    return httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=most))


async def asked(client, server, **extensions):
    url = f"{server.url('good')}/chat/completions"
    found = await client.post(url, json=BODY, extensions=extensions)
    return found.json()["choices"][0]["message"]["content"]


async def cancelled(client, server):
    """A request that is cancelled when its connection is open and nothing was sent."""
    opened = asyncio.Event()

    async def told(event, info):
        if event == "connection.connect_tcp.complete":
            opened.set()

    task = asyncio.create_task(asked(client, server, trace=told))
    await opened.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("waiting", [False, True])
def test_what_nobody_holds_is_closed_and_who_waits_gets_its_place(server, waiting):
    async def run():
        one = pooled(1)
        async with httpx.AsyncClient(transport=one, timeout=20.0) as client:
            await cancelled(client, server)
            (lost,) = one._pool.connections  # the defect that this is about
            assert "Request Count: 0" in lost.info()
            task = asyncio.create_task(asked(client, server)) if waiting else None
            await asyncio.sleep(0.01)
            await close_leaked([one])
            assert await (task or asked(client, server)) == "".join(TOKENS)
            assert lost not in one._pool.connections
            await close_leaked([one])
            assert [it.is_idle() for it in one._pool.connections] == [True]

    asyncio.run(run())


def test_what_a_request_holds_is_left_alone(server):
    async def run():
        two = pooled(2)
        async with httpx.AsyncClient(transport=two, timeout=20.0) as client:
            tasks = [asyncio.create_task(asked(client, server)) for _ in range(6)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0)
                await close_leaked([two])
            assert {task.result() for task in tasks} == {"".join(TOKENS)}
            assert len(two._pool.connections) == 2

    asyncio.run(run())


@pytest.mark.parametrize("through_client", [False, True])
def test_a_request_may_be_cancelled_at_any_step(server, through_client):
    """One connection is all there is: were it lost, nothing could be sent any more."""
    deployment = Deployment(server.url("good"), "m")
    outgoing = OutgoingRequest(deployment, BODY, {}, Timeouts())

    async def run():
        one = pooled(1)
        client = httpx.AsyncClient(transport=one)
        upstream = HttpUpstream(client=client) if through_client else HttpUpstream(transport=one)
        for step in range(STEPS):
            task = asyncio.create_task(upstream.send(outgoing))
            for _ in range(step % 50):
                await asyncio.sleep(step / STEPS / 1000 if step > 50 else 0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            async with asyncio.timeout(10.0):
                assert (await upstream.send(outgoing)).status == 200
            if step % 2:  # the next one has to connect
                for connection in one._pool.connections:
                    await connection.aclose()
        await client.aclose()

    asyncio.run(run())


def test_a_transport_of_another_kind_is_left_alone():
    async def run():
        await close_leaked([httpx.MockTransport(lambda _: None), None])

    asyncio.run(run())
