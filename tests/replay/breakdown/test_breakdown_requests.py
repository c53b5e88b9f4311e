"""Slices, stages and latency add up to the figures they explain."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from breakdown_world import MODELS, cascade_of, comparison_of, objects
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from routelab.logs.formats.texts import TextsInMemory
from routelab.policies import Cascade, Fixed, Mixture, Policy
from routelab.replay import ComparisonSet, NamedPolicy, evaluate
from routelab.replay.breakdown import Slice, breakdown


def slices(comparison: ComparisonSet, policy: Policy, best: str, by: str) -> list[Slice]:
    found = breakdown(policy, comparison, None, best).slices
    return [one for one in found if one.by == by]


def with_tasks(comparison: ComparisonSet, tasks: list[str]) -> ComparisonSet:
    requests = replace(comparison.log.requests, task=objects(tasks))
    return replace(comparison, log=replace(comparison.log, requests=requests))


@pytest.mark.parametrize("by", ["task", "length", "language"])
def test_slices_add_up_to_the_whole(by: str) -> None:
    comparison = comparison_of(500, 3, broken=0.1, needs=True)
    cascade = cascade_of(comparison)
    whole = evaluate(comparison, [NamedPolicy("own", cascade)])[0]
    parts = slices(comparison, cascade, "large", by)
    n = np.array([one.n_requests for one in parts])
    assert n.sum() == 500
    for name in ("quality", "usd_per_1k", "escalation_rate"):
        values = [getattr(one, name) for one in parts]
        assert n @ values / 500 == pytest.approx(getattr(whole, name))
    for model in MODELS[:3]:
        share = [one.model_share[model] for one in parts]
        assert n @ share / 500 == pytest.approx(whole.model_share[model])
    assert n @ [one.best_quality for one in parts] / 500 == pytest.approx(
        comparison.replay(Fixed("large")).quality.mean()
    )
    losses = [one.loss for one in parts]
    assert losses == sorted(losses, reverse=True)


def test_a_slice_is_the_policy_on_its_requests() -> None:
    comparison = comparison_of(300, 3)
    cascade = cascade_of(comparison)
    for one in slices(comparison, cascade, "large", "task"):
        rows = np.flatnonzero(comparison.log.requests.task == one.value)
        alone = comparison.take(rows, "some")
        figures = evaluate(alone, [NamedPolicy("own", cascade)])[0]
        assert one.n_requests == len(rows)
        assert one.quality == pytest.approx(figures.quality)
        assert one.usd_per_1k == pytest.approx(figures.usd_per_1k)
        best = next(it for it in figures.baselines if it.name == "fixed:large")
        assert one.loss == pytest.approx(-best.quality_gain)
        low, high = (-end for end in reversed(best.quality_gain_ci))
        assert one.loss_ci == pytest.approx((low, high), abs=0.02)


@pytest.mark.parametrize(("size", "group_size"), [(6, 1), (30, 1), (60, 6)])
def test_intervals_of_slices_cover_the_truth(size: int, group_size: int) -> None:
    covered = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        n = 200 * size
        comparison = comparison_of(n, 2, seed)
        groups = np.arange(n) // group_size
        noise = rng.normal(size=n, scale=0.05) + rng.normal(size=n, scale=0.1)[groups]
        quality = np.column_stack([0.5 - noise, np.full(n, 0.5 + 0.1)])
        log = replace(comparison.log, quality=np.asfortranarray(quality))
        comparison = replace(comparison, log=log, groups=groups)
        comparison = with_tasks(comparison, [f"t{row // size}" for row in range(n)])
        found = slices(comparison, Fixed("small"), "middle", "task")
        assert len(found) == 200
        covered += [one.loss_ci[0] <= 0.1 <= one.loss_ci[1] for one in found]
    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_slice_of_one_group_has_no_interval() -> None:
    comparison = replace(comparison_of(20, 2), groups=np.zeros(20, dtype=np.int64))
    for one in breakdown(Fixed("small"), comparison, None, "middle").slices:
        assert np.isnan(one.loss_ci).all()


def test_of_thousands_of_tasks_the_worst_are_kept() -> None:
    tasks = 3000
    comparison = comparison_of(5 * tasks + 4, 2)
    comparison = with_tasks(comparison, [f"t{row // 5}" for row in range(5 * tasks + 4)])
    found = slices(comparison, Fixed("small"), "middle", "task")
    assert len(found) == 200
    assert found[0].loss == pytest.approx(1.0)
    assert all(one.n_requests == 5 for one in found), "the last task has four requests"


def test_names_stay_as_they_are() -> None:
    names = ["<script>alert(1)</script>", "x" * 300, ""]
    comparison = with_tasks(comparison_of(60, 2), [names[row % 3] for row in range(60)])
    found = {one.value for one in slices(comparison, Fixed("small"), "middle", "task")}
    assert found == {*names[:2], "not given"}


def test_lengths_are_ranges_that_do_not_overlap() -> None:
    comparison = comparison_of(500, 2)
    texts = TextsInMemory(["x" * (row * row) for row in range(500)])
    comparison = replace(comparison, log=replace(comparison.log, texts=texts))
    found = slices(comparison, Fixed("small"), "middle", "length")
    assert {one.n_requests for one in found} == {100}
    assert "0 to 9,801 characters" in {one.value for one in found}


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("What is 2 + 2?", "Latin"),
        ("Où est l'été ?", "Latin"),
        ("Сколько будет 2 + 2? (SQL)", "Cyrillic"),
        ("二加二等于多少", "Han"),
        ("ひらがなとカタカナ", "Kana"),
        ("안녕하세요", "Hangul"),
        ("كم يساوي", "Arabic"),
        ("2 + 2 = ? …", "no letters"),
        ("", "no letters"),
        ("x" * 300 + "я" * 1000, "Latin"),
    ],
)
def test_the_script_of_a_prompt(text: str, script: str) -> None:
    comparison = comparison_of(5, 2)
    comparison = replace(comparison, log=replace(comparison.log, texts=TextsInMemory([text] * 5)))
    (one,) = slices(comparison, Fixed("small"), "middle", "language")
    assert one.value == script


def test_a_log_without_tasks_and_texts_has_no_slices() -> None:
    comparison = comparison_of(20, 2)
    requests = replace(comparison.log.requests, task=None)
    bare = replace(comparison, log=replace(comparison.log, requests=requests, texts=None))
    assert breakdown(Fixed("small"), bare, None, "middle").slices == ()


def policies() -> st.SearchStrategy[Policy]:
    chain = Cascade(("small", "middle", "large"), (0.5, 0.6), "sure")
    pair = Cascade(("middle", "large"), (0.4,), "sure")
    return st.sampled_from(
        [chain, pair, Fixed("middle"), Mixture(first=chain, second=pair, weight=0.3)]
    )


@settings(deadline=None, max_examples=40)
@given(policies(), st.integers(0, 1000), st.sampled_from([0.0, 0.3]), st.booleans())
def test_stages_add_up_to_the_replay(policy: Policy, seed: int, broken: float, needs: bool) -> None:
    comparison = comparison_of(40, 3, seed, broken=broken, needs=needs)
    replay = comparison.replay(policy)
    stages = breakdown(policy, comparison, None, "large").stages
    assert tuple(stage.model for stage in stages) == policy.models_used
    assert sum(stage.calls for stage in stages) == replay.calls.sum()
    assert sum(stage.delivered for stage in stages) == np.sum(replay.answered >= 0)
    spent = sum(stage.usd_per_1k for stage in stages)
    assert spent == pytest.approx(1000 * replay.cost_usd.mean())
    for stage in stages:
        assert stage.delivered <= stage.calls
        assert 0.0 <= stage.discarded_usd_per_1k <= stage.usd_per_1k
        if stage.calls == stage.delivered:
            assert stage.discarded_usd_per_1k == 0.0


def test_latency_agrees_with_the_figures() -> None:
    comparison = comparison_of(333, 3)
    cascade = cascade_of(comparison)
    figures = evaluate(comparison, [NamedPolicy("own", cascade)])[0]
    latency = breakdown(cascade, comparison, None, "large").latency
    assert latency is not None
    seconds = dict(zip(latency.quantiles, latency.seconds, strict=True))
    assert seconds[0.5] == figures.latency_p50_s
    assert seconds[0.95] == figures.latency_p95_s
    assert list(latency.seconds) == sorted(latency.seconds)


def test_latency_that_nobody_observed_has_no_distribution() -> None:
    comparison = comparison_of(20, 2)
    log = replace(comparison.log, latency_s=np.full((20, 2), np.nan))
    assert breakdown(Fixed("small"), replace(comparison, log=log), None, "middle").latency is None


@pytest.mark.parametrize("size", [3, 5, 10, 30, 100])
def test_intervals_of_few_groups_are_as_wide_as_students(size: int) -> None:
    comparison = comparison_of(size * 2, 2)
    comparison = with_tasks(comparison, ["a", "b"] * size)
    groups: Any = np.arange(size * 2) if size >= 5 else np.arange(size * 2) // 2
    comparison = replace(comparison, groups=groups)
    comparison = comparison if size >= 5 else with_tasks(comparison, ["a"] * size * 2)
    one = slices(comparison, Fixed("small"), "middle", "task")[0]
    rows = np.flatnonzero(comparison.log.requests.task == one.value)
    loss = (comparison.log.quality[:, 1] - comparison.log.quality[:, 0])[rows]
    sums = np.array(
        [(loss - loss.mean())[groups[rows] == g].sum() for g in np.unique(groups[rows])]
    )
    g = len(sums)
    error = np.sqrt((sums**2).sum() * g / (g - 1)) / len(rows)
    reach = stats.t.ppf(0.975, g - 1) * error
    low, high = np.clip([loss.mean() - reach, loss.mean() + reach], -1, 1)
    differ = len(np.unique(groups[rows][loss != 0]))
    if differ >= min(40, g / 2):
        assert one.loss_ci == pytest.approx((low, high), abs=0.04 * reach)
    else:  # few rows that differ: as wide as if there were one more at either end
        assert one.loss_ci[0] < low
        assert one.loss_ci[1] > high
