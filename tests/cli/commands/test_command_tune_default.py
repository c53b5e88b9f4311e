"""`routelab tune LOG` without options: what is tried, said and exported, on logs good and odd."""

from __future__ import annotations

import csv
import random

import pytest
from cli_world import run_once

QUIET = ("--no-tracking", "--no-report")


def log_file(path, n, *, quality, cost=(0.0001, 0.002), tasks=2, prompts=True, seed=0):
    """A CSV of two models; `quality` is a function of task, model and a random number."""
    rng = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["request_id", "model", "task", "prompt", "quality", "cost_usd"])
        for row in range(n):
            task = f"t{row % tasks}"
            for at, model in enumerate(("small", "large")):
                prompt = f"question {row} about {task}" if prompts else ""
                out.writerow(
                    [f"r{row}", model, task, prompt, quality(task, model, rng.random()), cost[at]]
                )
    return path


def specialists(task, model, luck):
    """The small model is as good on one task, and of no use on the other."""
    return float(luck < (0.9 if task == "t0" or model == "large" else 0.2))


@pytest.fixture(scope="module")
def routable(tmp_path_factory):
    return log_file(tmp_path_factory.mktemp("logs") / "log.csv", 800, quality=specialists)


@pytest.fixture(scope="module")
def told(routable, tmp_path_factory):
    """What the command says of that log, and the folder that it said it in."""
    folder = tmp_path_factory.mktemp("told")
    return run_once(folder, "tune", routable, *QUIET, "--out", "x.policy"), folder


def test_a_model_for_each_task_is_exported_where_nothing_more_is_worth_it(told):
    done, _ = told
    words = " ".join(done.out.split())
    assert "exported: task-mean" in words
    assert "verdict: ship" in words
    assert "default: least cost at 98% of the best model's quality" in words
    assert "knee" in words
    told = " ".join(done.err.split())
    assert "task-mean: quality" in told
    assert "s left)" in told
    assert "tried task-mean, cascade" in told
    assert "of 60" in told


def test_the_same_seed_gives_the_same_bytes_and_says_what_was_tried(run, routable, tmp_path, told):
    data = run.ok("tune", routable, *QUIET, "--json", "--out", "x.policy").data
    for name in ("x.policy/policy.json", "x.study/study.json"):
        assert (told[1] / name).read_bytes() == (tmp_path / name).read_bytes()
    assert data["cut_short"] == []
    assert data["plan"]["kinds"][:2] == ["task-mean", "cascade"]
    assert [it["kind"] for it in data["tried"] if it["exported"]] == [data["kind"]]
    assert {it["kind"] for it in data["tried"]} == {it["kind"] for it in data["kinds"]}
    assert data["operating_points"][0]["name"] == "least-cost"
    assert data["bounds"] == []


def test_a_point_and_a_kind_can_be_asked_for(run, routable):
    data = run.ok(
        "tune", routable, *QUIET, "--json", "--policy", "task-mean", "--point", "knee"
    ).data
    assert (data["kind"], data["operating_points"][0]["name"]) == ("task-mean", "knee")
    assert "tried" not in data
    says = run.refused("tune", routable, "--point", "middle", "--budget", 0)
    assert "--point middle: choose least-cost, most-quality, knee" in says
    assert "--budget is 0.0; it must be positive" in says


ODD = {
    "all equal": {"n": 200, "quality": lambda *_: 0.5},
    "all right": {"n": 200, "quality": lambda *_: 1.0},
    "all wrong": {"n": 200, "quality": lambda *_: 0.0},
    "one always right": {"n": 200, "quality": lambda task, model, luck: float(model == "large")},
    "the cheap one is best": {"n": 200, "quality": lambda _, model, luck: float(model == "small")},
    "equal prices": {"n": 200, "quality": specialists, "cost": (0.001, 0.001)},
    "free": {"n": 200, "quality": specialists, "cost": (0.0, 0.0)},
    "one very dear": {"n": 200, "quality": specialists, "cost": (1e-6, 40.0)},
    "one task": {"n": 200, "quality": specialists, "tasks": 1},
    "a task each": {"n": 200, "quality": specialists, "tasks": 200},
    "no prompts": {"n": 200, "quality": specialists, "prompts": False},
    "thirty requests": {"n": 30, "quality": specialists},
}  # fmt: skip


STRANGE = ("a task each", "no prompts", "thirty requests")
"""Of which the account of what can be learned has little to go by."""


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *((name, () if name in STRANGE else ("--no-account",)) for name in ODD),
        *(pytest.param(it, (), marks=pytest.mark.slow) for it in ODD if it not in STRANGE),
    ],
)
def test_an_odd_log_gets_a_clear_verdict(run, tmp_path, name, options):
    log = log_file(tmp_path / "log.csv", **ODD[name])
    done = run.ok("tune", log, *QUIET, *options, "--json")
    assert "Traceback" not in done.err
    assert done.data["verdict"] in ("ship", "not proven", "do not route")
    flat = name in ("all equal", "all right", "all wrong", "the cheap one is best")
    if flat or name == "one always right":
        assert done.data["verdict"] == "do not route"
        assert done.data["test"]["gain_vs_zero_router"] == pytest.approx(0, abs=1e-9)
    if flat:
        assert done.data["test"]["model_share"] == {"small": 1.0, "large": 0.0}


def test_two_requests_and_one_model_are_refused_with_the_reason(run, tmp_path):
    few = log_file(tmp_path / "few.csv", 2, quality=specialists)
    assert "too few requests for a study" in run.refused("tune", few, *QUIET)
    lines = few.read_text(encoding="utf-8").splitlines()
    alone = tmp_path / "alone.csv"
    alone.write_text("\n".join(it for it in lines if ",large," not in it), encoding="utf-8")
    assert "routing needs the answers of two models or more" in run.refused("tune", alone, *QUIET)
