"""Studies in a database of the working directory: what a table shows, races, odd names."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tracking_world import copied

from routelab import tracking
from routelab.cli import main
from routelab.tracking import database, names
from routelab.tracking import store as place
from routelab.tracking.points import LIMIT

ASK = "import sys; from routelab.cli import main; sys.exit(main(sys.argv[1:]))"

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, where these tests look


@pytest.fixture(name="odd", scope="module")
def recorded_in_an_odd_folder(
    tuned: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Any]:
    """A study of an odd name, recorded from a folder of an odd name, and a client of its store."""
    folder = tmp_path_factory.mktemp("x") / "50% #1 [a]?;'"
    folder.mkdir()
    policy = copied(tuned.policy, folder)
    policy.rename(folder / "a#b.policy")
    (folder / "sample.study").rename(folder / "a#b.study")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # A name of its own: MLflow keeps what it opened by this name for the whole process,
        # whatever the folder.
        patch.setenv("MLFLOW_TRACKING_URI", "sqlite:///odd.db")
        assert main(["track", "sync", "a#b.study"]) == 0
        import mlflow

        yield folder, mlflow.MlflowClient("sqlite:///odd.db")


def runs_of(client: Any) -> tuple[Any, list[Any]]:
    experiment = client.get_experiment_by_name("routelab")
    found = client.search_runs([experiment.experiment_id])
    [parent] = [it for it in found if "mlflow.parentRunId" not in it.data.tags]
    return parent, [it for it in found if it is not parent]


def test_a_table_of_runs_says_which_study_is_worth_it(odd: Any, tuned: Any) -> None:
    client, study = odd[1], tuned.study
    experiment = client.get_experiment_by_name("routelab")
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    parent, children = runs_of(client)
    assert parent.info.run_name == "sample cascade seed 0"
    assert parent.data.tags["verdict"] == study.verdict.word
    measured, figures = parent.data.metrics, study.figures
    assert measured["gain_points"] == pytest.approx(100 * figures.gain_vs_zero_router)
    ends = measured["gain_points_low"], measured["gain_points_high"]
    assert ends == pytest.approx(tuple(100 * it for it in figures.gain_ci))
    assert (measured["quality"], measured["usd_per_1k"]) == (figures.quality, figures.usd_per_1k)
    best = max(figures.baselines[:5], key=lambda it: it.quality)
    assert measured["cost_saved_share"] == pytest.approx(1 - figures.usd_per_1k / best.usd_per_1k)
    assert measured["quality_share"] == pytest.approx(figures.quality / best.quality)
    for it in figures.baselines:
        name = f"baseline/{it.name.replace(':', ' ')}"
        assert measured[f"{name}/quality"] == it.quality
        assert measured[f"{name}/usd_per_1k"] == it.usd_per_1k
    assert 1 < len(children) <= LIMIT == 10
    shown = [
        it for it in children if "exported" in it.data.tags.get("routelab.operating_point", "")
    ]
    assert [it.data.metrics["gain_points"] for it in shown] == [measured["gain_points"]]


def test_files_are_where_the_store_says_whatever_the_names(odd: Any, tmp_path: Path) -> None:
    folder, client = odd
    parent, _ = runs_of(client)
    assert {it.name for it in folder.iterdir()} == {
        "a#b.policy", "a#b.study", "odd.db", "mlruns"
    }  # fmt: skip
    listed = {it.path for it in client.list_artifacts(parent.info.run_id, "policy")}
    assert "policy/policy.json" in listed
    assert list((folder / "mlruns").rglob("study.json"))
    assert not list(folder.parent.glob("50 *"))


def test_a_registered_policy_comes_back(odd: Any, tmp_path: Path) -> None:
    [version] = tracking.versions()
    assert main(["registry", "fetch", version.name, "--version", "1", "--out", "f.policy"]) == 0
    assert Path("f.policy/policy.json").read_bytes() == Path("a#b.policy/policy.json").read_bytes()
    shutil.rmtree("f.policy")


def test_a_study_that_is_not_waited_for_is_recorded_in_the_background(
    few_file: Path, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("ROUTELAB_TRACKING_WAIT_S", "0")
    asked = ["tune", str(few_file), "--trials", "3", "--out", "a.policy", "--no-report"]
    asked += ["--policy", "cascade"]
    assert main(asked) == 0
    assert "goes on in the background (routelab track sync a.study" in capsys.readouterr().err
    assert main(["track", "sync", "a.study", "--json"]) == 0
    [found] = json.loads(capsys.readouterr().out)
    assert found["state"] == "already recorded"
    assert found["version"] == "1"
    assert tracking.waiting(Path()) == []
    monkeypatch.setenv("ROUTELAB_TRACKING_WAIT_S", "soon")
    assert main(asked) == 0
    assert "ROUTELAB_TRACKING_WAIT_S is 'soon'" in capsys.readouterr().err


@pytest.mark.slow
def test_studies_recorded_together_in_a_new_folder_are_all_there(
    tuned: Any, tmp_path: Path
) -> None:
    copied(tuned.policy, tmp_path)
    for name in ("b", "c"):
        shutil.copytree(tmp_path / "sample.study", tmp_path / f"{name}.study")
        shutil.copytree(tmp_path / "sample.policy", tmp_path / f"{name}.policy")
        kept = json.loads((tmp_path / f"{name}.study" / "study.json").read_text())
        (tmp_path / f"{name}.study" / "study.json").write_text(json.dumps({**kept, "at": name}))
    env = {name: it for name, it in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", ASK, "track", "sync", f"{name}.study", "--json"],
            cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for name in ("sample", "b", "c")
    ]  # fmt: skip
    told = [it.communicate() for it in started]
    assert [it.returncode for it in started] == [0, 0, 0], told
    assert {json.loads(out)[0]["state"] for out, _ in told} == {"recorded"}
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        [(n,)] = store.execute(
            "select count(*) from runs where run_uuid not in"
            " (select run_uuid from tags where key = 'mlflow.parentRunId')"
        )
    assert n == 3


def test_who_waits_for_a_record_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    with database.alone(tmp_path) as held:
        assert held
        waiting = threading.Thread(target=tracking.settle, args=(tmp_path, told.append))
        waiting.start()
        waiting.join(0.3)
        assert waiting.is_alive()
    waiting.join(10.0)
    assert not waiting.is_alive()
    (sentence,) = told
    assert "is recorded in MLflow, ten minutes at most" in sentence
    tracking.settle(tmp_path, told.append)
    assert len(told) == 1


def test_a_database_appears_whole_and_leftovers_go(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    database.ensure(path)
    assert [it.name for it in tmp_path.iterdir()] == ["mlflow.db"]
    before = path.read_bytes()
    database.ensure(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:////a/b.db", "/a/b.db"),
        ("sqlite+pysqlite:///x.db", "x.db"),
        ("sqlite:///x.db?timeout=9", "x.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("http://127.0.0.1:5000", None),
        ("postgresql://me@db/x", None),
    ],
)
def test_which_stores_are_files(uri: str, file: str | None) -> None:
    assert database.file_of(uri) == (None if file is None else Path(file))


def test_every_working_directory_of_a_process_has_a_store_of_its_own(
    tuned: Any, tmp_path: Path, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("MLFLOW_REGISTRY_URI", raising=False)
    folders = [tmp_path / name for name in ("plain", "100% a?b c#d;e", "plain")]
    for at, folder in enumerate(folders):
        folder.mkdir(exist_ok=True)
        monkeypatch.chdir(folder)
        if at < 2:
            copied(tuned.policy, folder)
            assert tracking.versions() == []
        assert main(["track", "sync", "sample.study", "--json"]) == 0
        [said] = json.loads(capsys.readouterr().out)
        assert (said["state"], said["version"]) == (
            "already recorded" if at == 2 else "recorded",
            "1",
        )
        [version] = tracking.versions()
        assert main(["registry", "fetch", version.name, "--version", "1", "--out", "f.policy"]) == 0
        assert Path("f.policy/policy.json").is_file()
        shutil.rmtree("f.policy")
        capsys.readouterr()
    assert {it.name for it in tmp_path.iterdir()} == {it.name for it in folders}
    for folder in folders:
        with sqlite3.connect(folder / "mlflow.db") as store:
            [(n,)] = store.execute("select count(*) from model_versions")
        assert n == 1


def test_an_address_is_shown_as_it_was_given(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mine.db")
    with place.connected():
        assert tracking.shown_uri() == "sqlite:///mine.db"
        assert os.environ["MLFLOW_TRACKING_URI"] == f"sqlite:///{tmp_path}/mine.db"
    assert os.environ["MLFLOW_TRACKING_URI"] == "sqlite:///mine.db"
    assert "MLFLOW_REGISTRY_URI" not in os.environ
    assert [it.name for it in tmp_path.iterdir()] == ["mine.db"]


TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=250)


@given(TEXT, TEXT)
def test_no_two_policies_share_a_registered_name(one: str, other: str) -> None:
    if one != other:
        assert names.registered(one) != names.registered(other)
    assert len(names.registered(one)) <= 200


@pytest.mark.parametrize(
    ("one", "other"), [("a:b", "a-b"), ("a?b", "a#b"), (".a", "a"), ("/", "-")]
)
def test_names_that_clean_to_the_same_stay_apart(one: str, other: str) -> None:
    assert names.plain(one) == names.plain(other)
    assert names.registered(one) != names.registered(other)
