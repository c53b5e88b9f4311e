"""A router's config and a request's options: values that say what is wrong with them."""

from __future__ import annotations

import asyncio
import math
import random
from dataclasses import FrozenInstanceError, fields, replace

import httpx
import msgspec
import numpy as np
import pytest
from runtime_world import Endpoint, catalogue, model, policy_file

from routelab.core.catalogue.engine_rules import BreakerRules, EngineRules
from routelab.core.request import Request
from routelab.errors import ConfigError, PolicyError, RequestError
from routelab.gates import Json
from routelab.policies import Fixed
from routelab.runtime import AsyncRouter, RequestOptions, Router, RouterConfig
from routelab.runtime.metrics import RouterMetrics


@pytest.fixture
def chosen(tmp_path):
    return policy_file(tmp_path, Fixed("first"), catalogue(first=model("good")))


def test_every_field_is_documented_and_none_may_be_changed():
    told = RouterConfig.__doc__.partition("Attributes:")[2]
    assert [it.name for it in fields(RouterConfig) if f" {it.name}: " not in told] == []
    with pytest.raises(FrozenInstanceError):
        RouterConfig().again = 1


def test_all_problems_of_a_config_are_told_at_once_by_field():
    wrong = {
        "upstream": object(),
        "transport": "carrier pigeon",
        "timeout_s": 0.0,
        "rules": EngineRules(balancing="fair", queue=-1),
        "signals": ["margin"],
        "gates": "json",
        "again": 9,
        "cheaper": "cheap.policy",
        "observers": 3,
        "metrics": "all",
        "clock": 12.0,
        "rng": 7,
    }
    with pytest.raises(ConfigError) as caught:
        RouterConfig(**wrong)
    problems = caught.value.problems
    assert len(problems) == len(wrong) + 2  # two of the rules, two of the upstream
    for name in wrong:
        assert any(name in problem for problem in problems), name


@pytest.mark.parametrize(
    "right",
    [
        {},
        {"timeout_s": math.inf},
        {"rng": random.Random(0), "signals": {"sure": "margin"}, "observers": [RouterMetrics()]},
        {"transport": "httpx"},
    ],
)
def test_what_makes_sense_is_taken(right):
    config = RouterConfig(**right)
    assert replace(config, again=2).again == 2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rules": {}}, "rules: {} are no rules"),
        ({"rules": 3}, "rules: 3 are no rules"),
        ({"rules": True}, "rules: True are no rules"),
        ({"rules": EngineRules}, "are no rules; give EngineRules"),
        ({"rules": EngineRules(retry=None)}, "rules: retry is None; give RetryRules"),
        ({"rules": EngineRules(breaker=3)}, "rules: breaker is 3; give BreakerRules"),
        ({"rules": EngineRules(queue="x")}, "rules: queue is 'x'; it is at least 0"),
        ({"rules": EngineRules(queue=None)}, "rules: queue is None; it is at least 0"),
        ({"rules": EngineRules(queue_s=10**400)}, "rules: queue_s is 1000"),
        ({"rules": EngineRules(queue_s=10**5000)}, "rules: queue_s is a int"),
        ({"rules": EngineRules(balancing=[])}, "rules: no balancing []"),
        ({"rules": EngineRules(breaker=BreakerRules(failure_rate="x"))}, "failure_rate is 'x'"),
        ({"gates": [1]}, "gates[0]=1: "),
        ({"gates": [Json]}, "gates[0]=<class"),
        ({"observers": [1]}, "observers[0]=1: "),
        ({"log": 3}, "log=3: "),
        ({"upstream": 3}, "upstream=3: "),
        ({"timeout_s": 10**400}, "timeout_s=1000"),
        ({"timeout_s": True}, "timeout_s=True: "),
        ({"again": True}, "again=True: "),
        ({"cheaper": 3, "budgets": "b.toml"}, "cheaper=3: "),
        ({"budget_store": 3, "budgets": "b.toml"}, "budget_store=3: "),
        ({"quiet": "no"}, "quiet='no': "),
    ],
)
def test_values_of_a_wrong_type_are_refused_by_field(wrong, says):
    with pytest.raises(ConfigError) as caught:
        RouterConfig(**wrong)
    (problem,) = caught.value.problems
    assert says in problem
    assert len(problem) < 200


@pytest.mark.parametrize("kind", [AsyncRouter, Router])
def test_a_router_of_something_else_is_refused(chosen, kind):
    with pytest.raises(PolicyError):
        kind(3)
    with pytest.raises(ConfigError, match="catalogue=3: give"):
        kind(chosen, catalogue=3)


def test_a_misspelt_field_is_told_with_the_one_that_was_meant():
    with pytest.raises(ConfigError, match="no field of RouterConfig 'signal'; write 'signals'"):
        RouterConfig(signal={})
    with pytest.raises(ConfigError) as caught:
        RouterConfig(budget="b.toml", logs="decisions", quiet=True)
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("kind", [AsyncRouter, Router])
def test_a_field_of_the_config_given_to_the_router_is_told_where_it_goes(chosen, kind):
    with pytest.raises(ConfigError, match=r"write config=RouterConfig\(signals=\.\.\.\)") as caught:
        kind(chosen, signals={}, catalog="models.toml")
    assert "write 'catalogue'" in caught.value.problems[1]
    with pytest.raises(ConfigError, match=f"{kind.__name__}.load has no argument 'log' of its own"):
        kind.load(chosen.path, log="decisions")
    with pytest.raises(ConfigError, match=r"config=\{'log': 'decisions'\}: give"):
        kind(chosen, None, {"log": "decisions"})


def test_an_argument_that_is_nowhere_is_told_what_the_call_has_before_fields_of_the_config(chosen):
    with pytest.raises(ConfigError) as caught:
        Router.load(chosen.path, base_url="http://localhost")
    said = str(caught.value)
    assert "no argument 'base_url'; it has catalogue, config, packages; fields of" in said
    assert "; fields of RouterConfig: client, transport, upstream" in said
    with pytest.raises(ConfigError, match=r"write config=RouterConfig\(budgets=\.\.\.\)"):
        Router(chosen, chosen.document.catalogue, budgest="b.toml")


@pytest.mark.parametrize("kind", [AsyncRouter, Router])
def test_a_router_says_how_to_load_a_policy(chosen, kind):
    name = kind.__name__
    with pytest.raises(PolicyError, match=rf"is a path: write {name}\.load\('demo\.policy'\)"):
        kind("demo.policy")
    with pytest.raises(PolicyError, match=r"pass the whole policy file, not its `\.policy`"):
        kind(chosen.policy)
    with pytest.raises(PolicyError, match=r"takes what routelab\.load\(PATH\) gives, and got None"):
        kind(None)


def test_one_config_serves_two_routers(chosen):
    config = RouterConfig(transport=Endpoint().transport)
    for _ in range(2):
        with Router.load(chosen.path, chosen.document.catalogue, config) as router:
            assert router.route("hello").answer == "hello"


def test_options_and_keywords_say_the_same(chosen):
    endpoint = Endpoint()
    options = RequestOptions(id="r1", task="maths", parameters={"temperature": 0})

    async def run():
        config = RouterConfig(transport=endpoint.transport)
        async with AsyncRouter(chosen, chosen.document.catalogue, config=config) as router:
            yield await router.route("hello", id="r1", task="maths", temperature=0)
            yield await router.route("hello", options)
            yield await router.route("hello", options=options)
            yield await router.route("hello", RequestOptions(task="maths"), id="r1", temperature=0)
            async with router.stream("hello", options) as answer:
                async for _ in answer:
                    pass
            yield answer.routed

    async def ran():
        return [it.decision.request_id async for it in run()]

    assert asyncio.run(ran()) == ["r1"] * 5
    bodies = [seen["body"] for seen in endpoint.seen]
    assert bodies[1:4] == bodies[:1] * 3
    assert [body["temperature"] for body in bodies] == [0] * 5


def test_the_blocking_router_takes_options_too(chosen):
    options = RequestOptions(id="r7")
    with Router(
        chosen, chosen.document.catalogue, config=RouterConfig(transport=Endpoint().transport)
    ) as router:
        assert router.route("hello", options).decision.request_id == "r7"
        with router.stream("hello", options) as answer:
            assert "".join(piece.text for piece in answer) == "hello"


def test_changed_options_keep_the_rest():
    options = RequestOptions(task="maths", deadline_s=3.0, parameters={"temperature": 0})
    changed = options.changed(deadline_s=None, top_p=0.5, tenant="a")
    assert changed == RequestOptions(
        task="maths", tenant="a", parameters={"temperature": 0, "top_p": 0.5}
    )
    assert options.parameters == {"temperature": 0}
    assert options.changed(parameters={"n": 1}, top_p=0.5).parameters == {"n": 1, "top_p": 0.5}


def test_options_of_a_logged_request_are_all_but_its_messages_and_group():
    told = dict.fromkeys(("id", "task", "tenant", "priority"), "x")
    told |= {"needs": ("tools",), "max_cost_usd": 1.0, "deadline_s": 2.0}
    options = RequestOptions.of(Request(**told, group="g"))
    assert {name: getattr(options, name) for name in options.__struct_fields__} == {
        **told,
        "parameters": {},
        "trace_context": None,
    }
    missing = set(Request.__struct_fields__) - set(RequestOptions.__struct_fields__)
    assert missing == {"messages", "group"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"tenent": "a"}, "tenent='a': there is no such option; it is called tenant"),
        ({"deadline_ms": 5}, "it is called deadline_s"),
        ({"priorty": "high"}, "it is called priority"),
        ({"need": ["tools"]}, r"goes into parameters=\{'need': \.\.\.\}"),
        ({"options": {"num_ctx": 8}}, r"options=\{'num_ctx': 8\}: give RequestOptions"),
        ({"parameters": 3}, "parameters=3: write an object"),
        ({"parameters": {"messages": []}}, "give them as the first argument"),
        ({"parameters": {"stream": True}}, r"use router.stream\(...\)"),
    ],
)
def test_a_slip_is_told_with_the_option_that_was_meant(chosen, given, says):
    transport = httpx.MockTransport(lambda request: httpx.Response(500))
    with (
        Router(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
        ) as router,
        pytest.raises(RequestError, match=says),
    ):
        router.route("hello", **given)


@pytest.mark.parametrize(
    "name", ["temperature", "seed", "user", "top_k", "tools", "stop", "mask", "uid", "metadata"]
)
def test_parameters_of_endpoints_are_no_slips(name):
    assert RequestOptions().changed(**{name: 1}).parameters == {name: 1}


def test_a_parameter_that_looks_like_an_option_is_passed_on_where_it_is_said_to_be_one(chosen):
    endpoint = Endpoint()
    options = RequestOptions(parameters={"deadline": 3, "priority": 2})
    with Router(
        chosen, chosen.document.catalogue, config=RouterConfig(transport=endpoint.transport)
    ) as router:
        router.route("hello", options)
    (seen,) = endpoint.seen
    assert (seen["body"]["deadline"], seen["body"]["priority"]) == (3, 2)


def test_everything_wrong_with_a_request_is_told_at_once(chosen):
    with Router(chosen, chosen.document.catalogue) as router, pytest.raises(RequestError) as caught:
        router.route([], RequestOptions(), tenent="a", max_cost_usd=-1.0)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("name", ["deadline_s", "max_cost_usd"])
@pytest.mark.parametrize("wrong", [10**400, True, math.nan, -1.0, "1"])
def test_a_bound_that_is_no_number_is_refused_by_name(name, wrong):
    with pytest.raises(RequestError, match=f"^{name}=.*: a bound is a number"):
        RequestOptions(**{name: wrong})


def test_an_infinite_bound_is_none():
    assert RequestOptions(deadline_s=math.inf, max_cost_usd=math.inf) == RequestOptions()
    assert RequestOptions(deadline_s=1.0).changed(deadline_s=math.inf).deadline_s is None


@pytest.mark.parametrize("needs", [np.array(["tools"]), np.array([]), np.array(["a", "b"])])
def test_an_array_is_no_list_of_capabilities(needs):
    with pytest.raises(RequestError, match=r"needs=array.*: write a list of capabilities"):
        RequestOptions(needs=needs)


@pytest.mark.parametrize("more", [{}, {"needs": ("tools",)}])
def test_later_changes_to_parameters_that_were_given_do_nothing(more):
    given = {"temperature": 0}
    options = RequestOptions(parameters=given, **more)
    given["model"] = "other"
    assert options.parameters == {"temperature": 0}


@pytest.mark.parametrize(("name", "meant"), [("tsk", "task"), ("deadline", "deadline_s")])
def test_other_names_are_told_where_options_are_changed(name, meant):
    with pytest.raises(TypeError, match=name):
        RequestOptions(**{name: 1})
    with pytest.raises(RequestError, match=f"it is called {meant}"):
        RequestOptions().changed(**{name: 1})
    assert RequestOptions().changed(temperature=0).parameters == {"temperature": 0}


def test_a_name_that_is_no_field_of_a_request_is_told_with_the_way_out():
    with pytest.raises(RequestError) as refused:
        RequestOptions(tsk=1, temperature=0.5, task="maths")
    slip, body = refused.value.problems
    assert slip.startswith("tsk=1: there is no such option; it is called task")
    assert body.startswith("temperature=0.5: RequestOptions has no such field; it has id, task,")
    assert body.endswith("A field of the body goes into parameters={'temperature': ...}")
    with pytest.raises(RequestError, match="it is called deadline_s"):
        RequestOptions(deadline=3)
    assert msgspec.convert({"task": "maths"}, RequestOptions) == RequestOptions(task="maths")
