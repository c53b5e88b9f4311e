"""The file of an SQLite store: made whole or not at all, by one process at a time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from routelab.core.storage import lock_file, sweep, unfinished

_SIGNS = re.compile("[%?#;]")

_FOLDERS: dict[Path, int] = {}
"""Folders that an address cannot name, by the order in which they were met in this process."""

PATIENCE_S = 600.0
"""After which a lock that another process holds is ignored."""


def file_of(uri: str) -> Path | None:
    """The file of an SQLite store; None for any other store."""
    if urlsplit(uri).scheme.split("+")[0] != "sqlite":
        return None
    path = uri.partition(":///")[2]
    if not path or path.startswith(("?", ":memory:", "file:")):
        return None
    return Path(_named(uri)) if {"%", "?"} & set(path) else Path(path)


def _named(uri: str) -> str:
    """The file of an address with escapes or options, as the driver reads it."""
    from sqlalchemy.engine import make_url

    return str(make_url(uri).database)


def fixed(uri: str) -> str:
    """An address that means the same file after the working directory changes.

    MLflow keeps what it opened by its address, so that a relative one would mean the first folder
    for good. An address cannot hold every folder's name: where one has signs of an address in
    it, the address stays relative, and is written in a way that no other folder's is.

    Args:
        uri: of any store; only a relative address of an SQLite file is changed.
    """
    file = file_of(uri)
    if file is None or file.is_absolute():
        return uri
    folder = Path.cwd()
    scheme, _, path = uri.partition(":///")
    if not _SIGNS.search(str(folder)):
        return f"{scheme}:///{folder.as_posix()}/{path}"
    return f"{scheme}:///{'./' * _FOLDERS.setdefault(folder, len(_FOLDERS) + 1)}{path}"


def _address(file: Path) -> str:
    """Of a file whose name may hold signs of an address."""
    plain, escaped = f"sqlite:///{file}", f"sqlite:///{quote(str(file), safe='/')}"
    return plain if {"%", "?"}.isdisjoint(str(file)) or _named(plain) == str(file) else escaped


@contextmanager
def alone(folder: Path, on_wait: Callable[[], object] = lambda: None) -> Iterator[bool]:
    """Hold a folder for the length of a block, waiting for other processes that hold it.

    Args:
        folder: that is there.
        on_wait: called once where it is held, before it is waited for.
    Yields:
        Whether it is held; never where the system has no such locks.
    """
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folder; what is not there is told by who needs it
        yield False
        return
    try:
        yield _lock(held, on_wait)
    finally:
        os.close(held)  # which lets go


def _lock(held: int, on_wait: Callable[[], object]) -> bool:
    deadline, told = time.monotonic() + PATIENCE_S, False
    while time.monotonic() < deadline:
        try:
            lock_file(held)
        except BlockingIOError:
            if not told:
                on_wait()
                told = True
            time.sleep(0.05)
        except OSError:  # a file system without locks
            return False
        else:
            return True
    return False


def ensure(path: Path) -> None:
    """Have a store's tables in a file, which appears with all of them.

    MLflow makes them one by one in place: two processes at once, or one that is killed, leave a
    file that no version of MLflow opens again.
    """
    if path.exists():
        return
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    sweep(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{unfinished(path)}new.tmp")
    try:
        engine = create_sqlalchemy_engine(_address(fresh))
        _initialize_tables(engine)
        engine.dispose()
        if not path.exists():
            fresh.replace(path)
    finally:
        with suppress(OSError):
            fresh.unlink()
