"""Writes finished requests to a folder of JSON Lines, on a thread of its own."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from routelab.runtime.finished_request import FinishedRequest
from routelab.runtime.journal import entry
from routelab.runtime.journal.segments import PartlyWrittenError, Segments
from routelab.runtime.journal.sink import LogStatus, Note
from routelab.runtime.redaction import Redactor

_log = logging.getLogger("routelab")

_LINGER_S = 0.05
"""Records gather for so long, so that a busy router does not wake the thread for each."""
_RETRY_S = 1.0
"""Between attempts at a disk that is full."""
_BATCH = 16
"""Records written at once; between two batches the thread lets others run."""


class DecisionLog:
    """A decision log in a folder; `routelab.logs.read` takes the folder.

    Writing costs a request the time to put it in a queue. What the queue has no room for, and
    what a disk has not taken when the log is closed, is dropped and counted. Several processes
    may log to one folder: each has files of its own.

    A record is with the operating system within a tenth of a second, and then outlives this
    process. Files are forced to the disk when they are full and when the log is closed; with
    `sync` after every batch, so that a power cut loses no more than the queue.

    Args:
        texts: log prompts and answers too; without, a prompt leaves only its hash.
        hash_key: makes the hash one that nobody without the key can repeat.
        max_bytes: of a file, before the next is begun.
        max_queued, max_queued_chars: records that wait at most, and text in them.
        sync: force every batch to the disk.
        redactor: takes out of texts what identifies people, on the log's own thread.
        wall_clock: Unix seconds, for the names of the files.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        texts: bool = False,
        hash_key: bytes | None = None,
        max_bytes: int = 64 << 20,
        max_queued: int = 10_000,
        max_queued_chars: int = 64_000_000,
        sync: bool = False,
        redactor: Redactor | None = None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder = Path(folder)
        self._texts = texts
        self._hash_key = hash_key
        self._redactor = redactor
        self._max_queued = max_queued
        self._max_chars = max_queued_chars
        self._segments = Segments(self.folder, max_bytes, sync, wall_clock)
        self._variables: tuple[str, ...] = ()
        self._queue: deque[FinishedRequest | Note] = deque()
        self._lines: list[bytes] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._waiting = threading.Event()
        self._thread: threading.Thread | None = None
        self._process = 0
        self._written = self._refused = self._lost = 0
        self._chars_in = self._chars_out = 0
        self._error: str | None = None

    def write(self, finished: FinishedRequest) -> None:
        """Queue a request's record."""
        self._put(finished)

    def note(self, note: Note) -> None:
        """Queue the judgement of an answer, or an alert of a budget."""
        self._put(note)

    def keep_out(self, variables: Iterable[str]) -> None:
        """Redact the values of these environment variables wherever they turn up."""
        self._variables = tuple(dict.fromkeys((*self._variables, *variables)))

    def status(self) -> LogStatus:
        queued = len(self._queue) + len(self._lines)
        return LogStatus(self._written, queued, self._refused + self._lost, self._error)

    def close(self) -> None:
        """Write what is queued, once more if the disk was full, and end the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or self._process != os.getpid():
            return
        self._closing.set()
        self._waiting.set()
        thread.join()
        atexit.unregister(self.close)

    def _put(self, item: FinishedRequest | Note) -> None:
        if self._thread is None or self._process != os.getpid():
            self._start()
        chars = _chars(item)
        with self._lock:
            waiting = self._chars_in - self._chars_out
            full = len(self._queue) >= self._max_queued or waiting + chars > self._max_chars
            if full and self._queue:
                self._refused += 1
                return
            self._chars_in += chars
            self._queue.append(item)
        if not self._waiting.is_set():
            self._waiting.set()

    def _start(self) -> None:
        """Begin, or begin again after a fork, which copies the queue but not the thread."""
        with self._lock:
            if self._thread is not None and self._process == os.getpid():
                return
            if self._process not in (0, os.getpid()):
                self._queue.clear()
                self._lines.clear()
                self._chars_in = self._chars_out = 0
                self._segments.forget()
            self._process = os.getpid()
            self._closing, self._waiting = threading.Event(), threading.Event()
            self._thread = threading.Thread(
                target=self._work, name="routelab-decision-log", daemon=True
            )
            self._thread.start()
            atexit.register(self.close)

    def _work(self) -> None:
        pause = _LINGER_S
        while not self._closing.is_set():
            self._waiting.wait()
            self._closing.wait(pause)
            self._waiting.clear()
            pause = _LINGER_S if self._drain() else _RETRY_S
            if self._lines:
                self._waiting.set()
        self._drain()
        with self._lock:
            self._lost += len(self._queue) + len(self._lines)
            self._queue.clear()
            self._lines.clear()
            self._chars_out = self._chars_in
        self._segments.close()

    def _drain(self) -> bool:
        """Write batches until nothing is left; False if the disk would not take one."""
        secrets = entry.secrets(self._variables)
        while self._lines or self._queue:
            while self._queue and len(self._lines) < _BATCH:
                item = self._queue.popleft()
                self._chars_out += _chars(item)
                self._lines += self._encoded(item, secrets)
            try:
                done = self._segments.append(self._lines)
                self._error = None
            except PartlyWrittenError as partly:
                done = partly.whole
                self._complain(
                    f"{partly.reason.strerror or partly.reason}; requests go on, and up to"
                    f" {self._max_queued} records wait until it can"
                )
            self._written += done
            del self._lines[:done]
            if self._lines:
                return False
        return True

    def _encoded(
        self, item: FinishedRequest | Note, secrets: tuple[bytes, ...]
    ) -> tuple[bytes, ...]:
        """The line, or none for what JSON cannot hold."""
        try:
            if not isinstance(item, FinishedRequest):
                return (entry.record_line(item, secrets),)
            record = entry.record(item, texts=self._texts, hash_key=self._hash_key)
            if self._redactor:
                record = entry.redacted(record, self._redactor)
            return (entry.record_line(record, secrets),)
        except Exception as error:  # noqa: BLE001  (one odd record must not stop the others)
            self._lost += 1
            self._complain(f"{type(error).__name__}: {error}")
            return ()

    def _complain(self, reason: str) -> None:
        if self._error is None:
            _log.warning("decision log %s cannot be written: %s", self.folder, reason)
        self._error = reason


def _chars(item: FinishedRequest | Note) -> int:
    """About how much text an item holds on to."""
    if not isinstance(item, FinishedRequest):
        return 0
    texts = [message.get("content") for message in item.request.messages or ()]
    texts += [step.feedback.text for step in item.steps]
    return sum(len(text) for text in texts if isinstance(text, str | list))
