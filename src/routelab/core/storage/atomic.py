"""Replace a file at once, so that a reader sees the old or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write a file to, which takes its name when the block ends.

    By then all of it is on the disk. Where the block fails, `path` stays as it was, and nothing
    is left beside it. A link stays one: what it leads to is replaced. A file that is replaced
    hands on its mode.

    Raises:
        OSError: `path` is a folder, a device or a pipe, or is empty; the file cannot be written,
            or is not there when the block ends.
    """
    path, mode = _target(path)
    # The system bounds the length of a name, which the given one may have used up.
    fresh = path.with_name(f".{path.name[:40]}.{os.urandom(4).hex()}.tmp")
    try:
        yield fresh
        sync(fresh)
        if mode is not None:
            fresh.chmod(mode)
        fresh.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):  # what went wrong first is what is told
            fresh.unlink()
        raise
    _sync_folder(path.parent)


def _target(path: Path) -> tuple[Path, int | None]:
    """The file itself at the end of links, and its mode; None where there is none yet."""
    target = Path(os.path.realpath(path))
    try:
        found = target.stat().st_mode
    except FileNotFoundError:
        return target, None
    if stat.S_ISDIR(found):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found):
        raise OSError(errno.EINVAL, "is no regular file", str(path))
    return target, stat.S_IMODE(found)


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
