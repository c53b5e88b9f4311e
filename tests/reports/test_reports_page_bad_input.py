"""Data that a report must survive: it says so in place and stays whole."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reports_world import Page, data_of

from routelab.errors import RoutelabError
from routelab.reports import render
from routelab.reports.blocks import Cell, TableBlock
from routelab.reports.plots.whiskers import WhiskerLine, whiskers_plot

NASTY = (
    "<script>alert(1)</script>",
    "a|b`c`*d*_e_ [x](javascript:1)",
    "$\\frac{1}{0}$ $unclosed",
    '" onload="alert(1)',
    "]]> --> </svg></style></title>",
    "x" * 300,
    "名前 🦜 \N{RIGHT-TO-LEFT OVERRIDE}abc\x00\x1b[31m",
)


DRAWN = {"figure", "h3", "svg", "defs", "g", "path", "text", "use", "clippath", "rect", "tspan",
         "figcaption"}  # fmt: skip


@pytest.fixture
def data(tuned_few) -> dict[str, Any]:
    return data_of(tuned_few.study)


def shown(data: dict[str, Any]) -> tuple[Page, str]:
    report = render(data)
    page = Page(report.html)
    assert page.whole
    return page, report.markdown.decode()


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The data with other names for models, tasks and signals, wherever they stand."""
    if isinstance(value, dict):
        models = {old: new for old, new in names.items() if old in ("small-8b", "frontier")}
        return {models.get(k, k): renamed(v, names) for k, v in value.items()}
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, str):
        head, colon, tail = value.rpartition("fixed:")
        return names.get(value, head + colon + names.get(tail, tail))
    return value


def test_names_are_escaped_everywhere(data):
    before = {tag for tag, _ in shown(data)[0].tags}
    tasks = [it for it in data["breakdown"]["slices"] if it["by"] == "task"]
    for it, name in zip(tasks, NASTY, strict=False):
        it["value"] = name
    nasty = dict(
        zip(("frontier", "small-8b", "confidence", "few", "few.parquet"), NASTY, strict=False)
    )
    data = renamed(data, nasty)
    data["notes"], data["reasons"] = list(NASTY), list(NASTY)
    page, text = shown(data)
    assert {tag for tag, _ in page.tags} <= before | {"ul", "li"}
    assert all(not attributes for attributes in page.named("script") if "id" not in attributes)
    assert not any(key.startswith("on") for _, attributes in page.tags for key in attributes)
    assert "<script" not in text
    assert not re.search(r"(?<!\\)\]\(", text)


@given(st.lists(st.text(min_size=1, max_size=40), min_size=1, max_size=5))
@settings(deadline=None)
def test_any_name_stays_a_name_in_a_table(names):
    table = TableBlock("It", ("Name", "Value"), [[Cell(name), Cell("1", 1.0)] for name in names])
    page = Page(str(table.html()).encode(errors="replace"))
    assert page.whole
    assert len(page.named("tr")) == 1 + len(names)
    lines = table.markdown().split("\n\n", 1)[1].splitlines()
    assert len(lines) == 2 + len(names)
    assert {len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines} == {3}
    assert "<" not in table.markdown()


@given(st.text(max_size=40))
@settings(deadline=None, max_examples=15)
def test_any_name_stays_a_name_in_a_plot(name):
    plot = whiskers_plot("k", "T", name, [WhiskerLine(name, 1.0, (0.5, 1.5))], ("a", "b"), "points")
    page = Page(str(plot.html()).encode(errors="replace"))
    assert page.whole
    assert {tag for tag, _ in page.tags} <= DRAWN


def test_latency_that_was_not_observed_says_so(data):
    data["breakdown"]["latency"] = None
    data["test"] |= {"latency_p50_s": None, "latency_p95_s": None}
    for point in data["operating_points"]:
        point["test"] |= {"latency_p50_s": None, "latency_p95_s": None}
    page, text = shown(data)
    assert "not observed" in page.text
    assert "Latency was not observed" in text
    assert not re.search(r"\bnan\b", page.text)


def test_thousands_of_tasks_are_cut_and_counted(data):
    slices = data["breakdown"]["slices"]
    one = next(it for it in slices if it["by"] == "task")
    data["breakdown"]["slices"] = [
        {**one, "value": f"task {i}", "n_requests": 1 + i % 7} for i in range(3000)
    ]
    data["coverage"]["test"]["by_task"] = {f"task {i}": 1 for i in range(3000)}
    report = render(data)
    assert len(report.html) < 1_000_000
    assert "3,000" in Page(report.html).text
    assert "of 3,000 rows" in report.markdown.decode()


def test_a_policy_without_thresholds_has_none_to_show(data):
    empty = {"thresholds": [], "deferral": [], "reliability": [], "grid": None}
    data["breakdown"] |= empty
    model = data["candidates"][0]
    data["operating_points"] = data["operating_points"][:1]
    data["operating_points"][0]["policy"] = {
        "kind": "mixture",
        "first": {"kind": "fixed", "model": model},
        "second": {"kind": "fixed", "model": data["candidates"][-1]},
        "weight": 0.25,
    }
    page, _ = shown(data)
    assert f"Of 25.0% of the requests, drawn at random: send every request to {model}." in page.text
    assert "no thresholds" in page.text
    assert "uses no confidence signal" in page.text


def test_signals_of_a_policy_that_is_no_cascade_are_not_denied(data):
    data["breakdown"] |= {"thresholds": [], "deferral": [], "reliability": [], "grid": None}
    data["operating_points"] = data["operating_points"][:1]
    data["operating_points"][0]["policy"] = {
        "kind": "gain-cascade",
        "models": data["candidates"][:2],
        "gain": "gain",
        "signals": ["confidence", "verbosity"],
    }
    page, _ = shown(data)
    assert "The exported policy reads confidence and verbosity, but is no cascade" in page.text
    assert "uses no confidence signal" not in page.text


def test_a_study_without_a_feasible_point_says_so(data):
    for key in ("test", "breakdown", "verdict"):
        data[key] = None
    data["operating_points"], data["front"] = [], []
    page, text = shown(data)
    assert "No policy met the bounds" in page.text
    assert "No policy met the bounds" in text


def test_one_model_is_enough_to_draw(data):
    data["candidates"] = data["candidates"][:1]
    keep = f"fixed:{data['candidates'][0]}"
    data["test"]["baselines"] = [it for it in data["test"]["baselines"] if it["name"] == keep]
    shown(data)


def test_figures_that_do_not_exist_are_dashes(data):
    for key in ("aiq", "aiq_zero_router"):
        data["test"][key] = None
    data["aiq_front"] = None
    data["test"]["gain_ci"] = [None, None]
    data["test"]["baselines"][0]["quality_gain_ci"] = [None, None]
    data["breakdown"]["slices"][0]["loss_ci"] = [None, math.nan]
    data["optimism"]["quality"] = None
    page, _ = shown(data)
    assert not re.search(r"\bnan\b", page.text)
    assert "None" not in page.text


def test_costs_of_nothing_and_quality_without_spread_are_drawn(data):
    for it in (
        data["test"],
        *data["test"]["baselines"],
        *(p["test"] for p in data["operating_points"]),
    ):
        it |= {
            "usd_per_1k": 0.0,
            "usd_per_1k_ci": [0.0, 0.0],
            "quality": 1.0,
            "quality_ci": [1.0, 1.0],
        }
    shown(data)


def test_parts_that_are_absent_are_left_out(data):
    for key in ("front", "breakdown", "coverage", "optimism", "splits", "provenance"):
        del data[key]
    page, _ = shown(data)
    assert page.text.count("not part of this data") > 2


def test_what_is_no_study_is_refused_with_the_place():
    with pytest.raises(RoutelabError, match=r"\$\.test"):
        render({"test": {"quality": "high"}})
