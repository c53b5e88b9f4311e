"""Labels are what the log says, and weights and calibrators what their errors say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from learning_world import MODELS, log_of, telling_log

from routelab import learning
from routelab.learning import blend, calibration, folds
from routelab.learning.recipe import Calibration
from routelab.learning.targets import complexity
from routelab.metrics.confidence import brier

CALIBRATORS: tuple[Calibration, ...] = ("platt", "beta", "isotonic", "temperature")


@given(
    st.lists(st.lists(st.sampled_from([0.0, 0.4, 0.5, 1.0]), min_size=3, max_size=3), min_size=1)
)
def test_complexity_is_the_place_of_the_first_success(quality: list[list[float]]) -> None:
    scores = complexity(np.array(quality))[:, 0]
    for row, score in zip(quality, scores, strict=True):
        first = next((place for place, value in enumerate(row) if value >= 0.5), 2)
        assert score == first / 2


def test_complexity_is_unknown_where_a_quality_is() -> None:
    assert np.isnan(complexity(np.array([[1.0, np.nan]]))).all()


def test_a_gain_compares_every_later_model_with_the_one_that_answered() -> None:
    log = telling_log(50)
    made = learning.training_examples(log, "gain", MODELS, signals=("confidence",))
    assert made.outputs == MODELS[1:]
    assert made.seen is not None
    assert len(made) == 2 * len(log)
    for row, (request, seen) in enumerate(zip(made.request_of, made.seen, strict=True)):
        this = log.column(seen.model)
        want = [
            log.quality[request, other] - log.quality[request, this] if other > this else np.nan
            for other in (1, 2)
        ]
        np.testing.assert_array_equal(made.labels[row], want)
        np.testing.assert_array_equal(
            seen.signals["confidence"], log.signals["confidence"][request, this]
        )
        assert seen.completion_tokens == log.completion_tokens[request, this]


def test_a_model_that_was_not_observed_gave_no_answer() -> None:
    log = telling_log(60)
    log.quality[::2, 0] = np.nan
    made = learning.training_examples(log, "gain", MODELS)
    assert made.seen is not None
    answered = [answer.model for answer in made.seen]
    assert answered.count("small") == 30
    assert answered.count("middle") == 60


@pytest.mark.parametrize("target", ["quality", "cost", "latency"])
def test_each_model_has_its_own_label(target: learning.Target) -> None:
    log = telling_log(50)
    column = {"quality": log.quality, "cost": log.cost_usd, "latency": log.latency_s}[target]
    made = learning.training_examples(log, target, ("large", "small"))
    np.testing.assert_array_equal(made.labels, column[:, [2, 0]])


def test_equal_prompts_are_held_out_together() -> None:
    prompts = [f"prompt {row % 20}" for row in range(100)]
    log = log_of(np.random.default_rng(0).integers(2, size=(100, 2)), prompts)
    made = learning.training_examples(log, "quality", MODELS[:2])
    fold = folds.by_group(made.groups, 5, seed=0)
    assert len(set(zip(prompts, fold, strict=True))) == 20


@given(st.integers(2, 40), st.integers(2, 8), st.integers(0, 9))
def test_folds_part_the_groups_evenly(groups: int, count: int, seed: int) -> None:
    fold = folds.by_group(np.arange(groups), count, seed)
    sizes = np.bincount(fold)
    assert len(sizes) == min(groups, count)
    assert sizes.max() - sizes.min() <= 1
    held = [there for _, there in folds.each(fold)]
    assert sorted(np.concatenate(held)) == list(range(groups))


@given(st.integers(0, 50), st.floats(0.0, 100.0))
def test_blend_weights_are_a_mean(seed: int, even: float) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.random((40, 2))
    weights = blend.weights([labels + rng.normal(size=(40, 2)) for _ in range(3)], labels, even)
    assert min(weights) >= 0.0
    assert sum(weights) == pytest.approx(1.0)


def test_the_learner_that_is_right_gets_the_weight_unless_pulled_to_equal() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random((200, 1))
    noise = [rng.random((200, 1)) for _ in range(2)]
    assert blend.weights([labels, *noise], labels, 0.0)[0] > 0.99
    np.testing.assert_allclose(blend.weights([labels, *noise], labels, 1e6), 1 / 3, atol=1e-3)


@pytest.mark.parametrize("kind", CALIBRATORS)
def test_a_calibrator_mends_overconfidence_and_keeps_the_order(kind: Calibration) -> None:
    rng = np.random.default_rng(0)
    chance = 1.0 / (1.0 + np.exp(-rng.normal(size=4000)))
    over = chance**3 / (chance**3 + (1.0 - chance) ** 3)
    right = (rng.random(4000) < chance).astype(float)
    fitted = calibration.fit(kind, over[:2000], right[:2000])
    after = calibration.apply([fitted], over[2000:, None])[:, 0]
    assert brier(after, right[2000:]) < brier(over[2000:], right[2000:]) - 0.005
    np.testing.assert_allclose(after, chance[2000:], atol=0.12)
    assert (np.diff(after[np.argsort(over[2000:])]) >= -1e-12).all()


@pytest.mark.parametrize("kind", CALIBRATORS)
def test_a_score_that_is_turned_round_is_never_turned_back(kind: Calibration) -> None:
    rng = np.random.default_rng(0)
    score = rng.random(500)
    right = (rng.random(500) < 1.0 - score).astype(float)
    after = calibration.apply([calibration.fit(kind, score, right)], np.sort(score)[:, None])
    assert (np.diff(after[:, 0]) >= -1e-12).all()


@pytest.mark.parametrize("kind", CALIBRATORS)
@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_label_calibrates_nothing(kind: Calibration, label: float) -> None:
    assert calibration.fit(kind, np.linspace(0.1, 0.9, 50), np.full(50, label)) is None
