"""RouterBench: `routerbench_0shot.pkl`, or the same table as CSV or Parquet.

A row per prompt: sample_id, prompt, eval_name, and for each model `MODEL` (quality),
`MODEL|model_response`, `MODEL|total_cost`.

Source: github.com/withmartian/routerbench, arXiv 2403.12031.
"""

from __future__ import annotations

import ast
import pickle  # its machine alone: every name in a file is answered with an inert record
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from routelab.errors import LogError
from routelab.logs.columns import listed_names, wide_models
from routelab.logs.formats import TableSource, is_text, open_csv, open_parquet
from routelab.logs.importers.importer import ImportedRows, Importer
from routelab.logs.importers.published import inert
from routelab.logs.importers.published.pickled_frame import FrameError, columns
from routelab.logs.model import SHOWN, Problems

_OF_REQUESTS = ("sample_id", "prompt", "eval_name")
_OF_MODELS = ("{}", "{}|model_response", "{}|total_cost")
_TRUTHS = {"True": "1", "False": "0"}
_EXPORT = "write it as CSV or Parquet where you trust it, and import that"


def read(path: Path, _tokens: bool = False) -> ImportedRows:
    """RouterBench's table; costs are as it recorded them, so tokens are never needed.

    Raises:
        LogError: the file is of another sort, or is not as RouterBench published it.
    Source: RouterBench, arXiv 2403.12031.
    """
    open_ = _OPENERS.get(path.suffix.lower())
    if path.is_dir() or open_ is None:
        raise LogError(
            f"{path.name}: name RouterBench's table, for example routerbench_0shot.pkl;"
            f" it is read from {', '.join(_OPENERS)}"
        )
    source = open_(path)
    _check(source)
    table, notes = _once(source.table)
    return ImportedRows(TableSource(path, _plain(table), source.untyped), notes)


def _parquet(path: Path) -> TableSource:
    source = open_parquet(path)
    return TableSource(path, source.read(source.names))


def _pickled(path: Path) -> TableSource:
    try:
        found = columns(_unpickled(path), path.stat().st_size)
        return TableSource(path, pa.table({name: _column(it) for name, it in found.items()}))
    except (FrameError, OverflowError, UnicodeEncodeError, pa.ArrowException) as error:
        raise LogError(
            f"{path.name}: holds no table as RouterBench's: {error}; {_EXPORT}"
        ) from error


def _unpickled(path: Path) -> Any:
    problems, broken, made = Problems(path.name), None, None
    with path.open("rb") as file:
        machine = _Records(_Rest(file, path.stat().st_size))
        try:
            made = _quietly(machine.load)
        except _BROKEN as error:
            broken = str(error) or type(error).__name__
    if machine.refused:
        _refuse(list(machine.refused), problems)
    elif broken:
        problems.add(f"is no pickle, or it is cut short: {broken}; download it again")
    problems.stop()
    return made


def _refuse(named: list[str], problems: Problems) -> None:
    examples = [
        f"the pickle names {name}, which no table needs; nothing was run: {_EXPORT}"
        for name in named[:SHOWN]
    ]
    problems.some(examples, len(named))


_BROKEN = (
    pickle.UnpicklingError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


_ORIGINAL: Any = pickle._Unpickler


class _Rest:
    """A file that gives what it has, and never reserves what a pickle says it has."""

    def __init__(self, file: BufferedReader, size: int) -> None:
        self._size = size
        self._read = file.read
        self.readline = file.readline
        self.readinto = file.readinto
        self.tell = file.tell

    def read(self, n: int = -1) -> bytes:
        if n > self._size:
            raise pickle.UnpicklingError(f"it says that {n:,} bytes follow, and is cut short")
        return self._read(n)


class _Records(pickle._Unpickler):
    """Runs a pickle without running anything that it names.

    The machine in Python, since the one in C reserves whatever memory a pickle says it needs.
    """

    dispatch: ClassVar[dict[int, Any]] = dict(_ORIGINAL.dispatch)

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.refused: dict[str, None] = {}
        self._known: dict[str, type[inert.InertObject]] = {}

    def find_class(self, module: str, name: str) -> type[inert.InertObject]:
        full = f"{module}.{name}"
        if full not in inert.ALLOWED:
            self.refused[full] = None
        if full not in self._known:
            self._known[full] = inert.standing_for(inert.ALLOWED.get(full, full))
        return self._known[full]

    def load_bytearray(self: Any) -> None:
        """Takes what is there, where the original first reserves what is said to be there."""
        self.append(self.read(int.from_bytes(self.read(8), "little")))

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray

    def load_refused(self: Any) -> None:
        """Sets, and names by number, which are looked up where `find_class` is not asked."""
        raise pickle.UnpicklingError("it holds a set, or names something by a number")

    dispatch |= dict.fromkeys(
        (it[0] for it in (pickle.EXT1, pickle.EXT2, pickle.EXT4, pickle.PERSID, pickle.BINPERSID)),
        load_refused,
    )
    dispatch |= dict.fromkeys(
        (it[0] for it in (pickle.EMPTY_SET, pickle.ADDITEMS, pickle.FROZENSET)), load_refused
    )

    def load_dict(self: Any) -> None:
        _check_keys(self.stack[::2])
        _ORIGINAL.load_dict(self)

    def load_setitems(self: Any) -> None:
        _check_keys(self.stack[::2])
        _ORIGINAL.load_setitems(self)

    def load_setitem(self: Any) -> None:
        _check_keys(self.stack[-2:-1])
        _ORIGINAL.load_setitem(self)

    dispatch[pickle.DICT[0]] = load_dict
    dispatch[pickle.SETITEMS[0]] = load_setitems
    dispatch[pickle.SETITEM[0]] = load_setitem


def _check_keys(keys: Sequence[object]) -> None:
    """Refuse keys that are no text: numbers can be chosen to fall on one another."""
    if not all(type(key) is str for key in keys):
        raise pickle.UnpicklingError("it holds a mapping with keys that are no text")


_OPENERS: Mapping[str, Callable[[Path], TableSource]] = {
    ".pkl": _pickled,
    ".pickle": _pickled,
    ".csv": open_csv,
    ".parquet": _parquet,
}


def _column(values: Any) -> Any:
    if values.dtype != object:
        return pa.array(values.astype(np.float64))
    held = [value for value in values if value is not None]
    if not any(isinstance(value, str) for value in held):
        return pa.array([None if value is None else float(value) for value in values], pa.float64())
    return pa.array([None if value is None else str(value) for value in values], pa.large_string())


def _check(source: TableSource) -> None:
    problems, there = Problems(source.path.name), source.names
    found = wide_models(there)
    if not found:
        problems.add(
            f"no column such as MODEL|total_cost; the columns are {listed_names(there)}. Name one"
            " of the tables with a row per prompt: routerbench_0shot.pkl or routerbench_5shot.pkl"
        )
    needed = (*_OF_REQUESTS, *(form.format(m) for m in found for form in _OF_MODELS))
    missing = [name for name in needed if name not in there]
    problems.some([f"no column {name!r}" for name in missing[:SHOWN]], len(missing))
    problems.stop()


def _once(table: Any) -> tuple[Any, tuple[str, ...]]:
    """Each sample once, as in RouterBench's own evaluation: the first of those with one id."""
    _, first = np.unique(np.array(table.column("sample_id").to_pylist(), object).astype(str), True)
    dropped = len(table) - len(first)
    if not dropped:
        return table, ()
    note = f"{dropped:,} rows repeat a sample_id and are left out, as RouterBench itself does"
    return table.take(pa.array(np.sort(first))), (note,)


def _plain(table: Any) -> Any:
    """Texts without Python's notation, and truth values as numbers."""
    scored = wide_models(table.column_names)
    for index, name in enumerate(table.column_names):
        column = table.column(name)
        if name == "prompt" or name.endswith("|model_response"):
            texts = [_text(text) for text in column.to_pylist()]
            table = table.set_column(index, name, pa.array(texts, pa.large_string()))
        elif name in scored and pa.types.is_boolean(column.type):
            table = table.set_column(index, name, column.cast(pa.float64()))
        elif name in scored and is_text(column.type):
            scores = [_TRUTHS.get(text, text) for text in column.to_pylist()]
            table = table.set_column(index, name, pa.array(scores, column.type))
    return table


def _text(published: Any) -> str | None:
    """A text that may be published as the list of its parts, in Python's notation."""
    if published is None:
        return None
    text = str(published)
    if text[:2] not in ("['", '["') or text[-2:] not in ("']", '"]'):
        return text
    inner = text[2:-2]
    if len(text) > 3 and not {"\\", text[1]} & set(inner) and text[1] == text[-2]:
        return inner
    parts = _parts(text)
    return "\n\n".join(parts) if parts and all(isinstance(it, str) for it in parts) else text


def _parts(text: str) -> Any:
    try:
        return _quietly(lambda: ast.literal_eval(text))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _quietly(read: Callable[[], Any]) -> Any:
    """What is read, without Python's warnings of odd escapes in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read()


IMPORTER = Importer(
    name="routerbench",
    summary="RouterBench's table of prompts, with every model's score, answer and cost.",
    layout="routerbench_0shot.pkl (read without running it), or that table as CSV or Parquet.",
    example="routerbench_0shot.pkl",
    read=read,
)
