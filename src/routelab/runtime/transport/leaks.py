"""Connections that a cancelled request left behind in the pool of httpx.

A request that is cancelled between its connection's opening and its first byte leaves there what
is neither closed nor idle nor anybody's, and holds its place for good: httpcore 1.0.9 never looks
at it again. After 256 of them no request gets a connection any more.

The pool has no public way to do so. Leaned on are `_pool` of httpx's transport, and of httpcore's
pool `_connections`, `_requests`, `_assign_requests_to_connections` and `_close_connections`. Where
a later version has not these, nothing is closed, and one warning says so.

Source: https://github.com/encode/httpcore/issues/1093
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from logging import getLogger
from typing import Any

import httpx

_log = getLogger("routelab")

_NEEDED = (
    "_assign_requests_to_connections",
    "_close_connections",
    "_connections",
    "_requests",
)


async def close_leaked(transports: Iterable[httpx.AsyncBaseTransport | None]) -> None:
    """Close what no request holds, and let those that wait for a place have it."""
    for transport in set(transports):
        pool: Any = getattr(transport, "_pool", None)
        if not _is_of_httpcore(transport, pool):
            continue
        if missing := _missing(pool):
            _warn(missing)
        elif left := _left(pool):
            for connection in left:
                pool._connections.remove(connection)
            await pool._close_connections([*left, *pool._assign_requests_to_connections()])


class Room:
    """Whether a request would have to wait for a free connection of some transports.

    Asked of the pools of httpcore, which have no public way to say; of others nothing is known.
    """

    def __init__(self, transports: Iterable[object]) -> None:
        found = [getattr(it, "_pool", None) for it in transports]
        self._pools: list[tuple[Any, int]] = [
            (pool, most)
            for pool in found
            if type(pool).__module__.partition(".")[0] in ("httpcore", "httpcore2")
            and hasattr(pool, "_requests")
            and isinstance(most := getattr(pool, "_max_connections", None), int)
        ]

    @property
    def full(self) -> bool:
        """Whether as many requests are under way as there may be connections."""
        return any(len(pool._requests) >= most for pool, most in self._pools)


def _is_of_httpcore(transport: object, pool: object) -> bool:
    by_httpx = isinstance(transport, httpx.AsyncHTTPTransport)
    return by_httpx or type(pool).__module__.partition(".")[0] == "httpcore"


def _missing(pool: object) -> tuple[str, ...]:
    """What httpx or httpcore no longer has of what is leaned on here."""
    if pool is None:
        return ("AsyncHTTPTransport._pool",)
    return tuple(f"AsyncConnectionPool.{name}" for name in _NEEDED if not hasattr(pool, name))


@cache  # once a process
def _warn(missing: tuple[str, ...]) -> None:
    _log.warning(
        "this httpx %s or its httpcore has no %s any more: a request that is cancelled while it"
        " connects may take its connection's place in the pool for good; install"
        " 'httpx>=0.28,<0.29' and 'httpcore>=1.0.9,<1.1', or a later routelab",
        httpx.__version__,
        ", ".join(missing),
    )


def _left(pool: Any) -> list[Any]:
    held = {id(request.connection) for request in pool._requests}
    return [
        connection
        for connection in pool._connections
        if id(connection) not in held and not (connection.is_idle() or connection.is_closed())
    ]
