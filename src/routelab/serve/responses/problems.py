"""What is wrong with a request, gathered with its places, so that it is told all at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from routelab.core.messages import value_text
from routelab.serve.refusal import RefusedError, malformed

Values = Mapping[str, Any]


class RequestProblems:
    """RequestProblems of one request, each with the place that it is about."""

    def __init__(self) -> None:
        self._found: list[tuple[str | None, str]] = []

    def add(self, place: str, why: str) -> None:
        """Something is wrong at a place."""
        self._found.append((place, f"{place}: {why}"))

    def wrong(self, place: str, value: object, write: str) -> None:
        """A value is not what it has to be."""
        self._found.append((place, f"{place}={value_text(value)}: {write}"))

    def error(self) -> RefusedError | None:
        """All of them as one refusal; None where there are none."""
        return malformed(self._found) if self._found else None

    def mapping(self, place: str, value: object) -> dict[str, Any] | None:
        """An object without what is null; None, and a problem, where it is none."""
        if not isinstance(value, dict):
            self.wrong(place, value, "write an object")
            return None
        return {name: it for name, it in value.items() if it is not None}

    def text(self, place: str, value: object) -> str:
        """A text; a problem where it is none."""
        if isinstance(value, str):
            return value
        self.wrong(place, value, "write a text")
        return ""

    def mappings(self, place: str, value: object) -> list[tuple[str, dict[str, Any]]]:
        """The objects of a list, each with its place; problems where there are others."""
        if not isinstance(value, list):
            self.wrong(place, value, "write a list of objects")
            return []
        each = ((f"{place}[{at}]", it) for at, it in enumerate(value))
        return [(at, found) for at, it in each if (found := self.mapping(at, it)) is not None]

    def only(self, place: str, value: Values, known: Collection[str]) -> None:
        """RequestProblems where there are other fields than those that can be passed on."""
        for name in value:
            if name not in known:
                at = f"{place}.{name}"
                self.add(at, "chat completions, by which models are asked, have nothing like it")
