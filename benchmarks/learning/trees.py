"""Trees after an answer, varied: `python -m benchmarks.learning.trees`.

How well the expected gain of a second model ranks requests, where trees read the first one's
confidence, on seeds and halves that no default was chosen on. The table is in docs/statistics.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from benchmarks.deferral_world import draw
from benchmarks.learning.halves import halves
from benchmarks.learning.judge import comparable
from benchmarks.learning.worlds import WORLDS
from routelab import learning
from routelab.learning import Recipe
from routelab.learning.design import Design
from routelab.learning.examples import requests_of
from routelab.learning.targets import answers
from routelab.logs import Log
from routelab.metrics import normalised_area

LEARNED, JUDGED, SEEDS, HALVES = 4000, 10_000, (11, 12, 13), (0, 1, 2)
SIGNAL = "confidence"
MONOTONE = "30 at rate .1, falling with confidence"
RECIPES = {
    "30 at rate .1": Recipe(),
    MONOTONE: Recipe(),
    "15 at .1": Recipe(rounds=15),
    "60 at .1": Recipe(rounds=60),
    "100 at .05": Recipe(rounds=100, rate=0.05),
    "30 at .2": Recipe(rate=0.2),
    "none": Recipe(learners=("prior", "words", "numbers")),
}


class Task(NamedTuple):
    """Rows to learn from and to judge on, both with two models, the cheap one first.

    Attributes:
        best: area that the true gains reach; 1 where nobody knows.
    """

    learn: Log
    judge: Log
    groups: np.ndarray | None
    best: float

    def share(self, recipe: Recipe) -> float:
        """Area of the gains predicted after the first model's answer, as a share of the best."""
        models = self.learn.models
        fitted = learning.fit(
            self.learn, target="gain", models=models, signals=(SIGNAL,), recipe=recipe,
            groups=self.groups, seed=0,
        )  # fmt: skip
        seen = answers(self.judge, 0, (SIGNAL,))
        gain = fitted.scoring().score_batch("gain", requests_of(self.judge), seen)[:, 0]
        return _area(self.judge, gain) / self.best


def _area(log: Log, gain: np.ndarray) -> float:
    return normalised_area(gain, log.quality[:, 0], log.quality[:, 1])


def invented(*, specialist: bool) -> Iterator[Task]:
    for seed in SEEDS:
        here = draw(LEARNED, specialist=specialist, seed=seed)
        there = draw(JUDGED, specialist=specialist, seed=seed + 100)
        yield Task(here.log, there.log, None, _area(there.log, there.gain))


def public() -> Iterator[Task]:
    try:
        world = WORLDS["gym3"]()
    except FileNotFoundError as error:
        print(error)
        return
    for seed in HALVES:
        cut = halves(world.log, seed)
        learn = comparable(world, world.log.take(cut.learn))
        judge = comparable(world, world.log.take(cut.judge)).log
        rising = np.argsort(learn.log.cost_usd.mean(axis=0))
        pair = tuple(learn.log.models[at] for at in (rising[0], rising[-1]))
        yield Task(learn.log.only(pair), judge.only(pair), learn.groups, 1.0)


@contextmanager
def falling() -> Iterator[None]:
    """Gains that never rise with confidence."""
    trees = import_module("routelab.learning.learners.trees")
    usual = trees._settings

    def settings(design: Design, seed: int) -> dict[str, Any]:
        names = design.names("numbers")
        signs = [-1 if design.examples.seen is not None and SIGNAL in it else 0 for it in names]
        return {**usual(design, seed), "monotonic_cst": signs}

    trees._settings = settings
    try:
        yield
    finally:
        trees._settings = usual


def measured(tasks: Sequence[Task], name: str) -> float:
    """Mean over tasks."""
    if name == MONOTONE:
        with falling():
            return float(np.mean([it.share(RECIPES[name]) for it in tasks]))
    return float(np.mean([it.share(RECIPES[name]) for it in tasks]))


def main() -> None:
    made = {
        "benign": [*invented(specialist=False)],
        "specialist": [*invented(specialist=True)],
        "reasoning_gym_easy": [*public()],
    }
    worlds = {name: tasks for name, tasks in made.items() if tasks}
    print(f"| trees | {' | '.join(worlds)} |\n|{' --- |' * (len(worlds) + 1)}")
    for name in RECIPES:
        shown = [f"{measured(tasks, name):.4f}" for tasks in worlds.values()]
        print(f"| {name} | {' | '.join(shown)} |", flush=True)


if __name__ == "__main__":
    main()
