"""A bet without an end errs no more often than it says, however often one looks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from routelab.stats import rows_needed, wealth
from routelab.stats.bounded_sums import BoundedSums, grouped

DELTA = 0.1
values = st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.25, 1.0]), min_size=1, max_size=40)


def slowly(sample: BoundedSums, bound: float) -> float:
    """The largest mean capital, one group at a time in plain Python."""
    capitals, best = list(wealth.SHARES), 1.0
    half = sample.largest * (sample.high - sample.low) / 2
    sums, sizes, squares = (sample.low + sample.high) / 2, 1.0, half**2
    for seen, (total, size) in enumerate(zip(sample.sums, sample.sizes, strict=True)):
        variance = squares / (seen + 1)
        cap = wealth.MOST / (sample.largest * (sample.high - bound))
        for at, horizon in enumerate(wealth.HORIZONS):
            stake = min(math.sqrt(2 * math.log(10) / (horizon * variance)), cap)
            capitals[at] *= 1 - stake * (total - size * bound)
        best = max(best, sum(capitals))
        sums, sizes = sums + total, sizes + size
        squares += (total - size * sums / sizes) ** 2
    return best


def part(sample: BoundedSums, at: slice) -> BoundedSums:
    return BoundedSums(sample.sums[at], sample.sizes[at], sample.low, sample.high, sample.largest)


@given(values, st.lists(st.integers(0, 6), min_size=40, max_size=40), st.floats(-0.9, 0.9))
def test_it_is_the_slow_bet(rows, labels, bound):
    sample = grouped(rows, np.array(labels[: len(rows)]), -1.0, 1.0)
    assert wealth.p_value(sample, bound) == pytest.approx(1 / slowly(sample, bound), rel=1e-9)


@given(values, st.floats(-0.9, 0.9), st.integers(1, 39))
def test_a_bet_that_stops_goes_on_as_if_it_had_not(rows, bound, at):
    sample = grouped(rows, None, -1.0, 1.0)
    whole = wealth.advanced(sample, bound)
    if at >= len(rows):
        return
    first = wealth.advanced(part(sample, slice(at)), bound)
    then = wealth.advanced(part(sample, slice(at, None)), bound, first)
    assert then.p_value == pytest.approx(whole.p_value, rel=1e-9)
    assert then.capitals == pytest.approx(whole.capitals, rel=1e-9, abs=1e-9)
    assert then.p_value <= first.p_value  # what is proved stays proved


@given(values, st.floats(-1.2, 1.2), st.floats(0.0, 0.5))
def test_a_looser_bound_is_never_harder(rows, bound, more):
    sample = grouped(rows, None, -1.0, 1.0)
    strict, loose = (wealth.p_value(sample, b) for b in (bound, bound + more))
    assert loose <= strict * (1 + 1e-12)


@settings(deadline=None)
@given(values, st.sampled_from([0.01, 0.1, 0.3]))
def test_the_limit_is_the_least_bound_that_passes(rows, delta):
    sample = grouped(rows, None, -1.0, 1.0)
    limit = wealth.upper(sample, delta)
    assert wealth.p_value(sample, limit + 1e-9) <= delta * (1 + 1e-6)
    if limit > -1.0 + 1e-9:
        assert wealth.p_value(sample, limit - 1e-6) > delta
    assert wealth.lower(sample, delta) == -wealth.upper(sample.negated, delta)


def test_the_limit_of_a_bet_that_goes_on_is_no_lower_than_of_the_whole():
    rows = np.random.default_rng(1).choice([-1.0, 0.0, 1.0], 2000, p=[0.04, 0.93, 0.03])
    sample = grouped(rows, None, -1.0, 1.0)
    for bound in (0.001, 0.02, 0.05):
        start = wealth.advanced(part(sample, slice(1000)), bound)
        limit = wealth.upper(part(sample, slice(1000, None)), DELTA, start, bound)
        assert wealth.upper(sample, DELTA) - 1e-9 <= limit
        passed = wealth.advanced(part(sample, slice(1000, None)), bound, start).p_value <= DELTA
        assert (limit <= bound) == passed


def test_what_cannot_be_is_refused():
    sample = grouped([0.2, 0.4], None, 0.0, 1.0)
    assert (wealth.p_value(sample, 0.0), wealth.p_value(sample, 1.0)) == (1.0, 0.0)
    with pytest.raises(ValueError, match="must lie inside the range"):
        wealth.advanced(sample, 1.0)
    with pytest.raises(ValueError, match="bound is NaN"):
        wealth.p_value(sample, math.nan)
    with pytest.raises(ValueError, match="delta is 0"):
        wealth.upper(sample, 0.0)
    with pytest.raises(ValueError, match="bet at one"):
        wealth.upper(sample, 0.1, wealth.advanced(sample, 0.5))


def rare(rng, n):
    """Losses of 1 in two of a hundred."""
    return (rng.random(n) < 0.02).astype(float), None


def evened(rng, n):
    """Gains and losses on a tenth of the rows, .02 to lose."""
    u = rng.random(n)
    return (u < 0.06) * 1.0 - (u > 0.96), None


def together(rng, n):
    """Groups of one to eight rows that lose all together; a loser is a group as long as others."""
    sizes = rng.integers(1, 9, n)
    lost = rng.random(n) < 0.02
    return np.repeat(lost, sizes).astype(float), np.repeat(np.arange(n), sizes)


@pytest.mark.parametrize("world", [rare, evened, together])
def test_twenty_looks_err_no_more_often_than_delta(world):
    """The mean is exactly on the bound, and whoever looks stops at the first success."""
    rng, times, wrong = np.random.default_rng(2), 300, 0
    for _ in range(times):
        rows, groups = world(rng, 1500)
        sample = grouped(rows, groups, -1.0, 1.0, largest=8 if groups is not None else None)
        ends = np.linspace(75, len(sample), 20).astype(int)
        wrong += min(wealth.p_value(part(sample, slice(it)), 0.02) for it in ends) <= DELTA
    assert binom.sf(wrong - 1, times, DELTA) > 1e-3


@pytest.mark.parametrize(
    ("lost", "won", "bound"), [(0.0, 0.0, 0.02), (0.03, 0.03, 0.02), (0.1, 0.1, 0.05)]
)
def test_the_number_needed_lies_in_its_range_four_times_of_five(lost, won, bound):
    rng = np.random.default_rng(3)

    def draw(n):
        u = rng.random(n)
        return grouped((u < lost) * 1.0 - (u > 1 - won), None, -1.0, 1.0)

    known = rows_needed(draw(400_000), bound, DELTA).rows
    power = np.mean([wealth.p_value(draw(known), bound) <= DELTA for _ in range(150)])
    assert power > 0.6  # the number itself is about right where the truth is known
    inside = 0
    for _ in range(100):
        _, low, high = rows_needed(draw(400), bound, DELTA)
        inside += low is not None and low <= known and (high is None or known <= high)
    assert binom.cdf(inside, 100, 0.8) > 1e-3
