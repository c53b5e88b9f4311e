"""A change of policy, against counting request by request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError
from routelab.logs import Log
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import PolicyFile, load, write
from routelab.replay import decide, evaluate, study_ground
from routelab.replay.diff import EXAMPLES, diff
from routelab.replay.evaluate import Named
from routelab.replay.settings import settings
from routelab.tuning import Options, tune
from routelab.tuning.export import save


@pytest.fixture(scope="module")
def old(tuned) -> PolicyFile:
    return load(tuned.policy)


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


def test_a_policy_does_not_differ_from_itself(old, sample_log: Log):
    found = diff(old, old, sample_log)
    assert found.settings == found.moves == found.examples == found.notes == ()
    assert found.changed == found.rebilled == found.latency_p95_s == 0
    for change in (found.quality, found.usd_per_1k, found.gain, *(t.quality for t in found.tasks)):
        assert (change.value, *change.ci) == (0, 0, 0)
    assert found.old == found.new


def test_figures_are_those_of_the_study_to_the_last_digit(old, tuned, changed, sample_log: Log):
    new = changed(lower(old.policy))
    found = diff(old, new, sample_log)
    assert found.old == tuned.study.figures
    again = study_ground(new.document, sample_log, "test", scoring=new.scoring)
    assert found.new == evaluate(again, [Named("new", new.policy)])[0]
    assert found.quality.value == pytest.approx(found.new.quality - found.old.quality, abs=1e-12)
    assert found.quality.ci[0] <= found.quality.value <= found.quality.ci[1]


def test_shares_and_moves_are_what_counting_one_by_one_gives(old, changed, sample_log: Log):
    new = changed(lower(old.policy))
    found = diff(old, new, sample_log)
    log = study_ground(old.document, sample_log, "test").log
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
    parts = sum(it.n_requests * it.usd_per_1k.value for it in found.tasks)
    assert parts / len(log) == pytest.approx(found.usd_per_1k.value)
    assert sum(it.n_requests for it in found.tasks) == len(log)


def test_examples_are_changed_requests_with_losses_first(old, changed, sample_log: Log):
    found = diff(old, changed(Fixed(old.document.candidates[0])), sample_log)
    assert len(found.examples) == EXAMPLES
    assert all(it.old != it.new == old.document.candidates[0] for it in found.examples)
    losses = [it.quality for it in found.examples[: EXAMPLES // 2]]
    assert losses == sorted(losses)
    assert losses[0] == -1
    assert len({it.id for it in found.examples}) == EXAMPLES


def test_settings_are_named_by_model_and_place(old, changed, sample_log: Log):
    signals = {"confidence": SignalSpec(multiplier=2.0)}
    new = changed(lower(old.policy), signals=signals, seed=3)
    found = diff(old, new, sample_log)
    moved = {it.place: (it.old, it.new) for it in found.settings}
    first = old.policy.models[0]
    assert moved[f"thresholds[{first}]"] == (
        old.policy.thresholds[0], new.policy.thresholds[0],
    )  # fmt: skip
    assert moved["seed"] == (0, 3)
    assert moved["signals.confidence.multiplier"][1] == 2.0
    assert "models" not in moved
    assert "both are charged for it as 'new' says" in found.notes[0]


def test_another_kind_changes_every_setting_of_its_own(old, changed, sample_log: Log):
    found = diff(old, changed(Fixed("frontier")), sample_log)
    moved = {it.place: (it.old, it.new) for it in found.settings}
    assert moved["kind"] == ("cascade", "fixed")
    assert moved["model"] == (None, "frontier")
    assert moved["models"][1] is None


@pytest.fixture(scope="module")
def other_cut(sample_log: Log, tmp_path_factory) -> list[PolicyFile]:
    """Two policies of one log without times, split at random with two seeds."""
    log = untimed(sample_log)
    folder = tmp_path_factory.mktemp("cuts")
    return [
        save(tune(log, Options(name=f"s{seed}", seed=seed, trials=3)), folder / f"s{seed}.policy")
        for seed in (0, 1)
    ]


def untimed(log: Log) -> Log:
    few = log.take(np.arange(900))
    return replace(few, path=None, requests=replace(few.requests, timestamp_s=None))


def test_policies_that_cut_the_log_differently_are_refused_with_a_way_out(other_cut, sample_log):
    with pytest.raises(LogError, match=r"cut this log differently.*--split unseen"):
        diff(*other_cut, untimed(sample_log))


def test_unseen_requests_are_in_the_test_parts_of_both(other_cut, sample_log: Log):
    log = untimed(sample_log)
    found = diff(*other_cut, log, "unseen")
    parts = [set(study_ground(it.document, log, "test").log.requests.id) for it in other_cut]
    assert found.n_requests == len(parts[0] & parts[1]) > 0
    assert found.notes == ()
    whole = diff(*other_cut, log, "all")
    assert whole.n_requests == len(log)
    assert "look better than they are" in whole.notes[0]


def test_a_policy_of_another_log_is_compared_with_a_word_of_warning(other_cut, old, sample_log):
    found = diff(old, other_cut[0], untimed(sample_log))
    assert "'sample' was not tuned on this log" in found.notes[0]
    assert found.part == "test"


def test_a_log_of_neither_is_compared_whole_or_not_at_all(other_cut, sample_log: Log):
    rest = sample_log.take(np.arange(2000, 2400))
    with pytest.raises(LogError, match=r"neither policy was tuned on this log.*--split all"):
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
        "scorers": ["cost", "gain"], "weights": "ab" * 8,
    }  # fmt: skip
    assert settings(scored, scored) == ()
