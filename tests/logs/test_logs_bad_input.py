"""Every kind of bad input says what, where, which value, and the way out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from logs_world import ROWS, problems_of, save, with_column

from routelab.core.signal_spec import SignalSpec

FORMATS = (".parquet", ".csv", ".jsonl")


def place(suffix: str, row: int, whose: str = "") -> str:
    """How a row of a file with a header, or an object per line, is pointed at."""
    line = {".csv": f" on line {row + 1}", ".jsonl": f" on line {row}"}
    return f"row {row}{whose}{line.get(suffix, '')}"


def complaint(path: Path, rows: list[dict[str, Any]], **options: Any) -> str:
    """The only problem of these rows."""
    (problem,) = problems_of(save(path, rows), **options)
    assert problem.startswith(f"{path.name}: ")
    return problem


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("quality", 1.5, "quality is 1.5; quality lies in [0, 1]"),
        ("quality", -0.25, "quality is -0.25; quality lies in [0, 1]"),
        ("cost_usd", -3.0, "cost_usd is -3.0; it is finite and not negative"),
        ("cost_usd", float("inf"), "cost_usd is inf; it is finite and not negative"),
        ("latency_s", -1.0, "latency_s is -1.0; it is finite and not negative"),
        ("latency_ms", -1.0, "latency_s is -0.001; it is finite and not negative"),
        ("prompt_tokens", -1, "prompt_tokens is -1.0; it is finite and not negative"),
        ("completion_tokens", -1, "completion_tokens is -1.0; it is finite"),
        ("sure", float("-inf"), "sure is -inf; a confidence is finite"),
    ],
)
def test_a_value_that_cannot_be(
    tmp_path: Path, suffix: str, name: str, value: float, says: str
) -> None:
    values = [0.5, 0.5, value, 0.5]
    asked = ["sure"] if name == "sure" else []
    problem = complaint(tmp_path / f"log{suffix}", with_column(name, values), signals=asked)
    where = place(suffix, 3, " (request '002', model 'small')")
    assert f"{where}: {says}" in problem


@pytest.mark.parametrize("suffix", FORMATS)
def test_text_where_a_number_is_expected(tmp_path: Path, suffix: str) -> None:
    rows = with_column("quality", ["0.5", "good", "1", ""])
    problem = complaint(tmp_path / f"log{suffix}", rows)
    where = place(suffix, 2, " (request '001', model 'big')")
    assert f"{where}: quality is 'good'; a number is expected" in problem


@pytest.mark.parametrize("suffix", FORMATS)
def test_values_that_are_lists(tmp_path: Path, suffix: str) -> None:
    rows = with_column("quality", [[1.0]] * 4)
    found = problems_of(save(tmp_path / f"log{suffix}", rows))
    assert len(found) == 4
    assert "a number is expected" in found[3]


@pytest.mark.parametrize("suffix", FORMATS)
def test_missing_columns_are_listed_with_those_that_are_there(tmp_path: Path, suffix: str) -> None:
    rows = [{"llm": row["model"], "score": 1, "request_id": row["request_id"]} for row in ROWS]
    model, quality = problems_of(save(tmp_path / f"log{suffix}", rows))
    assert "no column 'model'; the columns are llm, score, request_id" in model
    assert "`columns={'quality': 'COLUMN'}`" in quality


def test_a_mapping_to_nothing(tmp_path: Path) -> None:
    path = save(tmp_path / "log.csv", ROWS)
    first, second = problems_of(path, columns={"quality": "score", "mood": "sure"})
    assert "no column 'score' to be quality; the columns are request_id, model" in first
    assert "'mood' is no column of a log; map one of request_id, model" in second
    assert "latency_ms, timestamp_ms" in second


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_pair_twice(tmp_path: Path, suffix: str) -> None:
    problem = complaint(tmp_path / f"log{suffix}", [*ROWS, ROWS[1]])
    assert "request '001' has more than one row of model 'big'" in problem
    assert "step column" in problem


def test_one_model(tmp_path: Path) -> None:
    problem = complaint(tmp_path / "log.csv", ROWS[::2])
    assert "only one model, 'small'; routing needs" in problem


@pytest.mark.parametrize("what", ["request_id", "model"])
def test_a_row_that_is_nobodys(tmp_path: Path, what: str) -> None:
    for suffix in (".parquet", ".jsonl"):
        rows = with_column(what, ["a", None, "b", "a"])
        problem = complaint(tmp_path / f"log{suffix}", rows)
        assert f"{place(suffix, 2)}: {what} is empty" in problem


def test_no_quality_at_all(tmp_path: Path) -> None:
    problem = complaint(tmp_path / "log.csv", with_column("quality", [None] * 4))
    assert "quality has no value on any row" in problem


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("task", ["a", "b", "c", "c"], ("'a'", "'b'")),
        ("audit", [True, False, True, True], ("True", "False")),
        ("needs", ["a", "b", "", ""], ("('a',)", "('b',)")),
    ],
)
def test_a_request_with_two_values(
    tmp_path: Path, name: str, values: list[Any], shown: tuple[str, str]
) -> None:
    for suffix in FORMATS:
        problem = complaint(tmp_path / f"log{suffix}", with_column(name, values))
        one, other = (f"{it} in {place(suffix, row)}" for row, it in enumerate(shown, 1))
        assert f"request '001' has two values of {name}: {one} and {other};" in problem


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("timestamp", "yesterday", "timestamp is 'yesterday'; an ISO time or Unix seconds"),
        ("timestamp", 1e30, "too far off for a Unix time"),
        ("audit", "maybe", "audit is 'maybe'; true or false is expected"),
    ],
)
def test_a_request_column_of_the_wrong_kind(
    tmp_path: Path, name: str, value: object, says: str
) -> None:
    for suffix in FORMATS:
        rows = with_column(name, [value] * 4)
        first, *_ = problems_of(save(tmp_path / f"log{suffix}", rows))
        assert says in first


def test_all_problems_at_once_five_of_a_kind(tmp_path: Path) -> None:
    rows = [
        {"request_id": f"r{i // 2}", "model": "ab"[i % 2], "quality": 2, "cost_usd": -1}
        for i in range(20)
    ]
    found = problems_of(save(tmp_path / "log.jsonl", rows))
    assert len(found) == 12
    assert "and 15 more" in found[5]
    assert "cost_usd" in found[6]


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"log{suffix}"
    path.touch()
    assert problems_of(path) == (f"log{suffix}: the file is empty",)


def test_no_rows(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("request_id,model,quality\n")
    assert problems_of(tmp_path / "log.csv") == ("log.csv: no rows",)
    save(tmp_path / "log.parquet", [{**ROWS[0]}])
    (tmp_path / "log.jsonl").write_text("\n\n")
    assert "empty" in problems_of(tmp_path / "log.jsonl")[0]


def test_what_is_no_log_file(tmp_path: Path) -> None:
    (tmp_path / "log.xlsx").write_text("x")
    assert "log is one of .parquet, .csv" in problems_of(tmp_path / "log.xlsx")[0]
    assert "no Parquet file in it" in problems_of(tmp_path)[0]
    assert "no such file" in problems_of(tmp_path / "none.csv")[0]


@pytest.mark.parametrize("keep", [3, 0.5, 0.98])
def test_truncated_parquet(tmp_path: Path, keep: float) -> None:
    path = save(tmp_path / "log.parquet", ROWS)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep if keep > 1 else keep * len(content))])
    (problem,) = problems_of(path)
    assert "log.parquet: cannot be read as Parquet" in problem
    assert "cut short" in problem


def test_damaged_pages_of_parquet(tmp_path: Path) -> None:
    path = save(tmp_path / "log.parquet", ROWS * 1)
    content = bytearray(path.read_bytes())
    content[4:200] = b"\xff" * 196
    path.write_bytes(content)
    assert "cannot be read as Parquet" in problems_of(path)[0]


def test_malformed_json_lines_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"request_id": 1}\n{"request_id": \n[1, 2]\n\n{"a": "\xff"}\nnull\n')
    second, third, fifth, sixth = problems_of(path)
    assert "line 2: not valid JSON" in second
    assert "line 3: list where an object is expected" in third
    assert "line 5: byte 0xff is not UTF-8; save the file as UTF-8" in fifth
    assert "line 6" in sixth


@pytest.mark.parametrize("also", ["", ', "quality": NaN'])
def test_half_a_surrogate_pair_is_told_as_such(tmp_path, also):
    path = tmp_path / "log.jsonl"
    path.write_text(f'{{"prompt": "\\ud83d\\ude42"}}\n{{"prompt": "half \\ude42 of it"{also}}}\n')
    (problem,) = problems_of(path)
    assert r"line 2: '\ude42' is half of a surrogate pair" in problem


def test_ragged_csv_rows_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("request_id,model,quality\na,b,1\na,c\nd,b,1,2\n")
    second, third = problems_of(path)
    assert "line 3: 2 fields where the header has 3" in second
    assert "line 4: 4 fields where the header has 3; quote" in third


@pytest.mark.parametrize("line", [1, 3])
def test_csv_that_is_not_utf8(tmp_path: Path, line: int) -> None:
    lines = [b"request_id,model,quality,task", b"a,b,1,x", b"a,c,1,x"]
    lines[line - 1] += b"\xe9"
    (tmp_path / "log.csv").write_bytes(b"\n".join(lines))
    (problem,) = problems_of(tmp_path / "log.csv")
    assert f"line {line}: byte 0xe9 is not UTF-8" in problem


def test_a_column_twice(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("request_id,model,quality,quality\na,b,1,1\n")
    assert "the column 'quality' is there twice" in problems_of(tmp_path / "log.csv")[0]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colums = 3", "unknown field `colums`"),
        ("[signals.sure]\nfactor = 3", "unknown field `factor`"),
        ("[signals.sure]\nmultiplier = 'x'", "`$.signals[...].multiplier`"),
        ("[signals.sure]\nmultiplier = 0.5", "multiplier is 0.5"),
        ("[signals.sure]\nmultiplier = 3\nextra_cost = 'cost'", "not both"),
        ("[signals.shure]\nmultiplier = 3", "no column 'shure'"),
        ("[signals.sure]\nextra_cost = 'fee'", "no column 'fee'"),
        ("catalogue = 'none.toml'", "'none.toml' cannot be read"),
        ("[", "not valid TOML"),
    ],
)
def test_a_sidecar_that_does_not_fit(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "log.log.toml").write_text(text)
    path = save(tmp_path / "log.csv", ROWS)
    assert any(says in problem for problem in problems_of(path))


def test_a_signal_asked_for_that_is_not_there(tmp_path: Path) -> None:
    path = save(tmp_path / "log.csv", [{**row, "mute": None} for row in ROWS])
    asked = {"mute": SignalSpec(), "other": SignalSpec()}
    (problem,) = problems_of(path, signals=asked)
    assert "signal 'other': no column 'other'" in problem
    (problem,) = problems_of(path, signals={"mute": SignalSpec()})
    assert "signal 'mute' has no value on any row" in problem


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("model,usd_per_1m_input\nsmall,1\n", "no column 'usd_per_1m_output'"),
        ("model,usd_per_1m_input,usd_per_1m_output\nsmall,1,x\n", "usd_per_1m_output is 'x'"),
        ("model,usd_per_1m_input,usd_per_1m_output\nsmall,1,-1\n", "usd_per_1m_output is '-1'"),
        ("model,usd_per_1m_input,usd_per_1m_output\nsmall,1,1\nsmall,1,1\n", "twice: small"),
        ("", "no rows"),
    ],
)
def test_prices_that_cannot_be(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "prices.csv").write_text(text)
    path = save(tmp_path / "log.csv", ROWS)
    problem, *_ = problems_of(path, prices=tmp_path / "prices.csv")
    assert problem.startswith("prices.csv: ")
    assert says in problem
    assert "cannot be read" in problems_of(path, prices=tmp_path / "none.csv")[0]


def test_wide_form_without_a_models_quality(tmp_path: Path) -> None:
    row = {"sample_id": "a", "x": 1, "x|total_cost": 1, "y|total_cost": 1}
    problem = complaint(tmp_path / "log.csv", [row])
    assert "no column 'y' with the quality of that model" in problem


def test_wide_form_points_at_the_files_row(tmp_path: Path) -> None:
    rows = [{"id": f"r{i}", "x": 1, "x|cost": 1, "y": i, "y|cost": 1} for i in range(3)]
    problem = complaint(tmp_path / "log.csv", rows)
    assert "row 3 (request 'r2', model 'y') on line 4: quality is 2.0" in problem


def test_paths_that_no_file_can_have_and_pipes_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    for path, says in (
        (tmp_path / f"{'x' * 300}.csv", "too long"),
        (tmp_path / "a\0b.csv", "null byte"),
        (pipe, "is no file that can be read twice"),
    ):
        (problem,) = problems_of(path)
        assert says in problem


def test_a_signal_without_a_name_is_none(tmp_path: Path) -> None:
    problem = complaint(tmp_path / "log.csv", with_column("sure", [0.5] * 4), signals=[""])
    assert "signal '': no column ''" in problem
