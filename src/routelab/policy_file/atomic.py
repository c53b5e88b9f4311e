"""Replace a whole directory at once, so that a reader sees the old or the new one."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from routelab.core.storage import sweep, sync, unfinished
from routelab.errors import PolicyFileError

_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_HERE = -100  # AT_FDCWD


def replace_directory(path: Path, files: Mapping[str, bytes]) -> None:
    """Make `path` a directory with exactly these files, or leave it as it was.

    The files are written and synced beside it first. On Linux the two directories are
    then exchanged in one step; elsewhere the old one is moved away just before. A link is
    followed, and stays.

    Raises:
        PolicyFileError: the place cannot be written to.
    """
    try:
        _replace(path.resolve(), files)
    except OSError as error:
        raise PolicyFileError(
            f"{path}: cannot be written ({error.strerror}); choose another place, or make room"
        ) from error


def _replace(path: Path, files: Mapping[str, bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    fresh = _beside(path)
    try:
        fresh.chmod(0o755)
        for name, content in files.items():
            (fresh / name).write_bytes(content)
            sync(fresh / name)
        _put(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _beside(path: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix=unfinished(path), suffix=".tmp", dir=path.parent))


def _put(fresh: Path, path: Path) -> None:
    if not path.exists():
        fresh.rename(path)
    elif not _exchange(fresh, path):
        old = _beside(path)
        path.rename(old / "old")
        try:
            fresh.rename(path)
        except BaseException:
            (old / "old").rename(path)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step; False where the system cannot."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    if rename is None:
        return False
    return bool(rename(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0)
