"""Intervals without resampling hold the truth about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from routelab.stats import mean_interval, proportion_interval, quantile_interval

TIMES = 1000


@pytest.mark.parametrize(("count", "n"), [(0, 5), (1, 40), (17, 40), (40, 40), (3, 100_000)])
def test_a_share_has_the_interval_of_wilson(count, n):
    theirs = binomtest(count, n).proportion_ci(method="wilson")
    assert proportion_interval(count, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_quantiles_and_means_are_held(q):
    rng = np.random.default_rng(7)
    draws = rng.exponential(size=(TIMES, 600))
    truth = -np.log1p(-q)
    quantiles = [quantile_interval(np.sort(it), q) for it in draws]
    assert 0.93 <= np.mean([low <= truth <= high for low, high in quantiles]) <= 0.975
    means = [mean_interval(it) for it in draws]
    assert 0.93 <= np.mean([low <= 1.0 <= high for low, high in means]) <= 0.97


@pytest.mark.parametrize(("count", "n"), [(-1, 5), (6, 5), (0, 0)])
def test_what_is_no_share_is_refused(count, n):
    with pytest.raises(ValueError, match="is no share"):
        proportion_interval(count, n)


@pytest.mark.parametrize(("values", "q"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.0)])
def test_what_has_no_quantile_is_refused(values, q):
    with pytest.raises(ValueError, match="no interval of quantile"):
        quantile_interval(np.array(values), q)
