"""A policy in another world, and break-even prices beside a scan of prices."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from routelab.core.catalogue import Catalogue, ContextTier, DatedPrices, Model, TokenUsage
from routelab.errors import TuningError
from routelab.logs import Log, read, write
from routelab.metrics.hull import hull, value_at
from routelab.policy_file import PolicyFile, load
from routelab.replay import decide, run, study_rows
from routelab.tuning import Options, tune
from routelab.tuning.study.export import save
from routelab.whatif import RepricedWorld, reprice, trade_off

points = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 20)), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def policy(tuned_few) -> PolicyFile:
    return load(tuned_few.policy)


def test_a_world_in_which_nothing_moved_repeats_the_study_to_the_last_digit(
    policy, tuned_few, few: Log
):
    same = dict.fromkeys(policy.document.candidates, 1.0)
    listed = dict(policy.document.catalogue.models)
    for world, retune in (
        (RepricedWorld(), False),
        (RepricedWorld(price=same, latency=same), False),
        (RepricedWorld(prices=listed), True),
    ):
        found = reprice(policy, few, world, retune=retune)
        assert found.before == found.after == tuned_few.study.figures
        assert found.verdict is not None
        assert found.verdict.word == tuned_few.study.verdict.word
    again = found.retuned
    assert again is not None
    assert again.figures == tuned_few.study.figures
    assert (again.gain, again.gain_ci, again.word) == (0.0, (0.0, 0.0), "keep")
    assert again.verdict == tuned_few.study.verdict


def test_break_even_prices_are_where_a_scan_of_prices_finds_them(policy, few: Log):
    found = reprice(policy, few, RepricedWorld(), retune=False)
    assert len(found.escalations) >= 2
    here = study_rows(policy.document, few, "test").log
    for it in found.escalations:
        assert it.break_even is not None
        assert it.break_even_ci is not None
        assert it.break_even_ci[0] <= it.break_even <= it.break_even_ci[1]
        assert it.break_even_usd == pytest.approx(it.break_even * it.usd_next)
        scan = [worth(policy, here, it, found.quality_per_usd, f) for f in range(5)]
        flips = [at for at in range(4) if scan[at] >= 0 > scan[at + 1]]
        expected = [int(it.break_even)] if 0 <= it.break_even < 4 else []
        assert flips == expected
        near = [
            worth(policy, here, it, found.quality_per_usd, it.break_even + d) for d in (-1e-6, 1e-6)
        ]
        assert it.break_even < 0 or near[0] > 0 > near[1]


def worth(policy: PolicyFile, log: Log, it, quality_per_usd: float, factor: float) -> float:
    """What going on from one model to the next is worth, with that one's price times a factor."""
    dearer = RepricedWorld(price={it.next_model: max(factor, 0.0)}).log(log, Catalogue())
    total = 0.0
    for row in range(len(log)):
        decision = decide(policy.policy, dearer, row, catalogue=policy.document.catalogue)
        names = [step.call.model for step in decision.steps]
        if it.model in names[:-1] and names[names.index(it.model) + 1] == it.next_model:
            at = names.index(it.model)
            if decision.steps[at].feedback.error is not None:
                continue  # no answer that one could stop at
            stopped = sum(step.feedback.cost_usd for step in decision.steps[: at + 1])
            quality = log.quality[row, log.column(decision.answer.model)]
            gained = quality - log.quality[row, log.column(it.model)]
            total += gained - quality_per_usd * (decision.cost_usd - stopped)
    return total


@settings(max_examples=60, deadline=None)
@given(points=points, at=st.integers(0, 45))
def test_the_trade_off_is_the_slope_of_the_hull_below_the_policy(points, at):
    cost, quality = (np.array(it, dtype=float) for it in zip(*points, strict=True))
    corners = hull(cost, quality)
    value = trade_off(cost, quality, at)
    if len(corners.cost) < 2:
        assert value == 0
        return
    end = np.clip(at, corners.cost[0] + 1e-4, corners.cost[-1])
    drop = value_at(end, corners) - value_at(end - 1e-4, corners)
    assert value == pytest.approx(float(drop) / 1e-4, rel=1e-6)


def test_twice_the_list_price_is_twice_the_cost_and_discounts_stay(policy, few: Log):
    known = policy.document.catalogue
    name = "frontier"
    listed = known.models[name]
    double = structs.replace(
        listed,
        input_usd_per_mtok=2 * listed.input_usd_per_mtok,
        output_usd_per_mtok=2 * listed.output_usd_per_mtok,
    )
    found = RepricedWorld(prices={name: double}).log(few, known)
    column = few.column(name)
    np.testing.assert_array_equal(found.cost_usd[:, column], 2 * few.cost_usd[:, column])
    rest = [c for c in range(len(few.models)) if c != column]
    np.testing.assert_array_equal(found.cost_usd[:, rest], few.cost_usd[:, rest])
    half = replace(few, cost_usd=np.asfortranarray(few.cost_usd / 2))
    cheap = RepricedWorld(prices={name: double}).log(half, known)
    np.testing.assert_allclose(cheap.cost_usd[:, column], few.cost_usd[:, column])


def test_a_list_price_where_none_was_known_is_tokens_times_price(few: Log):
    model = Model(input_usd_per_mtok=3.0, output_usd_per_mtok=7.0)
    found = RepricedWorld(prices={"large": model}).log(few, Catalogue())
    at = few.column("large")
    tokens = few.prompt_tokens[:, at] * 3 + few.completion_tokens[:, at] * 7
    charged = few.cost_usd[:, at] > 0
    np.testing.assert_allclose(found.cost_usd[charged, at], tokens[charged] / 1e6)
    blind = replace(few, prompt_tokens=np.full_like(few.prompt_tokens, np.nan))
    with pytest.raises(TuningError, match="`price` large=FACTOR"):
        RepricedWorld(prices={"large": model}).log(blind, Catalogue())


@pytest.mark.parametrize("known", [True, False], ids=["old prices", "no old prices"])
def test_cached_written_and_reasoning_tokens_have_their_own_new_prices(tmp_path, known):
    rng = np.random.default_rng(0)
    rows = []
    for at in range(300):
        prompt, answer = int(rng.integers(500, 1000)), int(rng.integers(100, 300))
        for model in ("small", "large"):
            cached, written = int(rng.integers(0, 300)), int(rng.integers(0, 200))
            parts = {
                "prompt_tokens": prompt, "completion_tokens": answer, "cached_tokens": cached,
                "cache_write_tokens": written, "cache_write_1h_tokens": written // 2,
                "reasoning_tokens": answer // 3,
            }  # fmt: skip
            rows.append({"request_id": str(at), "model": model, "quality": 1.0, **parts})
    old = Model(
        input_usd_per_mtok=2.0,
        output_usd_per_mtok=8.0,
        cached_input_usd_per_mtok=0.2,
        cache_write_usd_per_mtok=2.5,
        cache_write_1h_usd_per_mtok=4.0,
        reasoning_usd_per_mtok=6.0,
    )
    new = structs.replace(old, cached_input_usd_per_mtok=1.0, reasoning_usd_per_mtok=9.0)
    table = pd.DataFrame(rows)
    used = [TokenUsage(*(it[f"{name}_tokens"] for name in TokenUsage._fields)) for it in rows]
    table["cost_usd"] = [0.5 * old.usage_usd(it) for it in used]  # half of the list price is paid
    table.to_parquet(tmp_path / "log.parquet")
    log = read(tmp_path / "log.parquet")
    assert set(log.token_parts) == {
        *("cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "reasoning_tokens")
    }
    world = RepricedWorld(prices={"large": new})
    moved = world.log(log, Catalogue({"large": old} if known else {}))
    share = 0.5 if known else 1.0
    expected = [share * new.usage_usd(it) for it in used[1::2]]
    assert moved.cost_usd[:, log.column("large")] == pytest.approx(expected, rel=1e-9)
    assert (moved.cost_usd[:, log.column("small")] == log.cost_usd[:, log.column("small")]).all()
    some = log.take(np.array([5, 3])).only(["large"])
    assert some.token_parts["cached_tokens"].shape == (2, 1)
    back = read(write(log, tmp_path / "again.parquet"))
    for name, values in log.token_parts.items():
        assert np.array_equal(back.token_parts[name], values)
    gone = RepricedWorld(drop=("large",)).log(log, Catalogue())
    assert not gone.token_parts["reasoning_tokens"][:, log.column("large")].any()


def test_new_prices_of_long_prompts_and_requests_change_costs_call_by_call(sample_log: Log):
    old = Model(input_usd_per_mtok=2.0, output_usd_per_mtok=8.0)
    at = sample_log.column("large")
    prompt, answer = (
        getattr(sample_log, it)[:, at] for it in ("prompt_tokens", "completion_tokens")
    )
    middle = int(np.nanmedian(prompt))
    new = Model(
        input_usd_per_mtok=1.0,
        output_usd_per_mtok=8.0,
        usd_per_request=0.01,
        tiers=(ContextTier(above_tokens=middle, input_usd_per_mtok=3.0),),
        dated=(
            DatedPrices(
                from_day=date(2026, 1, 1),
                input_usd_per_mtok=1.0,
                output_usd_per_mtok=8.0,
                usd_per_request=0.01,
                tiers=(ContextTier(above_tokens=middle, input_usd_per_mtok=3.0),),
            ),
        ),
    )
    logged = (prompt * 2.0 + answer * 8.0) / 1e6
    cost = sample_log.cost_usd.copy(order="F")
    cost[:, at] = logged
    log = replace(sample_log, cost_usd=cost)
    world = RepricedWorld(prices={"large": new}, price={"large": 2.0})
    known = Catalogue({"large": old})
    now = world.log(log, known).cost_usd[:, at]
    paid = (logged > 0) & ~log.error[:, at]
    assert paid.sum() > 1000
    each = np.where(prompt > middle, 3.0, 1.0)
    expected = 2.0 * ((prompt * each + answer * 8.0) / 1e6 + 0.01)
    assert now[paid] == pytest.approx(expected[paid], rel=1e-9)
    assert world.catalogue(known).model("large").cost_usd(middle + 1, 10) == pytest.approx(
        2.0 * (((middle + 1) * 3.0 + 80.0) / 1e6 + 0.01), rel=1e-9
    )


def test_a_model_that_is_gone_answers_nothing_and_is_no_candidate(policy, few: Log):
    gone = policy.policy.models_used[1]
    found = reprice(policy, few, RepricedWorld(drop=(gone,)))
    assert gone not in found.after.model_share
    assert sum(found.after.model_share.values()) == pytest.approx(1.0)
    names = {it.name for it in found.after.baselines}
    assert f"fixed:{gone}" not in names
    assert {"zero_router", "task_mean", "oracle"} <= names
    assert gone not in {name for it in found.escalations for name in (it.model, it.next_model)}
    assert found.retuned is not None
    assert gone not in found.retuned.figures.model_share
    assert all(gone not in str(it["policy"]) for it in found.retuned.front)
    zero = next(it for it in found.after.baselines if it.name == "zero_router")
    mine = next(it for it in found.retuned.figures.baselines if it.name == "fixed:frontier")
    theirs = next(it for it in found.after.baselines if it.name == "fixed:frontier")
    assert mine.quality == theirs.quality
    assert zero.quality == pytest.approx(found.after.quality - found.after.gain_vs_zero_router)


def test_a_policy_whose_only_model_is_gone_answers_nothing(tuned_few, few: Log, tmp_path):
    from routelab.policies import Fixed, to_wire
    from routelab.policy_file import write

    it = structs.replace(
        tuned_few.study and load(tuned_few.policy).document, policy=to_wire(Fixed("large"))
    )
    made = write(tmp_path / "x.policy", it, "# x\n")
    found = reprice(made, few, RepricedWorld(drop=("large",)), retune=False)
    assert found.after.quality == found.after.usd_per_1k == 0.0


def test_a_model_of_the_log_becomes_a_candidate(few: Log, tmp_path):
    some = tuple(name for name in few.models if name != "large")
    made = save(
        tune(few, Options(name="few", models=some, trials=5, policy="cascade")),
        tmp_path / "few.policy",
    )
    found = reprice(made, few, RepricedWorld(add=("large",)))
    assert found.before.model_share.keys() == set(some)
    assert found.after.quality == found.before.quality
    assert "fixed:large" in {it.name for it in found.after.baselines}
    assert found.retuned is not None
    assert "large" in found.retuned.figures.model_share


def test_half_the_latency_is_half_the_latency(policy, few: Log):
    half = dict.fromkeys(policy.document.candidates, 0.5)
    found = reprice(policy, few, RepricedWorld(latency=half), retune=False)
    assert found.after.latency_p95_s == pytest.approx(found.before.latency_p95_s / 2)
    assert found.after.usd_per_1k == found.before.usd_per_1k


def test_what_a_signal_costs_moves_with_its_model(policy, few: Log):
    extra = {"confidence": 0.5 * few.cost_usd}
    priced = replace(few, extra_usd=extra)
    moved = RepricedWorld(price={"large": 3.0}).log(priced, Catalogue())
    at = few.column("large")
    np.testing.assert_array_equal(
        moved.extra_usd["confidence"][:, at], 3 * extra["confidence"][:, at]
    )
    dear = run(policy.policy, moved).cost_usd
    assert (dear >= run(policy.policy, priced).cost_usd).all()


def test_bounds_that_nothing_meets_any_more_cost_only_the_retuning(few: Log, tmp_path):
    from routelab.tuning import Bounds

    options = Options(name="b", trials=5, bounds=Bounds(max_usd_per_1k=0.5), policy="cascade")
    made = save(tune(few, options), tmp_path / "b.policy")
    dearer = RepricedWorld(price=dict.fromkeys(few.models, 100.0))
    found = reprice(made, few, dearer)
    assert found.retuned is None
    assert "cannot be repeated: no policy costs 0.5 USD" in found.notes[0]
    assert found.verdict is not None
    assert found.verdict.word != "ship"


def test_everything_that_cannot_be_is_told_at_once(policy, few: Log):
    world = RepricedWorld(
        price={"large": -1.0, "nobody": 2.0},
        latency={"frontier": float("inf")},
        drop=("nobody", "small-8b", "medium-70b", "code-expert", "large"),
        add=("frontier",),
        prices={"stranger": Model()},
    )
    with pytest.raises(TuningError) as caught:
        reprice(policy, few, world)
    said = str(caught.value)
    for words in (
        "`price` large=-1", "`price` nobody: is no candidate", "`latency` frontier=inf",
        "`drop` nobody", "`add` frontier: is a candidate",
        "`prices`: lists none", "fewer than two candidates",
    ):  # fmt: skip
        assert words in said
    with pytest.raises(TuningError, match=r"`add` somebody: .* has no such model"):
        RepricedWorld(add=("somebody",)).check(few, policy.document.candidates)
