"""Encoding of values: JSON that survives any text, and header values that survive any id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from routelab.errors import RequestError

REQUEST_ID = "x-request-id"
"""The request's id, by which logs of router and endpoint are joined."""
NEED = "x-routelab-need"
"""Signals that the endpoint is to compute, and may charge for."""

READS = "x-routelab-reads"
"""Signals that the router makes of the answers, each as NAME=SOURCE."""

SAMPLE = "x-routelab-attempt"
"""How often the router asked this model the same before, so that a log can give another sample.

A call whose signals take n samples asks for n of them at once, each with a number of its own.
"""

SHOULD_RETRY = "x-should-retry"
"""`false` in a reply: asking again, here or elsewhere, would change nothing."""

_PLAIN = "!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~"
"""Visible ASCII that needs no escape: all but `%`, the escape, and `,`, which separates."""


def encode_json(value: object) -> bytes:
    """JSON bytes; lone surrogates, which UTF-8 cannot carry, as escapes.

    Raises:
        RequestError: the value has what JSON has not, or goes in a circle.
    """
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        import json  # slow to import, and rarely needed

        return json.dumps(value).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise RequestError(f"the request cannot be written as JSON: {error}") from error


def decode_json(data: bytes) -> Any:
    """The value of JSON bytes; numbers as exact as float64.

    Raises:
        ValueError: the bytes are no JSON, or nested too deeply to read.
    """
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return _decode_leniently(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object that the bytes are; None if they are anything else."""
    try:
        value = decode_json(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _decode_leniently(data: bytes) -> Any:
    import json  # slow to import, and rarely needed

    try:
        return json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def header_value(text: str) -> str:
    """Any text as a header value: visible ASCII, everything else percent-escaped."""
    return quote(text, safe=_PLAIN, errors="surrogatepass")


def header_list(texts: Iterable[str]) -> str:
    """Texts as one header value, separated by commas."""
    return ",".join(header_value(text) for text in texts)


def header_texts(value: str) -> list[str]:
    """The texts of a header value that `header_list` wrote."""
    return [header_text(name.strip()) for name in value.split(",") if name.strip()]


def header_text(value: str) -> str:
    """The text of a header value."""
    return unquote(value, errors="surrogatepass")
