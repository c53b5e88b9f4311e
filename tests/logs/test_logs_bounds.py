"""Budgets and deadlines of requests, as logs hold them."""

from __future__ import annotations

import math

import pytest
from logs_world import ROWS, assert_equal, problems_of, save, with_column

from routelab.logs import read, write


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_request_has_the_bounds_that_its_rows_give(tmp_path, suffix):
    rows = with_column("max_cost_usd", [0.25, 0.25, None, None])
    rows = [{**row, "deadline_ms": 1500.0} for row in rows]
    log = read(save(tmp_path / f"log{suffix}", rows))
    first, second = log.requests.request(0), log.requests.request(1)
    assert (first.max_cost_usd, first.deadline_s) == (0.25, 1.5)
    assert (second.max_cost_usd, second.deadline_s) == (None, 1.5)
    assert first.bounded
    assert set(log.unasked) == {"sure"}


def test_a_log_without_bounds_limits_nothing(tmp_path):
    log = read(save(tmp_path / "log.csv", ROWS))
    assert log.requests.max_cost_usd is None
    assert not log.requests.request(0).bounded


def test_bounds_are_written_as_they_were_read(tmp_path):
    log = read(save(tmp_path / "log.csv", with_column("deadline_s", [0.1, 0.1, None, None])))
    again = read(write(log, tmp_path / "again.parquet"))
    assert_equal(log, again)
    assert again.requests.deadline_s[0] == 0.1
    assert math.isnan(again.requests.deadline_s[1])


def test_bounds_of_a_wide_log_belong_to_the_request(tmp_path):
    rows = [
        {"sample_id": key, "max_cost_usd": usd, "a": 1.0, "a|total_cost": 0.1, "b": 0.0}
        | {"b|total_cost": 0.2}
        for key, usd in (("x", 0.5), ("y", 0.75))
    ]
    log = read(save(tmp_path / "wide.csv", rows))
    assert log.requests.max_cost_usd.tolist() == [0.5, 0.75]
    assert log.models == ("a", "b")


@pytest.mark.parametrize("bad", [-1.0, math.inf, "cheap"])
def test_a_bound_that_is_none_is_pointed_out(tmp_path, bad):
    rows = with_column("max_cost_usd", [bad, bad, 1.0, 1.0])
    problems = problems_of(save(tmp_path / "log.csv", rows))
    assert any("max_cost_usd is" in problem and "'001'" in problem for problem in problems)


def test_two_bounds_of_one_request_are_pointed_out(tmp_path):
    rows = with_column("deadline_s", [1.0, 2.0, 1.0, 1.0])
    (problem,) = problems_of(save(tmp_path / "log.csv", rows))
    assert "request '001' has two values of deadline_s: 1.0" in problem
