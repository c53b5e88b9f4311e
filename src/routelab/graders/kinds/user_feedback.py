"""What users said of the answer, in a column of the log."""

from __future__ import annotations

from typing import Any, ClassVar

from routelab.errors import GradingError
from routelab.graders.grader import Case, Grader
from routelab.graders.kinds.quality_scale import WORDS, QualityScale


class UserFeedback(Grader, frozen=True, tag="feedback"):
    """A column of ratings: numbers on a scale, or words such as pass and fail.

    Where a row has none, the answer is not graded.

    Attributes:
        column: of the log.
        scale: the worst and the best rating, as `1:5`.
    """

    needs_reference: ClassVar[bool] = False

    column: str
    scale: str = "0:1"

    def __post_init__(self) -> None:
        QualityScale.of(self.scale)

    @property
    def name(self) -> str:
        return f"feedback_{self.column}"

    def grade(self, case: Case) -> float:
        if self.column not in case.columns:
            raise GradingError(f"feedback: there is no column {self.column!r}")
        value: Any = case.columns[self.column]
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            raise GradingError(f"feedback: nobody rated this answer in {self.column!r}")
        if isinstance(value, bool):
            return float(value)
        word = str(value).strip().lower()
        if word in WORDS:
            return WORDS[word]
        try:
            number = float(word)
        except ValueError:
            raise GradingError(
                f"feedback: {word[:40]!r} in {self.column!r} is neither a number nor a word such as"
                " pass or fail"
            ) from None
        return QualityScale.of(self.scale).quality(number, f"feedback in {self.column!r}")
