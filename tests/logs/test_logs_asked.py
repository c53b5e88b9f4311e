"""Signals are asked for: until then numbers wait, and what was asked for stays asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from logs_world import ROWS, assert_equal, problems_of, save, with_column

from routelab.core import SignalSpec
from routelab.errors import LogError
from routelab.logs import describe, open_batches, read, write

ENTROPY = with_column("entropy", [0.5, 0.25, None, 2.0])


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_a_number_is_a_signal_once_it_is_asked_for(tmp_path, suffix):
    path = save(tmp_path / f"log{suffix}", ENTROPY)
    plain = read(path)
    assert not plain.signals
    assert list(plain.unasked) == ["sure", "entropy"]
    asked = read(path, signals=["sure"])
    assert list(asked.signals) == ["sure"]
    assert list(asked.unasked) == ["entropy"]
    later = plain.with_specs({"sure": SignalSpec()})
    assert_equal(later, asked)
    assert_equal(later.take(np.array([1])), asked.take(np.array([1])))


def test_one_text_is_no_list_of_names(tmp_path):
    with pytest.raises(LogError, match=r"give a list of names: \['sure'\]"):
        read(save(tmp_path / "log.csv", ROWS), signals="sure")


@pytest.mark.parametrize("form", ["long", "wide"])
def test_a_reversed_signal_is_its_column_with_the_opposite_sign(tmp_path, form):
    rows = ENTROPY
    if form == "wide":
        rows = [
            {"id": a["request_id"], "small": a["quality"], "big": b["quality"]}
            | {"small|cost": a["cost_usd"], "big|cost": b["cost_usd"]}
            | {"small|entropy": a["entropy"], "big|entropy": b["entropy"]}
            for a, b in (ENTROPY[:2], ENTROPY[2:])
        ]
    path = save(tmp_path / "log.parquet", rows)
    log = read(path, signals={"reversed:entropy": SignalSpec(multiplier=1.0)})
    expected = [[-0.5, -0.25], [np.nan, -2.0]]
    np.testing.assert_array_equal(log.signals["reversed:entropy"], expected)
    assert "entropy" not in log.unasked
    later = read(path).with_specs({"reversed:entropy": SignalSpec()})
    np.testing.assert_array_equal(later.signals["reversed:entropy"], expected)
    both = read(path, signals=["entropy", "reversed:entropy"])
    np.testing.assert_array_equal(both.signals["entropy"], -np.array(expected))
    batches = open_batches(path, signals=["reversed:entropy"])
    found = np.concatenate([it.signals["reversed:entropy"] for _, it in batches.logs(0)])
    np.testing.assert_array_equal(found, expected)
    written = read(write(log, tmp_path / "written.parquet"))
    np.testing.assert_array_equal(written.signals["reversed:entropy"], expected)


def test_a_written_log_remembers_what_was_asked_for(tmp_path):
    log = read(save(tmp_path / "log.parquet", ENTROPY), signals=["sure"])
    again = read(write(log, tmp_path / "written.parquet"))
    assert list(again.signals) == ["sure"]
    assert list(again.unasked) == ["entropy"]
    assert_equal(again, log)


def test_numbers_that_nobody_asked_for_are_no_part_of_what_a_log_is(tmp_path):
    log = replace(read(save(tmp_path / "log.csv", ENTROPY)), path=None)
    assert replace(log, unasked={}).sha256 == log.sha256


def test_a_name_that_only_looks_like_a_signal_is_told(tmp_path):
    rows = with_column("confidence", ["high", "low", "low", "high"])
    (note,) = read(save(tmp_path / "log.csv", rows)).notes
    assert "column 'confidence' has the name of a signal and holds words or lists" in note


def test_a_log_that_nobody_graded_is_looked_at(tmp_path):
    rows = [{"request_id": r["request_id"], "model": r["model"], "is_correct": 1} for r in ROWS]
    path = save(tmp_path / "log.csv", rows)
    (problem,) = problems_of(path)
    assert "no column 'quality'" in problem
    assert "By name it may be is_correct." in problem
    log = read(path, graded=False)
    assert np.isnan(log.quality).all()
    (note,) = [it for it in log.notes if "no quality" in it]
    assert "`columns={'quality': 'is_correct'}`" in note
    assert describe(log)["models"]["small"]["quality"] is None
    assert read(path, columns={"quality": "is_correct"}).quality.tolist() == [[1, 1], [1, 1]]


def test_prompts_alone_are_looked_at(tmp_path):
    path = save(tmp_path / "log.jsonl", [{"prompt": "a"}, {"prompt": "b"}, {"prompt": "a"}])
    log = read(path, graded=False)
    assert len(log) == 3
    found = describe(log)
    assert found["prompts"] == {"distinct": 2, "repeated": 1, "median_characters": 1.0}
    assert any("no model column" in note and "`models=[" in note for note in log.notes)
    assert len(problems_of(path)) == 3


def test_one_model_without_grades_is_told_what_comes_next(tmp_path):
    rows = [{"request_id": i, "model": "big", "prompt": "a"} for i in range(3)]
    notes = read(save(tmp_path / "log.csv", rows), graded=False).notes
    assert any("only big answered; next, have the same requests answered" in it for it in notes)
