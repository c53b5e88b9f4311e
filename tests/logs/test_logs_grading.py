"""A log is graded: new columns beside the old ones, written whole or not at all."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from routelab import graders
from routelab.errors import GradingError, LogError
from routelab.graders import AnswerStatus, Grader
from routelab.logs import grade, read

ROWS = [
    {"request_id": "a", "model": "m", "response": "It is 4", "gold": [4, 5], "stars": "5"},
    {"request_id": "a", "model": "n", "response": "6", "gold": [4, 5], "stars": "1"},
    {"request_id": "b", "model": "m", "response": "", "gold": [7], "stars": None},
    {"request_id": "b", "model": "n", "response": "I'm sorry, I cannot help with that."},
    {"request_id": "c", "model": "m", "response": "so far 7", "gold": [8], "stop_reason": "length"},
    {"request_id": "c", "model": "n", "response": None, "gold": [8], "error": "timeout"},
]
STATUSES = ["graded", "graded", "empty", "refused", "cut", "errored"]
NUMERIC, EXACT = graders.NumericMatch(), graders.ExactMatch()


@pytest.fixture
def answers(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("".join(json.dumps(it) + "\n" for it in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "graded.parquet"


def test_grades_stand_beside_what_was_there(answers, out):
    stars = graders.UserFeedback(column="stars", scale="1:5")
    found = grade(answers, out, [NUMERIC, EXACT, stars])
    table = pq.read_table(out).to_pydict()
    assert table["grade_status"] == STATUSES
    assert table["quality"] == [1.0, 0.0, None, None, None, None]
    assert table["grade_exact"] == [0.0, 0.0, None, None, 0.0, None]
    assert table["grade_feedback_stars"] == [1.0, 0.0, None, None, None, None]
    assert table["response"] == [it["response"] for it in ROWS]
    assert found.models["m"].quality == 1.0
    assert found.models["m"].statuses == {"cut": 1, "empty": 1, "graded": 1}
    assert dict(found.untold) == {"numeric": 1, "exact": 1, "feedback_stars": 2}
    assert [it.only_one for it in found.agreements] == [1, 0, 0]


def test_the_graded_log_is_a_log(answers, out):
    grade(answers, out, [NUMERIC])
    log = read(out)
    assert log.models == ("m", "n")
    assert log.error.tolist() == [[False, False], [False, False], [False, True]]
    assert np.isnan(log.quality).sum() == 3  # and 0 of the call that failed
    assert not log.signals


def test_answers_that_never_were_are_wrong_where_asked_for(answers, out):
    grade(answers, out, [NUMERIC], as_wrong=[AnswerStatus.EMPTY, AnswerStatus.CUT])
    table = pq.read_table(out).to_pydict()
    assert table["quality"] == [1.0, 0.0, 0.0, None, 0.0, None]
    assert table["grade_status"] == STATUSES


def test_a_quality_that_was_there_is_kept_under_another_name(tmp_path, out):
    path = tmp_path / "log.parquet"
    table = {"request_id": ["a"], "model": ["m"], "score": [0.3], "response": ["x"], "gold": ["x"]}
    pq.write_table(pa.table(table).replace_schema_metadata({b"routelab.log": b"{}"}), path)
    grade(path, out, [EXACT], columns={"quality": "score"})
    written = pq.read_table(out)
    assert written["quality_before"].to_pylist() == [0.3]
    assert written["quality"].to_pylist() == [1.0]
    assert written.schema.metadata[b"routelab.log"] == b"{}"


def test_many_rows_are_graded_in_order(tmp_path, out):
    n = 3_000
    path = tmp_path / "log.parquet"
    said = [str(at % 7) for at in range(n)]
    ids = [str(at) for at in range(n)]
    pq.write_table(
        pa.table({"id": ids, "model": ["m"] * n, "response": said, "gold": ["3"] * n}), path
    )
    told: list[tuple[int, int]] = []
    found = grade(path, out, [EXACT], progress=lambda done, of: told.append((done, of)))
    assert found.rows == n
    assert told[-1] == (n, n)
    assert pq.read_table(out)["quality"].to_pylist() == [float(it == "3") for it in said]


class Interrupted(Grader, frozen=True, tag="interrupted"):
    def compare(self, answer, reference):
        raise KeyboardInterrupt


def test_nothing_is_left_of_a_grading_that_ends_early(answers, out):
    with pytest.raises(KeyboardInterrupt):
        grade(answers, out, [Interrupted()])
    assert [it.name for it in out.parent.iterdir()] == ["answers.jsonl"]


def test_a_log_without_models_is_graded_as_one(tmp_path, out):
    path = tmp_path / "a.csv"
    path.write_text("response,gold\n7,7\n8,7\n", encoding="utf-8")
    found = grade(path, out, [EXACT])
    assert found.models[""].quality == 0.5


def test_what_is_missing_is_told_before_anything_is_written(answers, out, tmp_path):
    with pytest.raises(GradingError, match="no grader"):
        grade(answers, out, [])
    with pytest.raises(LogError) as raised:
        grade(answers, out, [EXACT], reference="right", finish="why", columns={"response": ""})
    assert len(raised.value.problems) == 3
    bare = tmp_path / "bare.csv"
    bare.write_text("response\nx\n", encoding="utf-8")
    with pytest.raises(LogError, match="no column of right answers, which exact needs"):
        grade(bare, out, [EXACT])
    with pytest.raises(LogError, match="is the log itself"):
        grade(_graded(answers, out), out, [EXACT], replace=True)
    with pytest.raises(LogError, match="is there already"):
        grade(answers, out, [EXACT])
    with pytest.raises(LogError, match=r"end the name in \.parquet"):
        grade(answers, tmp_path / "out.csv", [EXACT])
    with pytest.raises(LogError, match="has grade_status, grade_exact already"):
        grade(out, tmp_path / "again.parquet", [EXACT])


def _graded(answers, out):
    grade(answers, out, [EXACT])
    return out


def test_a_model_without_a_grade_has_no_quality(tmp_path, out):
    path = tmp_path / "a.csv"
    path.write_text("request_id,model,response,gold\n1,m,,7\n", encoding="utf-8")
    assert math.isnan(grade(path, out, [EXACT]).models["m"].quality)


@pytest.mark.parametrize("name", ["reference", "expected_output"])
def test_an_answer_whose_reference_is_empty_has_no_grade(tmp_path, out, name):
    path = tmp_path / "answers.csv"
    path.write_text(f"request_id,model,response,{name}\na,m,Paris,Paris\nb,m,Rome,\n", "utf-8")
    found = grade(path, out, [EXACT])
    assert pq.read_table(out)["quality"].to_pylist() == [1.0, None]
    assert found.untold["exact"] == 1


def test_a_log_without_rows_is_told(tmp_path, out):
    path = tmp_path / "answers.csv"
    path.write_text("request_id,model,response,reference\n", "utf-8")
    with pytest.raises(LogError, match=r"answers\.csv: has no rows"):
        grade(path, out, [EXACT])
    assert not out.exists()
