"""Decisions alone: the same as the router's, turn by turn, with their propensity and record."""

from __future__ import annotations

import json
import time

import pytest
from serve_world import CASCADE, MODELS, asking, decisions, listed, prompt, running, saved

from routelab.core.catalogue import pointed_at
from routelab.gates import Length
from routelab.logs import read
from routelab.policies import Fixed, Gated, Mixture
from routelab.replay import decide
from routelab.serve import ServeConfig


def posted(gateway, address, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return gateway.client.post(address, json=body, headers=named)


def outcome(log, row, call):
    """What the log knows of a call."""
    column = log.models.index(call)
    return {
        "signals": {"confidence": float(log.signals["confidence"][row, column])},
        "cost_usd": float(log.cost_usd[row, column]),
        "latency_s": float(log.latency_s[row, column]),
    }


def test_a_decision_goes_on_with_a_token_to_where_the_replay_ends(gateway, world):
    log = world.log
    for row in range(12):
        key = str(log.requests.id[row])
        request = {**asking(prompt(log, row)), "model": "routelab/cascade"}
        body, calls = {"input_format": "openai_chat", "request": request}, []
        while True:
            reply = posted(gateway, "/v1/decision", body, x_request_id=key)
            said = reply.json()
            if said["routelab"]["action"] == "deliver":
                break
            (call,) = said["routelab"]["calls"]
            calls.append(call["model"])
            assert said["selected"]["target"] == said["selected"]["model"] == call["model"]
            assert said["selected"]["llm_client"]["format"] == "openai_chat"
            if call["final"]:
                assert "token" not in said["routelab"]
                break
            body = {
                **body,
                "token": said["routelab"]["token"],
                "outcomes": [outcome(log, row, call["model"])],
            }
        expected = decide(CASCADE, log, row)
        assert calls == list(expected.models)
        assert reply.headers["x-routelab-decision"] == key
        assert said["routelab"]["policy_sha256"] == gateway.service.files["cascade"].digest


def test_answers_themselves_may_be_reported(gateway, world):
    log, row = world.log, 3
    request = {**asking(prompt(log, row)), "model": "routelab/cascade"}
    first = posted(gateway, "/v1/decision", {"request": request}).json()["routelab"]
    answered = gateway.chat({**request, "model": "routelab/small"}).json()
    answered["routelab"] = {"signals": {"confidence": 0.9}}
    body = {"request": request, "token": first["token"], "outcomes": [{"response": answered}]}
    said = posted(gateway, "/v1/decision", body).json()
    assert said["routelab"]["deliver"] == {"call": 0, "model": "small-8b"}
    answered["routelab"] = {}  # without the signal it is not trusted
    said = posted(gateway, "/v1/decision", body).json()
    assert said["selected"]["target"] == "medium-70b"


@pytest.mark.parametrize(
    ("body", "param", "why"),
    [
        ({"request": 3, "input_format": "x", "y": 1}, "y", "openai_chat is what is read"),
        ({"request": {"messages": []}}, "messages", "at least one"),
        ({"request": {"messages": "a", "model": "routelab/cascade"}, "token": "x",
          "outcomes": [{"error": "x"}]}, "token", "send back the one"),
        ({"request": {"messages": "a"}, "token": "x"}, "outcomes", "belong together"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_question_is_told(gateway, body, param, why):
    reply = posted(gateway, "/v1/decision", body)
    assert reply.status_code == 400
    assert reply.json()["error"]["param"] == param
    assert why in reply.json()["error"]["message"]


def test_what_is_wrong_with_outcomes_is_told(gateway):
    request = {"messages": "a", "model": "routelab/cascade"}
    token = posted(gateway, "/v1/decision", {"request": request}).json()["routelab"]["token"]
    for outcomes, why in (
        ([], "an object for each call"),
        ([{"error": "x"}, {"error": "y"}], "2 are given for 1 calls"),
        ([{"cost_usd": -1, "latency_s": "x", "sygnals": {}}], "cost_usd=-1"),
        ([{}], "give response, signals or error"),
    ):
        body = {"request": request, "token": token, "outcomes": outcomes}
        reply = posted(gateway, "/v1/decision", body)
        assert reply.status_code == 400
        assert why in reply.json()["error"]["message"]
    body = {"request": request, "token": token, "outcomes": [{"error": "timeout"}]}
    assert posted(gateway, "/v1/decision", body).json()["selected"]["target"] == "medium-70b"


@pytest.fixture(scope="module")
def exploring(world, tmp_path_factory):
    """A gateway whose policy draws, another with gates, and the decision log."""
    folder = tmp_path_factory.mktemp("exploring")
    known = pointed_at("http://127.0.0.1:9/v1", MODELS, world.log.catalogue)
    drawing = Mixture(first=Fixed("small-8b"), second=Fixed("frontier"), weight=0.3)
    gated = Gated(policy=CASCADE, gates=(Length(least=20),))
    policies = [saved(folder / "drawn.policy", drawing, known)]
    policies.append(saved(folder / "gated.policy", gated, known))
    policies.append(world.policies["cascade"])
    config = ServeConfig(log=str(folder / "log"), default="drawn")
    with running(policies, listed(folder / "models.toml", known), config) as found:
        yield found, folder / "log", drawing


def test_a_route_has_the_propensity_and_the_policys_hash_and_its_outcome_is_logged(
    exploring, world
):
    gateway, folder, drawing = exploring
    log = world.log
    chances = {"small-8b": 0.3, "frontier": 0.7}
    drawn = {}
    for row in range(20):
        key = str(log.requests.id[row])
        said = posted(gateway, "/route", {"route_id": key}).json()
        drawn[key] = model = said["selected_roster_id"]
        assert model == decide(drawing, log, row).answer.model
        assert said["propensity"] == chances[model]
        assert said["policy_artifact_sha256"] == gateway.service.files["drawn"].digest
        assert said["policy_route_key"] == "drawn"
        done = posted(gateway, "/outcome", {"route_id": key, **outcome(log, row, model)})
        assert done.json() == {
            "route_id": key, "action": "deliver", "deliver": {"call": 0, "roster_id": model},
        }  # fmt: skip
        again = posted(gateway, "/outcome", {"route_id": key, **outcome(log, row, model)})
        assert again.status_code == 404
        joined = posted(gateway, "/feedback", {"route_id": key, "quality": 0.5})
        assert joined.json()["joined"]
    assert len(set(drawn.values())) == 2
    until = time.monotonic() + 10.0
    while len(decisions(folder)) < 40:
        assert time.monotonic() < until
        time.sleep(0.05)
    logged = {it["request_id"]: it for it in decisions(folder) if "steps" in it}
    assert {key: it["model"] for key, it in logged.items()} == drawn
    assert all(it["steps"][0]["propensity"] == chances[it["model"]] for it in logged.values())
    assert read(folder).requests.id.tolist() == list(drawn)
    assert gateway.service.metrics.snapshot().requests.count == 20


def test_candidates_narrow_what_may_be_called(exploring, world):
    gateway, _, _ = exploring
    only = {"candidates": [{"roster_id": "frontier"}, {"roster_id": "unheard-of"}]}
    said = posted(gateway, "/route", {"strategy": "cascade", **only}).json()
    assert said["selected_roster_id"] == "frontier"
    assert said["calls"][0]["final"]
    none = {"candidates": [{"roster_id": "unheard-of"}]}
    refused = posted(gateway, "/route", {"strategy": "cascade", **none})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "no_model_allowed")
    assert posted(gateway, "/route", {"candidates": [3]}).status_code == 400
    assert posted(gateway, "/route", {"strategy": "nobody"}).status_code == 404


def test_a_cascade_goes_on_from_its_outcomes_and_shadows_are_not_remembered(exploring, world):
    gateway, _, _ = exploring
    said = posted(gateway, "/route", {"route_id": "r", "strategy": "cascade"}).json()
    assert said["calls"] == [{"roster_id": "small-8b", "need": ["confidence"], "final": False}]
    unsure = {"route_id": "r", "signals": {"confidence": 0.1}, "cost_usd": 0.25}
    said = posted(gateway, "/outcome", unsure).json()
    assert said["selected_roster_id"] == "medium-70b"
    sure = {"route_id": "r", "signals": {"confidence": 0.8}, "cost_usd": 0.5}
    done = posted(gateway, "/outcome", sure).json()
    assert done["deliver"] == {"call": 1, "roster_id": "medium-70b"}
    shadow = {"route_id": "s", "strategy": "cascade", "execution_mode": "shadow"}
    assert posted(gateway, "/route", shadow).status_code == 200
    assert posted(gateway, "/outcome", {"route_id": "s", "error": "x"}).status_code == 404
    posted(gateway, "/route", {"route_id": "f"})
    failed = posted(gateway, "/outcome", {"route_id": "f", "error": "timeout", "cost_usd": 0.1})
    assert failed.json() == {"route_id": "f", "action": "fail"}


def test_gates_judge_what_is_reported(exploring, world):
    gateway, _, _ = exploring
    posted(gateway, "/route", {"route_id": "g", "strategy": "gated"})
    blind = posted(gateway, "/outcome", {"route_id": "g", "signals": {"confidence": 0.9}})
    assert blind.json()["error"]["code"] == "response_needed"

    def said(text):
        answer = {"choices": [{"message": {"role": "assistant", "content": text}}]}
        sure = {"signals": {"confidence": 0.9}}
        return posted(gateway, "/outcome", {"route_id": "g", "response": answer, **sure}).json()

    assert said("short")["selected_roster_id"] == "medium-70b"
    assert said("long enough to be let through")["action"] == "deliver"


def test_a_decision_is_ended_by_the_policy_that_began_it(world, tmp_path):
    known = pointed_at("http://127.0.0.1:9/v1", MODELS, world.log.catalogue)
    policy = saved(tmp_path / "p.policy", CASCADE, known)
    request = {"messages": "a"}
    config = ServeConfig(reload_s=0.0)
    with running([policy], listed(tmp_path / "models.toml", known), config) as gateway:
        first = posted(gateway, "/v1/decision", {"request": request}).json()["routelab"]
        saved(policy, Fixed("frontier"), known)
        assert gateway.reload()
        unsure = {"token": first["token"], "outcomes": [{"signals": {"confidence": 0.1}}]}
        said = posted(gateway, "/v1/decision", {"request": request, **unsure}).json()
        assert said["selected"]["target"] == "medium-70b"
        assert said["routelab"]["policy_sha256"] == first["policy_sha256"]
        fresh = posted(gateway, "/v1/decision", {"request": request}).json()
        assert fresh["selected"]["target"] == "frontier"
        for k in range(17):
            saved(policy, Fixed(MODELS[k % 3]), known)
            assert gateway.reload()
        stale = posted(gateway, "/v1/decision", {"request": request, **unsure})
        assert stale.json()["error"]["code"] == "policy_changed"


@pytest.mark.parametrize("name", ["cost_usd", "latency_s"])
@pytest.mark.parametrize("value", [-1, 1e10, 1e300])
def test_amounts_that_nobody_spends_are_refused(gateway, world, name, value):
    gateway.client.post("/route", json={"route_id": "much", "strategy": "small", "messages": "a"})
    body = json.dumps({"route_id": "much", "error": "x", name: value})
    reply = gateway.client.post("/outcome", content=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "outcomes")
    assert "0 to 1000000000" in reply.json()["error"]["message"]
