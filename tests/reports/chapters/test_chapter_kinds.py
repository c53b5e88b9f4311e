"""What was tried, what was planned, and what the clock cut: on the first screen and in full."""

from __future__ import annotations

import numpy as np
import pytest
from reports_world import Page, data_of
from tuning_world import random_log

from routelab.logs.model.log import Requests
from routelab.reports.render import render
from routelab.tuning import Options, tune


@pytest.fixture(scope="module")
def study():
    ids = np.array([f"r{row}" for row in range(400)], dtype=object)
    task = np.array(["a", "b"] * 200, dtype=object)
    log = random_log(400, 3, seed=0, requests=Requests(id=ids, task=task))
    return tune(log, Options(name="mine", trials=5, budget_s=12.0))


def test_the_first_screen_says_what_was_tried_and_what_not(study):
    report = render(data_of(study))
    page = Page(report.html)
    first = page.text[: page.text.index("Cost and quality")]
    kinds = [it.kind for it in study.rivals]
    said = f"{len(kinds)} kinds of policy within a budget of 12 s: {', '.join(kinds)}; {study.kind}"
    assert f"{said} was exported." in first
    assert study.plan.left_out
    assert f"There was no room for {study.plan.left_out[0]}" in first
    assert "cut this study short" not in page.text
    assert said in report.markdown.decode()


def test_the_chapter_has_every_kind_at_its_own_point_and_the_plan(study):
    text = Page(render(data_of(study)).html).text
    table = text[text.index("Kinds tried, each at its own point on test") :]
    for it in study.tried:
        named = f"{it.kind} (exported)" if it.exported else it.kind
        assert f"{named} {it.quality:.3f}" in table.replace(", a single model", "")
    plan = table[table.index("The plan") :]
    for step in study.plan.steps:
        assert f"{step.name} {step.seconds:.1f} {step.later_s:.1f} done" in plan


def test_what_the_clock_cut_is_said_before_the_reasons(study):
    data = data_of(study)
    data["cut_short"] = ["tiers"]
    report = render(data)
    text = Page(report.html).text
    cut = text.index("The clock cut this study short: tiers was planned and not begun")
    assert cut < text.index("Why")
    assert text.count("not begun") == 2  # there, and in the plan
    assert "tiers was planned and not begun" in report.markdown.decode()


def test_a_study_of_one_kind_or_of_before_says_nothing_of_it(study):
    data = data_of(study)
    for name in ("plan", "cut_short", "tried"):
        del data[name]
    whole = Page(render(data).html).text
    assert f"{len(study.rivals)} kinds of policy: " in whole
    assert "Kinds tried" not in whole
    data["kinds"] = [it for it in data["kinds"] if it["won"]]
    assert "What was tried" not in Page(render(data).html).text
