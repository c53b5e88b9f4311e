"""Grade the answers of a log, and write them with their grades as a new log."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from routelab.core import Progress
from routelab.core.messages import first
from routelab.core.storage import replacing
from routelab.errors import LogError
from routelab.graders import (
    REFERENCE_COLUMNS,
    AnswerStatus,
    Case,
    Grader,
    PanelGrade,
    cell_text,
    check_panel,
    grade_answer,
    references_of,
)
from routelab.logs.columns import failures, listed_names, resolve
from routelab.logs.formats import RowSource, refusing
from routelab.logs.grade_tally import GradeTally, GradingSummary
from routelab.logs.model import Problems
from routelab.logs.reader import open_source

STATUS = "grade_status"
"""Column of what became of each answer (`routelab.graders.AnswerStatus`)."""

BEFORE = "quality_before"
"""Column that keeps the quality which a log had before it was graded."""

_FINISHES = ("finish_reason", "stop_reason", "finish")
_BATCH = 1_024


class _Columns(NamedTuple):
    """Columns of the file, by what they hold; None for what it lacks."""

    response: str
    reference: str | None
    finish: str | None
    error: str | None
    model: str | None
    quality: str | None


# Long: its arguments need many words.
def grade(
    path: str | Path,
    out: str | Path,
    graders: Sequence[Grader],
    *,
    reference: str | None = None,
    finish: str | None = None,
    columns: Mapping[str, str] | None = None,
    as_wrong: Collection[AnswerStatus] = (),
    threads: int = 2,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> GradingSummary:
    """Grade the answers of a log, and write it with columns of grades as Parquet.

    `quality` is the first grader's; `grade_NAME` holds what each said, and `grade_status` what
    became of each answer. Answers that were cut, refused or empty, and calls that failed, have no
    quality, as they are not wrong. All other columns stay as they are; a quality that was there
    stays as `quality_before`. Nothing is written until all is graded.

    Args:
        path: of the log, with a row per answer.
        out: file, which ends in .parquet.
        graders: the first gives the quality.
        reference: column of right answers, a text or a list of texts; None finds it by its name.
            An answer whose cell is empty has nothing to be held against, and no grade.
        finish: column of why answers ended, likewise.
        columns: our column name to the file's, as for `read`.
        as_wrong: statuses whose quality is 0 all the same.
        threads: in which graders that wait are asked.
        replace: a file that is there.
        progress: told how many answers of how many are graded.
    Raises:
        LogError: the log cannot be read, lacks a column, or cannot be written.
        GradingError: a grader cannot grade here.
    """
    path, out = Path(path), Path(out)
    check_graded_path(path, out, replace=replace)
    check_panel(graders)
    with refusing(path):
        source = open_source(path)
    if not source.n_rows:
        raise LogError(f"{path.name}: has no rows, so that there is nothing to grade")
    found = _columns(source, columns or {}, reference, finish, graders)
    tally = GradeTally([it.name for it in graders])
    of_case = partial(grade_answer, graders=graders, as_wrong=as_wrong)
    slow, extras = any(it.slow for it in graders), source.extras()
    try:
        with replacing(out) as fresh, ThreadPoolExecutor(max(1, threads)) as pool:
            writer: Any = None
            for batch in _batches(source):
                graded = _graded(batch, found, of_case, pool if slow else None)
                tally.add(_models(batch, found), graded)
                table = _with_grades(batch, found, tally.names, graded)
                table = table.replace_schema_metadata(extras)
                if writer is None:
                    writer = pq.ParquetWriter(fresh, table.schema, compression="zstd")
                writer.write_table(table)
                progress(tally.rows, source.n_rows)
            if writer is not None:
                writer.close()
    except OSError as error:
        raise LogError(f"{out}: cannot be written: {error.strerror or error}") from error
    return tally.summary(out, source.notes)


def check_graded_path(path: Path, out: Path, *, replace: bool) -> None:
    """Refuse a place that a graded log cannot go to.

    Args:
        path: of the log, which is not written over.
        out: of the graded log.
        replace: a file that is there.
    Raises:
        LogError: it is no .parquet, is there, or is the log itself.
    """
    if out.suffix != ".parquet":
        raise LogError(f"{out.name}: a graded log is written as Parquet; end the name in .parquet")
    if out.exists() and path.exists() and out.samefile(path):
        raise LogError(f"{out.name}: is the log itself; give the graded one another name")
    if out.is_dir():
        raise LogError(f"{out}: is a folder; give the name of a file")
    if out.exists() and not replace:
        raise LogError(f"{out}: is there already; choose another name, or `replace=True`")


def _columns(
    source: RowSource,
    asked: Mapping[str, str],
    reference: str | None,
    finish: str | None,
    graders: Sequence[Grader],
) -> _Columns:
    """Where the file has what grading needs.

    Raises:
        LogError: it lacks some of it.
    """
    there = source.names
    problems = Problems(source.path.name)
    of = resolve(there, asked, problems).of
    for name in (reference, finish):
        if name is not None and name not in there:
            problems.add(f"no column {name!r}; the columns are {listed_names(there)}")
    reference = reference or next((it for it in REFERENCE_COLUMNS if it in there), None)
    finish = finish or next((it for it in _FINISHES if it in there), None)
    if "response" not in of:
        problems.add(
            f"no column of answers; the columns are {listed_names(there)}. Say which one it is:"
            " `columns={'response': 'COLUMN'}`"
        )
    needing = [it.name for it in graders if it.needs_reference]
    if needing and reference is None:
        problems.add(
            f"no column of right answers, which {', '.join(needing)} needs; the columns are"
            f" {listed_names(there)}. Say which one it is: `reference='COLUMN'`"
        )
    ours = [STATUS, BEFORE, *(f"grade_{it.name}" for it in graders)]
    if taken := [it for it in ours if it in there]:
        problems.add(
            f"has {first(taken, 3)} already; grade the log that it was made from, or leave these"
            " columns out of it"
        )
    problems.stop()
    return _Columns(
        of["response"], reference, finish, of.get("error"), of.get("model"), of.get("quality")
    )


def _batches(source: RowSource) -> Iterator[Any]:
    """The rows of a log in pieces, all columns of them."""
    if source.path.suffix.lower() == ".parquet" and source.path.is_file():
        file = pq.ParquetFile(source.path)
        for batch in file.iter_batches(_BATCH):
            yield pa.Table.from_batches([batch], schema=file.schema_arrow)
        return
    table = source.read(source.names)
    for start in range(0, len(table), _BATCH):
        yield table.slice(start, _BATCH)


def _models(batch: Any, found: _Columns) -> list[str]:
    return batch[found.model].to_pylist() if found.model else [""] * len(batch)


def _graded(
    batch: Any,
    found: _Columns,
    of_case: Callable[..., PanelGrade],
    pool: ThreadPoolExecutor | None,
) -> list[PanelGrade]:
    error = batch[found.error] if found.error else None
    failed = failures(error).tolist() if error is not None else [False] * len(batch)
    rows = batch.to_pylist()

    def one(row: Mapping[str, Any], failed: bool) -> PanelGrade:
        references = references_of(row[found.reference]) if found.reference else ()
        answer, finish = row[found.response], row[found.finish] if found.finish else None
        case = Case(cell_text(answer), references, row)
        return of_case(case, failed=failed, finish=str(finish or ""))

    return list(pool.map(one, rows, failed) if pool else map(one, rows, failed))


def _with_grades(
    batch: Any, found: _Columns, names: Sequence[str], graded: Sequence[PanelGrade]
) -> Any:
    """The rows with their grades; the quality that was there under another name."""
    if found.quality is not None:
        kept = [BEFORE if it == found.quality else it for it in batch.column_names]
        batch = batch.rename_columns(kept)
    columns = {
        "quality": pa.array(_numbers(it.quality for it in graded), pa.float64()),
        STATUS: pa.array([str(it.status) for it in graded], pa.string()),
    }
    for at, name in enumerate(names):
        values = _numbers(it.grades[at] for it in graded)
        columns[f"grade_{name}"] = pa.array(values, pa.float64())
    for name, column in columns.items():
        batch = batch.append_column(name, column)
    return batch


def _numbers(values: Iterator[float] | Any) -> list[float | None]:
    return [None if math.isnan(it) else it for it in values]
