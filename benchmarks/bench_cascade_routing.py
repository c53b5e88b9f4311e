"""Decisions of cascade routing over 11 models: whom to ask first, and what next after each answer.

All sets of models are looked at, as in the published code, which takes 9 to 15 ms a decision.
The first decision includes the features of the prompt, the next ones those of the answer; answers
are there at once. Times are processor time of the thread that decides.
"""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.bench_decision import prompts
from routelab.core import Context, Feedback, Request, SignalSpec, flow
from routelab.core.catalogue import Catalogue
from routelab.policies import CascadeRouting, to_wire
from routelab.policy_file import Document, PolicyFile, load, write
from routelab.scorers import Linear
from routelab.scorers import to_wire as scorer_to_wire
from routelab.signals.features import Answer, HashedWords, Numbers
from routelab.signals.features import to_wire as feature_to_wire

MODELS = tuple(f"model-{index}" for index in range(11))
WORDS, NUMBERS, ANSWER = HashedWords(bits=16), Numbers(), Answer(models=MODELS, signals=("sure",))
POLICY = CascadeRouting(
    models=MODELS,
    quality="before",
    after="after",
    signals=("sure",),
    resolution=(0.5,) * len(MODELS),
    costs=tuple(1e-4 * 1.6**index for index in range(len(MODELS))),
    cost_weight=20.0,
)


def policy_file(folder: Path, rng: np.random.Generator) -> PolicyFile:
    k = len(MODELS)
    width = 2**WORDS.bits + len(NUMBERS.names)
    after = len(NUMBERS.names) + ANSWER.bind({}).width
    tensors = {
        "before.weights": rng.normal(scale=0.1, size=(width, k)),
        "before.bias": np.linspace(-1.0, 1.5, k),
        "after.weights": rng.normal(scale=0.1, size=(after, k)),
        "after.bias": np.linspace(-1.0, 1.5, k),
    }
    fitted = {"target": "quality", "outputs": MODELS, "link": "logit"}
    scorers = {
        "before": Linear(**fitted, features=("words", "numbers"), tensors="before"),
        "after": Linear(**fitted, features=("numbers", "answer"), tensors="after"),
    }
    features = {"words": WORDS, "numbers": NUMBERS, "answer": ANSWER}
    document = Document(
        name="bench",
        policy=to_wire(POLICY),
        candidates=MODELS,
        catalogue=Catalogue(),
        signals={"sure": SignalSpec()},
        features={name: feature_to_wire(it) for name, it in features.items()},
        scorers={name: scorer_to_wire(it) for name, it in scorers.items()},
    )
    write(folder / "bench.policy", document, "# bench\n", tensors)
    return load(folder / "bench.policy")


def decided_us(chosen: PolicyFile, request: Request, rng: random.Random) -> list[float]:
    """Microseconds of each decision on a request, the last of which is to deliver."""
    running = flow(chosen.policy, Context(request, MODELS, scoring=chosen.scoring))
    answers, taken = None, []
    try:
        while True:
            started = time.thread_time_ns()
            try:
                together = running.send(answers)
            finally:
                taken.append((time.thread_time_ns() - started) / 1e3)
            (call,) = together.calls
            seen = {"sure": rng.random()}
            answers = (Feedback(call.model, seen, 1e-4, 0.1, completion_tokens=100.0),)
    except StopIteration:
        return taken


def run() -> list[tuple[str, float, str, bool]]:
    rng, draws = np.random.default_rng(0), random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        chosen = policy_file(Path(folder), rng)
    taken = [decided_us(chosen, it, draws) for it in prompts(rng, 1000, 1000) * 2]
    first = float(np.median([it[0] for it in taken]))
    later = float(np.median([us for it in taken for us in it[1:]]))
    whole = float(np.median([sum(it) for it in taken]))
    calls = sum(len(it) - 1 for it in taken) / len(taken)
    return [
        ("decide_cascade_routing_11_models_first_p50_us", first, "<=300", first <= 300),
        ("decide_cascade_routing_11_models_next_p50_us", later, "<=300", later <= 300),
        ("decide_cascade_routing_11_models_whole_p50_us", whole, "-", True),
        ("decide_cascade_routing_11_models_calls", calls, "-", True),
    ]
