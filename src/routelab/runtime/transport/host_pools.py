"""Connections of our own: pools for each host, none of them large.

httpcore (1.0) looks at every connection of a pool whenever a request comes or goes, and at every
waiting request for each of them: a pool of 256 with a few hundred waiting stops the event loop for
seconds. Pools of `SIZE` cost the same however many calls run at once, and a host that answers
nothing takes no connection from another. No request waits in a pool: how many run at once is the
engine's to say.
"""

from __future__ import annotations

import ssl
import time
from urllib.request import getproxies

import httpx

from routelab.runtime.transport.closing import Closing
from routelab.runtime.transport.leaks import close_leaked
from routelab.runtime.transport.request import address_of, straight
from routelab.runtime.upstream import OutgoingRequest, UpstreamError

SIZE = 32
"""Connections of one pool."""

LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=SIZE)

_IDLE_S = 30.0
"""After which a pool that few needed is closed."""


class _Pool:
    """A few connections to one host."""

    __slots__ = ("_opened", "busy", "idle_since", "transport")

    def __init__(
        self, opened: httpx.AsyncBaseTransport | httpx.AsyncClient, host: httpx.URL
    ) -> None:
        self._opened = opened
        self.transport = _towards(opened, host)
        self.busy = 0
        self.idle_since = 0.0

    def left(self) -> None:
        """A request and its reply are over."""
        self.busy -= 1
        if not self.busy:
            self.idle_since = time.monotonic()

    async def aclose(self) -> None:
        await self._opened.aclose()


class HostPools:
    """Sends over pools of its own, and over the proxies of the environment where there are any.

    Proxies are not asked for this machine.

    Raises:
        UpstreamError: what the environment calls a proxy is none.
    """

    def __init__(self) -> None:
        self._pools: dict[str, list[_Pool]] = {}
        self._proxies = proxies_named()
        self._ssl: ssl.SSLContext | None = None
        if self._proxies:
            self._open()  # so that what is wrong with them is said at once

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        request = straight(outgoing)
        address = address_of(outgoing.deployment.base_url)
        pools = self._pools.setdefault(address.host, [])
        pool = next((it for it in pools if it.busy < SIZE), None)
        if pool is None:
            pool = _Pool(self._open(), address.url)
            pools.append(pool)
        pool.busy += 1
        try:
            if len(pools) > 1:
                await self._close_idle(pools)
            response = await pool.transport.handle_async_request(request)
        except BaseException:  # a cancellation too
            pool.left()
            await close_leaked((pool.transport,))
            raise
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = Closing(response.stream, pool.left)
        return response

    async def aclose(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in (pool for some in pools.values() for pool in some):
            await pool.aclose()

    async def _close_idle(self, pools: list[_Pool]) -> None:
        """Close the last pool when it has had nothing to do for a while."""
        last = pools[-1]
        if not last.busy and time.monotonic() - last.idle_since > _IDLE_S:
            pools.pop()
            await last.aclose()

    def _open(self) -> httpx.AsyncBaseTransport | httpx.AsyncClient:
        if self._ssl is None:
            self._ssl = httpx.create_ssl_context()  # some ten milliseconds, so only once
        if not self._proxies:
            return httpx.AsyncHTTPTransport(verify=self._ssl, limits=_LIMITS)
        return proxied(self._ssl)


def proxies_named() -> bool:
    """Whether the environment names proxies."""
    return not {"http", "https", "all"}.isdisjoint(getproxies())


def proxied(verify: ssl.SSLContext | bool = True) -> httpx.AsyncClient:
    """A client that knows which proxy an address has.

    Raises:
        UpstreamError: what the environment calls a proxy is none.
    """
    mounts: dict[str, httpx.AsyncBaseTransport | None] = dict.fromkeys(LOOPBACK)
    try:
        return httpx.AsyncClient(verify=verify, limits=_LIMITS, mounts=mounts)
    except (httpx.InvalidURL, ImportError, ValueError) as error:  # whose words may hold a key
        raise UpstreamError(
            "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names what is no proxy for httpx"
            f" ({type(error).__name__})"
        ) from None


def _towards(
    opened: httpx.AsyncBaseTransport | httpx.AsyncClient, host: httpx.URL
) -> httpx.AsyncBaseTransport:
    return opened._transport_for_url(host) if isinstance(opened, httpx.AsyncClient) else opened
