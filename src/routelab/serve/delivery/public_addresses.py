"""Connections to addresses that anybody may reach: none inward, unless the network is allowed.

A name is resolved once, what it stands for is checked, and the connection goes to what was
checked: a name that stands for another address a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias

import httpcore

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class InwardError(Exception):
    """An address is private or this machine's own, and its network is not allowed."""


class PublicBackend(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, to checked addresses alone.

    Args:
        allow: networks that may be reached though they are private.
        resolve: addresses of a name; the system's unless given.
    """

    def __init__(self, allow: Iterable[str], resolve: Resolve | None = None) -> None:
        self._allow = [ipaddress.ip_network(it) for it in allow]
        self._resolve = resolve or _system
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"there is no address of {host}") from error
        good = [it for it in found if self.may_reach(it)]
        if not good:
            raise InwardError(
                f"{host} is inside ({', '.join(found)}), and webhooks go outside: list its network"
                " in delivery.allow if it is meant"
            )
        failure: Exception | None = None
        for address in good:
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        assert failure is not None  # there was at least one address
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def is_allowed(self, address: str) -> bool:
        """Whether an address is in a network that is allowed by name."""
        found = _meant(ipaddress.ip_address(address.partition("%")[0]))
        return any(found in network for network in self._allow)

    def may_reach(self, address: str) -> bool:
        """Whether a connection to an address may be opened."""
        found = _meant(ipaddress.ip_address(address.partition("%")[0]))
        outside = found.is_global and not found.is_multicast and not found.is_reserved
        return outside or self.is_allowed(address)


def _meant(address: Address) -> Address:
    """The address of the fourth version that one of the sixth stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address.teredo:
            inner = address.teredo[1]
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return inner
    return address


async def _system(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(it[4][0]) for it in found))
