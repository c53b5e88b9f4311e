"""Keep what this version of routelab writes, once a release: run this file.

Makes `VERSION/` beside itself from a small synthetic log, with the commands below; after that
nothing in the folder is ever written again. `test_released.py` holds later versions to it.

    log.parquet          the log, by `routelab.logs.write`
    studies.tar.xz       NAME.policy and NAME.study of every study of STUDIES
    trials.tar.xz        storages of a search: half done, cut off in a record, finished, SQLite
    mlflow.tar.xz        store and artifacts of an MLflow server, two studies recorded in it
    decisions/           a decision log as it was written; decisions.parquet/: compacted
    budgets.toml         rules, and budgets.sqlite: what was spent under them
    figures.json         what was measured then, and the options of every study
"""

from __future__ import annotations

import json
import lzma
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import released_world as world

import routelab
from routelab import logs, synthetic

REQUESTS = 400
SIGNAL = ("--signal", "confidence:1")
SMALL = (*SIGNAL, "--trials", "40")
LEARNED = (*SMALL, "--models", "small-8b,large,frontier")
FEWEST = (*SMALL, "--models", "small-8b,frontier", "--no-account")
"""Few models make few weights."""

RULES = """
[engine]
balancing = "least_busy"

[engine.retry]
most = 3
base_s = 0.2

[engine.breaker]
slow_s = 12.0
"""
"""Of an engine that is not the default one."""

SLO = ("--slo", "slo", "--faults", "outage", "--catalogue", "rules.toml")

STUDIES: dict[str, tuple[str, ...]] = {
    "plain": SMALL,
    "certified": (*SMALL, "--certify", "regret=0.1", "--certify", "cost=4", "--delta", "0.2"),
    "bounded": (*SMALL, "--min-quality-share", "0.9", "--max-p95-s", "30", "--floor", "task=0.5"),
    "conditional": (*SMALL, "--policy", "conditional", "--by", "task"),
    "batches": (*SMALL, "--executor", "threads", "--levels", "16"),
    "slo": (*SMALL, *SLO, "--simulated-trials", "8"),
    "learned": (*LEARNED, "--policy", "auto", "--no-account"),
    "neighbors": (*LEARNED, "--policy", "neighbors", "--seeds", "2", "--recipe-trials", "2"),
    "gain-cascade": (*FEWEST, "--policy", "gain-cascade"),
    "cascade-routing": (*FEWEST, "--policy", "cascade-routing"),
}
KEPT_IN_MLFLOW = ("certified", "neighbors")
EXPLORING = world.HERE.parents[2] / "policies" / "reference-explore.policy"
QUIET = ("--no-tracking", "--no-report")


def main() -> None:
    """Make the folder of this version, which must not be there."""
    release = world.HERE / routelab.__version__
    if release.exists():
        raise SystemExit(f"{release}: was kept already, and stays as it is")
    with tempfile.TemporaryDirectory() as name:
        here = Path(name).resolve()
        os.chdir(here)
        logs.write(synthetic.sample(REQUESTS), world.LOG)
        models = world.HERE.parents[2] / "datasets" / "sample.models.toml"
        Path("rules.toml").write_text(models.read_text() + RULES)
        found = {"versions": world.versions(), "studies": _studies(), "trials": _trials()}
        found |= {"mlflow": _mlflow(here), **_decisions(here), "log": _log()}
        release.mkdir()
        for path in (world.LOG, world.BUDGETS, world.SPENT):
            shutil.copy(path, release / path)
        for path in (world.DECISIONS, world.COMPACTED):
            shutil.copytree(path, release / path)
        kept = [f"{it}.{what}" for it in STUDIES for what in ("policy", "study")]
        _pack(release / world.STUDIES, here, kept)
        _pack(release / world.TRIALS, here / "trials")
        _pack(release / world.MLFLOW, here / "mlflow")
    text = json.dumps(found, separators=(",", ":"), allow_nan=False)
    (release / world.FIGURES).write_text(text.replace('"options":', '\n"options":') + "\n")


def _studies() -> dict[str, Any]:
    found = {}
    for name, options in STUDIES.items():
        policy = f"{name}.policy"
        reading = ("--executor", "threads") if "--executor" in options else ()
        made = world.command("tune", world.LOG, *options, *QUIET, "--out", policy)
        found[name] = {
            "options": options,
            "digest": made["policy_digest"],
            "reading": reading,
            "replay": world.command("replay", policy, "--log", world.LOG, *reading),
            "routed": world.routed(Path(policy)),
        }
    return found


def _trials() -> dict[str, Any]:
    """Storages of the study "plain": half of its trials, and all of them."""
    folder = Path("trials")
    folder.mkdir()
    stores = {"half.log": 20, "whole.log": 40, "sqlite:///trials/half.db": 20}
    for storage, trials in stores.items():
        where = storage if "://" in storage else f"trials/{storage}"
        asked = (*STUDIES["plain"], "--trials", trials, "--storage", where, "--out")
        world.command("tune", world.LOG, *asked, "other/plain.policy", *QUIET)
    half = (folder / "half.log").read_bytes()
    (folder / "killed.log").write_bytes(half[:-100])
    return {"half.log": 20, "killed.log": 19, "half.db": 20, "whole.log": 40}


def _mlflow(here: Path) -> dict[str, Any]:
    """Two studies recorded over a server, which alone knows where its artifacts are."""
    folder = here / "mlflow"
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    order = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port)]
    order += ["--backend-store-uri", "sqlite:///store.db", "--artifacts-destination", "artifacts"]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    env = {**os.environ, **quiet, "USER": "somebody", "LOGNAME": "somebody"}
    os.environ |= {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{port}", "LOGNAME": "somebody"}
    server = subprocess.Popen(order, cwd=folder, env=env, start_new_session=True)
    try:
        _wait(f"http://127.0.0.1:{port}/health")
        world.command("track", "sync", *(f"{name}.study" for name in KEPT_IN_MLFLOW))
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
    for path in folder.rglob("MLmodel"):  # MLflow writes where the code was, and never reads it
        code = path.read_text().replace(f"{Path(routelab.__file__).parents[1]}/", "")
        path.write_text(code)
    models = world.stored_models(folder)
    return {name: world.predicted(path) for name, path in models.items()}


def _wait(address: str) -> None:
    for _ in range(600):
        try:
            urlopen(address, timeout=1).close()
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise SystemExit("mlflow server did not start")


def _decisions(here: Path) -> dict[str, Any]:
    """A decision log, and what it was charged to."""
    from routelab.runtime.budgets import SqliteStore

    Path(world.BUDGETS).write_text(
        'output_tokens = 100\n\n[all]\nlimit_usd = 5.0\nperiod = "total"\n\n'
        '[tenant]\nlimit_usd = 1.0\nperiod = "total"\n'
    )
    options = {"budgets": world.BUDGETS, "budget_store": SqliteStore(world.SPENT)}
    world.routed(EXPLORING, log=world.DECISIONS, wall_clock=lambda: 1767225600.0, **options)
    shutil.copytree(world.DECISIONS, world.COMPACTED)
    world.command("log", "compact", world.COMPACTED)
    spent = world.spent(Path("plain.policy"), here / world.BUDGETS, here / world.SPENT)
    return {"decisions": world.decided(here / world.DECISIONS), "spent": spent}


def _log() -> Any:
    return world.command("data", "describe", world.LOG)


def _pack(archive: Path, folder: Path, names: list[str] | None = None) -> None:
    """The same bytes for the same files."""
    with lzma.open(archive, "wb", preset=9) as out, tarfile.open(fileobj=out, mode="w") as tar:
        for name in names or sorted(it.name for it in folder.iterdir()):
            tar.add(folder / name, name, filter=_anonymous)


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


if __name__ == "__main__":
    main()
