"""How well signals tell right answers from wrong ones, counted pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import MODELS, logged

from routelab.metrics.signal_quality import signal_quality


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_auroc_is_the_share_of_pairs_in_the_right_order(seed):
    log = logged(40, seed=seed)
    log.signals["sure"][::7] = np.nan
    log.quality[3::11] = np.nan
    found = signal_quality(log)["sure"]
    for column, model in enumerate(MODELS):
        rows = [
            (s, q)
            for s, q in zip(log.signals["sure"][:, column], log.quality[:, column], strict=True)
            if not (np.isnan(s) or np.isnan(q))
        ]
        pairs = [(s > t) + 0.5 * (s == t) for s, q in rows if q >= 0.5 for t, r in rows if r < 0.5]
        assert found[model]["n"] == len(rows)
        assert found[model]["auroc"] == (pytest.approx(np.mean(pairs)) if pairs else None)
        assert found[model]["brier"] == pytest.approx(np.mean([(s - q) ** 2 for s, q in rows]))
        assert 0.0 <= found[model]["ece"] <= 1.0


def test_a_signal_that_leaves_the_unit_interval_is_no_probability():
    log = logged(40)
    log.signals["sure"][0, 0] = 1.5
    found = signal_quality(log)["sure"]
    assert (found["small"]["ece"], found["small"]["brier"]) == (None, None)
    assert found["small"]["auroc"] is not None
    assert found["large"]["brier"] is not None


def test_half_right_counts_as_right():
    log = logged(4)
    log.quality[:, 0] = (0.5, 0.5, 0.49, 0.49)
    log.signals["sure"][:, 0] = (0.9, 0.8, 0.2, 0.1)
    assert signal_quality(log)["sure"]["small"]["auroc"] == 1.0


def test_answers_that_are_all_right_have_no_auroc():
    log = logged(40)
    log.quality[:, 1] = 1.0
    found = signal_quality(log)["sure"]
    assert found["middle"]["auroc"] is None
    assert found["small"]["auroc"] is not None


def test_a_model_without_the_signal_is_left_out():
    log = logged(40)
    log.signals["sure"][:, 2] = np.nan
    assert list(signal_quality(log)["sure"]) == ["small", "middle"]


def test_a_signal_on_rows_without_quality_measures_nothing():
    log = logged(10)
    log.quality[:, 0] = np.nan
    assert signal_quality(log)["sure"]["small"] == {
        "n": 0,
        "auroc": None,
        "auroc_low": None,
        "auroc_high": None,
        "ece": None,
        "brier": None,
    }
