"""HTTP/2 in earnest: calls share one connection, and a bad reply ends none but its own."""

from __future__ import annotations

import asyncio
import json

import h2.config
import h2.connection
import h2.errors
import h2.events
import httpx
import httpx2
import pytest
from runtime_world import completion

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.transport.client import HttpUpstream
from routelab.runtime.upstream import OutgoingRequest

SLOW = completion("slow and well")


class Server:
    """Speaks HTTP/2 at once; the body's `model` says which reply is wanted."""

    def __init__(self):
        self.connections = 0
        self.slow_may_end = asyncio.Event()
        self.resets = {}
        self._serving = set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/v1"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await asyncio.gather(*self._serving)

    async def _serve(self, reader, writer):
        self.connections += 1
        self._serving.add(asyncio.current_task())
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        wire.initiate_connection()
        bodies, answering = {}, []
        while True:
            writer.write(wire.data_to_send())
            if not (data := await reader.read(65536)):
                break
            for event in wire.receive_data(data):
                stream = getattr(event, "stream_id", 0)
                if isinstance(event, h2.events.DataReceived):
                    bodies[stream] = bodies.get(stream, b"") + event.data
                    wire.acknowledge_received_data(event.flow_controlled_length, stream)
                elif isinstance(event, h2.events.StreamReset):
                    self.resets[stream] = event.error_code
                elif isinstance(event, h2.events.StreamEnded):
                    asked = json.loads(bodies[stream])["model"]
                    answer = self._answer(wire, writer, stream, asked)
                    answering.append(asyncio.create_task(answer))
        await asyncio.gather(*answering)
        writer.close()
        await writer.wait_closed()

    async def _answer(self, wire, writer, stream, asked):
        if asked == "silent":
            return
        kind, content = "application/json", b"<html>"
        if asked == "event":
            kind, content = "text/event-stream", b'data: {"error": {"message": "boiler"}}\n\n'
        elif asked == "slow":
            content = json.dumps(SLOW).encode()
        wire.send_headers(stream, [(":status", "200"), ("content-type", kind)])
        wire.send_data(stream, content[:4])
        writer.write(wire.data_to_send())
        if asked == "slow":
            await self.slow_may_end.wait()
            if stream in self.resets:
                return
        wire.send_data(stream, content[4:], end_stream=True)
        writer.write(wire.data_to_send())


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("bad", ["page", "event"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_bad_reply_leaves_the_other_calls_of_its_connection_alone(library, bad, streamed):
    async def run():
        client = library.AsyncClient(http1=False, http2=True)
        async with Server() as server, client:
            upstream = HttpUpstream(client)

            def asked(model):
                place = Deployment(server.url, model)
                return OutgoingRequest(place, {"model": model}, {}, Timeouts())

            slow = asyncio.create_task(upstream.send(asked("slow")))
            await asyncio.sleep(0.05)
            for _ in range(3):
                if streamed:
                    async with upstream.stream(asked(bad)) as opened:
                        assert [chunk async for chunk in opened.chunks]
                else:
                    assert (await upstream.send(asked(bad))).decoded() is None
            server.slow_may_end.set()
            assert (await slow).decoded() == SLOW
            assert server.connections == 1

    asyncio.run(asyncio.wait_for(run(), 20.0))


@pytest.mark.parametrize("library", [httpx, httpx2])
@pytest.mark.parametrize("given", ["client", "transport"])
def test_an_endpoint_is_told_when_nobody_waits_any_more(library, given):
    """Before its reply begins, and in the middle of it; of a reply that is whole, it is not."""

    async def run():
        async with Server() as server:
            options = {"http1": False, "http2": True}
            client = library.AsyncClient(**options) if given == "client" else None
            transport = None if client else library.AsyncHTTPTransport(**options)
            upstream = HttpUpstream(client, transport)

            def asked(model):
                place = Deployment(server.url, model)
                return OutgoingRequest(place, {"model": model}, {}, Timeouts())

            assert (await upstream.send(asked("page"))).status == 200
            waiting = asyncio.create_task(upstream.send(asked("silent")))
            await asyncio.sleep(0.05)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            half = asyncio.create_task(upstream.send(asked("slow")))
            await asyncio.sleep(0.05)
            half.cancel()
            await asyncio.gather(half, return_exceptions=True)
            assert (await upstream.send(asked("page"))).status == 200  # on the same connection
            server.slow_may_end.set()
            assert list(server.resets.values()) == [h2.errors.ErrorCodes.CANCEL] * 2
            assert server.connections == 1
            await (client.aclose() if client else upstream.aclose())

    asyncio.run(asyncio.wait_for(run(), 20.0))
