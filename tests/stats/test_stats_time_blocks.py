"""Neighbours in time that are alike are resampled together, and others are not."""

import numpy as np

from routelab.stats import Resamples, block_length, figure_interval, interval, time_blocks


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
