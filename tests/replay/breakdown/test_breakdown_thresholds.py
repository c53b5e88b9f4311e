"""Whatever thresholds are shown, a replay with them gives the same figures."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from breakdown_world import at_prices, cascade_of, comparison_of
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.signal_spec import SignalSpec
from routelab.policies import Cascade, Fixed, Mixture
from routelab.replay import ComparisonSet, NamedPolicy, Replay, evaluate
from routelab.replay.breakdown import Grid, breakdown

worlds: Any = st.builds(
    comparison_of,
    n=st.integers(1, 40),
    m=st.integers(2, 4),
    seed=st.integers(0, 2**32 - 1),
    broken=st.sampled_from([0.0, 0.2, 1.0]),
    needs=st.booleans(),
    group_size=st.sampled_from([1, 3, 1000]),
    steps=st.sampled_from([2, 1000]),
)


def exactly(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-15)


def grid_of(comparison: ComparisonSet, cascade: Cascade) -> Grid:
    grid = breakdown(cascade, comparison, None, comparison.models[-1]).grid
    assert grid is not None
    return grid


def cells(grid: Grid) -> list[tuple[float, ...]]:
    return list(product(*grid.thresholds))


def squared_error(values: np.ndarray, groups: np.ndarray) -> float:
    """Of a mean, group by group, the long way."""
    labels = np.unique(groups)
    if len(labels) < 2:
        return float("nan")
    off = [float((values - values.mean())[groups == label].sum()) for label in labels]
    return sum(x * x for x in off) * len(labels) / (len(labels) - 1) / len(values) ** 2


def shares(replay: Replay, models: tuple[str, ...]) -> list[int]:
    names = [replay.models[column] for column in replay.answered if column >= 0]
    return [names.count(model) for model in models]


@settings(deadline=None, max_examples=60)
@given(worlds, st.randoms(use_true_random=False))
def test_every_cell_is_a_replay(comparison: ComparisonSet, random: Any) -> None:
    cascade = cascade_of(comparison)
    grid = grid_of(comparison, cascade)
    listed = cells(grid)
    assert len(grid.quality) == len(listed)
    for at in {grid_start(grid), *random.choices(range(len(listed)), k=3)}:
        replay = comparison.replay(Cascade(cascade.models, listed[at], cascade.signal))
        cost = sum(step[at] for step in grid.usd)
        assert grid.quality[at] == exactly(replay.quality.mean())
        assert cost == exactly(replay.cost_usd.mean())
        assert grid.escalated[at] == np.count_nonzero(replay.calls > 1)
        assert [step[at] for step in grid.answered] == shares(replay, grid.models)
        assert sum(step[at] for step in grid.calls) == replay.calls.sum()
        expected = squared_error(replay.quality, comparison.groups)
        assert grid.quality_se[at] ** 2 == pytest.approx(expected, nan_ok=True, abs=1e-15)
        assert cost_variance(grid, at) == pytest.approx(
            squared_error(replay.cost_usd, comparison.groups), nan_ok=True, rel=1e-6, abs=1e-20
        )


def grid_start(grid: Grid) -> int:
    return cells(grid).index(
        tuple(axis[index] for axis, index in zip(grid.thresholds, grid.chosen, strict=True))
    )


def cost_variance(grid: Grid, at: int) -> float:
    """Of the cost over all steps, from the upper triangle of their covariances."""
    m = len(grid.models)
    pairs = [(i, j) for i in range(m) for j in range(i, m)]
    return sum(
        (1 if i == j else 2) * row[at] for (i, j), row in zip(pairs, grid.usd_cov, strict=True)
    )


def test_the_grid_starts_at_the_figures_of_the_policy() -> None:
    comparison = comparison_of(300, 3, broken=0.1, needs=True, group_size=4)
    cascade = cascade_of(comparison, 0.6, 0.4)
    figures = evaluate(comparison, [NamedPolicy("own", cascade)])[0]
    grid = grid_of(comparison, cascade)
    start = grid_start(grid)
    assert cells(grid)[start] == cascade.thresholds
    assert grid.quality[start] == exactly(figures.quality)
    assert 1000 * sum(step[start] for step in grid.usd) == exactly(figures.usd_per_1k)
    assert grid.escalated[start] / grid.n_requests == figures.escalation_rate
    assert {
        model: step[start] / grid.n_requests
        for model, step in zip(grid.models, grid.answered, strict=True)
    } == figures.model_share


@pytest.mark.parametrize("model", [0, 1, 2])
def test_the_grid_knows_other_prices(model: int) -> None:
    comparison = comparison_of(100, 3, broken=0.1)
    cascade, name = cascade_of(comparison), comparison.models[model]
    grid = grid_of(comparison, cascade)
    for at in (0, grid_start(grid), len(grid.quality) - 1):
        moved = Cascade(cascade.models, cells(grid)[at], cascade.signal)
        replay = at_prices(comparison, {name: 7.0}).replay(moved)
        parts = [step[at] for step in grid.usd]
        parts[model] *= 7.0
        assert sum(parts) == exactly(replay.cost_usd.mean())


@pytest.mark.parametrize(("m", "most"), [(2, 101), (3, 441), (4, 729)])
def test_a_grid_is_small_and_a_slider_moves_something(m: int, most: int) -> None:
    grid = grid_of(comparison := comparison_of(3000, m, steps=10**6), cascade_of(comparison))
    assert 0.9 * most < len(grid.quality) <= most
    for axis in grid.thresholds:
        assert list(axis) == sorted(set(axis))
    for stage, axis in enumerate(grid.thresholds):
        confidence = comparison.log.signals["sure"][:, stage]
        assert len({int((confidence >= level).sum()) for level in axis}) == len(axis)


def test_a_cascade_of_many_models_has_a_small_grid_too() -> None:
    rng = np.random.default_rng(0)
    comparison = comparison_of(30, 4)
    names = tuple(f"m{i}" for i in range(12))

    def wide(values: np.ndarray) -> np.ndarray:
        return np.asfortranarray(np.tile(values, 3))

    log = replace(
        comparison.log,
        models=names,
        quality=wide(comparison.log.quality),
        cost_usd=wide(comparison.log.cost_usd),
        latency_s=wide(comparison.log.latency_s),
        error=wide(comparison.log.error),
        signals={"sure": np.asfortranarray(rng.random((30, 12)))},
    )
    grid = grid_of(replace(comparison, log=log), Cascade(names, (0.5,) * 11, "sure"))
    assert len(grid.quality) == 2**9


@settings(deadline=None, max_examples=30)
@given(worlds)
def test_every_point_of_a_threshold_curve_is_a_replay(comparison: ComparisonSet) -> None:
    cascade = cascade_of(comparison)
    tune = replace(comparison_of(50, len(comparison.models), 1), part="tune")
    curves = breakdown(cascade, comparison, tune, comparison.models[0]).thresholds
    steps = len(cascade.thresholds)
    assert [curve.part for curve in curves] == ["tune"] * steps + ["test"] * steps
    for index, curve in enumerate(curves):
        part, step = (tune, comparison)[index // steps], index % steps
        assert (curve.model, curve.chosen) == (cascade.models[step], cascade.thresholds[step])
        assert curve.chosen in curve.thresholds
        for at in {0, len(curve.thresholds) // 2, len(curve.thresholds) - 1}:
            moved = list(cascade.thresholds)
            moved[step] = curve.thresholds[at]
            replay = part.replay(Cascade(cascade.models, tuple(moved), cascade.signal))
            assert curve.quality[at] == exactly(replay.quality.mean())
            assert curve.usd_per_1k[at] == exactly(1000 * replay.cost_usd.mean())
            assert curve.escalation_rate[at] == np.mean(replay.calls > 1)


def test_a_long_curve_is_thinned_by_shares_of_accepted_answers() -> None:
    comparison = comparison_of(5000, 2, steps=10**6)
    (curve,) = breakdown(cascade_of(comparison), comparison, None, "small").thresholds
    assert len(curve.thresholds) <= 61
    assert list(curve.thresholds) == sorted(curve.thresholds)
    confidence = comparison.log.signals["sure"][:, 0]
    accepted = [float(np.mean(confidence >= level)) for level in curve.thresholds]
    assert max(np.diff(accepted[::-1])) < 0.02
    assert accepted[0] > 0.999
    assert accepted[-1] < 0.001


def test_the_chosen_point_of_a_deferral_curve_is_the_policy() -> None:
    comparison = comparison_of(90, 2, broken=0.0)
    cascade = cascade_of(comparison)
    (curve,) = breakdown(cascade, comparison, None, "small").deferral
    replay = comparison.replay(cascade)
    assert curve.n_requests == 90
    assert curve.chosen_share == np.mean(replay.calls > 1)
    quality = np.interp(curve.chosen_share, curve.share, curve.quality)
    assert quality == exactly(replay.quality.mean())
    alone = [comparison.replay(Fixed(name)).quality.mean() for name in comparison.models]
    assert curve.random_quality == (curve.quality[0], curve.quality[-1]) == tuple(alone)


@settings(deadline=None, max_examples=40)
@given(worlds)
def test_no_signal_defers_better_than_the_oracle(comparison: ComparisonSet) -> None:
    parts = breakdown(cascade_of(comparison), comparison, None, comparison.models[0])
    for curve in parts.deferral:
        assert curve.area is None or curve.area <= 1 + 1e-12
        oracle = np.interp(curve.share, curve.oracle_share, curve.oracle_quality)
        assert np.all(np.array(curve.quality) <= oracle + 1e-12)


def test_later_deferral_curves_are_of_the_requests_that_get_there() -> None:
    comparison = comparison_of(400, 3)
    first, second = breakdown(cascade_of(comparison), comparison, None, "small").deferral
    assert first.chosen_share is not None
    assert second.n_requests == round(first.n_requests * first.chosen_share)
    nobody = breakdown(cascade_of(comparison, -1.0, 0.5), comparison, None, "small")
    assert [curve.model for curve in nobody.deferral] == ["small"]


def test_reliability_counts_every_answer_with_a_confidence() -> None:
    comparison = comparison_of(2000, 3, broken=0.1)
    for table in breakdown(cascade_of(comparison), comparison, None, "small").reliability:
        confidence = comparison.log.signals["sure"][:, comparison.models.index(table.model)]
        assert table.probability
        assert sum(table.n) == np.isfinite(confidence).sum()
        assert np.dot(table.n, table.confidence) == pytest.approx(np.nansum(confidence))
        assert all(
            low <= mean <= high
            for low, mean, high in zip(table.low, table.confidence, table.high, strict=True)
        )
        assert table.ece is not None
        assert table.auroc is not None
        assert table.auroc > 0.5


def test_reliability_of_a_signal_that_is_no_probability() -> None:
    comparison = comparison_of(500, 2)
    log = replace(comparison.log, signals={"sure": 10 * comparison.log.signals["sure"] - 4})
    (table,) = breakdown(
        cascade_of(comparison), replace(comparison, log=log), None, "small"
    ).reliability
    assert not table.probability
    assert table.ece is None
    assert len(table.n) == 10
    assert min(table.n) > 30


def test_a_constant_signal_leaves_one_bin_and_one_threshold() -> None:
    comparison = comparison_of(50, 2)
    log = replace(comparison.log, signals={"sure": np.full((50, 2), 3.0)})
    parts = breakdown(cascade_of(comparison), replace(comparison, log=log), None, "small")
    assert parts.reliability[0].n == (50,)
    assert parts.thresholds[0].thresholds == (0.55,)
    assert parts.grid is not None
    assert parts.grid.chosen == (0,)


def test_the_extra_cost_of_a_signal_is_spent_on_its_model() -> None:
    comparison = comparison_of(200, 2)
    free = replace(comparison, log=comparison.log.with_specs({"sure": SignalSpec(multiplier=1.0)}))
    dear, cheap = (grid_of(it, cascade_of(it)) for it in (comparison, free))
    assert dear.usd[0][0] == exactly(2.5 * cheap.usd[0][0])
    assert dear.usd[1] == cheap.usd[1]


def test_policies_without_thresholds_have_no_parts_about_them() -> None:
    comparison = comparison_of(60, 3)
    mixture = Mixture(first=cascade_of(comparison), second=Fixed("large"), weight=0.5)
    for policy in (Fixed("small"), mixture):
        parts = breakdown(policy, comparison, comparison, "large")
        assert (parts.thresholds, parts.deferral, parts.reliability) == ((), (), ())
        assert parts.grid is None
        assert parts.stages
        assert parts.slices
