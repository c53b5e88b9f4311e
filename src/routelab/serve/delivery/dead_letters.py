"""The file of answers that could not be delivered, a line each, until they are sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from routelab.core.storage import lock_file
from routelab.errors import ConfigError
from routelab.serve.delivery.outcome import DeliveredOutcome


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was given up.

    Attributes:
        key: of the request.
        destination: by name.
        reason: of the last try.
        tries: how many there were.
        at_s: Unix seconds of the last.
        outcome: that was to be delivered.
    """

    key: str
    destination: str
    reason: str
    tries: int
    at_s: float
    outcome: DeliveredOutcome


class LineFile:
    """A file that lines are appended to, by several processes too; none is ever half a line.

    Args:
        path: of the file, which is made when the first line comes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, line: bytes) -> None:
        """Write a line, and return once it is on the disk.

        Raises:
            OSError: it cannot be written.
        """
        with self.path.open("ab+") as file:
            _wait_for(file.fileno())
            end = file.seek(0, os.SEEK_END)
            if end:
                file.seek(end - 1)
                if file.read(1) != b"\n":  # of a process that was killed as it wrote
                    line = b"\n" + line
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _wait_for(file: int) -> None:
    """Wait for the file to be this process's alone."""
    try:
        import fcntl
    except ImportError:  # only Windows: there a file has one writer
        return
    fcntl.flock(file, fcntl.LOCK_EX)


def dead_letter_line(letter: DeadLetter) -> bytes:
    """As the file has it; the outcome's content is base64 there."""
    return msgspec.json.encode(letter)


class Resending:
    """The letters of a file, taken out of it to be sent again; used within `with`.

    They are in a file beside it meanwhile, with which the next attempt begins where this one is
    killed. What is not told as sent goes back.

    Args:
        path: of the file of dead letters.
    Raises:
        ConfigError: there is none, another process is at it, or lines are of something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken = path.with_name(f"{path.name}.sending")
        self._sent = path.with_name(f"{path.name}.sent")
        self._lock = path.with_name(f".{path.name}.lock")
        self._left: dict[int, bytes] = {}

    def __enter__(self) -> Self:
        self._file = self._lock.open("wb")
        try:
            self._take()
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._left:
            LineFile(self._path).append(b"\n".join(self._left.values()))
        self._taken.unlink(missing_ok=True)
        self._sent.unlink(missing_ok=True)
        self._file.close()
        self._lock.unlink(missing_ok=True)

    def letters(self) -> Iterator[tuple[int, DeadLetter]]:
        """Each letter with its number.

        Raises:
            ConfigError: a line is none; everything goes back.
        """
        for number, line in list(self._left.items()):
            try:
                yield number, msgspec.json.decode(line, type=DeadLetter)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"{self._path}: line {number + 1} is no dead letter: {error}"
                ) from error

    def sent(self, number: int) -> None:
        """A letter has arrived, and is not sent again however this process ends from here on."""
        LineFile(self._sent).append(str(number).encode())
        del self._left[number]

    def _take(self) -> None:
        try:
            lock_file(self._file.fileno())
        except OSError as error:
            raise ConfigError(f"{self._path}: another process sends it: wait for that") from error
        try:
            if not self._taken.exists():
                self._path.rename(self._taken)
            lines = self._taken.read_bytes().split(b"\n")
        except FileNotFoundError as error:
            raise ConfigError(f"{self._path}: there is no such file: nothing is left") from error
        except OSError as error:
            raise ConfigError(f"{self._path}: cannot be taken: {error.strerror}") from error
        sent = set(self._sent.read_bytes().split()) if self._sent.exists() else set()
        self._left = {
            at: it for at, it in enumerate(lines) if it.strip() and str(at).encode() not in sent
        }
