"""Grade what a collection collected, and write it as a log."""

from __future__ import annotations

import math
from collections.abc import Collection as Several
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from routelab.collect.storage import CollectedCell, Collection, write_log
from routelab.core import Progress
from routelab.errors import CollectError
from routelab.graders import (
    REFERENCE_COLUMNS,
    AnswerStatus,
    Case,
    Grader,
    PanelGrade,
    check_panel,
    grade_answer,
    references_of,
)
from routelab.logs import GradeTally, GradingSummary, check_graded_path

_STATUSES = {
    "cut": AnswerStatus.CUT,
    "refused": AnswerStatus.REFUSED,
    "empty": AnswerStatus.EMPTY,
    "failed": AnswerStatus.ERRORED,
    "too_long": AnswerStatus.ERRORED,
}
_FINISH = {AnswerStatus.CUT: "length", AnswerStatus.REFUSED: "content_filter"}
"""How an answer ended, as graders are told, where the collection knows what it is."""


def grade_collection(
    path: Path,
    out: Path,
    graders: Sequence[Grader],
    *,
    reference: str | None = None,
    as_wrong: Several[AnswerStatus] = (),
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> GradingSummary:
    """Grade every answer of a collection, and write them as a log with `quality` and `grade_NAME`.

    What the collection says of an answer (cut, refused, empty, failed) counts; such answers have
    no quality unless they are right, or somebody says that they are wrong.

    Args:
        path: folder of the collection.
        out: file, which ends in .parquet.
        graders: the first gives the quality.
        reference: column of the collection's requests with right answers; None finds it by name.
        as_wrong: statuses whose quality is 0 all the same.
        replace: a file that is there.
        progress: told how many cells of how many are graded.
    Raises:
        CollectError: the collection cannot be read, has no such column, or no cell is over.
        GradingError: a grader cannot grade here.
    """
    check_graded_path(path, out, replace=replace)
    check_panel(graders)
    with Collection(path) as collection:
        wanted = _reference(collection, reference, graders)
        tally = GradeTally([it.name for it in graders])
        whole = len(collection.requests) * len(collection.manifest.arms)

        def grades(it: CollectedCell) -> Mapping[str, float | None]:
            found = _graded(it, graders, wanted, as_wrong)
            tally.add([it.model], [found])
            progress(tally.rows, whole)
            names = (f"grade_{name}" for name in tally.names)
            each = dict(zip(names, map(_known, found.grades), strict=True))
            return {"quality": _known(found.quality), **each}

        write_log(collection, out, grades)
    return tally.summary(out, ())


def status_of(it: CollectedCell) -> AnswerStatus | None:
    """What a collection knows of an answer before it is graded; None of a whole one."""
    return _STATUSES.get(it.cell.outcome)


def _graded(
    it: CollectedCell,
    graders: Sequence[Grader],
    reference: str | None,
    as_wrong: Several[AnswerStatus],
) -> PanelGrade:
    status = status_of(it)
    columns: Mapping[str, Any] = {**it.request.columns, "task": it.request.task}
    right = references_of(columns.get(reference)) if reference else ()
    case = Case(it.cell.answer or "", right, columns)
    finish = it.cell.finish if status is None else _FINISH.get(status, "")
    failed = status is AnswerStatus.ERRORED
    return grade_answer(case, graders, failed=failed, finish=finish, as_wrong=as_wrong)


def _reference(collection: Collection, asked: str | None, graders: Sequence[Grader]) -> str | None:
    """The column of right answers, by the first request that has one: empty cells are not kept.

    Raises:
        CollectError: there is none, and a grader needs one.
    """
    wanted = REFERENCE_COLUMNS if asked is None else (asked,)
    there: dict[str, None] = {}
    for request in collection.requests:
        there |= dict.fromkeys(request.columns)
        if not there.keys().isdisjoint(wanted):
            break
    if asked is not None and asked not in there:
        raise CollectError(
            f"{collection.path.name}: its requests have no column {asked!r}; they have"
            f" {', '.join(there) or 'none'}"
        )
    found = next((it for it in wanted if it in there), None)
    needing = [it.name for it in graders if it.needs_reference]
    if needing and found is None:
        raise CollectError(
            f"{collection.path.name}: no column of right answers, which {', '.join(needing)} needs;"
            f" its requests have {', '.join(there) or 'no further columns'}. Say which one it is:"
            " `reference='COLUMN'`"
        )
    return found


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
