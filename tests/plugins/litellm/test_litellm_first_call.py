"""A policy that decides ahead calls what the replay says, and one that cannot is refused."""

from __future__ import annotations

import pytest
from litellm_world import DRAWN, drawn_policy
from serve_world import CASCADE, saved

from routelab.core import Request
from routelab.errors import NoModelError, PolicyError
from routelab.plugins.litellm import FirstCallDecider
from routelab.plugins.litellm.first_call import routing_decision
from routelab.policies import Fixed, Parallel
from routelab.policy_file import load
from routelab.replay import decide


@pytest.fixture(scope="module")
def decider(sample_log, tmp_path_factory):
    path = drawn_policy(tmp_path_factory.mktemp("drawn"), sample_log.catalogue)
    return FirstCallDecider(load(path))


def request(log, row):
    (text,) = log.texts.prompts([row])
    return Request(str(log.requests.id[row]), ({"role": "user", "content": text},))


def test_the_call_is_the_replays_with_its_propensity(decider, sample_log):
    drawn = set()
    for row in range(40):
        call = decider.decide(request(sample_log, row))
        expected = decide(DRAWN, sample_log, row)
        assert (call.model,) == expected.models
        assert call.propensity == expected.choices[0].propensity
        assert call.choices[0]["index"] == expected.choices[0].index
        drawn.add((call.model, call.propensity))
    assert drawn == {("small-8b", 0.25), ("frontier", 0.75)}


def test_a_tuned_policy_tells_its_scores(decider, sample_log):
    call = decider.decide(request(sample_log, 0))
    decision = routing_decision(call, "gpt-small")
    assert decision["routed_model"] == "gpt-small"
    assert decision["router_config_fingerprint"] == decider.file.digest
    assert decision["routelab"]["model"] == call.model
    scored = type(call)(
        "r", "p", "0", "a", 1.0, scores={"quality": {"a": 0.5, "b": 0.25}}, margin=0.25
    )
    decision = routing_decision(scored, "a")
    assert decision["score"] == 0.5
    assert decision["classifier_probabilities"] == {"a": 0.5, "b": 0.25}
    assert decision["routelab"]["margin"] == 0.25


def test_what_looks_at_answers_is_refused(sample_log, tmp_path):
    path = saved(tmp_path / "cascade.policy", CASCADE, sample_log.catalogue)
    with pytest.raises(PolicyError, match="confidence signals, and LiteLLM asks before the first"):
        FirstCallDecider(load(path))


def test_several_calls_at_once_are_refused(sample_log, tmp_path):
    both = Parallel(models=("small-8b", "frontier"))
    path = saved(tmp_path / "both.policy", both, sample_log.catalogue)
    with pytest.raises(PolicyError, match="2 calls at once"):
        FirstCallDecider(load(path)).decide(Request("r"))


def test_a_need_that_nobody_has(sample_log, tmp_path):
    path = saved(tmp_path / "one.policy", Fixed("frontier"), sample_log.catalogue)
    with pytest.raises(NoModelError):
        FirstCallDecider(load(path)).decide(Request("r", needs=("teleport",)))
