"""Further samples of a model: rows with an attempt above 0."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logs_world import ROWS, assert_equal, problems_of, save

from routelab import replay
from routelab.errors import UncoveredError
from routelab.logs import Log, read, write
from routelab.policies import Fixed, Retry

ONCE_MORE: list[dict[str, Any]] = [
    {**row, "attempt": 0, "prompt": row["request_id"], "response": f"first of {row['model']}"}
    for row in ROWS
] + [
    {
        "request_id": "002",
        "model": "small",
        "quality": 1.0,
        "cost_usd": 5e-05,
        "sure": 0.9,
        "attempt": 1,
        "prompt": "002",
        "response": "second of small",
    }
]


@pytest.fixture(params=["log.csv", "log.jsonl", "log.parquet"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Log:
    found = read(save(tmp_path / request.param, ONCE_MORE), signals=["sure"])
    assert isinstance(found, Log)
    return found


def test_they_are_kept_beside_the_first_ones(log: Log) -> None:
    (again,) = log.again
    assert log.quality.tolist() == [[0.25, 1.0], [0.0, 0.5]]
    assert np.array_equal(again.quality, [[np.nan, np.nan], [1.0, np.nan]], equal_nan=True)
    assert again.signals["sure"][1, 0] == 0.9
    assert log.texts is not None
    assert again.texts is not None
    rows = np.array([0, 1])
    assert log.texts.responses(rows, "small") == ["first of small", "first of small"]
    assert again.texts.responses(rows, "small") == [None, "second of small"]


def test_taking_rows_and_models_takes_them_too(log: Log) -> None:
    (again,) = log.take(np.array([1])).only(("small",)).again
    assert again.quality.tolist() == [[1.0]]


def test_they_are_part_of_what_a_log_is(log: Log) -> None:
    memory = replace(log, path=None)
    assert replace(memory, again=()).sha256 != memory.sha256


def test_writing_keeps_them(log: Log, tmp_path: Path) -> None:
    written = read(write(log, tmp_path / "written.parquet"))
    assert isinstance(written, Log)
    assert_equal(written.again[0], log.again[0])


def test_a_replay_uses_a_second_sample_and_never_the_first_one_twice(log: Log) -> None:
    policy = Retry("small", times=2, signal="sure", threshold=0.5)
    decision = replay.decide(policy, log, 1)
    assert [step.call.sample for step in decision.steps] == [0, 1]
    assert decision.cost_usd == pytest.approx(8e-05)
    done = replay.run(policy, log)
    assert done.quality[1] == 1.0
    assert done.covered.tolist() == [False, True]
    with pytest.raises(UncoveredError, match=r"'001', model 'small'.*`attempt` 1"):
        replay.decide(policy, log, 0)
    assert replay.run(Fixed("small"), log).covered.all()


@pytest.mark.parametrize(
    ("attempt", "why"),
    [(0, "more than one row of model 'small'"), (-1, "attempts are counted"), (0.5, "attempts")],
)
def test_attempts_that_cannot_be(tmp_path: Path, attempt: float, why: str) -> None:
    rows = [*ONCE_MORE[:-1], {**ONCE_MORE[-1], "attempt": attempt}]
    assert why in " ".join(problems_of(save(tmp_path / "log.csv", rows)))
