"""Something must be said."""

from __future__ import annotations

from routelab.core import Gate


class NonEmpty(Gate, frozen=True, tag="non-empty"):
    """The answer is more than white space."""

    def problem(self, text: str) -> str | None:
        return None if text.strip() else "the answer is empty"
