"""Means by task: drawn to the overall mean as far as the log says, in worlds with a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from learning_world import log_of

from routelab import learning
from routelab.learning.design import Design
from routelab.learning.learners import prior

TABLE = learning.Recipe(learners=("prior",))


def table_of(quality: Any, tasks: list[str], recipe: learning.Recipe = TABLE) -> prior.PriorPart:
    made = learning.training_examples(
        log_of(quality, None, tasks), "quality", ("small", "middle", "large")
    )
    found = prior.fit(Design(made, recipe), np.arange(len(made)), 0)
    assert isinstance(found, prior.PriorPart)
    return found


def drawn(seed: int, spread: float, tasks: int = 40) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """True means of each task and model, labels, and the task of each row."""
    rng = np.random.default_rng(seed)
    truth = 0.5 + rng.normal(0.0, spread, (tasks, 3))
    code = rng.integers(tasks, size=tasks * 6)
    labels = truth[code] + rng.normal(0.0, 0.4, (len(code), 3))
    return truth, labels, [f"t{at:02d}" for at in code]


def error_of(found: prior.PriorPart, truth: np.ndarray) -> float:
    at = [int(key[1:]) for key in found.keys]
    return float(np.square(found.table[:-1] - truth[at]).mean())


@pytest.mark.parametrize("spread", [0.02, 0.1, 0.4])
def test_means_are_as_near_to_the_truth_as_with_the_best_of_fixed_pulls(spread: float) -> None:
    learned, fixed = [], {pull: [] for pull in (0.0, 5.0, 500.0)}
    for seed in range(8):
        truth, labels, tasks = drawn(seed, spread)
        learned.append(error_of(table_of(labels, tasks), truth))
        for pull, errors in fixed.items():
            recipe = learning.recipe({"learners": "prior", "shrink": pull})
            errors.append(error_of(table_of(labels, tasks, recipe), truth))
    least, *_, most = sorted(float(np.mean(errors)) for errors in fixed.values())
    assert np.mean(learned) < 1.1 * least + 0.05 * most


def test_tasks_that_do_not_differ_get_the_overall_mean() -> None:
    rng = np.random.default_rng(3)
    labels = rng.normal(0.5, 0.4, (3000, 3))
    found = table_of(labels, [f"t{at}" for at in rng.integers(10, size=3000)])
    assert np.abs(found.table - labels.mean(axis=0)).max() < 0.02


def test_what_models_share_does_not_hide_how_they_differ() -> None:
    """Tasks differ much in how hard they are, and hardly in which model is best."""
    rng = np.random.default_rng(5)
    code = rng.integers(30, size=240)
    labels = rng.normal(0.0, 1.0, 30)[code][:, None] + rng.normal(0.0, 0.3, (240, 3))
    labels = labels + np.array([0.0, 0.1, 0.2])
    found = table_of(labels, [f"t{at:02d}" for at in code])
    gaps = np.diff(found.table, axis=1)
    assert np.abs(gaps - np.diff(labels.mean(axis=0))).max() < 0.1
    assert np.std(found.table[:-1, 0]) > 0.7


def test_every_row_a_task_of_its_own_makes_no_table() -> None:
    rng = np.random.default_rng(1)
    labels = (rng.random((3000, 3)) < 0.5).astype(float)
    found = table_of(labels, [f"t{row}" for row in range(3000)])
    assert found.keys == ()
    np.testing.assert_allclose(found.table, labels.mean(axis=0)[None])


def test_the_cost_table_is_of_amounts_and_one_scorer() -> None:
    log = log_of(np.eye(90)[:, :3], None, [f"t{row % 3}" for row in range(90)])
    fitted = learning.fit(log, target="cost", models=log.models, recipe=TABLE)
    assert list(fitted.scorers) == ["cost"]
    assert fitted.scorers["cost"]["kind"] == "prior"
    np.testing.assert_allclose(fitted.tensors["cost.table"][-1], log.cost_usd.mean(axis=0))
