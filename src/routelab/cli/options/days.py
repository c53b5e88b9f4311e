"""Options of simulated days: traffic, faults, objectives, answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from routelab.cli import option_parsing
from routelab.cli.arguments import CatalogueOption
from routelab.cli.day_files import Faults, ObjectivesFile
from routelab.cli.options.groups import group
from routelab.core.catalogue import ROUTER_TIMEOUT_S
from routelab.simulate import DEFAULT_ARRIVALS as ARRIVALS
from routelab.simulate import moment_s
from routelab.tuning.slo import SloDemands


@group("Simulated days")
class DayOptions:
    """Faults of a simulated day, and the objectives it is judged by.

    Attributes:
        faults: file of the scenario; None for a day without faults.
        objectives: file of the service level objectives; None for none.
    """

    faults: Faults = None
    objectives: ObjectivesFile = None


@group("Simulated days")
class TunedDayOptions(DayOptions):
    """Simulated days on which a study chooses policy and engine.

    Attributes:
        arriving: when requests arrive; see `routelab.simulate.arrivals`.
        simulated_trials: days of tune that are simulated.
    """

    arriving: Annotated[
        str,
        typer.Option(
            "--arrivals",
            metavar="poisson:RATE|log|FILE[:NAME]",
            help="Of simulated days, with --slo: when requests come.",
        ),
    ] = ARRIVALS
    simulated_trials: Annotated[
        int, typer.Option(help="Simulated days of tune that --slo may try.")
    ] = option_parsing.DAYS

    def wanted(self) -> SloDemands | None:
        """Objectives and days of the study; None without --slo.

        Raises:
            SimulationError: a file cannot be read or understood.
            TuningError: options of the days without --slo; all of them are named.
        """
        return option_parsing.wanted(
            self.objectives, self.faults, self.arriving, self.simulated_trials
        )


@group("Traffic")
class TrafficOptions:
    """Which requests arrive on a simulated day, and when.

    Attributes:
        arriving: Poisson rate, the log's timestamps, or a trace.
        rate: factor on the number of requests a second.
        requests: how many at most; None for all.
        duration: seconds after which none arrives; None for no limit.
        starts: date of the first arrival.
        split: part of the log, or "all".
        seed: of arrivals, faults and balancing.
    """

    arriving: Annotated[
        str,
        typer.Option(
            "--arrivals",
            metavar="poisson:RATE|log|FILE[:NAME]",
            help="When requests come: RATE a second at random, at their timestamps, or as in a"
            " trace (of which rows whose task or dataset is NAME).",
        ),
    ] = ARRIVALS
    rate: Annotated[float, typer.Option(help="So many times as many requests a second.")] = 1.0
    requests: Annotated[
        int | None, typer.Option(help="How many come at most; default all of the log or trace.")
    ] = None
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="None comes later than this.")
    ] = None
    starts: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="When the first request comes, for budgets and records, for example 2026-03-01;"
            " default its timestamp with --arrivals log, else the log's first day.",
        ),
    ] = None
    split: Annotated[
        str,
        typer.Option(help="Requests of this part of the log: train, tune, calibrate, test, all."),
    ] = "all"
    seed: Annotated[int, typer.Option(help="Of arrivals, faults and balancing.")] = 0

    @property
    def starts_s(self) -> float | None:
        """Unix seconds of the first arrival; None where no date is given.

        Raises:
            SimulationError: it is no date.
        """
        return None if self.starts is None else moment_s(self.starts)


@group("Answers")
class AnswerOptions:
    """How long simulated answers take, and whether callers stream them.

    Attributes:
        latencies: as logged, fitted to the lengths of answers, or none.
        latency_scale: factor on them.
        timeout: seconds of one attempt, where the catalogue says nothing.
        stream: answers are streamed.
    """

    latencies: Annotated[
        Literal["logged", "fitted", "none"],
        typer.Option(
            "--latency",
            help="How long answers take: as logged, as a line fitted to their lengths, or no time.",
        ),
    ] = "logged"
    latency_scale: Annotated[
        float, typer.Option(min=0.0, help="Answers take so many times as long.")
    ] = 1.0
    timeout: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="Of one attempt, where the catalogue says nothing."),
    ] = ROUTER_TIMEOUT_S
    stream: Annotated[bool, typer.Option("--stream", help="Callers take answers as they come.")] = (
        False
    )


@group("The router")
class SimulatedRouterOptions:
    """Catalogue, budgets and decision log of the router on a simulated day.

    Attributes:
        events: file that a line for every request goes to; None for none.
        budgets: file of the budgets; None for none.
        catalogue: file of models and deployments; None takes the policy's.
    """

    events: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl", help="Write a line for every request, as a decision log has."
        ),
    ] = None
    budgets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.toml", help="What may be spent, in days and months from --starts on."
        ),
    ] = None
    catalogue: CatalogueOption = None
