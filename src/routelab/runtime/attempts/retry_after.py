"""The `Retry-After` of a reply, in seconds."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds from now until the endpoint may be asked again; None if it does not say.

    A date is read against the endpoint's own clock where the reply has a `date`, so that
    clocks that disagree do no harm.

    Args:
        headers: of the reply, names in lower case.
        now: Unix time in seconds, for a reply without a date of its own.
    Source: RFC 9110, section 10.2.3; `retry-after-ms` is what some endpoints add to it.
    """
    if (precise := _number(headers.get("retry-after-ms"))) is not None:
        return precise / 1000.0
    said = headers.get("retry-after")
    if (seconds := _number(said)) is not None:
        return seconds
    until = _date(said)
    if until is None:
        return None
    theirs = _date(headers.get("date"))
    return max(0.0, until - (now if theirs is None else theirs))


def _number(said: str | None) -> float | None:
    try:
        value = float(said or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0.0 else None


def _date(said: str | None) -> float | None:
    """Unix time of an HTTP date, whose older form names no zone and means UTC."""
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(said or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
