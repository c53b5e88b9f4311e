"""What in other programs' records is no call, or not as it says: counted, and told where."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from calls_world import (
    GEN_AI,
    OPEN_INFERENCE,
    START,
    arena_predictions,
    helicone_row,
    inspect_log,
    lines,
    observation,
    pairs,
    span,
    spend_row,
    trace,
)

from routelab.errors import LogError
from routelab.logs.importers import REGISTRY, CallImporter, ImportedCalls, import_calls
from routelab.logs.importers.calls import skipped_note


def imported(
    name: str, path: Path, folder: Path, **how: Any
) -> tuple[ImportedCalls, list[dict[str, Any]]]:
    importer = REGISTRY.kinds[name]
    assert isinstance(importer, CallImporter)
    found = import_calls(importer, path, folder / "log.parquet", **how)
    return found, pq.read_table(folder / "log.parquet").to_pylist()


def child(own: str, parent: str | None, attributes: Any = GEN_AI, **more: Any) -> dict[str, Any]:
    return span(attributes, spanId=own, **({"parentSpanId": parent} if parent else {}), **more)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_span_that_wraps_another_call_counts_once_in_any_order(order, tmp_path):
    spans = [child("a" * 16, None), child("b" * 16, "a" * 16), child("c" * 16, "f" * 16)]
    path = lines(tmp_path / "t.jsonl", [spans[at] for at in order])
    found, rows = imported("otlp", path, tmp_path)

    assert {row["request_id"][0] for row in rows} == {"b", "c"}  # c's parent is in no file
    wraps = "wraps another call, which has its tokens"
    assert dict(found.skipped) == {wraps: 1}
    assert found.examples[wraps] == f"t.jsonl row {order.index(0) + 1}"
    assert not {"_file", "_row", "_inside"} & set(rows[0])


@pytest.mark.parametrize("first", [True, False])
def test_calls_of_an_evaluator_are_no_traffic(first, tmp_path):
    judge = {"openinference.span.kind": "EVALUATOR"}
    rows = [
        child("e" * 16, None, judge, traceId="9" * 32),
        child("d" * 16, "e" * 16, OPEN_INFERENCE, traceId="9" * 32),
        child("f" * 16, "a" * 16, judge),
        child("b" * 16, "f" * 16, OPEN_INFERENCE),
        child("c" * 16, "a" * 16, OPEN_INFERENCE),
    ]
    path = lines(tmp_path / "t.jsonl", rows if first else rows[::-1])
    found, kept = imported("otlp", path, tmp_path)

    assert [row["request_id"][0] for row in kept] == ["c"]
    assert found.skipped["is a call of a judge, and no traffic"] == 3


def test_calls_of_an_evaluator_in_a_frame_of_phoenix_are_no_traffic(tmp_path):
    rows = [
        {"context.span_id": "j", "context.trace_id": "t2", "span_kind": "EVALUATOR"},
        {"context.span_id": "k", "context.trace_id": "t2", "parent_id": "j", "span_kind": "LLM"},
        {"context.span_id": "l", "context.trace_id": "t1", "span_kind": "LLM"},
    ]
    named = [row | {"attributes.llm.model_name": "gpt-4o"} for row in rows]
    found, kept = imported("phoenix", lines(tmp_path / "p.jsonl", named), tmp_path)

    assert [row["request_id"] for row in kept] == ["l"]
    assert sum(found.skipped.values()) == 2


def test_a_failed_span_of_open_inference_is_a_failure_of_the_model_that_was_asked(tmp_path):
    asked = {
        "openinference.span.kind": "LLM",
        "llm.invocation_parameters": json.dumps({"model": "gpt-4o"}),
        "input.value": json.dumps(
            {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
        ),
    }
    answered = asked | {
        "llm.model_name": "gpt-4o-2024-08-06",
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": "Hi",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.contents.0.message_content.text": "He",
        "llm.output_messages.0.message.contents.1.message_content.text": "llo",
    }
    failed = span(asked, spanId="a" * 16, status={"code": 2, "message": "400"})
    path = lines(tmp_path / "t.jsonl", [failed, span(answered, spanId="b" * 16)])
    _, (bad, good) = imported("otlp", path, tmp_path)

    assert (bad["model"], bad["error"], bad["response"]) == ("gpt-4o", "400", None)
    assert (good["model"], good["served_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert good["response"] == "Hello"
    assert bad["messages"] == good["messages"] == '[{"role":"user","content":"Hi"}]'


BACKWARDS = {
    "litellm": lambda at: lines(at / "x.jsonl", [spend_row(endTime="2026-11-01T09:59:59Z")]),
    "otlp": lambda at: lines(
        at / "x.jsonl", [span(GEN_AI, endTimeUnixNano=f"{int(START) - 1}000000000")]
    ),
    "langfuse": lambda at: lines(
        at / "x.jsonl", [observation(end_time="2026-11-01 09:59:59.000000")]
    ),
    "calls": lambda at: lines(
        at / "x.jsonl", [{"id": "a", "model": "m", "timestamp": START, "end_time": START - 1}]
    ),
}


@pytest.mark.parametrize("name", sorted(BACKWARDS))
def test_a_clock_that_ran_backwards_gives_no_latency_and_is_told(name, tmp_path):
    found, (row,) = imported(name, BACKWARDS[name](tmp_path), tmp_path)

    assert row.get("latency_s") is None
    assert dict(found.doubted) == {"have no latency: a clock ran backwards": 1}
    assert skipped_note(found) == [
        "1 calls have no latency: a clock ran backwards (the first is x.jsonl row 1)"
    ]


def test_a_cost_in_another_currency_is_not_taken_for_dollars(tmp_path):
    row = json.loads(pairs(tmp_path).read_text())
    rows = [row | {"id": str(at), "currency": it} for at, it in enumerate(("USD", "EUR", "usd"))]
    found, kept = imported("calls", lines(tmp_path / "x.jsonl", rows), tmp_path)

    assert [it["cost_usd"] for it in kept] == [0.002, None, 0.002]
    (reason,) = found.doubted
    assert found.examples[reason] == "x.jsonl row 2"


JUDGES = {
    "litellm": [spend_row(metadata={"internal_call_origin": "shadow_eval_judge"})],
    "mlflow": [trace(tags={"mlflow.trace.sourceScorer": "right"})],
    "langfuse": [observation(environment="langfuse-llm-as-a-judge")],
}
CACHED = {
    "litellm": [spend_row(cache_hit="True")],
    "helicone": [helicone_row(cache_reference_id="0d9c0f6e-0000-4000-8000-000000000001")],
    "calls": [{"id": "a", "model": "m", "cache_hit": True}],
}
REAL = {
    "litellm": spend_row(request_id="real"),
    "mlflow": trace(trace_id="real"),
    "langfuse": observation(id="real", environment="production"),
    "helicone": helicone_row(
        request_id="real", cache_reference_id="00000000-0000-0000-0000-000000000000"
    ),
    "calls": {"id": "real", "model": "m", "cache_hit": False},
}


@pytest.mark.parametrize(
    ("name", "rows"), [*JUDGES.items(), *CACHED.items()], ids=lambda it: it if it == str(it) else ""
)
def test_calls_of_judges_and_replies_of_caches_are_counted_and_left_out(name, rows, tmp_path):
    path = lines(tmp_path / "x.jsonl", [REAL[name], *rows])
    found, kept = imported(name, path, tmp_path)

    assert [row["request_id"] for row in kept] == ["real"]
    ((reason, many),) = found.skipped.items()
    assert (many, found.examples[reason]) == (1, "x.jsonl row 2")


def test_a_failed_answer_of_the_arena_is_a_failure_and_not_a_zero(tmp_path):
    path = arena_predictions(tmp_path)
    rows = json.loads(path.read_text())
    rows[0] |= {"accuracy": 0.0, "generated_result": {"success": False, "error": "timeout"}}
    path.write_text(json.dumps(rows))
    _, kept = imported("routerarena", path, tmp_path)

    assert [(it["quality"], it["error"]) for it in kept] == [(None, "timeout"), (1.0, "")]


def test_an_assessment_that_failed_is_no_grade(tmp_path):
    failed = {
        "assessment_name": "right",
        "source": {"source_type": "LLM_JUDGE"},
        "feedback": {"value": 0, "error": {"error_code": "TIMEOUT"}},
        "valid": True,
    }
    _, (row,) = imported(
        "mlflow", lines(tmp_path / "x.jsonl", [trace(assessments=[failed])]), tmp_path
    )

    assert not [name for name in row if name.startswith("judge.")]


def test_a_grade_that_is_no_number_is_none_and_leaves_the_rest_of_the_log(tmp_path):
    log = inspect_log(tmp_path / "a.eval", "openai/small", {"1": ["C"], "2": [float("nan")]})
    found, (row,) = imported("inspect-ai", log, tmp_path)

    assert row["quality"] == 1.0
    assert list(found.skipped.values()) == [1]


def test_an_evaluation_that_is_still_running_says_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.eval", "w") as archive:
        archive.writestr("_journal/start.json", "{}")
    with pytest.raises(LogError, match=r"a\.eval: has no header\.json.* cut off, or still running"):
        imported("inspect-ai", tmp_path / "a.eval", tmp_path)


@pytest.mark.parametrize("cut", [1, 40, 120])
def test_an_export_that_ends_too_soon_is_an_error_or_a_counted_row(cut, tmp_path):
    rows = [spend_row(request_id=f"r{at}") for at in range(3)]
    whole = "\n".join(map(json.dumps, rows))
    (tmp_path / "x.jsonl").write_text(whole[:-cut])
    found, kept = imported("litellm", tmp_path / "x.jsonl", tmp_path)
    assert len(kept) == 2
    assert found.examples == {"is no JSON, or cut off": "x.jsonl row 3"}

    (tmp_path / "x.json").write_text(json.dumps(rows)[:-cut])
    with pytest.raises(LogError, match=r"x\.json: is no JSON"):
        imported("litellm", tmp_path / "x.json", tmp_path)

    (tmp_path / "y.jsonl.gz").write_bytes(gzip.compress(whole.encode())[:-cut])
    with pytest.raises(LogError, match=r"y\.jsonl\.gz: cannot be read to its end"):
        imported("litellm", tmp_path / "y.jsonl.gz", tmp_path)


def test_a_table_that_ends_within_a_row_is_told(tmp_path):
    head = "request_id,model,spend,call_type\n"
    (tmp_path / "x.csv").write_text(f"{head}a,m,0.5,acompletion\nb,m,0.")
    found, kept = imported("litellm", tmp_path / "x.csv", tmp_path)
    assert [(row["request_id"], row["cost_usd"]) for row in kept] == [("a", 0.5)]
    assert found.examples == {"has more or fewer fields than the file has columns": "x.csv row 3"}

    (tmp_path / "y.csv").write_text(f'{head}a,m,0.5,acompletion\nb,"m, which')
    with pytest.raises(LogError, match=r"y\.csv: cannot be read to its end"):
        imported("litellm", tmp_path / "y.csv", tmp_path)


def test_a_call_without_an_id_is_no_duplicate_of_another(tmp_path):
    rows = [spend_row(request_id=""), spend_row(request_id=""), spend_row()]
    found, kept = imported("litellm", lines(tmp_path / "x.jsonl", rows), tmp_path)

    assert len(kept) == 1
    assert dict(found.skipped) == {"has no id": 2}


def test_a_folder_of_two_files_says_in_which_a_call_stands_twice(tmp_path):
    lines(tmp_path / "in" / "a.jsonl", [spend_row(), spend_row(request_id="r2")])
    lines(tmp_path / "in" / "b.jsonl", [spend_row(request_id="r3"), spend_row(request_id="r2")])
    found, kept = imported("litellm", tmp_path / "in", tmp_path)

    assert [row["request_id"] for row in kept] == ["r1", "r2", "r3"]
    assert (found.calls, found.repeated) == (3, 1)
    assert skipped_note(found) == [
        "1 records are left out: each stands twice: an earlier call is of the same request and"
        " model (the first is b.jsonl row 2)"
    ]


def test_grades_of_a_file_are_joined_by_request_and_model_and_bad_lines_told(tmp_path):
    rows = [spend_row(), spend_row(request_id="r2"), spend_row(request_id="r3", status="failure")]
    path = lines(tmp_path / "x.jsonl", rows)
    grades = [
        {"request_id": "r1", "quality": 0.25, "model": "small"},
        {"request_id": "r2", "quality": 1, "model": "another"},
        {"request_id": "r3", "quality": 0},
    ]
    feedback = lines(tmp_path / "f.jsonl", grades)
    _, kept = imported("litellm", path, tmp_path, feedback=feedback)
    assert [row["quality"] for row in kept] == [0.25, None, None]  # the last one failed

    lines(feedback, [{"request_id": "r1"}, {"quality": 1}])
    with pytest.raises(LogError) as error:
        imported("litellm", path, tmp_path, feedback=feedback)
    assert [it[:15] for it in error.value.problems] == ["f.jsonl: row 1:", "f.jsonl: row 2:"]


def test_grades_of_no_call_are_told(tmp_path):
    rows = [
        {"id": at, "model": "small", "messages": [{"role": "user", "content": "why?"}]}
        for at in "abc"
    ]
    grades = [
        {"request_id": "a", "quality": 1.0},
        {"request_id": "b", "model": "small", "quality": 0.0},
        {"request_id": "c", "model": "large", "quality": 0.5},
        {"request_id": "d", "quality": 0.5},
    ]
    found, log = imported(
        "calls",
        lines(tmp_path / "calls.jsonl", rows),
        tmp_path,
        columns={"request_id": "id"},
        feedback=lines(tmp_path / "grades.jsonl", grades),
    )
    assert [it["quality"] for it in log] == [1.0, 0.0, None]
    assert found.notes[-1].startswith(
        "2 of 4 grades are of no call here, such as that of 'c' of 'large': request_id"
    )


def test_grades_that_are_none_are_told_before_anything_is_written(tmp_path):
    grades = [{"request_id": "a", "quality": 4}, {"quality": 1.0}, *[{"request_id": "b"}] * 30]
    with pytest.raises(LogError) as raised:
        imported(
            "litellm",
            lines(tmp_path / "spend.jsonl", [spend_row()]),
            tmp_path,
            feedback=lines(tmp_path / "grades.jsonl", grades),
        )
    first, second, *_, last = raised.value.problems
    assert first.startswith("grades.jsonl: row 1: needs a request_id, and a quality from 0 to 1;")
    assert "has 'a' and 4" in first
    assert "row 2" in second
    assert last == "grades.jsonl: and 12 rows more"
    assert not (tmp_path / "log.parquet").exists()
