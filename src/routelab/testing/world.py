"""Models, signals, and a scorer for every role a policy has for one; weights are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from routelab import scorers
from routelab.signals import features

MODELS = ("small", "middle", "large", "expert")
TASKS = ("maths", "letters", "code")
TENANTS = ("north", "south")
SIGNALS = ("sure", "agreement")

_NUMBERS = features.Numbers()
_ANSWER = features.Answer(models=MODELS, signals=SIGNALS)
_BOUND = {"numbers": _NUMBERS.bind({}), "answer": _ANSWER.bind({})}
_N = _BOUND["numbers"].width
_BOTH = _N + _BOUND["answer"].width

FEATURES = {"numbers": features.to_wire(_NUMBERS), "answer": features.to_wire(_ANSWER)}

SCORERS = {
    name: scorers.to_wire(scorer)
    for name, scorer in {
        "hardness": scorers.Linear(
            target="complexity",
            outputs=("score",),
            features=("numbers",),
            tensors="hardness",
            link="logit",
        ),
        "quality": scorers.Linear(
            target="quality",
            outputs=MODELS,
            features=("numbers",),
            tensors="quality",
            link="logit",
        ),
        "by task": scorers.Prior(
            target="quality", outputs=MODELS, tensors="by_task", by="task", keys=TASKS
        ),
        "cost": scorers.Prior(
            target="cost", outputs=MODELS, tensors="cost", by="tenant", keys=TENANTS
        ),
        "seconds": scorers.Linear(
            target="latency", outputs=MODELS, features=("numbers",), tensors="seconds"
        ),
        "gain": scorers.Linear(
            target="gain", outputs=MODELS, features=("numbers", "answer"), tensors="gain"
        ),
        "judged": scorers.Linear(
            target="quality",
            outputs=MODELS,
            features=("numbers", "answer"),
            tensors="judged",
            link="logit",
        ),
        "alike": scorers.NearestNeighbors(
            target="quality", outputs=MODELS, features=("numbers",), tensors="alike", k=3
        ),
    }.items()
}


def tensors(seed: int = 0) -> dict[str, npt.NDArray[Any]]:
    """Weights small enough that scores lie apart, and no model always wins."""
    rng = np.random.default_rng(seed)
    found: dict[str, npt.NDArray[Any]] = {
        "by_task.table": rng.random((len(TASKS) + 1, len(MODELS))),
        "cost.table": rng.random((len(TENANTS) + 1, len(MODELS))) / 400.0,
        "alike.points": rng.integers(-40, 200, (16, _N)).astype(np.int16),
        "alike.shift": np.zeros(_N),
        "alike.step": np.full(_N, 30.0),
        "alike.targets": rng.random((16, len(MODELS))),
    }
    for name, width, k in (
        ("hardness", _N, 1),
        ("quality", _N, 4),
        ("seconds", _N, 4),
        ("gain", _BOTH, 4),
        ("judged", _BOTH, 4),
    ):
        found[f"{name}.weights"] = rng.normal(size=(width, k)) / 5.0
        found[f"{name}.bias"] = rng.normal(size=k) / 5.0
    return found


TENSORS = tensors()
SCORING = scorers.load_scorers(FEATURES, SCORERS, TENSORS, models=MODELS)
