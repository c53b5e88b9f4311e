"""A bad reply closes its connection, unless others are under way on it."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from routelab.core.catalogue import Deployment, Timeouts
from routelab.runtime.transport.client import HttpUpstream
from routelab.runtime.upstream import OutgoingRequest


class Connection:
    def __init__(self):
        self.closed = False

    async def aclose(self):
        self.closed = True


class Bad(httpx.AsyncBaseTransport):
    """Answers what is no JSON, over a connection of some version."""

    def __init__(self, version, status):
        self.connection = Connection()
        self.version = version
        self.status = status

    async def handle_async_request(self, request):
        extensions = {"http_version": self.version, "network_stream": self.connection}
        return httpx.Response(self.status, content=b"<html>", extensions=extensions)


@pytest.mark.parametrize(("version", "closes"), [(b"HTTP/2", False), (b"HTTP/1.1", True)])
@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("way", ["whole", "stream", "left early"])
def test_one_bad_reply_over_http2_does_not_end_its_neighbours(version, closes, status, way):
    async def run():
        transport = Bad(version, status)
        upstream = HttpUpstream(transport=transport)
        asked = OutgoingRequest(Deployment("http://up.test/v1", "m"), {}, {}, Timeouts())
        if way == "whole":
            await upstream.send(asked)
        elif way == "stream":
            async with upstream.stream(asked) as opened:
                assert [chunk async for chunk in opened.chunks] == [b"<html>"]
        else:
            with pytest.raises(LookupError):
                async with upstream.stream(asked):
                    raise LookupError("the reader fails")
        return transport.connection.closed

    assert asyncio.run(run()) is closes
