"""`routelab tune`: from a log to a policy directory and the truth about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from routelab.cli import day_tables, streamed, tables, written
from routelab.cli.certify import Certify, Delta
from routelab.cli.common import (
    AllowMissing,
    CatalogueOption,
    Columns,
    Json,
    LogPath,
    Packages,
    Prices,
    name_of,
    print_json,
    read_catalogue,
    read_log,
    reading,
    signal_option,
    tell,
)
from routelab.cli.day_files import Faults, ObjectivesFile
from routelab.cli.progress import progress
from routelab.cli.reported import NoReport, ReportPath, report_path, reported, told
from routelab.cli.tracked import record
from routelab.core.packages import use
from routelab.errors import TuningError
from routelab.simulate.arrivals import DEFAULT as ARRIVALS
from routelab.tuning import Bounds, Options, Study
from routelab.tuning import tune as run
from routelab.tuning.certify import parse
from routelab.tuning.export import as_json, check_targets, save, study_path
from routelab.tuning.simulated import check_alone, tuned_for
from routelab.tuning.spread import check, spread

Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="NAME.policy", help="Where the policy goes; default LOG's name."),
]


def tune(
    log: LogPath,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B,C", help="Candidate models; default all with a cost."),
    ] = None,
    signal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[:MULTIPLIER]",
            help="Confidence signals to consider, and how many times dearer they make a call."
            " Repeatable; default all.",
        ),
    ] = None,
    max_usd_per_1k: Annotated[
        float | None, typer.Option(help="Export the most quality at this cost or less.")
    ] = None,
    min_quality: Annotated[
        float | None, typer.Option(help="Export the least cost at this quality or more.")
    ] = None,
    min_quality_share: Annotated[
        float | None, typer.Option(help="The same, as a share of the best model's quality.")
    ] = None,
    certify: Certify = None,
    delta: Delta = 0.1,
    max_p95_s: Annotated[
        float | None, typer.Option(help="Export nothing with a P95 latency above this.")
    ] = None,
    floor: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=LOSS",
            help="No task, tenant or priority may lose more quality than this against the best"
            " single model; task=0.02 is two points. Repeatable.",
        ),
    ] = None,
    policy: Annotated[
        str,
        typer.Option(
            metavar="KIND",
            help="Kind of policy: cascade, conditional (a policy for each task), tiers,"
            " neighbors, utility, gain-cascade, cascade-routing, or auto, which compares them all;"
            " or a kind of a --package.",
        ),
    ] = "cascade",
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Tune a policy for each task, tenant or priority too, and compare. Values with"
            " few requests follow the policy for all. Default task for conditional and auto.",
        ),
    ] = None,
    pair: Annotated[
        str | None,
        typer.Option(
            metavar="WEAK,STRONG", help="Models for APGR and CPT; default cheapest and best."
        ),
    ] = None,
    no_account: Annotated[
        bool,
        typer.Option(
            "--no-account",
            help="Leave out how well quality can be learned on the log (APGR, CPT, tasks never"
            " seen): up to three quarters of the time of a kind that learns, and no part of its"
            " policy.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of splits, search, resamples and draws.")] = 0,
    seeds: Annotated[
        int,
        typer.Option(
            help="Tune again with so many seeds in all, and tell how far the results spread; the"
            " exported policy is that of --seed."
        ),
    ] = 1,
    trials: Annotated[int, typer.Option(help="Of the randomised search.")] = 400,
    recipe_trials: Annotated[
        int,
        typer.Option(
            help="Ways to make scorers that are compared on train, the default first; 20 lower the"
            " error on new requests of the embedded log by 2 % (python -m benchmarks recipes)."
        ),
    ] = 0,
    sampler: Annotated[
        str, typer.Option(metavar="NAME", help="Of the randomised search: nsga2 or tpe.")
    ] = "nsga2",
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Keep the trials, so that a killed study goes on; optuna-dashboard shows them.",
        ),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Forget the trials kept there under this name.")
    ] = False,
    processes: Annotated[int, typer.Option(help="That share the trials.")] = 1,
    group: Annotated[
        str | None,
        typer.Option(help="Keep together in a split: group, prompt, task or id."),
    ] = None,
    objectives: ObjectivesFile = None,
    faults: Faults = None,
    arriving: Annotated[
        str,
        typer.Option(
            "--arrivals",
            metavar="poisson:RATE|log|FILE[:NAME]",
            help="Of simulated days, with --slo: when requests come.",
        ),
    ] = ARRIVALS,
    simulated_trials: Annotated[
        int, typer.Option(help="Simulated days of tune that --slo may try.")
    ] = written.DAYS,
    catalogue: CatalogueOption = None,
    column: Columns = None,
    prices: Prices = None,
    allow_missing: AllowMissing = False,
    executor: streamed.Executor = None,
    levels: streamed.Levels = None,
    no_tracking: Annotated[
        bool, typer.Option("--no-tracking", help="Do not record the study in MLflow.")
    ] = False,
    out: Out = None,
    report: ReportPath = None,
    no_report: NoReport = False,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Tune a policy on LOG, judge it on held-out requests, and export it.

    Writes the policy directory, beside it NAME.study/ with the trials, and a report to look
    at. Exits 0 whatever the verdict.

    Example: `routelab tune log.parquet --signal confidence:3 --min-quality-share 0.98`
    """
    use(*package or ())
    target = out or Path(f"{name_of(log)}.policy")
    check_targets(target)
    report_to = report_path(target.name.removesuffix(".policy"), report)
    wanted = written.wanted(objectives, faults, arriving, simulated_trials)
    known = read_catalogue(catalogue)
    signals = dict(signal_option(text) for text in signal or ())
    options = Options(
        name=target.name.removesuffix(".policy"),
        models=tuple(models.split(",")) if models else None,
        signals=tuple(signals),
        bounds=Bounds(
            max_usd_per_1k, min_quality, min_quality_share, max_p95_s, written.floors(floor or ())
        ),
        policy=policy,
        by=written.by(by),
        pair=written.pair(pair),
        account=not no_account,
        seed=seed,
        trials=trials,
        recipe_trials=recipe_trials,
        group=group,
        allow_missing=allow_missing,
        certify=parse(certify or ()),
        delta=delta,
        sampler=sampler,
        storage=storage,
        fresh=fresh,
        processes=processes,
        levels=levels,
    )
    options.check()  # before a large log is read
    check(seeds, options)
    if wanted is not None:
        check_alone(options, seeds, streamed.where(log, executor) is not None)
    if in_batches := streamed.where(log, executor):
        if seeds > 1:
            raise TuningError(
                f"--seeds is {seeds}: a log that is read in batches is tuned with one seed at a"
                " time; run it once for each --seed"
            )
        found = streamed.opened(log, column, prices, signals)
        streamed.tune(found, options, in_batches, target, catalogue=known, json=json)
        return
    if levels is not None:
        raise TuningError(
            f"--levels {levels} is for a log that is read in batches; give --executor threads too,"
            " or leave it out: in memory every distinct threshold of a pair is tried"
        )
    opened = read_log(log, column, prices, signals, known)
    opened = replace(opened, reading=reading(column, prices, catalogue))
    if (unchosen := written.unchosen(opened, options)) is not None:
        tell(f"note: {unchosen}")
    if (slow := written.too_slow(opened, known, options.models)) is not None:
        tell(f"warning: {slow}")
    with progress("searching") as update:
        study = run(opened, options, catalogue=known, progress=update, told=tell)
    if wanted is not None:
        with progress("simulating days") as update:
            study = tuned_for(study, wanted, progress=update)
    if seeds > 1:
        others = spread(study, opened, options, seeds, catalogue=known, told=tell)
        study = replace(study, seeds=others)
    digest = save(study, target).digest
    summary = {**as_json(study), "policy_digest": digest}
    page = None if no_report else reported(summary, report_to)
    record(target, page, wanted=not no_tracking)
    if json:
        places = {"policy_dir": str(target), "report": None if page is None else str(page)}
        print_json({**summary, **places, **_kept(study)})
        return
    tables.show(
        tables.study(study),
        *tables.certificates(study.certificate),
        *tables.seeds(study.seeds),
        *day_tables.kept(study),
        "",
        *tables.contest(study),
        tables.routes(study.policy),
        tables.verdict(study.verdict),
        f"{tables.searched(study)}policy: {target}\nstudy:  {study_path(target)}{told(page)}",
    )


def _kept(study: Study) -> dict[str, Any]:
    """How the trials were come by, which changes nothing about them."""
    told = study.search
    return {
        "resumed_trials": 0 if told is None else told.resumed,
        "processes": 1 if told is None else told.processes,
    }
