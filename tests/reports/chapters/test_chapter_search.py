"""The chapters on the user's bounds and on the search."""

from __future__ import annotations

import copy
import json

import pytest

from routelab.reports import render
from routelab.tuning import Bounds, Floor, Options, tune
from routelab.tuning.study.export import as_json


@pytest.fixture(scope="module")
def data(sample_log):
    floors = (Floor("task", 0.12),)
    bounds = Bounds(max_usd_per_1k=3.0, max_p95_s=8.0, floors=floors)
    study = tune(sample_log, Options(name="x", trials=60, bounds=bounds, policy="cascade"))
    return json.loads(json.dumps(as_json(study)))


def test_every_bound_is_told_with_both_parts_and_whether_it_holds(data):
    text = render(data).markdown.decode()
    chapter = text[text.index("## Bounds") : text.index("## Thresholds")]
    assert len(data["bounds"]) > 5
    for it in data["bounds"]:
        name = it["bound"]
        label = {"cost": "Cost, USD", "latency_p95": "P95 latency"}.get(name, f"Loss of {name}")
        (line,) = [line for line in chapter.splitlines() if label in line]
        assert ("| met" in line or "**met" in line) == it["met"]
        assert ("missed" in line) == (not it["met"])
        assert f"{it['n_requests']:,}" in line
        settled = not it["test_ci"][0] <= it["limit"] <= it["test_ci"][1]
        assert ("not settled" in line) == (not settled)


def test_the_search_is_drawn_and_told(data):
    report = render(data)
    text, page = report.markdown.decode(), report.html.decode()
    first, last = data["search"]["hypervolume"][0], data["search"]["hypervolume"][-1]
    assert f"{first['hypervolume']:.4%} before the first trial" in text
    assert f"{last['hypervolume']:.4%} after 60" in text
    assert "Which parameters mattered" in page
    assert sum(data["search"]["importance"].values()) == pytest.approx(1.0, abs=1e-4)
    marks = [it["hypervolume"] for it in data["search"]["hypervolume"]]
    assert marks == sorted(marks)


def test_without_bounds_or_a_search_there_is_no_such_chapter(data):
    bare = copy.deepcopy(data) | {"bounds": [], "search": None}
    text = render(bare).markdown.decode()
    assert "## Bounds" not in text
    assert "## The search" not in text


def test_a_search_of_few_trials_tells_no_importance(sample_log):
    told = as_json(tune(sample_log, Options(name="x", trials=10, policy="cascade")))["search"]
    assert told["importance"] is None
    assert [it["trials"] for it in told["hypervolume"]] == list(range(11))
