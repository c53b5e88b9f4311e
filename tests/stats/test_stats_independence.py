"""Tests of independence: equal to what is known, and rarely wrong where nothing depends."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from routelab.stats import chi_square_tail, independence


@pytest.mark.parametrize("degrees", [1, 2, 3, 8, 41, 300])
@pytest.mark.parametrize("statistic", [0.0, 0.2, 1.0, 7.0, 40.0, 500.0])
def test_the_tail_of_chi_square(statistic, degrees):
    known = stats.chi2.sf(statistic, degrees)
    assert chi_square_tail(statistic, degrees) == pytest.approx(known, abs=1e-12)


def test_large_counts_are_pearsons_test():
    table = np.array([[30, 50, 20], [300, 400, 350]])
    known = stats.chi2_contingency(table, correction=False).pvalue
    assert independence(table) == pytest.approx(known, rel=1e-9)


def test_small_counts_are_tested_exactly():
    table = [[5, 0, 0, 1], [20, 30, 30, 30]]
    known = 4 * stats.hypergeom.sf(4, 116, 6, 25)
    assert independence(table) == pytest.approx(known, rel=1e-9)
    assert independence([[0, 0, 12], [200, 200, 1]]) < 1e-9


@pytest.mark.parametrize(
    "table", [[[3], [4]], [[0, 0], [5, 5]], [[5, 5], [0, 0]], [[1, 0], [2, 0]]]
)
def test_where_there_is_nothing_to_tell(table):
    assert independence(table) == 1.0


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_chance_is_called_dependence_as_rarely_as_said(share):
    rng = np.random.default_rng(0)
    columns = np.array([60, 200, 35, 90, 500])
    found = []
    for _ in range(1000):
        marked = rng.binomial(columns, share)
        found.append(independence([marked, columns - marked]))
    for level in (0.05, 0.01):
        assert np.mean(np.array(found) <= level) <= level + 3 * np.sqrt(level / 1000)
