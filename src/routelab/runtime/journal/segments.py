"""Files of whole lines, a new one when the last is full; none is ever renamed or shared."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from routelab.core.storage import lock_file
from routelab.runtime.moments import bounded_clock


class Segments:
    """Appends lines to `FOLDER/TIME-TOKEN.jsonl`, where the token is this writer's own.

    A file that is being written is locked, so that nobody takes it for complete; the system
    drops the lock when the writer dies.

    Args:
        max_bytes: a file that is larger is left, and a new one begun.
        sync: have every append reach the disk before it returns.
        wall_clock: Unix seconds, for the names.
    """

    def __init__(
        self, folder: Path, max_bytes: int, sync: bool, wall_clock: Callable[[], float]
    ) -> None:
        self.folder = folder
        self._max_bytes = max_bytes
        self._sync = sync
        self._wall_clock = bounded_clock(wall_clock)
        self._begun = 0
        self._token = os.urandom(4).hex()
        self._file: int | None = None
        self._path = folder
        self._size = 0

    def append(self, lines: Sequence[bytes]) -> int:
        """Write lines; returns how many.

        Raises:
            PartlyWrittenError: the disk would not take them all; no part of a line is left.
        """
        try:
            file = self._opened()
        except OSError as error:
            raise PartlyWrittenError(0, error) from error
        data = memoryview(b"".join(lines))
        done = 0
        try:
            while done < len(data):
                done += os.write(file, data[done:])
            if self._sync:
                os.fsync(file)
        except OSError as error:
            raise PartlyWrittenError(self._whole(lines, done), error) from error
        self._size += done
        if self._size >= self._max_bytes:
            self.close()
        return len(lines)

    def close(self) -> None:
        """Leave the file, with all of it on the disk."""
        file, self._file = self._file, None
        if file is None:
            return
        with contextlib.suppress(OSError):  # the writes said so already, or nothing helps
            os.fsync(file)
        os.close(file)
        if self._size == 0:
            self._path.unlink(missing_ok=True)

    def forget(self) -> None:
        """Leave the file to the process that forked this one."""
        if self._file is not None:
            os.close(self._file)
        self._file = None
        self._token = os.urandom(4).hex()

    def _opened(self) -> int:
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            moment = dt.datetime.fromtimestamp(self._wall_clock(), dt.UTC)
            stem = f"{moment:%Y%m%dT%H%M%S%f}-{self._token}"
            if self._begun:  # a clock that stands or goes back may give a name twice
                stem += f"-{self._begun}"
            self._begun += 1
            self._path = self.folder / f"{stem}.jsonl"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._file, self._size = os.open(self._path, flags, 0o640), 0
            lock_file(self._file)
        return self._file

    def _whole(self, lines: Sequence[bytes], done: int) -> int:
        """Cut a torn line off, and leave the file: its disk or its limit is full."""
        kept = size = 0
        for text in lines:
            if size + len(text) > done:
                break
            kept, size = kept + 1, size + len(text)
        self._size += size
        assert self._file is not None  # it was just written to
        with contextlib.suppress(OSError):  # a reader skips a torn last line
            os.ftruncate(self._file, self._size)
        self.close()
        return kept


class PartlyWrittenError(Exception):
    """Some lines could not be written.

    Attributes:
        whole: how many could.
        reason: what the system says.
    """

    def __init__(self, whole: int, reason: OSError) -> None:
        super().__init__(whole, reason)
        self.whole = whole
        self.reason = reason
