"""What `--recipe-trials 20` is worth on new requests of the embedded log, and how long it takes."""

from __future__ import annotations

import statistics
import time

import numpy as np

from routelab import learning, logs
from routelab.cli.bundled_files import sample_path
from routelab.learning import Recipe
from routelab.logs import Log
from routelab.logs.model import split
from routelab.tuning.kinds import recipe_search

TRIALS = 20
SEEDS = 3


def run() -> list[tuple[str, float, str, bool]]:
    log = logs.read(sample_path())
    cut = split(log)
    train, new = (log.take(cut.rows(part)) for part in ("train", "test"))
    lower, seconds = [], []
    for seed in range(SEEDS):
        began = time.perf_counter()
        found = recipe_search.search(train, log.models, trials=TRIALS, seed=seed)
        seconds.append(time.perf_counter() - began)
        lower.append(
            1.0 - _error(train, new, found.recipe, seed) / _error(train, new, Recipe(), seed)
        )
    less, took = 100.0 * statistics.median(lower), statistics.median(seconds)
    return [
        ("recipes_error_on_new_requests_less_percent", less, ">0", less > 0.0),
        ("recipes_search_seconds", took, "measured", True),
    ]


def _error(train: Log, new: Log, recipe: Recipe, seed: int) -> float:
    """Mean squared error of quality on new requests, in units of its variance."""
    models = train.models
    fitted = learning.fit(train, target="quality", models=models, recipe=recipe, seed=seed)
    made = learning.training_examples(new, "quality", models)
    found = fitted.scoring().score_batch("quality", made.requests)[made.request_of]
    squared = np.nanmean(np.square(found - made.labels), axis=0)
    return float(np.mean(squared / np.nanvar(made.labels, axis=0)))
