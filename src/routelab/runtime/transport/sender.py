"""Ways for a request to leave: as a client of httpx would send it, or straight to a transport."""

from __future__ import annotations

import functools
import math
import os
import ssl
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, Union

import httpx

from routelab.core.messages import how_to_install, unknown_name
from routelab.errors import MissingExtraError, RouteError
from routelab.runtime.transport.closing import Closing, closing_of
from routelab.runtime.transport.host_pools import (
    HostPools,
    proxied,
    proxies_named,
    proxy_problems,
)
from routelab.runtime.transport.http2 import StreamResets
from routelab.runtime.transport.leaks import Room, close_leaked
from routelab.runtime.transport.libraries import in_library, library_of
from routelab.runtime.transport.request import RequestBuilder, straight
from routelab.runtime.upstream import OutgoingRequest, UpstreamError

if TYPE_CHECKING:
    import httpx2

Client: TypeAlias = Union[httpx.AsyncClient, "httpx2.AsyncClient"]
Transport: TypeAlias = Union[
    Literal["httpx", "aiohttp"], httpx.AsyncBaseTransport, "httpx2.AsyncBaseTransport"
]

_NAMES = ("httpx", "aiohttp")

_KEPT_S = 5.0
"""That aiohttp keeps an idle connection, as long as httpx does."""

_LONGEST = 100 * 1024
"""Bytes of a header, as many as httpcore takes."""


class Sender(Protocol):
    """Sends requests."""

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        """A reply of which the head has come.

        Raises:
            UpstreamError: there is no key to send, or the client is closed.
            httpx.HTTPError, httpx.InvalidURL: there is no reply; a transport below httpx may
                raise what its own library does.
        """
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class ClientSender:
    """With all that the client does: its hooks, cookies, redirects and proxies."""

    def __init__(self, client: Client) -> None:
        self._client: Any = client
        self._library = library_of(client, "AsyncClient") or httpx
        self._requests = RequestBuilder(self._library)
        self._room = Room(_transports(client))
        self._resets = StreamResets(_transports(client))

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        client = self._client
        if client.is_closed:
            raise UpstreamError("the client that the router was given is closed")
        request, auth = self._requests.build(client, outgoing)
        self._resets.watch(request)
        if self._room.full:
            _watch(request, outgoing)
        try:
            response = await client.send(request, auth=auth, stream=True)
        except BaseException:  # a cancellation too
            await close_leaked(_transports(client))
            raise
        return _closing(response, self._library)

    async def aclose(self) -> None:
        await self._client.aclose()


class DirectSender:
    """With nothing between the request and the transport."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._library = library_of(transport, "AsyncBaseTransport") or httpx
        self._room = Room((transport,))
        self._resets = StreamResets((transport,))

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        request = in_library(straight(outgoing), self._library)
        transport = self._transport
        self._resets.watch(request)
        if self._room.full:
            _watch(request, outgoing)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:  # a cancellation too
            await close_leaked((transport,))
            raise
        return _closing(response, self._library)

    async def aclose(self) -> None:
        await self._transport.aclose()


class _Proxied(httpx.AsyncBaseTransport):
    """One transport for this machine, and another, which goes over proxies, for all others."""

    def __init__(self, here: httpx.AsyncBaseTransport, others: httpx.AsyncBaseTransport) -> None:
        self._here = here
        self._others = others

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        chosen = self._here if request.url.host in _HERE else self._others
        return await chosen.handle_async_request(request)

    async def aclose(self) -> None:
        await self._here.aclose()
        await self._others.aclose()


_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def problems(client: object, transport: object) -> Iterator[str]:
    """What is wrong with a client or transport that a user gave; None is neither."""
    if client is not None and library_of(client, "AsyncClient") is None:
        yield f"client={client!r:.80}: give an httpx.AsyncClient or an httpx2.AsyncClient"
    if isinstance(transport, str):
        if transport not in _NAMES:
            yield unknown_name("transport", transport, _NAMES)
    elif transport is not None and library_of(transport, "AsyncBaseTransport") is None:
        kinds = "'httpx', 'aiohttp' or an httpx.AsyncBaseTransport (or one of httpx2)"
        yield f"transport={transport!r:.80}: give {kinds}"


def own(transport: object) -> Sender:
    """A sender over this transport; without one, over httpx's and the proxies there are.

    Raises:
        UpstreamError: what the environment calls a proxy is none.
    """
    if transport is not None:
        return DirectSender(transport)
    if proxies_named() and not hasattr(httpx.AsyncClient, "_transport_for_url"):
        return ClientSender(proxied())  # private: another httpx than 0.28; slower, sends the same
    return HostPools()


def _transports(client: Any) -> Iterable[Any]:
    """Those of a client, which httpx (0.28) has no public name for; a test watches for them."""
    return (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())


def certificates() -> ssl.SSLContext:
    """Whom to trust, read once for all routers of a process: that takes some thirty milliseconds.

    They are read again where the environment names others, or a file that has changed.
    """
    places = [os.environ.get(name, "") for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")]
    return _certificates(tuple((it, _changed_ns(it)) for it in places))


@functools.lru_cache(maxsize=1)
def _certificates(_: tuple[tuple[str, int], ...]) -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _changed_ns(path: str) -> int:
    try:
        return Path(path).stat().st_mtime_ns if path else 0
    except OSError:
        return 0  # httpx says what is wrong with it


def named(name: Literal["httpx", "aiohttp"]) -> httpx.AsyncBaseTransport | None:
    """A transport by name; None for httpx's own.

    Raises:
        MissingExtraError: httpx-aiohttp is not installed.
        RouteError: it cannot use the proxies of the environment.
    """
    if name == "httpx":
        return None
    if wrong := tuple(proxy_problems(aiohttp=True)):
        raise RouteError(*wrong)
    try:
        import aiohttp  # heavy, so only for those who ask
        from httpx_aiohttp import AiohttpTransport
    except ImportError as error:
        raise MissingExtraError(
            f"transport='aiohttp' needs httpx-aiohttp: {how_to_install('serve')}"
        ) from error

    def opened(*, proxies: bool) -> httpx.AsyncBaseTransport:
        transport = AiohttpTransport(verify=certificates())
        transport.client = functools.partial(session, transport.ssl_context, proxies=proxies)
        return transport

    def session(ssl_context: Any, *, proxies: bool) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # how many calls run at once is the engine's to say
            keepalive_timeout=_KEPT_S,
            ssl=ssl_context,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=proxies,
            max_line_size=_LONGEST,
            max_field_size=_LONGEST,
        )

    direct = opened(proxies=False)
    return _Proxied(direct, opened(proxies=True)) if proxies_named() else direct


_LEAST_LEFT = 0.1
"""Of a request's time, what is left of it when it is sent."""

_LEAVES = ("send_request_body.complete", "receive_response_headers.started")
"""What httpcore tells of a request that was sent, of which an endpoint can have read anything."""


def _watch(request: Any, outgoing: OutgoingRequest) -> None:
    """Learn when a request leaves, which waits for a free connection; too late it does not.

    One that gets a connection as its time ends could not be answered, and might be billed.
    httpcore tells a lot, which costs as much as a third of the request: so only where it waits.
    """
    progress, limits = outgoing.progress, outgoing.timeouts
    progress.waits = True
    began_s = time.monotonic()
    first_s = limits.first_token_s if outgoing.body.get("stream") else math.inf
    longest_s = (1.0 - _LEAST_LEFT) * min(limits.total_s, first_s)
    theirs = request.extensions.get("trace")

    async def trace(event: str, info: dict[str, Any]) -> None:
        if progress.waits:
            if time.monotonic() - began_s > longest_s:
                raise UpstreamError("no connection was free here before its time was over", "busy")
            progress.waits = not event.endswith(_LEAVES)
        if theirs is not None:
            await theirs(event, info)

    request.extensions = {**request.extensions, "trace": trace}


def _closing(response: Any, library: ModuleType) -> httpx.Response:
    """The same, whose stream is closed as a whole; of httpx2 it has the same parts."""
    if isinstance(response.stream, library.AsyncByteStream):
        made = Closing if library is httpx else closing_of(library)
        response.stream = made(response.stream)
    same: httpx.Response = response
    return same
