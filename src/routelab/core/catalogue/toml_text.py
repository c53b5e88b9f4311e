"""TOML files as text and as tables, with errors of whoever reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from routelab.core.storage import read_bounded
from routelab.errors import RoutelabError


def read_text(path: Path, what: str, error: type[RoutelabError]) -> str:
    """The text of a file.

    Args:
        what: it is to be read as, for the error.
    Raises:
        error: it cannot be opened, or is not UTF-8.
    """
    try:
        return read_bounded(path, "table_bytes").decode("utf-8")
    except OSError as cause:
        raise error(f"{path}: cannot be read as {what}: {cause.strerror or cause}") from cause
    except UnicodeDecodeError as cause:
        raise error(f"{path}: not UTF-8 text: {cause.reason}") from cause


def parse_tables(text: str, source: str, error: type[RoutelabError]) -> dict[str, Any]:
    """The tables in a text.

    Args:
        source: the file's name, for the error.
    Raises:
        error: it is not TOML.
    """
    import tomllib  # importing the runtime stays quick

    if text.count(".") > _DEEPEST and _DOTTED.search(text):
        raise error(f"{source}: not valid TOML: a name has more than {_DEEPEST} parts")
    try:
        return tomllib.loads(text)
    except ValueError as cause:  # TOMLDecodeError, or a number of thousands of digits
        raise error(f"{source}: not valid TOML: {cause}") from cause
    except RecursionError:
        raise error(f"{source}: not valid TOML: it is nested too deep") from None


_DEEPEST = 64
_DOTTED = re.compile(rf"""(?:(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{_DEEPEST}}}""")
"""Names in names: reading them takes time with the square of their number."""


def tables_text(tables: Mapping[str, Any], place: str = "") -> str:
    """Tables as the text of a TOML file, values before the tables in them.

    Args:
        tables: numbers, texts, truth values, days, lists of them, tables and lists of tables.
        place: of a table in its file, such as `models.large`.
    """
    values, inside = [], []
    for name, value in tables.items():
        at = f"{place}.{_key(name)}" if place else _key(name)
        if isinstance(value, Mapping):
            inside.append(_table(f"[{at}]", value, at))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], Mapping):
            inside += [_table(f"[[{at}]]", it, at) for it in value]
        else:
            values.append(f"{_key(name)} = {_value(value)}\n")
    return "".join(values) + "".join(f"\n{it}" for it in inside)


def _table(head: str, value: Mapping[str, Any], place: str) -> str:
    plain = any(not isinstance(it, Mapping) for it in value.values())
    body = tables_text(value, place)
    return f"{head}\n{body}" if plain or not value else body.removeprefix("\n")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=True).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    return value.isoformat() if isinstance(value, date) else repr(value)


_BARE = re.compile(r"[A-Za-z0-9_-]+")
