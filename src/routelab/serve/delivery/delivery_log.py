"""The file of answers and deliveries: a request is answered once, a destination gets it once.

It may be shared by processes of one machine: each has a lock that dies with it, by which the
others see whose work is left behind.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from routelab.core.storage import is_locked, lock_file
from routelab.errors import ConfigError
from routelab.serve.delivery.group_commit import GroupCommit
from routelab.serve.delivery.outcome import DeliveredOutcome, packed, unpacked
from routelab.serve.delivery.outcome_redaction import OutcomeRedaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, digest TEXT NOT NULL, owner TEXT NOT NULL, tries INTEGER NOT NULL,
    state TEXT NOT NULL, position TEXT NOT NULL, at_s REAL NOT NULL, outcome BLOB
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_age ON answers (at_s);
CREATE TABLE IF NOT EXISTS deliveries (
    key TEXT NOT NULL, destination TEXT NOT NULL, state TEXT NOT NULL, owner TEXT NOT NULL,
    tries INTEGER NOT NULL, at_s REAL NOT NULL, due_s REAL NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (key, destination)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (owner) WHERE state = 'due';
"""
CARRIED = "carried"
"""A delivery that comes with its message: until it is made, the broker gives the message again."""


class AnswerClaim(NamedTuple):
    """What is known of a request that comes.

    Attributes:
        state: "mine" to answer; "answered" or "failed" already; "under way" in another process;
            "different" from the request that had this id before.
        tries: of the request so far, this one included.
        outcome: of one that is over.
        done: destinations that have it.
    """

    state: Literal["mine", "answered", "failed", "under way", "different"]
    tries: int = 0
    outcome: DeliveredOutcome | None = None
    done: frozenset[str] = frozenset()


class DueDelivery(NamedTuple):
    """A delivery that is to be made.

    Attributes:
        key: of the request.
        destination: by name.
        outcome: to deliver.
        tries: so far.
        due_s: Unix seconds.
    """

    key: str
    destination: str
    outcome: DeliveredOutcome
    tries: int
    due_s: float


class DeliveryLog:
    """The file, and this process's part of it.

    Args:
        path: of the file; beside it is a lock for each process.
        kept_s: seconds that it keeps what is over.
        wall_clock: Unix seconds.
        redaction: of what is only logged.
    Raises:
        ConfigError: it cannot be written, or is another file.
    """

    def __init__(
        self,
        path: Path,
        kept_s: float,
        wall_clock: Callable[[], float] = time.time,
        redaction: OutcomeRedaction | None = None,
    ) -> None:
        self._redaction = redaction or OutcomeRedaction()
        self._path = path
        self._kept_s = kept_s
        self._wall_clock = wall_clock
        self.owner = os.urandom(8).hex()
        try:
            self._lock = self._lock_path(self.owner).open("wb")
            lock_file(self._lock.fileno())
        except OSError as error:
            raise ConfigError(
                f"{path}: cannot be written: {error.strerror}; give another place"
            ) from error
        try:
            self._writer = GroupCommit(path, _SCHEMA)
        except ConfigError:
            self._unlock()
            raise

    async def claim(self, key: str, digest: str, position: str) -> AnswerClaim:
        """Ask to answer a request.

        Args:
            key: of the request.
            digest: of its body.
            position: of its message in the broker: a failed request that comes in a new one is
                asked again; empty where it is not known to be a new one.
        """
        return await self._writer.change(lambda it: self._claim(it, key, digest, position))

    async def release(self, key: str) -> None:
        """Leave a request to whoever gets it next; this try does not count."""
        await self._writer.change(
            lambda it: it.execute(
                "UPDATE answers SET owner = '', tries = tries - 1"
                " WHERE key = ? AND state = 'asked'",
                (key,),
            )
        )

    async def settle(
        self,
        key: str,
        outcome: DeliveredOutcome,
        due: Sequence[str] = (),
        carried: Sequence[str] = (),
        digest: str = "",
    ) -> None:
        """Keep what came of a request, and where it is to go.

        Args:
            key: of the request.
            outcome: of it.
            due: names of destinations, to be delivered to from here.
            carried: those to which its message's worker delivers.
            digest: of its body; empty where nobody will ask for this answer again, so that once
                it is delivered it is only logged.
        """
        now_s, content = self._wall_clock(), packed(outcome)
        states = [(it, "due") for it in due] + [(it, CARRIED) for it in carried]
        rows = [(key, name, state, self.owner, 0, now_s, now_s, "") for name, state in states]

        def write(it: sqlite3.Connection) -> None:
            it.execute(
                "INSERT INTO answers VALUES (?, ?, '', 1, ?, '', ?, ?) ON CONFLICT (key) DO UPDATE"
                " SET owner = '', state = excluded.state, at_s = excluded.at_s,"
                " outcome = excluded.outcome",
                (key, digest, outcome.outcome, now_s, content),
            )
            _insert(it, rows)

        await self._writer.change(write)

    async def owe(self, key: str, carried: Iterable[str]) -> None:
        """Add destinations that a later message of an answered request names."""
        now_s = self._wall_clock()
        rows = [(key, name, CARRIED, self.owner, 0, now_s, now_s, "") for name in carried]
        await self._writer.change(lambda it: _insert(it, rows))

    async def delivered(self, key: str, destinations: Sequence[str], tries: int = 1) -> None:
        """Note that destinations have their answer.

        Args:
            key: of the answer.
            destinations: by name.
            tries: that it took.
        """
        await self._note(key, destinations, "done", tries, 0.0, "")

    async def postponed(self, due: DueDelivery, wait_s: float, why: str) -> None:
        """Note that a delivery was tried in vain, and is to be tried again.

        Args:
            due: the delivery.
            wait_s: seconds until then.
            why: it was in vain.
        """
        when_s = self._wall_clock() + wait_s
        await self._note(due.key, [due.destination], "due", due.tries + 1, when_s, why)

    async def given_up(self, due: DueDelivery, why: str) -> None:
        """Note that a delivery will not be made."""
        await self._note(due.key, [due.destination], "dead", due.tries + 1, 0.0, why)

    async def left_behind(self) -> list[DueDelivery]:
        """Take over what processes that ended had still to deliver, and make it this one's."""
        owners = await self._writer.change(
            lambda it: it.execute("SELECT DISTINCT owner FROM deliveries WHERE state = 'due'")
            .fetchall()
        )  # fmt: skip
        ended = [name for (name,) in owners if name != self.owner and not self._is_alive(name)]
        found: list[DueDelivery] = []
        for name in ended:
            found += await self._writer.change(lambda it, name=name: self._take_over(it, name))  # type: ignore[misc]
        return found

    async def forget(self) -> int:
        """Drop what is over and older than it is kept.

        Returns:
            How many requests.
        """
        before_s = self._wall_clock() - self._kept_s

        def drop(it: sqlite3.Connection) -> int:
            old = (
                "SELECT key FROM answers WHERE at_s < ? AND state != 'asked' AND NOT EXISTS"
                " (SELECT 1 FROM deliveries d WHERE d.key = answers.key AND d.state = 'due')"
                " ORDER BY at_s LIMIT 5000"
            )
            it.execute(f"DELETE FROM deliveries WHERE key IN ({old})", (before_s,))  # noqa: S608
            it.execute("DELETE FROM answers WHERE at_s < ? AND state = 'asked'", (before_s,))
            return it.execute(f"DELETE FROM answers WHERE key IN ({old})", (before_s,)).rowcount  # noqa: S608

        return await self._writer.change(drop)

    async def counts(self) -> dict[str, int]:
        """Deliveries by state."""
        rows = await self._writer.change(
            lambda it: it.execute(
                "SELECT state, count(*) FROM deliveries GROUP BY state"
            ).fetchall()
        )
        return dict(rows)

    async def aclose(self) -> None:
        """Write what is left, and let go of the lock."""
        await self._writer.aclose()
        self._unlock()

    def _claim(self, it: sqlite3.Connection, key: str, digest: str, position: str) -> AnswerClaim:
        row = it.execute(
            "SELECT digest, owner, tries, state, position, outcome FROM answers WHERE key = ?",
            (key,),
        ).fetchone()
        now_s = self._wall_clock()
        if row is None:
            it.execute(
                "INSERT INTO answers VALUES (?, ?, ?, 1, 'asked', ?, ?, NULL)",
                (key, digest, self.owner, position, now_s),
            )
            return AnswerClaim("mine", 1)
        was, owner, tries, state, place, content = row
        if state == "failed" and position and place != position:  # sent anew, perhaps mended
            it.execute("DELETE FROM deliveries WHERE key = ?", (key,))
            tries = 0
        elif was != digest:
            return AnswerClaim("different")
        elif state != "asked":
            done = it.execute(
                "SELECT destination FROM deliveries WHERE key = ? AND state != ?", (key, CARRIED)
            )
            return AnswerClaim(state, tries, unpacked(content), frozenset(name for (name,) in done))
        elif owner and owner != self.owner and self._is_alive(owner):
            return AnswerClaim("under way", tries)
        it.execute(
            "UPDATE answers SET owner = ?, tries = ?, state = 'asked', position = ?, digest = ?,"
            " at_s = ? WHERE key = ?",
            (self.owner, tries + 1, position, digest, now_s, key),
        )
        return AnswerClaim("mine", tries + 1)

    async def _note(
        self,
        key: str,
        destinations: Sequence[str],
        state: str,
        tries: int,
        due_s: float,
        why: str,
    ) -> None:
        note = self._redaction.reason(why) if why else ""
        rows = [(state, tries, self._wall_clock(), due_s, note, key, it) for it in destinations]

        def write(it: sqlite3.Connection) -> None:
            it.executemany(
                "UPDATE deliveries SET state = ?, tries = ?, at_s = ?, due_s = ?, note = ?"
                " WHERE key = ? AND destination = ?",
                rows,
            )
            if state != "due" and self._redaction.log:
                self._redact(it, key)

        await self._writer.change(write)

    def _redact(self, it: sqlite3.Connection, key: str) -> None:
        """Redact an answer that is delivered everywhere, and that nobody will ask for again."""
        row = it.execute(
            "SELECT outcome FROM answers WHERE key = ? AND digest = '' AND NOT EXISTS"
            " (SELECT 1 FROM deliveries WHERE key = ? AND state IN ('due', ?))",
            (key, key, CARRIED),
        ).fetchone()
        if row is not None:
            kept = packed(self._redaction.kept(unpacked(row[0])))
            it.execute("UPDATE answers SET outcome = ? WHERE key = ?", (kept, key))

    def _take_over(self, it: sqlite3.Connection, owner: str) -> list[DueDelivery]:
        rows = it.execute(
            "SELECT d.key, d.destination, a.outcome, d.tries, d.due_s FROM deliveries d"
            " JOIN answers a ON a.key = d.key WHERE d.state = 'due' AND d.owner = ?",
            (owner,),
        ).fetchall()
        it.execute(
            "UPDATE deliveries SET owner = ? WHERE state = 'due' AND owner = ?", (self.owner, owner)
        )
        return [DueDelivery(key, name, unpacked(content), tries, due_s)
                for key, name, content, tries, due_s in rows]  # fmt: skip

    def _unlock(self) -> None:
        self._lock.close()
        self._lock_path(self.owner).unlink(missing_ok=True)

    def _is_alive(self, owner: str) -> bool:
        path = self._lock_path(owner)
        try:
            if is_locked(path):
                return True
        except FileNotFoundError:
            return False
        with contextlib.suppress(OSError):
            path.unlink()
        return False

    def _lock_path(self, owner: str) -> Path:
        return self._path.with_name(f".{self._path.name}.{owner}.lock")


def _insert(it: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
    """Add deliveries that are not there yet."""
    it.executemany(
        "INSERT INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
    )
