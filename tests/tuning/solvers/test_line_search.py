"""The solvers find what trying every threshold finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tuning_world import between, every_cascade, failing, means, random_log, thresholds_of

from routelab.metrics.hull import pareto
from routelab.policies import Cascade
from routelab.tuning.solvers import grid, line_search
from routelab.tuning.solvers.chains import MAX_CHAINS, chains
from routelab.tuning.solvers.thresholds import ThresholdCandidates, threshold_candidates

NOTHING = threshold_candidates(np.array([]))


def brute(log, chain, most=10**6):
    """Scores of every cascade over a chain, or over `most` thresholds a model."""
    levels = [between(log.signals["confidence"][:, log.column(name)]) for name in chain[:-1]]
    picked = [[it[i] for i in np.unique(np.linspace(0, len(it) - 1, most).round().astype(int))]
              if len(it) > most else it for it in levels]  # fmt: skip
    return [means(policy, log) for policy in every_cascade(chain, picked)]


def at_price(log, thresholds, price):
    """The chain of all models, solved at one price."""
    return next(line_search.at_prices(log, "confidence", log.models, thresholds, [price]))


def worth(score, price):
    """Quality minus cost, where `price` is quality per USD of one request."""
    return score.quality - price * score.usd_per_1k / 1000


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(5, 60),
    price=st.one_of(st.just(0.0), st.floats(1e-3, 1e6)),
    levels=st.sampled_from([4, 20, 1000]),
    multiplier=st.sampled_from([1.0, 3.0]),
    failures=st.sampled_from([0.0, 0.1, 0.5]),
)
@settings(max_examples=100, deadline=None)
def test_two_models_are_solved_exactly_at_any_price(seed, n, price, levels, multiplier, failures):
    log = random_log(n, 2, seed, levels=levels, multiplier=multiplier)
    log = failing(log, seed, failures)
    thresholds = thresholds_of(log)
    if not thresholds["small"]:
        return
    found = at_price(log, thresholds, price)
    best = max(worth(score, price) for score in brute(log, log.models))
    cascade = Cascade(log.models, found.thresholds, "confidence")
    assert worth(means(cascade, log), price) == pytest.approx(best, abs=1e-9 * (1 + price))


def test_a_failed_last_call_is_known_to_deliver_an_earlier_answer():
    log = failing(random_log(2000, 2, seed=1), 1, (0.0, 0.3))
    found = at_price(log, thresholds_of(log), 0.0)
    done = means(Cascade(log.models, found.thresholds, "confidence"), log)
    assert found.worth == pytest.approx(done.quality)
    assert done.quality == pytest.approx(max(it.quality for it in brute(log, log.models)))


def test_the_worth_of_three_models_is_that_of_replaying_them():
    log = failing(random_log(300, 3, seed=3, multiplier=2.0), 3, 0.1)
    for price in (0.0, 10.0, 1000.0):
        found = at_price(log, thresholds_of(log), price)
        done = means(Cascade(log.models, found.thresholds, "confidence"), log)
        assert found.worth == pytest.approx(worth(done, price))


def test_three_models_are_rarely_worse_than_a_coarse_grid():
    log = random_log(300, 3, seed=3)
    coarse = brute(log, log.models, most=12)
    wins = 0
    prices = [0.0, *np.geomspace(0.1, 1e4, 14)]
    for price in prices:
        found = at_price(log, thresholds_of(log), float(price))
        cascade = Cascade(log.models, found.thresholds, "confidence")
        wins += worth(means(cascade, log), price) >= max(worth(s, price) for s in coarse) - 1e-12
    assert wins >= 0.8 * len(prices)


@given(seed=st.integers(0, 10**6), n=st.integers(5, 40), multiplier=st.sampled_from([1.0, 3.0]))
@settings(max_examples=30, deadline=None)
def test_the_grid_of_two_models_holds_the_whole_front(seed, n, multiplier):
    log = random_log(n, 2, seed, multiplier=multiplier)
    found = [means(policy, log) for policy in grid.cascades(log, "confidence", thresholds_of(log))]
    assert rounded(found) == rounded(front_of(brute(log, log.models)))


def test_the_grid_of_three_models_holds_the_whole_front_where_it_is_fine_enough():
    log = random_log(30, 3, seed=5, levels=40)
    found = [means(policy, log) for policy in grid.cascades(log, "confidence", thresholds_of(log))]
    pairs = [("small", "middle"), ("small", "large"), ("middle", "large")]
    every = [score for chain in (*pairs, log.models) for score in brute(log, chain)]
    assert rounded(found) == rounded(front_of(every))


def front_of(scores):
    kept = pareto([s.usd_per_1k for s in scores], [s.quality for s in scores])
    return [score for score, keep in zip(scores, kept, strict=True) if keep]


def rounded(scores):
    return sorted({(round(s.usd_per_1k, 9), round(s.quality, 9)) for s in scores})


@pytest.mark.parametrize("solver", [line_search.cascades, grid.cascades])
def test_cascades_rise_in_cost_and_a_model_without_the_signal_comes_last(solver):
    log = random_log(80, 4, seed=1)
    thresholds = {**thresholds_of(log), "middle": NOTHING}
    found = list(solver(log, "confidence", thresholds))
    assert found
    for policy in found:
        order = [log.column(name) for name in policy.models]
        assert order == sorted(order)
        assert "middle" not in policy.models[:-1]
    assert any(policy.models[-1] == "middle" for policy in found)


@pytest.mark.parametrize("solver", [line_search.cascades, grid.cascades])
def test_without_any_threshold_there_is_no_cascade(solver):
    log = random_log(20, 3, seed=1)
    assert list(solver(log, "confidence", dict.fromkeys(log.models, NOTHING))) == []


def test_free_models_have_cascades_too():
    log = random_log(40, 3, seed=2)
    log.cost_usd[:] = 0.0
    qualities = [
        means(policy, log).quality
        for policy in line_search.cascades(log, "confidence", thresholds_of(log))
    ]
    assert max(qualities) >= max(log.quality.mean(axis=0)[1:]) - 0.1


def test_long_chains_are_tried_only_while_there_are_few():
    log = random_log(10, 2, seed=0)
    many = 30
    wide = type("Wide", (), {})()
    wide.models = tuple(f"m{i}" for i in range(many))
    wide.cost_usd = np.tile(np.arange(many, dtype=float), (3, 1))
    thresholds = dict.fromkeys(wide.models, thresholds_of(log)["small"])
    lengths = {len(chain) for chain in chains(wide, thresholds)}
    assert lengths == {2}
    assert many * (many - 1) // 2 > MAX_CHAINS
    assert isinstance(thresholds["m0"], ThresholdCandidates)
