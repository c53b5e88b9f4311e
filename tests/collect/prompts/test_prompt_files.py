"""Prompts from files of every kind, each once, conversations whole."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from routelab.collect import CollectedRequest
from routelab.collect.prompts import PreparedRequests, prepare
from routelab.errors import CollectError, LogError
from routelab.graders import REFERENCE_COLUMNS

SAMPLE = Path(__file__).parents[3] / "datasets" / "sample.parquet"


def prepared(source: Path, **columns: str) -> tuple[PreparedRequests, list[CollectedRequest]]:
    found = prepare(source, source.parent / "requests.jsonl", columns)
    lines = found.path.read_bytes().splitlines()
    return found, [msgspec.json.decode(it, type=CollectedRequest) for it in lines]


def written(tmp_path: Path, rows: list[dict], name: str = "asked.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(it) + "\n" for it in rows), encoding="utf-8")
    return path


def test_exact_duplicates_are_asked_once(tmp_path):
    rows = [{"prompt": it} for it in ("a", "b", "a", "a ", "b")]
    found, requests = prepared(written(tmp_path, rows))
    assert (found.n, found.repeated) == (3, 2)
    assert [it.messages[0]["content"] for it in requests] == ["a", "b", "a "]
    assert len({it.id for it in requests}) == 3


def test_a_log_with_a_row_per_model_gives_each_request_once(tmp_path):
    import shutil

    source = Path(shutil.copy(SAMPLE, tmp_path / "log.parquet"))
    found, requests = prepared(source)
    assert len({it.id for it in requests}) == len(requests) == found.n <= 4_000
    assert {it.task for it in requests} > {"law"}
    assert requests[0].timestamp == 1767226294.445
    assert requests[0].columns == {}


def test_right_answers_are_of_the_request_under_each_name_that_grading_finds(tmp_path):
    source = tmp_path / "log.jsonl"
    row = {"request_id": "x", "model": "small", "prompt": "2 + 2?", "response": "5"}
    source.write_text(json.dumps(row | dict.fromkeys(REFERENCE_COLUMNS, "4")), encoding="utf-8")
    _, (only,) = prepared(source)
    assert only.columns == dict.fromkeys(REFERENCE_COLUMNS, "4")


def test_messages_and_further_columns_are_kept(tmp_path):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2 + 2?"}]
    rows = [{"id": "x", "messages": messages, "reference": "4", "level": 2, "eval_name": "maths"}]
    _, (only,) = prepared(written(tmp_path, rows))
    assert list(only.messages) == messages
    assert (only.id, only.task, only.columns) == ("x", "maths", {"reference": "4", "level": 2})


def test_a_column_by_another_name_is_said(tmp_path):
    source = written(tmp_path, [{"question": "why?", "answer": "so"}])
    _, (only,) = prepared(source, prompt="question")
    assert only.messages[0]["content"] == "why?"
    assert only.columns == {"answer": "so"}
    with pytest.raises(CollectError, match="'promt'"):
        prepared(source, promt="question")


def test_turns_of_a_session_stand_before_its_later_prompts(tmp_path):
    rows = [
        {"session_id": "s", "turn": 1, "prompt": "hi", "response": "hello"},
        {"session_id": "t", "turn": 1, "prompt": "hi"},
        {"session_id": "s", "turn": 2, "prompt": "and?", "response": "well"},
        {"session_id": "t", "turn": 2, "prompt": "so?"},
    ]
    found, requests = prepared(written(tmp_path, rows))
    said = [[it["content"] for it in request.messages] for request in requests]
    assert said == [["hi"], ["hi", "hello", "and?"], ["hi", "so?"]]
    assert {it.group for it in requests} == {"s", "t"}
    (note,) = found.notes
    assert note.startswith("2 requests are asked with the turns of their session before them; 2")


def test_turns_that_run_backwards_are_refused(tmp_path):
    rows = [{"session_id": "s", "turn": it, "prompt": str(it)} for it in (2, 1)]
    with pytest.raises(CollectError, match="sort the file by turn"):
        prepared(written(tmp_path, rows))


def test_everything_that_is_wrong_is_told_at_once_with_its_place(tmp_path):
    path = tmp_path / "asked.jsonl"
    path.write_bytes(
        b'{"prompt": "a"}\n{"prompt": \n{"text": "b"}\n{"messages": [{"role": "human"}]}\n'
        b'{"messages": "just words"}\n{"prompt": "  "}\n'
    )
    with pytest.raises(CollectError) as refused:
        prepared(path)
    told = refused.value.problems
    assert [it.split(": ")[1] for it in told] == [f"line {it}" for it in (2, 3, 4, 5, 6)]
    assert "write user" in told[2]
    assert not (tmp_path / "requests.jsonl").exists()
    assert [it.name for it in tmp_path.iterdir()] == ["asked.jsonl"]


def test_one_id_for_two_requests_is_refused(tmp_path):
    rows = [{"id": "x", "prompt": "a"}, {"id": "x", "prompt": "b"}]
    with pytest.raises(CollectError, match=r"1 requests have the id of another one .*'x'"):
        prepared(written(tmp_path, rows))


@pytest.mark.parametrize("name", ["none.jsonl", "asked.xlsx"])
def test_files_that_are_none_of_prompts_are_refused(tmp_path, name):
    if name.endswith("xlsx"):
        (tmp_path / name).write_bytes(b"PK")
    with pytest.raises(LogError):
        prepared(tmp_path / name)


def test_an_empty_file_has_no_requests(tmp_path):
    (tmp_path / "asked.csv").write_text("prompt\n", encoding="utf-8")
    with pytest.raises(CollectError, match=r"asked\.csv: has no requests"):
        prepared(tmp_path / "asked.csv")
