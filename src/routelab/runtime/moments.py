"""Moments of a clock that may be wrong: those that a calendar has."""

from __future__ import annotations

from collections.abc import Callable

LAST_S = 221_845_392_000.0
"""Unix seconds at which the year 9000 begins."""


def bounded_clock(wall_clock: Callable[[], float]) -> Callable[[], float]:
    """A clock whose moments have a date: those beyond the calendar are its first or its last.

    Args:
        wall_clock: Unix seconds.
    """

    def now() -> float:
        moment_s = wall_clock()
        return 0.0 if moment_s != moment_s else min(max(0.0, moment_s), LAST_S)

    return now
