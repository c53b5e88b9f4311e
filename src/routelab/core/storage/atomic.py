"""Replace a file at once, so that a reader sees the old or the new one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

QUIET_S = 60.0
"""Seconds that nothing was written to a file before it counts as left behind."""


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
    sweep(path)
    fresh = path.with_name(f"{unfinished(path)}{os.urandom(4).hex()}.tmp")
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


def unfinished(path: Path) -> str:
    """How the names of what this process writes in place of `path` begin, and end in `.tmp`."""
    # The system bounds the length of a name, which the given one may have used up.
    return f"{_beginning(path)}{os.getpid()}-"


def sweep(path: Path) -> None:
    """Remove what killed processes left of writing `path`; what may still be written stays."""
    beginning = _beginning(path)
    with contextlib.suppress(OSError):  # who cannot sweep may still be able to write
        for left in list(path.parent.iterdir()):
            middle = left.name.removeprefix(beginning).removesuffix(".tmp")
            if len(middle) + len(beginning) + 4 == len(left.name) and _is_left(left, middle):
                if left.is_dir():
                    shutil.rmtree(left, ignore_errors=True)
                else:
                    left.unlink(missing_ok=True)


def _beginning(path: Path) -> str:
    return f".{path.name[:40]}."


def _is_left(path: Path, middle: str) -> bool:
    """Whether its writer ended: on this machine, and a while ago in case it runs on another."""
    pid, _, drawn = middle.partition("-")
    if not (pid.isdecimal() and drawn) or sys.platform == "win32":
        return False  # Windows has no signal that only asks: its 0 interrupts
    if time.time() - path.lstat().st_mtime < QUIET_S:
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


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
