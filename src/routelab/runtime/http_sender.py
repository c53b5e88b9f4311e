"""Ways for a request to leave: as a client of httpx would send it, or straight to a transport."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias
from urllib.request import getproxies

import httpx

from routelab.core.extras import how_to_install
from routelab.errors import MissingExtraError, RouteError
from routelab.runtime.closing import Closing
from routelab.runtime.http_request import Requests, straight
from routelab.runtime.orphans import close_orphans
from routelab.runtime.upstream import Outgoing

Transport: TypeAlias = Literal["httpx", "aiohttp"] | httpx.AsyncBaseTransport

LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_LIMITS = httpx.Limits(max_connections=256, max_keepalive_connections=64)


class Sender(Protocol):
    """Sends requests."""

    async def send(self, outgoing: Outgoing) -> httpx.Response:
        """A reply of which the head has come.

        Raises:
            UpstreamError: there is no key to send.
            httpx.HTTPError, httpx.InvalidURL: no reply.
        """
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...


class ThroughClient:
    """With all that the client does: its hooks, cookies, redirects and proxies."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._requests = Requests()

    async def send(self, outgoing: Outgoing) -> httpx.Response:
        client = self._client
        request, auth = self._requests.build(client, outgoing)
        try:
            response = await client.send(request, auth=auth, stream=True)
        except BaseException:  # a cancellation too
            await close_orphans((client._transport, *client._mounts.values()))
            raise
        return _closing(response)

    async def aclose(self) -> None:
        await self._client.aclose()


class Straight:
    """With nothing in between, at a quarter of a client's cost."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport

    async def send(self, outgoing: Outgoing) -> httpx.Response:
        request = straight(outgoing)
        try:
            response = await self._transport.handle_async_request(request)
        except BaseException:  # a cancellation too
            await close_orphans((self._transport,))
            raise
        response.request = request
        return _closing(response)

    async def aclose(self) -> None:
        await self._transport.aclose()


def own(transport: httpx.AsyncBaseTransport | None) -> Sender:
    """A sender over this transport, or over one of its own.

    Without a transport the proxies of the environment are asked, but not for this machine.
    """
    if transport is not None:
        return Straight(transport)
    if _any(getproxies()):
        return ThroughClient(httpx.AsyncClient(limits=_LIMITS, mounts=dict.fromkeys(LOOPBACK)))
    return Straight(httpx.AsyncHTTPTransport(limits=_LIMITS))


def _any(proxies: Iterable[str]) -> bool:
    """Whether a scheme has a proxy."""
    return not {"http", "https", "all"}.isdisjoint(proxies)


def named(name: str) -> httpx.AsyncBaseTransport | None:
    """A transport by name; None for httpx's own.

    Raises:
        MissingExtraError: httpx-aiohttp is not installed.
        RouteError: no transport has this name.
    """
    if name == "httpx":
        return None
    if name != "aiohttp":
        raise RouteError(f"no transport {name!r}; there are 'httpx' and 'aiohttp'")
    try:
        from httpx_aiohttp import AiohttpTransport  # heavy, so only for those who ask
    except ImportError as error:
        raise MissingExtraError(
            f"transport='aiohttp' needs httpx-aiohttp: {how_to_install('serve')}"
        ) from error
    return AiohttpTransport(limits=_LIMITS)


def _closing(response: httpx.Response) -> httpx.Response:
    if isinstance(response.stream, httpx.AsyncByteStream):
        response.stream = Closing(response.stream)
    return response
