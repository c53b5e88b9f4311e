"""Connections that a cancelled request left behind in the pool of httpx.

A request that is cancelled between its connection's opening and its first byte leaves there what
is neither closed nor idle nor anybody's, and holds its place for good: httpcore 1.0.9 never looks
at it again. After 256 of them no request gets a connection any more.

Source: https://github.com/encode/httpcore/issues/1093
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import httpx


async def close_orphans(transports: Iterable[httpx.AsyncBaseTransport | None]) -> None:
    """Close what no request holds, and let those that wait for a place have it."""
    for transport in set(transports):
        pool: Any = getattr(transport, "_pool", None)
        if pool is None or not hasattr(pool, "_assign_requests_to_connections"):
            continue  # not httpcore's
        if left := _left(pool):
            for connection in left:
                pool._connections.remove(connection)
            await pool._close_connections([*left, *pool._assign_requests_to_connections()])


def _left(pool: Any) -> list[Any]:
    held = {id(request.connection) for request in pool._requests}
    return [
        connection
        for connection in pool._connections
        if id(connection) not in held and not (connection.is_idle() or connection.is_closed())
    ]
