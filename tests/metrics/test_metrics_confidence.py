from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from routelab.metrics.confidence import aurc, auroc, brier, ece, reliability

scored = st.tuples(st.integers(0, 4).map(lambda k: k / 4), st.integers(0, 1))
rows = st.lists(scored, min_size=1, max_size=20)
probabilities = st.floats(0.0, 1.0) | st.integers(0, 15).map(lambda k: k / 15)
forecasts = st.lists(st.tuples(probabilities, st.floats(0.0, 1.0)), min_size=1, max_size=40)
examples = settings(deadline=None, max_examples=150)


def columns(pairs):
    return np.array(pairs, dtype=float).T


@examples
@given(rows)
def test_auroc_counts_pairs_in_the_right_order(pairs):
    scores, correct = columns(pairs)
    right, wrong = scores[correct == 1], scores[correct == 0]
    assume(len(right) and len(wrong))
    over = right[:, None] - wrong[None, :]
    assert auroc(scores, correct) == pytest.approx(np.mean((over > 0) + 0.5 * (over == 0)))


@examples
@given(rows)
def test_auroc_sees_only_the_order(pairs):
    scores, correct = columns(pairs)
    assume(len(set(correct)) == 2)
    assert auroc(np.exp(5 * scores), correct) == auroc(scores, correct)
    assert auroc(-scores, correct) == pytest.approx(1.0 - auroc(scores, correct))


@examples
@given(forecasts)
def test_reliability_puts_every_row_into_the_bin_it_belongs_to(pairs):
    probability, quality = columns(pairs)
    table = reliability(probability, quality)
    assert (table.low[0], table.high[-1], len(table.rows)) == (0.0, 1.0, 15)
    for low, high, count, stated, seen in zip(*table, strict=True):
        inside = (probability > low) & (probability <= high) | ((probability == 0) & (low == 0))
        assert count == inside.sum()
        if count:
            assert stated == pytest.approx(probability[inside].mean())
            assert seen == pytest.approx(quality[inside].mean())
        else:
            assert np.isnan(stated)
            assert np.isnan(seen)


@examples
@given(forecasts, st.integers(1, 20))
def test_ece_weighs_gaps_by_rows(pairs, bins):
    probability, quality = columns(pairs)
    gap = 0.0
    for index in range(bins):
        inside = (probability > index / bins) & (probability <= (index + 1) / bins)
        inside |= (probability == 0.0) & (index == 0)
        gap += abs(np.sum((probability - quality)[inside]))
    assert ece(probability, quality, bins) == pytest.approx(gap / len(pairs), abs=1e-12)


def test_one_who_says_the_rate_is_calibrated_and_one_who_is_sure_is_not():
    quality = np.array([1.0, 1.0, 1.0, 0.0])
    assert ece(np.full(4, 0.75), quality) == pytest.approx(0.0)
    assert ece(np.ones(4), quality) == pytest.approx(0.25)
    assert brier(np.full(4, 0.75), quality) == pytest.approx(0.1875)
    assert brier(quality, quality) == 0.0


@examples
@given(forecasts)
def test_brier_is_least_at_the_truth_and_never_negative(pairs):
    probability, quality = columns(pairs)
    score = brier(probability, quality)
    assert score == pytest.approx(np.mean((probability - quality) ** 2), abs=1e-12)
    assert brier(quality, quality) == 0.0 <= score


def area_in_order(quality):
    losses = 1.0 - np.array(quality)
    return np.mean([losses[:kept].mean() for kept in range(1, len(losses) + 1)])


@settings(deadline=None, max_examples=40)
@given(st.lists(scored, min_size=1, max_size=6))
def test_aurc_is_the_mean_over_every_order_of_the_ties(pairs):
    confidence, quality = columns(pairs)
    orders = [
        order
        for order in permutations(range(len(pairs)))
        if all(confidence[a] >= confidence[b] for a, b in pairwise(order))
    ]
    expected = np.mean([area_in_order(quality[list(order)]) for order in orders])
    assert aurc(confidence, quality) == pytest.approx(expected, abs=1e-12)


@examples
@given(rows)
def test_knowing_what_is_right_gives_the_least_aurc(pairs):
    confidence, quality = columns(pairs)
    assert aurc(quality, quality) <= aurc(confidence, quality) + 1e-12
    assert aurc(np.zeros(len(pairs)), quality) == pytest.approx(1.0 - quality.mean())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: auroc([0.1, np.nan], [0, 1]), r"scores\[1\] is nan"),
        (lambda: auroc([0.1, 0.2], [0, 2]), r"correct\[1\] is 2.0; it must lie in \[0, 1\]"),
        (lambda: auroc([0.1, 0.2], [0, 0.5]), "AUROC needs 0 and 1"),
        (lambda: auroc([0.1, 0.2], [1, 1]), "got 2 and 0"),
        (lambda: auroc([0.1, 0.2], [1]), "scores has 2, correct has 1"),
        (lambda: brier([0.1, 1.2], [0, 1]), r"probability\[1\] is 1.2"),
        (lambda: brier([0.1], [np.nan]), r"quality\[0\] is nan"),
        (lambda: ece([0.1], [1.0], bins=0), "bins is 0"),
        (lambda: ece([[0.1]], [1.0]), r"probability has shape \(1, 1\)"),
        (lambda: aurc([0.1, 0.2], [0.5, 1.5]), r"quality\[1\] is 1.5"),
        (lambda: aurc([np.nan], [0.5]), r"confidence\[0\] is nan"),
    ],
)
def test_what_has_no_value_says_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()
