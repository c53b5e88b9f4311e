"""Server-sent events, from bytes that arrive in any cut."""

from __future__ import annotations

from typing import NamedTuple

MAX_EVENT = 16 * 2**20
"""Bytes of one event; an endpoint that sends more has lost its way."""

MAX_LINES = 2_000_000
"""Of a stream, comments and empty ones among them."""

_LINE = 64
"""Bytes that a line takes besides those in it, so that empty ones are bounded too."""

_BOM = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event.

    Attributes:
        data: its lines joined by a line feed, in UTF-8.
        name: its type; empty for the usual `message`.
    """

    data: bytes
    name: str = ""


class EventError(ValueError):
    """The bytes are no event stream."""


class EventParser:
    """Gives each event as soon as its last byte is there.

    `id` and `retry`, which serve to reconnect, are passed over: an answer cannot be resumed.

    Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".
    """

    def __init__(self) -> None:
        self._start = b""
        self._started = False
        self._after_cr = False
        self._line: list[bytes] = []
        self._data: list[bytes] = []
        self._name = ""
        self._size = self._held = self._lines = 0

    def feed(self, data: bytes) -> list[Event]:
        """The events that these bytes complete.

        Raises:
            EventError: an event is longer than `MAX_EVENT`, or there are more than `MAX_LINES`.
        """
        data = self._without_start(data)
        if self._after_cr and data:
            data = data[1:] if data[0] == 0x0A else data
            self._after_cr = False
        if not data:
            return []
        self._size += len(data)
        ends = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data
        first, *rest = ends.split(b"\n")
        self._line.append(first)
        if not rest:
            self._bounded()
            return []
        self._after_cr = data[-1] == 0x0D
        lines = [b"".join(self._line), *rest[:-1]]
        self._lines += len(lines)
        self._line, self._size = [rest[-1]], len(rest[-1]) + self._held
        events = [event for line in lines if (event := self._take(line)) is not None]
        self._bounded()
        return events

    def rest(self) -> Event | None:
        """What the bytes ended in, if no blank line closed it; it may be cut."""
        self._take(b"".join(self._line))
        self._line = []
        return self._dispatch()

    def _without_start(self, data: bytes) -> bytes:
        """The bytes without the mark that may open a stream, which may come in parts."""
        if self._started:
            return data
        data = self._start + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._start = data
            return b""
        self._started = True
        return data.removeprefix(_BOM)

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size += len(value) + _LINE
            self._held += len(value) + _LINE
        elif field == b"event":
            self._name = value.decode(errors="replace")
        return None

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        self._size -= self._held
        self._data, self._name, self._held = [], "", 0
        return Event(b"\n".join(data), name) if data else None

    def _bounded(self) -> None:
        if self._size > MAX_EVENT:
            raise EventError(f"an event of more than {MAX_EVENT // 2**20} MiB")
        if self._lines > MAX_LINES:
            raise EventError(f"more than {MAX_LINES:,} lines")
