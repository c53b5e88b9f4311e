"""`routelab replay`: what policies would have done on a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from routelab.cli import batch_runs
from routelab.cli.arguments import LogOption, Packages, Part, Policies
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import read_log_for
from routelab.cli.options import CompleteLogOptions, Executor, Json, Verbose, grouped
from routelab.cli.output import tables
from routelab.cli.policy_input import load_policy
from routelab.policy_file import PolicyFile
from routelab.replay import ComparisonSet, Figures, NamedPolicy, differs, evaluate, study_rows


@grouped
def replay(
    policy: Policies,
    log: LogOption,
    how: CompleteLogOptions,
    split: Part = "test",
    executor: Executor = None,
    package: Packages = None,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Replay policies over LOG and compare them with every baseline on the same rows.

    On the log it was tuned on, read as it was then, `--split test` repeats the study's figures
    to the last digit.

    Example: `routelab replay gym.policy --log log.parquet --split test`
    """
    policies = [load_policy(path, package) for path in policy]
    if in_batches := batch_runs.where(log, executor):
        figures = batch_runs.replay(policies, log, split, in_batches, how)
    else:
        figures = [
            it for loaded in policies for it in _figures(loaded, part_of(loaded, log, split, how))
        ]
    if json:
        print_json([_as_data(*pair) for pair in zip(policies, figures, strict=True)])
    else:
        rows = [(it.policy, it) for it in figures]
        tables.show(tables.policies(rows, f"{log.name}, {split}"), *map(tables.baselines, figures))
        if verbose:
            tables.show(*map(tables.intervals_made, figures))


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
    log = read_log_for([loaded], path, how, loaded.document.catalogue)
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
