"""The policies, scorers and weights of the reference directories, as they were released.

`python tests/policy_file/reference_world.py NAME...` writes directories of these names anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from routelab import gates, scorers
from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.request import Request
from routelab.core.signal_spec import SignalSpec
from routelab.policies import (
    Cascade,
    CascadeRouting,
    Conditional,
    Explore,
    Fallback,
    Fixed,
    GainCascade,
    Gated,
    Match,
    Mixture,
    Neighbors,
    Parallel,
    Retry,
    Rule,
    Tiers,
    Utility,
    to_wire,
)
from routelab.policy_file import Document, write
from routelab.policy_file.card import policy_card
from routelab.policy_file.golden_prompts import prompt
from routelab.signals import features

POLICIES = Path(__file__).parents[2] / "policies"
MODELS = ("small", "middle", "large")

CASCADE = Cascade(models=MODELS, thresholds=(0.7302154999999999, 0.5123455), signal="confidence")
MIXTURE = Mixture(
    first=Cascade(models=("small", "large"), thresholds=(0.1 + 0.2,), signal="agreement"),
    second=Mixture(first=Fixed(model="middle"), second=CASCADE, weight=1 / 3, name="inner"),
    weight=0.625,
)
TIERS = Tiers(scorer="complexity", models=MODELS, thresholds=(0.4375, 0.1 + 0.5))
UTILITY = Utility(
    models=MODELS,
    quality="quality",
    cost="cost",
    cost_weight=5.0,
    latencies=(0.5, 1.0, 2.5),
    latency_weight=0.01,
)
NEIGHBORS = Neighbors(models=MODELS, scorer="alike", costs=(1e-4, 1e-3, 4e-3), cost_weight=10 / 3)
GAINS = GainCascade(
    models=MODELS,
    gain="gain",
    signals=("confidence",),
    costs=(3e-4, 3e-3, 0.004),
    cost_weight=40.0,
)
ROUTING = CascadeRouting(
    models=MODELS,
    quality="quality",
    after="judged",
    signals=("confidence", "agreement"),
    resolution=(0.3, 0.5, 0.7),
    costs=(3e-4, 3e-3, 0.012),
    cost_weight=12.5,
)
CONDITIONAL = Conditional(
    rules=(
        Rule(when=Match(task=("maths", "code"), priority=("high",)), policy=ROUTING),
        Rule(when=Match(tenant=("north",), max_characters=400), policy=TIERS),
        Rule(when=Match(language=("Han", "Cyrillic"), needs=()), policy=Fixed(model="large")),
        Rule(when=Match(needs=("tools",), min_characters=10), policy=Fixed(model="middle")),
    ),
    otherwise=CASCADE,
)
FALLBACK = Fallback(policies=(CASCADE, Fixed(model="large")))
GATED = Gated(
    policy=FALLBACK,
    gates=(
        gates.NonEmpty(),
        gates.Length(least=1, most=4000),
        gates.Pattern(regex="TODO", absent=True, says="finish the answer"),
        gates.Refusal(phrases=("no comment",)),
        gates.Function(function="house", timeout_s=0.5),
    ),
    again=2,
)
PARALLEL = Parallel(models=MODELS, pick="confident", signal="confidence")
RETRY = Retry(model="middle", times=3, signal="confidence", threshold=0.7302154999999999)
EXPLORE = Explore(policy=UTILITY, epsilon=0.3)

REFERENCES = {
    "cascade": CASCADE,
    "mixture": MIXTURE,
    "fixed": Fixed(model="middle"),
    "tiers": TIERS,
    "utility": UTILITY,
    "neighbors": NEIGHBORS,
    "gain-cascade": GAINS,
    "cascade-routing": ROUTING,
    "conditional": CONDITIONAL,
    "explore": EXPLORE,
    "fallback": FALLBACK,
    "gated": GATED,
    "parallel": PARALLEL,
    "retry": RETRY,
}

_PROVIDERS = {
    "words": features.HashedWords(bits=8),
    "numbers": features.Numbers(),
    "answer": features.Answer(models=MODELS, signals=("confidence", "agreement")),
}
_WIDTH = {name: provider.bind({}).width for name, provider in _PROVIDERS.items()}
_READS = ("numbers", "answer")

SCORERS = {
    "complexity": scorers.Linear(
        target="complexity",
        outputs=("score",),
        features=("numbers",),
        tensors="complexity",
        link="logit",
        calibrators=(scorers.Platt(a=1.25, b=-0.1),),
    ),
    "by words": scorers.Linear(
        target="quality", outputs=MODELS, features=("words",), tensors="words", link="logit"
    ),
    "by numbers": scorers.Trees(
        target="quality", outputs=MODELS, features=("numbers",), tensors="trees", link="logit"
    ),
    "by task": scorers.Prior(
        target="quality", outputs=MODELS, tensors="tasks", by="task", keys=("maths", "code")
    ),
    "quality": scorers.Blend(
        target="quality",
        outputs=MODELS,
        parts=("by words", "by numbers", "by task"),
        weights=(0.5, 0.25, 0.25),
        calibrators=(
            scorers.Isotonic(x=(0.1, 0.5, 0.9), y=(0.0, 0.5, 1.0)),
            scorers.Beta(a=1.1, b=0.9, c=0.1),
            scorers.Temperature(t=1.5),
        ),
    ),
    "cost": scorers.Prior(
        target="cost", outputs=MODELS, tensors="tenants", by="tenant", keys=("north", "south")
    ),
    "alike": scorers.NearestNeighbors(
        target="quality", outputs=MODELS, features=("numbers",), tensors="alike", k=1
    ),
    "gain": scorers.Linear(target="gain", outputs=MODELS, features=_READS, tensors="gain"),
    "judged": scorers.Linear(
        target="quality", outputs=MODELS, features=_READS, tensors="judged", link="logit"
    ),
}


def _tensors() -> dict[str, np.ndarray]:
    """Weights that are drawn, and that scores of both sides of every comparison follow from."""
    rng = np.random.default_rng(20260101)
    width = {**_WIDTH, "both": sum(_WIDTH[name] for name in _READS)}
    asked = (Request("", messages=({"content": prompt(0, str(i), i)},)) for i in range(13))
    known = _PROVIDERS["numbers"].bind({}).matrix(list(asked)).dense()
    found = {
        "tasks.table": rng.random((3, 3)),
        "tenants.table": np.array([[1e-4, 1e-3, 4e-3], [2e-4, 9e-4, 9e-3], [1e-4, 2e-3, 3e-3]]),
        "alike.points": scorers.on_grid(
            known, np.zeros(len(known[0])), np.full(len(known[0]), 25.0)
        ),
        "alike.shift": np.zeros(width["numbers"]),
        "alike.step": np.full(width["numbers"], 25.0),
        "alike.targets": rng.random((13, 3)),
        "trees.feature": np.array([1, 0, 0, 4, 0, 0], dtype=np.int32),
        "trees.threshold": np.array([3.9, 0.0, 0.0, 0.25, 0.0, 0.0]),
        "trees.left": np.array([1, -1, -1, 4, -1, -1], dtype=np.int32),
        "trees.right": np.array([2, -1, -1, 5, -1, -1], dtype=np.int32),
        "trees.value": np.array([0.0, 0.8, -0.6, 0.0, 0.4, -0.9]),
        "trees.missing_left": np.array([1, 0, 0, 0, 0, 0], dtype=np.uint8),
        "trees.roots": np.array([0, 3], dtype=np.int32),
        "trees.output": np.array([0, 1], dtype=np.int32),
        "trees.bias": np.array([0.1, 0.3, 0.9]),
    }
    linear = {
        "complexity": ("numbers", 1),
        "words": ("words", 3),
        "gain": ("both", 3),
        "judged": ("both", 3),
    }
    for name, (columns, k) in linear.items():
        weights = rng.normal(size=(width[columns], k)) / 4.0
        usual = known.mean(axis=0)[:, None] * weights[: len(known[0])]
        found[f"{name}.weights"] = weights
        found[f"{name}.bias"] = -usual.sum(axis=0) if columns != "words" else np.zeros(k)
    return found


def document(name):
    """Of a reference directory; the first two were written before there were scorers."""
    return Document(
        name=f"reference {name}",
        policy=to_wire(REFERENCES[name]),
        candidates=MODELS,
        catalogue=Catalogue(
            {
                model: Model(
                    input_usd_per_mtok=price,
                    output_usd_per_mtok=4 * price,
                    capabilities=("json", "tools"),
                    context_window=32_768,
                    deployments=(Deployment("http://127.0.0.1:8801/v1", model, "north"),),
                )
                for model, price in zip(MODELS, (0.1, 0.5, 3.0), strict=True)
            }
        ),
        signals={
            "confidence": SignalSpec(multiplier=3.0),
            "agreement": SignalSpec(extra_cost="agreement_usd"),
        },
        features={key: features.to_wire(it) for key, it in _PROVIDERS.items()},
        scorers={key: scorers.to_wire(it) for key, it in SCORERS.items()},
        estimates={"small": CallEstimate(1e-4, 0.5), "large": CallEstimate(cost_usd=4e-3)},
        seed=20260101,
        provenance={"purpose": "every later version loads this directory"},
    )


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        made = document(wanted)
        write(POLICIES / f"reference-{wanted}.policy", made, policy_card(made), _tensors())
