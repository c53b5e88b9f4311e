"""A change of policy, against counting request by request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from replay_world import logged, whole
from scipy.stats import binom
from scipy.stats import t as student_t

from routelab.core.admission import CallEstimate
from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError
from routelab.logs import Log
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import PolicyFile, load, write
from routelab.replay import decide, evaluate, study_rows
from routelab.replay.breakdown import cell_changes
from routelab.replay.breakdown.clusters import student_p
from routelab.replay.diff import EXAMPLES, diff, proved_changes
from routelab.replay.evaluate import NamedPolicy
from routelab.replay.settings import settings
from routelab.tuning import Options, tune
from routelab.tuning.study.export import save


@pytest.fixture(scope="module")
def old(tuned_few) -> PolicyFile:
    return load(tuned_few.policy)


@pytest.fixture
def changed(old: PolicyFile, tmp_path):
    """Writes the study's policy with some of its document changed."""

    def made(policy=None, **changes) -> PolicyFile:
        policy = policy or old.policy
        it = structs.replace(old.document, name="new", policy=to_wire(policy), **changes)
        return write(tmp_path / "new.policy", it, "# x\n")

    return made


def lower(policy: Cascade, by: float = 0.1) -> Cascade:
    return structs.replace(policy, thresholds=tuple(it - by for it in policy.thresholds))


def test_a_policy_does_not_differ_from_itself(old, few: Log):
    found = diff(old, old, few)
    assert found.settings == found.moves == found.examples == found.notes == ()
    assert found.changed == found.rebilled == found.latency_p95_s == 0
    for change in (found.quality, found.usd_per_1k, found.gain, *(t.quality for t in found.tasks)):
        assert (change.value, *change.ci) == (0, 0, 0)
    assert found.old == found.new


def test_what_is_read_of_messages_and_a_price_of_nothing_are_differences(old, changed):
    models = dict(old.document.catalogue.models)
    free = structs.replace(models["frontier"], input_usd_per_mtok=0.0)
    none = structs.replace(models["frontier"], input_usd_per_mtok=None)
    one, other = (
        changed(
            catalogue=structs.replace(old.document.catalogue, models={**models, "frontier": it}),
            reads=reads,
        )
        for it, reads in ((free, "last_turn"), (none, "conversation"))
    )
    found = {it.place: (it.old, it.new) for it in settings(one.document, other.document)}
    assert found == {
        "reads": ("last_turn", "conversation"),
        "prices.frontier.input_usd_per_mtok": (0.0, None),
    }


def test_what_models_can_do_and_are_expected_to_take_are_differences(old, changed):
    models, name = dict(old.document.catalogue.models), "frontier"
    one, other = (
        changed(
            catalogue=structs.replace(
                old.document.catalogue,
                models={**models, name: structs.replace(models[name], **fields)},
            ),
            estimates={name: CallEstimate(cost_usd=usd, latency_s=2.0)},
        )
        for usd, fields in (
            (0.001, {"capabilities": ("tools", "json"), "context_window": 9000}),
            (0.002, {"capabilities": (), "context_window": None, "fallbacks": ("small-8b",)}),
        )
    )
    found = {it.place: (it.old, it.new) for it in settings(one.document, other.document)}
    assert found == {
        "capabilities.frontier": ("json, tools", "none"),
        "context_window.frontier": (9000, None),
        "fallbacks.frontier": (None, ["small-8b"]),
        "estimates.frontier.cost_usd": (0.001, 0.002),
    }


def test_figures_are_those_of_the_study_to_the_last_digit(old, tuned_few, changed, few: Log):
    new = changed(lower(old.policy))
    found = diff(old, new, few)
    assert found.old == tuned_few.study.figures
    again = study_rows(new.document, few, "test", scoring=new.scoring)
    assert found.new == evaluate(again, [NamedPolicy("new", new.policy)])[0]
    assert found.quality.value == pytest.approx(found.new.quality - found.old.quality, abs=1e-12)
    assert found.quality.ci[0] <= found.quality.value <= found.quality.ci[1]


def test_shares_and_moves_are_what_counting_one_by_one_gives(old, changed, few: Log):
    new = changed(lower(old.policy))
    found = diff(old, new, few)
    log = study_rows(old.document, few, "test").log
    pairs = [
        [decide(it.policy, log, row, catalogue=it.document.catalogue) for it in (old, new)]
        for row in range(len(log))
    ]
    moved = [(a.answer.model, b.answer.model) for a, b in pairs if a.answer.model != b.answer.model]
    assert found.changed == len(moved) / len(log)
    assert {(it.old, it.new): it.n_requests for it in found.moves} == {
        pair: moved.count(pair) for pair in moved
    }
    same = [a.cost_usd != b.cost_usd for a, b in pairs if a.answer.model == b.answer.model]
    assert found.rebilled == sum(same) / len(log)
    usd = sum(b.cost_usd - a.cost_usd for a, b in pairs) / len(log)
    assert found.usd_per_1k.value == pytest.approx(1000 * usd)
    assert found.small_tasks == found.small_requests == 0
    parts = sum(it.n_requests * it.usd_per_1k.value for it in found.tasks)
    assert parts / len(log) == pytest.approx(found.usd_per_1k.value)
    assert sum(it.n_requests for it in found.tasks) == len(log)
    weights = [it.n_requests * abs(it.quality.value) for it in found.tasks]
    assert weights == sorted(weights, reverse=True)


def test_tasks_of_few_requests_are_counted_and_no_interval_leaves_what_can_be(
    tuned, changed, sample_log: Log
):
    """A task for every few requests: most hold one or two, some more than five."""
    old = load(tuned.policy)
    test = study_rows(old.document, sample_log, "test").log
    sizes = np.random.default_rng(0).integers(1, 12, len(test))
    dealt = np.repeat(np.arange(len(test)), sizes)[: len(test)]
    ids = dict(zip(test.requests.id.tolist(), dealt.tolist(), strict=True))
    names = [f"t{ids.get(it, 'rest')}" for it in sample_log.requests.id.tolist()]
    log = replace(sample_log, requests=replace(sample_log.requests, task=np.array(names, object)))
    found = diff(old, changed(Fixed(old.document.candidates[0])), log)
    assert found.small_tasks > 10
    assert found.small_requests + sum(it.n_requests for it in found.tasks) == len(test)
    assert all(it.n_requests >= 5 for it in found.tasks)
    for it in found.tasks:
        assert -1 <= it.quality.ci[0] <= it.quality.value <= it.quality.ci[1] <= 1
        if it.quality.joint_ci is not None:
            assert it.quality.joint_ci[0] <= it.quality.ci[0]
            assert it.quality.ci[1] <= it.quality.joint_ci[1]
    assert any(it.quality.joint_ci is None for it in found.tasks if it.n_requests < 10)


HEAVY = {
    "light": lambda rng, n: rng.uniform(0.8, 1.2, n),
    "heavy": lambda rng, n: rng.lognormal(-2.0, 2.0, n),
}


@pytest.mark.parametrize("times", [20, pytest.param(40, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("tail", "tasks", "each"), [("light", 6, 40), ("heavy", 6, 80)])
def test_nothing_is_beyond_chance_where_only_chance_changed_tasks(tail, tasks, each, times):
    """Four in ten requests cost a little more, one in ten much less, and nothing on average."""
    named = alone = 0
    cells = np.repeat(np.arange(tasks), each)
    for seed in range(times):
        rng = np.random.default_rng(seed)
        n = tasks * each
        cost = np.array([1.0, 5.0, 6.0]) * HEAVY[tail](rng, n)[:, None]
        log = logged(n, seed=seed, cost_usd=cost, quality=(rng.random((n, 3)) < 0.7).astype(float))
        here = whole(log)
        luck = rng.random(n)
        model = np.select([luck < 0.4, luck < 0.5], [2, 0], 1)
        before = here.fixed()[1]
        rows = np.arange(n)
        after = replace(before, quality=log.quality[rows, model], cost_usd=cost[rows, model])
        pairs = cell_changes(here, before, after, cells, range(tasks))
        found = [it for pair in pairs for it in pair]
        named += any(it.joint[0] > 0 or it.joint[1] < 0 for it in found)
        alone += any(it.ends[0] > 0 or it.ends[1] < 0 for it in found)
    assert binom.sf(named - 1, times, 0.05) > 1e-3
    assert alone > named


def test_what_changes_a_task_for_sure_is_named(old, changed, few: Log):
    found = proved_changes(diff(old, changed(Fixed(old.document.candidates[0])), few).tasks)
    assert found.worse
    assert found.cheaper
    assert found.better == found.dearer == ()


@given(st.floats(-5, 5), st.floats(0.01, 10), st.one_of(st.integers(1, 40), st.integers(41, 3000)))
def test_p_values_are_those_of_students_t(mean, error, freedom):
    exact = 2 * student_t.sf(abs(mean) / error, freedom)
    assert student_p(mean, error, freedom) == pytest.approx(exact, abs=1e-10)


def test_examples_are_changed_requests_with_losses_first(old, changed, few: Log):
    other = next(it for it in old.document.candidates if it not in old.policy.models)
    found = diff(old, changed(Fixed(other)), few)
    assert len(found.examples) == EXAMPLES
    assert all(it.old != it.new == other for it in found.examples)
    losses = [it.quality for it in found.examples[: EXAMPLES // 2]]
    assert losses == sorted(losses)
    assert losses[0] == -1
    assert len({it.id for it in found.examples}) == EXAMPLES


def test_settings_are_named_by_model_and_place(old, changed, few: Log):
    signals = {"confidence": SignalSpec(multiplier=2.0)}
    new = changed(lower(old.policy), signals=signals, seed=3)
    found = diff(old, new, few)
    moved = {it.place: (it.old, it.new) for it in found.settings}
    first = old.policy.models[0]
    assert moved[f"thresholds[{first}]"] == (
        old.policy.thresholds[0], new.policy.thresholds[0],
    )  # fmt: skip
    assert moved["seed"] == (0, 3)
    assert moved["signals.confidence.multiplier"][1] == 2.0
    assert "models" not in moved
    assert "both are charged for it as 'new' says" in found.notes[0]


def test_another_kind_changes_every_setting_of_its_own(old, changed, few: Log):
    found = diff(old, changed(Fixed("frontier")), few)
    moved = {it.place: (it.old, it.new) for it in found.settings}
    assert moved["kind"] == ("cascade", "fixed")
    first = old.policy.models[0]
    assert moved["routes"][0].startswith(f"Ask {first}; keep its answer if confidence ≥")
    assert moved["routes"][1] == "Send every request to frontier."
    assert not {"model", "models", "thresholds"} & moved.keys()


@pytest.fixture(scope="module")
def other_cut(sample_log: Log, tmp_path_factory) -> list[PolicyFile]:
    """Two policies of one log without times, split at random with two seeds."""
    log = untimed(sample_log)
    folder = tmp_path_factory.mktemp("cuts")
    return [
        save(
            tune(log, Options(name=f"s{seed}", seed=seed, trials=3, policy="cascade")),
            folder / f"s{seed}.policy",
        )
        for seed in (0, 1)
    ]


def untimed(log: Log) -> Log:
    few = log.take(np.arange(900))
    return replace(few, path=None, requests=replace(few.requests, timestamp_s=None))


def test_policies_that_cut_the_log_differently_are_refused_with_a_way_out(other_cut, sample_log):
    with pytest.raises(LogError, match=r"cut this log differently.*`part='unseen'`"):
        diff(*other_cut, untimed(sample_log))


def test_unseen_requests_are_in_the_test_parts_of_both(other_cut, sample_log: Log):
    log = untimed(sample_log)
    found = diff(*other_cut, log, "unseen")
    parts = [set(study_rows(it.document, log, "test").log.requests.id) for it in other_cut]
    assert found.n_requests == len(parts[0] & parts[1]) > 0
    assert found.notes == ()
    whole = diff(*other_cut, log, "all")
    assert whole.n_requests == len(log)
    assert "look better than they are" in whole.notes[0]


def test_a_policy_of_another_log_is_compared_with_a_word_of_warning(other_cut, old, sample_log):
    found = diff(old, other_cut[0], untimed(sample_log))
    assert "'few' was not tuned on this log" in found.notes[0]
    assert found.part == "test"


def test_a_log_of_neither_is_compared_whole_or_not_at_all(other_cut, sample_log: Log):
    rest = sample_log.take(np.arange(2000, 2400))
    with pytest.raises(LogError, match=r"neither policy was tuned on this log.*`part='all'`"):
        diff(*other_cut, rest)
    assert diff(*other_cut, rest, "all").n_requests == 400
    with pytest.raises(LogError, match=r"unknown part 'half'.*unseen"):
        diff(*other_cut, rest, "half")


def test_scorers_fitted_anew_are_told_by_their_weights(old, sample_log: Log):
    fitted = old.document
    scored = structs.replace(
        fitted, scorers={"gain": {}, "cost": {}}, files={"weights.safetensors": "ab" * 32}
    )
    again = structs.replace(scored, files={"weights.safetensors": "cd" * 32})
    assert [it.place for it in settings(scored, again)] == ["weights"]
    assert {it.place: it.new for it in settings(fitted, scored)} == {
        "scorers": ["cost", "gain"], "weights": f"SHA-256 {'ab' * 8}",
    }  # fmt: skip
    assert settings(scored, scored) == ()
