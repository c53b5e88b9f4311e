"""What an error says, wherever in it that stands: its codes, its statuses and its sentences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

_CODES = (
    "code",
    "type",
    "status",
    "reason",
    "status_code",
    "error_type",
    "error_code",
    "errorcode",
    "errorCode",
    "__type",
    "blockReason",
    "block_reason",
    "raw_status_code",
    "statusCode",
    "Code",
    "ErrorCode",
)
"""Fields whose values are words of the provider's own, never what a caller wrote."""

_SENTENCES = (
    "msg",
    "faultstring",
    "status_msg",
    "error_msg",
    "error_message",
    "title",
    "error_description",
    "description",
)
"""Fields that say something to people, and hold nothing else."""

_INSIDE = (
    "error",
    "errors",
    "fault",
    "message",
    "detail",
    "details",
    "raw",
    "metadata",
    "innererror",
    "inner_error",
    "cause",
    "Message",
    "Error",
    "Response",
    "promptFeedback",
    "prompt_feedback",
    "base_resp",
    "external_model_error",
    "response",
    "body",
)
"""Fields that hold a sentence or another error, as an object, a list or JSON in a string."""

_DEEP, _MANY, _LONG = 8, 100, 20_000
"""Levels, parts and characters that are looked at: a body is somebody else's."""

_NAMED = re.compile(r"\s*(?:\w+\.)*([A-Z][A-Za-z]+(?:Error|Exception)|[A-Z]+(?:_[A-Z]+)+)\s*:")
"""The name of an error with which a sentence begins."""


class ErrorBody(NamedTuple):
    """What an error says.

    Attributes:
        codes: words and numbers of its fields for them, the outermost first.
        sentences: to people, the outermost first.
        quoted_codes, quoted_sentences: the same of an error that stands in the middle of a
            sentence, which may be what a caller wrote.
    """

    codes: tuple[str, ...]
    sentences: tuple[str, ...]
    quoted_codes: tuple[str, ...]
    quoted_sentences: tuple[str, ...]

    @property
    def status(self) -> int | None:
        """The first code that is an HTTP status of a failure."""
        found = (int(it) for it in self.codes if len(it) == 3 and it.isascii() and it.isdigit())
        return next((it for it in found if 400 <= it <= 599), None)


class _Read(NamedTuple):
    """What was read so far, and what was read of errors that a sentence quotes."""

    codes: list[str]
    sentences: list[str]
    quoted: _Read | None

    @property
    def inside(self) -> _Read:
        return self.quoted or self


def read_error(*parts: object) -> ErrorBody:
    """What an error says, in all the places where providers and gateways write it.

    Args:
        parts: JSON of a failed reply, or parts of it, objects, lists or sentences, the nearest
            first.
    """
    quoted = _Read([], [], None)
    read = _Read([], [], quoted)
    level: list[tuple[object, _Read]] = [(it, read) for it in parts]
    left = _MANY
    for _ in range(_DEEP):
        inner: list[tuple[object, _Read]] = []
        for part, into in level[:left]:
            inner.extend(_read_part(part, into))
        left -= len(level)
        level = inner
        if left <= 0 or not level:
            break
    told = (read.codes, read.sentences, quoted.codes, quoted.sentences)
    return ErrorBody(*(tuple(dict.fromkeys(it)) for it in told))


def _read_part(part: object, read: _Read) -> list[tuple[object, _Read]]:
    """Note what one part says; the parts in it, and where what they say is noted."""
    if isinstance(part, list):
        return [(it, read) for it in part[:_MANY]]
    if isinstance(part, str):
        return _read_text(part, read)
    if not isinstance(part, Mapping):
        return []
    for name in _CODES:
        value = part.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            read.codes.append(str(value)[:200])
    read.sentences.extend(
        part[name][:_LONG] for name in _SENTENCES if isinstance(part.get(name), str)
    )
    return [(part[name], read) for name in _INSIDE if part.get(name)]


def _read_text(text: str, read: _Read) -> list[tuple[object, _Read]]:
    """A sentence, or an error in JSON, or a sentence that holds one."""
    text = text[:_LONG]
    start = min((at for at in (text.find("{"), text.find("[{")) if at >= 0), default=-1)
    inside = _decoded(text[start:]) if start >= 0 else None
    told = text if inside is None else text[:start]
    if told.strip():
        read.sentences.append(told)
        read = read.inside
        if named := _NAMED.match(told):
            read.codes.append(named[1])
    return [] if inside is None else [(inside, read)]


def _decoded(text: str) -> object:
    """The JSON with which a text begins and, but for a bracket or two, ends; None if it is none."""
    end = max(text.rfind("}"), text.rfind("]")) + 1
    try:
        value = msgspec.json.decode(text[:end])
    except (ValueError, RecursionError):  # surrogates are a ValueError too
        return None
    return value if isinstance(value, dict | list) else None
