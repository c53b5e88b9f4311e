"""A search goes on from what is kept of it, and ends where it would have ended."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import optuna
import pytest
from tuning_world import random_log, whole

from routelab.cli import main
from routelab.errors import TuningError
from routelab.policies import Fixed
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.kinds.cascade_space import Cascades
from routelab.tuning.objectives.feasibility import demands
from routelab.tuning.options import SAMPLERS
from routelab.tuning.search.parallel import search
from routelab.tuning.search.trial_loop import Plan, run_trials
from routelab.tuning.search.trial_store import StorageLocation, TrialStore, open_storage
from routelab.tuning.study import inputs
from routelab.tuning.study.export import as_json, save

LOG = random_log(300, 3, seed=4)
STORAGES = ("{}/trials.log", "sqlite:///{}/trials.db")


class Stopped(Exception):  # noqa: N818  (a kill, not an error)
    """As if the process had been killed."""


class Counted(Cascades):
    """Counts what is measured, and stops before one measurement more than allowed."""

    allowed = 10**9
    measured = 0

    def measure(self, params):
        if self.measured >= self.allowed:
            raise Stopped
        object.__setattr__(self, "measured", self.measured + 1)
        return super().measure(params)


def task_of(allowed=10**9):
    on = whole(LOG)
    wanted = demands(Bounds(min_quality=0.7), on, Fixed("large"), 0.9)
    task = Counted(on, inputs.thresholds(LOG, ["confidence"]), wanted)
    object.__setattr__(task, "allowed", allowed)
    return task


def location(tmp_path, form=STORAGES[0], **about):
    return StorageLocation(form.format(tmp_path), "x", about)


@pytest.mark.parametrize("form", STORAGES)
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, form, sampler):
    plan = Plan(62, seed=3, sampler=sampler)
    whole_run, _ = run_trials(task_of(), plan)
    for allowed in (0, 21, 31):
        with pytest.raises(Stopped):
            search(task_of(allowed), plan, location(tmp_path, form))
    task = task_of()
    found = search(task, plan, location(tmp_path, form))
    assert found.trials == whole_run
    assert found.resumed == 52
    assert task.measured == 62 - 52


@pytest.mark.parametrize("form", STORAGES)
def test_optuna_reads_what_is_kept(tmp_path, form):
    found = search(task_of(), Plan(8), location(tmp_path, form))
    stored = optuna.load_study(study_name="x", storage=open_storage(form.format(tmp_path)))
    assert [tuple(it.values) for it in stored.trials] == [it.outcome.values for it in found.trials]
    assert [it.params for it in stored.trials] == [it.params for it in found.trials]
    assert [it.constraints for it in stored.trials] == [it.outcome.excess for it in found.trials]
    assert [d.name for d in stored.directions] == ["MINIMIZE", "MAXIMIZE"]


def test_more_trials_go_on_from_fewer(tmp_path):
    search(task_of(), Plan(40), location(tmp_path))
    task = task_of()
    found = search(task, Plan(60), location(tmp_path))
    assert (found.resumed, task.measured) == (40, 20)
    assert found.trials == run_trials(task_of(), Plan(60))[0]


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_a_last_line_that_was_cut_off_loses_that_line_only(tmp_path, cut):
    kept = location(tmp_path)
    expected = search(task_of(), Plan(20), kept).trials
    path = Path(kept.storage)
    path.write_bytes(path.read_bytes()[:-cut])
    found = search(task_of(), Plan(20), kept)
    assert found.trials == expected
    assert found.resumed == 19
    assert search(task_of(0), Plan(20), kept).resumed == 20
    for line in path.read_bytes().splitlines():
        json.loads(line)


def test_a_first_line_that_was_cut_off_is_no_study(tmp_path):
    path = Path(location(tmp_path).storage)
    path.write_bytes(b'{"op_code":0,"worker')
    assert search(task_of(), Plan(5), location(tmp_path)).resumed == 0


def test_another_study_under_that_name_is_refused_with_what_differs(tmp_path):
    search(task_of(), Plan(5), location(tmp_path, log_sha256="abc", seed=0))
    with pytest.raises(TuningError) as refused:
        search(task_of(0), Plan(5), location(tmp_path, log_sha256="abd", seed=1))
    told = str(refused.value)
    assert "study 'x' there is another one; give another `storage`" in told
    assert "or `Options.name`, or `fresh=True` to replace it" in told
    assert "log_sha256 was abc, and is abd" in told
    assert "seed was 0, and is 1" in told
    fresh = location(tmp_path, log_sha256="abd", seed=1)._replace(fresh=True)
    assert search(task_of(), Plan(5), fresh).resumed == 0
    assert search(task_of(0), Plan(5), fresh._replace(fresh=False)).resumed == 5


def test_a_study_of_someone_else_is_refused(tmp_path):
    storage = open_storage(location(tmp_path).storage)
    other = optuna.create_study(storage=storage, study_name="x", directions=["minimize"] * 2)
    other.add_trial(optuna.trial.create_trial(values=[0.0, 0.0]))
    with pytest.raises(TuningError, match="not made by this version of routelab's search"):
        TrialStore(location(tmp_path), task_of().names)


def test_several_processes_find_what_one_finds(tmp_path):
    alone, _ = run_trials(task_of(), Plan(120))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = search(_plain_task(), Plan(120), location(tmp_path), processes=2)
    assert found.trials == alone
    stored = optuna.load_study(study_name="x", storage=open_storage(location(tmp_path).storage))
    assert {it.user_attrs["number"] for it in stored.trials} == set(range(120))


def test_helpers_that_die_change_nothing(tmp_path):
    """A copy of this task cannot be unpickled, so its helper ends at once."""
    with pytest.warns(UserWarning, match="a helper process of the search ended with exit code"):
        found = search(_Unportable(*vars(_plain_task()).values()), Plan(30), processes=2)
    assert found.trials == run_trials(task_of(), Plan(30))[0]


class _Unportable(Cascades):
    def __reduce__(self):
        return os._exit, (3,)


def _plain_task():
    task = task_of()
    return Cascades(task.comparison, task.thresholds, task.demands)


def options(storage, **more):
    values = {
        "name": "x",
        "policy": "cascade",
        "trials": 40,
        "bounds": Bounds(min_quality=0.6),
        **more,
    }
    return Options(storage=storage, **values)


def test_a_study_takes_up_its_trials_and_no_others(tmp_path):
    log, storage = random_log(800, 3, seed=5), f"{tmp_path}/t.log"
    first = tune(log, options(storage))
    again = tune(log, options(storage))
    assert (first.search.resumed, again.search.resumed) == (0, 40)
    assert as_json(first) == as_json(again)
    assert tune(log, options(None)).search.resumed == 0
    for other in ({"seed": 1}, {"sampler": "tpe"}, {"bounds": Bounds(min_quality=0.61)}):
        (key,) = other
        with pytest.raises(TuningError, match=rf"options\.{key} was .*, and is "):
            tune(log, options(storage, **other))
    with pytest.raises(TuningError, match="log_sha256 was"):
        tune(random_log(800, 3, seed=6), options(storage))
    assert tune(random_log(800, 3, seed=6), options(storage, fresh=True)).search.resumed == 0


COMMAND = """
import sys
from routelab.cli import main
sys.exit(main({arguments!r}))
"""


def arguments(log, folder, *more):
    return ["tune", str(log), "--policy", "cascade", "--trials", "160",
            "--min-quality-share", "0.95", "--out", f"{folder}/x.policy", "--no-tracking",
            "--no-report", "--json", *more]  # fmt: skip


def written(folder):
    files = [*(folder / "x.policy").iterdir(), *(folder / "x.study").iterdir()]
    return {path.name: path.read_bytes() for path in files}


@pytest.mark.slow
def test_a_study_killed_with_sigkill_ends_in_the_same_bytes(tmp_path, sample_file):
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    assert main(arguments(sample_file, tmp_path / "whole")) == 0
    journal = tmp_path / "trials.log"
    command = arguments(sample_file, tmp_path / "killed", "--storage", str(journal))
    again = [sys.executable, "-c", COMMAND.format(arguments=command)]
    moments = random.Random(11)
    reached = 0
    for _ in range(2):
        reached += moments.randint(10, 70)
        with subprocess.Popen(again, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as running:
            _wait(running, journal, reached)
            running.send_signal(signal.SIGKILL)
        assert not (tmp_path / "killed" / "x.policy").exists()
    done = subprocess.run(again, check=True, capture_output=True)
    assert reached - 10 <= json.loads(done.stdout)["resumed_trials"] < 160
    assert written(tmp_path / "killed") == written(tmp_path / "whole")


def _wait(running, journal, lines, timeout_s=60.0):
    """Until a journal has that many lines."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end and running.poll() is None:
        if journal.exists() and journal.read_bytes().count(b"\n") >= lines:
            return
        time.sleep(0.001)
    pytest.fail(f"no {lines} lines in time: {running.stderr.read().decode()[-2000:]}")


def test_saving_says_nothing_of_storage_or_processes(tmp_path):
    log = random_log(800, 3, seed=5)
    for name, more in (("a", {}), ("b", {"storage": f"{tmp_path}/t.log"})):
        save(
            tune(log, Options(name="x", policy="cascade", trials=20, **more)),
            tmp_path / name / "x.policy",
        )
    assert written(tmp_path / "a") == written(tmp_path / "b")


@pytest.mark.parametrize("storage", ["trials.log", "sqlite:///trials.db"])
def test_a_dashboard_is_told_what_came_of_the_trials(tmp_path, monkeypatch, few, storage):
    monkeypatch.chdir(tmp_path)
    asked = Options(
        name="told", policy="cascade", trials=8, storage=storage, bounds=Bounds(max_usd_per_1k=1.0)
    )
    for _ in range(2):  # resumed, it says the same
        study = tune(few, asked)
        stored = optuna.load_study(study_name="told", storage=open_storage(storage))
        told = stored.user_attrs
        assert stored.metric_names == ["usd_per_1k on tune", "quality on tune"]
        assert told["bounds"] == {"max_usd_per_1k": 1.0}
        assert told["verdict on test"] == study.verdict.word
        assert "tune part" in told["values are measured on"]
        assert all(it.user_attrs["measured on"] == "tune" for it in stored.trials)
        number = told["exported trial"]
        exported = [it.number for it in study.trials if it.policy == study.policy]
        if exported:
            assert stored.trials[number].user_attrs["number"] == exported[0]
            assert stored.trials[number].values[0] == study.points[0].point.score.usd_per_1k
        else:
            assert number is None
            assert "not one of these trials" in told["exported from"]
