"""Arrow columns to the arrays of a log; what does not fit is pointed out, not raised."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from routelab.core import Bools, Floats, Ints
from routelab.logs.model import Strings

_NOTHING = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "none")
_NO_VALUE = {text.lower() for text in _NOTHING}
_TRUE, _FALSE = {"true", "1", "yes", "1.0"}, {"false", "0", "no", "0.0", ""}
_PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


class CodedColumn(NamedTuple):
    """A text column (N,) as indices into its distinct values; null is the empty text."""

    codes: Ints
    values: Strings

    def __getitem__(self, row: Any) -> Any:
        return self.values[self.codes[row]]


def is_number(kind: Any) -> bool:
    """Whether an Arrow type holds numbers (truth values are none)."""
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind))


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds text."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def plain(column: Any) -> Any:
    """The column without a dictionary."""
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column


def as_text(column: Any) -> Any:
    """The column as text: lists joined by commas, nested values as JSON, others as Arrow writes
    them.
    """
    column = plain(column)
    if is_nested(column.type):
        return _as_json(column)
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return pc.binary_join(column.cast(pa.list_(pa.string())), ",")
    if is_text(column.type):
        return column
    return column.cast(pa.string())


def is_nested(kind: Any) -> bool:
    """Whether values have fields, or are lists of such."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return bool(pa.types.is_nested(kind.value_type))
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind))


def _as_json(column: Any) -> Any:
    texts = [None if it is None else _json(it) for it in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.large_string())])


def _json(value: Any) -> str:
    return msgspec.json.encode(_held(value), enc_hook=str).decode()


def _held(value: Any) -> Any:
    """A nested value without the fields that only other rows have."""
    if isinstance(value, dict):
        return {name: _held(it) for name, it in value.items() if it is not None}
    return [*map(_held, value)] if isinstance(value, list) else value


def coded(column: Any) -> CodedColumn:
    """A column as distinct texts."""
    if not pa.types.is_dictionary(column.type):
        column = pc.dictionary_encode(as_text(column))
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    values = whole.dictionary.to_pylist()
    empty = values.index("") if "" in values else len(values)
    codes = whole.indices.fill_null(empty) if whole.null_count else whole.indices
    distinct = np.empty(len(values) + 1, dtype=object)
    distinct[:] = [*values, ""]
    return CodedColumn(codes.to_numpy(zero_copy_only=False).astype(np.int64), distinct)


def numbers(column: Any, parse: Callable[[str], float] = float) -> tuple[Floats, Bools]:
    """(N,) numbers, NaN for null, and (N,) which values are none.

    Args:
        parse: of a text that Arrow does not read as a number; ValueError if it is none.
    """
    column = plain(column)
    if pa.types.is_null(column.type):
        return np.full(len(column), np.nan), np.zeros(len(column), dtype=np.bool_)
    if is_text(column.type):
        return _parsed(column, parse)
    if is_number(column.type) or pa.types.is_boolean(column.type):
        values = column.cast(pa.float64(), safe=False).to_numpy()
        return values, np.zeros(len(column), dtype=np.bool_)
    return np.full(len(column), np.nan), _observed(column)


def number_share(column: Any) -> float:
    """Share of the values that are numbers; 1 if there is no value."""
    values, bad = numbers(column)
    found = np.count_nonzero(~np.isnan(values))
    total = found + np.count_nonzero(bad)
    return found / total if total else 1.0


def degree(text: str) -> float:
    """A number, or a truth value as 1 or 0.

    Raises:
        ValueError: it is neither.
    """
    truth = {"true": 1.0, "false": 0.0}.get(text.strip().lower())
    return float(text) if truth is None else truth


def truths(column: Any) -> tuple[Bools, Bools]:
    """(N,) truth values, False for null, and (N,) which values are none."""
    column = plain(column)
    if not is_text(column.type):
        values, bad = numbers(column)
        return np.nan_to_num(values) != 0, bad | ~np.isin(np.nan_to_num(values), (0, 1))
    texts = coded(column)
    lower = [text.strip().lower() for text in texts.values]
    true = np.array([text in _TRUE for text in lower])
    known = np.array([text in _TRUE | _FALSE | _NO_VALUE for text in lower])
    return true[texts.codes], ~known[texts.codes]


def failures(column: Any) -> Bools:
    """(N,) whether a call failed: its error is neither null nor empty nor false."""
    column = plain(column)
    if is_text(column.type):
        texts = coded(column)
        failed = np.array([text.strip().lower() not in _NO_VALUE | _FALSE for text in texts.values])
        return np.asarray(failed[texts.codes])
    if is_number(column.type) or pa.types.is_boolean(column.type):
        return np.asarray(np.nan_to_num(numbers(column)[0]) != 0)
    return _observed(column)


def seconds(column: Any, ticks: float) -> tuple[Floats, Bools]:
    """(N,) Unix seconds of times, ISO texts or numbers, and (N,) which values are none.

    A time without a zone is UTC.

    Args:
        ticks: per second, of numbers.
    """
    column = plain(column)
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_timestamp(column.type):
        count = column.cast(pa.int64()).cast(pa.float64(), safe=False).to_numpy()
        return count / _PER_SECOND[column.type.unit], np.zeros(len(column), dtype=np.bool_)
    if is_text(column.type):
        return _by_text(column, lambda text: _unix(text, ticks))
    values, bad = numbers(column)
    return values / ticks, bad


def capabilities(texts: CodedColumn) -> CodedColumn:
    """Texts such as "tools, json" as tuples of words."""
    words = np.empty(len(texts.values), dtype=object)
    for index, text in enumerate(texts.values):
        words[index] = tuple(word for word in re.split(r"[,\s]+", text) if word)
    return CodedColumn(texts.codes, words)


def _observed(column: Any) -> Bools:
    return np.asarray(column.is_valid().to_numpy(), dtype=np.bool_)


def _parsed(column: Any, parse: Callable[[str], float]) -> tuple[Floats, Bools]:
    known = pc.if_else(pc.is_in(column, pa.array(_NOTHING, type=column.type)), None, column)
    try:
        values = known.cast(pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return _by_text(column, parse)
    return values, np.zeros(len(column), dtype=np.bool_)


def _by_text(column: Any, parse: Callable[[str], float]) -> tuple[Floats, Bools]:
    """Parse each distinct text once."""
    texts = coded(column)
    values = np.full(len(texts.values), np.nan)
    bad = np.zeros(len(texts.values), dtype=np.bool_)
    for index, text in enumerate(texts.values):
        if text.strip() not in _NOTHING:
            try:
                values[index] = parse(text)
            except ValueError:
                bad[index] = True
    return values[texts.codes], bad[texts.codes]


def _unix(text: str, ticks: float) -> float:
    try:
        return float(text) / ticks
    except ValueError:
        moment = dt.datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
