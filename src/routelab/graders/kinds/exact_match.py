"""The answer is the reference, letter by letter."""

from __future__ import annotations

from routelab.graders.grader import Grader, after_mark


class ExactMatch(Grader, frozen=True, tag="exact"):
    """The answer is the reference; blanks around both do not count.

    Attributes:
        after: only what follows the last such mark of the answer is looked at.
    """

    after: str = ""

    def compare(self, answer: str, reference: str) -> float:
        return float(after_mark(answer, self.after).strip() == reference.strip())
