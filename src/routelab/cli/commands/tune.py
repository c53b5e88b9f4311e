"""`routelab tune`: from a log to a policy directory and the truth about it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routelab.cli import batch_runs, option_parsing
from routelab.cli.arguments import LogPath
from routelab.cli.console import print_json, tell
from routelab.cli.log_input import name_of, read_tunable, reading
from routelab.cli.options import (
    BatchOptions,
    BoundOptions,
    CandidateOptions,
    CompleteLogOptions,
    KindOptions,
    ProofOptions,
    SearchOptions,
    StudyOutputOptions,
    TunedDayOptions,
    grouped,
)
from routelab.cli.output import (
    day_tables,
    first_screen,
    progress,
    record,
    recorder,
    report_note,
    report_path,
    reported,
    tables,
)
from routelab.cli.policy_input import read_catalogue
from routelab.core import use
from routelab.core.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs import Log, PartialLog
from routelab.tracking import settle
from routelab.tuning import LookLedger, Options, Study
from routelab.tuning import tune as run
from routelab.tuning.slo import SloDemands, check_alone, tuned_for
from routelab.tuning.study import (
    as_json,
    check_same_study,
    check_seeds,
    check_targets,
    inputs,
    save,
    spread_over_seeds,
    study_path,
)

if TYPE_CHECKING:
    from routelab.tuning.scores import ScoredLog


# Long: one command, of whose options each is said once.
@grouped
def tune(
    log: LogPath,
    candidates: CandidateOptions,
    bounds: BoundOptions,
    proof: ProofOptions,
    kinds: KindOptions,
    search: SearchOptions,
    days: TunedDayOptions,
    how: CompleteLogOptions,
    batches: BatchOptions,
    output: StudyOutputOptions,
) -> None:
    """Tune a policy on LOG, judge it on held-out requests, and export it.

    Writes the policy directory, beside it NAME.study/ with the trials, and a report to look
    at. Exits 0 whatever the verdict.

    Example: `routelab tune log.parquet --signal confidence:3 --min-quality-share 0.98`
    """
    use(*kinds.package or ())
    target = output.out or Path(f"{name_of(log)}.policy")
    name = target.name.removesuffix(".policy")
    check_targets(target)
    page = report_path(name, output.report)
    wanted = days.wanted()
    known = read_catalogue(candidates.catalogue)
    signals = candidates.signals()
    options = _options(name, candidates, signals, bounds, proof, kinds, search, how, batches)
    in_batches = _checked(options, search.seeds, wanted, log, batches)
    if in_batches is not None:
        in_parts = batch_runs.opened(log, how, signals, options.models or ())
        batch_runs.tune(
            in_parts,
            options,
            in_batches,
            target,
            catalogue=known,
            json=output.json,
            replace=output.replace,
            looks=output.ledger(log),
            verbose=output.verbose,
        )
        return
    found = read_tunable(log, how, signals, known, options.models or ())
    tunable = _tunable(found, options, wanted, reading(how, candidates.catalogue))
    opened = tunable if isinstance(tunable, Log) else tunable.log
    check_same_study(
        target,
        options,
        log=opened.name,
        reads=inputs.digests(opened, _catalogue(opened, known, options)),
        signals={name: opened.spec(name) for name in opened.signals},
        demands=None if wanted is None else wanted.recorded,
        replace=output.replace,
    )
    with recorder(wanted=not output.no_tracking) as by:
        study = _studied(tunable, options, known, wanted, search.seeds, output.ledger(log))
        settle(study_path(target), tell)
        digest = save(study, target).digest
        summary = {**as_json(study), "policy_digest": digest}
        drawn = None if output.no_report else reported(summary, page)
        record(target, drawn, wanted=not output.no_tracking, by=by)
    _show(study, target, drawn, summary if output.json else None, verbose=output.verbose)


def _options(
    name: str,
    candidates: CandidateOptions,
    signals: Iterable[str],
    bounds: BoundOptions,
    proof: ProofOptions,
    kinds: KindOptions,
    search: SearchOptions,
    how: CompleteLogOptions,
    batches: BatchOptions,
) -> Options:
    """The groups as the library takes them.

    Raises:
        TuningError: a floor, a column, a pair or a bound to certify is written otherwise.
    """
    return Options(
        name=name,
        models=candidates.names,
        signals=tuple(signals),
        bounds=bounds.bounds,
        policy=kinds.policy,
        budget_s=None if math.isinf(kinds.budget) and kinds.budget > 0 else kinds.budget,
        point=bounds.point,
        by=option_parsing.by(kinds.by),
        pair=option_parsing.pair(kinds.pair),
        reads=kinds.reads,
        account=not kinds.no_account,
        seed=search.seed,
        trials=search.trials,
        recipe_trials=kinds.recipe_trials,
        group=search.group,
        split=search.split,
        returning=not search.no_returning,
        allow_missing=how.allow_missing,
        certify=proof.demands,
        delta=proof.delta,
        cost_ceiling_usd=proof.cost_ceiling_usd,
        sampler=search.sampler,
        storage=search.storage,
        fresh=search.fresh,
        processes=search.processes,
        levels=batches.levels,
    )


def _checked(
    options: Options, seeds: int, wanted: SloDemands | None, log: Path, batches: BatchOptions
) -> str | None:
    """On what the log is read in batches, if it is; refuses what makes no sense before that."""
    options.check()
    check_seeds(seeds, options)
    where = batch_runs.where(log, batches.executor)
    if wanted is not None:
        check_alone(options, seeds, where is not None)
    if where is not None and seeds > 1:
        raise TuningError(
            f"--seeds is {seeds}: a log that is read in batches is tuned with one seed at a"
            " time; run it once for each --seed"
        )
    if where is None:
        options.check_in_memory()
    return where


def _catalogue(log: Log, given: Catalogue | None, options: Options) -> Catalogue:
    return inputs.known_catalogue(log, given, inputs.candidates(log, options.models))


def _tunable(
    log: Log | PartialLog,
    options: Options,
    wanted: SloDemands | None,
    said: Mapping[str, Any],
) -> Log | ScoredLog:
    """A complete log, or the scores of a partial one.

    Args:
        said: of how to read the log.
    Raises:
        TuningError: something is asked for that a partial log cannot give.
        LogError: as `scored_log`.
    """
    if isinstance(log, Log):
        return replace(log, reading=said)
    if wanted is not None:
        raise TuningError(
            f"{log.name}: is a partial log, and a simulated day needs every model's answer to every"
            " request: leave the objectives on days out"
        )
    from routelab.tuning.scores import as_estimated, scored_log  # scikit-learn

    as_estimated(options, log)
    found = scored_log(log, options.models, seed=options.seed, notify=tell)
    return replace(found, log=replace(found.log, reading=said))


def _studied(
    log: Log | ScoredLog,
    options: Options,
    known: Catalogue | None,
    wanted: SloDemands | None,
    seeds: int,
    looks: LookLedger | None,
) -> Study:
    """The study, with what simulated days and other seeds add to it."""
    whole = log if isinstance(log, Log) else log.log
    if (slow := option_parsing.too_slow(whole, known, options.models)) is not None:
        tell(f"warning: {slow}")
    begun = time.monotonic()
    with progress("searching") as update:
        study = run(log, options, catalogue=known, progress=update, notify=tell, looks=looks)
    if study.plan is not None:
        tell(tables.budget_line(study, time.monotonic() - begun))
    if wanted is not None:
        with progress("simulating days") as update:
            study = tuned_for(study, wanted, progress=update)
    if seeds > 1:
        others = spread_over_seeds(study, log, options, seeds, catalogue=known, notify=tell)
        study = replace(study, seeds=others)
    return study


def _show(
    study: Study, target: Path, page: Path | None, data: Mapping[str, Any] | None, *, verbose: bool
) -> None:
    """The study on a screen, as tables, or as JSON where its data are given."""
    if data is not None:
        places = {"policy_dir": str(target), "report": None if page is None else str(page)}
        print_json({**data, **places, **_kept(study)})
        return
    asked = [
        *tables.certificates(study.certificate),
        *tables.seeds(study.seeds),
        *day_tables.slo_outcome(study),
    ]
    kept, searched = study_path(target), tables.search_line(study)
    if not verbose:
        tables.show(first_screen(study, target, kept, page, also=asked, searched=searched))
        return
    tables.show(
        tables.study(study),
        tables.intervals_made(study.figures),
        *asked,
        *tables.tried(study),
        "",
        *tables.kind_choice(study),
        *tables.study_end(study, target, kept, searched=searched, report=report_note(page)),
    )


def _kept(study: Study) -> dict[str, Any]:
    """How the trials were come by, which changes nothing about them."""
    search = study.search
    return {
        "resumed_trials": 0 if search is None else search.resumed,
        "processes": 1 if search is None else search.processes,
    }
