"""`python -m benchmarks.learning` judges fairly, goes on where it stopped, and adds up."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks import deferral_world
from benchmarks.learning import cells, judge, rivals, table
from benchmarks.learning.halves import halves
from benchmarks.learning.worlds import WORLDS, World

N = 240


@pytest.fixture(scope="module")
def world() -> World:
    drawn = deferral_world.draw(N, specialist=True, seed=3)
    return World("tiny", drawn.log, None, drawn.gain)


def test_halves_share_no_group_and_every_size_is_judged_on_the_same_rows(world):
    log = world.log.take(np.repeat(np.arange(N // 2), 2))  # every prompt twice
    whole, few = halves(log, 1), halves(log, 1, rows=50)
    assert len(whole.learn) == len(whole.judge) == N // 2
    assert sorted([*whole.learn, *whole.judge]) == list(range(N))
    assert not {*whole.learn // 2} & {*whole.judge // 2}
    assert {*few.learn} <= {*whole.learn}
    assert len(few.learn) == 50
    assert few.judge.tolist() == whole.judge.tolist() != halves(log, 2).judge.tolist()


def test_a_killed_run_goes_on_and_ends_in_the_same_cells(world, tmp_path, monkeypatch):
    monkeypatch.setitem(WORLDS, "tiny", lambda: world)
    kept = tmp_path / "cells.jsonl"
    cells.run(["tiny"], kept, splits=2, sizes=(), budget_s=1.0)
    first = kept.read_text()
    kept.write_text(first[:-20])
    cells.run(["tiny"], kept, splits=2, sizes=(), budget_s=1.0)
    again = list(cells.cells(kept))
    assert untimed(again) == untimed(json.loads(line) for line in first.splitlines())
    (row,) = table.summary(again)
    assert row.cuts == 2
    assert row.means[judge.ROUTELAB] >= row.means[judge.ZERO]
    assert row.means[judge.TRUTH] > row.means[judge.GRID] > row.means[judge.ZERO]
    assert row.means[judge.LUCK] < row.means[judge.TRUTH]
    assert table.markdown([row]).count("\n") == 3


def untimed(found: Iterable[dict]) -> list[dict]:
    return [{**it, "seconds": None, "cpu_s": None} for it in found]


def test_the_lead_is_paired():
    apart = [0.01, 0.03, 0.02]
    found = table.lead(apart)
    assert found.mean == pytest.approx(0.02)
    assert found.high - found.mean == pytest.approx(4.302653 * 0.01 / np.sqrt(3))
    made = [
        {"log": "a", "n": "half", "rows": [9, 9], "areas": {judge.ZERO: base, "kNN": base - 0.1,
         judge.ROUTELAB: base + gap}, "cpu_s": 1.0, "kind": "utility", "verdict": "ship"}
        for base, gap in zip((0.2, 0.5, 0.8), apart, strict=True)
    ]  # fmt: skip
    (row,) = table.summary([*made, {"log": "a", "n": "half", "error": "TuningError: no"}])
    assert (row.best, row.refused, row.cuts) == (judge.ZERO, 1, 3)
    assert row.over == pytest.approx(found)  # worlds apart in area, near in the difference
    assert "+0.0200 [-0.0048, +0.0448]" in table.markdown([row])


def test_cells_below_the_zero_router_are_counted_by_what_is_held_to_it():
    gaps = (0.01, -0.001, -0.0021)
    made = [
        {"log": "a", "n": 100, "rows": [9, 9], "cpu_s": 1.0, "kind": "utility", "verdict": "ship",
         "areas": {judge.ZERO: 0.5, judge.ROUTELAB: 0.6, judge.ALONE: 0.5 + gap,
                   judge.PROMISED: 0.5 - gap}, "exported": {"gain": 0.0}}
        for gap in gaps
    ]  # fmt: skip
    line = table.floor(table.summary(made)).splitlines()[2]
    assert "-0.0021, 1 of 3 below | -0.0100, 1 of 3 below | +0.0000, 0 of 3 below" in line
    untold = [{key: it[key] for key in it if key != "exported"} for it in made]
    assert table.floor(table.summary(untold)).splitlines()[2].endswith("below | - |")


def test_what_a_study_promised_is_judged_without_picking_points_that_were_lucky(world):
    here = judge.Judge(world, halves(world.log, 0).judge)
    cost, quality = here.cost.mean(axis=0), here.quality.mean(axis=0)
    order = np.argsort(cost)
    low, high = cost[order]
    between, worse = (low + high) / 2, quality.min() - 0.2
    points = [low, between, high], [quality[order[0]], worse, quality[order[1]]]
    mean = (points[1][0] / 2 + worse + points[1][2] / 2) / 2
    assert here.along(*points) == pytest.approx(mean)
    assert here.alone(*points) == pytest.approx(here.area())  # a hull leaves the bad one out
    assert here.alone(cost[order[1:]], quality[order[1:]]) < here.area()


def test_a_model_for_each_task_is_chosen_at_its_own_cost(world):
    """Two tasks, each with a model of its own; the dear one is worth its price on one task."""
    log = world.log
    task = np.where(np.arange(N) % 2, "left", "right").astype(object)
    quality = np.where((task == "left")[:, None], [0.2, 0.9], [0.7, 0.7])
    cost = np.where((task == "left")[:, None], [1.0, 2.0], [1.0, 5.0])
    told = replace(
        log, requests=replace(log.requests, task=task), texts=None, quality=quality, cost_usd=cost
    )
    predicted = rivals.predictions(told, told)
    assert list(predicted) == ["task mean"]  # no prompts
    reached = rivals.points(predicted, quality, cost)["task mean"]
    assert (1.5, 0.8) in [
        (round(spent, 9), round(good, 9))
        for spent, good in zip(reached.cost, reached.quality, strict=True)
    ]
    new = replace(told, requests=replace(told.requests, task=np.full(N, "new", dtype=object)))
    assert np.allclose(rivals.by_task(told, new, quality), [0.45, 0.8])


def test_the_page_shows_what_is_kept():
    root = Path(__file__).parents[2]
    page = (root / "docs" / "results.md").read_text(encoding="utf-8")
    kept = root / "benchmarks" / "learning" / "measured.jsonl"
    again = table.on_page(page, table.summary([*cells.cells(kept)]))
    assert page == again, (
        f"python -m benchmarks.learning --table --kept {kept} --page docs/results.md"
    )
