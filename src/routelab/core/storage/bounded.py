"""Files of whatever origin, read without waiting, without end and without leaving their folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from routelab.core.storage.read_limits import limits, raised

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that nobody writes to is opened at once, and then refused."""


def read_bounded(path: Path, limit: str, *, within: Path | None = None) -> bytes:
    """The content of a regular file.

    Args:
        path: of the file.
        limit: the field of `Limits` that bounds its bytes.
        within: a folder that links may not lead out of; None where any file is meant.
    Raises:
        OSError: it cannot be read, is no file but a pipe, a device or a folder, lies outside the
            folder, or is larger; `strerror` says which.
    """
    most: int = getattr(limits(), limit)
    if within is not None:
        path = inside(path, within)
    held = os.open(path, _FLAGS)
    try:
        found = os.fstat(held)
        _check_regular(found.st_mode)
        if found.st_size > most:
            raise _too_large(most, limit)
        with os.fdopen(held, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(held)
    if len(content) > most:  # it grew meanwhile, or says nothing of its size, as those in /proc
        raise _too_large(most, limit)
    return content


def inside(path: Path, folder: Path) -> Path:
    """Where a path leads, links resolved.

    Args:
        path: of a file.
        folder: that it may not lead out of.
    Raises:
        OSError: it does, or goes in a circle.
    """
    try:
        whole, home = os.path.realpath(path, strict=True), os.path.realpath(folder, strict=True)
    except ValueError as error:  # a name with a null character
        raise OSError(errno.EINVAL, str(error)) from error
    if os.path.commonpath([whole, home]) != home:
        raise OSError(errno.EPERM, "a link that leads out of the folder")
    return Path(whole)


def _check_regular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "Is a directory")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "neither a file nor a folder, but a pipe or a device")


def _too_large(most: int, limit: str) -> OSError:
    return OSError(errno.EFBIG, f"more than the {most:,} {limit} that are read; {raised(limit)}")
