"""How requests leave: with all that a given client does, or with nothing in between."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import httpx
import httpx2
import pytest
from runtime_world import completion

from routelab import __version__
from routelab.core.catalogue.catalogue import Deployment, Timeouts
from routelab.errors import RouteError
from routelab.runtime.transport.client import HttpUpstream
from routelab.runtime.transport.request import straight
from routelab.runtime.upstream import OutgoingRequest, UpstreamError

SAID = completion("hello")


class Server:
    """Answers every request alike on a socket, and keeps what it was sent."""

    def __init__(self):
        self.heads = []
        self.bodies = []
        self.zipped = False
        self.more = b""
        self._serving = set()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            self.url = f"http://127.0.0.1:{self.port}"
            try:
                yield self
            finally:
                await asyncio.gather(*self._serving)

    async def _serve(self, reader, writer):
        self._serving.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):  # the other side is done
            while True:
                await self._answer(reader, writer)
        writer.close()
        await writer.wait_closed()

    async def _answer(self, reader, writer):
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        fields = dict(line.lower().split(": ", 1) for line in lines if line)
        self.heads.append((first, fields))
        if first.startswith("CONNECT"):
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            return
        body = json.loads(await reader.readexactly(int(fields["content-length"])))
        self.bodies.append(body)
        content, more = json.dumps(SAID).encode(), self.more
        if self.zipped:
            content, more = gzip.compress(content), b"content-encoding: gzip\r\n"
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nset-cookie: seen=yes; path=/\r\n"
            b"%bcontent-length: %d\r\n\r\n%b" % (more, len(content), content)
        )


def outgoing(url, **body):
    return OutgoingRequest(
        Deployment(url, "m"), {"model": "m", **body}, {"x-request-id": "7"}, Timeouts()
    )


def sent_twice(ways, *, url="", host="127.0.0.1", zipped=False, more=b""):
    """What a server was sent, and what was made of its two replies."""

    async def run():
        server = Server()
        async with server.running(), AsyncExitStack() as stack:
            server.zipped, server.more = zipped, more
            given = ways(server) if callable(ways) else ways
            if "client" in given:
                stack.push_async_callback(given["client"].aclose)
            upstream = HttpUpstream(**given)
            stack.push_async_callback(upstream.aclose)
            asked = outgoing(url or f"http://{host}:{server.port}/v1")
            replies = [(await upstream.send(asked)).decoded() for _ in range(2)]
            async with upstream.stream(asked) as opened:
                chunks = [chunk async for chunk in opened.chunks]
        return server, replies, b"".join(chunks)

    return asyncio.run(asyncio.wait_for(run(), 20.0))


WAYS = (
    {},
    {"transport": "httpx"},
    {"transport": "aiohttp"},
    {"transport": httpx2.AsyncHTTPTransport},
    {"client": httpx.AsyncClient},
    {"client": httpx2.AsyncClient},
)
NAMED = ["own", "httpx", "aiohttp", "transport2", "client", "client2"]


def made(ways):
    return {name: it if isinstance(it, str) else it() for name, it in ways.items()}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("ways", WAYS, ids=NAMED)
def test_a_reply_is_read_whichever_way_the_request_went(ways, zipped):
    server, replies, streamed = sent_twice(made(ways), zipped=zipped)
    assert replies == [SAID, SAID]
    assert json.loads(streamed) == SAID  # no stream, but a whole answer
    assert server.bodies == [{"model": "m"}] * 3
    assert {first for first, _ in server.heads} == {"POST /v1/chat/completions HTTP/1.1"}


@pytest.mark.parametrize("ways", WAYS[:4], ids=NAMED[:4])
def test_no_cookie_is_kept(ways):
    server, _, _ = sent_twice(made(ways), host="localhost")
    assert [fields.get("cookie") for _, fields in server.heads] == [None] * 3


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_client_keeps_its_cookies(library):
    server, _, _ = sent_twice({"client": library.AsyncClient()})
    assert [fields.get("cookie") for _, fields in server.heads] == [None, "seen=yes", "seen=yes"]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_of_a_client_may_read_the_reply(library):
    read = []

    async def hook(response):
        read.append(json.loads(await response.aread()))

    client = library.AsyncClient(event_hooks={"response": [hook]})
    _, replies, _ = sent_twice({"client": client})
    assert replies == read[:2] == [SAID, SAID]


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_a_hook_of_a_client_may_close_the_reply(library):
    async def hook(response):
        await response.aclose()

    client = library.AsyncClient(event_hooks={"response": [hook]})
    with pytest.raises(UpstreamError, match="StreamClosed"):
        sent_twice({"client": client})


def test_without_a_client_a_request_says_who_sends_it():
    request = straight(outgoing("http://me:pw@one.test/v1/", n=1))
    client = httpx.AsyncClient(verify=False)
    usual = client.build_request("POST", "http://one.test/v1/chat/completions", json={"model": "m"})
    assert set(request.headers) == {*usual.headers, "authorization", "x-request-id"}
    assert request.headers["user-agent"] == f"routelab/{__version__}"
    assert (request.url, json.loads(request.content)) == (usual.url, {"model": "m", "n": 1})


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def proxied(monkeypatch, *names, transport=None):
    """Makes the server the proxy under these names."""

    def ways(server):
        for name in PROXIES:
            for spelt in (name, name.lower()):
                monkeypatch.delenv(spelt, raising=False)
        for name in names:
            monkeypatch.setenv(name, server.url)
        return {"transport": transport}

    return ways


@pytest.mark.parametrize(
    ("transport", "name"),
    [("httpx", "HTTP_PROXY"), ("httpx", "ALL_PROXY"), ("aiohttp", "HTTP_PROXY")],
)
def test_a_proxy_of_the_environment_is_asked_for_other_machines(monkeypatch, transport, name):
    ways = proxied(monkeypatch, name, transport=transport)
    server, replies, _ = sent_twice(ways, url="http://elsewhere.test/v1")
    assert replies == [SAID, SAID]
    for first, fields in server.heads:
        assert first == "POST http://elsewhere.test/v1/chat/completions HTTP/1.1"
        assert fields["user-agent"] == f"routelab/{__version__}"
        assert "cookie" not in fields


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(monkeypatch, transport):
    for host in ("127.0.0.1", "localhost"):
        ways = proxied(monkeypatch, *PROXIES, transport=transport)
        server, replies, _ = sent_twice(ways, host=host)
        assert replies == [SAID, SAID]
        assert {first for first, _ in server.heads} == {"POST /v1/chat/completions HTTP/1.1"}


@pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
def test_a_proxy_of_the_environment_is_asked_for_tls(monkeypatch, transport):
    async def run():
        server = Server()
        async with server.running():
            ways = proxied(monkeypatch, "HTTPS_PROXY", transport=transport)
            upstream = HttpUpstream(**ways(server))
            with pytest.raises(UpstreamError, match=r"ProxyError.* 403") as raised:
                await upstream.send(outgoing("https://elsewhere.test/v1"))
            await upstream.aclose()
        return raised.value.kind, [first for first, _ in server.heads]

    kind, heads = asyncio.run(asyncio.wait_for(run(), 20.0))
    assert (kind, heads) == ("connect", ["CONNECT elsewhere.test:443 HTTP/1.1"])


@pytest.mark.parametrize("proxy", ["http://user:sesame@127.0.0.1:port", "foo://127.0.0.1:9"])
def test_a_proxy_of_the_environment_that_is_none_is_refused_at_once(monkeypatch, proxy):
    proxied(monkeypatch)(None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(RouteError, match=r"is no proxy for httpx .*unset it") as raised:
        HttpUpstream()
    assert "sesame" not in str(raised.value)
    HttpUpstream(httpx.AsyncClient(trust_env=False))  # whose own matter it is


@pytest.mark.parametrize(
    ("name", "proxy", "problem"),
    [
        ("ALL_PROXY", "http://127.0.0.1:9", "does not read ALL_PROXY: set HTTP_PROXY"),
        ("HTTPS_PROXY", "https://127.0.0.1:9", "at http:// only, and HTTPS_PROXY is another"),
        ("HTTP_PROXY", "socks5://127.0.0.1:9", "at http:// only, and HTTP_PROXY is another"),
    ],
)
def test_a_proxy_that_aiohttp_would_pass_by_is_refused_at_once(monkeypatch, name, proxy, problem):
    proxied(monkeypatch)(None)
    monkeypatch.setenv(name, proxy)
    with pytest.raises(RouteError, match=problem):
        HttpUpstream(transport="aiohttp")


@pytest.mark.parametrize("ways", WAYS, ids=NAMED)
def test_a_header_of_a_reply_may_be_long(ways):
    _, replies, _ = sent_twice(made(ways), more=b"x-trace: %b\r\n" % (b"t" * 60_000))
    assert replies == [SAID, SAID]


@pytest.mark.parametrize("url", ["/v1", "http:///v1", "ftp://one.test/v1"])
def test_an_address_that_is_none_is_an_error(url):
    async def run():
        upstream = HttpUpstream()
        with pytest.raises(UpstreamError, match="UnsupportedProtocol") as raised:
            await upstream.send(outgoing(url))
        await upstream.aclose()
        return raised.value.kind

    assert asyncio.run(run()) == "connect"
