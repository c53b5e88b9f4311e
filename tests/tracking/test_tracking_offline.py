"""Without a server: what is told, what waits, and what is computed before anything is sent."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracking_world import copied, free_port

from routelab import tracking
from routelab.cli import main
from routelab.cli.output.tracking_output import record
from routelab.core.messages.install_hint import how_to_install
from routelab.errors import TrackingError
from routelab.metrics.hull import hypervolume
from routelab.tracking import names
from routelab.tracking.curve import hypervolumes
from routelab.tracking.model import CODE
from routelab.tracking.pending_studies import MARKER
from routelab.tracking.points import points


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """An address at which nothing listens, as the place to record at."""
    uri = f"http://someone:secret@127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.chdir(tmp_path)
    return uri


def tune(sample: Path, *options: str) -> int:
    return main(
        [
            "tune",
            str(sample),
            "--policy",
            "cascade",
            "--trials",
            "5",
            "--out",
            "a.policy",
            "--no-report",
            "--json",
            *options,
        ]
    )


def test_a_server_that_is_down_costs_nothing_but_a_line(
    nobody: str, sample_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(sample_file) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["policy_dir"] == "a.policy"
    assert "not recorded in MLflow" in told.err
    assert "routelab track sync a.study" in told.err
    assert "secret" not in told.err
    assert tracking.waiting(Path()) == [Path("a.study")]
    assert main(["registry", "list"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_without_mlflow_the_study_waits(
    nobody: str,
    tuned: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    record(copied(tuned.policy, tmp_path))
    assert f"MLflow is not installed: {how_to_install('lab')}" in capsys.readouterr().err
    assert tracking.waiting(Path()) == [Path("sample.study")]
    assert main(["track", "sync"]) == 2
    assert "MLflow is not installed" in capsys.readouterr().err


def test_no_tracking_is_said_and_nothing_waits(
    nobody: str, sample_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune(sample_file, "--no-tracking") == 0
    assert "not recorded in MLflow, as asked" in capsys.readouterr().err
    assert tracking.waiting(Path()) == []


def test_nothing_to_send_is_no_error(nobody: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["track", "sync"]) == 0
    assert "no study waits" in capsys.readouterr().err


def test_mlflow_is_imported_only_when_something_is_recorded() -> None:
    code = "import sys, routelab.cli.app; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_stored_code_needs_only_the_base_install() -> None:
    imported = set()
    for node in ast.walk(ast.parse(CODE.read_text())):
        if isinstance(node, ast.ImportFrom):
            imported.add(node.module)
        elif isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
    theirs = {"mlflow.models", "mlflow.pyfunc", "pandas"}
    ours = {name for name in imported - theirs if str(name).startswith("routelab")}
    assert {str(name).split(".")[1] for name in ours} == {"core", "errors", "policy_file"}
    assert imported - theirs - ours <= set(sys.stdlib_module_names) | {"collections.abc"}


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda study: (study / "study.json").unlink(), "is no study directory"),
        (lambda study: (study / "study.json").write_text("{"), "study.json"),
        (lambda study: (study / "study.json").write_text("{}"), "lacks policy_digest"),
        (lambda study: (study / MARKER).write_text("[]"), MARKER),
    ],
)
def test_a_damaged_study_is_named(
    nobody: str, tuned: Any, tmp_path: Path, damage: Any, told: str
) -> None:
    policy = copied(tuned.policy, tmp_path)
    study = policy.with_name("sample.study")
    tracking.mark(study, policy)
    damage(study)
    with pytest.raises(TrackingError, match=told):
        tracking.send(study)


def test_the_policy_of_another_study_is_refused(nobody: str, tuned: Any, tmp_path: Path) -> None:
    study = copied(tuned.policy, tmp_path).with_name("sample.study")
    summary = json.loads((study / "study.json").read_text())
    (study / "study.json").write_text(json.dumps({**summary, "policy_digest": "0" * 64}))
    with pytest.raises(TrackingError, match="exported policy 000000000000, but"):
        tracking.send(study)


def whole(kept: list[tuple[float, float, bool]], dearest: float) -> float:
    if not kept:
        return 0.0
    return hypervolume([it[0] for it in kept], [it[1] for it in kept], dearest, 0.0)


costs = st.floats(0.0, 10.0)
trials = st.lists(st.tuples(costs, st.floats(0.0, 1.0), st.booleans()), min_size=1, max_size=30)


@given(trials, st.floats(0.5, 10.0))
def test_the_curve_is_the_hypervolume_of_every_prefix(
    tried: list[tuple[float, float, bool]], dearest: float
) -> None:
    cost, quality, feasible = zip(*tried, strict=True)
    found = hypervolumes(cost, quality, feasible, dearest)
    for end, value in enumerate(found, 1):
        kept = [it for it in tried[:end] if it[2]]
        assert value == pytest.approx(whole(kept, dearest) / dearest, abs=1e-12)
    assert found == sorted(found)


@given(st.integers(1, 400), st.integers(3, 60))
def test_points_hold_the_operating_points_and_stay_within_the_limit(n: int, limit: int) -> None:
    front = [
        {"policy": {"kind": "fixed", "model": f"m{i}"}, "usd_per_1k": float(i), "quality": i / 400}
        for i in range(n)
    ]
    chosen = [
        {"name": name, "policy": front[at]["policy"], "tune": tuned_at(front[at]), "test": {}}
        for name, at in (("knee", n // 2), ("least-cost", 0), ("most-quality", n - 1))
    ]
    found = points({"front": front, "operating_points": chosen}, limit)
    assert len(found) == min(n, limit)
    assert {role for it in found for role in it.roles} == {
        "exported", "knee", "least-cost", "most-quality"
    }  # fmt: skip
    costs_found = [it.tune["usd_per_1k"] for it in found]
    assert costs_found == sorted(set(costs_found))
    assert len({it.key for it in found}) == len(found)


def tuned_at(entry: dict[str, Any]) -> dict[str, float]:
    return {"usd_per_1k": entry["usd_per_1k"], "quality": entry["quality"]}


@given(st.text())
def test_any_name_becomes_one_that_the_registry_takes(text: str) -> None:
    name = names.registered(text)
    assert 0 < len(name) <= 200
    assert not set(name) & set("/:@'\"\\`")
    assert name not in (".", "..")
    assert names.registered(name) == name


@pytest.mark.parametrize(
    "uri", ["sqlite:////proc/nobody/mlflow.db", "postgresql+nodriver://u:secret@h/d", "ftp://h"]
)
def test_a_store_that_cannot_be_opened_is_named(
    tuned: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    uri: str,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    policy = copied(tuned.policy, tmp_path)
    record(policy)
    told = capsys.readouterr().err
    assert f"not recorded in MLflow: MLflow at {uri.replace('u:secret@', '')}" in told
    assert "secret" not in told
    assert tracking.waiting(tmp_path) == [tmp_path / "sample.study"]


def test_a_store_that_is_no_file_of_mlflow_is_given_up_on_soon(
    tuned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"not a database" * 100)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    study = copied(tuned.policy, tmp_path).with_name("sample.study")
    with pytest.raises(TrackingError, match="not a database"):
        tracking.send(study)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_marker_keeps_the_commit_that_the_study_was_made_at(
    tuned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    policy = copied(tuned.policy, tmp_path)
    study = policy.with_name("sample.study")
    tracking.mark(study, policy)
    assert "null" in (study / MARKER).read_text()
    me = ("-c", "user.name=me", "-c", "user.email=me@localhost")
    for command in (("init", "-q"), (*me, "commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run(["git", *command], check=True)
    tracking.mark(study, policy)
    head = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert head.stdout.strip() in (study / MARKER).read_text()


def test_a_marker_survives_a_move_of_the_folder(tuned: Any, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    policy = copied(tuned.policy, tmp_path / "here")
    study = policy.with_name("sample.study")
    tracking.mark(study, policy, tmp_path / "here" / "reports" / "sample.html")
    (tmp_path / "here").rename(tmp_path / "there")
    [found] = tracking.waiting(tmp_path / "there")
    said = msgspec.json.decode((found / MARKER).read_bytes())
    assert (found.parent / said["policy"]).is_dir()
    assert said["report"] == "reports/sample.html"
    assert np.all([not Path(said[key]).is_absolute() for key in ("policy", "report")])


@pytest.mark.parametrize(
    "bound", ["task=maths & more", "tenant=", "task=../up", "latency_p95", "a=b=c"]
)
def test_a_bound_has_a_name_that_mlflow_takes(bound):
    from mlflow.utils.validation import _validate_metric_name

    _validate_metric_name(f"bound/{names.metric(bound)}")
