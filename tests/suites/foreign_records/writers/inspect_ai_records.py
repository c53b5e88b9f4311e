"""inspect_ai: logs of three models, with epochs, a failure, and a model that grades itself."""

from __future__ import annotations

import shutil

from asked import OUT, PROMPTS, REFUSED, about
from inspect_ai import Task
from inspect_ai import eval as evaluate
from inspect_ai.dataset import Sample
from inspect_ai.log import read_eval_log, write_eval_log
from inspect_ai.model import ModelCost, set_model_cost
from inspect_ai.scorer import match, model_graded_qa

TEMPLATE = "Grade: {question} {answer} {criterion} {instructions}"
CLAUDE = "anthropic/claude-haiku-4-5-20251001"
PRICES = {
    "openai/gpt-4o-mini": (0.15, 0.6, 0.075, 0.0),
    "openai/gpt-4o": (2.5, 10.0, 1.25, 0.0),
    CLAUDE: (1.0, 5.0, 0.1, 1.25),
}


def right(prompt: str) -> str:
    one, other = prompt.split("is ")[1].rstrip("?").split(" + ")
    return str(int(one) + int(other))


def without_tracebacks(place: str) -> None:
    """Failures are told by where this machine has its packages, which is nobody's business."""
    log = read_eval_log(place)
    for sample in log.samples:
        if sample.error:
            sample.events = []
            sample.error.traceback = sample.error.traceback_ansi = ""
    write_eval_log(log, place)


def main() -> None:
    for model, (sent, answered, read, written) in PRICES.items():
        set_model_cost(
            model,
            ModelCost(
                input=sent, output=answered, input_cache_read=read, input_cache_write=written
            ),
        )
    samples = [
        Sample(id=f"sum-{at}", input=it, target=right(it))
        for at, it in enumerate((*PROMPTS, REFUSED))
    ]
    charged = {}
    for model, form in zip(PRICES, ("eval", "json", "eval"), strict=True):
        (log,) = evaluate(
            Task(name="sums", dataset=samples, scorer=match()),
            model=model, epochs=2, log_dir="logs", log_format=form,
            fail_on_error=False, display="none", max_retries=0,
        )  # fmt: skip
        if model not in log.stats.model_usage:
            raise SystemExit(f"{model}: {log.error or log.samples[0].error.traceback}")
        charged[model] = log.stats.model_usage[model].total_cost
        without_tracebacks(log.location)
    (log,) = evaluate(
        Task(
            name="sums",
            dataset=samples[:2],
            scorer=model_graded_qa(template=TEMPLATE),
        ),
        model="openai/gpt-4o", log_dir="graded", log_format="eval", display="none",
        max_retries=0,
    )  # fmt: skip
    for folder in ("logs", "graded"):
        shutil.copytree(folder, OUT / folder)
    about(
        ("inspect_ai", "openai", "anthropic"),
        charged=charged,
        graded=log.stats.model_usage["openai/gpt-4o"].model_dump(),
    )


main()
