"""The answer must, or must not, hold what a regular expression finds."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache

from routelab.core import Gate
from routelab.core.messages import shown
from routelab.errors import PolicyError
from routelab.gates.backtracking import is_explosive
from routelab.gates.effort import TooLargeError
from routelab.gates.search_effort import search_effort

CAP = 100_000
"""Characters of an answer that are searched."""

LONGEST = 10_000
"""Characters of a regular expression."""


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
        if (problem := pattern_problem(self.regex)) is not None:
            raise PolicyError(f"the pattern {shown(self.regex)!r} of a gate {problem}")

    def problem(self, text: str) -> str | None:
        found = _compiled(self.regex).search(text[:CAP]) is not None
        if found != self.absent:
            return None
        wanted = "must not match" if self.absent else "must match"
        return self.says or f"the answer {wanted} the regular expression {self.regex}"

    def effort(self, text: str) -> float:
        return search_effort(self.regex, min(len(text), CAP))


def pattern_problem(regex: str) -> str | None:
    """Why a regular expression is not searched for, as the end of a sentence; None if it is.

    Args:
        regex: of a gate or a schema.
    """
    if len(regex) > LONGEST:
        return f"has {len(regex):,} characters; it has {LONGEST:,} at most"
    try:
        return _problem(regex)
    except TooLargeError as error:
        return f"is too large to be checked ({error}); write it shorter"


@lru_cache(maxsize=256)
def _problem(regex: str) -> str | None:
    """What can be told of a pattern, whatever else is looked at."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that a later Python may read otherwise
            _compiled(regex)
            explosive = is_explosive(regex)
    except (re.error, OverflowError) as error:
        return f"is no regex: {error}"
    except RecursionError:
        return "is nested too deep; nest fewer groups"
    if explosive:
        return (
            "may take exponential time: a part that repeats can match the same text in two ways;"
            " write it so that there is one, or end the part by (?>...)"
        )
    return None


@lru_cache(maxsize=256)
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)
