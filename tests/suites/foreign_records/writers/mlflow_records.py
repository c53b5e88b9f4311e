"""MLflow: traces of the openai client as autologging writes them, with assessments."""

from __future__ import annotations

import contextlib

import mlflow
import openai
from asked import MODELS, OUT, PROMPTS, REFUSED, about
from mlflow.entities import AssessmentSource, AssessmentSourceType
from mlflow.genai.judges import make_judge


def main() -> None:
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("sums")
    mlflow.openai.autolog()
    client = openai.OpenAI(max_retries=0)
    for model in MODELS:
        for prompt in (*PROMPTS, REFUSED):
            with contextlib.suppress(openai.BadRequestError):
                client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": prompt}]
                )
    streamed = client.chat.completions.create(
        model=MODELS[0],
        messages=[{"role": "user", "content": "What is 6 + 6?"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    assert list(streamed)
    client.responses.create(model=MODELS[1], input="What is 8 + 8?")
    mlflow.flush_trace_async_logging()
    assess()
    made = mlflow.search_traces(return_type="list")
    with (OUT / "traces.jsonl").open("w") as file:
        file.writelines(f"{it.to_json()}\n" for it in made)
    frame = mlflow.search_traces()
    frame.to_json(OUT / "frame.jsonl", orient="records", lines=True)
    about(
        ("mlflow", "openai"),
        tokens={it.info.trace_id: it.info.token_usage for it in made},
        charged={it.info.trace_id: getattr(it.info, "cost", None) for it in made},
    )


def assess() -> None:
    """A person's word on each trace, one withdrawn, and a judge's on one."""
    judge = make_judge(
        name="fits",
        instructions="Grade: does {{ outputs }} answer {{ inputs }}? yes or no",
        model=f"openai:/{MODELS[1]}",
    )
    person = AssessmentSource(source_type=AssessmentSourceType.HUMAN, source_id="somebody")
    for at, trace in enumerate(mlflow.search_traces(return_type="list")):
        name = trace.info.trace_id
        first = mlflow.log_feedback(trace_id=name, name="right", value=at % 2 == 0, source=person)
        if at == 0:
            mlflow.override_feedback(
                trace_id=name, assessment_id=first.assessment_id, value=False, source=person
            )
        if at < 2:
            graded = judge(inputs={"question": "2 + 2"}, outputs={"answer": "4"})
            mlflow.log_assessment(trace_id=name, assessment=graded)
    broken = mlflow.search_traces(return_type="list")[-1]
    mlflow.log_feedback(
        trace_id=broken.info.trace_id,
        name="checked",
        error=ValueError("no grade"),
        source=AssessmentSource(source_type=AssessmentSourceType.CODE, source_id="check"),
    )


main()
