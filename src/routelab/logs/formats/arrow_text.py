"""Values of Arrow that are no plain text, as text."""

from __future__ import annotations

import base64
import uuid
from decimal import Decimal
from typing import Any

import msgspec
import pyarrow as pa

_UUID_BYTES = 16
_LONG = pa.large_string()
"""Type of texts that are made: conversations of one column may be more than 2 GiB."""


def plain(column: Any) -> Any:
    """A column without dictionary and extension type around its values, and without views."""
    kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        # Arrow takes, sorts and looks up little among views.
        text = pa.types.is_string_view(kind)
        return column.cast(pa.large_string() if text else pa.large_binary())
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array(
            [chunk.storage for chunk in _chunks(column)], type=kind.storage_type
        )
        return plain(column)
    if pa.types.is_dictionary(kind):
        return plain(column.cast(kind.value_type))
    return column


def value_type(kind: Any) -> Any:
    """The type of a column's values, whatever dictionary or extension is around them."""
    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def is_text(kind: Any) -> bool:
    """Whether an Arrow type holds text."""
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def is_bytes(kind: Any) -> bool:
    """Whether an Arrow type holds bytes."""
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or types.is_fixed_size_binary(kind)
    )


def is_nested(kind: Any) -> bool:
    """Whether values have fields, or are lists of what is nested: no list of plain values."""
    types = pa.types
    lists = (types.is_list, types.is_large_list, types.is_fixed_size_list, types.is_list_view)
    if any(it(kind) for it in lists):
        return bool(types.is_nested(kind.value_type))
    return bool(types.is_nested(kind))


def as_text(column: Any) -> Any:
    """A column as text: lists of plain values joined by commas, what is nested deeper as JSON.

    Bytes are UTF-8 if they can be, else a UUID where there are 16 of them, else base 64.
    """
    column = plain(column)
    kind = column.type
    if is_text(kind):
        return column
    if is_bytes(kind):
        return _texts(column, _of_bytes)
    if pa.types.is_nested(kind):
        return _texts(column, _of_table if is_nested(kind) else _joined)
    try:
        return column.cast(pa.string())
    except pa.ArrowException:
        return _texts(column, str)


def written(value: Any) -> str:
    """A value as text: text as it is, what is nested as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return _of_bytes(value)
    if value is None or isinstance(value, bool | int | float | dict | list | tuple):
        return msgspec.json.encode(value, enc_hook=_jsonable).decode()
    return str(value)


def _of_table(value: Any) -> str:
    """A nested value as JSON, without the fields that only other rows have."""
    return written(_held(value))


def _held(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _held(it) for name, it in value.items() if it is not None}
    return [*map(_held, value)] if isinstance(value, list) else value


def _texts(column: Any, write: Any) -> Any:
    """Each value but null as text."""
    return pa.chunked_array(
        [
            pa.array([None if it is None else write(it) for it in chunk.to_pylist()], _LONG)
            for chunk in _chunks(column)
        ],
        type=_LONG,
    )


def _chunks(column: Any) -> Any:
    return column.chunks if isinstance(column, pa.ChunkedArray) else [column]


def _joined(values: Any) -> str:
    return ",".join(written(it) for it in values if it is not None)


def _of_bytes(value: bytes) -> str:
    try:
        text = value.decode("utf-8")
        if text.isprintable() or len(value) != _UUID_BYTES:
            return text
    except UnicodeDecodeError:
        pass
    if len(value) == _UUID_BYTES:
        return str(uuid.UUID(bytes=value))
    return base64.b64encode(value).decode()


def _jsonable(value: Any) -> Any:
    """What JSON does not have, for what is nested in it."""
    if isinstance(value, Decimal):
        return float(value)
    return str(value)
