"""One pass answers every threshold vector as replaying each of them does, and adds up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.signal_spec import SignalSpec
from routelab.logs import Log, Requests
from routelab.policies import Cascade
from routelab.replay import run
from routelab.replay.cells import Chain, Levels, Spec, Stats, kernel, merged

NAMES = ("a", "b", "c", "d")
SEEDS = st.integers(0, 10**6)


def a_log(n: int, m: int, seed: int, *, grain: int = 20, failing: float = 0.2) -> Log:
    """Coarse confidences, so that many equal a level; some calls fail, some signals lack."""
    rng = np.random.default_rng(seed)
    error = np.asfortranarray(rng.random((n, m)) < failing)
    confidence = np.asfortranarray(rng.integers(0, grain + 1, (n, m)) / grain)
    confidence[error | (rng.random((n, m)) < 0.1)] = np.nan
    return Log(
        requests=Requests(np.array([f"r{i}" for i in range(n)], dtype=object)),
        models=NAMES[:m],
        quality=np.asfortranarray(np.where(error, 0.0, rng.random((n, m)))),
        cost_usd=np.asfortranarray(rng.random((n, m)) * 4.0 ** np.arange(m)),
        latency_s=np.asfortranarray(rng.random((n, m))),
        prompt_tokens=np.full((n, m), np.nan),
        completion_tokens=np.full((n, m), np.nan),
        error=error,
        signals={"sure": confidence},
        specs={"sure": SignalSpec(multiplier=3.0)},
    )


def a_chain(m: int, seed: int, most: int = 6) -> Chain:
    rng = np.random.default_rng(seed)
    levels = (np.unique(rng.integers(0, 21, most)) / 20 for _ in range(m - 1))
    return Chain(NAMES[:m], tuple(Levels(it) for it in levels))


@given(
    seed=SEEDS,
    count=st.integers(1, 300),
    spacing=st.sampled_from(["even", "random", "crowded", "apart"]),
)
@settings(max_examples=80, deadline=None)
def test_levels_reached_are_those_not_above_the_confidence(seed, count, spacing):
    rng = np.random.default_rng(seed)
    drawn = {
        "even": np.linspace(-1.0, 2.0, count),
        "random": rng.normal(size=count),
        "crowded": 1.0 - 10.0 ** -rng.uniform(0, 15, count),
        "apart": rng.normal(size=count) * 10.0 ** rng.uniform(-300, 300, count),
    }
    levels = Levels(np.unique(drawn[spacing]))
    near = np.concatenate([np.nextafter(levels.values, x) for x in (-np.inf, 0, np.inf)])
    values = np.concatenate(
        [levels.values, near, rng.normal(size=50), [np.nan, np.inf, -np.inf, 0.0, -0.0]]
    )
    expected = [(levels.values <= value).sum() for value in values]
    assert levels.reached(values).tolist() == expected
    single = values[np.abs(values) < 1e30].astype(np.float32)
    expected = [(levels.values <= float(value)).sum() for value in single]
    assert levels.reached(single).tolist() == expected


@pytest.mark.parametrize("values", [[], [1.0, 1.0], [2.0, 1.0], [0.0, np.nan], [0.0, np.inf]])
def test_levels_that_are_no_thresholds_are_refused(values):
    with pytest.raises(ValueError, match="strictly ascending"):
        Levels(np.array(values))


@given(seed=SEEDS, n=st.integers(1, 120), m=st.integers(2, 4), failing=st.sampled_from([0, 0.3]))
@settings(max_examples=60, deadline=None)
def test_every_cell_is_what_replaying_its_thresholds_comes_to(seed, n, m, failing):
    log, chain = a_log(n, m, seed, failing=failing), a_chain(m, seed)
    totals = kernel(log, Spec("sure", (chain,), latency=True)).totals(chain)
    rng = np.random.default_rng(seed)
    for _ in range(8):
        index = tuple(int(rng.integers(len(levels))) for levels in chain.levels)
        values = (float(it.values[i]) for it, i in zip(chain.levels, index, strict=True))
        done = run(Cascade(chain.models, tuple(values), "sure"), log)
        at = (0, *index)
        assert totals.calls[at] == done.calls.sum()
        assert totals.cost_usd[at] == pytest.approx(done.cost_usd.sum(), rel=1e-12)
        assert totals.quality[at] == pytest.approx(done.quality.sum(), rel=1e-12, abs=1e-12)
        assert totals.latency_s[at] == pytest.approx(done.latency_s.sum(), rel=1e-12)


@given(seed=SEEDS, cuts=st.lists(st.integers(0, 200), max_size=5))
@settings(max_examples=40, deadline=None)
def test_partitions_add_up_however_they_are_cut(seed, cuts):
    log = a_log(200, 3, seed)
    spec = Spec("sure", (a_chain(3, seed), a_chain(2, seed + 1)), latency=True)
    whole = kernel(log, spec)
    parts = np.split(np.arange(200), sorted(cuts))
    once, again = (merged(kernel(log.take(rows), spec) for rows in parts) for _ in range(2))
    for mine, same, all_of_it in zip(flat(once), flat(again), flat(whole), strict=True):
        assert mine.tobytes() == same.tobytes()
        assert np.array_equal(mine[0], all_of_it[0])
        np.testing.assert_allclose(mine, all_of_it, rtol=1e-12, atol=0)
    assert once.requests == whole.requests == 200


def test_a_sum_over_many_rows_in_few_cells_does_not_drift():
    log = a_log(400_000, 2, seed=1, failing=0.0)
    chain = Chain(("a", "b"), (Levels(np.array([0.5])),))
    for parts in (1, 7):
        stats = merged(
            kernel(log.take(rows), Spec("sure", (chain,)))
            for rows in np.array_split(np.arange(len(log)), parts)
        )
        done = run(Cascade(("a", "b"), (0.5,), "sure"), log)
        exact = stats.totals(chain)
        assert exact.cost_usd[0, 0] == pytest.approx(done.cost_usd.sum(), rel=1e-13)


@given(seed=SEEDS, m=st.integers(2, 3))
@settings(max_examples=20, deadline=None)
def test_groups_are_told_apart(seed, m):
    log, chain = a_log(90, m, seed), a_chain(m, seed)
    label = np.random.default_rng(seed).integers(0, 3, 90)
    whole = kernel(log, Spec("sure", (chain,), groups=3), label).totals(chain)
    for group in range(3):
        alone = kernel(log.take(np.flatnonzero(label == group)), Spec("sure", (chain,)))
        apart = alone.totals(chain)
        assert np.array_equal(whole.calls[group], apart.calls[0])
        np.testing.assert_allclose(whole.quality[group], apart.quality[0], atol=1e-12)


def test_a_latency_that_was_not_observed_is_none_of_ours_to_invent():
    log = a_log(30, 2, seed=3)
    log.latency_s[0, 1] = np.nan
    chain = a_chain(2, seed=3)
    totals = kernel(log, Spec("sure", (chain,), latency=True)).totals(chain)
    assert np.isnan(totals.latency_s[0, -1])
    assert kernel(log, Spec("sure", (chain,))).totals(chain).latency_s is None


def test_a_single_precision_confidence_is_compared_as_a_double():
    log = a_log(40, 2, seed=4, failing=0.0)
    third = replace(log, signals={"sure": np.full((40, 2), np.float32(1 / 3), order="F")})
    chain = Chain(("a", "b"), (Levels(np.array([float(np.float32(1 / 3)), 0.3333333433])),))
    totals = kernel(third, Spec("sure", (chain,))).totals(chain)
    assert totals.calls[0].tolist() == [40.0, 80.0]


def test_no_statistics_do_not_add_up_to_anything():
    with pytest.raises(ValueError, match="no statistics"):
        merged([])
    empty = Stats.empty(Spec("sure", (a_chain(3, 0),)))
    assert empty.requests == 0
    assert empty.spec.nbytes == sum(it.nbytes for it in flat(empty))


def flat(stats):
    return [added for calls in stats.calls for added in calls]
