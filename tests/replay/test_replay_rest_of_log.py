"""The dearest requests outside a part say how dear its next one may be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from replay_world import CASCADE, logged

from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.replay import NamedPolicy, comparison_set, evaluate
from routelab.replay.coverage import DEAREST, rest_of_log


def test_it_has_the_dearest_of_what_is_outside_and_known():
    cost = np.arange(600.0).reshape(300, 2)
    cost[299, 0] = np.nan
    found = rest_of_log(cost, np.arange(100))
    assert found.requests == 199
    assert found.most[:2].tolist() == [597.0, 595.0]
    assert found.least[0] == 596.0
    assert len(found.most) == DEAREST
    assert rest_of_log(cost, np.arange(300)).requests == 0


def test_a_dear_request_elsewhere_raises_the_upper_ends_alone():
    log = logged(1500, seed=3)
    cut = split(log)
    cost = log.cost_usd.copy()
    cost[cut.rows("train")[0]] *= 500.0
    dear = replace(log, cost_usd=cost)

    def on_test(it):
        rows = comparison_set(it, cut, "test", it.models, catalogue=Catalogue(), seed=0)
        return evaluate(rows, [NamedPolicy("p", CASCADE)])[0]

    plain, found = on_test(log), on_test(dear)
    assert found.usd_per_1k == pytest.approx(plain.usd_per_1k)
    assert found.usd_per_1k_ci[1] > 1.5 * plain.usd_per_1k_ci[1]
    assert found.usd_per_1k_ci[0] > 0.9 * plain.usd_per_1k_ci[0]
    assert found.interval_methods["usd_per_1k"].condition == ""
    strong, before = (
        max((b for b in it.baselines if b.name.startswith("fixed:")), key=lambda b: b.usd_per_1k)
        for it in (found, plain)
    )
    assert strong.saving_usd_per_1k_ci[1] > before.saving_usd_per_1k_ci[1]


def test_a_log_that_is_short_as_a_whole_says_so():
    log = logged(400, seed=3)
    rows = comparison_set(log, split(log), "test", log.models, catalogue=Catalogue(), seed=0)
    (found,) = evaluate(rows, [NamedPolicy("p", CASCADE)])
    assert "a log of 400 may lack what comes once in 133" in found.cost_condition
    assert found.cost_condition in "; ".join(found.intervals_made)
