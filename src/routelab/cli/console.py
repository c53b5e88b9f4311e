"""What a command prints: JSON on standard output, sentences on standard error."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from routelab.cli.flags import with_flags
from routelab.cli.streams import ascii_json, writing
from routelab.errors import visible


def print_json(data: Any) -> None:
    """Plain data as JSON on standard output; NaN is null."""
    text = _harmless(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())
    unicode = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
    with writing():
        sys.stdout.write(f"{text if unicode else ascii_json(text)}\n")


def tell(text: str) -> None:
    """A line on standard error, its arguments as flags, and what is not seen in it escaped."""
    sys.stderr.write(f"{visible(with_flags(text))}\n")


def _harmless(text: str) -> str:
    """The same JSON, in which nothing commands a terminal or turns the direction of text."""
    shown = visible(text)
    return (
        text
        if shown == text
        else "".join(it if visible(it) == it else ascii_json(it) for it in text)
    )
