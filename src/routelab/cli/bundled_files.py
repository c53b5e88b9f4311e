"""Files that come with routelab: in the installed package, or beside the sources."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from routelab.errors import SimulationError


def datasets() -> Path:
    """The folder of the embedded log and of the scenarios."""
    packaged = Path(str(resources.files("routelab"))) / "_datasets"
    return packaged if packaged.exists() else Path(__file__).parents[3] / "datasets"


def sample_path() -> Path:
    """The embedded log."""
    return datasets() / "sample.parquet"


def scenario_path(given: Path) -> Path:
    """The file that is meant: the one given, or the one of that name that comes with routelab.

    Raises:
        SimulationError: there is neither; it lists those that come with routelab.
    """
    if given.suffix or given.exists():
        return given
    folder = datasets() / "scenarios"
    if (ours := folder / f"{given}.toml").is_file():
        return ours
    names = ", ".join(sorted(it.stem for it in folder.glob("*.toml")))
    raise SimulationError(f"{given}: no such file; with routelab come {names}")
