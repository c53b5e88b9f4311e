"""Records of LiteLLM become lines of a decision log, or are left out for a reason."""

from __future__ import annotations

import math

import pytest
from litellm_world import payload

from routelab.plugins.litellm import FirstCall, UnfitTrafficError, answered_request, failed_request
from routelab.plugins.litellm.first_call import routing_decision
from routelab.runtime.journal.entry import record, record_line

CALL = FirstCall(
    request_id="row-7",
    policy="mine",
    policy_sha256="a" * 64,
    model="small-8b",
    propensity=0.25,
    choices=({"name": "mixture", "index": 0, "propensity": 0.25},),
    scores={"quality": {"small-8b": 0.5}},
)
DECIDED = {"routing_decision": {"router_model_name": "routelab", **routing_decision(CALL, "gpt")}}


def test_a_request_of_ours():
    found = answered_request(
        payload(model_group="routelab", metadata=DECIDED),
        {"deployment_model_name": "gpt"},
        {"gpt": "small-8b"},
    )
    assert found.request.id == "row-7"
    assert found.policy == CALL.policy_sha256
    assert found.answer.model == "small-8b"
    (step,) = found.steps
    assert (step.call.model, step.propensity) == ("small-8b", 0.25)
    assert step.feedback.text == "Four."
    assert (found.cost_usd, found.latency_s, found.timestamp_s) == (0.25, 2.0, 102.0)
    assert found.choices[0].propensity == 0.25
    assert dict(found.scores[0].values) == {"small-8b": 0.5}
    assert record_line(record(found, texts=True))


def test_a_request_of_nobodys():
    found = answered_request(payload(), {"task": "sums"})
    assert (found.policy, found.request.id, found.request.tenant) == ("litellm", "call-1", "search")
    assert found.request.task == "sums"
    assert found.steps[0].propensity == 1.0
    assert math.isnan(found.steps[0].feedback.attempts[0].first_token_s)
    streamed = answered_request(payload(stream=True), {})
    assert streamed.steps[0].feedback.attempts[0].first_token_s == 0.5


def test_a_fallback_answered_after_attempts_that_are_told_twice():
    failed = {
        "model_group": "small-8b",
        "deployment_id": "d",
        "exception_type": "RateLimitError",
        "exception_string": "secret",
    }
    tried = [{**failed, "attempted_retries": it} for it in (0, 1, 1)]
    found = answered_request(
        payload(model_group="frontier"),
        {
            "deployment_model_name": "frontier",
            "original_model_group": "small-8b",
            "attempted_fallbacks": 1,
            "previous_models": tried,
        },
    )
    (step,) = found.steps
    assert step.call.model == "small-8b"
    assert found.answer.model == "frontier"
    errors = [it.error for it in step.feedback.attempts]
    assert errors == ["RateLimitError", "RateLimitError", None]
    assert b"secret" not in record_line(record(found, texts=True))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"call_type": "aembedding"}, "no chat"),
        ({"cache_hit": "True"}, "cache"),
        ({"metadata": {"is_silent_experiment": True}}, "shadow"),
        ({"metadata": {"routing_decision": {"cause": "bandit"}}}, "drawn"),
    ],
)
def test_what_would_mislead_is_left_out(more, reason):
    with pytest.raises(UnfitTrafficError, match=reason):
        answered_request(payload(**more), {})


@pytest.mark.parametrize("map_value", [None, {"input_cost_per_token": 0.0}])
def test_a_price_that_is_not_known_is_no_price_of_zero(map_value):
    more = {"response_cost": 0.0, "model_map_information": {"model_map_value": map_value}}
    found = answered_request(payload(**more), {})
    assert math.isnan(found.cost_usd) is (map_value is None)
    assert bool(found.steps[0].feedback.notes) is (map_value is None)


@pytest.mark.parametrize("messages", [[{"role": "user", "content": "redacted-by-litellm"}], {}, []])
def test_redacted_messages_are_no_prompt(messages):
    assert answered_request(payload(messages=messages), {}).request.messages is None


def test_what_the_proxy_gave_up():
    data = {
        "messages": [{"role": "user", "content": "a"}],
        "litellm_call_id": "call-9",
        "metadata": {"model_group": "routelab", **DECIDED},
    }
    found = failed_request(data, TimeoutError("secret"), 5.0)
    assert (found.status, found.error, found.request.id) == ("failed", "TimeoutError", "row-7")
    assert found.steps[0].propensity == 0.25
    assert b"secret" not in record_line(record(found))
    with pytest.raises(UnfitTrafficError, match="never came"):
        failed_request({**data, "metadata": {}}, TimeoutError(), 5.0)
