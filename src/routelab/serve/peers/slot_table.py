"""What processes know of each key, tenant, priority and request, in a file that all of them map.

A lock that the system drops with its holder guards it, so that a process that is killed leaves
nothing locked; what it had under way is in a column of its own, which is cleared when it is gone.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

_WAYS: Final = 16
"""Slots that a name may take. All of them are taken once in 10^4 names at half of the table."""
_SETS: Final = 2048
_SECOND, _SEEN, _ROOM, _AT, _DAY, _SPENT, _OTHER_DAY, _OTHER_SPENT, _UNDER_WAY = range(1, 10)
"""Columns of 8 bytes, after the first half of the hash; at last one for each process."""


class SlotTable:
    """A table of fixed size; who was not seen for longest makes room for who comes.

    Args:
        path: of the file, which is made if it is not there.
        columns: processes at once, each with a number below it.
        own: the number of this one.
    """

    def __init__(self, path: Path, columns: int, own: int = 0) -> None:
        self._width = _UNDER_WAY + columns
        size = _SETS * _WAYS * self._width * 8
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._file, size)  # zeros, where it was shorter
        self._map = mmap.mmap(self._file, size)
        self.integers = memoryview(self._map).cast("q")
        self.numbers = memoryview(self._map).cast("d")
        self.own = own
        self.columns = columns

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else reads or writes within; held for microseconds."""
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def find(self, name: str) -> SharedUse | None:
        """The slot of a name, if it has one; within `locked`."""
        first, second = _digest(name)
        for at in self._places(first):
            if self.integers[at] == first and self.integers[at + _SECOND] == second:
                return SharedUse(self, at)
        return None

    def use(self, name: str, room: float, now_s: float) -> SharedUse | None:
        """The slot of a name, a fresh one if it has none; within `locked`.

        Args:
            name: of whoever asks.
            room: that a fresh one begins with.
            now_s: of a clock that is the same for all processes.
        Returns:
            None where all that it could take have requests under way.
        """
        known = self.find(name) or self._fresh(name, room, now_s)
        if known is not None:
            known.seen(now_s)
        return known

    def _fresh(self, name: str, room: float, now_s: float) -> SharedUse | None:
        first, second = _digest(name)
        idle = [at for at in self._places(first) if not SharedUse(self, at).under_way]
        if not idle:
            return None
        at = min(idle, key=lambda at: self.numbers[at + _SEEN] if self.integers[at] else -1.0)
        for column in range(self._width):
            self.integers[at + column] = 0
        self.integers[at], self.integers[at + _SECOND] = first, second
        self.numbers[at + _ROOM], self.numbers[at + _AT] = room, now_s
        self.integers[at + _DAY] = self.integers[at + _OTHER_DAY] = -1
        return SharedUse(self, at)

    def clear(self, column: int) -> None:
        """A process is gone, and nothing of it is under way any more."""
        with self.locked():
            cells = np.frombuffer(self._map, np.int64).reshape(-1, self._width)
            cells[:, _UNDER_WAY + column] = 0
            del cells  # or the map could not be closed

    def close(self) -> None:
        """Leave the file to the others."""
        self.integers.release()
        self.numbers.release()
        self._map.close()
        os.close(self._file)

    def _places(self, first: int) -> range:
        start = (first % _SETS) * _WAYS * self._width
        return range(start, start + _WAYS * self._width, self._width)


class SharedUse:
    """A slot: what somebody asked for lately, of whichever process; read and set within `locked`.

    Attributes:
        at_s: when its room was worked out.
    """

    __slots__ = ("_at", "_table")

    def __init__(self, table: SlotTable, at: int) -> None:
        self._table = table
        self._at = at

    def seen(self, now_s: float) -> None:
        """Who was not seen for longest is forgotten first."""
        self._table.numbers[self._at + _SEEN] = now_s

    @property
    def room(self) -> float:
        """Requests that may be let in now."""
        return self._table.numbers[self._at + _ROOM]

    @room.setter
    def room(self, value: float) -> None:
        self._table.numbers[self._at + _ROOM] = value

    @property
    def at_s(self) -> float:
        return self._table.numbers[self._at + _AT]

    @at_s.setter
    def at_s(self, value: float) -> None:
        self._table.numbers[self._at + _AT] = value

    @property
    def spent_usd(self) -> float:
        """On the day that it is turned to."""
        return self._table.numbers[self._at + _SPENT]

    @spent_usd.setter
    def spent_usd(self, value: float) -> None:
        self._table.numbers[self._at + _SPENT] = value

    @property
    def under_way(self) -> int:
        """Requests of all processes; what is added is added to those of this one."""
        start = self._at + _UNDER_WAY
        return sum(self._table.integers[start : start + self._table.columns])

    @under_way.setter
    def under_way(self, value: int) -> None:
        own = self._at + _UNDER_WAY + self._table.own
        self._table.integers[own] += value - self.under_way

    @property
    def day(self) -> int:
        return self._table.integers[self._at + _DAY]

    def turn_to(self, day: int) -> None:
        """Count what is spent on this day, which may be the one before, as clocks step back."""
        integers, numbers, at = self._table.integers, self._table.numbers, self._at
        back = integers[at + _OTHER_DAY] == day
        spent_usd = numbers[at + _OTHER_SPENT] if back else 0.0
        integers[at + _OTHER_DAY], numbers[at + _OTHER_SPENT] = self.day, self.spent_usd
        integers[at + _DAY], numbers[at + _SPENT] = day, spent_usd


def _digest(name: str) -> tuple[int, int]:
    """Two numbers that stand for a name; the first is never 0, which is an empty slot's."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    first = int.from_bytes(digest[:8], "little", signed=True)
    return first or 1, int.from_bytes(digest[8:], "little", signed=True)
