"""`routelab grade`: what logged answers are worth."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from routelab.cli.arguments import LogPath, Packages, names_in, pairs
from routelab.cli.console import print_json, tell
from routelab.cli.options import Columns, Json
from routelab.cli.output import progress, tables
from routelab.collect import grade_collection, is_collection
from routelab.core import use_listed
from routelab.core.messages import known
from routelab.errors import RoutelabError
from routelab.graders import NOT_ANSWERS, AnswerStatus, GraderAgreement, grader_of
from routelab.logs import GradingSummary
from routelab.logs import grade as grade_log

_STATUSES = tuple(str(it) for it in AnswerStatus)


# Long: its options need many words.
def grade(
    log: LogPath,
    grader: Annotated[
        list[str] | None,
        typer.Option(
            "--grader",
            metavar="KIND[:FIELD=VALUE,...]",
            help="exact, normalised, numeric, multiple-choice, token-f1, contains, json,"
            " json-schema, pattern, sql, unit-tests, function:MODULE:NAME or feedback:COLUMN;"
            " the first gives the quality. Repeatable.",
        ),
    ] = None,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Right answers, a text or a list of texts; default reference, gold, expected or"
            " the like.",
        ),
    ] = None,
    column: Columns = None,
    as_wrong: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Answers that count as wrong though nobody could grade them: cut, refused, empty.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.parquet", help="The graded log; default LOG.graded.parquet."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a file that is there.")] = (
        False
    ),
    package: Packages = None,
    json: Json = False,
) -> None:
    """Grade the answers of LOG, or of a collection, into a new log with a quality for each.

    Answers that were cut, refused or empty have no quality: they are not wrong. Several graders
    stand side by side, and where they disagree is told. Exits 1 if no answer could be graded.

    Example: `routelab grade answers.jsonl --grader numeric:after=#### --grader exact`
    """
    use_listed(package or ())
    graders = [grader_of(text) for text in grader or ()]
    target = out or log.with_name(f"{log.stem}.graded.parquet")
    columns = pairs("--column", column or (), "response=answer", "OURS=THEIRS")
    if columns and is_collection(log):
        raise RoutelabError(
            f"--column {', '.join(columns)}: a collection knows its own columns; leave it out, and"
            " name that of right answers by --reference"
        )
    run = (
        partial(grade_collection, log, target)
        if is_collection(log)
        else partial(grade_log, log, target, columns=columns)
    )
    with progress("grading") as told:
        found = run(
            graders,
            reference=reference,
            as_wrong=_statuses(as_wrong),
            replace=replace,
            progress=told,
        )
    for note in (*found.notes, *(f"not graded: {it}" for it in found.problems)):
        tell(f"note: {note}")
    if json:
        print_json(_as_data(found))
    else:
        tables.show(*_tables(found))
    if all(math.isnan(it.quality) for it in found.models.values()):
        raise typer.Exit(1)


def _statuses(text: str | None) -> tuple[AnswerStatus, ...]:
    names = names_in("--as-wrong", text)
    if wrong := [name for name in names if name not in NOT_ANSWERS]:
        raise RoutelabError(
            f"--as-wrong {text}: {', '.join(wrong)} is none of {', '.join(NOT_ANSWERS)}"
        )
    return tuple(AnswerStatus(name) for name in names)


def _as_data(found: GradingSummary) -> dict[str, Any]:
    return {
        "log": str(found.out),
        "rows": found.rows,
        "models": {name: it._asdict() for name, it in found.models.items()},
        "untold": dict(found.untold),
        "problems": list(found.problems),
        "agreements": [it._asdict() for it in found.agreements],
        "notes": list(found.notes),
    }


def _tables(found: GradingSummary) -> list[Any]:
    table = Table()
    there = [it for it in _STATUSES if any(it in m.statuses for m in found.models.values())]
    for head in ("model", "quality", *there):
        table.add_column(head, justify="left" if head == "model" else "right")
    for name, it in found.models.items():
        counts = (f"{it.statuses.get(status, 0):,}" for status in there)
        table.add_row(tables.escaped(name) or "(all)", known(it.quality, ".4f"), *counts)
    lines = [f"{name} could not grade {count:,} answers" for name, count in found.untold.items()
             if count]  # fmt: skip
    lines += [_agreement(it) for it in found.agreements]
    return [table, *map(tables.escaped, lines), tables.escaped(f"graded log: {found.out}")]


def _agreement(it: GraderAgreement) -> str:
    if not it.n:
        return f"{it.one} and {it.other} graded no answer in common"
    apart = it.only_one + it.only_other
    return (
        f"{it.one} and {it.other} disagree on {apart:,} of {it.n:,} answers (kappa"
        f" {known(it.kappa, '.2f', otherwise='has no meaning')}): {it.only_one:,} are right by"
        f" {it.one} alone, {it.only_other:,} by {it.other} alone"
    )
