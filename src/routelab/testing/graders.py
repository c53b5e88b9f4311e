"""The conformance suite of graders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.errors import GradingError
from routelab.graders import REGISTRY, AnswerStatus, Case, Grader, grade_answer
from routelab.testing.suite import Conformance, some

Graded: TypeAlias = tuple[Grader, Case, float]
Untold: TypeAlias = tuple[Grader, Case, str]


class GraderConformance(Conformance):
    """JSON round trip, the grades of examples, grades in [0, 1], and what cannot be told.

    Attributes:
        grades: graders with a case each, and what its answer is worth.
        untold: graders with a case each that they cannot grade, and a pattern of what they say.
    """

    grades: ClassVar[Sequence[Graded]] = ()
    untold: ClassVar[Sequence[Untold]] = ()
    examples: ClassVar[Mapping[str, str]] = {"graded": "grades", "cannot": "untold"}

    def label(self, example: Any) -> str:
        return super().label(example[0])

    def test_an_answer_is_worth_what_it_is(self, graded: Graded) -> None:
        grader, case, worth = graded
        grader.ready()
        assert grader.grade(case) == pytest.approx(worth)

    def test_the_same_answer_has_the_same_grade(self, graded: Graded) -> None:
        grader, case, _ = graded
        assert grader.grade(case) == grader.grade(case)

    def test_what_cannot_be_told_is_no_grade(self, cannot: Untold) -> None:
        grader, case, why = cannot
        with pytest.raises(GradingError, match=why):
            grader.grade(case)

    def test_json_gives_the_grader_back(self, graded: Graded) -> None:
        grader = graded[0]
        assert REGISTRY.decode(msgspec.json.decode(msgspec.json.encode(grader))) == grader

    def test_its_name_is_that_of_a_column(self, graded: Graded) -> None:
        assert graded[0].name.isidentifier()

    @some
    @given(answer=st.text(max_size=200))
    def test_any_answer_is_graded_in_bounds_or_not_at_all(self, answer: str) -> None:
        for grader, case, _ in {type(it[0]): it for it in self.grades if not it[0].slow}.values():
            told = grade_answer(case._replace(answer=answer), [grader])
            assert math.isnan(told.quality) or 0.0 <= told.quality <= 1.0
            assert told.status is not AnswerStatus.ERRORED
