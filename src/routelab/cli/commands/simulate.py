"""`routelab simulate`: a day of traffic in seconds, with whatever goes wrong on it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Annotated, Any, NamedTuple, cast

import msgspec
import numpy as np
import typer

from routelab.cli.arguments import LogOption, Packages
from routelab.cli.console import print_json, tell
from routelab.cli.day_files import read_objectives, read_scenario
from routelab.cli.log_input import read_log
from routelab.cli.options import (
    AnswerOptions,
    CompleteLogOptions,
    DayOptions,
    OutputOptions,
    SimulatedRouterOptions,
    TrafficOptions,
    grouped,
)
from routelab.cli.output import day_tables, progress, report_note, report_path, tables
from routelab.cli.output import write as write_page
from routelab.cli.policy_input import load_policy, read_catalogue
from routelab.core.catalogue import Catalogue
from routelab.core.messages import foreign, how_to_install
from routelab.core.storage import replacing
from routelab.errors import SimulationError
from routelab.logs import Log
from routelab.policy_file import PolicyFile
from routelab.replay import coverage, study_rows, timed_out_answers
from routelab.runtime import RouterConfig
from routelab.simulate import (
    Arrivals,
    CheckedObjective,
    Day,
    Scenario,
    SimulationOptions,
    answered_by_log,
    arrivals,
    latency,
    located,
    scenario,
    simulate,
    slo,
    surged_arrivals,
)


@grouped
def simulate_days(
    policy: Annotated[
        list[Path],
        typer.Argument(
            metavar="POLICY...", help="Policy directories, side by side.", show_default=False
        ),
    ],
    log: LogOption,
    traffic: TrafficOptions,
    trouble: DayOptions,
    answers: AnswerOptions,
    how: CompleteLogOptions,
    output: OutputOptions,
    routing: SimulatedRouterOptions,
    package: Packages = None,
) -> None:
    """Route LOG's requests as they would arrive on a day, on a virtual clock.

    The engine is the one of production: balancing, retries, breakers, fallbacks, deadlines.
    Writes a report to look at. Exits 0 when done, 1 if an objective of --slo was missed, 2 for
    any error.

    Example: `routelab simulate demo.policy --log datasets/sample.parquet --faults outage
    --slo slo`
    """
    page = _page(policy, trouble.faults, output)
    loaded = [load_policy(path, package) for path in policy]
    known = read_catalogue(routing.catalogue)
    day, goals = read_scenario(trouble.faults), read_objectives(trouble.objectives)
    setup = _Setup(traffic, trouble, answers, routing, day, known, traffic.starts_s)
    if routing.events is not None and len(loaded) > 1:
        raise SimulationError("--events: name one policy; two days do not fit one file")
    candidates = [name for it in loaded for name in it.document.candidates]
    whole = read_log(log, how, models=candidates)
    days = [setup.simulated(one, whole, allow_missing=how.allow_missing) for one in loaded]
    checks = []
    if goals is not None and trouble.objectives is not None:
        checks = [slo.check(goals, it, trouble.objectives.name) for it in days]
    drawn = None if page is None else _reported(days, checks, day, whole.name, page)
    if output.json:
        print_json({**_as_json(days, checks, day), "report": drawn and str(drawn)})
    else:
        tables.show(
            day_tables.days(days, day.name),
            *day_tables.lost(days),
            *day_tables.objectives(days, checks),
            report_note(drawn),
        )
    if any(slo.failed(it) for it in checks):
        raise typer.Exit(1)


class _Setup(NamedTuple):
    """What the days of all policies have in common."""

    traffic: TrafficOptions
    trouble: DayOptions
    answers: AnswerOptions
    routing: SimulatedRouterOptions
    day: Scenario
    catalogue: Catalogue | None
    starts_s: float | None

    def simulated(self, one: PolicyFile, whole: Log, *, allow_missing: bool) -> Day:
        """The day of one policy; what is unusual about it is told."""
        answers, timeout_s = self.answers, self.answers.timeout
        models = answered_by_log(located(one, self.catalogue))
        part = _part(
            one, whole, self.traffic.split, tuple(models.models), allow_missing=allow_missing
        )
        coming = self._arrivals(part)
        if self.trouble.faults is not None:
            scenario.check(self.day, models, coming.duration_s, self.trouble.faults.name)
        takes = latency(part, answers.latencies, answers.latency_scale)
        asked = models.only(one.policy.models_used)
        if slow := timed_out_answers(part, asked, timeout_s=timeout_s, latency_s=takes.usual_s):
            tell(f"warning: {day_tables.too_slow(slow)}")
        with _opened(self.routing.events) as events, progress("simulating") as update:
            simulated = simulate(
                one,
                part,
                coming,
                takes,
                self.catalogue,
                SimulationOptions(
                    scenario=self.day,
                    config=RouterConfig(timeout_s=timeout_s, budgets=self.routing.budgets),
                    stream=answers.stream,
                    seed=self.traffic.seed,
                    latency_known=answers.latencies != "none",
                    events=events,
                    progress=update,
                ),
            )
        if self.day.faults and simulated.struck_share < 0.01:
            tell(
                f"warning: {self.day.name or 'the scenario'} changed {simulated.struck_share:.2%}"
                " of all attempts: hardly anything of it can show"
            )
        return simulated

    def _arrivals(self, part: Log) -> Arrivals:
        """When its requests come, surges of the scenario included."""
        coming = arrivals(
            part,
            self.traffic.arriving,
            seed=self.traffic.seed,
            rate=self.traffic.rate,
            requests=self.traffic.requests,
            duration_s=self.traffic.duration,
            starts_s=self.starts_s,
        )
        return replace(coming, at_s=surged_arrivals(coming.at_s, self.day.surges))


def _page(policies: list[Path], faults: Path | None, output: OutputOptions) -> Path | None:
    """Where the report goes, if one is wanted."""
    if output.no_report:
        return None
    name = policies[0].name.removesuffix(".policy")
    return report_path(f"{name}-{'day' if faults is None else faults.stem}", output.report)


def _reported(
    days: list[Day], checks: list[list[CheckedObjective]], day: Scenario, log: str, page: Path
) -> Path | None:
    """Write the page; where the packages that draw are missing the figures stand without it."""
    try:
        from routelab.reports import render_day
    except ModuleNotFoundError as error:
        tell(f"no report: {error.name} is not installed ({how_to_install('lab')})")
        return None
    write_page(render_day(days, checks, day, log), page)
    return page


def _part(
    one: PolicyFile, log: Log, split: str, models: Sequence[str], *, allow_missing: bool
) -> Log:
    """The requests that may come: of a part, with an outcome of every model that may be called."""
    if split != "all":
        return study_rows(one.document, log, split, scoring=one.scoring).log
    log = log.with_specs(one.document.signals)
    if not set(models) <= set(log.models):
        return log  # which the simulator refuses, in words of its own
    found = coverage(log, models, np.arange(len(log)), allow_missing=allow_missing)
    if (warning := found.warning()) is not None:
        tell(f"warning: {log.name}: {warning}")
    return log.take(found.rows) if found.n_dropped else log


class _EventsFile:
    """A file that tells its own failures from those of the day that writes to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, data: bytes) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            raise _Unwritten(error) from error


class _Unwritten(Exception):  # noqa: N818  (it carries an error, and is never told itself)
    def __init__(self, error: OSError) -> None:
        self.error = error


@contextmanager
def _opened(events: Path | None) -> Iterator[IO[bytes] | None]:
    """A file that takes the name of the events only when they are complete.

    Raises:
        SimulationError: it cannot be written.
    """
    if events is None:
        yield None
        return
    inside: list[OSError] = []
    try:
        with replacing(events) as fresh, fresh.open("wb") as file:
            try:
                yield cast("IO[bytes]", _EventsFile(file))
            except OSError as error:  # of the day, not of this file
                inside.append(error)
                raise
    except _Unwritten as unwritten:
        raise _refused(events, unwritten.error) from unwritten.error
    except OSError as error:
        if error in inside:
            raise
        raise _refused(events, error) from error


def _refused(events: Path, error: OSError) -> SimulationError:
    return SimulationError(
        f"--events {foreign(str(events))}: cannot be written: {error.strerror or error}; name a"
        " file in a folder that is there, with room and leave to write"
    )


def _as_json(days: list[Day], checks: list[list[Any]], day: Scenario) -> dict[str, Any]:
    return {
        "scenario": day.name,
        "days": [it.summary() for it in days],
        "slo": [msgspec.to_builtins(it) for it in checks],
        "holds": None if not checks else not any(slo.failed(it) for it in checks),
    }
