"""Every entry: the same request gets the same decision, answer and failure, and they are the
replay's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from entries_world import ANSWERING, DECIDING
from serve_world import CASCADE, asking, prompt

from routelab.policies import Fixed
from routelab.replay import decide

POLICIES = {"cascade": CASCADE, "small": Fixed("small-8b"), "large": Fixed("frontier")}
ROWS = range(10)


@pytest.mark.parametrize("entry", ANSWERING)
@pytest.mark.parametrize("policy", ["cascade", "large"])
def test_an_answer_is_the_replays(gateway, world, entry, policy, tmp_path):
    log = world.log
    for row in ROWS:
        key, body = str(log.requests.id[row]), asking(prompt(log, row), model=f"routelab/{policy}")
        told = ANSWERING[entry](gateway, body, key, tmp_path)
        expected = decide(POLICIES[policy], log, row)
        (text,) = log.texts.responses(np.array([row]), expected.answer.model)
        assert told.code is None
        assert told.calls == expected.models
        assert math.isclose(told.cost_usd, expected.cost_usd, rel_tol=1e-12)
        assert told.choices[0]["message"]["content"] == text
        assert told.policy == policy


FAILURES = {
    "invalid_value": {"messages": [{"role": "boss", "content": "a"}]},
    "model_not_found": {"messages": "a", "model": "routelab/nobody"},
    "no_model_allowed": {"messages": "a", "model": "routelab/large", "needs": ["teleport"]},
    "no_model_answered": {"messages": "not in the log", "model": "routelab/large"},
}


@pytest.mark.parametrize("entry", ANSWERING)
@pytest.mark.parametrize("code", FAILURES)
def test_a_failure_has_the_same_code(gateway, entry, code, tmp_path):
    assert ANSWERING[entry](gateway, FAILURES[code], f"{entry}-{code}", tmp_path).code == code
    assert not gateway.service.gateway.under_way


@pytest.mark.parametrize("entry", ANSWERING)
def test_a_request_is_remembered_once_by_its_id(gateway, world, entry, tmp_path):
    body = asking(prompt(world.log, 1), model="routelab/small")
    before = gateway.service.metrics.snapshot().requests.count
    ANSWERING[entry](gateway, body, f"{entry}-once", tmp_path)
    assert gateway.service.metrics.snapshot().requests.count == before + 1
    known = gateway.service.memory.find(f"{entry}-once")
    assert known.models == ("small-8b",)
    assert known.policy == gateway.service.files["small"].digest


@pytest.mark.parametrize("entry", DECIDING)
@pytest.mark.parametrize("policy", POLICIES)
def test_a_decision_alone_is_the_replays(gateway, world, entry, policy):
    for row in ROWS:
        calls = DECIDING[entry](gateway, world.log, row, policy)
        assert calls == decide(POLICIES[policy], world.log, row).models
