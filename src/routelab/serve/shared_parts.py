"""What the routers of a gateway share, and none of them may close: log, money and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from routelab.runtime import FinishedRequest, LogStatus
from routelab.runtime.budgets import Balance, BudgetLine, Reservation, Store
from routelab.runtime.journal import Note, Sink


class LentSink:
    """A decision log that a router writes to and leaves open."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, finished: FinishedRequest) -> None:
        self._sink.write(finished)

    def note(self, note: Note) -> None:
        self._sink.note(note)

    def keep_out(self, variables: Iterable[str]) -> None:
        self._sink.keep_out(variables)

    def status(self) -> LogStatus:
        return self._sink.status()

    def close(self) -> None:
        """It is another's to close."""


class LentStore:
    """A budget store that several routers charge, and leave open; one of them tells of marks."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def listen(self, tell: Callable[[Balance, int, int], None]) -> None:
        self._store.listen(tell)

    async def reserve(self, lines: tuple[BudgetLine, ...], amount: int) -> Reservation | Balance:
        return await self._store.reserve(lines, amount)

    def settle(self, hold: Reservation, amount: int) -> None:
        self._store.settle(hold, amount)

    async def kept(self) -> None:
        await self._store.kept()

    async def balances(self, periods: tuple[str, ...]) -> tuple[Balance, ...]:
        return await self._store.balances(periods)

    async def aclose(self) -> None:
        """It is another's to close."""
