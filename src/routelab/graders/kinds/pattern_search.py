"""The answer holds what a regular expression finds."""

from __future__ import annotations

from typing import ClassVar

from routelab.errors import GradingError, PolicyError
from routelab.gates import Pattern
from routelab.graders.grader import Case, Grader
from routelab.graders.kinds.bounded_gate import gate_grade


class PatternSearch(Grader, frozen=True, tag="pattern"):
    """A regular expression is found in the answer, within the bounds of the gate `pattern`.

    Attributes:
        regex: for all answers; empty where the reference of each is its expression.
        absent: the answer must hold no match instead; of several references, none of any.
    """

    needs_reference: ClassVar[bool] = False

    regex: str = ""
    absent: bool = False

    def __post_init__(self) -> None:
        if self.regex:
            self._gate(self.regex)

    def grade(self, case: Case) -> float:
        if not (wanted := (self.regex,) if self.regex else case.references):
            raise GradingError("pattern: neither a regex nor a reference that is one")
        every = (gate_grade(self._gate(it), case.answer) for it in wanted)
        return min(every) if self.absent else max(every)

    def _gate(self, regex: str) -> Pattern:
        try:
            return Pattern(regex=regex, absent=self.absent)
        except PolicyError as error:
            raise GradingError(f"pattern: {error}") from error
