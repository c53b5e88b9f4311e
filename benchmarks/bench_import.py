"""Import of the routers, against numpy and httpx alone, as whole processes of the base install.

Another environment will not do: httpx imports rich and click where they are installed, which makes
the yardstick longer.
"""

from __future__ import annotations

import compileall
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement

import routelab

ROUNDS = 31
YARDSTICKS = {
    "numpy_httpx": "import numpy, httpx",
    "asyncio_numpy_httpx": "import asyncio, numpy, httpx",  # what an async service has anyway
}
MEASURED = {
    "import_routers": "from routelab.runtime import AsyncRouter, Router",
    "import_runtime": "import routelab.runtime",  # which resolves none of its names
    "import_routelab": "import routelab",
}
TARGET = 1.3


class Spent(NamedTuple):
    """Seconds of a process, from its start to its end."""

    wall: float
    cpu: float


def run() -> list[tuple[str, float, str, bool]]:
    """Ratios of medians over alternating processes."""
    with tempfile.TemporaryDirectory() as folder:
        base_install(Path(folder))
        compileall.compile_dir(folder, quiet=2)
        spent = alternated({**YARDSTICKS, **MEASURED}, Path(folder))
    rows = []
    for name in MEASURED:
        for yardstick in YARDSTICKS:
            for what, of in (("ratio", "wall"), ("cpu_ratio", "cpu")):
                ratio = _median(spent[name], of) / _median(spent[yardstick], of)
                title = f"{name}_{what}_to_{yardstick}"
                rows.append((title, ratio, f"<={TARGET}", ratio <= TARGET))
    return rows


def base_install(folder: Path) -> None:
    """Copy routelab and all that its base install brings to a folder of packages."""
    source = Path(routelab.__file__).parent
    shutil.copytree(source, folder / "routelab", ignore=shutil.ignore_patterns("__pycache__"))
    for brought in _required(distribution("routelab"), {}).values():
        for file in brought.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                there = folder / file
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file.locate(), there)


def _required(of: Distribution, found: dict[str, Distribution]) -> Mapping[str, Distribution]:
    """What a distribution needs without its extras, and what that needs, by name."""
    for name in _names(of):
        if name not in found:
            found[name] = distribution(name)
            _required(found[name], found)
    return found


def _names(of: Distribution) -> Iterator[str]:
    for requirement in map(Requirement, of.requires or ()):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def alternated(statements: Mapping[str, str], folder: Path) -> dict[str, list[Spent]]:
    """What processes that run the statements spend, in turns, each round the other way round."""
    spent: dict[str, list[Spent]] = {name: [] for name in statements}
    for turn in range(ROUNDS + 1):
        for name in sorted(statements, reverse=bool(turn % 2)):
            one = _process(statements[name], folder)
            if turn:  # the first round reads the files
                spent[name].append(one)
    return spent


def _process(statement: str, folder: Path) -> Spent:
    code = f"import sys; sys.path.append({str(folder)!r}); {statement}"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", code], env=clean, check=True)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _median(spent: list[Spent], of: str) -> float:
    return statistics.median(getattr(one, of) for one in spent)
