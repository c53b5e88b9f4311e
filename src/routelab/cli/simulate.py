"""`routelab simulate`: a day of traffic in seconds, with whatever goes wrong on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
import numpy as np
import typer

from routelab.cli import day_tables, tables
from routelab.cli.common import (
    AllowMissing,
    CatalogueOption,
    Columns,
    Json,
    LogOption,
    Packages,
    Prices,
    load_policy,
    print_json,
    read_catalogue,
    read_log,
    tell,
)
from routelab.cli.day_files import Faults, ObjectivesFile, read_objectives, read_scenario
from routelab.cli.progress import progress
from routelab.cli.reported import NoReport, ReportPath, report_path, told
from routelab.cli.reported import write as write_page
from routelab.core.catalogue import ROUTER_TIMEOUT_S
from routelab.core.extras import how_to_install
from routelab.errors import SimulationError
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay import study_ground
from routelab.replay.coverage import coverage
from routelab.replay.patience import unwaited
from routelab.simulate import Checked, Day, Scenario, arrivals, latency, scenario, simulate, slo
from routelab.simulate.arrivals import DEFAULT, moment_s
from routelab.simulate.prepared import answered_by_log, located
from routelab.simulate.surge import surged


def simulate_days(
    policy: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY...", help="Policy directories, side by side.", show_default=False
        ),
    ],
    log: LogOption,
    arriving: Annotated[
        str,
        typer.Option(
            "--arrivals",
            metavar="poisson:RATE|log|FILE[:NAME]",
            help="When requests come: RATE a second at random, at their timestamps, or as in a"
            " trace (of which rows whose task or dataset is NAME).",
        ),
    ] = DEFAULT,
    rate: Annotated[float, typer.Option(help="So many times as many requests a second.")] = 1.0,
    requests: Annotated[
        int | None, typer.Option(help="How many come at most; default all of the log or trace.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="None comes later than this.")
    ] = None,
    faults: Faults = None,
    objectives: ObjectivesFile = None,
    latencies: Annotated[
        Literal["logged", "fitted", "none"],
        typer.Option(
            "--latency",
            help="How long answers take: as logged, as a line fitted to their lengths, or no time.",
        ),
    ] = "logged",
    latency_scale: Annotated[
        float, typer.Option(min=0.0, help="Answers take so many times as long.")
    ] = 1.0,
    split: Annotated[
        str,
        typer.Option(help="Requests of this part of the log: train, tune, calibrate, test, all."),
    ] = "all",
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Of one try, where the catalogue says nothing."),
    ] = ROUTER_TIMEOUT_S,
    stream: Annotated[
        bool, typer.Option("--stream", help="Callers take answers as they come.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of arrivals, faults and balancing.")] = 0,
    starts: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="When the first request comes, for budgets and records, for example 2026-03-01;"
            " default its timestamp with --arrivals log, else the log's first day.",
        ),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl", help="Write a line for every request, as a decision log has."
        ),
    ] = None,
    budgets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="What may be spent, in days and months from --starts on."
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    column: Columns = None,
    prices: Prices = None,
    allow_missing: AllowMissing = False,
    report: ReportPath = None,
    no_report: NoReport = False,
    package: Packages = None,
    json: Json = False,
) -> None:
    """Route LOG's requests as they would arrive on a day, on a virtual clock.

    The engine is the one of production: balancing, retries, breakers, fallbacks, deadlines.
    Writes a report to look at. Exits 0 when done, 1 if an objective of --slo was missed, 2 for
    any error.

    Example: `routelab simulate demo.policy --log datasets/sample.parquet --faults outage
    --slo slo`
    """
    page = None if no_report else report_path(_page_name(policy, faults), report)
    loaded = [load_policy(path, package) for path in policy]
    known = read_catalogue(catalogue)
    starts_s = None if starts is None else moment_s(starts)
    day, goals = read_scenario(faults), read_objectives(objectives)
    if events is not None and len(loaded) > 1:
        raise SimulationError("--events: name one policy; two days do not fit one file")
    whole = read_log(log, column, prices)
    days, checks = [], []
    for one in loaded:
        models = answered_by_log(located(one, known))
        part = _part(one, whole, split, tuple(models.models), allow_missing=allow_missing)
        coming = arrivals(
            part,
            arriving,
            seed=seed,
            rate=rate,
            requests=requests,
            duration_s=duration,
            starts_s=starts_s,
        )
        coming = replace(coming, at_s=surged(coming.at_s, day.surges))
        if faults is not None:
            scenario.check(day, models, coming.duration_s, faults.name)
        takes = latency(part, latencies, latency_scale)
        asked = models.only(one.policy.models_used)
        if slow := unwaited(part, asked, timeout_s=timeout, latency_s=takes.usual_s):
            tell(f"warning: {day_tables.too_slow(slow)}")
        with ExitStack() as open_files, progress("simulating") as update:
            simulated = simulate(
                one,
                part,
                coming,
                takes,
                scenario=day,
                catalogue=known,
                seed=seed,
                timeout_s=timeout,
                events=_opened(open_files, events),
                latency_known=latencies != "none",
                stream=stream,
                progress=update,
                budgets=budgets,
            )
        if events is not None:
            _finished(events)
        if day.faults and simulated.struck_share < 0.01:
            tell(
                f"warning: {day.name or 'the scenario'} changed {simulated.struck_share:.2%} of all"
                " tries: hardly anything of it can show"
            )
        days.append(simulated)
        if goals is not None and objectives is not None:
            checks.append(slo.check(goals, simulated, objectives.name))
    missed = any(slo.failed(it) for it in checks)
    if page is not None:
        page = _reported(days, checks, day, whole.name, page)
    if json:
        said = None if page is None else str(page)
        print_json({**_as_json(days, checks, day), "report": said})
    else:
        tables.show(
            day_tables.days(days, day.name),
            *day_tables.lost(days),
            *day_tables.objectives(days, checks),
            told(page),
        )
    if missed:
        raise typer.Exit(1)


def _page_name(policies: list[Path], faults: Path | None) -> str:
    name = policies[0].name.removesuffix(".policy")
    return f"{name}-{faults.stem}" if faults is not None else f"{name}-day"


def _reported(
    days: list[Day], checks: list[list[Checked]], day: Scenario, log: str, page: Path
) -> Path | None:
    """Write the page; where the packages that draw are missing the figures stand without it."""
    try:
        from routelab.reports.day import render
    except ModuleNotFoundError as error:
        tell(f"no report: {error.name} is not installed ({how_to_install('lab')})")
        return None
    write_page(render(days, checks, day, log), page)
    return page


def _part(
    one: PolicyFile, log: Log, split: str, models: Sequence[str], *, allow_missing: bool
) -> Log:
    """The requests that may come: of a part, with an outcome of every model that may be called."""
    if split != "all":
        return study_ground(one.document, log, split, scoring=one.scoring).log
    log = log.with_specs(one.document.signals)
    if not set(models) <= set(log.models):
        return log  # which the simulator refuses, in words of its own
    found = coverage(log, models, np.arange(len(log)), allow_missing=allow_missing)
    if (warning := found.warning()) is not None:
        tell(f"warning: {log.name}: {warning}")
    return log.take(found.rows) if found.n_dropped else log


def _opened(files: ExitStack, events: Path | None) -> IO[bytes] | None:
    """A file that takes the name of the events only when they are complete."""
    return None if events is None else files.enter_context(_unfinished(events).open("wb"))


def _finished(events: Path) -> None:
    _unfinished(events).replace(events)


def _unfinished(events: Path) -> Path:
    return events.with_name(f".{events.name}.unfinished")


def _as_json(days: list[Day], checks: list[list[Any]], day: Scenario) -> dict[str, Any]:
    return {
        "scenario": day.name,
        "days": [it.summary() for it in days],
        "slo": [msgspec.to_builtins(it) for it in checks],
        "holds": None if not checks else not any(slo.failed(it) for it in checks),
    }
