"""Labels in disguise are found, whatever was done to them, and real confidences are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.core import SignalSpec
from routelab.logs import read
from routelab.metrics import (
    is_reversed,
    judged_quality,
    label_copy,
    label_suspicion,
    told_by,
    why_refused,
)

MODELS = ("a", "b")
LOGS = (
    "llmrouter_nine.parquet",
    "reasoning_gym_easy.parquet",
    "routerbench_365.parquet",
    "openai_gsm8k_2021.parquet",
)


def graded(n=400, seed=0):
    """(n, 2) qualities of requests that are hard for both or for none."""
    rng = np.random.default_rng(seed)
    ease = rng.random((n, 1))
    return (rng.random((n, 2)) < 0.2 + 0.6 * ease).astype(float), ease, rng


COPIES = {
    "as it is": lambda q, rng: q,
    "stars": lambda q, rng: 1 + 4 * q,
    "reversed": lambda q, rng: -q,
    "nearly": lambda q, rng: q + rng.normal(0, 0.15, q.shape),
    "there when right": lambda q, rng: np.where(q >= 0.5, 1.0, np.nan),
    "there when wrong": lambda q, rng: np.where(q >= 0.5, np.nan, 1.0),
}


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_of_the_label_is_found(how):
    quality, _, rng = graded()
    values = COPIES[how](quality, rng)
    assert "AUROC" in label_copy(values, quality, MODELS)
    assert "copies the label" in why_refused("sure", SignalSpec(), values, quality, MODELS)
    assert why_refused("sure", SignalSpec(knowable=True), values, quality, MODELS) is None


def test_a_copy_in_one_model_alone_is_found():
    quality, _, rng = graded()
    values = rng.random(quality.shape)
    values[:, 1] = quality[:, 1]
    assert label_copy(values, quality, MODELS).endswith("on b")


def test_what_is_monotone_in_grades_is_found_without_right_and_wrong():
    quality = np.random.default_rng(0).uniform(0.5, 1.0, (200, 2))
    assert "monotone in quality" in label_copy(np.exp(quality), quality, MODELS)
    assert "monotone in quality" in label_copy(-quality, quality, MODELS)


def test_a_good_verifier_is_neither_refused_nor_suspected():
    quality, ease, rng = graded(2000)
    values = 1.3 * quality + 1.5 * ease + rng.normal(0, 0.6, quality.shape)
    assert (
        np.mean(values[quality[:, 0] == 1, 0][:, None] > values[quality[:, 0] == 0, 0][None, :])
        > 0.85
    )
    assert label_copy(values, quality, MODELS) is None
    assert label_suspicion(values, quality) is None


def test_a_verifier_without_a_fault_on_a_few_answers_is_not_refused():
    quality = np.array([[1.0, 0.0]] * 8 + [[0.0, 1.0]] * 8)
    assert label_copy(quality, quality, MODELS) is None


@pytest.mark.parametrize("noise", ["thumbs", "normal"])
def test_a_label_with_noise_is_suspected(noise):
    quality, _, rng = graded(2000)
    agrees = rng.random(quality.shape) < 0.9
    values = {
        "thumbs": np.where(agrees, quality, rng.random(quality.shape) < 0.5).astype(float),
        "normal": quality + rng.normal(0, 0.5, quality.shape),
    }[noise]
    assert label_copy(values, quality, MODELS) is None
    assert label_suspicion(values, quality) is not None
    assert label_suspicion(-values, quality) is not None


@pytest.mark.parametrize("value", [0.0, 0.3, 1.0, np.nan])
def test_one_class_and_equal_qualities_say_nothing(value, recwarn):
    quality = np.full((100, 2), value)
    values = np.random.default_rng(0).random((100, 2))
    for confidence in (values, np.ones_like(values), np.full_like(values, np.nan)):
        assert label_copy(confidence, quality, MODELS) is None
        assert label_suspicion(confidence, quality) is None
        assert not is_reversed(confidence, quality)
    assert not recwarn.list


@pytest.mark.parametrize("name", LOGS)
def test_on_real_logs_copies_are_found_and_confidences_are_not(real_log, name):
    log, rng = read(real_log(name)), np.random.default_rng(0)
    quality = judged_quality(log)
    for column, values in log.unasked.items():
        assert label_copy(values, quality, log.models) is None, column
        assert label_suspicion(values, quality) is None, column
        assert not is_reversed(values, quality)
        assert is_reversed(-values, quality)
    noisy = quality + rng.normal(0, 0.5, quality.shape)
    assert label_suspicion(noisy, quality) is not None
    assert label_copy(1 + 4 * quality, quality, log.models) is not None
    assert label_suspicion(rng.random(quality.shape), quality) is None


def test_chance_is_seldom_called_reversed():
    quality, _, rng = graded(200)
    found = [is_reversed(rng.random(quality.shape), quality) for _ in range(400)]
    assert np.mean(found) < 0.03  # one side of a 95 % interval


def test_a_column_of_requests_that_tells_the_label():
    quality, _, rng = graded()
    names = np.where(quality[:, 1] == 1, "good", "bad").astype(object)
    assert told_by(names, quality, MODELS) == "b"
    assert told_by(rng.permutation(names), quality, MODELS) is None
    each = np.array([f"r{row}" for row in range(len(quality))], dtype=object)
    assert told_by(each, quality, MODELS) is None


def test_a_copy_is_said_to_be_without_a_fault_only_where_it_is():
    quality, _, rng = graded()
    assert "wrong answers without a fault (AUROC 1.000)" in label_copy(quality, quality, MODELS)
    nearly = quality + rng.normal(0, 0.27, quality.shape)
    assert "wrong answers almost without a fault (AUROC 0.99" in label_copy(nearly, quality, MODELS)
