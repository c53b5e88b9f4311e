"""Accounts in an SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from routelab.errors import BudgetError
from routelab.runtime.budgets.account import Balance, BudgetLine, Reservation, Tell
from routelab.runtime.budgets.ledger import Ledger, ReachedMarks
from routelab.runtime.moments import bounded_clock

_BEATS = 3
"""Signs of life in the time after which a process counts as dead."""


class _Job(NamedTuple):
    """Something to do in a transaction.

    Attributes:
        then: called with the result in the event loop, once it is kept.
        fail: called with why it cannot be done; None for a job that has to be done, however late.
    """

    run: Callable[[Ledger], Any]
    then: Callable[[Any], None]
    fail: Callable[[Exception], None] | None = None


class SqliteStore:
    """Keeps accounts in a file, for one router; what was settled survives a crash of every process.

    A router waits for that before it gives an answer to whoever asked.

    Other routers, here or in other processes, share the file through stores of their own.

    A thread works off what has gathered in one transaction, so that many requests at once cost
    one. Every process renews a sign of life; the reservations of one that has shown none for
    `expires_s` are given back. The file is in WAL mode and is not forced to the disk by each
    transaction: a power cut may lose the last ones. While the file cannot be written nothing
    can be reserved, and what is to be settled waits.

    Args:
        wall_clock: Unix seconds; the same for all processes.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        expires_s: float = 60.0,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self._expires_s = expires_s
        self._wall_clock = bounded_clock(wall_clock)
        self._tell: Tell | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process, self._owner, self._number = 0, "", 0
        self._beat_s = 0.0

    def listen(self, tell: Tell) -> None:
        self._tell = tell

    async def reserve(self, lines: tuple[BudgetLine, ...], amount: int) -> Reservation | Balance:
        self._start()
        self._number += 1
        hold, owner = Reservation(self._number, lines, amount), self._owner
        try:
            full, news = await self._result(lambda ledger: ledger.reserve(owner, hold))
        except asyncio.CancelledError:
            self.settle(hold, 0)  # which comes after the reservation, if that was made
            raise
        self._say(news)
        return hold if full is None else full

    def settle(self, hold: Reservation, amount: int) -> None:
        self._start()
        owner = self._owner
        self._jobs.put(_Job(lambda ledger: ledger.settle(owner, hold, amount), self._say))

    async def kept(self) -> None:
        self._start()
        await self._result(lambda _: None)  # which comes after what was settled

    async def balances(self, periods: tuple[str, ...]) -> tuple[Balance, ...]:
        self._start()
        found: tuple[Balance, ...] = await self._result(lambda ledger: ledger.balances(periods))
        return found

    async def aclose(self) -> None:
        self._end()

    def _end(self) -> None:
        """Keep what is queued, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None and self._process == os.getpid():
            self._jobs.put(None)
            thread.join()
            atexit.unregister(self._end)

    async def _result(self, run: Callable[[Ledger], Any]) -> Any:
        self._loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = self._loop.create_future()

        def then(result: Any) -> None:
            if not future.done():
                future.set_result(result)

        def fail(error: Exception) -> None:
            if not future.done():
                why = f"{self.path}: the budgets cannot be kept: {error}; nothing is spent until"
                future.set_exception(BudgetError(f"{why} the file can be written again"))

        self._jobs.put(_Job(run, then, fail))
        return await future

    def _say(self, told: ReachedMarks) -> None:
        for news in told if self._tell is not None else ():
            assert self._tell is not None  # or there would be no news
            self._tell(*news)

    def _start(self) -> None:
        """Begin, or begin anew in a process that was forked."""
        if self._thread is None or self._process != os.getpid():
            self._process, self._owner = os.getpid(), os.urandom(8).hex()
            self._jobs, self._beat_s = queue.SimpleQueue(), 0.0
            self._thread = threading.Thread(
                target=self._work,
                args=(self._jobs, self._owner),
                name="routelab-budgets",
                daemon=True,
            )
            self._thread.start()
            atexit.register(self._end)

    def _work(self, jobs: queue.SimpleQueue[_Job | None], owner: str) -> None:
        ledger: Ledger | None = None
        late: list[_Job] = []
        going = True
        while going:
            batch, going = self._gathered(jobs)
            batch, late = late + batch, []
            try:
                ledger = ledger or Ledger(self.path)
                self._transact(ledger, owner, batch, going)
            except (sqlite3.Error, OSError) as error:
                late = [job for job in batch if job.fail is None]
                self._hand_over([(job.fail, error) for job in batch if job.fail is not None])
                if ledger is not None:
                    with contextlib.suppress(sqlite3.Error):
                        ledger.rollback()
        if ledger is not None:
            ledger.close()

    def _gathered(self, jobs: queue.SimpleQueue[_Job | None]) -> tuple[list[_Job], bool]:
        """Jobs that wait, or none when it is time for a sign of life; False at the end."""
        batch = []
        with contextlib.suppress(queue.Empty):
            job = jobs.get(timeout=self._expires_s / _BEATS)
            while job is not None:
                batch.append(job)
                job = jobs.get_nowait()
            return batch, False
        return batch, True

    def _transact(self, ledger: Ledger, owner: str, batch: list[_Job], going: bool) -> None:
        now_s = self._wall_clock()
        ledger.begin()
        beat = going and not self._beat_s - self._expires_s <= now_s < self._beat_s
        if beat:
            ledger.alive(owner, now_s, now_s + self._expires_s)
        results = [job.run(ledger) for job in batch]
        if not going:
            ledger.leave(owner)
        ledger.commit()
        if beat:
            self._beat_s = now_s + self._expires_s / _BEATS
        self._hand_over([(job.then, it) for job, it in zip(batch, results, strict=True)])

    def _hand_over(self, news: list[tuple[Callable[[Any], None], Any]]) -> None:
        """Tell the event loop, unless it is gone."""

        def tell() -> None:
            for hear, it in news:
                hear(it)

        if news and self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(tell)
