"""Judges corrected by labels: unbiased, of the promised coverage, narrower where they are good."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from routelab.stats import corrected_difference, corrected_mean

ROWS = 2500
TRUTH = 0.7


def judged(rng, right, kappa, lenient):
    """A judge of that kappa: one that guesses at random now and then, or that passes too much."""
    if not lenient:
        return np.where(rng.random(right.shape) < kappa, right, rng.random(right.shape) < TRUTH)
    passed = (1 - TRUTH) * lenience(kappa)
    return np.where(rng.random(right.shape) < passed / (1 - TRUTH), 1.0, right)


def lenience(kappa):
    """Share of wrong answers that a judge passes, who passes every right one."""
    low, high = 0.0, 1.0
    for _ in range(50):
        share = (low + high) / 2
        agree = 1 - (1 - TRUTH) * share
        passes = TRUTH + (1 - TRUTH) * share
        chance = TRUTH * passes + (1 - TRUTH) * (1 - passes)
        low, high = (share, high) if (agree - chance) / (1 - chance) > kappa else (low, share)
    return low


def some(kappa, labels, times, *, lenient=False, session=1, seed=0):
    """Estimates of one mean from fresh rows; rows of a session are all right or all wrong."""
    for at in range(times):
        rng = np.random.default_rng([seed, at])
        n = ROWS // session
        right = np.repeat((rng.random(n) < TRUTH).astype(float), session)
        score = judged(rng, right, kappa, lenient).astype(float)
        codes = np.repeat(np.arange(n), session)
        looked = codes < -(-labels // session)
        yield corrected_mean(
            score, np.where(looked, right, np.nan), None if session == 1 else codes
        )


def check(found, least=0.93, most=0.97):
    """Neither too few nor too many hold the truth, beyond what chance does in many cells."""
    hits = sum(it.ci.low <= TRUTH <= it.ci.high for it in found)
    share = binomtest(hits, len(found)).proportion_ci(0.998)
    assert share.high > least, hits / len(found)
    assert share.low < most, hits / len(found)


def narrower(found):
    own, bare = (
        np.mean([it.ci.high - it.ci.low for it in ends])
        for ends in (found, [it.alone for it in found])
    )
    return 1 - own / bare


@pytest.mark.parametrize(("kappa", "labels"), [(0.2, 50), (0.9, 200)])
def test_intervals_hold_the_truth(kappa, labels):
    found = list(some(kappa, labels, 200, lenient=True))
    check(found)
    assert abs(np.mean([it.value for it in found]) - TRUTH) < 4 * np.std(
        [it.value for it in found]
    ) / np.sqrt(len(found))
    assert narrower(found) > (0.25 if kappa > 0.5 else -0.03)


@pytest.mark.slow
@pytest.mark.parametrize("lenient", [False, True])
@pytest.mark.parametrize("labels", [50, 100, 200, 500])
@pytest.mark.parametrize("kappa", [0.2, 0.4, 0.6, 0.8, 0.9])
def test_intervals_hold_the_truth_for_every_judge(kappa, labels, lenient):
    found = list(some(kappa, labels, 500, lenient=lenient))
    check(found)
    assert narrower(found) > (0.25 if kappa >= 0.8 else -0.03)


@pytest.mark.slow
@pytest.mark.parametrize("labels", [100, 500])
def test_intervals_hold_where_sessions_are_all_right_or_all_wrong(labels):
    check(list(some(0.6, labels, 500, session=2)))


def test_a_judge_that_errs_on_hardly_any_label_is_not_taken_to_be_never_wrong():
    """Nine of ten are right, the judge passes a fifth of the others: one label in fifty is off."""
    hits, silent = 0, 0
    for at in range(200):
        rng = np.random.default_rng([7, at])
        right = (rng.random(ROWS) < 0.9).astype(float)
        judge = np.where(rng.random(ROWS) < 0.19, 1.0, right)
        found = corrected_mean(judge, np.where(np.arange(ROWS) < 50, right, np.nan))
        hits += found.ci.low <= 0.9 <= found.ci.high
        silent += np.array_equal(judge[:50], right[:50])
    assert silent > 50
    assert binomtest(hits, 200).proportion_ci(0.998).high > 0.93
    assert hits > 180


def test_a_session_counts_once():
    (one,) = some(0.6, 500, 1, session=5)
    alone = corrected_mean(
        one.each, np.where(one.weight > 0, one.each > 0, np.nan)
    )  # the same rows as if each were on its own
    assert one.groups == 100
    assert one.error > 1.5 * alone.error


def test_chances_that_differ_are_made_up_for():
    """Wrong answers are looked at more often; only the chances say so."""
    errors = []
    for at in range(150):
        rng = np.random.default_rng(at)
        right = (rng.random(ROWS) < TRUTH).astype(float)
        score = judged(rng, right, 0.6, False).astype(float)
        chance = np.where(score > 0.5, 0.04, 0.2)
        labels = np.where(rng.random(ROWS) < chance, right, np.nan)
        found = corrected_mean(score, labels, chance=chance)
        errors.append((found.value - TRUTH, found.ci.low <= TRUTH <= found.ci.high))
        assert found.each.mean() == pytest.approx(found.value, abs=1e-12)
        assert found.weight.sum() == pytest.approx(ROWS)
    off = np.array([it for it, _ in errors])
    assert abs(off.mean()) < 4 * off.std() / np.sqrt(len(off))
    assert binomtest(sum(it for _, it in errors), len(errors)).proportion_ci(0.998).high > 0.93


def test_scores_on_any_scale_and_turned_round_say_the_same():
    rng = np.random.default_rng(1)
    right = (rng.random(ROWS) < TRUTH).astype(float)
    score = judged(rng, right, 0.7, False).astype(float)
    labels = np.where(np.arange(ROWS) < 100, right, np.nan)
    plain, other = corrected_mean(score, labels), corrected_mean(5 - 4 * score, labels)
    assert other.value == pytest.approx(plain.value, abs=1e-12)
    assert other.ci == pytest.approx(plain.ci, abs=1e-12)
    assert other.power[0] == pytest.approx(-plain.power[0] / 4)


def test_a_score_that_never_varies_leaves_labels_alone():
    rng = np.random.default_rng(2)
    labels = np.where(np.arange(ROWS) < 60, rng.random(ROWS), np.nan)
    found = corrected_mean(np.full(ROWS, 0.5), labels)
    assert found.value == pytest.approx(np.nanmean(labels))
    assert found.value == pytest.approx(found.alone.value)
    assert found.ci.low <= found.alone.ci.low + 1e-3


def test_a_thumb_that_few_users_give_is_a_score_all_the_same():
    """Who gives a thumb is no chance: unhappy users do. Labels of a random sample mend that."""
    values, missed = [], 0
    for at in range(100):
        rng = np.random.default_rng(at)
        right = (rng.random(ROWS) < TRUTH).astype(float)
        gave = rng.random(ROWS) < np.where(right > 0, 0.1, 0.6)
        thumb = np.where(gave, right, np.nan)
        found = corrected_mean(thumb, np.where(np.arange(ROWS) < 150, right, np.nan))
        assert len(found.power) == 2
        assert np.nanmean(thumb) < 0.4
        values.append(found.value)
        missed += not found.ci.low <= TRUTH <= found.ci.high
    assert np.mean(values) == pytest.approx(TRUTH, abs=0.02)
    assert missed <= 14
    assert found.narrower > 0.05


def test_two_judges_are_worth_more_than_one():
    rng = np.random.default_rng(3)
    right = (rng.random(ROWS) < TRUTH).astype(float)
    both = np.stack([judged(rng, right, 0.6, False) for _ in range(2)], axis=1).astype(float)
    labels = np.where(np.arange(ROWS) < 300, right, np.nan)
    one, two = corrected_mean(both[:, 0], labels), corrected_mean(both, labels)
    assert two.error < one.error < one.labels
    assert two.worth > one.worth > 300


def test_differences_are_paired():
    hits, widths = 0, []
    for at in range(150):
        rng = np.random.default_rng(at)
        hard = rng.random(ROWS)
        first, second = ((hard < it).astype(float) for it in (0.75, 0.7))
        looked = np.arange(ROWS) < 200
        found = corrected_difference(
            (judged(rng, first, 0.8, False), judged(rng, second, 0.8, False)),
            tuple(np.where(looked, it, np.nan) for it in (first, second)),
        )
        hits += found.ci.low <= 0.05 <= found.ci.high
        widths.append(found.narrower)
    assert binomtest(hits, 150).proportion_ci(0.998).high > 0.93
    assert np.mean(widths) > 0.0


def test_labels_on_every_row_need_no_score():
    rng = np.random.default_rng(4)
    right = (rng.random(ROWS) < TRUTH).astype(float)
    found = corrected_mean(rng.random(ROWS), right)
    assert found.value == pytest.approx(right.mean())
    assert np.allclose(found.each, right)
    assert found.error == pytest.approx(right.std() / np.sqrt(ROWS), rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"labels": np.r_[np.full(20, 2.0), np.full(80, np.nan)]}, r"labels\[0\] is 2"),
        ({"labels": np.r_[np.ones(9), np.full(91, np.nan)]}, "9 labels in 9 groups"),
        ({"labels": np.ones(99)}, "as many rows"),
        ({"scores": np.full(100, np.inf)}, "finite"),
        ({"scores": np.zeros((2, 2, 2))}, r"\(n, k\)"),
        ({"chance": np.zeros(100)}, r"\(0, 1\]"),
        ({"groups": np.zeros(100)}, "1 groups"),
    ],
)
def test_what_cannot_be_corrected_says_why(change, words):
    usual = {"scores": np.ones(100), "labels": np.r_[np.ones(50), np.full(50, np.nan)]}
    given = {**usual, **change}
    with pytest.raises(ValueError, match=words):
        corrected_mean(given.pop("scores"), given.pop("labels"), **given)


def test_differences_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        corrected_difference((np.ones(3), np.ones(4)), (np.ones(3), np.ones(3)))
