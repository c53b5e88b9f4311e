import numpy as np
import pytest
from scipy.stats import binom, norm

from routelab.stats import Resamples, joint_intervals, joint_widening


def missed(times, n, k, correlation, seed):
    """How often some of k intervals of a sample's means leaves out the truth, 0."""
    rng, some = np.random.default_rng(seed), 0
    for _ in range(times):
        shared = rng.standard_normal((n, 1))
        rows = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * rng.standard_normal(
            (n, k)
        )
        found = joint_intervals(rows.mean(axis=0), Resamples(n_resamples=1000).means(rows))
        some += not bool(((found[:, 0] <= 0) & (found[:, 1] >= 0)).all())
    return some


@pytest.mark.parametrize(("k", "correlation"), [(10, 0.0), (10, 0.9), (2, 0.5)])
def test_all_intervals_hold_at_once_as_often_as_they_say(k, correlation):
    times = 100
    some = missed(times, 200, k, correlation, seed=k)
    assert binom.cdf(some, times, 0.05) > 1e-3
    assert binom.sf(some - 1, times, 0.06) > 1e-3


def test_independent_figures_need_what_sidak_says_and_dependent_ones_less():
    rng = np.random.default_rng(3)
    apart = rng.standard_normal((20_000, 10))
    together = 0.1 * apart + rng.standard_normal((20_000, 1))
    sidak = norm.ppf(0.5 + 0.95**0.1 / 2)
    low, high = joint_intervals(np.zeros(10), apart)[0]
    assert (high - low) / 2 == pytest.approx(sidak, rel=0.02)
    assert joint_widening(apart) == pytest.approx(sidak / norm.ppf(0.975), rel=0.02)
    assert joint_widening(together) < 1.1


def test_one_figure_alone_has_its_own_interval():
    samples = np.random.default_rng(4).normal(3.0, 2.0, (20_000, 1))
    assert joint_widening(samples) == pytest.approx(1.0, abs=0.02)
    low, high = joint_intervals([3.0], samples)[0]
    assert (low, high) == pytest.approx((3 - 2 * 1.96, 3 + 2 * 1.96), abs=0.1)


def test_a_figure_that_never_moves_widens_nothing():
    moving = np.random.default_rng(5).standard_normal((500, 3))
    still = np.column_stack([moving, np.full(500, 0.1 + 0.2)])
    assert joint_widening(still) == joint_widening(moving)
    found = joint_intervals(np.append(np.zeros(3), 0.3), still)
    assert np.allclose(found[3], 0.3)
    assert np.allclose(joint_intervals([0.3], still[:, 3:]), 0.3)


@pytest.mark.parametrize(
    ("estimates", "resampled", "level", "problem"),
    [
        ([0.0], np.zeros((3, 2)), 0.95, "resampled has 2 columns and estimates 1"),
        ([np.nan], np.zeros((3, 1)), 0.95, r"estimates\[0\] is nan"),
        ([0.0], np.zeros(3), 0.95, "resampled has shape"),
        ([0.0], np.zeros((3, 1)), 1.0, "level is 1.0"),
    ],
)
def test_what_does_not_fit_is_refused(estimates, resampled, level, problem):
    with pytest.raises(ValueError, match=problem):
        joint_intervals(estimates, resampled, level)
