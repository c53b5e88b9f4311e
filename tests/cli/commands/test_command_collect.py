"""`routelab collect`: from a file of prompts to a log, over HTTP, stopped and gone on with."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from endpoint_world import Endpoint, catalogue_at, few_requests, served

import routelab
from routelab.core.catalogue import catalogue_file

MODELS = ("small-8b", "medium-70b", "large")
N = 30


@pytest.fixture
def there(tmp_path, run):
    """An endpoint that fails one call in ten, and a catalogue that names it."""
    log, source = few_requests(tmp_path, N)
    endpoint = Endpoint(log, {"500": 0.05, "429": 0.05})
    with served(endpoint) as url:
        catalogue = catalogue_at(url, MODELS)
        rules = "\n[engine.retry]\nmost = 8\nbase_s = 0.02\nmax_s = 0.1\nshare = 1.0\n"
        text = catalogue_file.text(catalogue.models) + rules
        (tmp_path / "models.toml").write_text(text, encoding="utf-8")
        yield run, source, endpoint, log


def given(source, *more, out="mine.collection"):
    return ("collect", source, "--catalogue", "models.toml", "--out", out, "--json",
            "--signal", "column:confidence", *more)  # fmt: skip


def test_a_log_is_collected_and_is_the_one_that_was_served(there, tmp_path):
    run, source, endpoint, log = there
    plan = run.ok(*given(source, "--dry-run")).data
    assert endpoint.asked == []
    assert not (tmp_path / "mine.collection").exists()
    assert [it["calls"] for it in plan["arms"]] == [N] * 3
    part = run(*given(source, "--max-usd", "1", "--requests", "10"))
    assert (part.status, part.data["done"], part.data["left"]) == (0, 30, 0)
    done = run.ok(*given(source, "--max-usd", "1"))
    assert (done.data["done"], done.data["left"], done.data["stopped"]) == (3 * N, 0, "")
    assert "the log is mine.collection/log.parquet" in done.err
    assert len(endpoint.bills) == 3 * N
    assert done.data["spent_usd"] == pytest.approx(sum(map(sum, endpoint.bills.values())))
    found = routelab.read("mine.collection", graded=False)
    at = [list(found.requests.id).index(it) for it in log.requests.id]
    for model in MODELS:
        ours, theirs = found.column(model), log.column(model)
        assert found.cost_usd[at, ours] == pytest.approx(log.cost_usd[:, theirs])
        rows = np.arange(N)
        assert found.texts.responses(np.array(at), model) == log.texts.responses(rows, model)
    assert found.signals["confidence"].shape == (N, 3)
    again = run.ok(*given(source, "--max-usd", "1")).data
    assert again["spent_usd"] == pytest.approx(done.data["spent_usd"])
    assert sum(map(len, endpoint.bills.values())) == 3 * N


def test_money_that_runs_out_is_told_and_status_1(there):
    run, source, _, _ = there
    done = run(*given(source, "--max-usd", "0.02", "--at-once", "2"))
    assert done.status == 1
    assert 0.0 < done.data["spent_usd"] <= 0.02
    assert "--max-usd leaves no room for another answer" in done.err
    assert "run the same command again" in done.err


def test_other_arguments_are_refused_with_the_way_out(there, tmp_path):
    run, source, _, _ = there
    run.ok(*given(source, "--max-usd", "1", "--requests", "2"))
    said = run.refused(*given(source, "--max-usd", "1", "--max-tokens", "9", "--seed", "4"))
    assert "body: max_tokens was 1024, and is 9" in said
    assert "another --out" in said
    other = shutil.copy(source, tmp_path / "other.parquet")
    log = routelab.read(other).take(np.arange(5))
    routelab.logs.write(log, other)
    assert "prompts: other.parquet has 5" in run.refused(*given(other, "--max-usd", "1"))


def test_what_cannot_begin_is_refused_before_anything_is_asked(there, tmp_path):
    run, source, endpoint, _ = there
    assert "--max-usd is not given" in run.refused(*given(source))
    assert "end the name in .collection" in run.refused(
        *given(source, "--max-usd", "1", out="mine")
    )
    said = run.refused(*given(source, "--max-usd", "1", "--models", "smol"))
    assert "'smol'" in said
    (tmp_path / "bad.jsonl").write_text(json.dumps({"question": "x"}) + "\n", encoding="utf-8")
    said = run.refused(*given("bad.jsonl", "--max-usd", "1"))
    assert "bad.jsonl: line 1: has no prompt" in said
    assert "--column prompt=COLUMN" in said
    said = run.refused(*given(source, "--max-usd", "1", "--field", "effort=low"))
    assert "is no JSON" in said
    assert endpoint.asked == []


def test_tables_for_people(there):
    run, source, _, _ = there
    arguments = [it for it in given(source, "--requests", "3") if it != "--json"]
    assert "tokens out" in run.ok(*arguments, "--dry-run").out
    done = run.ok(*arguments, "--max-usd", "1")
    assert "3 answered" in done.out
