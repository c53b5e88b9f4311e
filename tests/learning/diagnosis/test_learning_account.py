"""The account of a recipe: what it is worth where the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from learning_world import MODELS, QUICK, log_of, telling_log

from routelab import learning
from routelab.learning.diagnosis.estimates import Draws
from routelab.logs import Log, read
from routelab.logs.model.splits import split
from routelab.metrics.pairs import apgr

WEAK, STRONG = MODELS[0], MODELS[2]


def account(log: Log, recipe: learning.Recipe = QUICK) -> learning.LearningAccount:
    parts = split(log, need_all_parts=False)
    return learning.account(
        log,
        weak=WEAK,
        strong=STRONG,
        recipe=recipe,
        split=parts,
        signals=tuple(log.signals),
        resamples=30,
    )


@pytest.fixture(scope="module")
def telling() -> learning.LearningAccount:
    return account(telling_log(600))


def test_what_prompts_tell_is_found_on_every_split(telling: learning.LearningAccount) -> None:
    for ranking in (telling.random, telling.leave_task_out, telling.test):
        assert ranking.apgr.value is not None
        assert ranking.apgr.low is not None
        assert ranking.apgr.low > 0.55
        assert ranking.apgr.high is not None
        assert ranking.apgr.low <= ranking.apgr.value <= ranking.apgr.high
        assert ranking.lead["task mean"].low > 0.0
    assert telling.learned_task is False
    assert "unseen tasks apart" in telling.statement
    assert telling.important[0].feature in {"words", "question_words", "word_length"}


def test_gain_after_an_answer_beats_raw_confidence(telling: learning.LearningAccount) -> None:
    assert telling.after_answer.apgr.value > telling.random.apgr.value
    assert telling.after_answer.lead["confidence"].low > 0.0


def test_without_a_signal_deferral_is_not_judged() -> None:
    log = telling_log(100)
    bare = log_of(log.quality, log.texts.prompts(np.arange(100)))
    found = account(bare)
    assert "no confidence signal" in found.after_answer.apgr.reason
    assert "one task" in found.leave_task_out.apgr.reason
    assert "task mean" not in found.random.baselines


def test_probabilities_come_true(telling: learning.LearningAccount) -> None:
    small = telling.correctness[WEAK]
    assert small.auroc.value > 0.8
    assert small.brier.value < small.brier_of_mean
    assert sum(bar.rows for bar in small.diagram) == small.n == 600
    gaps = [abs(bar.probability - bar.quality) for bar in small.diagram if bar.rows > 100]
    assert max(gaps) < 0.15


def test_a_classifier_that_learned_the_task_is_called_one() -> None:
    found = account(telling_log(400, by_task=True))
    assert found.learned_task is True
    assert "mostly learned the task" in found.statement
    assert found.random.apgr.value > 0.6


def test_headline_is_plain_data(telling: learning.LearningAccount) -> None:
    headline = telling.headline()
    assert headline["apgr"] == telling.random.apgr.value
    assert headline["apgr_ci"] == (telling.random.apgr.low, telling.random.apgr.high)
    assert headline["apgr_test"] == telling.test.apgr.value
    assert headline["apgr_reason"] is None
    assert headline["cpt50"] <= headline["cpt80"]
    again = msgspec.json.decode(msgspec.json.encode(telling), type=learning.LearningAccount)
    assert again == telling


def test_one_label_has_a_reason_and_no_figure() -> None:
    log = log_of(np.ones((80, 3)), [f"p{row}" for row in range(80)], ["a", "b"] * 40)
    headline = account(log).headline()
    assert headline["apgr"] is None
    assert "nothing to learn" in headline["apgr_reason"]


def test_a_strong_model_that_is_no_better_has_a_reason() -> None:
    log = telling_log(200)
    turned = log_of(log.quality[:, ::-1], log.texts.prompts(np.arange(200)), ["a"] * 200)
    found = account(turned)
    assert "no gap to recover" in found.headline()["apgr_reason"]
    assert found.correctness[STRONG].auroc.value > 0.6


def test_one_task_cannot_be_left_out() -> None:
    log = telling_log(200)
    single = log_of(log.quality, log.texts.prompts(np.arange(200)), ["a"] * 200)
    found = account(single)
    assert found.random.apgr.value > 0.5
    assert "one task" in found.leave_task_out.apgr.reason
    assert found.learned_task is None


def test_rows_without_both_models_are_left_out() -> None:
    log = telling_log(300)
    log.quality[:60, 2] = np.nan
    assert account(log).n == 240


def test_an_interval_draws_whole_groups() -> None:
    groups = np.repeat(np.arange(30), 10)
    value = np.random.default_rng(0).normal(size=30)[groups]
    whole = Draws(groups, 400, 0).figure(np.mean, value)
    alone = Draws(np.arange(300), 400, 0).figure(np.mean, value)
    ratio = (whole.high - whole.low) / (alone.high - alone.low)
    assert 2.5 < ratio < 4.0  # the square root of ten


def test_a_figure_without_value_says_why() -> None:
    draws = Draws(np.arange(20), 50, 0)
    ones = np.ones(20)
    assert "no gap" in draws.figure(apgr, np.arange(20.0), ones, ones).reason
    rare = draws.figure(apgr, np.arange(20.0), ones - np.eye(20)[0], ones)
    assert rare.value is not None
    mostly = draws.figure(lambda x: float("nan") if x[0] != 3.0 else 1.0, np.full(20, 3.0))
    assert mostly.ci == (1.0, 1.0)


@pytest.mark.slow
def test_public_responses_are_ranked_better_than_by_length(
    real_log: Callable[[str], Path],
) -> None:
    log = read(real_log("routellm_gsm8k_mmlu.parquet"))
    assert isinstance(log, Log)
    mmlu = log.take(np.flatnonzero(log.requests.task.astype(str) != "gsm8k"))
    found = learning.account(
        mmlu, weak="mistralai/Mixtral-8x7B-Instruct-v0.1", strong="gpt-4-1106-preview"
    )
    assert found.random.apgr.value >= 0.685
    assert found.random.apgr.low > 0.66
    assert found.leave_task_out.apgr.value >= 0.595
    assert found.random.lead["prompt length"].low > 0.0
