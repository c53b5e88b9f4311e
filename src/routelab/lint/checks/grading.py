"""Grades that are none: answers that never were, graders that failed, judges that always agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from routelab.core import Bools
from routelab.core.messages import foreign
from routelab.graders import CUT_FINISHES
from routelab.lint.evidence import LogEvidence, by_model
from routelab.lint.finding import LintFinding
from routelab.signals import is_grade

_LEAST, _SHARE = 5, 0.005
_MANY = 50
_ENDS = ("answered", "cut", "refused", "empty", "failed", "too_long")
"""What `routelab collect` writes into `outcome`: how asking ended, which is no grade."""
_FAILED = re.compile(
    r"\b(error|exception|traceback|time[d -]*out|rate.?limit|429|50[0234]|could not (?:be )?parse|"
    r"failed to|cannot grade|unparse?able|ungraded)\b",
    re.IGNORECASE,
)


def not_answers(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Refusals, cut and empty answers that were graded as wrong."""
    wrong = evidence.quality == 0
    texts = evidence.texts
    kinds: dict[str, Bools] = {}
    if texts is not None:
        kinds["empty"] = wrong & (texts.length == 0)
        kinds["refused"] = wrong & texts.refuses
    for name in evidence.find(lambda it: it in ("finish_reason", "stop_reason", "finish")):
        ended = _words(evidence.written(name))
        cut = wrong & np.isin(ended, list(CUT_FINISHES))
        kinds["cut"] = kinds.get("cut", False) | cut
    judged = (~np.isnan(evidence.quality)).sum(axis=0)
    for kind, rows in kinds.items():
        counts = rows.sum(axis=0)
        bad = (counts >= _LEAST) & (counts > _SHARE * judged)
        if not bad.any():
            continue
        counts = np.where(bad, counts, 0)
        at = int(np.argmax(counts / np.maximum(judged, 1)))
        now = float(np.nanmean(evidence.quality[:, at]))
        without = float(np.nansum(evidence.quality[:, at])) / max(1, int(judged[at] - counts[at]))
        yield LintFinding(
            "not-an-answer",
            "warning",
            f"{kind} answers are graded as wrong: {by_model(evidence.models, counts)}",
            int(counts.sum()),
            f"quality of {foreign(evidence.models[at])} is {now:.4f}, and {without:.4f} without"
            " them; a bound of tokens, a filter or a reader of answers is measured in its place",
            _MENDS[kind],
            evidence.ids((rows & bad).any(axis=1)),
        )


_MENDS = {
    "empty": "ask again with room for thinking and an answer, or leave quality empty there:"
    " `routelab grade` keeps them apart",
    "refused": "decide whether a refusal is worth nothing to you; else leave quality empty there",
    "cut": "ask again with a higher bound of tokens, or leave quality empty there",
}


def grader_errors(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Zeros that a grader gave where it could not tell."""
    wrong = evidence.quality == 0
    for name in evidence.columns:
        lower = name.lower()
        errors = re.fullmatch(
            r"(grade[rd]?|grading|judge|eval\w*|scor\w+)_?(error|exception|problem)s?", lower
        )
        status = lower == "grade_status"
        verdict = not errors and re.search(
            r"judge|grader|verdict|rationale|grading|feedback", lower
        )
        if not (errors or status or verdict):
            continue
        said = _words(evidence.written(name))
        if status:
            rows = wrong & (said == "ungraded")
        elif errors:
            rows = wrong & ~np.isin(said, ["", "none", "false", "0", "nan", "ok"])
        else:
            rows = wrong & np.array(
                [[bool(_FAILED.search(it[:400])) for it in row] for row in said], dtype=np.bool_
            ).reshape(wrong.shape)
        counts = rows.sum(axis=0)
        if counts.sum() >= _LEAST and (errors or status or counts.sum() <= 0.5 * wrong.sum()):
            yield LintFinding(
                "grader-error",
                "error",
                f"quality is 0 where column {foreign(name)!r} says that the grader failed:"
                f" {by_model(evidence.models, counts)}",
                int(counts.sum()),
                "a failure of the grader counts as one of the model",
                "grade these answers again, or leave their quality empty",
                evidence.ids(rows.any(axis=1)),
            )


def agreeing_judges(evidence: LogEvidence) -> Iterator[LintFinding]:
    """Grades that are the same whatever was answered."""
    for name in evidence.columns:
        if not is_grade(name) or name.lower().endswith(("status", "error", "problem")):
            continue
        said = _words(evidence.written(name))
        given = said[(said != "") & ~np.isin(said, ["nan", "none"])]
        values, counts = np.unique(given, return_counts=True)
        if name.lower() == "outcome" and np.isin(values, _ENDS).all():
            continue
        if len(given) < _MANY or (len(values) > 1 and counts.max() < 0.995 * len(given)):
            continue
        if np.unique(evidence.quality[~np.isnan(evidence.quality)]).size == 1 or len(values) == 1:
            yield _agrees(f"column {foreign(name)!r}", str(values[np.argmax(counts)]), len(given))
    known = evidence.quality[~np.isnan(evidence.quality)]
    if len(known) >= _MANY and np.unique(known).size == 1:
        yield _agrees("quality", f"{known[0]:g}", len(known))


def _agrees(what: str, value: str, rows: int) -> LintFinding:
    return LintFinding(
        "judge-always-agrees",
        "error",
        f"{what} says {foreign(value[:30])!r} of every answer",
        rows,
        "no model can be told from another by it, and the cheapest wins for no reason",
        "show the judge answers that are known to be wrong, and read what it says",
    )


def _words(values: Any) -> Any:
    """(n, m) texts in small letters; the empty one for none."""
    flat = [_word(it) for it in values.ravel()]
    return np.array(flat, dtype=object).reshape(values.shape)


def _word(value: object) -> str:
    if value is None or value != value:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value).strip().lower()
