"""What tests share: the embedded log, a study of it, and real logs where they are at hand."""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from routelab.cli.bundled_files import sample_path
from routelab.logs import Log, read
from routelab.logs.write import write as write_log
from routelab.tuning import Options, Study, tune
from routelab.tuning.study.export import save

PROJECT = Path(__file__).parents[1]
LONG = ("slow", "soak", "fuzz", "sanitizers", "supply", "records")
"""Markers of tests that run only when asked for."""

CHROMIUM = Path(os.environ.get("ROUTELAB_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

# A module NAME_world.py beside some tests builds what they and those of other folders try.
sys.path.extend(sorted({str(it.parent) for it in Path(__file__).parent.rglob("*_world.py")}))


os.environ.setdefault("ROUTELAB_TRACKING_WAIT_S", "600")
"""Tests look at records at once; commands may leave them to the background."""

_TEST = itertools.count()
_LEDGERS = tempfile.TemporaryDirectory(prefix="looks-")
os.environ["ROUTELAB_LOOKS"] = _LEDGERS.name
"""Tests tune the same logs again and again, and none is to count for another."""

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # how long an example takes says how busy the machine is, and benchmarks measure speed
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _ledgers_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTELAB_LOOKS", f"{_LEDGERS.name}/{next(_TEST)}")


class Tuned(NamedTuple):
    """A study of the embedded log, and the policy directory it was saved to."""

    study: Study
    policy: Path


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--soak-seconds", type=float, default=1800.0, help="of the soak of hosts in trouble"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """`-n auto`: two a core, for most of a test's time is waiting for processes and servers."""
    return min(2 * (os.cpu_count() or 1), 16)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests out unless `-m` speaks of them."""
    asked = config.getoption("-m")
    unasked = [name for name in LONG if name not in asked]
    left = [item for item in items if any(map(item.get_closest_marker, unasked))]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(scope="session")
def sample_file() -> Path:
    return sample_path()


@pytest.fixture(scope="session")
def sample_log(sample_file: Path) -> Log:
    log = read(sample_file)
    assert isinstance(log, Log)
    return log


@pytest.fixture(scope="session")
def tuned(sample_log: Log, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    policy = tmp_path_factory.mktemp("tuned") / "sample.policy"
    study = tune(sample_log, Options(name="sample", trials=60, policy="cascade"))
    save(study, policy)
    return Tuned(study, policy)


@pytest.fixture(scope="session")
def few(sample_log: Log) -> Log:
    """A quarter of the embedded log, of all its times: for studies whose size is not the point."""
    return sample_log.take(np.arange(0, len(sample_log), 4))


@pytest.fixture(scope="session")
def few_file(few: Log, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_log(few, tmp_path_factory.mktemp("few") / "few.parquet")


@pytest.fixture(scope="session")
def tuned_few(few_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    policy = tmp_path_factory.mktemp("tuned_few") / "few.policy"
    log = read(few_file)
    assert isinstance(log, Log)
    study = tune(log, Options(name="few", trials=20, policy="cascade"))
    save(study, policy)
    return Tuned(study, policy)


@pytest.fixture(scope="session")
def real_log() -> Callable[[str], Path]:
    """Gives the path of a public log, or skips: they are not part of the project."""
    folder = Path(os.environ.get("ROUTELAB_DATA") or PROJECT.parent / "shared" / "data")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"{name} is not in {folder}; set ROUTELAB_DATA to the folder of real logs")
        return path

    return find


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, without a screen."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not there; set ROUTELAB_CHROMIUM to a Chromium")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=str(CHROMIUM), args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept."""
    given = os.environ.get("ROUTELAB_ARTIFACTS")
    path = Path(given) if given else tmp_path_factory.mktemp("artifacts")
    path.mkdir(parents=True, exist_ok=True)
    return path
