"""Redactions one after the other, over texts and over the messages of requests."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from routelab.errors import RoutelabError

Redaction: TypeAlias = Callable[[str], str]
"""Gives a text without what it takes out; called from several threads."""

FAILED = "[redaction failed]"
"""Stands for a text that could not be redacted, and is not logged."""

_PLAIN = frozenset(
    {"role", "type", "id", "tool_call_id", "name", "image_url", "input_audio", "audio", "file"}
)
"""Fields of messages that are no text of anybody: names, and images, sounds and files."""

_log = logging.getLogger("routelab")


class RedactionError(RoutelabError):
    """A redaction failed, so that a text cannot be passed on."""


class Redactor:
    """Applies redactions in their order.

    >>> from routelab.runtime.redaction import load_redactor
    >>> redactor = load_redactor(["mail", "phone", "card"])
    >>> redactor.text("ann@example.org paid with 4111 1111 1111 1111; call +49 30 1234567")
    '[mail] paid with [card]; call [phone]'

    Attributes:
        names: of the redactions.

    Args:
        redactions: by name.
    """

    def __init__(self, redactions: Mapping[str, Redaction]) -> None:
        self.names = tuple(redactions)
        self._redactions = tuple(redactions.items())
        self._complained = False

    def __bool__(self) -> bool:
        return bool(self._redactions)

    def text(self, text: str) -> str:
        """A text without what is taken out.

        Raises:
            RedactionError: a redaction raised, or gave no text; it is named, and nothing of the
                text is.
        """
        for name, redaction in self._redactions:
            try:
                found = redaction(text)
            except Exception as error:
                raise RedactionError(f"redaction {name!r}: {type(error).__name__}") from error
            if not isinstance(found, str):
                raise RedactionError(f"redaction {name!r} gave {type(found).__name__}, no text")
            text = found
        return text

    def logged(self, text: str) -> str:
        """A text as it may be logged; where a redaction fails, that it did in its place."""
        try:
            return self.text(text)
        except RedactionError as error:
            if not self._complained:  # once: what writes the complaint may come here again
                self._complained = True
                _log.error("%s; what it is given is not logged", error)
            return FAILED

    def messages(self, messages: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
        """Chat messages without what is taken out of their texts and of arguments of tools.

        Raises:
            RedactionError: as of `text`.
        """
        return tuple([_redacted(it, self.text) for it in messages])

    def logged_messages(self, messages: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
        """Chat messages as they may be logged."""
        return tuple([_redacted(it, self.logged) for it in messages])


def _redacted(value: Any, of_text: Redaction) -> Any:
    if isinstance(value, str):
        return of_text(value)
    if isinstance(value, Mapping):
        return {
            name: it if name in _PLAIN and not isinstance(it, list) else _redacted(it, of_text)
            for name, it in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(it, of_text) for it in value]
    return value
