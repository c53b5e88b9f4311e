"""`routelab simulate`: a day of traffic in seconds, with whatever goes wrong on it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any, Literal

import msgspec
import typer

from routelab.cli import day_tables, tables
from routelab.cli.common import (
    CatalogueOption,
    Columns,
    Json,
    LogOption,
    Prices,
    load_policy,
    print_json,
    read_catalogue,
    read_log,
    tell,
)
from routelab.cli.progress import progress
from routelab.errors import SimulationError
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay import study_ground
from routelab.simulate import Day, Scenario, arrivals, latency, scenario, simulate, slo
from routelab.simulate.arrivals import DEFAULT
from routelab.simulate.run import answered_by_log, located
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
    faults: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="What goes wrong (docs/simulation.md)."),
    ] = None,
    objectives: Annotated[
        Path | None,
        typer.Option("--slo", metavar="FILE.toml", help="What must hold all the same."),
    ] = None,
    latencies: Annotated[
        Literal["logged", "fitted", "none"],
        typer.Option(
            "--latency",
            help="How long answers take: as logged, as a line fitted to their lengths, or no time.",
        ),
    ] = "logged",
    split: Annotated[
        str,
        typer.Option(help="Requests of this part of the log: train, tune, calibrate, test, all."),
    ] = "all",
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Of one try, where the catalogue says nothing."),
    ] = 60.0,
    stream: Annotated[
        bool, typer.Option("--stream", help="Callers take answers as they come.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of arrivals, faults and balancing.")] = 0,
    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl", help="Write a line for every request, as a decision log has."
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    column: Columns = None,
    prices: Prices = None,
    json: Json = False,
) -> None:
    """Route LOG's requests as they would arrive on a day, on a virtual clock.

    The engine is the one of production: balancing, retries, breakers, fallbacks, deadlines.
    Exits 0 when done, 1 if an objective of --slo was missed, 2 for any error.

    Example: `routelab simulate demo.policy --log datasets/sample.parquet
    --faults datasets/scenarios/outage.toml --slo datasets/scenarios/slo.toml`
    """
    loaded = [load_policy(path) for path in policy]
    known = read_catalogue(catalogue)
    day = _read(faults, scenario.parse, scenario.NOTHING)
    goals = None if objectives is None else _read(objectives, slo.parse, None)
    if events is not None and len(loaded) > 1:
        raise SimulationError("--events: name one policy; two days do not fit one file")
    whole = read_log(log, column, prices)
    days, checks = [], []
    for one in loaded:
        part = _part(one, whole, split)
        coming = arrivals(
            part, arriving, seed=seed, rate=rate, requests=requests, duration_s=duration
        )
        coming = replace(coming, at_s=surged(coming.at_s, day.surges))
        if faults is not None:
            models = answered_by_log(located(one, known))
            scenario.check(day, models, coming.duration_s, faults.name)
        with ExitStack() as open_files, progress("simulating") as update:
            simulated = simulate(
                one,
                part,
                coming,
                latency(part, latencies),
                scenario=day,
                catalogue=known,
                seed=seed,
                timeout_s=timeout,
                events=_opened(open_files, events),
                latency_known=latencies != "none",
                stream=stream,
                progress=update,
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
    if json:
        print_json(_as_json(days, checks, day))
    else:
        tables.show(day_tables.days(days, day.name), *day_tables.objectives(days, checks))
    if missed:
        raise typer.Exit(1)


def _part(one: PolicyFile, log: Log, split: str) -> Log:
    if split == "all":
        return log.with_specs(one.document.signals)
    return study_ground(one.document, log, split, scoring=one.scoring).log


def _read(path: Path | None, parse: Any, otherwise: Any) -> Any:
    if path is None:
        return otherwise
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"{path}: cannot be read: {error}") from error
    return parse(text, path.name)


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
