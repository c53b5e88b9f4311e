"""Collected under kills, graded, linted and tuned on: the policy is that of the log behind it."""

from __future__ import annotations

import json

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
    """The requests of a log, each with what it knows of its answers, which is no model's column."""
    rows = np.arange(len(log))
    worth = [dict[str, float]() for _ in rows]
    for at, model in enumerate(log.models):
        for row, said in enumerate(log.texts.responses(rows, model)):
            assert worth[row].setdefault(said, log.quality[row, at]) == log.quality[row, at]
    columns = {
        "request_id": log.requests.id, "prompt": [it[-1]["content"] for it in log.texts.messages(rows)],
        "task": log.requests.task, "tenant": log.requests.tenant, "priority": log.requests.priority,
        "timestamp": log.requests.timestamp_s, "worth": [*map(json.dumps, worth)],
    }  # fmt: skip
    pq.write_table(pa.table({name: pa.array([*it]) for name, it in columns.items()}), path)
    return path


def tuned(run, log, policy):
    """What `tune` exports and says of it."""
    told = run("tune", log, "--policy", "cascade", "--trials", 5, "--no-tracking", "--no-report",
               "--json", "--out", policy)  # fmt: skip
    assert told.out, told.err
    return load(policy), told.data


def check_same_policy(run, tmp_path, n):
    whole, _ = few_requests(tmp_path, n)
    log = whole.only(MODELS)
    served_from, out = write(log, tmp_path / "served.parquet"), tmp_path / "mine.collection"
    source = prompts_of(log, tmp_path / "prompts.parquet")
    (tmp_path / "log_grades.py").write_text(GRADER, encoding="utf-8")
    endpoint = Endpoint(whole, FAULTS)
    with served(endpoint) as url:
        catalogue = catalogue_at(url, MODELS)
        catalogue_file.write(catalogue, tmp_path / "models.toml") if hasattr(catalogue_file, "write") else (tmp_path / "models.toml").write_text(catalogue_file.text(catalogue.models))
        options = CollectOptions(max_usd=50.0, signals=SIGNALS)
        runs = Killed(source, out, catalogue, options)
        assert runs.run(out, 120 * n)
        assert runs.run(out, 240 * n)
        print(len(endpoint.asked), endpoint.bills.__len__())
        done = run.ok("collect", source, "--catalogue", "models.toml", "--out", out, "--json",
                      "--max-usd", 50, *(it for name in SIGNALS for it in ("--signal", name)))  # fmt: skip
        print(done.err, done.data)
    graded = run("grade", out, "--grader", "function:log_grades:known", "--out", "graded.parquet", "--json")
    print(graded.err, graded.out)
    found = routelab.read("graded.parquet")
    print(found.models, log.models, found.specs, log.specs, (found.requests.id == log.requests.id).all())
    for l in ("graded.parquet", "served.parquet"):
        x = run("lint", l, "--json"); print(x.status, x.out[:3000], x.err)
    p, a = tuned(run, "graded.parquet", "graded.policy")
    q, b = tuned(run, "served.parquet", "served.policy")
    print(p, q, sep="\n")
    for k in a:
        if a[k] != b.get(k): print(k, str(a[k])[:600], str(b.get(k))[:600], sep="\n   ")
    assert p.policy == q.policy


def test_it(run, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    check_same_policy(run, tmp_path, 200)
