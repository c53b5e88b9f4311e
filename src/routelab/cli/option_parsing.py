"""Options of `routelab tune` that are written in a form of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from routelab.cli.arguments import names_in
from routelab.cli.day_files import read_objectives, read_scenario
from routelab.core.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs import Log
from routelab.replay import timed_out_answers
from routelab.simulate import DEFAULT_ARRIVALS as ARRIVALS
from routelab.tuning import BY, By, Floor
from routelab.tuning.slo import SloDemands

DAYS = 40
"""Simulated days of tune that are tried."""


def floors(texts: Sequence[str]) -> tuple[Floor, ...]:
    """Floors given as COLUMN=LOSS.

    Raises:
        TuningError: naming every one that is not.
    """
    found, problems = [], []
    for text in texts:
        column, _, loss = text.partition("=")
        try:
            found.append(Floor(column, float(loss)))
        except ValueError:
            problems.append(f"--floor {text}: give it as COLUMN=LOSS, for example task=0.02")
    if problems:
        raise TuningError(*problems)
    return tuple(found)


def by(text: str | None) -> By | None:
    """A column that policies are parted by.

    Raises:
        TuningError: there is no such column.
    """
    try:
        found: By | None = msgspec.convert(text, By | None)
    except msgspec.ValidationError as error:
        raise TuningError(f"--by {text!r} is unknown; choose {', '.join(BY)}") from error
    return found


def pair(text: str | None) -> tuple[str, str] | None:
    """Two models given as WEAK,STRONG.

    Raises:
        TuningError: it is not two.
    """
    if text is None:
        return None
    names = names_in("--pair", text)
    if len(names) != 2:
        raise TuningError(f"--pair {text}: name two models as WEAK,STRONG")
    return names[0], names[1]


def too_slow(
    log: Log, catalogue: Catalogue | None, models: Sequence[str] | None = None
) -> str | None:
    """What production will not wait for, where the catalogue says where models are called.

    Args:
        models: that are candidates; None for all.
    """
    known = Catalogue() if catalogue is None else catalogue
    found = timed_out_answers(log, known if models is None else known.only(models))
    if not found:
        return None
    return (
        f"{'; '.join(map(str, found))}. Figures here count them as answered; in production such"
        " an attempt ends without an answer. Give the deployments timeouts.total_s in the"
        " catalogue, or the router timeout_s; routelab simulate shows what it comes to"
    )


def wanted(
    objectives: Path | None, faults: Path | None, arrivals: str, trials: int
) -> SloDemands | None:
    """What simulated days are held to; None without --slo.

    Raises:
        SimulationError: a file cannot be read or understood.
        TuningError: options of the days without --slo; all of them are named.
    """
    goals = read_objectives(objectives)
    if objectives is None or goals is None:
        given = {
            "--faults": faults is not None,
            "--arrivals": arrivals != ARRIVALS,
            "--simulated-trials": trials != DAYS,
        }
        problems = [
            f"{option} is of days that --slo judges; give --slo too"
            for option, there in given.items()
            if there
        ]
        if problems:
            raise TuningError(*problems)
        return None
    demands = SloDemands(
        objectives=goals,
        scenario=read_scenario(faults),
        objectives_file=objectives.name,
        scenario_file="" if faults is None else faults.name,
        arrivals=arrivals,
        trials=trials,
    )
    demands.check()
    return demands
