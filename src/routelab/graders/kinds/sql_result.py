"""The answer is SQL that gives the rows which the reference gives."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from routelab.errors import GradingError
from routelab.graders.grader import Case, Grader, code_in

_ROWS, _BYTES = 100_000, 1 << 26
"""Of a result."""

_HEAP = 1 << 29
"""Bytes of memory of SQLite, of all that it does in the process."""

_STEPS = 10_000
"""Instructions of SQLite's machine after which the time is looked at."""

_MAY_READ = frozenset(
    getattr(sqlite3, name)
    for name in ("SQLITE_SELECT", "SQLITE_READ", "SQLITE_FUNCTION", "SQLITE_RECURSIVE")
)
_PARTS = re.compile(
    r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^]]*\]|--[^\n]*|/\*.*?\*/|[()]|\border\s+by\b""",
    re.IGNORECASE | re.DOTALL,
)
"""Of a query: what is no SQL inside, parentheses, and ORDER BY."""


class SqlResult(Grader, frozen=True, tag="sql"):
    """The answer's query gives the same rows as the reference's on the same tables, in SQLite.

    Rows are compared with how often each is there; in order where the reference orders its result.
    Names of columns do not count, their order does. Queries only read: whatever writes, attaches
    a file or sets a pragma is refused, and graded as wrong.

    Attributes:
        setup: SQL that makes the tables.
        setup_column: of the log, with the SQL that makes the tables of each row; it comes after
            `setup`.
        time_s: of each query.
    """

    setup: str = ""
    setup_column: str = ""
    time_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 < self.time_s <= 600:
            raise GradingError(f"sql: time_s is {self.time_s:g}; it lies in (0, 600]")

    def grade(self, case: Case) -> float:
        if not case.references:
            raise GradingError("sql: there is no reference query to hold the answer against")
        made = self.setup
        if self.setup_column:
            if self.setup_column not in case.columns:
                raise GradingError(f"sql: no column {self.setup_column!r} with the tables' SQL")
            made = f"{made}\n{case.columns[self.setup_column] or ''}"
        with contextlib.closing(_database(made, self.time_s)) as tables:
            return max(self._compare(tables, case.answer, it) for it in case.references)

    def _compare(self, tables: sqlite3.Connection, answer: str, reference: str) -> float:
        try:
            right = _rows(tables, reference, self.time_s)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError) as error:
            raise GradingError(f"sql: the reference query fails: {error}") from error
        try:
            said = _rows(tables, code_in(answer, "sql", "sqlite"), self.time_s)
        except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError, MemoryError):
            return 0.0
        if _is_ordered(reference):
            return float(said == right)
        return float(Counter(said) == Counter(right))


def _is_ordered(query: str) -> bool:
    """Whether a query has ORDER BY outside of parentheses, where it orders the result itself."""
    depth = 0
    for part in _PARTS.findall(query):
        depth += (part == "(") - (part == ")")
        if depth == 0 and part[0] in "oO":
            return True
    return False


def _database(setup: str, time_s: float) -> sqlite3.Connection:
    """Tables in memory, which from then on are only read."""
    made = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    made.execute(f"PRAGMA hard_heap_limit = {_HEAP}")
    made.execute("PRAGMA temp_store = MEMORY")
    made.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _BYTES)
    made.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    try:
        with _bounded(made, time_s):
            made.executescript(setup)
    except (sqlite3.Error, sqlite3.Warning, ValueError, MemoryError) as error:
        made.close()
        raise GradingError(f"sql: the tables cannot be made: {error}") from error
    made.set_authorizer(
        lambda action, *_: sqlite3.SQLITE_OK if action in _MAY_READ else sqlite3.SQLITE_DENY
    )
    return made


@contextlib.contextmanager
def _bounded(tables: sqlite3.Connection, time_s: float) -> Iterator[None]:
    until = time.monotonic() + time_s
    tables.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
    try:
        yield
    finally:
        tables.set_progress_handler(None, 0)


def _rows(tables: sqlite3.Connection, query: str, time_s: float) -> list[tuple[Any, ...]]:
    """The rows of one query; numbers that are equal are one, whatever their type.

    Raises:
        ValueError: it gives too many, or too large ones.
    """
    found: list[tuple[Any, ...]] = []
    size = 0
    with _bounded(tables, time_s), contextlib.closing(tables.cursor()) as cursor:
        for row in cursor.execute(query.strip()):
            size += sum(len(it) if isinstance(it, str | bytes) else 8 for it in row)
            if len(found) >= _ROWS or size > _BYTES:
                raise ValueError(f"more than {_ROWS:,} rows, or than {_BYTES >> 20} MB")
            found.append(tuple(_value(it) for it in row))
    return found


def _value(value: Any) -> Any:
    """A number rounded so that the order in which it was summed does not count."""
    return float(f"{value:.12g}") if isinstance(value, float) else value
