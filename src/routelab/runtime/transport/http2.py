"""Tell an endpoint over HTTP/2 that nobody waits for its reply any more.

Over HTTP/1.1 the connection is closed, which tells it. Over HTTP/2 others use the connection, and
httpcore (1.0.9, as httpcore2 2.16) only forgets the stream: the endpoint goes on, and bills it all.
So the stream is reset when httpcore is done with it and its reply is not over.

There is no public way to do so. Leaned on are `_http2`, `_requests` of httpcore's pool, its
`trace`, and of its connection `_connection`, `_h2_state` and `_write_outgoing_data`. Where a later
version has not these, nothing is reset.

Source: RFC 9113, section 8.1: a client resets a stream with CANCEL that it no longer needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from logging import getLogger
from typing import Any

_log = getLogger("routelab")

_SENDS, _CLOSES = "http2.send_request_headers.started", "http2.response_closed.started"
_CANCEL = 8
"""RFC 9113, section 7: the stream is no longer needed."""


class StreamResets:
    """Resets streams that are left before they end.

    Args:
        transports: of httpx or httpx2; of others nothing is known.
    """

    def __init__(self, transports: Iterable[object]) -> None:
        found = (getattr(it, "_pool", None) for it in transports)
        self._pools: list[Any] = [it for it in found if getattr(it, "_http2", False) is True]

    def watch(self, request: Any) -> None:
        """Reset this request's stream if it is left.

        Args:
            request: of httpx or httpx2, not yet sent.
        """
        if not self._pools:
            return
        theirs = request.extensions.get("trace")
        connection: Any = None

        async def trace(event: str, info: dict[str, Any]) -> None:
            nonlocal connection
            if event == _SENDS:
                connection = self._connection_of(info.get("request"))
            elif event == _CLOSES and connection is not None:
                await _reset(connection, info.get("stream_id"))
            if theirs is not None:
                await theirs(event, info)

        request.extensions = {**request.extensions, "trace": trace}

    def _connection_of(self, request: object) -> Any:
        """That a request of httpcore goes over; None if that cannot be found."""
        for pool in self._pools:
            for one in getattr(pool, "_requests", ()):
                if one.request is request:
                    connection = one.connection
                    while connection is not None and not hasattr(connection, "_h2_state"):
                        connection = getattr(connection, "_connection", None)
                    return connection
        return None


async def _reset(connection: Any, stream_id: object) -> None:
    """Reset a stream that is not over; whatever goes wrong, the connection's own errors tell."""
    try:
        state = connection._h2_state
        stream = state.streams.get(stream_id)
        if stream is None or stream.closed:
            return
        state.reset_stream(stream_id, error_code=_CANCEL)
        await connection._write_outgoing_data(_NO_REQUEST)
    except Exception as error:  # noqa: BLE001  (of h2, of the network, or of another httpcore)
        _log.debug("a stream of HTTP/2 was not reset: %r", error)


class _NoRequest:
    """Of which a write asks for its timeouts alone."""

    extensions: dict[str, Any] = {"timeout": {"write": 1.0}}  # noqa: RUF012  (nobody changes it)


_NO_REQUEST = _NoRequest()
