"""Ways for a request to leave: as a client of httpx would send it, or straight to a transport."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, Protocol, TypeAlias
from urllib.request import getproxies

import httpx

from routelab.core.messages import how_to_install, unknown_name
from routelab.errors import MissingExtraError
from routelab.runtime.transport.closing import Closing
from routelab.runtime.transport.leaks import close_leaked
from routelab.runtime.transport.request import RequestBuilder, straight
from routelab.runtime.upstream import OutgoingRequest, UpstreamError

Transport: TypeAlias = Literal["httpx", "aiohttp"] | httpx.AsyncBaseTransport

_NAMES = ("httpx", "aiohttp")

LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64)


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

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._requests = RequestBuilder()

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        client = self._client
        if client.is_closed:
            raise UpstreamError("the client that the router was given is closed")
        request, auth = self._requests.build(client, outgoing)
        try:
            response = await client.send(request, auth=auth, stream=True)
        except BaseException:  # a cancellation too
            await close_leaked(_transports(client))
            raise
        return _closing(response)

    async def aclose(self) -> None:
        await self._client.aclose()


class DirectSender:
    """With nothing between the request and the transport."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        request = straight(outgoing)
        transport = self._towards(request.url)
        try:
            response = await transport.handle_async_request(request)
        except BaseException:  # a cancellation too
            await close_leaked((transport,))
            raise
        return _closing(response)

    def _towards(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        return self._transport

    async def aclose(self) -> None:
        await self._transport.aclose()


class ProxySender(DirectSender):
    """Over the proxies of the environment, which are not asked for this machine.

    A client knows which proxy an address has, and does nothing else here.

    Raises:
        UpstreamError: one of them is none.
    """

    def __init__(self) -> None:
        self._client = _proxied()

    def _towards(self, url: httpx.URL) -> httpx.AsyncBaseTransport:
        return self._client._transport_for_url(url)

    async def aclose(self) -> None:
        await self._client.aclose()


def problems(client: object, transport: object) -> Iterator[str]:
    """What is wrong with a client or transport that a user gave; None is neither."""
    if client is not None and not isinstance(client, httpx.AsyncClient):
        yield f"client={client!r:.80}: give an httpx.AsyncClient"
    if transport is not None and not isinstance(transport, str | httpx.AsyncBaseTransport):
        kinds = "'httpx', 'aiohttp' or an httpx.AsyncBaseTransport"
        yield f"transport={transport!r:.80}: give {kinds}"
    elif isinstance(transport, str) and transport not in _NAMES:
        yield unknown_name("transport", transport, _NAMES)


def own(transport: httpx.AsyncBaseTransport | None) -> Sender:
    """A sender over this transport; without one, over httpx's and the proxies there are.

    Raises:
        UpstreamError: what the environment calls a proxy is none.
    """
    if transport is not None:
        return DirectSender(transport)
    if {"http", "https", "all"}.isdisjoint(getproxies()):
        return DirectSender(httpx.AsyncHTTPTransport(limits=_LIMITS))
    if not hasattr(httpx.AsyncClient, "_transport_for_url"):  # private: another httpx than 0.28
        return ClientSender(_proxied())  # which is slower, and sends the same
    return ProxySender()


def _proxied() -> httpx.AsyncClient:
    try:
        return httpx.AsyncClient(limits=_LIMITS, mounts=dict.fromkeys(LOOPBACK))
    except (httpx.InvalidURL, ImportError, ValueError) as error:  # whose words may hold a key
        raise UpstreamError(
            "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names what is no proxy for httpx"
            f" ({type(error).__name__})"
        ) from None


def _transports(client: httpx.AsyncClient) -> Iterable[httpx.AsyncBaseTransport | None]:
    """Those of a client, which httpx (0.28) has no public name for; a test watches for them."""
    return (getattr(client, "_transport", None), *getattr(client, "_mounts", {}).values())


def named(name: Literal["httpx", "aiohttp"]) -> httpx.AsyncBaseTransport | None:
    """A transport by name; None for httpx's own.

    Raises:
        MissingExtraError: httpx-aiohttp is not installed.
    """
    if name == "httpx":
        return None
    try:
        import aiohttp  # heavy, so only for those who ask
        from httpx_aiohttp import AiohttpTransport
    except ImportError as error:
        raise MissingExtraError(
            f"transport='aiohttp' needs httpx-aiohttp: {how_to_install('serve')}"
        ) from error

    transport = AiohttpTransport(limits=_LIMITS)

    def session() -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=_LIMITS.max_connections or 0,
            keepalive_timeout=_LIMITS.keepalive_expiry,
            ssl=transport.ssl_context,
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    transport.client = session
    return transport


def _closing(response: httpx.Response) -> httpx.Response:
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = Closing(response.stream)
    return response
