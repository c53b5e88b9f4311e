"""What grading found, counted as it goes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.core.messages import foreign
from routelab.graders import AnswerStatus, GraderAgreement, PanelGrade, agreements

_SHOWN = 3


class ModelGrades(NamedTuple):
    """What grading found of one model.

    Attributes:
        quality: mean in [0, 1] over answers that have one; NaN where none has.
        statuses: how many answers became what, by `AnswerStatus`.
    """

    quality: float
    statuses: Mapping[str, int]


class GradingSummary(NamedTuple):
    """What grading a log found.

    Attributes:
        out: the graded log.
        rows: answers.
        models: by model; "" where the log has no models.
        untold: by grader, answers that it could not grade.
        problems: why it could not, a few sentences of each grader.
        agreements: of every pair of graders.
        notes: what was unusual about the log, in sentences.
    """

    out: Path
    rows: int
    models: Mapping[str, ModelGrades]
    untold: Mapping[str, int]
    problems: tuple[str, ...]
    agreements: tuple[GraderAgreement, ...]
    notes: tuple[str, ...]


class GradeTally:
    """What grading found so far.

    Args:
        names: of the graders.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.rows = 0
        self._grades: list[list[tuple[float, ...]]] = []
        self._statuses: dict[str, Counter[str]] = {}
        self._quality: dict[str, list[float]] = {}
        self._problems: dict[str, int] = {}

    def add(self, models: Sequence[str], graded: Sequence[PanelGrade]) -> None:
        """Count answers (k,) of these models (k,)."""
        self.rows += len(graded)
        self._grades.append([it.grades for it in graded])
        for model, it in zip(models, graded, strict=True):
            name = str(model or "")
            self._statuses.setdefault(name, Counter())[str(it.status)] += 1
            if not math.isnan(it.quality):
                self._quality.setdefault(name, []).append(it.quality)
            for problem in it.problems:
                if problem in self._problems or len(self._problems) < 1_000:
                    self._problems[problem] = self._problems.get(problem, 0) + 1

    def summary(self, out: Path, notes: tuple[str, ...]) -> GradingSummary:
        """All that was found.

        Args:
            out: the graded log.
            notes: what was unusual about the log.
        """
        flat = [it for part in self._grades for it in part]
        grades = np.array(flat, dtype=np.float64).reshape(len(flat), len(self.names))
        by_grader: dict[str, Floats] = {n: grades[:, at] for at, n in enumerate(self.names)}
        most = sorted(self._problems.items(), key=lambda it: -it[1])
        shown = tuple(
            f"{foreign(text)} ({count:,} answers)"
            for text, count in most[: _SHOWN * len(self.names)]
        )
        models = {
            name: ModelGrades(_mean(self._quality.get(name, [])), dict(sorted(counts.items())))
            for name, counts in sorted(self._statuses.items())
        }
        asked = sum(
            count
            for it in models.values()
            for status, count in it.statuses.items()
            if status not in (AnswerStatus.ERRORED, AnswerStatus.EMPTY)
        )
        untold = {n: asked - int((~np.isnan(it)).sum()) for n, it in by_grader.items()}
        pairs = tuple(agreements(by_grader))
        return GradingSummary(out, self.rows, models, untold, shown, pairs, notes)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else math.nan
