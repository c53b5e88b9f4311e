"""No study decides by a label, and what is proposed, doubtful or missing is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import random_log

from routelab.core import SignalSpec
from routelab.errors import LogError
from routelab.logs import Log
from routelab.tuning import Options, tune

LABELS = ("rating", "thumbs_up", "num_votes", "annotator_id", "total_tokens")


def quick(**options):
    return Options(**{"name": "quick", "trials": 10, "policy": "cascade", **options})


@pytest.fixture(scope="module")
def labelled(few) -> Log:
    return with_labels(few)


def with_labels(log: Log) -> Log:
    """The log with columns that people have beside quality; nothing asked for."""
    quality, rng = log.quality, np.random.default_rng(0)
    thumbs = np.where(
        rng.random(quality.shape) < 0.9, quality > 0.5, rng.random(quality.shape) < 0.5
    )
    return replace(
        log,
        signals={},
        unasked={
            "rating": 1 + 4 * quality,
            "thumbs_up": thumbs.astype(float),
            "num_votes": rng.integers(1, 5, quality.shape).astype(float),
            "annotator_id": rng.integers(0, 9, quality.shape).astype(float),
            "total_tokens": rng.integers(50, 900, quality.shape).astype(float),
            "copied": quality * 2,
            "noisy": quality + rng.normal(0, 0.5, quality.shape),
            "confidence": log.signals["confidence"],
            "entropy": 1 - log.signals["confidence"],
        },
    )


def test_nothing_is_taken_that_nobody_asked_for(labelled):
    study = tune(labelled, quick(models=("small-8b", "frontier")))
    assert study.policy.signals_used == ()
    (line,) = [it for it in study.verdict.reasons if "no signal was asked for" in it]
    assert "confidence, reversed:entropy" in line
    assert "`signals=['confidence', 'reversed:entropy']`" in line
    assert not any(name in line for name in LABELS)


@pytest.mark.parametrize("name", [*LABELS, "copied"])
def test_labels_counts_and_ids_are_refused_by_name_or_by_what_they_hold(labelled, name):
    with pytest.raises(LogError) as caught:
        tune(labelled, quick(signals=(name,)))
    (problem,) = caught.value.problems
    assert f"signal {name!r} is refused: " in problem
    assert "knowable=True" in problem


def test_every_refused_signal_is_named_at_once(labelled):
    with pytest.raises(LogError) as caught:
        tune(labelled, quick(signals=("confidence", "rating", "copied")))
    assert len(caught.value.problems) == 2


def test_somebodys_word_is_taken(labelled):
    vouched = labelled.with_specs({"rating": SignalSpec(multiplier=1.0, knowable=True)})
    study = tune(vouched, quick(models=("small-8b", "frontier"), trials=20))
    assert study.policy.signals_used == ("rating",)


def test_a_signal_that_is_computed_of_the_answer_may_have_any_name(labelled):
    spec = SignalSpec(multiplier=3.0, source="agreement:3")
    log = replace(
        labelled, signals={"score": labelled.unasked["confidence"]}, specs={"score": spec}
    )
    study = tune(log, quick(models=("small-8b", "frontier"), trials=20))
    assert study.policy.signals_used == ("score",)


def test_a_label_with_noise_is_said_first(sample_log):
    labelled = with_labels(sample_log)
    study = tune(labelled, quick(signals=("noisy",), models=("small-8b", "frontier")))
    assert any("'noisy' looks like a label with noise" in it for it in study.verdict.reasons[:3])
    plain = tune(labelled, quick(signals=("confidence",), models=("small-8b", "frontier")))
    assert not any("label" in it for it in plain.verdict.reasons)


def test_a_reversed_signal_is_named_with_the_mend(labelled):
    options = quick(signals=("entropy",), models=("small-8b", "frontier"))
    (line,) = [it for it in tune(labelled, options).verdict.reasons if "is reversed" in it]
    assert "`signals=['reversed:entropy']`" in line


def test_with_its_sign_turned_it_is_as_good_as_confidence(labelled):
    models = ("small-8b", "frontier")
    turned, plain = (
        tune(labelled, quick(signals=(name,), models=models, trials=40))
        for name in ("reversed:entropy", "confidence")
    )
    assert turned.policy.signals_used == ("reversed:entropy",)
    assert turned.figures.quality == plain.figures.quality
    assert not any("reversed" in it for it in turned.verdict.reasons if "is not known" not in it)


def test_outcomes_that_miss_where_a_model_fails_are_said_with_bounds(few):
    rng, quality = np.random.default_rng(0), few.quality.copy()
    gone = (quality[:, 0] < 0.5) & (rng.random(len(quality)) < 0.4)
    quality[gone, 0] = np.nan
    log = replace(few, quality=quality)
    study = tune(log, quick(models=("small-8b", "frontier"), allow_missing=True))
    reasons = study.verdict.reasons
    assert any("outcomes of small-8b are missing" in it for it in reasons)
    (line,) = [it for it in reasons if "the exported policy's quality on test" in it]
    low, high = (
        float(it) for it in line.partition("between ")[2].split(" whatever")[0].split(" and ")
    )
    assert low < study.figures.quality < high
    truth = np.concatenate([study.test.replay(study.policy).quality]).mean()
    assert f"{truth:.4f} on requests with" in line


def test_outcomes_that_miss_by_chance_are_no_alarm(few):
    quality = few.quality.copy()
    quality[np.random.default_rng(0).random(quality.shape) < 0.01] = np.nan
    study = tune(replace(few, quality=quality), quick(models=("small-8b", "frontier")))
    assert not any("are missing" in it for it in study.verdict.reasons)


def test_a_log_of_one_class_is_judged_without_a_word_on_labels(recwarn):
    log = random_log(400, 3, seed=0)
    log = replace(log, quality=np.ones_like(log.quality))
    study = tune(log, quick())
    assert not any("label" in it or "reversed" in it for it in study.verdict.reasons)
    assert not [it for it in recwarn.list if issubclass(it.category, RuntimeWarning)]
