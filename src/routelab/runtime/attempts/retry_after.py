"""When a reply says that its endpoint may be asked again, in seconds."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping

LONGEST_S = 3_600.0
"""No reply keeps a deployment away for longer."""

_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")

_UNIX = 1e9
"""Seconds from which on a number is the time of day and no pause: no pause lasts thirty years."""

_SPAN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*h)?\s*(?:(\d+(?:\.\d+)?)\s*m(?!s))?\s*", re.I)
_REST = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s(?:ec(?:onds?)?)?)?\s*", re.I)


def retry_after_s(headers: Mapping[str, str], now: float, body: object = None) -> float | None:
    """Seconds from now until the endpoint may be asked again; None if it does not say.

    A date is read against the endpoint's own clock where the reply has a `date`, so that
    clocks that disagree do no harm. Nothing is longer than `LONGEST_S`, however it is written; what
    is no time says nothing.

    Args:
        headers: of the reply, names in lower case.
        now: Unix time in seconds, for a reply without a date of its own.
        body: JSON of the reply, in which some write it.
    Source: RFC 9110, section 10.2.3; `retry-after-ms` and `x-ms-retry-after-ms` are what some
        endpoints add to it, `google.rpc.RetryInfo` is Google's.
    """
    for name in _MILLISECONDS:
        if (precise := _number(headers.get(name))) is not None:
            return min(precise / 1000.0, LONGEST_S)
    header = headers.get("retry-after")
    theirs = _date(headers.get("date")) if header else None
    found = _pause(header, now if theirs is None else theirs)
    if found is None:
        found = next((it for it in map(_span, _of_body(body)) if it is not None), None)
    return None if found is None else min(max(0.0, found), LONGEST_S)


def _pause(header: str | None, now: float) -> float | None:
    if not header:
        return None
    seconds = _span(header)
    if seconds is None:
        until = _date(header)
        return None if until is None else until - now
    return seconds - now if seconds >= _UNIX else seconds


def _span(text: str) -> float | None:
    """Seconds as a number, or with units, such as 1m30s; None of anything else."""
    if (plain := _number(text)) is not None:
        return plain
    whole = _SPAN.match(text)
    if whole is None:
        return None
    hours, minutes = (float(it) if it else 0.0 for it in whole.groups())
    rest = text[whole.end() :]
    if not rest:
        return hours * 3600.0 + minutes * 60.0 if whole.group().strip() else None
    last = _REST.fullmatch(rest)
    if last is None:
        return None
    seconds = float(last[1]) / (1000.0 if (last[2] or "").lower() == "ms" else 1.0)
    return hours * 3600.0 + minutes * 60.0 + seconds


def _number(header: str | None) -> float | None:
    try:
        value = float(header or "")
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0.0 else None


def _of_body(body: object) -> Iterator[str]:
    """What the body of a failure says of a pause."""
    if isinstance(body, list):
        body = body[0] if body else None
    error = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(error, Mapping):
        return
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, Mapping) and isinstance(detail.get("retryDelay"), str):
            yield detail["retryDelay"]
    metadata = error.get("metadata")
    for place in (error, metadata if isinstance(metadata, Mapping) else {}):
        for name in ("retry_after", "retry_after_seconds", "retryAfter"):
            value = place.get(name)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                yield str(value)


def _date(header: str | None) -> float | None:
    """Unix time of an HTTP date, whose older form names no zone and means UTC."""
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    try:
        moment = parsedate_to_datetime(header or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
