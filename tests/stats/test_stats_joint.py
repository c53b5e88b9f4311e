"""Intervals that hold together cover together."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.stats import joint_factor

RNG = np.random.default_rng(0)


def test_figures_that_move_together_widen_nothing():
    drawn = RNG.normal(size=(4000, 1))
    assert joint_factor([0.0, 0.0], np.hstack([drawn, 3 * drawn])) == pytest.approx(1.0, abs=1e-9)


def test_one_figure_and_figures_that_never_vary_widen_nothing():
    assert joint_factor([0.0], RNG.normal(size=(500, 1))) == 1.0
    still = np.ones(500)
    assert joint_factor([1.0, 0.0], np.column_stack([still, RNG.normal(size=500)])) == 1.0
    still[0] += 1e-12
    assert joint_factor([1.0, 0.0], np.column_stack([still, RNG.normal(size=500)])) == 1.0


def test_ten_figures_apart_widen_as_the_normal_maximum_asks():
    found = joint_factor(np.zeros(10), RNG.normal(size=(40_000, 10)))
    assert found == pytest.approx(2.80 / 1.96, rel=0.02)  # 1 - .95 ** .1 two-sided, over 1 - .95


def test_all_hold_at_once_in_as_many_cases_as_promised():
    held = 0
    for _ in range(300):
        mean = RNG.normal(size=5)
        factor = joint_factor(mean, mean + RNG.normal(size=(1000, 5)))
        held += bool((np.abs(mean) <= 1.96 * factor).all())
    assert 0.92 <= held / 300 <= 0.98


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="3 columns and estimates 2"):
        joint_factor([0.0, 0.0], np.zeros((10, 3)))
    with pytest.raises(ValueError, match="level is 1"):
        joint_factor([0.0], np.zeros((10, 1)), level=1.0)
