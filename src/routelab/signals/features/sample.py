"""One request, prepared for counting things in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from routelab.core.request import Request
from routelab.signals.features.passage import Passage, passage
from routelab.signals.features.text import capped, messages_of, text_of

_PLAIN = bytes([32, *range(97, 123), *range(128, 256)])


class Sample(NamedTuple):
    """A request and what it says.

    Attributes:
        text: whole.
        breaks: line breaks in it.
        short: its head and tail.
        signs: ASCII of `short` without spaces and small letters: little is left to search.
        distinct: codes of its words, each once.
    """

    request: Request
    messages: tuple[Mapping[str, Any], ...]
    text: str
    breaks: int
    short: Passage
    signs: bytes
    distinct: set[int]

    def among(self, wanted: bytes) -> int:
        """How many of `signs` are among these."""
        return len(self.signs) - len(self.signs.translate(None, wanted))


def sample(request: Request, cap: int) -> Sample:
    """The sample of a request, about `cap` characters short.

    Raises:
        PolicyError: the request has no messages.
    """
    text = text_of(request)
    short = passage(capped(text, cap))
    signs = short.data.translate(None, _PLAIN)
    breaks = text.count("\n")
    return Sample(request, messages_of(request), text, breaks, short, signs, set(short.codes))
