"""Records as other programs write them, each with a bill that is known."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

START = 1_793_527_200.0
"""2026-11-01T10:00:00Z."""


def lines(path: Path, rows: list[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(it)}\n" for it in rows), encoding="utf-8")
    return path


def spend_row(**more: Any) -> dict[str, Any]:
    """A row of LiteLLM_SpendLogs."""
    row = {
        "request_id": "r1",
        "call_type": "acompletion",
        "spend": 0.00125,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "startTime": "2026-11-01T10:00:00Z",
        "endTime": "2026-11-01T10:00:01.500Z",
        "model": "gpt-4o-mini-2024-07-18",
        "model_group": "small",
        "cache_hit": "False",
        "session_id": "s1",
        "team_id": "team",
        "metadata": {
            "status": "success",
            "usage_object": {"prompt_tokens_details": {"cached_tokens": 40}},
        },
        "messages": [{"role": "user", "content": "What is 2 + 2?"}],
        "response": {"choices": [{"message": {"role": "assistant", "content": "4"}}]},
    }
    return row | more


def attribute(key: str, value: Any) -> dict[str, Any]:
    """An attribute as OTLP/JSON has it."""
    kind = {str: "stringValue", bool: "boolValue", float: "doubleValue", int: "intValue"}
    return {"key": key, "value": {kind[type(value)]: str(value) if type(value) is int else value}}


def span(attributes: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An export request with one span."""
    made = {
        "traceId": "t" * 32,
        "spanId": "s" * 16,
        "name": "chat",
        "kind": 3,
        "startTimeUnixNano": f"{int(START)}000000000",
        "endTimeUnixNano": f"{int(START) + 2}000000000",
        "attributes": [attribute(*it) for it in attributes.items()],
        "status": {},
    }
    scope = {"scope": {"name": "x"}, "spans": [made | more]}
    return {"resourceSpans": [{"resource": {"attributes": []}, "scopeSpans": [scope]}]}


GEN_AI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.conversation.id": "c1",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 40,
    "gen_ai.input.messages": json.dumps(
        [{"role": "user", "parts": [{"type": "text", "content": "What is 2 + 2?"}]}]
    ),
    "gen_ai.output.messages": json.dumps(
        [{"role": "assistant", "parts": [{"type": "text", "content": "4"}]}]
    ),
}
FORMER = {
    "gen_ai.system": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "session.id": "c1",
    "gen_ai.usage.prompt_tokens": 100,
    "gen_ai.usage.completion_tokens": 20,
    "gen_ai.usage.cache_creation.input_tokens": 40,
    "gen_ai.prompt.0.role": "user",
    "gen_ai.prompt.0.content": "What is 2 + 2?",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.content": "4",
}
OPEN_INFERENCE = {
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o",
    "session.id": "c1",
    "llm.token_count.prompt": 100,
    "llm.token_count.completion": 20,
    "llm.token_count.prompt_details.cache_read": 40,
    "llm.cost.total": 0.5,
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.content": "What is 2 + 2?",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.content": "4",
}


def observation(**more: Any) -> dict[str, Any]:
    """A generation of Langfuse."""
    row = {
        "id": "o1",
        "trace_id": "t1",
        "type": "GENERATION",
        "name": "answer",
        "start_time": "2026-11-01 10:00:00.000000",
        "end_time": "2026-11-01 10:00:02.000000",
        "input": json.dumps([{"role": "user", "content": "What is 2 + 2?"}]),
        "output": json.dumps({"role": "assistant", "content": "4"}),
        "provided_model_name": "gpt-4o",
        "usage_details": {"input": 60, "input_cached_tokens": 40, "output": 20, "total": 120},
        "total_cost": 0.002,
        "level": "DEFAULT",
        "session_id": "s1",
    }
    return row | more


def helicone_row(**more: Any) -> dict[str, Any]:
    row = {
        "request_id": "h1",
        "request_created_at": "2026-11-01T10:00:00Z",
        "response_status": 200,
        "request_model": "gpt-4o",
        "response_model": "gpt-4o-2024-08-06",
        "delay_ms": 2000,
        "prompt_tokens": 60,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_cache_read_tokens": 40,
        "request_properties": {"Helicone-Session-Id": "s1"},
        "costUSD": 0.002,
        "feedback_rating": True,
        "request_body": {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": "What is 2 + 2?"}],
        },
        "response_body": {"choices": [{"message": {"content": "4"}}]},
    }
    return row | more


def trace(**more: Any) -> dict[str, Any]:
    """A row of mlflow.search_traces."""
    row = {
        "trace_id": "tr-1",
        "tags": {},
        "trace_metadata": {"mlflow.trace.session": "s1"},
        "spans": [
            {
                "span_id": "a",
                "parent_span_id": None,
                "start_time_unix_nano": int(START) * 10**9,
                "end_time_unix_nano": (int(START) + 2) * 10**9,
                "status": {"code": "STATUS_CODE_OK"},
                "attributes": {
                    "mlflow.spanType": '"CHAT_MODEL"',
                    "mlflow.spanInputs": json.dumps(
                        {
                            "model": "gpt-4o",
                            "messages": [{"role": "user", "content": "What is 2 + 2?"}],
                        }
                    ),
                    "mlflow.spanOutputs": json.dumps({"choices": [{"message": {"content": "4"}}]}),
                    "mlflow.chat.tokenUsage": json.dumps(
                        {"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 40}
                    ),
                    "mlflow.llm.cost": json.dumps({"total_cost": 0.002}),
                },
            }
        ],
        "assessments": [
            {
                "assessment_name": "correct",
                "source": {"source_type": "HUMAN", "source_id": "x"},
                "feedback": {"value": True},
                "valid": True,
            },
            {
                "assessment_name": "correct",
                "source": {"source_type": "LLM_JUDGE", "source_id": "j"},
                "feedback": {"value": "no"},
                "valid": True,
            },
            {
                "assessment_name": "old",
                "source": {"source_type": "HUMAN", "source_id": "x"},
                "feedback": {"value": 1},
                "valid": False,
            },
        ],
    }
    return row | more


def batch(folder: Path) -> Path:
    """Input and output of a batch of OpenAI; the output is in another order."""
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
    asked = [
        {"custom_id": f"q{at}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for at in range(3)
    ]
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": int(START),
        "model": "gpt-4o-2024-08-06",
        "choices": [{"message": {"role": "assistant", "content": "4"}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 40},
        },
    }
    done = [
        {"id": "b", "custom_id": "q1", "response": {"status_code": 200, "body": answer}},
        {"id": "a", "custom_id": "q0", "response": {"status_code": 200, "body": answer}},
        {
            "id": "c",
            "custom_id": "q2",
            "response": None,
            "error": {"code": "batch_expired", "message": "late"},
        },
    ]
    lines(folder / "batch" / "input.jsonl", asked)
    lines(folder / "batch" / "output.jsonl", done)
    return folder / "batch"


def inspect_log(path: Path, model: str, values: Mapping[str, list[Any]]) -> Path:
    """An evaluation log of inspect_ai: values of samples by id, one an epoch."""
    usage = {
        "input_tokens": 60,
        "output_tokens": 20,
        "input_tokens_cache_read": 40,
        "total_cost": 0.002,
    }
    with zipfile.ZipFile(path, "w") as archive:
        header = {"version": 2, "status": "success", "eval": {"task": "sums", "model": model}}
        archive.writestr("header.json", json.dumps(header))
        for name, epochs in values.items():
            for epoch, value in enumerate(epochs, 1):
                sample = {
                    "id": name,
                    "epoch": epoch,
                    "input": f"What is {name}?",
                    "output": {"choices": [{"message": {"role": "assistant", "content": "4"}}]},
                    "scores": {"match": {"value": value}},
                    "model_usage": {model: usage},
                    "total_time": 3.0,
                    "working_time": 2.0,
                }
                archive.writestr(f"samples/{name}_epoch_{epoch}.json", json.dumps(sample))
    return path


def inspect_logs(folder: Path) -> Path:
    (folder / "logs").mkdir()
    inspect_log(folder / "logs" / "a.eval", "openai/small", {"1": ["C", "I"], "2": ["P", "N"]})
    inspect_log(folder / "logs" / "b.eval", "openai/large", {"1": ["C", "C"], "2": ["C", True]})
    return folder / "logs"


def lm_eval_samples(folder: Path) -> Path:
    for model, right in (("small", 0.0), ("large", 1.0)):
        rows = [
            {
                "doc_id": at,
                "doc_hash": f"h{at}",
                "arguments": {"gen_args_0": {"arg_0": f"What is {at} + 2?", "arg_1": {}}},
                "filtered_resps": ["4"],
                "filter": name,
                "metrics": ["exact_match"],
                "exact_match": right,
            }
            for at in range(3)
            for name in ("strict-match", "flexible-extract")
        ]
        lines(folder / "out" / model / "samples_gsm8k_2026-11-01T10-00-00.000001.jsonl", rows)
    return folder / "out"


def helm_runs(folder: Path) -> Path:
    for model, right in (("a/small", 0.0), ("a/large", 1.0)):
        run = folder / "runs" / f"gsm:subset=x,model={model.replace('/', '_')}"
        run.mkdir(parents=True)
        states = [
            {
                "instance": {"id": f"id{at}", "input": {"text": f"What is {at} + 2?"}},
                "train_trial_index": 0,
                "request": {"model": model, "prompt": f"Q: {at} + 2?"},
                "result": {
                    "success": True,
                    "cached": at == 1,
                    "completions": [{"text": "4"}],
                    "request_time": 2.0,
                },
            }
            for at in range(3)
        ]
        stats = [
            {
                "instance_id": f"id{at}",
                "train_trial_index": 0,
                "stats": [
                    {"name": {"name": "exact_match", "split": "test"}, "mean": right},
                    {"name": {"name": "num_prompt_tokens", "split": "test"}, "mean": 100},
                    {"name": {"name": "num_output_tokens", "split": "test"}, "mean": 20},
                ],
            }
            for at in range(3)
        ]
        (run / "scenario_state.json").write_text(json.dumps({"request_states": states}))
        (run / "per_instance_stats.json").write_text(json.dumps(stats))
    return folder / "runs"


_FAILED_GRADER = {"pass": False, "score": 0, "metadata": {"graderError": True}}


def promptfoo_results(folder: Path) -> Path:
    rows = [
        {
            "promptId": "hash-of-prompt",
            "promptIdx": column,
            "testIdx": test,
            "provider": {"id": f"openai:{model}", "label": ""},
            "prompt": {"raw": f"What is {test} + 2?"},
            "response": {
                "output": "4",
                "tokenUsage": {
                    "prompt": 100,
                    "completion": 20,
                    "completionDetails": {"cacheReadInputTokens": 40},
                },
                "cached": test == 1,
            },
            "score": score,
            "success": score == 1,
            "failureReason": 0,
            "latencyMs": 2000,
            "cost": 0.002,
        }
        for column, (model, score) in enumerate((("small", 0.5), ("large", 1)))
        for test in range(2)
    ]
    failed = rows[0] | {"testIdx": 2, "failureReason": 2, "error": "no answer", "score": 0}
    ungraded = rows[0] | {"testIdx": 3, "gradingResult": {"componentResults": [_FAILED_GRADER]}}
    path = folder / "out.json"
    found = {"evalId": "e", "results": {"version": 3, "results": [*rows, failed, ungraded]}}
    path.write_text(json.dumps(found))
    return path


def router_bench(folder: Path) -> Path:
    rows = [
        {
            "dataset_id": "gsm8k",
            "split": "test",
            "model_name": model,
            "record_index": at,
            "prompt": f"What is {at} + 2?",
            "prediction": "4",
            "score": score,
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "cost": 0.002,
        }
        for model, score in (("small", 0.0), ("large", 1.0))
        for at in range(2)
    ]
    return lines(folder / "bench.jsonl", rows)


def arena_predictions(folder: Path) -> Path:
    rows = [
        {
            "global index": at,
            "prompt": f"What is {at} + 2?",
            "prediction": model,
            "generated_result": {
                "generated_answer": "4",
                "success": True,
                "token_usage": {"input_tokens": 100, "output_tokens": 20},
            },
            "cost": 0.002,
            "accuracy": 1.0,
            "for_optimality": optimal,
        }
        for at in range(2)
        for model, optimal in (("small", False), ("large", True))
    ]
    path = folder / "predictions.json"
    path.write_text(json.dumps(rows))
    return path


def preferences(folder: Path) -> Path:
    rows = [
        {
            "question_id": f"q{at}",
            "model_a": "small",
            "model_b": "large",
            "winner": winner,
            "conversation_a": [
                {"role": "user", "content": f"What is {at} + 2?"},
                {"role": "assistant", "content": "3"},
            ],
            "conversation_b": [
                {"role": "user", "content": f"What is {at} + 2?"},
                {"role": "assistant", "content": "4"},
            ],
        }
        for at, winner in enumerate(("model_b", "tie", "model_a", "tie (bothbad)"))
    ]
    return lines(folder / "votes.jsonl", rows)


def phoenix_frame(folder: Path) -> Path:
    row = {
        "context.span_id": "p1",
        "context.trace_id": "t1",
        "span_kind": "LLM",
        "start_time": "2026-11-01T10:00:00+00:00",
        "end_time": "2026-11-01T10:00:02+00:00",
        "status_code": "OK",
        **{
            f"attributes.{name}": value
            for name, value in OPEN_INFERENCE.items()
            if "messages" not in name
        },
        "attributes.llm.input_messages": [
            {"message.role": "user", "message.content": "What is 2 + 2?"}
        ],
        "attributes.llm.output_messages": [{"message.role": "assistant", "message.content": "4"}],
    }
    lines(folder / "phoenix" / "spans.jsonl", [row])
    lines(
        folder / "phoenix" / "annotations.jsonl",
        [
            {
                "span_id": "p1",
                "annotation_name": "right",
                "annotator_kind": "HUMAN",
                "result.score": 1.0,
            }
        ],
    )
    return folder / "phoenix"


def langfuse_export(folder: Path) -> Path:
    rows = [observation(), observation(id="o2", type="SPAN")]
    lines(folder / "lf" / "observations_v2" / "1.jsonl", rows)
    scores = [
        {
            "id": "x",
            "trace_id": "t1",
            "observation_id": "o1",
            "name": "right",
            "value": 1,
            "data_type": "NUMERIC",
            "source": "ANNOTATION",
        },
        {
            "id": "y",
            "trace_id": "t1",
            "name": "right",
            "value": 0.4,
            "data_type": "NUMERIC",
            "source": "EVAL",
        },
    ]
    lines(folder / "lf" / "scores" / "1.jsonl", scores)
    return folder / "lf"


def pairs(folder: Path) -> Path:
    row = {
        "id": "c1",
        "body": {"model": "gpt-4o", "messages": [{"role": "user", "content": "What is 2 + 2?"}]},
        "response": {
            "model": "gpt-4o-2024-08-06",
            "choices": [{"message": {"content": "4"}}],
            "usage": {
                "prompt_tokens": 100,
                "completion_tokens": 20,
                "prompt_tokens_details": {"cached_tokens": 40},
            },
        },
        "latency_ms": 2000,
        "created_at": START,
        "cost": 0.002,
    }
    return lines(folder / "calls.jsonl", [row])


_RECORDED: Mapping[str, Callable[[Path], Path]] = {
    "litellm": lambda folder: lines(folder / "spend.jsonl", [spend_row()]),
    "otlp": lambda folder: lines(folder / "traces.jsonl", [span(GEN_AI)]),
    "mlflow": lambda folder: lines(folder / "traces.jsonl", [trace()]),
    "langfuse": langfuse_export,
    "phoenix": phoenix_frame,
    "helicone": lambda folder: lines(folder / "helicone.jsonl", [helicone_row()]),
    "openai": batch,
    "calls": pairs,
    "inspect-ai": inspect_logs,
    "lm-eval": lm_eval_samples,
    "helm": helm_runs,
    "promptfoo": promptfoo_results,
    "llmrouterbench": router_bench,
    "routerarena": arena_predictions,
    "preferences": preferences,
}


def recorded(name: str, folder: Path) -> Path:
    """What the importer of this name reads."""
    return _RECORDED[name](folder)
