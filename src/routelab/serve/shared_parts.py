"""What the routers of a gateway share, and none may close: log, money, requests under way."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from routelab.runtime import FinishedRequest, LogStatus
from routelab.runtime.budgets import Alert, Balance, BudgetLine, Reservation, Store
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


class UnderWay:
    """The requests under way, by tenant and id; observes what those that are over have cost."""

    def __init__(self) -> None:
        self._usd: dict[tuple[str, str], float] = {}

    def __len__(self) -> int:
        return len(self._usd)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._usd

    def enter(self, tenant: str, request_id: str) -> None:
        """A request began; it has cost nothing so far."""
        self._usd[tenant, request_id] = 0.0

    def leave(self, tenant: str, request_id: str) -> float:
        """A request is over.

        Returns:
            What it cost in USD, whoever left it and when; NaN if that is not known.
        """
        return self._usd.pop((tenant, request_id), 0.0)

    def finished(self, finished: FinishedRequest) -> None:
        """Remember what a request cost."""
        key = finished.request.tenant, finished.request.id
        if key in self._usd:
            self._usd[key] = finished.cost_usd

    def feedback(self, request_id: str, quality: float, model: str | None) -> None:
        """Judgements are for the log and the metrics."""

    def alert(self, alert: Alert) -> None:
        """So are alerts."""
