"""`routelab grade`: grades, disagreement and errors as a terminal shows them."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from routelab.cli import main

CSV = "request_id,model,response,reference\n1,m,It is 4,4\n1,n,5,4\n2,m,,4\n2,n,4,4\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


def test_a_log_is_graded_side_by_side(log, capsys):
    assert main(["grade", str(log), "--grader", "numeric", "--grader", "exact"]) == 0
    said = capsys.readouterr().out
    assert "numeric and exact disagree on 1 of 3 answers" in said
    assert "answers.graded.parquet" in said
    table = pq.read_table(log.with_name("answers.graded.parquet"))
    assert table["quality"].to_pylist() == [1.0, 0.0, None, 1.0]


def test_json_says_all_of_it(log, capsys):
    out = log.with_name("g.parquet")
    given = ["grade", str(log), "--grader", "exact", "--out", str(out), "--json"]
    assert main([*given, "--as-wrong", "empty"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rows"] == 4
    assert found["models"]["m"] == {"quality": 0.0, "statuses": {"empty": 1, "graded": 1}}
    assert found["log"] == str(out)


def test_a_grading_without_a_grade_is_a_failure(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("request_id,model,response,reference\n1,m,4,four\n", encoding="utf-8")
    assert main(["grade", str(path), "--grader", "numeric"]) == 1
    assert "'four' is no number (1 answers)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "--grader exact"),
        (["--grader", "exakt"], "write 'exact'"),
        (["--grader", "exact", "--reference", "gold"], "no column 'gold'"),
        (["--grader", "exact", "--as-wrong", "errored"], "none of cut, refused, empty"),
        (["--grader", "exact", "--column", "response"], "response=answer"),
    ],
)
def test_what_is_wrong_is_told(log, capsys, given, why):
    assert main(["grade", str(log), *given]) == 2
    assert why in capsys.readouterr().err
    assert [it.name for it in log.parent.iterdir()] == ["answers.csv"]
