"""A recorded study's parts are found again in its own log, and refused in any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from replay_world import CASCADE, MODELS, logged, tuned_on

from routelab.core.signal_spec import SignalSpec
from routelab.errors import LogError
from routelab.logs.model.log import Requests
from routelab.logs.model.splits import PARTS, split
from routelab.replay import NamedPolicy, evaluate, study_rows


@pytest.mark.parametrize("times", [True, False])
@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_the_studys_own_to_the_last_figure(part, times):
    log = logged(400, task=True, times=times)
    document = tuned_on(log)
    again = study_rows(document, logged(400, task=True, times=times), part)
    rows = split(log).rows(part)
    assert again.log.requests.id.tolist() == log.requests.id[rows].tolist()
    first = study_rows(document, log, part)
    policies = [NamedPolicy("tuned", CASCADE)]
    assert evaluate(again, policies) == evaluate(first, policies)
    assert again.part == part


def test_the_recorded_seed_and_grouping_are_used_again():
    log = logged(600, task=True)
    document = tuned_on(log, split_seed=5, group="id", seed=9)
    test = study_rows(document, log, "test")
    rows = split(log, seed=5, group="id").rows("test")
    assert test.log.requests.id.tolist() == log.requests.id[rows].tolist()
    assert test.seed == 9


def test_baselines_learn_on_the_same_log_only_and_on_nothing_of_test():
    log, other = logged(300, task=True), logged(300, seed=1, task=True)
    document = tuned_on(log)
    reference = study_rows(document, log, "test").reference
    assert reference is not None
    others = np.setdiff1d(np.arange(300), split(log).rows("test"))
    assert reference.requests.id.tolist() == log.requests.id[others].tolist()
    assert study_rows(document, other, "all").reference is None


@pytest.mark.parametrize("part", PARTS)
def test_a_part_of_another_log_is_refused_with_the_way_out(part):
    document = tuned_on(logged(300))
    for other in (logged(300, seed=1), logged(299)):
        with pytest.raises(LogError, match=rf"not the log.*'tuned'.*no {part} part.*`part='all'`"):
            study_rows(document, other, part)


OTHERS = {
    "other requests": {},
    "no prompts": {"prompts": False},
    "timestamps": {"times": True},
    "tasks": {"task": True},
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("n", [2, 120])
def test_the_whole_of_any_log_can_be_replayed(other, n):
    document = tuned_on(logged(300))
    log = logged(n, seed=7, **OTHERS[other])
    found = study_rows(document, log, "all")
    assert found.log.requests.id.tolist() == log.requests.id.tolist()


def test_a_log_without_the_recorded_group_column_can_be_replayed_whole():
    log = logged(300)
    grouped = replace(log, requests=Requests(id=log.requests.id, group=log.requests.id))
    document = tuned_on(grouped)
    assert document.split is not None
    assert document.split.group == "group"
    assert len(study_rows(document, logged(50, seed=3), "all").log) == 50
    with pytest.raises(LogError, match="no group column"):
        study_rows(document, logged(50, seed=3), "test")


def test_a_policy_without_a_split_is_replayed_whole_only():
    document = tuned_on(logged(300))
    document = type(document)(**{**structured(document), "split": None})
    assert len(study_rows(document, logged(40), "all").log) == 40
    with pytest.raises(LogError, match="records no split; use `part='all'`"):
        study_rows(document, logged(40), "test")


def structured(document):
    return {name: getattr(document, name) for name in document.__struct_fields__}


def test_an_unknown_part_is_told_with_the_known_ones():
    with pytest.raises(LogError, match=r"'exam'; choose train, tune, calibrate, test or all"):
        study_rows(tuned_on(logged(100)), logged(100), "exam")


def test_signals_cost_what_the_policy_says_whatever_the_log_says():
    log = logged(200)
    document = tuned_on(log)
    cheap = replace(log, specs={"sure": SignalSpec(multiplier=1.0)})
    one = study_rows(document, log, "test").replay(CASCADE)
    other = study_rows(document, cheap, "test").replay(CASCADE)
    assert np.array_equal(one.cost_usd, other.cost_usd)


def test_only_candidates_take_part():
    document = tuned_on(logged(300), candidates=("large", "small"))
    found = study_rows(document, logged(300), "test")
    assert found.models == ("large", "small")
    assert set(found.models) < set(MODELS)
