"""Records of other programs: what they cost, who answered, who judged, and what is no call."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from calls_world import (
    FORMER,
    GEN_AI,
    OPEN_INFERENCE,
    START,
    batch,
    helicone_row,
    lines,
    observation,
    recorded,
    span,
    spend_row,
    trace,
)

from routelab.errors import LogError
from routelab.logs import Log, PartialLog, read
from routelab.logs.importers import REGISTRY, CallImporter, import_calls

TRAFFIC = ("litellm", "otlp", "mlflow", "langfuse", "phoenix", "helicone", "openai", "calls")
ON_PURPOSE = ("inspect-ai", "lm-eval", "helm", "promptfoo", "llmrouterbench", "preferences")

PRICES = """[models.gpt-4o]
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10.0
cached_input_usd_per_mtok = 1.25

[models."gpt-4o-2024-08-06"]
input_usd_per_mtok = 2.5
output_usd_per_mtok = 10.0
cached_input_usd_per_mtok = 1.25
"""
BILL = (60 * 2.5 + 40 * 1.25 + 20 * 10.0) / 1e6
"""Of 100 tokens of the prompt, 40 of them cached, and 20 of the answer."""


def importer(name: str) -> CallImporter:
    found = REGISTRY.kinds[name]
    assert isinstance(found, CallImporter)
    return found


def imported(name: str, path: Path, out: Path, **how: Any) -> list[dict[str, Any]]:
    """The calls of what another program recorded, as rows."""
    import_calls(importer(name), path, out, **how)
    return pq.read_table(out).to_pylist()


@pytest.mark.parametrize("name", TRAFFIC)
def test_traffic_becomes_a_partial_log_with_prompts_answers_tokens_and_times(name, tmp_path):
    rows = imported(name, recorded(name, tmp_path), tmp_path / "log.parquet")

    first = rows[0]
    assert first["model"] in ("gpt-4o", "small")
    assert json.loads(first["messages"])[-1]["content"] == "What is 2 + 2?"
    assert first["response"] == "4"
    assert (first["prompt_tokens"], first["completion_tokens"]) == (100, 20)
    assert first["cached_tokens"] == 40
    assert first["timestamp"] == START
    assert first.get("latency_s", 2.0) in (1.5, 2.0)
    log = read(tmp_path / "log.parquet", graded=False)
    assert isinstance(log, PartialLog)
    assert np.isnan(log.propensity).all()


@pytest.mark.parametrize("name", ["otlp", "openai", "calls"])
def test_what_no_record_says_of_cost_a_price_list_does(name, tmp_path):
    prices = tmp_path / "prices.toml"
    prices.write_text(PRICES)
    path = recorded(name, tmp_path)
    if name == "calls":
        record = json.loads(path.read_text())
        lines(path, [{key: it for key, it in record.items() if key != "cost"}])
    import_calls(importer(name), path, tmp_path / "log.parquet", price_list=prices)

    log = read(tmp_path / "log.parquet", graded=False)

    assert log.cost_usd == pytest.approx(BILL, rel=1e-12)


@pytest.mark.parametrize("name", ON_PURPOSE)
def test_an_evaluation_becomes_a_log_of_requests_and_models(name, tmp_path):
    import_calls(importer(name), recorded(name, tmp_path), tmp_path / "log.parquet")

    log = read(tmp_path / "log.parquet")

    assert isinstance(log, Log)
    assert len(log.models) == 2
    small, large = sorted(log.models, key=lambda it: "large" in it)
    better = np.nanmean(log.quality[:, log.column(large)])
    assert better >= np.nanmean(log.quality[:, log.column(small)])


def test_epochs_of_inspect_ai_are_samples_and_its_letters_grades(tmp_path):
    rows = imported("inspect-ai", recorded("inspect-ai", tmp_path), tmp_path / "log.parquet")

    small = {(it["request_id"], it["attempt"]): it["quality"] for it in rows[:4]}
    assert small == {("sums/1", 0): 1.0, ("sums/1", 1): 0.0, ("sums/2", 0): 0.5, ("sums/2", 1): 0.0}
    assert {it["prompt_tokens"] for it in rows} == {100}
    assert {it["latency_s"] for it in rows} == {2.0}


def test_replies_of_caches_have_no_cost_and_no_latency(tmp_path):
    rows = imported("promptfoo", recorded("promptfoo", tmp_path), tmp_path / "log.parquet")

    cached = [it for it in rows if it["request_id"] == "hash-of-prom/1"]
    assert cached
    assert all(it["cost_usd"] is it["latency_s"] is it["prompt_tokens"] is None for it in cached)
    helm = imported("helm", recorded("helm", tmp_path / "h"), tmp_path / "helm.parquet")
    assert [it["latency_s"] for it in helm[:3]] == [2.0, None, 2.0]


def test_a_failed_call_is_no_zero_and_a_failed_grader_no_row(tmp_path):
    out = tmp_path / "log.parquet"
    found = import_calls(importer("promptfoo"), recorded("promptfoo", tmp_path), out)

    rows = pq.read_table(out).to_pylist()
    (failed,) = [it for it in rows if it["request_id"] == "hash-of-prom/2"]
    assert (failed["quality"], failed["error"]) == (None, "no answer")
    assert list(found.skipped.values()) == [1]
    assert "grader" in next(iter(found.skipped))


@pytest.mark.parametrize(
    ("attributes", "part"),
    [
        (GEN_AI, "cached_tokens"),
        (FORMER, "cache_write_tokens"),
        (OPEN_INFERENCE, "cached_tokens"),
    ],
)
def test_spans_say_the_same_by_present_names_former_ones_and_open_inference(
    attributes, part, tmp_path
):
    path = lines(tmp_path / "traces.jsonl", [span(attributes)])
    (row,) = imported("otlp", path, tmp_path / "log.parquet")

    assert (row["model"], row["session_id"], row["response"]) == ("gpt-4o", "c1", "4")
    assert (row["prompt_tokens"], row["completion_tokens"], row[part]) == (100, 20, 40)
    assert row.get("cost_usd") == attributes.get("llm.cost.total")


def test_an_evaluation_event_is_joined_to_its_span(tmp_path):
    event = {
        "name": "gen_ai.evaluation.result",
        "attributes": [
            {"key": "gen_ai.evaluation.name", "value": {"stringValue": "right"}},
            {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.75}},
        ],
    }
    path = lines(tmp_path / "t.jsonl", [span(GEN_AI, events=[event]), span({"http.method": "GET"})])
    found = import_calls(importer("otlp"), path, tmp_path / "log.parquet")

    (row,) = pq.read_table(tmp_path / "log.parquet").to_pylist()
    assert row["evaluation.right"] == 0.75
    assert dict(found.skipped) == {"is a span of no call of a chat model": 1}


@pytest.mark.parametrize(
    ("decision", "propensity"),
    [
        ({"cause": "heuristic_score"}, 1.0),
        ({"cause": "classifier_plugin", "routelab": {"propensity": 0.25}}, 0.25),
        ({"cause": "bandit"}, None),
        ({"cause": "session_affinity_pin"}, None),
        ({"cause": "health_failover"}, None),
        ({"cause": "default_model_fallback"}, None),
        ({}, None),
    ],
)
def test_only_a_decision_on_this_request_has_a_propensity(decision, propensity, tmp_path):
    row = spend_row(metadata={"status": "success", "routing_decision": decision})
    sure = {"cause": "heuristic_score"}
    other = spend_row(request_id="r2", metadata={"routing_decision": sure})
    path = lines(tmp_path / "spend.jsonl", [row, other])

    rows = imported("litellm", path, tmp_path / "log.parquet")

    assert [it["propensity"] for it in rows] == [propensity, 1.0]
    log = read(tmp_path / "log.parquet", graded=False)
    assert np.isnan(log.propensity[0]) == (propensity is None)


def test_cached_replies_and_shadow_traffic_of_litellm_are_left_out(tmp_path):
    path = lines(
        tmp_path / "spend.jsonl",
        [
            spend_row(),
            spend_row(request_id="r2", cache_hit="True"),
            spend_row(request_id="r3", metadata={"is_silent_experiment": True}),
            spend_row(request_id="r4", call_type="aembedding"),
        ],
    )
    found = import_calls(importer("litellm"), path, tmp_path / "log.parquet")

    assert (found.records, found.calls, sum(found.skipped.values())) == (4, 1, 3)


def test_grades_of_people_and_judges_stay_apart(tmp_path):
    mlflow = imported("mlflow", lines(tmp_path / "t.jsonl", [trace()]), tmp_path / "m.parquet")
    langfuse = imported("langfuse", recorded("langfuse", tmp_path), tmp_path / "l.parquet")

    assert (mlflow[0]["human.correct"], mlflow[0]["judge.correct"]) == (1.0, 0.0)
    assert "human.old" not in mlflow[0]
    assert (langfuse[0]["human.right"], langfuse[0]["judge.right"]) == (1.0, 0.4)
    graded = read(tmp_path / "m.parquet", columns={"quality": "human.correct"}, graded=False)
    assert graded.quality.tolist() == [1.0]


def test_traces_of_scorers_are_no_traffic(tmp_path):
    path = lines(
        tmp_path / "t.jsonl",
        [trace(), trace(trace_id="2", tags={"mlflow.trace.sourceScorer": "x"})],
    )
    found = import_calls(importer("mlflow"), path, tmp_path / "log.parquet")

    assert (found.calls, sum(found.skipped.values())) == (1, 1)


@pytest.mark.parametrize(
    ("usage", "prompt"),
    [
        ({"input": 60, "input_cached_tokens": 40, "output": 20, "total": 120}, 100),
        ({"input": 100, "input_cached_tokens": 40, "output": 20, "total": 120}, 100),
        ({"input": 60, "cache_read_input_tokens": 40, "output": 20}, 100),
    ],
)
def test_langfuse_counts_cached_tokens_beside_the_input_unless_the_total_says_not(
    usage, prompt, tmp_path
):
    path = lines(tmp_path / "o.jsonl", [observation(usage_details=usage)])
    (row,) = imported("langfuse", path, tmp_path / "log.parquet")

    assert (row["prompt_tokens"], row["cached_tokens"]) == (prompt, 40)


def test_an_answer_of_a_failed_status_is_a_failure(tmp_path):
    path = lines(tmp_path / "h.jsonl", [helicone_row(response_status=429)])
    (row,) = imported("helicone", path, tmp_path / "log.parquet")

    assert row["error"] == "status 429"


def test_a_batch_is_joined_by_custom_id_and_priced_as_one(tmp_path):
    found = import_calls(importer("openai"), batch(tmp_path), tmp_path / "log.parquet")

    rows = pq.read_table(tmp_path / "log.parquet").to_pylist()
    assert [it["request_id"] for it in rows] == ["q1", "q0"]
    assert {it["service_tier"] for it in rows} == {"batch"}
    assert sorted(found.skipped.values()) == [1, 3]


def test_two_batches_with_one_custom_id_are_refused(tmp_path):
    folder = batch(tmp_path)
    lines(folder / "other.jsonl", [{"custom_id": "q0", "body": {"model": "x"}}])

    with pytest.raises(LogError, match="'q0' stands for two"):
        import_calls(importer("openai"), folder, tmp_path / "log.parquet")


def test_anthropic_counts_cached_tokens_beside_the_input(tmp_path):
    usage = {"input_tokens": 60, "output_tokens": 20, "cache_read_input_tokens": 40}
    message = {"model": "claude", "content": [{"type": "text", "text": "4"}], "usage": usage}
    path = lines(
        tmp_path / "out.jsonl",
        [{"custom_id": "a", "result": {"type": "succeeded", "message": message}}],
    )
    (row,) = imported("openai", path, tmp_path / "log.parquet")

    assert (row["prompt_tokens"], row["cached_tokens"], row["response"]) == (100, 40, "4")


def test_places_are_named_by_the_user_and_misspelt_ones_refused(tmp_path):
    path = lines(tmp_path / "c.jsonl", [{"meta": {"key": "k1"}, "llm": {"name": "m"}, "q": "Hi"}])
    places = {"request_id": "meta.key", "model": "llm.name", "messages": "q"}
    (row,) = imported("calls", path, tmp_path / "log.parquet", columns=places)

    assert (row["request_id"], row["model"]) == ("k1", "m")
    assert json.loads(row["messages"]) == [{"role": "user", "content": "Hi"}]
    with pytest.raises(LogError, match=r"modle=llm.name: a call has no 'modle'; model is meant"):
        imported("calls", path, tmp_path / "log.parquet", columns={"modle": "llm.name"})


def test_a_call_that_stands_twice_counts_once_and_truncated_lines_are_told(tmp_path):
    path = lines(tmp_path / "spend.jsonl", [spend_row(), spend_row(), spend_row(request_id="r2")])
    with path.open("a") as file:
        file.write('{"request_id": "cut off')
    found = import_calls(importer("litellm"), path, tmp_path / "log.parquet")

    assert (found.calls, found.repeated) == (2, 1)
    assert found.examples == {
        "is no JSON, or cut off": "spend.jsonl row 4",
        "stands twice: an earlier call is of the same request and model": "spend.jsonl row 2",
    }


def test_a_clock_that_ran_backwards_gives_no_latency(tmp_path):
    path = lines(tmp_path / "s.jsonl", [spend_row(endTime="2026-11-01T09:59:59Z")])
    (row,) = imported("litellm", path, tmp_path / "log.parquet")

    assert "latency_s" not in row


def test_arena_rows_of_other_models_are_taken_when_asked_for(tmp_path):
    path = recorded("routerarena", tmp_path)
    chosen = imported("routerarena", path, tmp_path / "chosen.parquet")
    everything = imported("routerarena", path, tmp_path / "all.parquet", columns={"rows": "all"})

    assert [it["model"] for it in chosen] == ["small", "small"]
    assert {it["propensity"] for it in chosen} == {1.0}
    assert [it["model"] for it in everything] == ["small", "large", "small", "large"]
    assert isinstance(read(tmp_path / "all.parquet"), Log)


MANY = 36_000
KILLED = """
import sys
from pathlib import Path
from routelab.logs.importers import REGISTRY, import_calls
def told(done, of):
    print(done, flush=True)
import_calls(REGISTRY.kinds["litellm"], Path(sys.argv[1]), Path(sys.argv[2]), progress=told)
"""


def test_an_import_that_was_killed_goes_on_and_gives_the_same_log(tmp_path):
    path = lines(
        tmp_path / "spend.jsonl",
        [spend_row(request_id=f"r{at}", spend=at / 1e6) for at in range(MANY)],
    )
    whole, out = tmp_path / "whole.parquet", tmp_path / "log.parquet"
    import_calls(importer("litellm"), path, whole)
    command = [sys.executable, "-c", KILLED, str(path), str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()  # one part is on the disk
        os.kill(process.pid, signal.SIGKILL)
    assert not out.exists()
    parts = sorted((tmp_path / "log.parquet.importing").glob("part-*.parquet"))
    stamps = [it.stat().st_mtime_ns for it in parts]
    assert parts

    seen: list[int] = []
    found = import_calls(importer("litellm"), path, out, progress=lambda done, _: seen.append(done))

    assert found.calls == found.records == MANY
    assert len(stamps) + len(seen) <= MANY // 16_384 + 2  # what was there was not made again
    assert pq.read_table(out).equals(pq.read_table(whole))
    assert not (tmp_path / "log.parquet.importing").exists()


def test_parts_of_another_source_are_not_gone_on_with(tmp_path):
    out = tmp_path / "log.parquet"
    folder = tmp_path / "log.parquet.importing"
    folder.mkdir()
    (folder / "state.json").write_text('{"source": {}, "consumed": [5], "parts": 1, "calls": 9}')
    path = lines(tmp_path / "spend.jsonl", [spend_row()])

    assert import_calls(importer("litellm"), path, out).calls == 1


def test_nothing_is_left_of_an_import_that_finds_no_call(tmp_path):
    path = lines(tmp_path / "spend.jsonl", [spend_row(call_type="aembedding")])
    with pytest.raises(LogError, match=r"holds no call: 1 is no call of a chat model"):
        import_calls(importer("litellm"), path, tmp_path / "log.parquet")
    assert [it.name for it in tmp_path.iterdir()] == ["spend.jsonl"]
