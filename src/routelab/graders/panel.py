"""Several graders of one answer, side by side."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import NamedTuple

from routelab.errors import GradingError, RoutelabError
from routelab.graders.answer_status import AnswerStatus, status_after, status_before
from routelab.graders.grader import Case, Grader

NOT_ANSWERS = (AnswerStatus.CUT, AnswerStatus.REFUSED, AnswerStatus.EMPTY)
"""What may be counted as wrong, if somebody says so; else it has no grade."""


class PanelGrade(NamedTuple):
    """What graders say of an answer.

    Attributes:
        quality: of the first grader, in [0, 1]; NaN for an answer that has no grade.
        grades: of each grader, whatever became of the answer; NaN where it did not tell.
        status: what became of the answer.
        problems: why graders did not tell, a sentence each.
    """

    quality: float
    grades: tuple[float, ...]
    status: AnswerStatus
    problems: tuple[str, ...] = ()


def grade_answer(
    case: Case,
    graders: Sequence[Grader],
    *,
    failed: bool = False,
    finish: str = "",
    as_wrong: Collection[AnswerStatus] = (),
) -> PanelGrade:
    """Grade an answer by each grader; a grader that raises gives no grade, and not a bad one.

    Args:
        case: the answer, and what it is held against.
        graders: of which the first gives its quality.
        failed: the call that was to bring the answer did.
        finish: why the answer ended, as the endpoint says.
        as_wrong: statuses whose quality is 0, where the answer is not graded otherwise.
    """
    none = (math.nan,) * len(graders)
    if (before := status_before(case.answer, failed=failed)) is not None:
        quality = 0.0 if before in as_wrong else math.nan
        return PanelGrade(quality, none, before)
    told = [_told(grader, case) for grader in graders]
    grades = tuple(grade for grade, _ in told)
    problems = tuple(problem for _, problem in told if problem)
    known = [it for it in grades if not math.isnan(it)]
    best = max(known, default=0.0) if math.isnan(grades[0]) else grades[0]
    status = status_after(case.answer, best, finish)
    if status is not AnswerStatus.GRADED:
        quality = 0.0 if status in as_wrong else math.nan
        return PanelGrade(quality, grades, status, problems)
    if math.isnan(grades[0]):
        status = AnswerStatus.UNGRADED
    return PanelGrade(grades[0], grades, status, problems)


def _told(grader: Grader, case: Case) -> tuple[float, str]:
    """A grade, or NaN and why there is none."""
    try:
        grade = float(grader.grade(case))
    except RoutelabError as error:
        return math.nan, str(error)
    except Exception as error:  # noqa: BLE001  (a grader of another package may raise anything)
        return math.nan, f"{grader.name}: {type(error).__name__}: {error!s:.200}"
    if not 0.0 <= grade <= 1.0:
        return math.nan, f"{grader.name}: gave {grade:g}, which is not in [0, 1]"
    return grade, ""


def check_panel(graders: Sequence[Grader]) -> None:
    """Find out what is missing before the first answer is graded.

    Raises:
        GradingError: there is no grader, two have one name, or some cannot grade here; all of it.
    """
    if not graders:
        raise GradingError("there is no grader; name one, for example `graders=['exact']`")
    problems: list[str] = []
    names = [it.name for it in graders]
    problems += [
        f"two graders are named {name}; keep one" for name in sorted(set(names))
        if names.count(name) > 1
    ]  # fmt: skip
    for grader in graders:
        try:
            grader.ready()
        except RoutelabError as error:
            problems += error.problems
    if problems:
        raise GradingError(*problems)
