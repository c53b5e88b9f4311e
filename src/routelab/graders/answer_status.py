"""What became of an answer, so that one that never was is not taken for a wrong one."""

from __future__ import annotations

from enum import StrEnum

from routelab.gates import NonEmpty, Refusal


class AnswerStatus(StrEnum):
    """What became of an answer.

    Attributes:
        GRADED: it has a grade.
        CUT: it ended at the bound of tokens, and is not fully right.
        REFUSED: it declines, and nothing is right in it.
        EMPTY: nothing was said.
        ERRORED: the call failed.
        UNGRADED: the first grader could not tell.
    """

    GRADED = "graded"
    CUT = "cut"
    REFUSED = "refused"
    EMPTY = "empty"
    ERRORED = "errored"
    UNGRADED = "ungraded"


CUT_FINISHES = frozenset(
    {"length", "max_tokens", "max_output_tokens", "model_length", "incomplete"}
)
"""Words of endpoints for an answer that ended at the bound of tokens."""

_DECLINED = frozenset({"content_filter", "refusal", "safety", "prohibited_content", "recitation"})
_NON_EMPTY, _REFUSAL = NonEmpty(), Refusal()


def status_before(text: str | None, *, failed: bool) -> AnswerStatus | None:
    """What keeps an answer from being graded at all; None if nothing does.

    Args:
        text: of the answer; None where none is logged.
        failed: the call did.
    """
    if failed:
        return AnswerStatus.ERRORED
    return AnswerStatus.EMPTY if text is None or _NON_EMPTY.problem(text) else None


def status_after(text: str, grade: float, finish: str) -> AnswerStatus:
    """What a graded answer is, beside its grade.

    An answer that is right counts as graded, however it ended: words of refusal may be part of it.

    Args:
        text: of the answer.
        grade: of the first grader, in [0, 1]; of the kindest one where that did not tell.
        finish: why it ended, as the endpoint says; empty where it does not.
    """
    why = finish.strip().lower()
    if grade < 1.0 and why in CUT_FINISHES:
        return AnswerStatus.CUT
    if grade <= 0.0 and (why in _DECLINED or _REFUSAL.problem(text)):
        return AnswerStatus.REFUSED
    return AnswerStatus.GRADED
