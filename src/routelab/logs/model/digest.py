"""What a log is, in 64 hexadecimal digits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from routelab.errors import LogError
from routelab.logs.model.paths import files as partitions
from routelab.logs.model.paths import is_folder


def of_file(path: Path) -> str:
    """SHA-256 of a file's bytes; of the names and digests of its files for a folder.

    Raises:
        LogError: it cannot be read any more.
    """
    if path.is_dir():
        files = sorted(it for it in path.iterdir() if it.is_file())
        return of_values({it.name: [of_file(it)] for it in files})
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise LogError(f"{path.name}: cannot be read: {error.strerror}") from error


def of_path(path: Path) -> str:
    """Of a file; of the hashes of its files for a log in many Parquet files.

    Raises:
        LogError: a file cannot be read any more.
    """
    if not is_folder(path) or any(path.glob("*.jsonl")):  # a decision log has both
        return of_file(path)
    return of_hashes(map(of_file, partitions(path)))


def of_hashes(hashes: Iterable[str]) -> str:
    """SHA-256 of those of a log's files in order, whatever they are called."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def of_values(values: Mapping[str, Any]) -> str:
    """SHA-256 of named arrays, texts, and mappings of them; None is left out."""
    digest = hashlib.sha256()
    for piece in _pieces(values):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()


def _pieces(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        for name in sorted(value):
            if value[name] is not None:
                yield name.encode("utf-8", "surrogatepass")
                yield from _pieces(value[name])
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype.str}{value.shape}".encode()
        yield np.ascontiguousarray(value.T).data.cast("B") if value.size else b""
    else:
        yield from (str(item).encode("utf-8", "surrogatepass") for item in value)
