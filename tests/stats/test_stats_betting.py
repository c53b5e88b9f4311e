"""A bet against a mean wins too often in a thousand worlds no more than it says."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from routelab.stats import betting
from routelab.stats.bounded_sums import BoundedSums, grouped

DELTA = 0.1
values = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=40)


def capital(sample: BoundedSums, bound: float, delta: float) -> float:
    """The largest capital, one group at a time in plain Python."""
    wealth = best = 1.0
    half = sample.largest * (sample.high - sample.low) / 2
    sums, sizes, squares = (sample.low + sample.high) / 2, 1.0, half**2
    for seen, (total, size) in enumerate(zip(sample.sums, sample.sizes, strict=True)):
        variance = squares / (seen + 1)
        stake = math.sqrt(2 * math.log(1 / delta) / (len(sample) * variance))
        stake = min(stake, betting.MOST / (sample.largest * (sample.high - bound)))
        wealth *= 1 - stake * (total - size * bound)
        best = max(best, wealth)
        sums, sizes = sums + total, sizes + size
        squares += (total - size * sums / sizes) ** 2
    return best


@given(values, st.lists(st.integers(0, 6), min_size=40, max_size=40), st.floats(-0.9, 0.9))
def test_it_is_the_slow_bet(rows, labels, bound):
    sample = grouped(rows, np.array(labels[: len(rows)]), -1.0, 1.0)
    expected = min(1.0, 1 / capital(sample, bound, DELTA))
    assert betting.p_value(sample, bound, DELTA) == pytest.approx(expected, rel=1e-9)


@given(values, st.floats(-1.2, 1.2), st.floats(0.0, 0.5))
def test_a_looser_bound_is_never_harder(rows, bound, more):
    sample = grouped(rows, None, -1.0, 1.0)
    strict, loose = (betting.p_value(sample, b, DELTA) for b in (bound, bound + more))
    assert loose <= strict * (1 + 1e-12)


@given(values, st.floats(-0.9, 0.9), st.floats(0.1, 50.0), st.floats(-5.0, 5.0))
def test_units_do_not_matter(rows, bound, scale, shift):
    # Against rows with values of their own, so that rounding does not decide a tie of stakes.
    sample = grouped(rows, None, -1.0, 1.0)
    other = grouped(
        np.clip(scale * np.array(rows) + shift, shift - scale, shift + scale),
        None,
        shift - scale,
        shift + scale,
    )
    p, q = (
        betting.p_value(one, at, DELTA)
        for one, at in ((sample, bound), (other, scale * bound + shift))
    )
    assert q == pytest.approx(p, rel=1e-3)


@settings(deadline=None)
@given(values, st.sampled_from([0.01, 0.1, 0.3]))
def test_the_limit_is_the_least_bound_that_passes(rows, delta):
    sample = grouped(rows, None, -1.0, 1.0)
    limit = betting.upper(sample, delta)
    assert betting.p_value(sample, limit + 1e-9, delta) <= delta * (1 + 1e-6)
    if limit > -1.0 + 1e-9:
        assert betting.p_value(sample, limit - 1e-6, delta) > delta
    assert betting.lower(sample, delta) == -betting.upper(sample.negated, delta)


def test_outside_the_range_nothing_needs_a_test():
    sample = grouped([0.2, 0.4], None, 0.0, 1.0)
    assert betting.p_value(sample, 1.0, DELTA) == 0.0
    assert betting.p_value(sample, 0.0, DELTA) == 1.0
    assert betting.p_value(sample, -3.0, DELTA) == 1.0


def test_rows_without_any_loss_certify_about_as_soon_as_a_bet_can():
    # The best bet of all needs log(1 / .1) / -log(1 - .02) = 114 rows.
    none = [grouped(np.zeros(n), None, -1.0, 1.0) for n in (114, 170)]
    assert [betting.p_value(it, 0.02, DELTA) <= DELTA for it in none] == [False, True]


def test_a_million_equal_rows_do_not_lose_the_limit():
    sample = BoundedSums(np.full(10**6, 0.25), np.ones(10**6), 0.0, 1.0)
    assert 0.25 < betting.upper(sample, 1e-6) < 0.25 + 1e-4
    assert betting.p_value(sample, 0.9, DELTA) == 0.0 or math.isfinite(
        betting.p_value(sample, 0.9, DELTA)
    )


def rare(rng: np.random.Generator, n: int) -> tuple[np.ndarray, None]:
    """One loss of 1 in 50: the hardest shape, mean .02."""
    return (rng.random(n) < 0.02).astype(float), None


def even(rng: np.random.Generator, n: int) -> tuple[np.ndarray, None]:
    """Gains and losses, mean .02."""
    return np.where(rng.random(n) < 0.51, 1.0, -1.0), None


def middling(rng: np.random.Generator, n: int) -> tuple[np.ndarray, None]:
    """A few of both, mean .02."""
    u = rng.random(n)
    return np.where(u < 0.06, 1.0, np.where(u < 0.10, -1.0, 0.0)), None


def talkative(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups of 1 or 5 that share their luck; only large ones lose. Mean over rows .02."""
    sizes = rng.choice([1, 5], n)
    lost = (sizes == 5) & (rng.random(n) < 0.024)
    return np.repeat(lost, sizes).astype(float), np.repeat(np.arange(n), sizes)


WORLDS = (rare, even, middling, talkative)


def false_alarms(world, times: int, n: int, seed: int) -> int:
    """How often "the mean is at least .02", which is true, is rejected at level delta."""
    rng = np.random.default_rng(seed)
    samples = (grouped(*world(rng, n), -1.0, 1.0, largest=5) for _ in range(times))
    return sum(betting.p_value(it, 0.02, DELTA) <= DELTA for it in samples)


@pytest.mark.parametrize("world", WORLDS, ids=lambda it: it.__name__)
@pytest.mark.parametrize("n", [100, 600])
def test_what_is_true_is_rejected_no_more_often_than_delta(world, n):
    times = 800
    assert binom.sf(false_alarms(world, times, n, seed=n) - 1, times, DELTA) > 1e-3


@pytest.mark.parametrize("world", WORLDS, ids=lambda it: it.__name__)
def test_the_limit_is_missed_no_more_often_than_delta_at_any_time(world):
    """The p-value is one over the largest capital so far: stopping when it suits is allowed."""
    rng, times, goal = np.random.default_rng(3), 500, math.log(1 / DELTA)
    ever = 0
    for _ in range(times):
        sample = grouped(*world(rng, 500), -1.0, 1.0, largest=5)
        ever += bool((betting.log_capital(sample, 0.02, DELTA) >= goal).any())
    assert binom.sf(ever - 1, times, DELTA) > 1e-3


def test_it_does_have_power():
    """Half a mean of .02 is proved below .02 in most draws of 4,000, as the normal test would."""
    rng, passed = np.random.default_rng(4), 0
    for _ in range(100):
        u = rng.random(4000)
        rows = np.where(u < 0.035, 1.0, np.where(u < 0.06, -1.0, 0.0))
        passed += betting.p_value(grouped(rows, None, -1.0, 1.0), 0.02, DELTA) <= DELTA
    assert passed > 60


def test_the_order_of_groups_is_theirs_and_not_of_their_labels():
    rows, labels = [1.0, 0.0, 0.0, -1.0, 1.0], np.array([9, 3, 9, 1, 3])
    sample = grouped(rows, labels, -1.0, 1.0)
    assert sample.sums.tolist() == [1.0, 1.0, -1.0]
    assert sample.sizes.tolist() == [2.0, 2.0, 1.0]
    first = grouped(rows, labels, -1.0, 1.0, largest=1)
    assert first.sums.tolist() == [1.0, 0.0, -1.0]
    assert first.largest == 1


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ({"low": 1.0}, r"range is \[1.0, 1.0\]"),
        ({"high": math.inf}, r"must be finite and not empty"),
        ({"sums": np.array([2.5, 0.0])}, r"sums\[0\] is 2.5 over 2 rows"),
        ({"sums": np.array([0.0, -1.5])}, r"sums\[1\] is -1.5 over 1 rows"),
        ({"sizes": np.array([2.0, 0.0])}, r"sizes\[1\] is 0.0"),
        ({"sizes": np.array([2.0, 3.0])}, r"sizes\[1\] is 3.0.*lie in \[1, 2\]"),
        ({"sizes": np.array([1.0])}, r"sums has 2, sizes has 1"),
        ({"sums": np.array([0.0, math.nan])}, r"sums\[1\] is nan"),
    ],
)
def test_what_cannot_be_is_refused(harm, message):
    whole = BoundedSums(np.zeros(2), np.array([2.0, 1.0]), -1.0, 1.0, 2)
    with pytest.raises(ValueError, match=message):
        replace(whole, **harm)


@pytest.mark.parametrize("delta", [0.0, 1.0, -0.1, math.nan])
def test_a_level_that_is_none_is_refused(delta):
    sample = grouped([0.5], None, 0.0, 1.0)
    for question in (betting.upper, betting.lower):
        with pytest.raises(ValueError, match="delta is"):
            question(sample, delta)
    with pytest.raises(ValueError, match="bound is NaN"):
        betting.p_value(sample, math.nan, DELTA)
