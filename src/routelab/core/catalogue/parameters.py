"""A candidate's parameters: what it adds to every request, and what it refuses to override."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

_LIMITS = ("max_completion_tokens", "max_tokens")


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a candidate adds to the requests that it answers; None and empty add nothing.

    Attributes:
        reasoning_effort: for example "low", "high".
        max_completion_tokens, max_tokens: most tokens of an answer, reasoning included; by the
            name that the endpoint takes. Of this and a request's own limit the smaller holds.
        temperature, top_p: of sampling.
        verbosity: for example "low".
        prompt_prefix: text of a system message before the request's own messages; where those
            begin with one, it is put before its text.
    """

    reasoning_effort: str | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    verbosity: str | None = None
    prompt_prefix: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """What is added to the body beside messages."""
        named = {name: getattr(self, name) for name in BODY_FIELDS}
        return {name: value for name, value in named.items() if value is not None}

    @property
    def decided(self) -> tuple[str, ...]:
        """Fields of the body that a request may not fix otherwise: all but limits of tokens."""
        return tuple(name for name in self.fields if name not in _LIMITS)

    @property
    def output_limit(self) -> int | None:
        """Most tokens of an answer; None for no limit."""
        given = (getattr(self, name) for name in _LIMITS)
        return next((it for it in given if it is not None), None)

    def conflicts(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """Fields that a request fixes otherwise: the name, its value, and this one.

        Limits of tokens are none: both can be kept.

        Args:
            fields: of the request's body.
        """
        for name in self.decided:
            fixed, own = fields.get(name), getattr(self, name)
            if fixed is not None and fixed != own:
                yield name, fixed, own
        nested = fields.get("reasoning")  # how some endpoints take the effort
        effort = nested.get("effort") if isinstance(nested, Mapping) else None
        if None not in (effort, self.reasoning_effort) and effort != self.reasoning_effort:
            yield "reasoning.effort", effort, self.reasoning_effort

    def merged(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A request's body with these parameters.

        Args:
            body: what it fixes itself stays; see `conflicts`.
        """
        added, limit = self.fields, self.output_limit
        own = [name for name in _LIMITS if body.get(name) is not None]
        if own:
            added = {name: it for name, it in added.items() if name not in _LIMITS}
        fixed = {name: it for name, it in body.items() if it is not None or name not in added}
        found = {**added, **fixed}
        for name in own:
            if limit is not None and _counts(found[name]):
                found[name] = min(limit, found[name])
        if self.prompt_prefix:
            found["messages"] = self.prefixed(body.get("messages") or ())
        return found

    def prefixed(self, messages: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
        """Messages with the prefix before them."""
        prefix = self.prompt_prefix
        if not messages or messages[0].get("role") not in ("system", "developer"):
            return ({"role": "system", "content": prefix}, *messages)
        first, *others = messages
        content = first.get("content")
        if isinstance(content, str):
            return ({**first, "content": f"{prefix}\n\n{content}"}, *others)
        parts = content if isinstance(content, Sequence) else ()
        return ({**first, "content": [{"type": "text", "text": prefix}, *parts]}, *others)

    def without_prefix(self, messages: Any) -> list[Any] | None:
        """Messages as they were before `prefixed`; None if they have no such prefix."""
        prefix = self.prompt_prefix
        if not prefix:
            return list(messages) if isinstance(messages, list | tuple) else None
        if not isinstance(messages, list | tuple) or not messages:
            return None
        first, *others = messages
        if not isinstance(first, Mapping) or first.get("role") not in ("system", "developer"):
            return None
        content = first.get("content")
        if content == prefix:
            return others
        if isinstance(content, str) and content.startswith(f"{prefix}\n\n"):
            return [{**first, "content": content[len(prefix) + 2 :]}, *others]
        if isinstance(content, list) and content[:1] == [{"type": "text", "text": prefix}]:
            return [{**first, "content": content[1:]}, *others]
        return None


BODY_FIELDS = tuple(it for it in Parameters.__struct_fields__ if it != "prompt_prefix")
"""Parameters that are fields of a request's body."""


def _counts(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
