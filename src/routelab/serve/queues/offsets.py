"""Which messages of a partition are all answered, where they are answered out of order."""

from __future__ import annotations

import heapq


class OffsetTracker:
    """The offset up to which everything is done.

    An offset that comes again, as after a partition was given to another and back, begins anew.
    """

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._least: list[int] = []
        self._next = 0
        self._taken: int | None = None

    def began(self, offset: int) -> None:
        """A message is held."""
        if offset < self._next and not self._open:
            self._taken = None
        self._open.add(offset)
        heapq.heappush(self._least, offset)
        self._next = max(self._next, offset + 1)

    def done(self, offset: int) -> None:
        """A message is answered."""
        self._open.discard(offset)

    def take(self) -> int | None:
        """The offset to commit, that of the first message that is not done; None for no change."""
        while self._least and self._least[0] not in self._open:
            heapq.heappop(self._least)
        found = self._least[0] if self._least else self._next
        if found == self._taken or not self._next:
            return None
        self._taken = found
        return found
