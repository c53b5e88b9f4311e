"""Which cell each arm asks next: a random order of requests, the same one for all arms.

Wherever asking stops, the requests that every arm has answered are a random sample of all. An arm
that is fast runs ahead of the slowest by a bounded number of requests, so that money that runs out
leaves few requests with answers of some arms alone.
"""

from __future__ import annotations

import asyncio

import numpy as np

from routelab.collect.storage import CellTable
from routelab.core import Ints

LEAD = 4
"""Times the requests under way of one arm that it may be ahead of the slowest."""


class AskingOrder:
    """Gives each arm its next request; for one event loop.

    Args:
        table: the state of cells, which are skipped when they are over.
        n: requests of the collection that are asked.
        seed: of the order.
        arms: numbers of the arms that are asked.
        at_once: requests of one arm under way.
    """

    def __init__(
        self, table: CellTable, n: int, seed: int, arms: tuple[int, ...], at_once: int
    ) -> None:
        self._codes = table.codes
        rows = np.random.default_rng(seed).permutation(len(table.codes))
        self.rows: Ints = rows[:n]
        self._places = dict.fromkeys(arms, 0)
        self._lead = max(64, LEAD * at_once)
        self._moved = asyncio.Event()
        self._over = False

    async def next(self, arm: int) -> int | None:
        """The next request of an arm; None where there is none left, or asking was stopped."""
        while not self._over and arm in self._places:
            place = self._skipped(arm)
            if place >= len(self.rows):
                self.leave(arm)
                return None
            if place - min(self._places.values()) < self._lead:
                self._places[arm] = place + 1
                self._moved.set()
                return int(self.rows[place])
            self._moved.clear()
            await self._moved.wait()
        return None

    def leave(self, arm: int) -> None:
        """Others wait for this arm no longer."""
        self._places.pop(arm, None)
        self._moved.set()

    def stop(self) -> None:
        """Give nothing more."""
        self._over = True
        self._moved.set()

    def left(self, arm: int) -> int:
        """Cells of an arm that are not over."""
        return int((self._codes[self.rows, arm] == 0).sum())

    def _skipped(self, arm: int) -> int:
        began, column = self._places[arm], self._codes[:, arm]
        place = began
        while place < len(self.rows) and column[self.rows[place]]:
            place += 1
        if place != began:
            self._places[arm] = place
            self._moved.set()  # those who wait for this arm may go on, though it asks nothing yet
        return place
