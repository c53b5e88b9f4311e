"""Costs are learned as logarithms, and their means come out right."""

from __future__ import annotations

import numpy as np
import pytest
from learning_world import MODELS, QUICK, log_of, telling_log

from routelab import learning
from routelab.learning import Recipe
from routelab.logs import Log


def skewed(n: int = 600, seed: int = 0) -> Log:
    """Answers whose length spreads over more than a factor of ten, more so on one task."""
    rng = np.random.default_rng(seed)
    wide = rng.random(n) < 0.5
    long = rng.random(n) < 0.3
    size = np.exp(rng.normal(0.0, np.where(wide, 1.2, 0.3), (3, n))).T
    cost = 1e-5 * size * np.array([1.0, 4.0, 20.0]) * np.where(long, 5.0, 1.0)[:, None]
    prompts = [f"{'write an essay' if it else 'say yes'} {row}" for row, it in enumerate(long)]
    tasks = ["wide" if it else "narrow" for it in wide]
    return log_of(rng.integers(2, size=(n, 3)), prompts, tasks, cost_usd=np.asfortranarray(cost))


def test_mean_costs_by_task_are_those_of_new_requests() -> None:
    train, new = skewed(3000), skewed(3000, seed=1)
    fitted = learning.fit(train, target="cost", models=MODELS, recipe=QUICK)
    requests = learning.training_examples(new, "cost", MODELS).requests
    found = fitted.scoring().score_batch("cost", requests)
    assert (found > 0.0).all()
    for task in ("wide", "narrow"):
        rows = new.requests.task == task
        ratio = found[rows].mean(axis=0) / new.cost_usd[rows].mean(axis=0)
        assert np.abs(np.log(ratio)).max() < 0.12
    told = np.corrcoef(np.log(found[:, 0]), np.log(new.cost_usd[:, 0]))[0, 1]
    assert told > 0.5


def test_the_report_tells_means_and_errors_of_costs() -> None:
    report = learning.fit(skewed(), target="cost", models=MODELS, recipe=QUICK).report["cost"]
    error = report["error"]
    np.testing.assert_allclose(error["mean_predicted"], error["mean"], rtol=0.1)
    assert len(error["rmse"]) == 3


def test_held_out_costs_do_not_depend_on_the_row() -> None:
    log = skewed(200)
    made = learning.training_examples(log, "cost", MODELS)
    fold = np.arange(len(made)) % 3
    labels = np.where((fold == 1)[:, None], 30.0 * made.labels, made.labels)
    other = learning.Examples(**{**vars(made), "labels": labels})
    here, there = (learning.crossfit(one, QUICK, fold) for one in (made, other))
    np.testing.assert_array_equal(here[fold == 1], there[fold == 1])


@pytest.mark.parametrize("free", ["one model", "one request", "all"])
def test_costs_of_zero_are_learned_as_they_are(free: str) -> None:
    log = telling_log(120)
    cost = log.cost_usd.copy()
    cost[{"one model": np.s_[:, 0], "one request": np.s_[3, 1], "all": np.s_[:]}[free]] = 0.0
    log = log_of(
        log.quality, ["a b", "c"] * 60, ["x", "y", "z"] * 40, cost_usd=np.asfortranarray(cost)
    )
    fitted = learning.fit(log, target="cost", models=MODELS, recipe=QUICK)
    requests = learning.training_examples(log, "cost", MODELS).requests
    found = fitted.scoring().score_batch("cost", requests)
    assert np.isfinite(found).all()
    if free != "one request":
        np.testing.assert_allclose(found[:, 0], 0.0, atol=1e-12)


def test_rows_beyond_the_limit_have_scores_by_a_fit_that_never_saw_them() -> None:
    log = telling_log(200)
    recipe = learning.recipe({"most_rows": 90, "rounds": 5, "bits": 10})
    fitted = learning.fit(log, target="quality", models=MODELS, recipe=recipe)
    assert np.isfinite(fitted.held_out["quality"]).all()
    shipped = fitted.scoring().score_batch(
        "quality", learning.training_examples(log, "quality", MODELS).requests
    )
    alike = np.isclose(shipped, fitted.held_out["quality"], atol=1e-9).all(axis=1)
    assert alike.sum() == 110


def test_few_rows_grow_no_trees_and_say_so() -> None:
    report = learning.fit(telling_log(80), target="quality", models=MODELS).report["quality"]
    assert set(report["weights"]) == {"prior", "words", "numbers"}
    assert any("grow no trees" in note for note in report["notes"])
    forced = learning.fit(
        telling_log(80), target="quality", models=MODELS, recipe=Recipe(learners=("trees",))
    )
    assert set(forced.report["quality"]["weights"]) == {"trees"}


def test_a_router_that_would_collapse_to_one_model_is_told() -> None:
    rng = np.random.default_rng(0)
    quality = (rng.random((300, 2)) < [0.4, 0.8]).astype(float)
    log = log_of(quality, [f"word{row}" for row in range(300)], ["a"] * 300)
    notes = learning.fit(log, target="quality", models=MODELS[:2]).report["quality"]["notes"]
    assert any("middle is predicted to be best on nearly every" in note for note in notes)
    notes = learning.fit(telling_log(300), target="quality", models=MODELS).report["quality"]
    assert not any("nearly every request" in note for note in notes["notes"])
