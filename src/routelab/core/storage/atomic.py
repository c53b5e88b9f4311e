"""Replace a file at once, so that a reader sees the old or the new one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file to, which takes its name when the block ends.

    By then all of it is on the disk. Where the block fails, `path` stays as it was, and nothing
    is left beside it.

    Raises:
        OSError: the file cannot be written, or is not there when the block ends.
    """
    # The system bounds the length of a name, which the given one may have used up.
    fresh = path.with_name(f".{path.name[:40]}.{os.urandom(4).hex()}.tmp")
    try:
        yield fresh
        sync(fresh)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_folder(path.parent)


def sync(path: Path) -> None:
    """Return once a written file is on the disk."""
    with path.open("rb+") as file:  # Windows syncs no file that is open for reading only
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    """Have the new name on the disk too, where the system can: what it replaces may be removed."""
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
