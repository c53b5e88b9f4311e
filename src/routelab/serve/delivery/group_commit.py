"""One writer of an SQLite file: what is asked at once is written in one transaction.

A commit costs the same for one change as for a hundred, so that a busy gateway pays for few.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from routelab.errors import ConfigError

_T = TypeVar("_T")
_BUSY_S = 60.0
"""Seconds that another process may keep the file."""
_MOST = 512


class _Change(NamedTuple):
    work: Callable[[sqlite3.Connection], Any]
    waiting: asyncio.Future[Any]


class GroupCommit:
    """A thread with a connection, which makes changes in the order they were asked for.

    What is committed outlives this process however it ends, and the machine where its disk says
    the truth.

    Args:
        path: of the file.
        schema: statements that make what is not there.
    Raises:
        ConfigError: it cannot be opened, or is no database.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._changes: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        connection = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            self._connection = connection
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.executescript(schema)
        except sqlite3.Error as error:
            connection.close()
            raise ConfigError(f"{path}: cannot be opened as an SQLite file: {error}") from error
        self._thread = threading.Thread(target=self._work, name="group commit", daemon=True)
        self._thread.start()

    async def change(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do work in a transaction, and return once it is on the disk.

        Args:
            work: run in the writer's thread; may be run twice where a neighbour failed.
        """
        waiting: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._changes.put(_Change(work, waiting))
        return await waiting

    async def aclose(self) -> None:
        """Write what was asked for, and close the file."""
        self._changes.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()

    def _work(self) -> None:
        going = True
        while going:
            batch = [self._changes.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < _MOST:
                    batch.append(self._changes.get_nowait())
            changes = [it for it in batch if it is not None]
            going = len(changes) == len(batch)
            if changes:
                self._commit(changes)

    def _commit(self, changes: list[_Change]) -> None:
        try:
            self._answer(changes, self._transaction(changes))
        except Exception:  # noqa: BLE001  (one of them is wrong: each is told its own)
            for change in changes:
                try:
                    self._answer([change], self._transaction([change]))
                except Exception as error:  # noqa: BLE001  (whoever asked is told)
                    self._answer([change], error)

    def _transaction(self, changes: list[_Change]) -> list[Any]:
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = [change.work(connection) for change in changes]
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise
        return found

    def _answer(self, changes: list[_Change], found: list[Any] | Exception) -> None:
        """Wake who waits, all at once: a call into a loop costs more than a change."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
        for at, (_, waiting) in enumerate(changes):
            value = found if isinstance(found, Exception) else found[at]
            by_loop.setdefault(waiting.get_loop(), []).append((waiting, value))
        for loop, told in by_loop.items():
            with contextlib.suppress(RuntimeError):  # nobody is there any more
                loop.call_soon_threadsafe(_wake, told, isinstance(found, Exception))


def _wake(told: list[tuple[asyncio.Future[Any], Any]], is_error: bool) -> None:
    for waiting, value in told:
        if not waiting.done():
            if is_error:
                waiting.set_exception(value)
            else:
                waiting.set_result(value)
