"""Standard output and standard error that take whatever is printed, whatever the terminal reads."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path


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


def ascii_json(text: str) -> str:
    """JSON text in ASCII alone, to the same values."""
    if text.isascii():
        return text
    return "".join(it if it.isascii() else _escaped(it) for it in text)


def _escaped(character: str) -> str:
    """As JSON has it: one or two numbers of 16 bits."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
