"""The tables of a budget file, and what is done to them in one transaction."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import TypeAlias

from routelab.runtime.budgets.account import Balance, BudgetLine, Reservation, reached

_PATIENCE_S = 10.0
"""How long another process may keep the file locked."""

_RETRY_S = 0.005

ReachedMarks: TypeAlias = list[tuple[Balance, int, int]]
"""Marks reached: the account, the mark's number, and how many there are."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (
    account TEXT, period TEXT, spent INTEGER, reserved INTEGER, told INTEGER,
    PRIMARY KEY (account, period)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
    owner TEXT, id INTEGER, account TEXT, period TEXT, amount INTEGER,
    PRIMARY KEY (owner, id, account)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
    owner TEXT, id INTEGER, charged INTEGER, PRIMARY KEY (owner, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY, alive_until REAL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


class Ledger:
    """A connection to the file, for the thread that made it.

    Raises:
        sqlite3.Error: the file cannot be opened or is no database of ours; so do all methods.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S)
        if self._db.execute("PRAGMA user_version").fetchone()[0] > 1:
            raise sqlite3.DatabaseError("written by a newer version of routelab")
        self._write_ahead()
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def _write_ahead(self) -> None:
        """Switch to WAL mode, for which SQLite does not wait where processes begin at once."""
        until_s = time.monotonic() + _PATIENCE_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until_s:
                    raise
                time.sleep(_RETRY_S)
            else:
                return

    def begin(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        self._db.close()

    def reserve(self, owner: str, hold: Reservation) -> tuple[Balance | None, ReachedMarks]:
        """Reserve under every line; else the first account without room."""
        there = [self._balance(line) for line in hold.lines]
        for line, it in zip(hold.lines, there, strict=True):
            if it.spent + it.reserved + hold.amount > line.ceiling:
                return it, self._note(line, it, refused=True)
        for line in hold.lines:
            self._db.execute(
                "INSERT INTO accounts VALUES (?, ?, 0, ?, 0) ON CONFLICT DO UPDATE"
                " SET reserved = reserved + excluded.reserved",
                (line.account, line.period, hold.amount),
            )
            self._db.execute(
                "INSERT INTO holds VALUES (?, ?, ?, ?, ?)",
                (owner, hold.id, line.account, line.period, hold.amount),
            )
        if hold.lines and hold.lines[0].streams:
            self._db.execute("INSERT INTO streams VALUES (?, ?, 0)", (owner, hold.id))
        return None, []

    def settle(self, owner: str, hold: Reservation, amount: int) -> ReachedMarks:
        """Give back what is still reserved, and charge what was spent."""
        news: ReachedMarks = []
        if hold.lines and hold.lines[0].streams and self._is_charged(owner, hold):
            amount -= hold.amount
        for line in hold.lines:
            gone = self._db.execute(
                "DELETE FROM holds WHERE owner = ? AND id = ? AND account = ?",
                (owner, hold.id, line.account),
            )
            released = hold.amount if gone.rowcount else 0
            if released or amount:
                self._db.execute(
                    "INSERT INTO accounts VALUES (?, ?, ?, 0, 0) ON CONFLICT DO UPDATE"
                    " SET spent = spent + excluded.spent, reserved = reserved - ?",
                    (line.account, line.period, amount, released),
                )
                news += self._note(line, self._balance(line))
        return news

    def balances(self, periods: tuple[str, ...]) -> tuple[Balance, ...]:
        marks = ", ".join("?" * len(periods))
        rows = self._db.execute(
            f"SELECT * FROM accounts WHERE period IN ({marks})",  # noqa: S608  (only marks)
            periods,
        )
        return tuple(Balance(*row) for row in rows)

    def alive(self, owner: str, now_s: float, until_s: float) -> None:
        """Show a sign of life, and give back what the dead had reserved."""
        self._db.execute("INSERT OR REPLACE INTO owners VALUES (?, ?)", (owner, until_s))
        dead = self._db.execute("SELECT owner FROM owners WHERE alive_until < ?", (now_s,))
        for (gone,) in dead.fetchall():
            self._charge_streams(gone)
            self.leave(gone)

    def _is_charged(self, owner: str, hold: Reservation) -> bool:
        """Whether a stream is charged, as its owner was taken for dead; it is forgotten."""
        there = self._db.execute(
            "DELETE FROM streams WHERE owner = ? AND id = ? RETURNING charged", (owner, hold.id)
        ).fetchone()
        return there is not None and bool(there[0])

    def _charge_streams(self, owner: str) -> None:
        """Charge what the dead had reserved for answers that were read while they came."""
        held = self._db.execute(
            "SELECT account, period, amount FROM holds JOIN streams USING (owner, id)"
            " WHERE owner = ?",
            (owner,),
        )
        self._db.executemany(
            "UPDATE accounts SET spent = spent + ?3 WHERE account = ?1 AND period = ?2",
            held.fetchall(),
        )
        self._db.execute("UPDATE streams SET charged = 1 WHERE owner = ?", (owner,))

    def leave(self, owner: str) -> None:
        """Give back all that an owner has reserved, and forget it."""
        held = self._db.execute(
            "SELECT account, period, amount FROM holds WHERE owner = ?", (owner,)
        )
        self._db.executemany(
            "UPDATE accounts SET reserved = reserved - ?3 WHERE account = ?1 AND period = ?2",
            held.fetchall(),
        )
        self._db.execute("DELETE FROM holds WHERE owner = ?", (owner,))
        self._db.execute("DELETE FROM streams WHERE owner = ? AND NOT charged", (owner,))
        self._db.execute("DELETE FROM owners WHERE owner = ?", (owner,))

    def _balance(self, line: BudgetLine) -> Balance:
        row = self._db.execute(
            "SELECT spent, reserved, told FROM accounts WHERE account = ? AND period = ?",
            (line.account, line.period),
        ).fetchone()
        return Balance(line.account, line.period, *(row or (0, 0, 0)))

    def _note(self, line: BudgetLine, it: Balance, refused: bool = False) -> ReachedMarks:
        now = reached(line.marks, it.spent, it.told, refused)
        if now == it.told:
            return []
        self._db.execute(
            "INSERT INTO accounts VALUES (?, ?, 0, 0, ?) ON CONFLICT DO UPDATE"
            " SET told = excluded.told",
            (line.account, line.period, now),
        )
        return [(it, mark, len(line.marks)) for mark in range(it.told, now)]
