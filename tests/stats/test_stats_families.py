"""Tests beside the bet, tests together, and how many requests a bet needs."""

from __future__ import annotations

import math
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, norm

from routelab.stats import bentkus, betting, clt, wealth
from routelab.stats.bounded_sums import BoundedSums, grouped
from routelab.stats.families import fixed_sequence, holm
from routelab.stats.reach import POWER, rows_needed

p_values = st.lists(st.sampled_from([0.0, 0.001, 0.02, 0.05, 0.2, 0.9, 1.0]), max_size=6)


def losses(rng, n, mean, spread):
    """Losses of -1, 0 and 1 with this mean and mean square."""
    u, up, down = rng.random(n), (spread**2 + mean) / 2, (spread**2 - mean) / 2
    return np.where(u < up, 1.0, np.where(u < up + down, -1.0, 0.0))


def sample_of(*arguments, seed=0) -> BoundedSums:
    return grouped(losses(np.random.default_rng(seed), *arguments), None, -1.0, 1.0)


@pytest.mark.parametrize(("heads", "n", "bound"), [(0, 50, 0.1), (3, 60, 0.2), (40, 90, 0.6)])
def test_hoeffding_bentkus_is_what_its_source_says(heads, n, bound):
    sample = grouped(np.r_[np.ones(heads), np.zeros(n - heads)], None, 0.0, 1.0)
    at = min(heads / n, bound)
    kl = (at * math.log(at / bound) if at else 0.0) + (1 - at) * math.log((1 - at) / (1 - bound))
    expected = min(math.exp(-n * kl), math.e * binom.cdf(heads, n, bound))
    assert bentkus.p_value(sample, bound) == pytest.approx(expected, rel=1e-9)


def test_hoeffding_bentkus_is_valid_and_certifies_nothing_where_the_bet_does():
    rng, times = np.random.default_rng(1), 400
    alarms = sum(
        bentkus.p_value(grouped(losses(rng, 300, 0.02, 0.5), None, -1.0, 1.0), 0.02) <= 0.1
        for _ in range(times)
    )
    assert binom.sf(alarms - 1, times, 0.1) > 1e-3
    sample = sample_of(4000, 0.005, 0.25)
    assert bentkus.p_value(sample, 0.02) > 0.1
    assert betting.p_value(sample, 0.02, 0.1) < 0.1


def test_hoeffding_bentkus_outside_the_range():
    sample = grouped([0.2, 0.4], None, 0.0, 1.0)
    assert (bentkus.p_value(sample, 0.0), bentkus.p_value(sample, 1.0)) == (1.0, 0.0)


def test_the_normal_test_is_the_textbook_one():
    rows = np.random.default_rng(2).random(500)
    sample = grouped(rows, None, 0.0, 1.0)
    z = (0.52 - rows.mean()) / (rows.std(ddof=1) / math.sqrt(500))
    assert clt.p_value(sample, 0.52) == pytest.approx(norm.sf(z))
    assert clt.safety(grouped([0.0, 0.0], None, 0.0, 1.0), 0.1) == math.inf
    assert clt.p_value(grouped([0.0, 0.0], None, 0.0, 1.0), 0.1) == 0.0
    assert clt.p_value(grouped([0.0], None, 0.0, 1.0), 0.1) == 0.5


def test_errors_know_that_rows_of_one_group_are_alike():
    rows = np.random.default_rng(3).random(200)
    one, five = (
        grouped(rows, None, 0.0, 1.0),
        grouped(np.repeat(rows, 5), np.repeat(np.arange(200), 5), 0.0, 1.0),
    )
    assert five.estimate.error == pytest.approx(one.estimate.error)
    assert five.estimate.mean == pytest.approx(one.estimate.mean)


def test_drift_is_seen_where_there_is_some_and_rarely_elsewhere():
    alarms = [
        clt.difference(sample_of(400, 0.01, 0.3, seed=i), sample_of(800, 0.01, 0.3, seed=1000 + i))
        for i in range(400)
    ]
    rate = np.mean([it.p_value < 0.05 for it in alarms])
    assert 0.02 < rate < 0.09
    assert np.mean([it.interval[0] <= 0 <= it.interval[1] for it in alarms]) == 1 - rate
    moved = clt.difference(sample_of(400, 0.0, 0.3), sample_of(800, 0.08, 0.3, seed=9))
    assert moved.p_value < 0.01
    assert moved.value == pytest.approx(0.08, abs=0.04)
    still = grouped([0.0, 0.0], None, 0.0, 1.0)
    assert clt.difference(still, still) == (0.0, (0.0, 0.0), 1.0)


@given(p_values, st.sampled_from([0.01, 0.05, 0.1]))
def test_holm_is_the_closed_test(ps, delta):
    subsets = chain.from_iterable(combinations(range(len(ps)), k) for k in range(1, len(ps) + 1))
    failing = [s for s in subsets if min(ps[i] for i in s) * len(s) > delta]
    closed = [not any(i in s for s in failing) for i in range(len(ps))]
    assert [bool(p <= delta) for p in holm(ps)] == closed


@given(p_values)
def test_holm_never_helps_and_keeps_the_order(ps):
    adjusted = holm(ps)
    assert all(a >= p for a, p in zip(adjusted, ps, strict=True))
    assert all(
        a <= b for (p, a), (q, b) in combinations(zip(ps, adjusted, strict=True), 2) if p < q
    )


def test_a_sequence_stops_at_the_first_failure_and_asks_no_further():
    asked = []

    def ask():
        for p in (0.01, 0.1, 0.11, 0.0):
            asked.append(p)
            yield p

    assert fixed_sequence(ask(), 0.1) == 2
    assert asked == [0.01, 0.1, 0.11]
    assert fixed_sequence([], 0.1) == 0


def test_a_sequence_errs_no_more_often_than_one_test():
    """Points of rising regret on the same rows: the first untrue one may pass with chance delta."""
    rng, times, wrong = np.random.default_rng(5), 600, 0
    regrets = np.linspace(0.0, 0.04, 21)
    for _ in range(times):
        u = rng.random((500, 1))
        rows = (u < regrets).astype(float)
        ps = (betting.p_value(grouped(it, None, -1.0, 1.0), 0.02, 0.1) for it in rows.T)
        passed = fixed_sequence(ps, 0.1)
        wrong += passed > 0 and regrets[passed - 1] > 0.02
    assert binom.sf(wrong - 1, times, 0.1) > 1e-3


CASES = [(0.02, 0.0, 0.0), (0.02, 0.005, 0.1), (0.02, 0.01, 0.25), (0.05, 0.0, 0.5)]


@pytest.mark.parametrize(("bound", "mean", "spread"), CASES)
@pytest.mark.parametrize("delta", [0.05, 0.1])
def test_the_number_of_requests_is_about_right(bound, mean, spread, delta):
    """With a quarter more, the bet passes about as often as promised; with a third, much less."""
    rng = np.random.default_rng(6)
    known = grouped(losses(rng, 400_000, mean, spread), None, -1.0, 1.0)
    needed = rows_needed(known, bound, delta).rows

    def passes(n, times=120):
        drawn = (grouped(losses(rng, n, mean, spread), None, -1.0, 1.0) for _ in range(times))
        return np.mean([wealth.p_value(it, bound) <= delta for it in drawn])

    assert passes(needed * 5 // 4 + 1) > POWER - 0.2
    assert passes(needed // 3) < 0.6


def test_groups_count_as_requests_and_cost_more_of_them():
    rows = losses(np.random.default_rng(7), 2000, 0.0, 0.3)
    alone = rows_needed(grouped(rows, None, -1.0, 1.0), 0.02, 0.1).rows
    fives = grouped(np.repeat(rows, 5), np.repeat(np.arange(2000), 5), -1.0, 1.0)
    assert 4.9 < rows_needed(fives, 0.02, 0.1).rows / alone < 5.6


def test_no_number_certifies_what_is_not_so():
    assert rows_needed(sample_of(5000, 0.05, 0.3), 0.02, 0.1).rows is None
    assert rows_needed(sample_of(5000, 0.05, 0.3), -1.0, 0.1).rows is None
