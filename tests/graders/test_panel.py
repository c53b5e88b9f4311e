"""Answers that never were are kept apart from wrong ones; graders that disagree are told."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab import graders
from routelab.errors import GradingError
from routelab.graders import AnswerStatus, Case, Grader, grade_answer, kappa

EXACT = graders.ExactMatch()


class Broken(Grader, frozen=True, tag="broken"):
    def compare(self, answer, reference):
        raise ZeroDivisionError("of a bug")


class Beyond(Grader, frozen=True, tag="beyond"):
    def compare(self, answer, reference):
        return 3.0


@pytest.mark.parametrize(
    ("answer", "how", "status"),
    [
        ("Paris", {}, "graded"),
        ("Rome", {}, "graded"),
        ("Rome", {"finish": "length"}, "cut"),
        ("Paris", {"finish": "length"}, "graded"),
        ("I'm sorry, but I cannot help with that.", {}, "refused"),
        ("Rome", {"finish": "content_filter"}, "refused"),
        (" \n", {}, "empty"),
        (None, {}, "empty"),
        ("Paris", {"failed": True}, "errored"),
    ],
)
def test_what_became_of_an_answer(answer, how, status):
    found = grade_answer(Case(answer, ("Paris",)), [EXACT], **how)
    assert found.status == status
    assert math.isnan(found.quality) == (status != "graded")


def test_answers_that_never_were_count_as_wrong_where_somebody_says_so():
    case = Case("", ("Paris",))
    assert grade_answer(case, [EXACT], as_wrong=[AnswerStatus.EMPTY]).quality == 0.0
    assert math.isnan(grade_answer(case, [EXACT], as_wrong=[AnswerStatus.CUT]).quality)


def test_words_of_refusal_in_a_right_answer_are_no_refusal():
    said = "I'm sorry, I can't"
    assert grade_answer(Case(said, (said,)), [EXACT]).status == "graded"


@pytest.mark.parametrize(("grader", "why"), [(Broken(), "ZeroDivisionError"), (Beyond(), "gave 3")])
def test_a_grader_that_fails_gives_no_grade_and_leaves_others_theirs(grader, why):
    found = grade_answer(Case("Paris", ("Paris",)), [grader, EXACT])
    assert math.isnan(found.quality)
    assert found.status == "ungraded"
    assert found.grades[1] == 1.0
    assert why in found.problems[0]


def test_all_that_is_missing_is_told_before_the_first_answer():
    nowhere = graders.FunctionGrade(function="acme:nowhere")
    with pytest.raises(GradingError) as raised:
        graders.check_panel([EXACT, EXACT, nowhere])
    assert len(raised.value.problems) == 2
    with pytest.raises(GradingError, match="no grader"):
        graders.check_panel([])


def test_agreement_is_counted_where_both_graded():
    grades = {
        "one": np.array([1.0, 1.0, 0.0, 0.0, np.nan]),
        "other": np.array([1.0, 0.0, 0.2, 0.1, 1.0]),
    }
    (found,) = graders.agreements(grades)
    assert (found.n, found.agree, found.only_one, found.only_other) == (4, 0.75, 1, 0)
    assert found.kappa == pytest.approx(0.5)  # (.75 - .5) / (1 - .5)


pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(pairs)
def test_kappa_is_that_of_the_table(found):
    one, other = (np.array(it) for it in zip(*found, strict=True))
    cells = {(a, b): found.count((a, b)) / len(found) for a in (True, False) for b in (True, False)}
    seen = cells[True, True] + cells[False, False]
    yes = (cells[True, True] + cells[True, False], cells[True, True] + cells[False, True])
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    if chance == 1:
        assert math.isnan(kappa(one, other))
    else:
        assert kappa(one, other) == pytest.approx((seen - chance) / (1 - chance))
