"""The bytes of a reply, unpacked as they come, and no more of them than a deployment may send."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import Any

from anyio.lowlevel import checkpoint

from routelab.runtime.upstream import UpstreamError

_STEP = 1 << 16
"""Bytes that are unpacked at once: what is packed well grows a thousandfold."""

_SLICE = 1 << 16
"""Bytes of a part that are passed on at once."""

_AT_ONCE = 1 << 17
"""Bytes after which others have their turn."""

_WINDOWS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


async def unpacked(parts: AsyncIterator[bytes], encoding: str, most: int) -> AsyncGenerator[bytes]:
    """The bytes of a reply as they come.

    Args:
        parts: as they are on the wire.
        encoding: that the reply says it has.
        most: bytes, once unpacked.
    Raises:
        UpstreamError: there are more, they are not what they say they are, or they are packed in a
            way that was not asked for.
    """
    size = paused = 0
    unpack = _Unpacker(encoding) if encoding not in ("", "identity") else None
    async for part in parts:
        for piece in _sliced(part) if unpack is None else unpack.feed(part):
            size += len(piece)
            if size > most:
                raise too_long(most)
            if size - paused > _AT_ONCE:  # a little may unpack to a lot
                paused = size
                await checkpoint()
            yield piece


def _sliced(part: bytes) -> Iterator[bytes]:
    """What a network brings is short; what a hook of a client has read is all there is."""
    if len(part) <= _SLICE:
        return iter((part,))
    return (part[at : at + _SLICE] for at in range(0, len(part), _SLICE))


def too_long(most: int) -> UpstreamError:
    """The failure of a reply that has more bytes."""
    return UpstreamError(
        f"sent more than {most:,} bytes; a deployment that may do so has `max_reply_bytes` in the"
        " catalogue",
        "malformed",
    )


class _Unpacker:
    """Takes the packing off, a little at a time.

    Raises:
        UpstreamError: it is packed in a way that is not known here.
    """

    def __init__(self, encoding: str) -> None:
        window = _WINDOWS.get(encoding.strip().lower())
        if window is None:
            raise UpstreamError(
                f"sent a reply in the encoding {encoding!r:.40}, which was not asked for",
                "malformed",
            )
        self._inflate: Any = zlib.decompressobj(window)
        self._bare = window == zlib.MAX_WBITS

    def feed(self, part: bytes) -> Iterator[bytes]:
        """What these bytes unpack to."""
        while part:
            try:
                piece = self._inflate.decompress(part, _STEP)
            except zlib.error as error:
                if not self._bare:
                    said = f"sent what does not unpack: {error}"
                    raise UpstreamError(said, "malformed") from None
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)  # as some servers mean it
                self._bare = False
                continue
            self._bare = False
            part = self._inflate.unconsumed_tail
            if piece:
                yield piece
            if self._inflate.eof:
                return
