"""TOML files as text and as tables, with errors of whoever reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from routelab.errors import RoutelabError


def read_text(path: Path, what: str, error: type[RoutelabError]) -> str:
    """The text of a file.

    Args:
        what: it is to be read as, for the error.
    Raises:
        error: it cannot be opened, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
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

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as cause:
        raise error(f"{source}: not valid TOML: {cause}") from cause
