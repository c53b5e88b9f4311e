"""Arrow columns to the arrays of a log; what does not fit is pointed out, not raised."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from routelab.core import Bools, Floats, Ints
from routelab.logs.formats.arrow_text import (
    as_text,
    is_bytes,
    is_nested,
    is_text,
    plain,
    value_type,
)
from routelab.logs.formats.notation import NO_VALUE, TRUTHS, Numerals, numerals
from routelab.logs.model import Strings

__all__ = [
    "CodedColumn",
    "NumberColumn",
    "as_text",
    "capabilities",
    "coded",
    "is_duration",
    "is_nested",
    "is_number",
    "is_text",
    "is_worded",
    "number_column",
    "number_share",
    "numbers",
    "plain",
    "seconds",
    "ticks_of",
    "truths",
    "value_type",
]

_NOTHING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none")
_TRUE, _FALSE = {"true", "1", "yes", "1.0"}, {"false", "0", "no", "0.0", ""}
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
_MOST_SECONDS = 1e11
"""Unix seconds of no sensible date: numbers above are of a smaller unit."""
_SAMPLE = 20_000
"""Rows of a column, spread over it, that tell whether it holds numbers."""


class CodedColumn(NamedTuple):
    """A text column (N,) as indices into its distinct values; null is the empty text."""

    codes: Ints
    values: Strings

    def __getitem__(self, row: Any) -> Any:
        return self.values[self.codes[row]]


class NumberColumn(NamedTuple):
    """A column (N,) as numbers.

    Attributes:
        values: NaN for null, and where `bad`.
        bad: whether a value is no number.
        why: of a bad text that could be one, what it clashes with and the way out.
    """

    values: Floats
    bad: Bools
    why: Mapping[str, str] = {}


def is_number(kind: Any) -> bool:
    """Whether an Arrow type holds numbers, a dictionary of them included; truth values are some."""
    types, kind = pa.types, value_type(kind)
    return bool(
        types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_decimal(kind)
        or types.is_boolean(kind)
    )


def is_worded(kind: Any) -> bool:
    """Whether an Arrow type holds text or bytes, a dictionary of them included."""
    return is_text(value_type(kind)) or is_bytes(value_type(kind))


def is_duration(kind: Any) -> bool:
    """Whether an Arrow type holds lengths of time."""
    return bool(pa.types.is_duration(value_type(kind)))


def coded(column: Any) -> CodedColumn:
    """A column as distinct texts."""
    kind = column.type
    if not len(column):  # which Arrow before 25 cannot take apart
        return CodedColumn(np.zeros(0, dtype=np.int64), np.array([""], dtype=object))
    if not (pa.types.is_dictionary(kind) and is_text(kind.value_type)):
        column = pc.dictionary_encode(as_text(column))
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    values = whole.dictionary.to_pylist()
    empty = values.index("") if "" in values else len(values)
    codes = whole.indices.fill_null(empty) if whole.null_count else whole.indices
    distinct = np.empty(len(values) + 1, dtype=object)
    distinct[:] = [*values, ""]
    return CodedColumn(codes.to_numpy(zero_copy_only=False).astype(np.int64), distinct)


def number_column(
    column: Any,
    words: Mapping[str, float] = TRUTHS,
    *,
    percent: float | None = 0.01,
    counts: bool = False,
) -> NumberColumn:
    """A column as numbers, in the one notation of `notation`; durations are seconds.

    Args:
        words: that are numbers.
        percent: what a percent sign multiplies by; None where no percent can be meant.
        counts: numbers are whole.
    """
    column = plain(column)
    kind, n = column.type, len(column)
    if pa.types.is_null(kind):
        return NumberColumn(np.full(n, np.nan), np.zeros(n, dtype=np.bool_))
    if is_bytes(kind):
        column = as_text(column)
    if is_text(column.type):
        return _parsed(column, partial(numerals, words=words, percent=percent, counts=counts))
    if pa.types.is_duration(kind):
        ticks = column.cast(pa.int64()).cast(pa.float64(), safe=False)
        return NumberColumn(_array(ticks) / _PER_SECOND[kind.unit], np.zeros(n, dtype=np.bool_))
    if is_number(kind):
        values = _array(column.cast(pa.float64(), safe=False))
        return NumberColumn(values, np.zeros(n, dtype=np.bool_))
    return NumberColumn(np.full(n, np.nan), _observed(column))


def numbers(column: Any) -> tuple[Floats, Bools]:
    """(N,) numbers, NaN for null, and (N,) which values are none; see `number_column`."""
    read = number_column(column)
    return read.values, read.bad


def number_share(column: Any) -> float:
    """Share of the values that are numbers; 1 if there is no value.

    Of a long column it is that of rows spread evenly over it.
    """
    if is_number(column.type):
        return 1.0
    column = plain(column)
    if len(column) > _SAMPLE:
        column = column.take(pa.array(np.linspace(0, len(column) - 1, _SAMPLE).astype(np.int64)))
    values, bad, why = number_column(column)
    found = np.count_nonzero(~np.isnan(values)) + len(why)
    total = np.count_nonzero(~np.isnan(values)) + np.count_nonzero(bad)
    return min(1.0, found / total) if total else 1.0


def truths(column: Any) -> tuple[Bools, Bools]:
    """(N,) truth values, False for null, and (N,) which values are none."""
    column = plain(column)
    if not is_text(column.type):
        values, bad = numbers(column)
        return np.nan_to_num(values) != 0, bad | ~np.isin(np.nan_to_num(values), (0, 1))
    texts = coded(column)
    lower = [text.strip().lower() for text in texts.values]
    true = np.array([text in _TRUE for text in lower])
    known = np.array([text in _TRUE | _FALSE | NO_VALUE for text in lower])
    return true[texts.codes], ~known[texts.codes]


def seconds(column: Any, ticks: float) -> tuple[Floats, Bools]:
    """(N,) Unix seconds of times, ISO texts or numbers, and (N,) which values are none.

    A time without a zone is UTC. Numbers such as 20240531 are dates.

    Args:
        ticks: per second, of numbers that are no larger than seconds can be; see `ticks_of`.
    """
    column = plain(column)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        count = _array(column.cast(pa.int64()).cast(pa.float64(), safe=False))
        nothing = np.zeros(len(column), dtype=np.bool_)
        return count / _PER_SECOND[column.type.unit], nothing
    values, bad = _moments(column)
    if (days := _days(values)) is not None:
        return days, bad
    told = _ticks(values, ticks)
    if told != ticks:  # smaller numbers are of another unit than the largest
        bad |= (np.abs(values) <= _MOST_SECONDS) & (values != 0)
    return np.where(bad, np.nan, values / told), bad


def ticks_of(column: Any, ticks: float) -> float:
    """Ticks a second of a column of times: as said where that gives dates, else the largest of
    milliseconds, microseconds and nanoseconds that does.
    """
    column = plain(column)
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return ticks
    return _ticks(_moments(column)[0], ticks)


def capabilities(texts: CodedColumn) -> CodedColumn:
    """Texts such as "tools, json" as tuples of words."""
    words = np.empty(len(texts.values), dtype=object)
    for index, text in enumerate(texts.values):
        words[index] = tuple(word for word in re.split(r"[,\s]+", text) if word)
    return CodedColumn(texts.codes, words)


def _observed(column: Any) -> Bools:
    return np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)


def _array(column: Any) -> Floats:
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _parsed(column: Any, read: Callable[[Sequence[str]], Numerals]) -> NumberColumn:
    known = pc.if_else(pc.is_in(column, pa.array(_NOTHING, type=column.type)), None, column)
    try:
        values = _array(known.cast(pa.float64()))
    except pa.ArrowException:
        return _by_text(column, read)
    return NumberColumn(values, np.zeros(len(column), dtype=np.bool_))


def _by_text(column: Any, read: Callable[[Sequence[str]], Numerals]) -> NumberColumn:
    """Read each distinct text once."""
    texts = coded(column)
    values, bad, why = read(texts.values.tolist())
    return NumberColumn(values[texts.codes], bad[texts.codes], why)


def _moments(column: Any) -> tuple[Floats, Bools]:
    """Unix seconds of ISO texts, and numbers as they are; which values are neither."""
    if is_text(column.type):
        texts = coded(column)
        values = np.full(len(texts.values), np.nan)
        bad = np.zeros(len(texts.values), dtype=np.bool_)
        for at, text in enumerate(texts.values):
            bare = text.strip()
            if bare.lower() not in NO_VALUE:
                try:
                    values[at] = _unix(bare)
                except (ValueError, OverflowError):
                    bad[at] = True
        return values[texts.codes], bad[texts.codes]
    if pa.types.is_duration(column.type) or pa.types.is_boolean(column.type):
        return np.full(len(column), np.nan), _observed(column)
    return numbers(column)


def _days(values: Floats) -> Floats | None:
    """Unix seconds of dates that are written as 20240501; None if any number is none."""
    known = values[~np.isnan(values)]
    if not len(known) or not ((known >= 1900_01_01) & (known <= 2199_12_31)).all():
        return None
    year, rest = np.divmod(known, 1e4)
    month, day = np.divmod(rest, 100)
    if not ((month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (day % 1 == 0)).all():
        return None
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    dates = months.astype("datetime64[D]") + (day - 1).astype("timedelta64[D]")
    found = np.full(len(values), np.nan)
    found[~np.isnan(values)] = dates.astype("datetime64[s]").astype(np.float64)
    return found


def _ticks(values: Floats, ticks: float) -> float:
    finite = np.abs(values[np.isfinite(values)])
    units = (ticks, *(it for it in (1e3, 1e6, 1e9) if it > ticks))
    most = finite.max(initial=0.0)
    return next((it for it in units if most / it <= _MOST_SECONDS), ticks)


def _unix(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        text = re.sub(r"\s*(UTC|GMT)$", "Z", text)
        text = re.sub(r"^(\d{4})/(\d\d?)/(\d\d?)", r"\1-\2-\3", text)
        moment = dt.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
