"""JSON of megabytes from anywhere, read a little at a time, so that others have their turns.

Whatever decodes JSON holds the interpreter until it is through, in a thread too. So the bytes are
first looked at in slices, which tells what they would cost, and then taken apart from the outside
in: a value of an object or a list stays bytes until its turn comes.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Generator
from functools import cache
from typing import Any

import msgspec
from anyio.lowlevel import checkpoint

from routelab.runtime.wire import (
    DEPTH,
    LARGE,
    VALUES,
    TooDeepError,
    decode_bounded,
    decode_json,
    outside_texts,
)

NAMES = 50_000
"""Different names in objects: one object of more takes long to read in one go."""

_SLICE, _SMALL = 1 << 20, 1 << 18
"""Bytes that are looked at in one go, and that are decoded in one."""

_LENIENT = 1 << 21
"""Bytes in which numbers that JSON has not, and halves of characters, are taken."""

_NUMBER = 10_000
"""Characters of a number; the interpreter reads no whole one that is as long."""

_UNIT = 12
"""Bytes of the longest sign in a text: two escapes."""

_EACH = 64
"""Bytes for which a value counts besides its own."""

_NAME = re.compile(rb'"([^"\\]*)"\s*:')

Steps = Generator[None, None, Any]


async def decode_anywhere(
    data: bytes, depth: int = DEPTH, values: int = VALUES, *, exact: bool = False
) -> Any:
    """The value of JSON bytes of any size; others have their turns where there are many.

    Args:
        data: of a request or a reply.
        depth: of lists and objects in each other that is taken.
        values: that they may hold, all counted.
        exact: numbers that JSON has not are an error, such as NaN, and those beyond float64.
    Raises:
        TooDeepError: lists and objects lie deeper in each other.
        ValueError: the bytes are no JSON, or hold more values, or more names.
    """
    if len(data) <= LARGE:
        return decode_bounded(data, depth, values, exact=exact)
    steps = decode_steps(data, depth, values, exact=exact)
    while True:
        collects = gc.isenabled()
        gc.disable()  # garbage is not looked for among values that are being made
        try:
            next(steps)
        except StopIteration as done:
            return done.value
        finally:
            if collects:
                gc.enable()
        await checkpoint()


async def object_anywhere(data: bytes, values: int = VALUES) -> dict[str, Any] | None:
    """The JSON object that bytes of any size are; None if they are anything else."""
    try:
        value = await decode_anywhere(data, DEPTH, values)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def decode_steps(
    data: bytes, depth: int = DEPTH, values: int = VALUES, *, exact: bool = False
) -> Steps:
    """As `decode_anywhere`, a few milliseconds at each step.

    Args:
        data: JSON.
        depth: of lists and objects in each other that is taken.
        values: that they may hold, all counted.
        exact: as of `decode_anywhere`.
    """
    begin, end = data[:_SLICE].lstrip(), data[-_SLICE:].rstrip()
    if not (begin and end):
        raise ValueError(f"it begins or ends with {_SLICE:,} spaces")
    data = data[min(len(data), _SLICE) - len(begin) :]
    data = data[: len(data) - min(len(data), _SLICE) + len(end)]
    yield from _bounded(data, depth, values)
    try:
        return (yield from _value(memoryview(data)))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if len(data) > _LENIENT:
            raise ValueError(str(error)) from error
    return decode_json(data, exact=exact)


def _bounded(data: bytes, depth: int, values: int) -> Steps:
    """Refuse what is too much.

    Raises:
        TooDeepError: it is nested deeper.
        ValueError: it holds more values, or names.
    """
    seen, names, brackets = 0, 0, []
    skipped, within = False, False
    for at in range(0, len(data), _SLICE):
        part = data[at + skipped : at + _SLICE]
        skipped = (len(part) - len(part.rstrip(b"\\"))) % 2 == 1  # the next byte is escaped
        left, within = outside_texts(part, b",:[]{}", within=within)
        seen += left.count(b",") + left.count(b"[") + left.count(b"{")
        if seen > values:
            raise ValueError(f"more than {values:,} values")
        names += left.count(b":")
        brackets.append(left.translate(None, b",:"))
        yield
    inner = b"".join(brackets)
    for _ in range(depth if inner else 0):
        inner = inner.replace(b"{}", b"").replace(b"[]", b"")
        yield
    if b"[" in inner or b"{" in inner:
        raise TooDeepError(f"nested more than {depth} levels deep")
    if names > NAMES:
        yield from _few_names(data)


def _few_names(data: bytes) -> Steps:
    found = set[bytes]()
    for at in range(0, len(data), _SMALL):
        found.update(_NAME.findall(data[at : at + _SMALL]))
        if len(found) > NAMES:
            raise ValueError(f"more than {NAMES:,} different names")
        yield


@cache
def _parts_decoders() -> tuple[Any, Any]:
    """What reads the outermost object, and list, alone."""
    decoders = msgspec.json.Decoder(dict[str, msgspec.Raw]), msgspec.json.Decoder(list[msgspec.Raw])
    return decoders[0].decode, decoders[1].decode


def _value(data: memoryview) -> Steps:
    """A value, with those in it one after the other."""
    if len(data) <= _SMALL:
        return msgspec.json.decode(data)
    first = bytes(data[:1])
    of_object, of_list = _parts_decoders()
    if first == b"{":
        named: dict[str, Any] = of_object(data)
        yield
        yield from _filled(named, list(named))
        return named
    if first == b"[":
        listed: list[Any] = of_list(data)
        yield
        yield from _filled(listed, range(len(listed)))
        return listed
    if first == b'"':
        return (yield from _text(data))
    if len(data) > _NUMBER:
        raise ValueError(f"a number, or a word, of {len(data):,} characters")
    return msgspec.json.decode(data)


def _filled(holder: Any, keys: Any) -> Steps:
    """Put values in the places of their bytes."""
    decode, done = msgspec.json.decode, 0
    for key in keys:
        part = memoryview(holder[key])
        size = len(part)
        holder[key] = decode(part) if size <= _SMALL else (yield from _value(part))
        done += size + _EACH
        if done > _SMALL:
            done = 0
            yield


def _text(data: memoryview) -> Steps:
    """A long text, cut where no sign is cut in two."""
    parts, decode = [], msgspec.json.decode
    at, end = 1, len(data) - 1
    while at < end:
        to = min(at + _SMALL, end)
        least = max(to - _UNIT, at) + 1
        for cut in range(to, least - 1, -1):
            try:
                parts.append(decode(b'"%b"' % bytes(data[at:cut])))
            except (msgspec.DecodeError, UnicodeDecodeError):
                if to == end or cut == least:
                    raise
            else:
                at = cut
                break
        yield
    return "".join(parts)
