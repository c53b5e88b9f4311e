"""Against a real `mlflow server`: what is recorded, how often, and what survives its death."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from tracking_world import Cutter, Server, copied

import routelab
from routelab import tracking
from routelab.cli import main
from routelab.errors import PolicyFileError, TrackingError
from routelab.logs import Log
from routelab.policy_file import load, write
from routelab.replay.generator import decide
from routelab.tracking import store
from routelab.tracking.pending_studies import MARKER

CUTS = (2, 7, 15, 22, 30)
"""Requests after which an attempt dies: in every stage of sending."""
SOME_CUTS = (7, 22)
"""Before and after the run has its files."""


def records() -> dict[str, Any]:
    """Everything a server knows of studies, without what differs from one attempt to the next."""
    with store.connected() as client:
        experiment = client.get_experiment_by_name("routelab")
        runs = client.search_runs([experiment.experiment_id])
        parents = [it for it in runs if "mlflow.parentRunId" not in it.data.tags]
        children = [it for it in runs if "mlflow.parentRunId" in it.data.tags]
        return {
            "parents": parents,
            "children": children,
            "curves": [client.get_metric_history(it.info.run_id, "hypervolume") for it in parents],
            "artifacts": [
                sorted(
                    found.path
                    for folder in client.list_artifacts(it.info.run_id)
                    for found in client.list_artifacts(it.info.run_id, folder.path)
                )
                for it in parents
            ],
            "versions": client.search_model_versions("name='sample'"),
            "models": list(client.search_logged_models([experiment.experiment_id])),
        }


@pytest.fixture
def proxy(tracked: Server) -> Iterator[Cutter]:
    between = Cutter(tracked.port)
    yield between
    between.close()


@pytest.fixture
def sent(tracked: Server, tuned: Any, tmp_path: Path) -> tracking.SentStudy:
    """The study on the server, whoever put it there first."""
    policy = copied(tuned.policy, tmp_path)
    return tracking.send(policy.with_name("sample.study"))


@pytest.fixture
def kept(tracked: Server, sent: tracking.SentStudy, tmp_path: Path) -> Iterator[Path]:
    """Where the server keeps the registered policy; a test may damage it."""
    [folder] = tracked.artifacts.glob("**/models/*/artifacts/artifacts/sample.policy")
    shutil.copytree(folder, tmp_path / "backup")
    yield folder
    shutil.copytree(tmp_path / "backup", folder, dirs_exist_ok=True)


@pytest.mark.parametrize("cuts", [SOME_CUTS, pytest.param(CUTS, marks=pytest.mark.slow)])
def test_a_study_whose_server_dies_midway_is_sent_later_once_and_whole(
    cuts: tuple[int, ...],
    tracked: Server,
    proxy: Cutter,
    tuned: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    policy = copied(tuned.policy, tmp_path)
    study = tmp_path / "sample.study"
    report = tmp_path / "sample.html"
    report.write_text("<p>a report</p>")
    tracking.mark(study, policy, report)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.uri)
    for requests in cuts:
        proxy.cut_after(requests, tracked.kill if requests == cuts[-1] else lambda: None)
        assert main(["track", "sync"]) == 2
        assert proxy.cut
        assert (study / MARKER).exists()
    assert "error: MLflow at http://127.0.0.1" in capsys.readouterr().err

    assert main(["track", "sync", "--json"]) == 2  # nobody is there
    [missed] = json.loads(capsys.readouterr().out)
    assert missed["state"] == "failed"
    tracked.start()
    proxy.pass_all()
    assert main(["track", "sync", "--json"]) == 0
    [first] = json.loads(capsys.readouterr().out)
    assert first["state"] == "recorded"
    assert not (study / MARKER).exists()
    there = records()

    assert main(["track", "sync", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["track", "sync", "sample.study", "--json"]) == 0
    [second] = json.loads(capsys.readouterr().out)
    assert second == {**first, "already": True, "state": "already recorded"}
    for found in (there, records()):
        assert [it.info.status for it in found["parents"]] == ["FINISHED"]
        assert {it.info.status for it in found["children"]} == {"FINISHED"}
        names = [it.info.run_name for it in found["children"]]
        assert len(names) == len(set(names)) <= 50
        assert [point.step for point in found["curves"][0]] == list(range(60))
        assert found["artifacts"] == [
            [f"policy/{name}" for name in sorted(it.name for it in policy.iterdir())]
            + ["report/sample.html", "study/study.json", "study/trials.parquet"]
        ]
        assert len(found["versions"]) == len(found["models"]) == 1


def test_the_parent_run_says_what_was_studied(sent: tracking.SentStudy, tuned: Any) -> None:
    [parent] = records()["parents"]
    study = tuned.study
    assert parent.info.run_id == sent.run_id
    assert parent.data.metrics["test/quality"] == study.figures.quality
    assert parent.data.metrics["test/gain_low"] == study.figures.gain_ci[0]
    assert parent.data.params["seed"] == "0"
    assert parent.data.tags["routelab.verdict"] == study.verdict.word
    assert parent.data.tags["routelab.version"] == routelab.__version__
    assert parent.data.tags["routelab.log_sha256"] == study.log.sha256
    [used] = parent.inputs.dataset_inputs
    assert used.dataset.name == "sample.parquet"
    assert study.log.sha256.startswith(used.dataset.digest)


def test_every_operating_point_is_a_child_and_the_exported_one_says_so(
    sent: tracking.SentStudy, tuned: Any
) -> None:
    chosen = {
        it.data.tags["routelab.operating_point"]: it.data.metrics
        for it in records()["children"]
        if "routelab.operating_point" in it.data.tags
    }
    roles = {role for roles in chosen for role in roles.split(", ")}
    assert roles == {"exported", *(it.name for it in tuned.study.points)}
    [exported] = [it for roles, it in chosen.items() if "exported" in roles]
    assert exported["test/usd_per_1k"] == tuned.study.figures.usd_per_1k


def test_the_curve_never_falls(sent: tracking.SentStudy) -> None:
    [curve] = records()["curves"]
    values = [point.value for point in curve]
    assert values == sorted(values)
    assert 0 < values[-1] <= 1


def test_no_prompt_and_no_place_of_this_machine_is_sent(
    sent: tracking.SentStudy, tracked: Server, sample_log: Log, sample_file: Path
) -> None:
    assert sample_log.texts is not None
    prompts = sample_log.texts.prompts(np.arange(len(sample_log)))
    kept = b"".join(path.read_bytes() for path in tracked.artifacts.rglob("*") if path.is_file())
    kept += b"".join(path.read_bytes() for path in tracked.folder.glob("store.db*"))
    assert not [text for text in prompts if text[:80].encode() in kept]
    assert str(sample_file.parent).encode() not in kept


def test_the_registered_policy_decides_as_the_replay_does(
    sent: tracking.SentStudy, tuned: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, policy = tuned.study.test.log, tuned.study.policy
    rows = np.flatnonzero(~log.error.any(axis=1))[:50]
    frame = {"request_id": log.requests.id[rows]}
    for model in policy.models_used:
        for signal in policy.signals_used:
            frame[f"{model}.{signal}"] = log.signals[signal][rows, log.column(model)]
    if log.requests.needs is not None:
        frame["needs"] = [list(it) or None for it in log.requests.needs[rows]]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own, on import
        import mlflow
        import pandas as pd

        monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        loaded = mlflow.pyfunc.load_model("models:/sample@challenger")
        decided = loaded.predict(pd.DataFrame(frame))

    expected = [
        decide(policy, log, int(row), catalogue=tuned.study.catalogue, seed=tuned.study.test.seed)
        for row in rows
    ]
    assert len(expected) == 50
    assert len({it.models for it in expected}) > 1
    assert [tuple(it) for it in decided["calls"]] == [it.models for it in expected]
    assert list(decided["answer"]) == [it.answer.model for it in expected]
    assert list(decided["request_id"]) == [it.request_id for it in expected]


def test_the_registered_policy_needs_only_the_base_install(
    kept: Path, sent: tracking.SentStudy
) -> None:
    lines = (kept.parents[1] / "requirements.txt").read_text().split()
    assert [it for it in lines if not it.startswith("mlflow==")] == [
        f"routelab=={routelab.__version__}"
    ]


def test_promote_moves_the_champion_and_fetch_writes_the_same_policy(
    sent: tracking.SentStudy, tuned: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tuned.study.verdict.word == "ship"
    assert main(["registry", "promote", "sample", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == "1"
    assert main(["registry", "list", "sample", "--json"]) == 0
    [listed] = json.loads(capsys.readouterr().out)
    assert listed["aliases"] == ["challenger", "champion"]
    assert listed["verdict"] == "ship"
    assert listed["gain"] == pytest.approx(tuned.study.figures.gain_vs_zero_router, abs=1e-6)
    assert main(["registry", "list"]) == 0
    assert "@champion" in capsys.readouterr().out

    out = tmp_path / "back.policy"
    assert main(["registry", "fetch", "sample@champion", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policy_sha256"] == load(tuned.policy).digest
    for path in tuned.policy.iterdir():
        assert (out / path.name).read_bytes() == path.read_bytes()


def a_study(policy: Path, study: Path, **changes: Any) -> Path:
    """A study of another policy, with little to send."""
    loaded = load(policy)
    document = msgspec.structs.replace(loaded.document, name="again")
    written = write(study.with_name("again.policy"), document, "again")
    summary = json.loads((policy.with_name("sample.study") / "study.json").read_text())
    study.mkdir(exist_ok=True)
    shutil.copy(policy.with_name("sample.study") / "trials.parquet", study)
    summary |= {"front": [], "policy_digest": written.digest, **changes}
    (study / "study.json").write_text(json.dumps(summary))
    return study


def test_only_ship_makes_a_challenger_and_any_version_may_be_promoted(
    tracked: Server, tuned: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")
    study = tmp_path / "again.study"
    tracking.send(a_study(tuned.policy, study, verdict="not proven"))
    with pytest.raises(TrackingError, match="has no @challenger"):
        tracking.promote("again")
    assert tracking.promote("again", "1").previous is None
    tracking.send(a_study(tuned.policy, study, verdict="ship"))
    assert tracking.promote("again") == ("again", "2", "1")
    assert tracking.promote("again", "1") == ("again", "1", "2")
    listed = [(it.version, it.verdict, it.aliases) for it in tracking.versions("again")]
    assert listed == [("2", "ship", ("challenger",)), ("1", "not proven", ("champion",))]
    assert {it.name for it in tracking.versions()} >= {"again"}


@pytest.mark.parametrize("name", ["golden.jsonl", "weights.safetensors", "card.md"])
def test_fetch_refuses_a_policy_that_was_changed_in_the_store(
    kept: Path, tmp_path: Path, name: str
) -> None:
    (kept / name).write_bytes((kept / name).read_bytes() + b" ")
    with pytest.raises(PolicyFileError, match="SHA-256"):
        tracking.fetch("sample", tmp_path / "back.policy", version="1")
    assert not (tmp_path / "back.policy").exists()


def test_fetch_refuses_a_policy_that_was_exchanged_in_the_store(kept: Path, tmp_path: Path) -> None:
    main_file = kept / "policy.json"
    main_file.write_text(main_file.read_text().replace('"seed": 0', '"seed": 1', 1))
    with pytest.raises(TrackingError, match="was registered"):
        tracking.fetch("sample", tmp_path / "back.policy", version="1")
    assert not (tmp_path / "back.policy").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["promote", "nobody"], "no registered policy 'nobody'"),
        (["promote", "sample", "--version", "9"], "has no version 9; it has 1"),
        (["fetch", "sample@nobody", "--out", "x.policy"], "has no alias @nobody"),
        (["fetch", "sample@champion", "--version", "1", "--out", "x.policy"], "not both"),
    ],
)
def test_the_registry_names_what_it_has(
    sent: tracking.SentStudy,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["registry", *arguments]) == 2
    assert told in capsys.readouterr().err
