"""Collected under kills, graded, linted and tuned on: the policy is that of the log behind it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from endpoint_world import Endpoint, Killed, catalogue_at, few_requests, served

import routelab
from routelab.collect import CollectOptions
from routelab.core.catalogue import catalogue_file
from routelab.logs.write import write
from routelab.policy_file import load

MODELS = ("small-8b", "medium-70b", "large")
SIGNALS = ("column:confidence", "column:verbosity")
FAULTS = {"500": 0.04, "429": 0.03, "cut": 0.03}
GRADER = """import json

def known(answer, references, columns):
    return json.loads(columns["worth"])[answer]
"""


def prompts_of(log, path):
    """The requests of a log as a file of prompts, each with what the log knows of its answers."""
    rows = np.arange(len(log))
    worth: list[dict[str, float]] = [{} for _ in rows]
    for at, model in enumerate(log.models):
        for row, said in enumerate(log.texts.responses(rows, model)):
            if not log.error[row, at]:
                assert worth[row].setdefault(said, log.quality[row, at]) == log.quality[row, at]
    asked = log.requests
    columns = {
        "request_id": asked.id,
        "prompt": [it[-1]["content"] for it in log.texts.messages(rows)],
        "task": asked.task,
        "tenant": asked.tenant,
        "priority": asked.priority,
        "timestamp": asked.timestamp_s,
        "worth": [*map(json.dumps, worth)],
    }
    pq.write_table(pa.table({name: pa.array([*it]) for name, it in columns.items()}), path)
    return path


def collected(run, tmp_path, log, whole):
    """A collection of a log's answers, killed twice and gone on with; how the last run ended."""
    out, source = tmp_path / "mine.collection", prompts_of(log, tmp_path / "prompts.parquet")
    endpoint = Endpoint(whole, FAULTS, latency_scale=0.02)  # none is faster than can be
    with served(endpoint) as url:
        catalogue = catalogue_at(url, MODELS)
        models = catalogue_file.text(catalogue.models) + "\n[engine.retry]\nmost = 8\n" \
            "base_s = 0.02\nmax_s = 0.1\nshare = 1.0\nburst = 1000\n[engine.breaker]\n" \
            "failure_rate = 1.0\nopen_s = 0.1\n"  # fmt: skip
        (tmp_path / "models.toml").write_text(models, encoding="utf-8")
        options = CollectOptions(max_usd=50.0, signals=SIGNALS)
        runs = Killed(source, out, catalogue, options)
        for _ in range(2):
            assert runs.run(out, 200 * len(log)), "it ended before it was killed"
        signals = [word for it in SIGNALS for word in ("--signal", it)]
        return run("collect", source, "--catalogue", "models.toml", "--out", out.name,
                   "--max-usd", 50, *signals, "--json"), endpoint  # fmt: skip


def tuned(run, log):
    """The policy that `tune` exports, and what it says."""
    told = run("tune", log, "--policy", "cascade", "--trials", 5, "--no-tracking", "--no-report",
               "--json", "--out", "x.policy", "--replace")  # fmt: skip
    return load("x.policy"), told.data


def without_times(value: Any) -> Any:
    """Figures without latencies, which are those of this machine, and names of files."""
    names = ("policy", "latency_p50_s", "latency_p95_s", "latency_s")
    if isinstance(value, Mapping):
        return {name: without_times(it) for name, it in value.items() if name not in names}
    return [*map(without_times, value)] if isinstance(value, list) else value


def check(run, tmp_path, n):
    whole, _ = few_requests(tmp_path, n)
    log = whole.only(MODELS)
    behind = write(log, tmp_path / "behind.parquet")
    done, endpoint = collected(run, tmp_path, log, whole)
    broken = sum(model in MODELS for _, model in endpoint.broken)
    assert (done.status, done.data["done"], done.data["left"]) == (int(broken > 0), 3 * n, 0)
    assert "calls were under way when an earlier run ended" in done.err
    graded = run.ok("grade", "mine.collection", "--grader", "function:log_grades:known",
                    "--out", "graded.parquet", "--json").data  # fmt: skip
    assert graded["problems"] == []
    found = routelab.read("graded.parquet")
    for mine, theirs in ((found, log), (found.requests, log.requests)):
        for name in ("quality", "cost_usd", "error") if mine is found else ("id", "timestamp_s"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), name)
    for it in ("graded.parquet", behind):
        assert run.ok("lint", it, "--json").data["findings"] == []
    policy, told = tuned(run, "graded.parquet")
    right, expected = tuned(run, behind)
    assert policy.policy == right.policy
    for name in ("test", "baselines", "front", "verdict"):
        assert without_times(told[name]) == without_times(expected[name]), name


@pytest.fixture
def graded_by_log(tmp_path, monkeypatch):
    """A grader `log_grades:known` that says what the log says."""
    (tmp_path / "log_grades.py").write_text(GRADER, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    sys.modules.pop("log_grades", None)


@pytest.mark.usefixtures("graded_by_log")
def test_a_policy_of_collected_answers_is_that_of_the_log_behind_them(run, tmp_path):
    check(run, tmp_path, 100)


@pytest.mark.slow
@pytest.mark.usefixtures("graded_by_log")
def test_a_policy_of_five_hundred_collected_requests_is_that_of_the_log(run, tmp_path):
    check(run, tmp_path, 500)
