"""The journal of a collection: lines that are on the disk before anybody counts on them.

Many calls end at once, and a disk takes milliseconds to say that it has something. So lines are
written in groups: while one group is on its way, the next one gathers (group commit).

Source: J. Gray and A. Reuter, Transaction Processing: Concepts and Techniques, 1993, section 9.4.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from pathlib import Path

from routelab.errors import CollectError


class CellJournal:
    """Appends lines to a file on a thread of its own; for one event loop.

    Args:
        path: of the file, which is made if it is not there; its last line is a whole one.
    Raises:
        OSError: it cannot be opened to append.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        _sync_folder(path.parent)
        self._lock = threading.Condition()
        self._lines: list[bytes] = []
        self._appended = self._committed = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._error: CollectError | None = None
        self._closing = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._write, name="routelab-journal", daemon=True)
        self._thread.start()

    def append(self, line: bytes) -> None:
        """Give a line to be written; it is on the disk once `committed` returns.

        Args:
            line: without its end.
        Raises:
            CollectError: an earlier one could not be written.
        """
        self._check()
        with self._lock:
            self._lines += (line, b"\n")
            self._appended += 1
            self._lock.notify()

    async def committed(self) -> None:
        """Once all that was appended until now is on the disk.

        Raises:
            CollectError: it could not be written.
        """
        self._check()
        mark = self._appended
        if mark <= self._committed:
            return
        self._loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((mark, done))
        with self._lock:
            stale = self._committed >= mark or self._error is not None
        if stale:  # the thread may have been done before it could see who waits
            self._release()
        await done

    def close(self) -> None:
        """Write what is left, and end the thread.

        Raises:
            CollectError: something could not be written.
        """
        with self._lock:
            self._closing = True
            self._lock.notify()
        self._thread.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _write(self) -> None:
        """On the thread: write and sync group after group."""
        while True:
            with self._lock:
                while not self._lines and not self._closing:
                    self._lock.wait()
                lines, self._lines = self._lines, []
                mark = self._appended
            if not lines:
                return
            try:
                self._put(b"".join(lines))
            except OSError as error:
                why = error.strerror or str(error)
                with self._lock:
                    self._error = CollectError(
                        f"{self.path}: cannot be written: {why}; nothing more is asked, and what"
                        " was under way is told as unknown: make room, and run the same command"
                        " again"
                    )
                self._wake()
                return
            with self._lock:
                self._committed = mark
            self._wake()

    def _put(self, group: bytes) -> None:
        view = memoryview(group)
        while view:
            view = view[os.write(self._file, view) :]
        os.fsync(self._file)

    def _wake(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        """On the event loop: go on with those whose lines are on the disk, or cannot be."""
        while self._waiting and (self._error or self._waiting[0][0] <= self._committed):
            _, done = self._waiting.popleft()
            if done.done():
                continue  # whoever waited was cancelled
            if self._error is None:
                done.set_result(None)
            else:
                done.set_exception(self._error)


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file on the disk, where the system can."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(held)
    except OSError:
        pass
    finally:
        os.close(held)
