"""Drift inside the test period is told where it is, with the verdict on the later half."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import random_log

from routelab.tuning import Options, tune


def studied(seed, *, broken=False, split="time", n=2000):
    """A log in time; where it breaks, large answers nothing right in the last tenth."""
    log = random_log(n, 2, seed)
    times = np.arange(n, dtype=float) * 60
    quality = log.quality.copy(order="F")
    if broken:
        quality[-n // 10 :] = 0.0
    made = replace(log, requests=replace(log.requests, timestamp_s=times), quality=quality)
    return tune(made, Options(name="x", policy="cascade", trials=5, split=split, seed=seed))


def test_a_drift_is_told_with_the_verdict_on_the_later_half():
    found = studied(0, broken=True)
    drift = found.drift
    times = found.test.log.requests.timestamp_s
    late = times >= np.median(times)
    quality = found.test.replay(found.policy).quality
    assert drift.quality == pytest.approx((quality[~late].mean(), quality[late].mean()))
    assert drift.quality_change == pytest.approx(drift.quality[1] - drift.quality[0])
    low, high = drift.quality_change_ci
    assert low < drift.quality_change < high < 0
    assert drift.n_requests == (200, 200)
    assert drift.verdict != "ship"  # nothing is right there, whatever is asked
    assert drift.text in found.verdict.reasons
    assert drift.text.endswith(f"the verdict would be {drift.verdict}")


def test_a_cut_at_random_shows_no_drift():
    assert studied(0, broken=True, split="random").drift is None


def test_traffic_that_does_not_change_is_rarely_said_to():
    alarms = [studied(seed, n=600).drift is not None for seed in range(16)]
    assert sum(alarms) <= 2  # .02 of 16 is a third of one; more than two have a chance of .004
