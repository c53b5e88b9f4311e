"""Days and months of UTC, from the clock that the router was given."""

from __future__ import annotations

import datetime as dt


def period(kind: str, now_s: float) -> str:
    """The name of the period that a moment lies in, such as "2026-11-24" or "2026-11"."""
    if kind == "total":
        return kind
    moment = dt.datetime.fromtimestamp(now_s, dt.UTC)
    return f"{moment:%Y-%m-%d}" if kind == "day" else f"{moment:%Y-%m}"


def ends_s(kind: str, now_s: float) -> float | None:
    """Unix seconds at which the period of a moment ends; None for one that never does."""
    if kind == "total":
        return None
    moment = dt.datetime.fromtimestamp(now_s, dt.UTC)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if kind == "day":
        return (midnight + dt.timedelta(days=1)).timestamp()
    return (midnight.replace(day=1) + dt.timedelta(days=32)).replace(day=1).timestamp()
