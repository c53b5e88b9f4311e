"""Writes to a connection that are sent together."""

from __future__ import annotations

import asyncio
from typing import Any

_MOST_BYTES = 65_536
"""That are held back: above it the transport sends, and says when its caller is to wait."""


class JoinedWrites:
    """A transport that sends at once what is written in one turn of its loop.

    The head and the body of an answer are then one packet, and one call of the system, which is
    what a small answer costs most.

    Args:
        plain: the transport of the connection, which does all else.
        loop: that runs it.
    """

    def __init__(self, plain: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.plain = plain
        self._loop = loop
        self._held: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def write(self, data: bytes) -> None:
        """Send data, with whatever else is written before the loop goes on."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._size += len(data)
        if self._size > _MOST_BYTES:
            self._send()

    def close(self) -> None:
        """Send what was written, and hang up."""
        self._send()
        self.plain.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._held.clear()
        self.plain.abort()

    def _send(self) -> None:
        if self._held and not self.plain.is_closing():
            self.plain.write(self._held[0] if len(self._held) == 1 else b"".join(self._held))
        self._held.clear()
        self._size = 0
