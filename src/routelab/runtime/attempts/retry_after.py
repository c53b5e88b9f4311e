"""When a reply says that its endpoint may be asked again, in seconds."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from itertools import islice

from routelab.runtime.attempts.failures import sentence_of

LONGEST_S = 3_600.0
"""No reply keeps a deployment away for longer."""

_LONGEST_SAID_S = 120.0
"""Nor does a sentence for longer than this: it may quote what a caller wrote."""

_MILLISECONDS = ("retry-after-ms", "x-ms-retry-after-ms")

_NAMES = ("retry_after", "retry_after_s", "retry_after_seconds", "retry_delay", "estimated_time")
_NAMES_MS = ("retry_after_ms", "retry_after_milliseconds")
"""Fields of a body, whose names may be written otherwise too."""

_DETAILS, _FIELDS, _LONGEST = 50, 200, 1_000
"""Details of an error, fields of an object and characters of a value that are looked at."""

_UNIX = 1e9
"""Seconds from which on a number is the time of day and no pause: no pause lasts thirty years."""

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 1e-6, "ns": 1e-9}
_NUMBER = r"[0-9]{1,25}(?:\.[0-9]*)?(?:e\+?[0-9]{1,3})?"
_UNIT = (
    r"(ms|milli(?:second)?s?|us|ns|d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?"
    r"|s(?:ec(?:ond)?s?)?)\b"
)
_PART = rf"(\d+(?:\.\d+)?)\s*{_UNIT.replace(chr(92) + 'b', '(?![a-z])')}"
_PARTS = re.compile(rf"(?:{_PART}[\s,]*)+", re.I)
_EACH = re.compile(_PART, re.I)
_ISO = re.compile(r"P(?:[0-9.]+D)?(?:T(?=[0-9])(?:[0-9.]+[HMS])+)?", re.I)
_SENTENCE = re.compile(
    r"(?:try(?:ing)? again|retry(?:ing)?|wait|reset\w*|available)\b[^0-9.]{0,40}"
    rf"((?:{_PART}[\s,]*)+)",
    re.I,
)

_RESETS = re.compile(r"(?:x-|anthropic-)?rate-?limit-(?:(.*)-)?reset(?:-(.*))?")
_LISTED = re.compile(r"\b(?:reset|t)=([0-9.]+)")
"""When limits are full again; of several kinds, each with what is left of it."""


def retry_after_s(
    headers: Mapping[str, str], now: float, body: object = None, *, limited: bool = True
) -> float | None:
    """Seconds from now until the endpoint may be asked again; None if it does not say.

    A date is read against the endpoint's own clock where the reply has a `date`, so that
    clocks that disagree do no harm. Nothing is longer than `LONGEST_S`, however it is written; what
    is no time says nothing, and nought only where nothing else is said.

    Args:
        headers: of the reply, names in lower case.
        now: Unix time in seconds, for a reply without a date of its own.
        body: JSON of the reply, in which some write it.
        limited: the reply refuses for its limits or its load: when limits are full again, and what
            the sentence says, is of this refusal.
    Source: RFC 9110, section 10.2.3; `retry-after-ms` and `x-ms-retry-after-ms` are what some
        endpoints add to it, `google.rpc.RetryInfo` is Google's.
    """
    found = list(_of_headers(headers, now))
    if not any(found):
        found += [it for it in _of_body(body, now) if it is not None]
    if limited and not any(found):
        found += _resets(headers, now)
    known = next((it for it in found if it > 0.0), found[0] if found else None)
    if limited and not known and (said := _SENTENCE.search(sentence_of(body)[:2_000])):
        spoken = _span(said[1])
        known = known if spoken is None else min(spoken, _LONGEST_SAID_S)
    return None if known is None else min(max(0.0, known), LONGEST_S)


def _of_headers(headers: Mapping[str, str], now: float) -> Iterator[float]:
    for name in _MILLISECONDS:
        if (precise := _number(headers.get(name))) is not None:
            yield precise / 1000.0
    header = headers.get("retry-after")
    if header and (found := _pause(header, _here(headers, now))) is not None:
        yield found


def _here(headers: Mapping[str, str], now: float) -> float:
    """The time of day by the endpoint's clock."""
    theirs = _date(headers.get("date"))
    return now if theirs is None else theirs


def _pause(text: str, now: float) -> float | None:
    """Seconds of a pause, or until a moment, the first of several."""
    text = text[:_LONGEST].strip().rstrip(";,")
    seconds = _span(text)
    if seconds is None:
        until = _date(text)
        if until is None:
            return _span(text.partition(",")[0].partition(";")[0].strip())
        return max(0.0, until - now)
    for scale in (1e18, 1e15, 1e12):  # a time of day in nanoseconds, and so on
        if scale <= seconds < 1e21:
            seconds /= scale / _UNIX
    return max(0.0, seconds - now) if _UNIX <= seconds < 1e12 else seconds


def _span(text: str) -> float | None:
    """Seconds as a number, or with units, such as 1m30s or PT90S; None of anything else."""
    text = text.strip()
    if (plain := _number(text)) is not None:
        return plain
    if len(text) > 1 and _ISO.fullmatch(text):
        text = text[1:].replace("T", "").replace("t", "")
    if not _PARTS.fullmatch(text):
        return None
    return sum(float(it[1]) * _UNITS[_unit(it[2])] for it in _EACH.finditer(text))


def _unit(word: str) -> str:
    word = word.lower()
    if word.startswith(("ms", "milli")):
        return "ms"
    return word if word in _UNITS else word[0]


def _number(text: str | None) -> float | None:
    """A number of ASCII digits that is not negative."""
    if text is None or not re.fullmatch(_NUMBER, text.strip(), re.I):
        return None
    return min(float(text), 1e30)


def _resets(headers: Mapping[str, str], now: float) -> list[float]:
    """When limits are full again: of those that are used up, the last; else of those not told."""
    used_up: list[float] = []
    untold: list[float] = []
    for name, text in headers.items():
        if (kind := _RESETS.fullmatch(name)) is not None:
            span = _pause(text, _here(headers, now))
        elif name in ("ratelimit", "x-ratelimit") and (listed := _LISTED.search(text)):
            span = _number(listed[1])
        else:
            continue
        left = _left(headers, name) if kind is not None else None
        if span is None or (left is not None and left > 0.0):
            continue
        (untold if left is None else used_up).append(span)
    return [max(used_up)] if used_up else [min(untold)] if untold else []


def _left(headers: Mapping[str, str], name: str) -> float | None:
    return _number(headers.get(name.replace("reset", "remaining")))


def _of_body(body: object, now: float) -> Iterator[float | None]:
    """What the body of a failure says of a pause."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, Mapping):
        return
    error = body.get("error")
    places = [it for it in (error, body) if isinstance(it, Mapping)]
    for place in list(places):
        inner = (place.get(it) for it in ("metadata", "parameters", "data"))
        places += [it for it in inner if isinstance(it, Mapping)]
        details = place.get("details")
        for detail in details[:_DETAILS] if isinstance(details, list) else ():
            if isinstance(detail, Mapping):
                places.append(detail)
    for place in places:
        for name, value in islice(place.items(), _FIELDS):
            plain = _plain(name)
            if plain in _PLAIN_MS:
                found = _number(str(value)) if _written(value) else None
                yield None if found is None else found / 1000.0
            elif plain in _PLAIN:
                yield _pause(str(value), now) if _written(value) else _duration(value)
        inner_headers = place.get("headers")
        if isinstance(inner_headers, Mapping):
            few = islice(inner_headers.items(), _FIELDS)
            lower = {str(it).lower(): str(value)[:_LONGEST] for it, value in few}
            yield from _of_headers(lower, now)
            yield from _resets(lower, now)


def _plain(name: object) -> str:
    return str(name).lower().replace("_", "").replace("-", "")


_PLAIN, _PLAIN_MS = (frozenset(map(_plain, names)) for names in (_NAMES, _NAMES_MS))


def _written(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _duration(value: object) -> float | None:
    """Of an object of seconds and nanoseconds."""
    if not isinstance(value, Mapping):
        return None
    seconds, nanos = (_number(str(value.get(it) or 0)) for it in ("seconds", "nanos"))
    return None if seconds is None or nanos is None else seconds + nanos * 1e-9


def _date(text: str | None) -> float | None:
    """Unix time of an HTTP date, whose older form names no zone and means UTC, or of ISO 8601."""
    from email.utils import parsedate_to_datetime  # slow to import, and rarely needed

    if not text:
        return None
    for read in (parsedate_to_datetime, dt.datetime.fromisoformat):
        try:
            moment = read(text.strip())
            return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return None
