"""Files of whatever origin, read without waiting, without end and without leaving their folder."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

from routelab.core.storage.read_limits import limits, raised

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""A pipe that nobody writes to is opened at once, and then refused."""

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_IS_LINK = (errno.ELOOP, errno.EMLINK)
"""What systems say of a link that is not followed."""


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
    held = os.open(path, _FLAGS) if within is None else _opened(path, within)
    try:
        found = os.fstat(held)
        _check_regular(found.st_mode)
        if found.st_size > most:
            raise _too_large(most, limit)
        content = _content(held, found.st_size, most)
    finally:
        os.close(held)
    if len(content) > most:  # it grew meanwhile, or says nothing of its size, as those in /proc
        raise _too_large(most, limit)
    return content


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it.

    Args:
        path: of the file.
    Raises:
        OSError: it cannot be read, or is no file but a pipe, a device or a folder.
    """
    held = os.open(path, _FLAGS)
    try:
        _check_regular(os.fstat(held).st_mode)
    except OSError:
        os.close(held)
        raise
    return os.fdopen(held, "rb")


def check_regular(path: Path) -> None:
    """Refuse to write where there is a pipe, a device or a folder already.

    Args:
        path: of a file that may not be there yet.
    Raises:
        OSError: it is something else than a file, or a link that leads in a circle.
    """
    try:
        _check_regular(path.stat().st_mode)
    except FileNotFoundError:
        return


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, none longer than `line_bytes` of the limits.

    Args:
        file: opened to read bytes.
    Raises:
        OSError: a line is longer.
    """
    most = limits().line_bytes
    for number, line in enumerate(iter(partial(file.readline, most + 1), b""), 1):
        if len(line) > most:
            raise OSError(
                errno.EFBIG,
                f"line {number} is longer than {most:,} bytes; {raised('line_bytes')}",
            )
        yield line


def _opened(path: Path, folder: Path) -> int:
    """The file, whose name may be a link within the folder; most are none, and quick."""
    try:
        return os.open(path, _FLAGS | _NO_LINK)
    except OSError as error:
        if error.errno not in _IS_LINK:
            raise
        return os.open(inside(path, folder), _FLAGS | _NO_LINK)
    except ValueError as error:  # a name with a null character
        raise OSError(errno.EINVAL, str(error)) from error


def _content(held: int, size: int, most: int) -> bytes:
    """All that an open file holds, or one byte more than it may."""
    content = os.read(held, size + 1)  # most files are read at once, and are as large as they say
    if len(content) == size:
        return content
    parts, left = [content], most + 1 - len(content)
    while left > 0 and (part := os.read(held, min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


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
