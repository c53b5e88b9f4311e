"""Connections of our own: each in a pool of its own, by host.

httpcore (1.0) looks at every connection of a pool whenever a request comes or goes, and at every
waiting request for each of them: a pool of 256 with a few hundred waiting stops the event loop for
seconds, and one of 32 costs a request twice as much as one of a single connection. So which
connection is free is known here, and a request costs the same however many run at once. A host that
answers nothing takes no connection from another, and no request waits: how many run at once is the
engine's to say.
"""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.request import getproxies

import httpx

from routelab.runtime.transport.closing import Closing
from routelab.runtime.transport.leaks import close_leaked
from routelab.runtime.transport.request import address_of, straight
from routelab.runtime.upstream import OutgoingRequest, Progress, UpstreamError

PROXIED = 32
"""Connections of one pool where there are proxies: a client that knows them is slow to make."""

LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")

_KEPT_S = 5.0
"""That an idle connection is kept, as long as httpx does."""

_LIMITS = httpx.Limits(
    max_connections=None, max_keepalive_connections=PROXIED, keepalive_expiry=_KEPT_S
)

_CLOSED_AT_ONCE = 4

_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Of connections that speak none, as httpx would make one of its own for each."""


class _Pool:
    """Connections to one host, a single one where there are no proxies."""

    __slots__ = ("_opened", "busy", "connected", "idle_since", "transport")

    def __init__(
        self, opened: httpx.AsyncBaseTransport | httpx.AsyncClient, host: httpx.URL
    ) -> None:
        self._opened = opened
        self.transport = _towards(opened, host)
        self.busy = 0
        self.connected = False
        self.idle_since = 0.0

    async def aclose(self) -> None:
        await self._opened.aclose()


class _Host:
    """The pools of one host.

    Attributes:
        pools: all there are.
        roomy: those that take another request; the one last used is asked first, so that those
            that are not needed stay idle and are closed.
    """

    __slots__ = ("_size", "pools", "roomy")

    def __init__(self, size: int) -> None:
        self._size = size
        self.pools: set[_Pool] = set()
        self.roomy: deque[_Pool] = deque()

    def add(self, pool: _Pool) -> None:
        self.pools.add(pool)
        self.roomy.append(pool)

    def enter(self) -> _Pool:
        """A place in a pool that has one."""
        pool = self.roomy[-1]
        pool.busy += 1
        if pool.busy == self._size:
            self.roomy.pop()
        return pool

    def leave(self, pool: _Pool) -> None:
        """A request and its reply are over."""
        pool.busy -= 1
        if not pool.busy:
            pool.idle_since = time.monotonic()
        if pool.busy == self._size - 1 and pool in self.pools:
            self.roomy.append(pool)

    async def close_idle(self) -> None:
        """Close some of the pools that have had nothing to do for a while."""
        for _ in range(_CLOSED_AT_ONCE):
            pool = self.roomy[0] if self.roomy else None
            if pool is None or pool.busy or time.monotonic() - pool.idle_since <= _KEPT_S:
                return
            self.roomy.popleft()
            self.pools.discard(pool)
            await pool.aclose()


class HostPools:
    """Sends over pools of its own, and over the proxies of the environment where there are any.

    Proxies are not asked for this machine.

    Raises:
        UpstreamError: what the environment calls a proxy is none.
    """

    def __init__(self) -> None:
        self._hosts: dict[str, _Host] = {}
        self._proxies = proxies_named()
        self._ssl: ssl.SSLContext | None = None
        if self._proxies:
            self._open()  # so that what is wrong with them is said at once

    async def send(self, outgoing: OutgoingRequest) -> httpx.Response:
        request = straight(outgoing)
        address = address_of(outgoing.deployment.base_url)
        host = self._hosts.get(address.host)
        if host is None:
            host = self._hosts[address.host] = _Host(PROXIED if self._proxies else 1)
        if not host.roomy:
            host.add(_Pool(self._open(tls=address.url.scheme == "https"), address.url))
        pool = host.enter()
        try:
            if host.roomy:
                await host.close_idle()
            if not pool.connected:
                _watch(request, outgoing.progress)
            response = await pool.transport.handle_async_request(request)
            pool.connected = True
        except BaseException:  # a cancellation too
            pool.connected = False
            try:
                await close_leaked((pool.transport,))
            finally:
                host.leave(pool)
            raise
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = Closing(response.stream, partial(host.leave, pool))
        return response

    async def aclose(self) -> None:
        hosts, self._hosts = self._hosts, {}
        for pool in (pool for host in hosts.values() for pool in host.pools):
            await pool.aclose()

    def _open(self, *, tls: bool = True) -> httpx.AsyncBaseTransport | httpx.AsyncClient:
        if not (tls or self._proxies):  # reading certificates takes some ten milliseconds
            return httpx.AsyncHTTPTransport(verify=_NO_TLS, limits=_LIMITS)
        if self._ssl is None:
            self._ssl = httpx.create_ssl_context()  # likewise, so only once
        if not self._proxies:
            return httpx.AsyncHTTPTransport(verify=self._ssl, limits=_LIMITS)
        return proxied(self._ssl)


def proxies_named() -> bool:
    """Whether the environment names proxies."""
    return not {"http", "https", "all"}.isdisjoint(getproxies())


def proxy_problems(*, aiohttp: bool = False) -> Iterator[str]:
    """What is wrong with the proxies of the environment, for httpx or for aiohttp.

    Args:
        aiohttp: it is aiohttp that is to use them.
    """
    if not proxies_named():
        return
    if not aiohttp:
        try:
            proxied(verify=False)  # whose certificates no request will use
        except UpstreamError as error:
            yield f"{error}; correct or unset it, or pass a client or transport of your own"
        return
    named = getproxies()
    if "all" in named and not {"http", "https"} <= named.keys():
        yield (
            "transport='aiohttp' does not read ALL_PROXY: set HTTP_PROXY and HTTPS_PROXY, or take"
            " transport='httpx'"
        )
    for name in ("http", "https"):
        if name in named and not named[name].lower().startswith("http://"):
            yield (
                f"transport='aiohttp' takes proxies at http:// only, and {name.upper()}_PROXY is"
                " another one: take transport='httpx'"
            )


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


def _watch(request: httpx.Request, progress: Progress) -> None:
    """Learn when a request can be sent, where a connection has to be opened for it."""
    progress.connecting = True

    async def trace(event: str, _: dict[str, Any]) -> None:
        if event.startswith("http"):  # http11.send_request_headers, or http2's
            progress.connecting = False

    request.extensions = {**request.extensions, "trace": trace}


def _towards(
    opened: httpx.AsyncBaseTransport | httpx.AsyncClient, host: httpx.URL
) -> httpx.AsyncBaseTransport:
    return opened._transport_for_url(host) if isinstance(opened, httpx.AsyncClient) else opened
