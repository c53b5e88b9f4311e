"""Encoding of values: JSON that survives any text, and header values that survive any id."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import islice
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

DEPTH = 64
"""Lists and objects of a reply in each other, far more than a chat completion has."""

VALUES = 400_000
"""Values of a reply, all counted, which take some 50 milliseconds to read."""

LARGE = 1 << 20
"""Bytes beyond which JSON is read a little at a time (`large_json`)."""

_TOLD = 20
"""Numbers that are told; there may be thousands."""

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


def encode_request(body: Mapping[str, Any]) -> bytes:
    """JSON bytes of a request.

    Raises:
        RequestError: as `encode_json`; or a number is not finite, which would be sent as null.
    """
    content = encode_json(body)
    if (b"null" in content or b"NaN" in content or b"Infinity" in content) and (
        places := [*islice(_not_finite(body), _TOLD)]
    ):
        raise RequestError(*(f"{it}: JSON has no such number" for it in places))
    return content


def _not_finite(value: object) -> Iterator[str]:
    """Where numbers are that are not finite, each with its value."""
    waiting: list[tuple[tuple[object, ...], object]] = [((), value)]
    while waiting:
        place, it = waiting.pop()
        if isinstance(it, float):
            if not math.isfinite(it):
                yield f"{'.'.join(map(str, place))}={it}"
        elif isinstance(it, Mapping):
            waiting += [((*place, name), inner) for name, inner in it.items()]
        elif isinstance(it, list | tuple):
            waiting += [((*place, at), inner) for at, inner in enumerate(it)]


def decode_json(data: bytes, *, exact: bool = False) -> Any:
    """The value of JSON bytes; numbers as exact as float64.

    Args:
        data: JSON.
        exact: numbers that JSON has not are an error, such as NaN, and those beyond float64.
    Raises:
        ValueError: the bytes are no JSON, or nested too deeply to read.
    """
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return _decode_leniently(data, exact)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode_object(data: bytes, values: int = VALUES) -> dict[str, Any] | None:
    """The JSON object that the bytes are; None if they are anything else, or too much to read."""
    try:
        value = decode_bounded(data, DEPTH, values)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def decode_bounded(
    data: bytes, depth: int = DEPTH, values: int = VALUES, *, exact: bool = False
) -> Any:
    """The value of JSON bytes that come from anywhere.

    Args:
        data: of a request or a reply.
        depth: of lists and objects in each other that is taken.
        values: that they may hold, all counted.
        exact: as of `decode_json`.
    Raises:
        TooDeepError: lists and objects lie deeper in each other.
        ValueError: the bytes are no JSON, or hold more values.
    """
    if len(data) > values:
        if _holds_more(data, values):
            raise ValueError(f"more than {values:,} values")
        with _uncollected():
            value = decode_json(data, exact=exact)
    else:
        value = decode_json(data, exact=exact)
    # most bodies have fewer brackets than they may be deep
    if _opened(data, depth) > depth and _is_deeper(data, depth):
        raise TooDeepError(f"nested more than {depth} levels deep")
    return value


@contextmanager
def _uncollected() -> Iterator[None]:
    """Let no garbage be looked for among values that are being made, which takes twice the time."""
    looked_for = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if looked_for:
            gc.enable()


class TooDeepError(ValueError):
    """Lists and objects lie too deep in each other."""


def _opened(data: bytes, most: int) -> int:
    """Brackets that are opened, as far as there are few; what is rare is split at sooner."""
    if len(data) > 1 << 16:
        return data.count(b"[") + data.count(b"{")
    return len(data.split(b"[", most + 1)) + len(data.split(b"{", most + 1)) - 2


def _holds_more(data: bytes, values: int) -> bool:
    """Whether JSON holds more values; texts are taken out only where they may matter."""
    parts = (data[: 1 << 21], data)  # where there are too many, the first tells
    return any(
        _marks(it) > values and _marks(outside_texts(it, b",[{")[0]) > values for it in parts
    )


def _marks(data: bytes) -> int:
    return data.count(b",") + data.count(b"[") + data.count(b"{")


def _is_deeper(data: bytes, depth: int) -> bool:
    """Whether anything lies below so many levels of lists and objects.

    The innermost brackets are taken out, level by level, which costs a hundredth of a walk through
    the values.

    Args:
        data: JSON.
    """
    brackets, _ = outside_texts(data, b"[]{}")
    for _ in range(depth):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        if not brackets:
            return False
    return True


def outside_texts(data: bytes, kept: bytes, *, within: bool = False) -> tuple[bytes, bool]:
    """JSON with nothing left of it but these characters where they are in no text.

    Args:
        data: JSON, or a slice of it.
        kept: the characters.
        within: the slice begins in a text.
    Returns:
        what is left, and whether it ends in a text.
    """
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    left = data.translate(None, _all_but(kept + b'"')).replace(b'""', b"")
    if b'"' not in left:
        return (b"" if within else left), within
    parts = left.split(b'"')
    return b"".join(parts[within::2]), bool((len(parts) - 1 + within) % 2)


@cache
def _all_but(kept: bytes) -> bytes:
    return bytes(it for it in range(256) if it not in kept)


def _decode_leniently(data: bytes, exact: bool) -> Any:
    import json  # slow to import, and rarely needed

    checked: dict[str, Any] = {"parse_constant": _no_number, "parse_float": _finite}
    try:
        return json.loads(data, **checked if exact else {})
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError as error:
        if "digits" not in str(error):
            raise
        raise ValueError("a whole number has more digits than are read") from error


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number that JSON has")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(f"{text:.40}")


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
    """The text of a header value.

    Raises:
        UnicodeDecodeError: it has an escape, and is not escaped as ours are.
    """
    return unquote(value, errors="surrogatepass")
