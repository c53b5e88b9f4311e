"""Partial logs: the steps that were taken, in their order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logs_world import problems_of, save

from routelab.logs import PartialLog, describe, read


def taken(request: str, step: int, model: str, propensity: float, **more: Any) -> dict[str, Any]:
    row = {"request_id": request, "step": step, "model": model, "propensity": propensity}
    return {**row, "quality": 0.5, "cost_usd": 0.1 * step, "sure": 0.2, **more}


ROWS = [
    taken("a", 1, "big", 0.3, prompt="pa", response="second"),
    taken("b", 0, "small", 1.0, prompt="pb", response="only"),
    taken("a", 0, "small", 0.9, prompt="pa", response="first"),
    taken("a", 2, "big", 0.5, prompt="pa", response="third", error="cut", quality=None),
]


def partial(path: Path, rows: list[dict[str, Any]]) -> PartialLog:
    asked = ["sure"] if any("sure" in row for row in rows) else []
    log = read(save(path, rows), signals=asked)
    assert isinstance(log, PartialLog)
    return log


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".jsonl"])
def test_steps_stand_in_order_within_their_request(tmp_path: Path, suffix: str) -> None:
    log = partial(tmp_path / f"log{suffix}", ROWS)
    assert log.requests.id[log.request].tolist() == ["a", "a", "a", "b"]
    assert [log.models[k] for k in log.model] == ["small", "big", "big", "small"]
    assert log.step.tolist() == [0, 1, 2, 0]
    assert log.propensity.tolist() == [0.9, 0.3, 0.5, 1.0]
    assert log.cost_usd.tolist() == [0.0, 0.1, 0.2, 0.0]
    assert log.error.tolist() == [False, False, True, False]
    assert log.quality.tolist() == [0.5, 0.5, 0.0, 0.5]
    np.testing.assert_array_equal(log.signals["sure"], [0.2, 0.2, np.nan, 0.2])
    assert log.texts is not None
    assert log.texts.prompts(np.array([1, 0])) == ["pb", "pa"]
    assert log.texts.responses(np.array([0, 1]), "small") == ["first", "only"]


def test_without_a_step_column_the_rows_are_the_steps(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "step"} for row in ROWS]
    log = partial(tmp_path / "log.jsonl", rows)
    assert log.step.tolist() == [0, 1, 2, 0]
    assert [log.models[k] for k in log.model] == ["big", "small", "big", "small"]


def test_without_propensities_there_are_none(tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "propensity"} for row in ROWS]
    assert np.isnan(partial(tmp_path / "log.csv", rows).propensity).all()


def test_a_propensity_may_be_unknown_on_some_steps(tmp_path: Path) -> None:
    rows = [*ROWS[:3], {**ROWS[3], "propensity": None}]
    log = partial(tmp_path / "log.parquet", rows)
    assert np.isnan(log.propensity).sum() == 1


@pytest.mark.parametrize("propensity", [0.0, 1.5, -0.1])
def test_a_propensity_that_cannot_be(tmp_path: Path, propensity: float | None) -> None:
    rows = [*ROWS[:3], {**ROWS[3], "propensity": propensity}]
    (problem,) = problems_of(save(tmp_path / "log.parquet", rows))
    assert "row 4 (request 'a', model 'big'): propensity is" in problem
    assert "(0, 1]" in problem


@pytest.mark.parametrize("step", [-1, 0.5, None])
def test_a_step_that_cannot_be(tmp_path: Path, step: float | None) -> None:
    rows = [*ROWS[:3], {**ROWS[3], "step": step}]
    (problem,) = problems_of(save(tmp_path / "log.parquet", rows))
    assert "row 4 (request 'a', model 'big'): step is" in problem


def test_two_rows_for_one_step(tmp_path: Path) -> None:
    (problem,) = problems_of(save(tmp_path / "log.csv", [*ROWS, {**ROWS[1], "model": "big"}]))
    assert "request 'b' has two rows for step 0" in problem


def test_a_partial_log_is_described_by_its_steps(tmp_path: Path) -> None:
    found = describe(partial(tmp_path / "log.csv", ROWS))
    assert (found["form"], found["steps"], found["requests"]) == ("partial", 4, 2)
    assert found["models"]["small"]["n"] == found["models"]["big"]["n"] == 2
    big = found["models"]["big"]
    assert (big["judged"], big["quality"], big["failed"]) == (1, 0.5, 1)
    assert found["propensity_min"] == 0.3


def test_failures_say_nothing_of_answers_that_nobody_judged(tmp_path: Path) -> None:
    rows = [{**row, "quality": None if row["model"] == "big" else 0.5} for row in ROWS]
    big = describe(partial(tmp_path / "log.csv", rows))["models"]["big"]
    assert (big["n"], big["judged"], big["quality"], big["failed"]) == (2, 0, None, 1)
