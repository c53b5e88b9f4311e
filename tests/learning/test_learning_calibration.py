"""Calibrators are judged on rows that they never saw, in worlds whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from learning_world import log_of
from threadpoolctl import threadpool_limits

from routelab import learning
from routelab.core.table import Floats
from routelab.learning import Recipe, calibration, folds

KINDS = ("platt", "beta", "isotonic", "temperature")
FOLDS = 4
GRID = (np.arange(200) + 0.5) / 200
"""Scores of new rows: as likely as those of a log."""


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As a fit has it; on small problems more threads wait for each other."""
    with threadpool_limits(limits=1):
        yield


Truth = Callable[[Floats], Floats]


def tilted(score: Floats) -> Floats:
    """Too modest scores: a calibrator of two parameters is all that they need."""
    return 1.0 / (1.0 + np.exp(-2.0 * np.log(score / (1.0 - score))))


def stepped(score: Floats) -> Floats:
    """Only a staircase is right."""
    return np.where(score < 0.3, 0.2, np.where(score < 0.8, 0.4, 0.95))


def drawn(truth: Truth, n: int, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    score = rng.uniform(0.0, 1.0, n)
    return score, (rng.random(n) < truth(score)).astype(np.float64)


def expected_brier(calibrator: Any, truth: Truth) -> float:
    """On new rows, by the truth and not by a sample."""
    found, p = calibration.apply([calibrator], GRID[:, None])[:, 0], truth(GRID)
    return float(np.mean(np.square(found - p) + p * (1.0 - p)))


def seen_brier(kind: Any, score: Floats, label: Floats) -> float:
    """On the very rows that it was fitted on."""
    fitted = calibration.fit(kind, score, label)
    return float(np.mean(np.square(calibration.apply([fitted], score[:, None])[:, 0] - label)))


def fair_brier(kind: Any, score: Floats, label: Floats, fold: np.ndarray) -> float:
    found = calibration.crossfit(kind, score[:, None], label[:, None], fold)[:, 0]
    return float(np.mean(np.square(found - label)))


@pytest.mark.parametrize("logs", [25, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_the_loss_of_a_calibrator_is_that_on_new_rows(kind: Any, logs: int) -> None:
    """Over many logs what was measured and what is true differ by nothing but chance."""
    fair, flattered = [], []
    for seed in range(logs):
        score, label = drawn(tilted, 100, seed)
        fold = folds.by_group(np.arange(100), FOLDS, seed)
        true = np.mean(
            [
                expected_brier(calibration.fit(kind, score[here], label[here]), tilted)
                for here, _ in folds.each(fold)
            ]
        )
        fair.append(fair_brier(kind, score, label, fold) - true)
        flattered.append(seen_brier(kind, score, label) - true)
    error = np.std(fair) / np.sqrt(len(fair))
    assert abs(np.mean(fair)) < 4.0 * error
    if kind == "isotonic":  # so that the line above can fail
        assert np.mean(flattered) < -4.0 * error


def chosen(truth: Truth, n: int, seed: int) -> tuple[str, str, dict[str, float]]:
    """The kind of least loss on new rows and on its own, and what each is truly worth."""
    score, label = drawn(truth, n, seed)
    fold = folds.by_group(np.arange(n), FOLDS, seed)
    fair = {kind: fair_brier(kind, score, label, fold) for kind in KINDS}
    flattered = {kind: seen_brier(kind, score, label) for kind in KINDS}
    worth = {
        kind: expected_brier(calibration.fit(kind, score, label), truth)  # type: ignore[arg-type]
        for kind in KINDS
    }
    return min(fair, key=fair.__getitem__), min(flattered, key=flattered.__getitem__), worth


@pytest.mark.parametrize("logs", [24, pytest.param(60, marks=pytest.mark.slow)])
def test_few_rows_choose_no_staircase_and_what_they_choose_is_worth_more(logs: int) -> None:
    runs = [chosen(tilted, 100, seed) for seed in range(logs)]
    assert sum(flattered == "isotonic" for _, flattered, _ in runs) > logs * 55 / 60
    assert sum(fair == "isotonic" for fair, _, _ in runs) < logs * 20 / 60
    better = [worth[flattered] - worth[fair] for fair, flattered, worth in runs]
    assert np.mean(better) > 3.0 * np.std(better) / np.sqrt(len(better))


def test_a_staircase_is_chosen_where_many_rows_show_one() -> None:
    runs = [chosen(stepped, 3000, seed) for seed in range(8)]
    assert all(fair == "isotonic" for fair, _, _ in runs)


def test_a_row_has_no_say_in_its_own_calibrated_score() -> None:
    score, label = drawn(tilted, 200, 0)
    fold = folds.by_group(np.arange(200) // 2, FOLDS, 0)
    other = np.where(fold == 1, 1.0 - label, label)
    for kind in ("auto", *KINDS):
        here, there = (
            calibration.crossfit(kind, score[:, None], it[:, None], fold)[:, 0]  # type: ignore[arg-type]
            for it in (label, other)
        )
        np.testing.assert_array_equal(here[fold == 1], there[fold == 1])
        assert not np.array_equal(here[fold != 1], there[fold != 1])


def test_auto_is_judged_as_the_calibrator_that_ships() -> None:
    """A part of 1,200 rows has fewer than a thousand, but what ships is fitted on all."""
    score, label = drawn(tilted, 1200, 0)
    fold = folds.by_group(np.arange(1200), FOLDS, 0)
    auto, beta = (
        calibration.crossfit(kind, score[:, None], label[:, None], fold)  # type: ignore[arg-type]
        for kind in ("auto", "beta")
    )
    np.testing.assert_array_equal(auto, beta)


@pytest.mark.parametrize("logs", [8, pytest.param(20, marks=pytest.mark.slow)])
def test_the_calibrator_of_least_loss_is_worth_more_on_new_requests(logs: int) -> None:
    """Through `learning.loss`: few rows, whose lengths say how likely success is.

    On its own rows isotonic would win every time.
    """
    recipes = [
        Recipe(learners=("numbers",), calibrator=kind)  # type: ignore[arg-type]
        for kind in ("auto", "isotonic")
    ]
    picked, gained = [], []
    for seed in range(logs):
        train, new = (_by_length(n, at) for n, at in ((100, seed), (1500, 1000 + seed)))
        losses = [learning.loss(train, recipe, seed=seed) for recipe in recipes]
        worth = [_on(new, train, recipe, seed) for recipe in recipes]
        picked.append(int(np.argmin(losses)))
        gained.append(worth[1] - worth[picked[-1]])
    assert np.mean(picked) < 0.5
    assert np.mean(gained) > 0.0


def _by_length(n: int, seed: int) -> learning.Examples:
    rng = np.random.default_rng(seed)
    length = rng.integers(1, 200, n)
    quality = (rng.random(n) < 1.0 - length / 200).astype(np.float64)
    prompts = [f"{seed} {row} {'x' * int(it)}" for row, it in enumerate(length)]
    return learning.training_examples(log_of(quality[:, None], prompts), "quality", ("small",))


def _on(new: learning.Examples, train: learning.Examples, recipe: Recipe, seed: int) -> float:
    scoring = learning.fit_examples(train, recipe, seed=seed, name="q").scoring()
    found = scoring.score_batch("q", new.requests)
    return float(np.mean(np.square(found - new.labels)))
