"""Neighbours in time that are alike are resampled together, and others are not."""

import numpy as np
import pytest
from scipy.stats import norm

from routelab.stats import Resamples, block_length, figure_interval, interval, time_blocks

TRUE_HOURLY = float(norm.expect(lambda it: min(max(0.75 + it, 0.0), 1.0), scale=0.3))
"""Mean of `hourly` with shocks of .3."""


def hourly(rng, n=800, hour=20, shock=0.2):
    moved = rng.normal(0.0, shock, n // hour + 1)[np.arange(n) // hour]
    return (rng.random(n) < np.clip(0.75 + moved, 0.0, 1.0)).astype(float)


def test_independent_requests_are_left_alone():
    alarms = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        columns = np.stack([(rng.random(600) < 0.9).astype(float), rng.lognormal(0.0, 2.0, 600)])
        alarms += block_length(columns, np.ones(600)) > 1
    assert alarms <= 2


def test_blocks_cover_what_hourly_shocks_do():
    truth = np.mean([hourly(np.random.default_rng(10**6 + it)).mean() for it in range(4000)])
    held = np.zeros(2)
    for seed in range(150):
        rows = hourly(np.random.default_rng(seed))
        ones = np.ones(len(rows))
        length = block_length(rows[None], ones)
        blocks = time_blocks(np.arange(len(rows)), length)
        sums, sizes = np.bincount(blocks, rows), np.bincount(blocks).astype(float)
        samples = Resamples(n_resamples=400).means_of(np.stack([sums, sizes]))[:, 0]
        made = figure_interval(rows.mean(), samples, sums, sizes, low=0.0, high=1.0).ends
        plain = interval(Resamples(n_resamples=400).means(rows[:, None])[:, 0])
        held += [low <= truth <= high for low, high in (made, plain)]
    assert held[0] / 150 > 0.88
    assert held[1] / 150 < 0.8


def test_blocks_are_neighbours_and_none_is_short():
    order = np.random.default_rng(0).permutation(103)
    blocks = time_blocks(order, 10)
    assert np.bincount(blocks).tolist() == [10] * 9 + [13]
    assert (np.diff(blocks[order]) >= 0).all()


def test_what_never_varies_has_no_blocks():
    assert block_length(np.ones((2, 200)), np.ones(200)) == 1
    assert block_length(np.arange(20.0)[None], np.ones(20)) == 1


@pytest.mark.parametrize("share", [0.003, 0.01])
def test_what_is_rare_falls_together_by_chance(share):
    alarms = 0
    for seed in range(400):
        rare = (np.random.default_rng(seed).random(1000) < share).astype(float)
        alarms += block_length(rare[None], np.ones(1000)) > 1
    assert alarms <= 4


def test_shocks_longer_than_the_blocks_there_were_are_covered():
    held = 0
    for seed in range(150):
        rows = hourly(np.random.default_rng(seed), n=300, shock=0.3)
        blocks = time_blocks(np.arange(300), block_length(rows[None], np.ones(300)))
        sums, sizes = np.bincount(blocks, rows), np.bincount(blocks).astype(float)
        samples = Resamples(n_resamples=400).means_of(np.stack([sums, sizes]))[:, 0]
        made = figure_interval(rows.mean(), samples, sums, sizes, low=0.0, high=1.0).ends
        held += made.low <= TRUE_HOURLY <= made.high
    assert held / 150 > 0.89, held
