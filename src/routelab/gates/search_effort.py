"""How long a regular expression may search, where it takes no exponential time.

Every part that repeats without bound, unless it ends the pattern, may be tried at each length from
each place of a text; parts that repeat a few times, or not at all, multiply the ways to be tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from re import _parser  # type: ignore[attr-defined]  # the one reader of what `re` reads
from typing import Any, NamedTuple

_MANY = 8
"""Repetitions, at most so many, that count as ways and not as lengths of a text."""


class _Ways(NamedTuple):
    """Of a part of a pattern.

    Attributes:
        unbounded: parts of it that repeat without bound.
        log: logarithm of how many ways there are to match the rest of it.
    """

    unbounded: int = 0
    log: float = 0.0


def search_effort(regex: str, length: int) -> float:
    """Steps of a search, about, at most.

    Args:
        regex: that `re.compile` takes.
        length: characters of the text that is searched.
    """
    unbounded, log = _ways(regex)
    try:
        return math.exp(log + (unbounded + 1) * math.log(length + 2))
    except OverflowError:
        return math.inf


@lru_cache(maxsize=256)
def _ways(regex: str) -> _Ways:
    items = list(_parser.parse(regex))
    while items and str(items[-1][0]) in ("MAX_REPEAT", "MIN_REPEAT") and items[-1][1][0] <= 1:
        if not _letter(items[-1][1][2]):
            break
        del items[-1]  # nothing follows for which it would have to be tried at other lengths
    return _sequence(items)


def _letter(items: Any) -> bool:
    return len(items) == 1 and str(items[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN")


def _sequence(items: Iterable[Any]) -> _Ways:
    parts = [_part(str(name), value) for name, value in items]
    return _Ways(sum(it.unbounded for it in parts), sum(it.log for it in parts))


def _part(name: str, value: Any) -> _Ways:
    if name == "BRANCH":
        return _either(value[1])
    if name == "SUBPATTERN":
        return _sequence(value[3])
    if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        return _repeated(*value)
    if name == "ATOMIC_GROUP":
        return _sequence(value)
    if name in ("ASSERT", "ASSERT_NOT"):
        return _sequence(value[1])
    if name == "GROUPREF_EXISTS":
        return _either([it for it in value[1:] if it is not None])
    return _Ways(1) if name == "GROUPREF" else _Ways()


def _either(branches: Iterable[Any]) -> _Ways:
    parts = [_sequence(it) for it in branches]
    most = max((it.log for it in parts), default=0.0)
    return _Ways(max((it.unbounded for it in parts), default=0), most + math.log(len(parts) or 1))


def _repeated(least: int, most: int, items: Iterable[Any]) -> _Ways:
    inner = _sequence(items)
    if most < _parser.MAXREPEAT and _letter(items):
        return _Ways(0, math.log(most - least + 1))
    if most > _MANY:
        return _Ways(inner.unbounded + (least != most), inner.log)
    return _Ways(inner.unbounded * most, inner.log * most + math.log(most - least + 1))
