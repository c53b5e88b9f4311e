"""What earlier versions wrote is read, decided by, gone on with and predicted from as it was then.

A folder beside this file holds what a release wrote (`make.py` says how). A test that fails here
says that users' files of that release are no longer read as they were.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import URLError
from urllib.request import urlopen

import pyarrow.parquet as pq
import pytest
import released_world as world

RELEASES = world.releases()
POLICIES = [(path, name) for path in RELEASES for name in world.figures(path)["studies"]]
OF_BYTES = ("numpy", "optuna", "pyarrow", "routelab")
OF_TRIALS = ("optuna", "routelab")
"""Another search may draw other trials: a storage of one is refused, with the way out."""
PROVENANCE = ("numpy", "optuna", "routelab")
"""What a study says of the versions it was made with."""


class Kept(NamedTuple):
    """A release, unpacked."""

    folder: Path
    figures: Any
    here: Path

    @property
    def log(self) -> Path:
        return self.here / world.LOG

    def policy(self, name: str) -> Path:
        return self.here / f"{name}.policy"

    def study(self, name: str) -> Path:
        return self.here / f"{name}.study"

    def reading(self, name: str) -> list[str]:
        """How the log is to be read for a policy that was tuned in batches."""
        reading: list[str] = self.figures["studies"][name]["reading"]
        return reading


def _opened(release: Path, here: Path) -> Kept:
    world.unpacked(release / world.STUDIES, here)
    world.unpacked(release / world.TRIALS, here / "trials")
    world.unpacked(release / world.MLFLOW, here / "mlflow")
    shutil.copy(release / world.LOG, here)
    return Kept(release, world.figures(release), here)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Kept]:
    """Unpacks a release, once."""
    return cache(lambda release: _opened(release, tmp_path_factory.mktemp(release.name)))


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def release(request: pytest.FixtureRequest, opened: Callable[[Path], Kept]) -> Kept:
    kept: Path = request.param
    return opened(kept)


@pytest.fixture(params=POLICIES, ids=lambda it: f"{it[0].name}-{it[1]}")
def one(request: pytest.FixtureRequest, opened: Callable[[Path], Kept]) -> tuple[Kept, str]:
    """A release, and a policy of it."""
    kept, name = request.param
    return opened(kept), name


def same(then: Any, now: Any) -> None:
    """Everything recorded then is there, and equal to the last digit."""
    assert list(world.differences(then, world.plain(now))) == []


OF_INTERVALS = ("interval_methods", "requests_to_settle")
"""What is said of intervals, beside the intervals themselves."""


def estimates(figures: Any) -> Any:
    """Figures without their intervals, which are since made as the data ask."""
    if isinstance(figures, list):
        return [estimates(it) for it in figures]
    if isinstance(figures, dict):
        return {
            key: estimates(_AS_THEN.get(key, _as_it_is)(it))
            for key, it in figures.items()
            if not key.endswith("_ci") and key not in OF_INTERVALS
        }
    return figures


def _as_it_is(figures: Any) -> Any:
    return figures


_AS_THEN: dict[str, Callable[[Any], Any]] = {
    "baselines": world.by_name,
    "reasons": world.as_told_then,
}


def test_a_release_is_kept() -> None:
    assert RELEASES


def test_nothing_kept_names_the_machine_it_was_made_on(release: Kept) -> None:
    places = (b"/tmp/", b"/root/", b"/home/", b"/work/", b"/Users/")
    kept = [*release.here.rglob("*"), *release.folder.rglob("*")]
    found = [
        (path.name, place)
        for path in kept
        if path.is_file() and path.suffix != ".xz"
        for place in places
        if place in path.read_bytes()
    ]
    assert found == []


def test_a_policy_loads_and_its_golden_decisions_hold(one: tuple[Kept, str]) -> None:
    from routelab.policy_file import load

    kept, name = one
    recorded = kept.figures["studies"][name]
    loaded = load(kept.policy(name))
    assert loaded.digest == recorded["digest"]
    assert loaded.verify() == []
    shown = world.command("inspect", kept.policy(name), "--verify")
    assert shown["digest"] == recorded["digest"]
    assert shown["verify"]["problems"] == []
    assert shown["verify"]["equal"] == shown["verify"]["n"] > 0
    same(json.loads((kept.policy(name) / "policy.json").read_text(encoding="utf-8")), shown)


def test_a_policy_replays_to_the_same_digits(one: tuple[Kept, str]) -> None:
    kept, name = one
    reading = kept.reading(name)
    now = world.command("replay", kept.policy(name), "--log", kept.log, *reading)
    same(estimates(kept.figures["studies"][name]["replay"]), estimates(now))
    study = json.loads((kept.study(name) / "study.json").read_text(encoding="utf-8"))
    for figure in ("quality", "usd_per_1k", "gain_vs_zero_router"):
        assert now[0][figure] == study["test"][figure], figure


def test_a_policy_routes_as_it_did(one: tuple[Kept, str]) -> None:
    kept, name = one
    same(kept.figures["studies"][name]["routed"], world.routed(kept.policy(name), quiet=True))


def test_a_policy_passes_parity_over_http(one: tuple[Kept, str]) -> None:
    kept, name = one
    part = "all" if kept.reading(name) else "test"
    done = world.command("parity", kept.policy(name), "--log", kept.log, "--n", 8, "--split", part)
    assert (done["holds"], done["same"]) == (True, 8)


@pytest.mark.filterwarnings("ignore")
def test_a_report_is_drawn_from_the_stored_study(one: tuple[Kept, str], tmp_path: Path) -> None:
    kept, name = one
    page = tmp_path / "page.html"
    made = world.command("report", kept.policy(name), "--out", page)
    study = json.loads((kept.study(name) / "study.json").read_text(encoding="utf-8"))
    assert (made["source"], made["missing"]) == ("study", [])
    assert made["verdict"] == study["verdict"]
    text = page.with_suffix(".md").read_text(encoding="utf-8")
    assert study["verdict"] in text.lower()
    assert f"{study['test']['quality']:.3f}" in text
    assert page.stat().st_size > 10_000


def _again(kept: Kept, folder: Path, storage: object) -> list[object]:
    """The command of the study "plain" with trials that are there; results go to `folder`."""
    options = kept.figures["studies"]["plain"]["options"]
    place = ("--no-tracking", "--no-report", "--out", folder / "plain.policy")
    return ["tune", world.LOG, *options, *place, "--storage", storage]


def _read(study_or_policy: Path) -> dict[str, Any]:
    """Every file of a directory, without what names versions or follows from them."""
    found: dict[str, Any] = {}
    for path in sorted(study_or_policy.iterdir()):
        if path.suffix == ".parquet":
            found[path.name] = pq.read_table(path).to_pylist()
        elif path.suffix == ".json":
            data = json.loads(path.read_bytes())
            for key in ("policy_digest", "files"):
                data.pop(key, None)
            for key in PROVENANCE:
                data["provenance"].pop(key)
            found[path.name] = data
        elif path.suffix == ".jsonl":
            found[path.name] = [json.loads(line) for line in path.read_bytes().splitlines()]
    return found


SINCE = ("saving", "lead", "proven", "drift", "baselines_left_out", *world.BASELINES_SINCE)
"""Findings that came later."""

STORES = ["half.log", "killed.log", "half.db", "whole.log"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("store", STORES)
def test_a_stored_search_goes_on_to_what_it_would_have_come_to(
    release: Kept, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(release.here)  # a study names its log as it was given
    then, now = release.figures["versions"], world.versions()
    where = Path(shutil.copy(release.here / "trials" / store, tmp_path))
    storage = f"sqlite:///{where}" if where.suffix == ".db" else where
    tune = _again(release, tmp_path, storage)
    if any(then[name] != now[name] for name in OF_TRIALS):
        assert "--fresh" in world.refused(*tune)
        return
    done = world.command(*tune)
    assert done["resumed_trials"] == release.figures["trials"][store]
    for path in (release.policy("plain"), release.study("plain")):
        again = tmp_path / path.name
        same(estimates(_read(path)), estimates(_read(again)))
        if all(then[name] == now[name] for name in OF_BYTES):
            names = {it.name for it in path.iterdir()}
            assert names == {it.name for it in again.iterdir()}
            for name in sorted(names):
                assert _bytes(again / name) == _bytes(path / name), name


CHOSEN = (
    "trials.parquet", "search", "kind", "kinds", "front", "optimism", "test", "aiq_front",
    "provenance",
)  # fmt: skip
"""What a study says of what it tried and chose, and of how good that is."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["bounded", "conditional"])
def test_a_search_begun_then_chooses_as_then(
    release: Kept, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from routelab.tuning.study import repeat

    if any(release.figures["versions"][it] != world.versions()[it] for it in OF_TRIALS):
        pytest.skip("another version of optuna or routelab draws other trials")
    monkeypatch.chdir(release.here)
    # A storage that knows no option that came since, as that of a search begun then.
    monkeypatch.setattr(repeat, "recorded_about", lambda *_: {})
    options = release.figures["studies"][name]["options"]
    place = ("--no-tracking", "--no-report", "--out", tmp_path / f"{name}.policy")
    world.command("tune", world.LOG, *options, *place, "--storage", tmp_path / "new.log")
    policies = [_read(it)["policy.json"] for it in (release.policy(name), tmp_path / place[-1])]
    same(*(it["policy"] for it in policies))
    studies = [_read(it) for it in (release.study(name), tmp_path / f"{name}.study")]
    then, now = ({**it.pop("study.json"), **it} for it in studies)
    for key in CHOSEN:
        same(estimates(then[key]), estimates(now[key]))


def _known(data: Any) -> Any:
    """What a study of 0.1.0 says, too."""
    if isinstance(data, list):
        return [_known(it) for it in data]
    if isinstance(data, dict):
        return {key: _known(it) for key, it in data.items() if key not in SINCE}
    return data


def _bytes(file: Path) -> bytes:
    """Those of a file, without sentences that a later release may word otherwise, without what
    came since 0.1.0 (the traffic of the log, savings, drift), without intervals, and without
    digests of these.
    """
    content = file.read_bytes()
    if file.suffix == ".json":
        data = json.loads(content)
        for key in ("policy_digest", "files"):
            data.pop(key, None)
        data["provenance"].pop("traffic", None)
        content = json.dumps(_known(estimates(data)), indent=2).encode()
    elif file.name == "card.md":
        content = _card(content.decode()).encode()
    return b"".join(
        line
        for line in content.splitlines(keepends=True)
        if not any(f'"{name}":'.encode() in line for name in world.WORDS)
    )


def _card(page: str) -> str:
    """What a card shows, which is since written so that no name in it is read as markup."""
    page = re.sub(r"\\([!-/:-@[-`{-~])", r"\1", page)
    page = re.sub(r"## Traffic it was tuned on\n\n(- .*\n)+\n", "", page)
    since = "|".join(world.BASELINES_SINCE)
    page = re.sub(rf"^\| ({since}) \|.*\n", "", page, flags=re.MULTILINE)
    page = re.sub(rf"^(\| {world.LEARNS_MORE} \|).*", r"\1", page, flags=re.MULTILINE)
    return "\n".join(re.sub(r" \[[-+0-9., ]+\]", "", it) for it in _lines(page))


def _lines(page: str) -> list[str]:
    """Those of a card, with reasons of its verdict as far as they were given then."""
    head, heading, rest = page.partition("\n## ")
    return [*world.as_told_then(head.splitlines()), *f"{heading}{rest}".splitlines()]


def test_a_written_log_reads_as_it_did(release: Kept, tmp_path: Path) -> None:
    from routelab.logs import read, write

    same(release.figures["log"], world.command("data", "describe", release.log))
    again = write(read(release.log), tmp_path / world.LOG)
    assert pq.read_table(again).equals(pq.read_table(release.log))


@pytest.mark.parametrize("form", [world.DECISIONS, world.COMPACTED])
def test_a_decision_log_reads_to_the_same_rows(release: Kept, form: str, tmp_path: Path) -> None:
    folder = shutil.copytree(release.folder / form, tmp_path / form)
    same(release.figures["decisions"], world.decided(folder))
    if form == world.DECISIONS:
        world.command("log", "compact", folder)
        assert not list(folder.glob("*.jsonl"))
        same(release.figures["decisions"], world.decided(folder))


def test_a_file_of_budgets_keeps_what_was_spent(release: Kept, tmp_path: Path) -> None:
    for name in (world.BUDGETS, world.SPENT):
        shutil.copy(release.folder / name, tmp_path)
    stored = (tmp_path / world.BUDGETS, tmp_path / world.SPENT)
    same(release.figures["spent"], world.spent(release.policy("plain"), *stored))


@pytest.mark.filterwarnings("ignore")
def test_a_model_stored_by_mlflow_decides_as_it_did(release: Kept) -> None:
    models = world.stored_models(release.here / "mlflow")
    now = {name: world.predicted(path) for name, path in models.items()}
    same(release.figures["mlflow"], now)


@pytest.mark.filterwarnings("ignore")
def test_a_stored_study_is_recorded_in_mlflow(
    release: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record(release, ["plain"], tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_stored_study_is_recorded_in_mlflow(
    release: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_memory = [name for name in release.figures["studies"] if not release.reading(name)]
    _record(release, in_memory, tmp_path, monkeypatch)


def _record(release: Kept, names: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record studies in a store of their own, and fetch the policies back."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    sent = world.command("track", "sync", *(release.study(name) for name in names))
    assert [it["state"] for it in sent] == ["recorded"] * len(names)
    for name in names:
        _fetched(release, name, folder)


def _fetched(release: Kept, name: str, folder: Path) -> None:
    out = folder / f"fetched-{name}.policy"
    world.command("registry", "fetch", name, "--version", 1, "--out", out)
    for path in release.policy(name).iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes(), path


@pytest.mark.filterwarnings("ignore")
def test_a_stored_study_in_batches_is_refused_by_mlflow_with_the_reason(
    release: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    for name in filter(release.reading, release.figures["studies"]):
        (sent,) = world.command("track", "sync", release.study(name), status=2)
        assert "read in batches" in sent["reason"]


@pytest.fixture
def server(
    release: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_port: int
) -> Iterator[str]:
    """An MLflow server over a copy of the store of a release."""
    store = shutil.copytree(release.here / "mlflow", tmp_path / "mlflow")
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    env = {**os.environ, **quiet}
    mlflow = [sys.executable, "-m", "mlflow"]
    uri = "sqlite:///store.db"
    subprocess.run([*mlflow, "db", "upgrade", uri], cwd=store, env=env, check=True)
    order = [*mlflow, "server", "--workers", "1", "--port", str(unused_port)]
    order += ["--backend-store-uri", uri, "--artifacts-destination", "artifacts"]
    running = subprocess.Popen(order, cwd=store, env=env, start_new_session=True)
    address = f"http://127.0.0.1:{unused_port}"
    try:
        _wait(f"{address}/health")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        yield address
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _wait(address: str) -> None:
    for _ in range(600):
        try:
            urlopen(address, timeout=1).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    pytest.skip("mlflow server did not start within a minute")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_store_of_mlflow_knows_its_studies_and_gives_policies_back(
    release: Kept, server: str, tmp_path: Path
) -> None:
    names = sorted(release.figures["mlflow"])
    sent = world.command("track", "sync", *(release.study(name) for name in names))
    assert [it["state"] for it in sent] == ["already recorded"] * len(names)
    for name in names:
        _fetched(release, name, tmp_path)
