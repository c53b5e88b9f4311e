"""The answer must, or must not, hold what a regular expression finds."""

from __future__ import annotations

import re
from functools import lru_cache

from routelab.core import Gate
from routelab.errors import PolicyError

CAP = 100_000
"""Characters of an answer that are searched."""


class Pattern(Gate, frozen=True, tag="pattern"):
    """A regular expression is found in the first 100,000 characters of the answer.

    Attributes:
        regex: as Python's `re` reads it. It is searched anywhere; anchor it with \\A and \\Z to
            match the whole.
        absent: the answer must hold no match instead.
        says: what the model is told; empty names the expression.
    """

    regex: str
    absent: bool = False
    says: str = ""

    def __post_init__(self) -> None:
        try:
            _compiled(self.regex)
        except re.error as error:
            raise PolicyError(
                f"the pattern {self.regex!r} of a gate is no regex: {error}"
            ) from error

    def problem(self, text: str) -> str | None:
        found = _compiled(self.regex).search(text[:CAP]) is not None
        if found != self.absent:
            return None
        wanted = "must not match" if self.absent else "must match"
        return self.says or f"the answer {wanted} the regular expression {self.regex}"


@lru_cache(maxsize=256)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)
