"""Standard output and standard error that take whatever is printed, whatever the terminal reads."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from routelab.errors import RoutelabError


def printable() -> None:
    """Have both streams escape what their encoding lacks, and be there where they were closed.

    A study's last line must not be lost because a terminal reads ASCII.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by who started this process
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in (
            "strict",
            "surrogateescape",
        ):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def writing() -> Iterator[None]:
    """Around what prints on standard output: where that takes no more, say so.

    Raises:
        RoutelabError: it is full or gone; a reader that went away (`| head`) is no error.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        _give_up()
        raise RoutelabError(
            f"standard output: cannot be written ({error.strerror or error}); files that the"
            " command writes are complete"
        ) from error


def finished(status: int) -> int:
    """The status to end with, once all that was printed has left."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _give_up()
    except OSError as error:
        _give_up()
        sys.stderr.write(f"error: standard output: cannot be written ({error.strerror})\n")
        return status or 2
    return status


def _give_up() -> None:
    """Print nowhere from now on, so that nothing fails again as the process ends."""
    sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


def ascii_json(text: str) -> str:
    """JSON text in ASCII alone, to the same values."""
    if text.isascii():
        return text
    return "".join(it if it.isascii() else _escaped(it) for it in text)


def _escaped(character: str) -> str:
    """As JSON has it: one or two numbers of 16 bits."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
