"""Which calls failed, as the error column of a log says."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa

from routelab.core import Bools, Floats
from routelab.logs.formats import NO_VALUE, arrow

_FINE = NO_VALUE | frozenset(
    [
        *("false", "f", "no", "n", "0", "0.0", "ok", "okay", "success", "successful", "succeeded"),
        *("complete", "completed", "done", "no error", "no errors", "no_error", "noerror"),
        *("without error", "200", "200 ok", "[]", "{}", "()", "''", '""'),
    ]
)
"""Texts, in lower case, of calls that did not fail."""
_OK_STATUS = 200
_LONGEST = 10_000
"""Characters of a text that is looked into: a longer one tells of a failure."""


def failures(column: Any) -> Bools:
    """(N,) whether a call failed: its error says something, and not that all is well.

    Nothing, false, zero, words such as `OK`, and lists or objects in which there is nothing else
    tell of no failure.
    """
    column = arrow.plain(column)
    kind = column.type
    if arrow.is_number(kind):
        return failed_numbers(arrow.numbers(column)[0])
    if pa.types.is_null(kind):
        return np.zeros(len(column), dtype=np.bool_)
    if pa.types.is_nested(kind):
        return np.array([_fails(value) for value in column.to_pylist()], dtype=np.bool_)
    texts = arrow.coded(column)
    failed = np.array([_tells_failure(text) for text in texts.values], dtype=np.bool_)
    return np.asarray(failed[texts.codes])


def failed_numbers(values: Floats) -> Bools:
    """(N,) of an error column of numbers: neither NaN nor zero, nor HTTP's status of success."""
    return np.asarray((np.nan_to_num(values) != 0) & (values != _OK_STATUS))


def _tells_failure(text: str) -> bool:
    bare = text.strip().rstrip(".!").lower()
    if bare in _FINE or text.strip().lower() in _FINE:
        return False
    if bare[:1] in ("[", "{") and len(bare) <= _LONGEST:
        try:
            return _fails(json.loads(text))
        except (ValueError, RecursionError):
            return _fails_in_python(bare)
    return True


def _fails_in_python(text: str) -> bool:
    """Of a list or dictionary as Python shows it."""
    words = text.replace("'", '"').replace("none", "null")
    try:
        return _fails(json.loads(words))
    except (ValueError, RecursionError):
        return True


def _fails(value: Any) -> bool:
    match value:
        case None | False:
            return False
        case str():
            return _tells_failure(value)
        case bytes():
            return bool(value)
        case dict():
            return any(map(_fails, value.values()))
        case list() | tuple():
            return any(map(_fails, value))
        case int() | float():
            return value not in (0, _OK_STATUS) and not math.isnan(value)
    return True
