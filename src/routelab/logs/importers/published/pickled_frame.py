"""The columns of a pickled pandas table, from the records of `inert`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from routelab.core import objects
from routelab.logs.importers.published.inert import InertObject, kind_of

Values: TypeAlias = npt.NDArray[Any]

_NUMBERS = frozenset(["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"])
_OFFSETS = {"string": "<i4", "large_string": "<i8"}


class FrameError(ValueError):
    """The records are no table of numbers and texts."""


_SHARED = 64
"""Characters of all texts for each byte of the pickle, which may hold a text once for many rows."""


def columns(frame: Any, size: int) -> dict[str, Values]:
    """(n,) arrays of a table by column, of numbers or of texts, numbers and None.

    Args:
        frame: what the pickle made.
        size: bytes of the pickle. A table holds no more values, since each takes a byte there: one
            that does names the same values again and again.
    Raises:
        FrameError: it is no table, or holds something else.
    """
    try:
        return _columns(frame, size)
    except _BROKEN as error:
        raise FrameError(str(error) or type(error).__name__) from error


_BROKEN = (
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


def _columns(frame: Any, size: int) -> dict[str, Values]:
    state = _made(frame, "frame").state
    manager = _made(state.get("_mgr", state.get("_data")), "manager")
    axes, blocks = _parts(manager)
    names = _names(axes[0])
    found: dict[str, Values] = {}
    left, characters = size, _SHARED * size
    for values, places in blocks:
        at = _places(places)
        rows = _rows(values, len(at), size)
        left -= rows.size
        if left < 0:
            raise FrameError(f"it holds more values than its {size:,} bytes")
        if len(rows) != len(at):
            raise FrameError(f"a block of {len(rows)} columns has {len(at)} places")
        for i, row in zip(at, rows, strict=True):
            found[names[i]] = _plain(names[i], row)
            characters -= _characters(row)
            if characters < 0:
                raise FrameError(f"its texts are more than {_SHARED} times its {size:,} bytes")
    if len(found) != len(names) or len({len(column) for column in found.values()}) > 1:
        raise FrameError("its columns are not all there, or not of one length")
    return {name: found[name] for name in names}


def _parts(manager: InertObject) -> tuple[Sequence[Any], list[tuple[Any, Any]]]:
    """Axes, and each block's values and places; pandas before 1.3 told them afterwards."""
    if manager.args and manager.kind == "manager":
        blocks, axes = manager.args
        return axes, [_made(block, "block").args[:2] for block in blocks]
    state = manager.state[3]["0.14.1"]
    return state["axes"], [(block["values"], block["mgr_locs"]) for block in state["blocks"]]


def _names(index: Any) -> list[str]:
    _, fields = _made(index, "index").args
    if "data" not in fields:
        raise FrameError("its columns have no names")
    names = list(_rows(fields["data"], 1, 1 << 20)[0])
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise FrameError("its columns are not named by texts that differ")
    return names


def _places(places: Any) -> Sequence[int]:
    if kind_of(places) == "slice":
        start, stop, step = places.args
        return range(start, stop, step)
    return [int(place) for place in _array(places)]


def _characters(column: Values) -> int:
    """Of all texts of a column."""
    return sum(len(it) for it in column if type(it) is str) if column.dtype == object else 0


def _rows(values: Any, n: int, most: int) -> Values:
    """(n, rows) values of a block, which strings hold without the first axis; texts are at most
    so many.
    """
    kind = kind_of(values)
    if kind == "arrow strings":
        held = values.state.get("_pa_array", values.state.get("_data"))
        return objects(_arrow(held, most))[None]
    if kind in ("strings", "backed"):
        parts = values.state.values() if isinstance(values.state, dict) else values.state
        found = [it for it in parts if kind_of(it) in ("array", "raw array")]
        return _array(found[0]).reshape(n, -1)
    return np.atleast_2d(_array(values))


def _array(made: Any) -> Values:
    """An array; numbers are copied out of bytes, objects are the pickle's own."""
    if kind_of(made) == "raw array":
        data, kind, shape, order = made.args[:4]
        if order not in ("C", "F") or any(it is not None for it in made.args[4:]):
            raise FrameError(f"an array is stored in the order {order!r}")
    else:
        _, shape, kind, fortran, data = _made(made, "array").state
        order = "F" if fortran else "C"
    shape = tuple(int(length) for length in shape)
    if isinstance(data, list):
        return objects(data).reshape(shape)
    return np.frombuffer(_bytes(data), _type(kind)).reshape(
        shape, order="F" if order == "F" else "C"
    )


def _type(made: Any) -> np.dtype[Any]:
    code, order = _made(made, "type").args[0], made.state[1] if made.state else "|"
    if code not in _NUMBERS or order not in ("<", ">", "|", "="):
        raise FrameError(f"an array holds the type {code!r}, which is neither number nor text")
    kind: np.dtype[Any] = np.dtype(("" if order == "|" else order) + code)
    return kind


def _bytes(held: Any) -> bytes:
    if isinstance(held, bytes | bytearray):
        return bytes(held)
    args = _made(held, "bytes").args
    if len(args) == 2:
        return str(args[0]).encode("latin1")
    return _bytes(args[0]) if args else b""


def _arrow(made: Any, most: int) -> list[str | None]:
    """Texts of an Arrow column, at most so many."""
    found: list[str | None] = []
    for chunk in made.args[0] if kind_of(made) == "arrow chunks" else (made,):
        found += _chunk(chunk)
        if len(found) > most:
            raise FrameError("a column of texts is longer than the file")
    return found


def _chunk(made: Any) -> Iterator[str | None]:
    """Texts of an Arrow array, read from its buffers: where each ends, and all of them."""
    kind, length, _, offset, buffers, *_ = _made(made, "arrow array").args[0]
    width = _OFFSETS[_made(kind, "arrow type").args[0]]
    valid, ends, texts = (None if it is None else _buffer(it) for it in buffers)
    text, stop = texts or b"", offset + length
    at = np.frombuffer(ends or b"\0" * 8, width)[offset : stop + 1].tolist()
    there = np.unpackbits(np.frombuffer(valid, np.uint8), bitorder="little") if valid else None
    if len(at) != length + 1 or at[-1] > len(text) or (there is not None and len(there) < stop):
        raise FrameError("a column of texts is cut short")
    if at != sorted(at):
        raise FrameError("a column of texts is out of order")
    for i in range(length):
        null = there is not None and not there[offset + i]
        yield None if null else text[at[i] : at[i + 1]].decode("utf-8")


def _buffer(made: Any) -> bytes:
    return _bytes(_made(made, "arrow buffer").args[0])


def _plain(name: str, column: Values) -> Values:
    if column.dtype != object:
        return column
    return objects([_cell(name, row, value) for row, value in enumerate(column)])


def _cell(name: str, row: int, value: Any) -> str | float | bool | None:
    if isinstance(value, str | bool | int) or value is None:
        return value
    if isinstance(value, float):
        return None if math.isnan(value) else value
    kind = kind_of(value)
    if kind == "number":
        number = np.frombuffer(_bytes(value.args[1]), _type(value.args[0]))[0].item()
        return _cell(name, row, number)
    if kind == "nothing":
        return None
    raise FrameError(
        f"column {name!r} holds a {kind} in row {row + 1}; a text or number is expected"
    )


def _made(value: Any, kind: str) -> InertObject:
    if not isinstance(value, InertObject) or kind_of(value) != kind:
        raise FrameError(f"a {kind_of(value)} where a {kind} is expected")
    return value
