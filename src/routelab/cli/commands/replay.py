"""`routelab replay`: what policies would have done on a log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from routelab.cli import batch_runs
from routelab.cli.arguments import LogOption, Packages, Part, Policies
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for, titled
from routelab.cli.options import CompleteLogOptions, Executor, Json, Verbose, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.errors import LogError
from routelab.logs.formats import check_table_path, write_table
from routelab.policy_file import PolicyFile
from routelab.replay import (
    ComparisonSet,
    Figures,
    NamedPolicy,
    differs,
    evaluate,
    request_table,
    stacked,
    study_rows,
)


@grouped
def replay(
    policy: Policies,
    log: LogOption,
    how: CompleteLogOptions,
    split: Part = "test",
    executor: Executor = None,
    package: Packages = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            "--decisions",
            metavar="FILE",
            help="Write what each request went through and came to, as .parquet or .csv.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the file of decisions that is there.")
    ] = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Replay policies over LOG and compare them with every baseline on the same rows.

    On the log it was tuned on, read as it was then, `--split test` repeats the study's figures
    to the last digit.

    With `--decisions FILE` anybody can check a figure: the mean of a column there is the figure.

    Example: `routelab replay gym.policy --log log.parquet --split test`
    """
    in_batches = batch_runs.where(log, executor)
    _check(decisions, in_batches, replace=replace)
    policies = [load_policy(path, package) for path in policy]
    if in_batches:
        figures, title = batch_runs.replay(policies, log, split, in_batches, how), log.name
    else:
        parts = [part_of(loaded, log, split, how) for loaded in policies]
        figures = [it for pair in zip(policies, parts, strict=True) for it in _figures(*pair)]
        title = titled(parts[0].log)
        if decisions is not None:
            _write(decisions, policies, parts, replace=replace)
    if json:
        print_json([_as_data(*pair) for pair in zip(policies, figures, strict=True)])
    else:
        rows = [(it.policy, it) for it in figures]
        tables.show(tables.policies(rows, f"{title}, {split}"), *map(tables.baselines, figures))
        if verbose:
            tables.show(*map(tables.intervals_made, figures))


def _check(decisions: Path | None, in_batches: str | None, *, replace: bool) -> None:
    """Refuse a file of decisions before anything is replayed.

    Raises:
        LogError: it cannot go there, or the log is not in memory.
    """
    if decisions is None:
        if replace:
            raise LogError("`replace=True` is for a file of `decisions`; give one, or leave it out")
        return
    check_table_path(decisions, replace=replace)
    if in_batches:
        raise LogError(
            "`decisions` are of a log in memory, and this one is read in batches; leave `workers`"
            " out, or replay a part of the log"
        )


def _write(
    decisions: Path,
    policies: Sequence[PolicyFile],
    parts: Sequence[ComparisonSet],
    *,
    replace: bool,
) -> None:
    if any(it.log.seen is not None for it in parts):
        raise LogError(
            "`decisions` tell what single requests came to, and a partial log does not: its scores"
            " are right on average alone; leave `decisions` out"
        )
    made = [
        request_table(part, NamedPolicy(it.name, it.policy))
        for it, part in zip(policies, parts, strict=True)
    ]
    write_table(decisions, stacked(made), replace=replace)
    tell(f"decisions: {decisions}")


def _as_data(policy: PolicyFile, figures: Figures) -> dict[str, Any]:
    """Figures as plain data, and what they are not where the policy was edited."""
    edited = {} if policy.edited is None else {"edited": policy.edited}
    return {**msgspec.to_builtins(figures), **edited}


def _figures(policy: PolicyFile, comparison: ComparisonSet) -> list[Figures]:
    if missing := comparison.coverage.warning():
        tell(f"warning: {missing}")
    return evaluate(comparison, [NamedPolicy(policy.name, policy.policy)])


def part_of(
    loaded: PolicyFile,
    path: Path,
    part: str,
    how: CompleteLogOptions,
) -> ComparisonSet:
    """A part of the log, as the policy's own study saw it."""
    log = read_log_for([loaded], path, how, loaded.document.catalogue, scored=True)
    if difference := differs(loaded.document, log):
        tell(f"warning: {difference}")
    for field in loaded.metadata_used:
        values = getattr(log.requests, field)
        if values is None or not any(values):
            tell(
                f"warning: {log.name}: no request has a {field}, which policy {loaded.name!r}"
                " reads: all are decided like those of an unknown one"
            )
    return study_rows(
        loaded.document, log, part, allow_missing=how.allow_missing, scoring=loaded.scoring
    )
