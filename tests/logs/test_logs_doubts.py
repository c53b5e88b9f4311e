"""Files as they come: what is read all the same, what is refused, and what is told of both."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from logs_world import ROWS, assert_equal, problems_of, save, with_column

from routelab.cli import main
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.signal_spec import SignalSpec
from routelab.logs import Log, read
from routelab.logs.formats import jsonl
from routelab.policies import Cascade, to_wire
from routelab.policy_file import Document, write
from routelab.policy_file.card import policy_card

UNTYPED = (".csv", ".jsonl")
PRICES = "model;usd_per_1m_input;usd_per_1m_output\nsmall;1;2\nbig;3;4\n"


def separated(path: Path, rows: list[dict[str, Any]], by: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=by)
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("suffix", UNTYPED)
def test_a_few_words_among_the_numbers_of_a_signal_count_as_missing(
    tmp_path: Path, suffix: str
) -> None:
    rows = [{**row, "request_id": f"{row['request_id']}{at}"} for at in range(3) for row in ROWS]
    rows[4]["sure"] = "timeout"
    path = save(tmp_path / f"log{suffix}", rows)
    assert list(read(path).unasked) == ["sure"]
    log = read(path, signals=["sure"])
    assert isinstance(log, Log)
    assert np.isnan(log.signals["sure"][2, 0])
    assert np.isnan(log.signals["sure"]).sum() == 4
    (note,) = log.notes
    assert "signal sure is no number but 'timeout' on 1 of 9 rows with a value" in note


@pytest.mark.parametrize("suffix", UNTYPED)
def test_many_words_among_the_numbers_of_a_signal_are_a_mistake(
    tmp_path: Path, suffix: str
) -> None:
    path = save(tmp_path / f"log{suffix}", with_column("sure", [0.1, "high", None, 0.7]))
    assert list(read(path).unasked) == []  # too many words, and nobody asked for it
    said, problem = problems_of(path, signals=["sure"])
    assert "signal 'sure': 1 of 3 values are no numbers" in said
    line = 3 if suffix == ".csv" else 2
    assert f"row 2 (request '001', model 'big') on line {line}: sure is 'high'" in problem
    assert "a number is expected of a signal; leave the cell empty, or the column" in problem


@pytest.mark.parametrize("suffix", UNTYPED)
def test_text_with_a_few_numbers_is_no_signal_and_noted(tmp_path: Path, suffix: str) -> None:
    rows = with_column("confidence", ["good", 1, "bad", "sad"])
    log = read(save(tmp_path / f"log{suffix}", rows))
    assert list(log.unasked) == ["sure"]
    assert [note for note in log.notes if "'confidence'" in note and "holds words or lists" in note]
    plain = read(save(tmp_path / f"log{suffix}", with_column("mood", ["a", "1", "a", None])))
    assert plain.notes == ()


def test_numbers_that_are_quoted_in_json_are_those_that_csv_has(tmp_path: Path) -> None:
    rows = with_column("sure", ["0.1", "0.2", None, "0.7"])
    plain = read(save(tmp_path / "log.csv", rows))
    assert_equal(read(save(tmp_path / "log.jsonl", rows)), plain)


def test_a_column_of_two_types_leaves_the_others_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "log.jsonl", with_column("mood", ["good", "sad", "bad", 1]))
    whole = read(path)
    monkeypatch.setattr(jsonl, "_CHUNK_BYTES", 1)
    pieces = read(path)
    assert list(pieces.unasked) == ["sure"]
    assert_equal(pieces, whole)
    assert pieces.notes == whole.notes


@pytest.mark.parametrize("suffix", UNTYPED)
def test_a_wide_file_is_held_to_the_same(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"id": f"r{i}", "x": 1, "x|cost": 1, "y": 0, "y|cost": 1, "y|sure": sure, "x|conf": mood}
        for i, (sure, mood) in enumerate([(0.1, "a"), (0.2, "b"), ("low", 3)])
    ]
    path = save(tmp_path / f"log{suffix}", rows)
    _, problem = problems_of(path, signals=["sure"])
    assert "(request 'r2', model 'y')" in problem
    assert "sure is 'low'; a number is expected of a signal" in problem
    rows[2]["y|sure"] = 0.3
    log = read(save(tmp_path / f"log{suffix}", rows), signals=["sure"])
    assert list(log.signals) == ["sure"]
    assert any("'x|conf'" in note for note in log.notes)


@pytest.mark.parametrize("suffix", [*UNTYPED, ".parquet"])
def test_a_quality_may_be_true_or_false(tmp_path: Path, suffix: str) -> None:
    log = read(save(tmp_path / f"log{suffix}", with_column("quality", [True, False, None, True])))
    np.testing.assert_array_equal(log.quality, [[1, 0], [np.nan, 1]])


def test_true_or_false_may_be_written_in_any_case(tmp_path: Path) -> None:
    log = read(save(tmp_path / "log.csv", with_column("quality", ["true", "FALSE", "0.5", "1"])))
    assert log.quality.tolist() == [[1.0, 0.0], [0.5, 1.0]]


@pytest.mark.parametrize("suffix", [*UNTYPED, ".parquet"])
def test_a_wide_file_may_have_qualities_of_both_kinds(tmp_path: Path, suffix: str) -> None:
    rows = [
        {"id": "a", "x": True, "x|cost": 1, "x|sure": 0.5, "y": 0.25, "y|cost": 1, "y|sure": 1},
        {"id": "b", "x": False, "x|cost": 1, "x|sure": 0.5, "y": 0.75, "y|cost": 1, "y|sure": 0},
    ]
    log = read(save(tmp_path / f"log{suffix}", rows), signals=["sure"])
    assert log.quality.tolist() == [[1.0, 0.25], [0.0, 0.75]]
    assert log.signals["sure"].tolist() == [[0.5, 1.0], [0.5, 0.0]]


@pytest.mark.parametrize("by", [";", "\t"])
def test_other_separators_are_read_and_noted(tmp_path: Path, by: str) -> None:
    rows = with_column("prompt", ["a; b,\tc"] * 4)
    log = read(separated(tmp_path / "log.csv", rows, by))
    assert_equal(log, read(save(tmp_path / "comma.csv", rows)))
    assert any(f"separated by {by!r} and not by ','" in note for note in log.notes)


def test_a_ragged_row_names_the_separator(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text('request_id;model;quality\n"a\nb";b;1\n\na;c;1;2\n')
    (problem,) = problems_of(tmp_path / "log.csv")
    assert "line 5: 4 fields where the header has 3; quote fields that contain ';'" in problem


def test_prices_may_be_separated_by_semicolons(tmp_path: Path) -> None:
    (tmp_path / "prices.csv").write_text(PRICES)
    rows = [{**row, "cost_usd": None, "prompt_tokens": 1e6, "completion_tokens": 0} for row in ROWS]
    log = read(save(tmp_path / "log.csv", rows), prices=tmp_path / "prices.csv")
    assert log.cost_usd.tolist() == [[1.0, 3.0], [1.0, 3.0]]
    (tmp_path / "prices.csv").write_text(PRICES.replace("4", "four"))
    (problem,) = problems_of(tmp_path / "log.csv", prices=tmp_path / "prices.csv")
    assert "line 3 ('big'): usd_per_1m_output is 'four'" in problem


@given(
    before=st.lists(st.text('a\n\r",;', max_size=4), max_size=4),
    blank=st.integers(0, 2),
    by=st.sampled_from(",;"),
)
def test_a_mistake_is_on_the_line_that_is_named(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], blank: int, by: str
) -> None:
    path = tmp_path_factory.mktemp("lines") / "log.csv"
    rows = [
        {"request_id": f"r{i}", "model": "a", "quality": 1, "response": text}
        for i, text in enumerate(before)
    ]
    marked = {"request_id": "here", "model": "b", "quality": 2, "response": "x"}
    separated(path, [*rows, marked], by)
    content = path.read_bytes().replace(b"here", b"\n" * blank + b"here")
    path.write_bytes(content)
    at = content[: content.index(b"here")]
    ends = at.count(b"\n") + at.count(b"\r") - at.count(b"\r\n")
    (problem, *_) = [it for it in problems_of(path) if "quality is" in it]
    assert f"on line {ends + 1}: quality is 2.0" in problem


def test_blank_lines_of_json_are_counted(tmp_path: Path) -> None:
    bad = {**ROWS[0], "quality": 2}
    (tmp_path / "log.jsonl").write_text(f"{json.dumps(ROWS[1])}\n\n \n{json.dumps(bad)}\n")
    (problem,) = problems_of(tmp_path / "log.jsonl")
    assert "row 2 (request '001', model 'small') on line 4: quality is 2.0" in problem


def test_a_multiplier_that_is_no_number_is_told_from_a_missing_column(tmp_path: Path) -> None:
    wide = [{"id": "a", "x": 1, "x|cost": 1, "x|sure": 0.5, "y": 1, "y|cost": 1, "y|sure": 1}]
    for rows in (ROWS, wide):
        path = save(tmp_path / "log.csv", rows)
        (problem,) = problems_of(path, signals={"sure:x": SignalSpec()})
        assert "the multiplier after sure: must be a number, such as sure:3, and not 'x'" in problem
        (problem,) = problems_of(path, signals={"other:x": SignalSpec()})
        assert "multiplier" not in problem


def test_models_without_cost_are_noted_with_the_way_out(tmp_path: Path) -> None:
    log = read(save(tmp_path / "log.csv", with_column("cost_usd", [None, 1, None, 1])))
    (note,) = log.notes
    assert "no cost of small: " in note
    assert "give a cost_usd column, or `prices='FILE.csv'` with prices of tokens (of the" in note


def test_seconds_that_look_like_milliseconds_are_noted(tmp_path: Path) -> None:
    path = save(tmp_path / "log.csv", with_column("durationMs", [800, 900, 1_000, 1_100]))
    (note,) = read(path, columns={"latency_s": "durationMs"}).notes
    assert "the median of column 'durationMs' is 950 seconds" in note
    assert "`columns={'latency_ms': 'durationMs'}`" in note
    mended = read(path, columns={"latency_ms": "durationMs"})
    assert isinstance(mended, Log)
    assert mended.notes == ()
    assert mended.latency_s.tolist() == [[0.8, 0.9], [1.0, 1.1]]
    short = save(tmp_path / "log.csv", with_column("durationMs", [1, 2, 1, 2]))
    assert read(short, columns={"latency_s": "durationMs"}).notes == ()


def test_a_description_says_what_is_a_signal_and_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "prompt": "same", "timestamp": 86_400, "cost_usd": None} for row in ROWS]
    asked = ["data", "describe", str(save(tmp_path / "log.csv", rows)), "--signal", "sure"]
    assert main(asked) == 0
    told = capsys.readouterr().out
    for line in (
        "signals: sure",
        "prompts: 1 different, 1 repeated; 4 characters in the median",
        "times: 1970-01-02T00:00:00+00:00 to 1970-01-02T00:00:00+00:00; 0 requests without",
        "note: no cost of small, big: ",
    ):
        assert line in told
    for row in rows:
        del row["sure"]
    assert main(["data", "describe", str(save(tmp_path / "log.csv", rows))]) == 0
    assert "signals: none was asked for" in capsys.readouterr().out


def test_an_explanation_says_what_was_not_observed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = Cascade(models=("small", "big"), thresholds=(0.5,), signal="sure")
    document = Document(
        name="example",
        policy=to_wire(policy),
        candidates=policy.models,
        catalogue=Catalogue({name: Model() for name in policy.models}),
        signals={"sure": SignalSpec(multiplier=1.0)},
    )
    where = write(tmp_path / "example.policy", document, policy_card(document), {}).path
    rows = with_column("cost_usd", [None, 0.5, 0.25, 0.5])
    rows[3]["quality"] = None
    asked = ["explain", str(where), "--log", str(save(tmp_path / "log.csv", rows)), "--id"]
    assert main([*asked, "001"]) == 0
    assert "quality 1, cost not observed for 2 call(s)" in capsys.readouterr().out
    assert main([*asked, "002"]) == 0
    told = capsys.readouterr().out
    assert "quality not observed, 0.75 USD for 2 call(s)" in told
    assert "sure not observed" in told
    assert "nan" not in told
