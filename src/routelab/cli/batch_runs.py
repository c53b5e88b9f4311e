"""`tune` and `replay` on a log that is read in batches, on threads, processes or a cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from routelab.cli.console import print_json, tell
from routelab.cli.log_input import column_pairs, ignored
from routelab.cli.options import CompleteLogOptions, LogOptions
from routelab.cli.output import first_screen, passes, tables
from routelab.core import SignalSpec
from routelab.core.catalogue import Catalogue
from routelab.errors import LogError
from routelab.logs import LogBatches, open_batches
from routelab.logs.decisions import is_journal
from routelab.logs.formats import open_folder
from routelab.logs.model import is_folder
from routelab.policy_file import PolicyFile
from routelab.replay import Figures
from routelab.replay.partitions import workers
from routelab.tuning import LookLedger, Options
from routelab.tuning.partitions import as_json, replay_partitions, save, tune_partitions
from routelab.tuning.study import check_same_study, inputs, study_path

LARGE = 5_000_000
"""Rows of a folder from which it is read in batches unasked."""


def where(log: Path, executor: str | None) -> str | None:
    """On what a log is read in batches; None where it is read into memory."""
    if executor is not None or not is_folder(log) or is_journal(log):
        return executor
    n_rows = open_folder(log).n_rows
    if n_rows <= LARGE:
        return None
    tell(f"note: {log.name} has {n_rows:,} rows and is read in batches, on threads")
    return "threads"


def opened(
    log: Path,
    how: LogOptions,
    signals: Mapping[str, SignalSpec] | None,
    models: Sequence[str] = (),
) -> LogBatches:
    """A log to read in batches; what is unusual about it is told on standard error.

    Raises:
        LogError: its files cannot be read, or differ in their columns.
    """
    found = open_batches(
        log,
        columns=column_pairs(how),
        prices=how.prices,
        signals=signals,
        quality_scale=how.quality_scale,
        models=models,
        ignore=ignored(how),
    )
    if {"step", "propensity"} & found.has:
        raise LogError(
            f"{found.name}: is a partial log (it has steps or propensities), which cannot be"
            " replayed"
        )
    for note in found.notes:
        tell(f"note: {note}")
    return found


def tune(
    log: LogBatches,
    options: Options,
    executor: str,
    target: Path,
    *,
    catalogue: Catalogue | None,
    json: bool,
    replace: bool,
    looks: LookLedger | None,
    verbose: bool,
) -> None:
    """Tune, store and show; there is no report page, and no record in MLflow.

    Raises:
        PolicyFileError: the target holds the policy of another study, and is not to be replaced.
    """
    check_same_study(target, options, log=log.name, signals=log.specs, replace=replace)
    if options.learns:
        tell("note: a log that is read in batches is searched for plain cascades alone")
    with workers(executor) as on, passes() as begin:
        study = tune_partitions(log, options, on, catalogue=catalogue, passes=begin, looks=looks)
    for note in study.batches.notes:
        if note not in log.notes:
            tell(f"note: {note}")
    reads = {  # what is in the files is known only now
        "log_sha256": study.sha256,
        "prices_sha256": inputs.prices_sha256(study.catalogue),
    }
    check_same_study(target, options, log=log.name, reads=reads, replace=replace)
    written = save(study, target)
    tell(
        "no report and no record in MLflow: a log that is read in batches has no rows to show;"
        f" routelab report {target} --log LOG makes one of a log that fits in memory"
    )
    if json:
        places: dict[str, Any] = {"policy_dir": str(target), "report": None}
        search = {"resumed_trials": 0, "processes": 1}  # there is no randomised one
        print_json({**as_json(study), "policy_digest": written.digest, **places, **search})
        return
    kept = study_path(target)
    if verbose:
        tables.show(tables.study(study), "", *tables.study_end(study, target, kept))
    else:
        tables.show(first_screen(study, target, kept))


def replay(
    policies: Sequence[PolicyFile],
    log: Path,
    part: str,
    executor: str,
    how: CompleteLogOptions,
) -> list[Figures]:
    """Figures of policies over a part of a log that is read in batches."""
    with workers(executor) as on, passes() as begin:
        return [
            replay_partitions(
                opened(log, how, policy.document.signals, policy.document.candidates),
                policy,
                part,
                on,
                allow_missing=how.allow_missing,
                passes=begin,
                notify=lambda text: tell(f"warning: {text}"),
            )
            for policy in policies
        ]
