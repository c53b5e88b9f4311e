"""Candidates offer every safe threshold once, and know what each accepts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from routelab.tuning.solvers.thresholds import threshold_candidates

NUMBERS = st.one_of(
    st.sampled_from([0.0, 0.25, 0.5, 0.5000000000000001, 1.0, -1.0, math.nan, math.inf, -math.inf]),
    st.floats(-1e6, 1e6),
)
CONFIDENCES = arrays(np.float64, st.integers(0, 30), elements=NUMBERS)


@given(CONFIDENCES)
def test_no_threshold_is_observed_and_each_is_finite(values):
    found = threshold_candidates(values).thresholds
    assert np.isfinite(found).all()
    assert not np.isin(found, values).any()
    assert (np.diff(found) < 0).all()


@given(CONFIDENCES)
def test_cuts_count_what_each_threshold_accepts(values):
    it = threshold_candidates(values)
    finite = values[np.isfinite(values)]
    accepted = [int((finite >= threshold).sum()) for threshold in it.thresholds]
    assert it.cuts.tolist() == accepted
    for cut, threshold in zip(it.cuts, it.thresholds, strict=True):
        assert set(it.order[:cut]) == set(
            np.flatnonzero(np.isfinite(values) & (values >= threshold))
        )


@given(CONFIDENCES)
def test_what_is_not_finite_is_never_accepted(values):
    it = threshold_candidates(values)
    assert np.isfinite(values[it.order]).all()
    assert len(it.order) == np.isfinite(values).sum()


@given(CONFIDENCES)
def test_a_share_leads_back_to_its_threshold(values):
    it = threshold_candidates(values)
    for threshold in it.thresholds.tolist():
        assert it.at(it.share(threshold)) == threshold


@given(CONFIDENCES, st.floats(0, 1))
def test_at_accepts_at_least_the_share_where_any_threshold_does(values, share):
    it = threshold_candidates(values)
    if it:
        taken = it.share(it.at(share))
        assert taken >= min(share, float(it.accepted[-1]))


@given(CONFIDENCES, st.integers(0, 2**32 - 1))
def test_best_is_the_best_by_trying_all(values, seed):
    it = threshold_candidates(values)
    if not it:
        return
    gain = np.random.default_rng(seed).integers(-9, 10, len(values)).astype(float)

    def worth(threshold):
        return gain[np.isfinite(values) & (values >= threshold)].sum()

    assert worth(it.best(gain)) == max(map(worth, it.thresholds))


def test_ties_are_never_parted():
    it = threshold_candidates(np.array([0.2, 0.8, 0.8, 0.2, 0.8]))
    assert it.cuts.tolist() == [3]
    assert it.thresholds.tolist() == [0.5]


def test_neighbouring_floats_get_no_threshold():
    low = 0.3
    high = math.nextafter(low, 1.0)
    assert not threshold_candidates(np.array([low, high]))
    assert threshold_candidates(np.array([low, high, 0.9])).cuts.tolist() == [1]


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5], [math.nan, 0.5], [math.nan] * 3])
def test_nothing_to_tell_apart_has_no_candidates(values):
    assert not threshold_candidates(np.array(values, dtype=np.float64))


def test_the_widest_floats_have_a_finite_middle():
    widest = np.finfo(np.float64).max
    it = threshold_candidates(np.array([-widest / 2, widest / 2]))
    assert it.thresholds.tolist() == [0.0]
