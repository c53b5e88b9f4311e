"""One request, prepared for counting things in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from routelab.core.request import Request
from routelab.signals.features.passage import Passage, passage
from routelab.signals.features.text import capped, messages_of, text_of


class Sample(NamedTuple):
    """A request and what it says.

    Attributes:
        text: whole.
        breaks: line breaks in it.
        short: its head and tail.
        distinct: words.
    """

    request: Request
    messages: tuple[Mapping[str, Any], ...]
    text: str
    breaks: int
    short: Passage
    distinct: set[bytes]

    def among(self, wanted: bytes) -> int:
        """How many bytes of `short` are among these."""
        return len(self.short.data) - len(self.short.data.translate(None, wanted))


def sample(request: Request, cap: int) -> Sample:
    """The sample of a request, about `cap` characters short.

    Raises:
        PolicyError: the request has no messages.
    """
    text = text_of(request)
    short = passage(capped(text, cap))
    return Sample(request, messages_of(request), text, text.count("\n"), short, set(short.words))
