"""One day's traffic as ten programs wrote it: two models, drawn by chance, and judged answers."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from routelab import Router
from routelab.core.catalogue import Catalogue, Model
from routelab.policies import Fixed, Mixture, to_wire
from routelab.policy_file import Document, write
from routelab.runtime import RouterConfig

REQUESTS, LARGE = 300, 0.4
START = 1_793_527_200
COSTS = {"small": 0.0005, "large": 0.004}
PRICES = {"small": (1.0, 20.0), "large": (10.0, 150.0)}
"""USD per million tokens of a prompt and of an answer, for 100 and 20 of which COSTS are due."""


class Call(NamedTuple):
    id: str
    model: str
    propensity: float
    quality: float
    prompt: str
    at: int
    worth: dict[str, float]

    @property
    def cost(self) -> float:
        return COSTS[self.model]


def traffic() -> tuple[list[Call], float]:
    """The calls, and what always asking the large model would have been worth."""
    rng, calls, truth = random.Random(7), list[Call](), 0.0
    for at in range(REQUESTS):
        hard = rng.random()
        worth = {"small": float(hard < 0.6), "large": float(hard < 0.9)}
        model = "large" if rng.random() < LARGE else "small"
        chance = LARGE if model == "large" else 1.0 - LARGE
        text = f"{'A hard' if hard > 0.6 else 'An easy'} question, number {at}"
        calls.append(Call(f"q{at}", model, chance, worth[model], text, START + 60 * at, worth))
        truth += worth["large"] / REQUESTS
    return calls, truth


def lines(path: Path, rows: Iterator[Any] | list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(it)}\n" for it in rows), encoding="utf-8")


def asked(it: Call) -> list[dict[str, str]]:
    return [{"role": "user", "content": it.prompt}]


def completion(it: Call) -> dict[str, Any]:
    return {
        "id": it.id,
        "object": "chat.completion",
        "created": it.at,
        "model": it.model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "So."}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20},
    }


def spend(it: Call) -> dict[str, Any]:
    return {
        "request_id": it.id,
        "call_type": "acompletion",
        "model": it.model,
        "model_group": it.model,
        "spend": it.cost,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "startTime": it.at,
        "endTime": it.at + 1,
        "status": "success",
        "messages": asked(it),
        "metadata": {"requester_metadata": {"routelab.propensity": it.propensity}},
    }


def span(it: Call) -> dict[str, Any]:
    values = {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": it.model,
        "gen_ai.usage.cost": it.cost,
        "routelab.propensity": it.propensity,
    }
    grade = {"gen_ai.evaluation.name": "right", "gen_ai.evaluation.score.value": it.quality}
    made = {
        "traceId": it.id,
        "spanId": it.id,
        "startTimeUnixNano": f"{it.at}000000000",
        "endTimeUnixNano": f"{it.at + 1}000000000",
        "attributes": _attributes(values),
        "events": [{"name": "gen_ai.evaluation.result", "attributes": _attributes(grade)}],
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [made]}]}]}


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"doubleValue" if isinstance(it, float) else "stringValue": it}}
        for key, it in values.items()
    ]


def trace(it: Call) -> dict[str, Any]:
    attributes = {
        "mlflow.spanType": '"CHAT_MODEL"',
        "mlflow.spanInputs": json.dumps({"model": it.model, "messages": asked(it)}),
        "mlflow.llm.cost": json.dumps({"total_cost": it.cost}),
    }
    grade = {
        "assessment_name": "right",
        "source": {"source_type": "HUMAN"},
        "feedback": {"value": it.quality == 1.0},
    }
    return {
        "info": {
            "trace_id": it.id,
            "tags": {"routelab.propensity": str(it.propensity)},
            "assessments": [grade],
        },
        "data": {
            "spans": [
                {
                    "span_id": "a",
                    "start_time_unix_nano": it.at * 10**9,
                    "end_time_unix_nano": (it.at + 1) * 10**9,
                    "attributes": attributes,
                }
            ]
        },
    }


def observation(it: Call) -> dict[str, Any]:
    return {
        "id": it.id,
        "trace_id": f"t-{it.id}",
        "type": "GENERATION",
        "start_time": "2026-11-01 10:00:00.000000",
        "end_time": "2026-11-01 10:00:01.000000",
        "input": json.dumps(asked(it)),
        "provided_model_name": it.model,
        "total_cost": it.cost,
        "metadata": json.dumps({"routelab.propensity": it.propensity}),
    }


def score(it: Call) -> dict[str, Any]:
    shared = {"data_type": "NUMERIC", "source": "ANNOTATION", "trace_id": f"t-{it.id}"}
    return shared | {"observation_id": it.id, "name": "right", "value": it.quality}


def phoenix_span(it: Call) -> dict[str, Any]:
    return {
        "context.span_id": it.id,
        "context.trace_id": f"t-{it.id}",
        "span_kind": "LLM",
        "start_time": it.at,
        "end_time": it.at + 1,
        "attributes.llm.request.model_name": it.model,
        "attributes.llm.cost.total": it.cost,
        "attributes.routelab": {"propensity": it.propensity},
    }


def annotation(it: Call) -> dict[str, Any]:
    return {
        "span_id": it.id,
        "annotation_name": "right",
        "annotator_kind": "HUMAN",
        "result.score": it.quality,
    }


def helicone(it: Call) -> dict[str, Any]:
    return {
        "request_id": it.id,
        "request_created_at": it.at,
        "response_status": 200,
        "request_model": it.model,
        "delay_ms": 1000,
        "costUSD": it.cost,
        "request_properties": {"Routelab-Propensity": str(it.propensity)},
        "feedback_rating": it.quality == 1.0,
    }


def stored(it: Call) -> dict[str, Any]:
    return completion(it) | {"metadata": {"routelab.propensity": str(it.propensity)}}


def pair(it: Call) -> dict[str, Any]:
    return {
        "meta": {"trace": it.id, "chance": it.propensity, "grade": it.quality},
        "body": {"model": it.model, "messages": asked(it)},
        "response": completion(it),
        "cost": it.cost,
        "timestamp": it.at,
    }


def evaluation(calls: list[Call]) -> dict[str, Any]:
    rows = [
        {
            "promptId": "p",
            "promptIdx": column,
            "testIdx": at,
            "provider": {"id": f"openai:{model}", "label": model},
            "prompt": {"raw": it.prompt},
            "response": {"output": "So.", "tokenUsage": {"prompt": 100, "completion": 20}},
            "score": it.quality if model == "small" else 1.0,
            "failureReason": 0,
            "latencyMs": 900,
            "cost": COSTS[model],
        }
        for at, it in enumerate(calls[:60])
        for column, model in enumerate(COSTS)
    ]
    return {"results": {"version": 3, "results": rows}}


FILES: dict[str, Callable[[Call], Any]] = {
    "spend.jsonl": spend,
    "traces.jsonl": span,
    "mlflow.jsonl": trace,
    "langfuse-export/observations_v2/1.jsonl": observation,
    "langfuse-export/scores/1.jsonl": score,
    "phoenix-export/spans.jsonl": phoenix_span,
    "phoenix-export/annotations.jsonl": annotation,
    "helicone.jsonl": helicone,
    "stored.jsonl": stored,
    "gateway.jsonl": pair,
    "feedback.jsonl": lambda it: {"request_id": it.id, "quality": it.quality},
}


@contextmanager
def served() -> Iterator[str]:
    """A server that answers as any model; where it listens."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            choice = {"index": 0, "message": {"role": "assistant", "content": "So."}}
            usage = {"prompt_tokens": 100, "completion_tokens": 20}
            answer = json.dumps({"choices": [choice], "usage": usage}).encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(answer)}\r\n"
            self.wfile.write(f"{head}content-type: application/json\r\n\r\n".encode() + answer)

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


def decide(folder: Path, calls: list[Call]) -> list[dict[str, Any]]:
    """Let the router draw and log; what each of its answers was worth."""
    models = {
        name: Model(input_usd_per_mtok=sent, output_usd_per_mtok=said)
        for name, (sent, said) in PRICES.items()
    }
    drawn = Mixture(Fixed("large"), Fixed("small"), LARGE)
    document = Document(
        name="drawn",
        policy=to_wire(drawn),
        candidates=tuple(COSTS),
        catalogue=Catalogue(models),
        signals={},
    )
    write(folder / "drawn.policy", document, card="# Drawn\n\nNot measured.\n")
    judged = []
    with served() as url:
        (folder / "drawn.toml").write_text(
            "".join(
                f"[models.{name}]\ninput_usd_per_mtok = {sent}\noutput_usd_per_mtok = {said}\n"
                f'[[models.{name}.deployments]]\nbase_url = "{url}"\nmodel = "{name}"\n'
                f'provider = "here"\n'
                for name, (sent, said) in PRICES.items()
            )
        )
        config = RouterConfig(log=str(folder / "decisions"))
        with Router.load(folder / "drawn.policy", folder / "drawn.toml", config) as router:
            for it in calls:
                found = router.route(it.prompt, id=f"d-{it.id}")
                worth = it.worth[found.model]
                judged.append({"request_id": f"d-{it.id}", "quality": worth})
    return judged


def policy(folder: Path) -> None:
    """Always the large model."""
    models = {
        name: Model(input_usd_per_mtok=sent, output_usd_per_mtok=said)
        for name, (sent, said) in PRICES.items()
    }
    document = Document(
        name="large",
        policy=to_wire(Fixed("large")),
        candidates=("large",),
        catalogue=Catalogue(models),
        signals={},
    )
    write(folder / "large.policy", document, card="# Large\n\nNot measured.\n")


def write_all(folder: Path) -> float:
    """Everything that the page takes for granted; returns the truth."""
    calls, truth = traffic()
    for name, made in FILES.items():
        lines(folder / name, [made(it) for it in calls])
    judged = decide(folder, calls)
    lines(folder / "feedback.jsonl", [*map(FILES["feedback.jsonl"], calls), *judged])
    (folder / "out.json").write_text(json.dumps(evaluation(calls)))
    (folder / "prices.csv").write_text(
        "model,usd_per_1m_input,usd_per_1m_output\nsmall,1,20\nlarge,10,150\n"
    )
    policy(folder)
    return truth
