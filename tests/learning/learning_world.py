"""Logs whose prompts say, or do not say, which model succeeds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from routelab.learning import Recipe
from routelab.logs import Log, Requests, TextsInMemory

MODELS = ("small", "middle", "large")
TASKS = ("algebra", "biology", "contracts", "drawing")

QUICK = Recipe(rounds=20, leaf_rows=10, bits=10, folds=3, words_penalty=1.0)
"""The default learners, small enough for a test."""


def log_of(
    quality: npt.ArrayLike,
    prompts: list[str] | None = None,
    tasks: list[str] | None = None,
    **changes: Any,
) -> Log:
    """A log of at most three models from their (n, m) qualities."""
    qualities = np.asfortranarray(quality, dtype=np.float64)
    n, m = shape = qualities.shape
    rng = np.random.default_rng(7)
    fields: dict[str, Any] = {
        "requests": Requests(
            id=np.array([f"r{row}" for row in range(n)], dtype=object),
            task=None if tasks is None else np.array(tasks, dtype=object),
        ),
        "models": MODELS[:m],
        "quality": qualities,
        "cost_usd": np.asfortranarray(rng.lognormal(size=shape) * 1e-4 * 5.0 ** np.arange(m)),
        "latency_s": np.asfortranarray(rng.lognormal(size=shape)),
        "prompt_tokens": np.full(shape, np.nan),
        "completion_tokens": np.asfortranarray(np.round(rng.lognormal(4.0, 1.0, shape))),
        "error": np.zeros(shape, dtype=np.bool_),
        "texts": None if prompts is None else TextsInMemory(prompts),
    }
    return Log(**{**fields, **changes})


def telling_log(n: int = 400, seed: int = 0, *, by_task: bool = False) -> Log:
    """Prompts with hard and easy words; small models fail on hard ones.

    Args:
        by_task: the task alone decides who succeeds, and words only betray the task.
    """
    rng = np.random.default_rng(seed)
    task = rng.integers(len(TASKS), size=n)
    hard = np.isin(task, (0, 1)) if by_task else rng.random(n) < 0.5
    chance = np.where(hard[:, None], (0.1, 0.5, 0.9), (0.9, 0.9, 0.95))
    quality = (rng.random((n, 3)) < chance).astype(np.float64)
    confidence = 1.0 / (1.0 + np.exp(-2.0 * (quality - 0.5) - rng.normal(size=(n, 3))))
    confidence[rng.random((n, 3)) < 0.1] = np.nan
    words = [
        _words(TASKS[kind], bool(h and not by_task), rng)
        for kind, h in zip(task, hard, strict=True)
    ]
    return log_of(
        quality,
        words,
        [TASKS[kind] for kind in task],
        signals={"confidence": np.asfortranarray(confidence)},
    )


def _words(task: str, hard: np.bool_, rng: np.random.Generator) -> str:
    kind = "prove rigorous" if hard else "say brief"
    filler = " ".join(f"{task}{number}" for number in rng.integers(30, size=6))
    return f"{kind} {filler} {int(rng.integers(1_000_000))}"
