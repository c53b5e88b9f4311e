"""Scenarios and objectives, as commands take them: files, or names of those that come along."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from routelab.cli.bundled_files import scenario_path
from routelab.core.storage import read_bounded
from routelab.errors import SimulationError
from routelab.simulate import Scenario, Slo, scenario, slo

_T = TypeVar("_T")

Faults = Annotated[
    Path | None,
    typer.Option(
        "--faults",
        metavar="FILE.toml|NAME",
        help="What goes wrong (docs/simulation.md): a file, or one that comes with routelab:"
        " outage, slow, rate-limits, cut-streams, spike.",
    ),
]
ObjectivesFile = Annotated[
    Path | None,
    typer.Option(
        "--slo",
        metavar="FILE.toml",
        help="What must hold all the same; slo for the one that comes with routelab.",
    ),
]


def read_scenario(path: Path | None) -> Scenario:
    """What happens; nothing where no file is given.

    Raises:
        SimulationError: it cannot be read or understood.
    """
    return scenario.NOTHING if path is None else _read(path, scenario.parse)


def read_objectives(path: Path | None) -> Slo | None:
    """What must hold.

    Raises:
        SimulationError: it cannot be read or understood.
    """
    return None if path is None else _read(path, slo.parse)


def _read(given: Path, parse: Callable[[str, str], _T]) -> _T:
    path = scenario_path(given)
    try:
        text = read_bounded(path, "table_bytes").decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SimulationError(f"{path}: cannot be read: {error}") from error
    return parse(text, path.name)
