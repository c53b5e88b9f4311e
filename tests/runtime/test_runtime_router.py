"""Routing live requests: what is sent, what is paid, what comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import math
from itertools import count

import httpx
import pytest
from msgspec.structs import replace
from runtime_world import (
    NO_PRICES,
    PRICES,
    Endpoint,
    catalogue,
    closed_port,
    completion,
    model,
    policy_file,
)

from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Deployment, Model
from routelab.core.catalogue.engine_rules import EngineRules, RetryRules
from routelab.core.protocol import Call, Deliver, Together
from routelab.core.signal_spec import SignalSpec
from routelab.errors import (
    CatalogueError,
    ConfigError,
    NoModelError,
    PolicyError,
    RequestError,
    RouteError,
)
from routelab.policies import Cascade, Conditional, Fixed, Match, Rule
from routelab.runtime import AsyncRouter, Reply, RouterConfig, UpstreamError

ONE = (1000 * 2.0 + 500 * 8.0) / 1e6
FIXED = Fixed(model="first")
GOOD = model("good").deployments
ONCE = EngineRules(retry=RetryRules(most=0))


def routed(
    tmp_path, policy, world, *, prompt="hello", signals=None, given=None, options=None, **fields
):
    """One routed request, and the endpoint that answered."""
    endpoint = Endpoint()
    chosen = policy_file(tmp_path, policy, world, signals)

    async def route():
        with_transport = {"transport": endpoint.transport} | (options or {})
        async with AsyncRouter(chosen, given or world, RouterConfig(**with_transport)) as router:
            return await router.route(prompt, **fields)

    return asyncio.run(route()), endpoint


def test_answer_model_cost_and_raw_response_are_returned(tmp_path):
    ticks = count()
    result, endpoint = routed(
        tmp_path,
        FIXED,
        catalogue(first=model("good", **PRICES)),
        prompt=[{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}],
        options={"clock": lambda: float(next(ticks))},
    )
    assert (result.answer, result.model, result.cost_usd) == ("hi", "first", ONE)
    assert result.raw == completion("hi", tops=0)
    assert 1.0 <= result.decision.steps[0].feedback.latency_s < result.latency_s
    assert endpoint.seen[0]["body"]["model"] == "good-name"
    assert [message["role"] for message in endpoint.seen[0]["body"]["messages"]] == [
        "system",
        "user",
    ]


def test_unknown_fields_go_to_every_model_as_they_are(tmp_path):
    fields = {
        "temperature": 0.2,
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "response_format": {"type": "json_object"},
    }
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
    world = catalogue(first=model("scored"), last=model("plain"))
    result, endpoint = routed(tmp_path, policy, world, **fields)
    assert result.model == "last"
    for seen in endpoint.seen:
        assert fields.items() <= seen["body"].items()


def test_id_and_needed_signals_travel_as_headers(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
    world = catalogue(first=model("scored"), last=model("plain"))
    _, endpoint = routed(tmp_path, policy, world, id="naïve 7,\ud800")
    first, last = (seen["headers"] for seen in endpoint.seen)
    assert first["x-routelab-need"] == "score"
    assert "x-routelab-need" not in last
    assert first["x-request-id"] == last["x-request-id"] == "na%C3%AFve%207%2C%ED%A0%80"
    _, endpoint = routed(tmp_path, FIXED, catalogue(first=model("plain")))
    assert "x-request-id" not in endpoint.seen[0]["headers"]


def test_a_tool_call_without_text_is_an_answer(tmp_path):
    result, _ = routed(tmp_path, FIXED, catalogue(first=model("tools")))
    assert result.answer == ""
    assert result.raw["choices"][0]["message"]["tool_calls"]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("broken", "answered 500: boiler on fire"),
        ("busy", "answered 429: slow down"),
        ("garbled", "answered no JSON object: <html>gateway</html>"),
        ("deep", "answered no JSON object"),
        ("empty", "answered without choices"),
        ("asleep", "no answer in 0.2 s"),
    ],
)
def test_the_next_deployment_answers_for_a_failing_one(tmp_path, behaviour, reason):
    world = catalogue(first=model(behaviour, "plain"))
    result, endpoint = routed(tmp_path, FIXED, world, options={"timeout_s": 0.2})
    assert result.answer == "plain"
    assert endpoint.behaviours == [behaviour, "plain"]
    assert reason in "".join(result.decision.answer.notes)
    assert result.decision.answer.deployment == "plain-name at http://upstream.test/plain/v1"


def test_an_endpoint_that_is_down_is_passed_over(tmp_path):
    with closed_port() as nobody:
        down = Model(deployments=(Deployment(nobody, "gone"),))
        chosen = policy_file(tmp_path, FIXED, catalogue(first=down))

        async def route():
            async with AsyncRouter(chosen, chosen.document.catalogue) as router:
                return await router.route("hello")

        with pytest.raises(
            RouteError,
            match=rf"no model answered\n.*gone at {nobody}: ConnectError",
        ):
            asyncio.run(route())


def test_every_deployments_reason_is_told_when_none_answers(tmp_path):
    with pytest.raises(RouteError) as caught:
        routed(tmp_path, FIXED, catalogue(first=model("broken", "empty", "garbled")))
    message = caught.value.detail
    for reason in ("boiler on fire", "without choices", "no JSON object", "garbled-name at"):
        assert reason in message


def test_a_refusal_is_not_tried_elsewhere_and_keeps_the_upstreams_words(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(0.0,), signal="score")
    world = catalogue(first=model("refusing", "plain"), last=model("plain"))
    result, endpoint = routed(tmp_path, policy, world)
    assert endpoint.behaviours == ["refusing", "plain"]
    assert result.model == "last"
    first = result.decision.steps[0].feedback
    assert (
        first.error
        == "refusing-name at http://upstream.test/refusing/v1: answered 400: context too long"
    )
    assert math.isnan(first.signals["score"])


def test_if_the_last_model_fails_the_earlier_answer_is_delivered(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
    result, _ = routed(tmp_path, policy, catalogue(first=model("scored"), last=model("broken")))
    assert (result.answer, result.model) == ("scored", "first")
    assert "boiler on fire" in result.decision.steps[1].feedback.error


def test_a_missing_key_names_the_variable_and_a_present_one_is_never_shown(
    tmp_path, monkeypatch, caplog
):
    here = Deployment("http://upstream.test/good/v1", "m", api_key_env="TEST_KEY")
    there = Deployment("http://upstream.test/good/v1", "m", api_key_env="OTHER_KEY")
    world = catalogue(first=Model(deployments=(here, there), **PRICES))
    monkeypatch.delenv("TEST_KEY", raising=False)
    monkeypatch.setenv("OTHER_KEY", "sesame")
    result, endpoint = routed(tmp_path, FIXED, world)
    assert "TEST_KEY is not set; export TEST_KEY" in result.decision.answer.notes[0]
    assert endpoint.seen[0]["headers"]["authorization"] == "Bearer sesame"
    (warned,) = [it for it in caplog.messages if "TEST_KEY" in it]
    assert "is not asked: the environment variable TEST_KEY is not set" in warned
    assert "sesame" not in repr(result)


def test_a_request_without_what_the_policy_reads_is_warned_of_once(tmp_path, caplog):
    rules = (Rule(Match(task=("maths",), tenant=("acme",)), Fixed("last")),)
    policy = Conditional(rules, Fixed("first"))
    chosen = policy_file(tmp_path, policy, catalogue(first=model("plain"), last=model("plain")))

    async def ask(*requests):
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=Endpoint().transport)
        ) as router:
            return [(await router.route("hello", **it)).model for it in requests]

    assert asyncio.run(ask({"task": "maths", "tenant": "acme"})) == ["last"]
    assert not caplog.messages
    assert (
        asyncio.run(ask({"task": "maths", "id": "a"}, {"tenant": "acme", "id": "b"}, {}))
        == ["first"] * 3
    )
    assert caplog.messages == [
        f"policy 'test' reads the {field} of a request, and request {name!r} has none: it is"
        f" decided like those of an unknown {field}; give route(..., {field}=...)"
        for field, name in (("tenant", "a"), ("task", "b"))
    ]


@pytest.mark.parametrize("explained", [False, True])
def test_a_decision_says_why_if_that_is_asked_for(tmp_path, explained):
    policy = Conditional((Rule(Match(task=("maths",)), Fixed("last")),), Fixed("first"))
    chosen = policy_file(tmp_path, policy, catalogue(first=model("plain"), last=model("plain")))

    async def ask():
        router = AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, explained=explained),
        )
        async with router:
            return (await router.route("hello", task="maths")).decision.reasons

    assert asyncio.run(ask()) == (("rule 1 holds: task is maths",) if explained else ())


def test_a_policy_that_was_edited_is_warned_of(tmp_path, caplog):
    policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    path = tmp_path / "test.policy" / "policy.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    given = catalogue(first=model("plain"))
    AsyncRouter.load(tmp_path / "test.policy", given, RouterConfig(transport=Endpoint().transport))
    (warned,) = caplog.messages
    assert f"{path}: was edited after it was written" in warned


def test_a_deployment_that_refuses_for_good_is_warned_of_once(tmp_path, caplog):
    policy = Cascade(models=("first", "last"), thresholds=(0.5,), signal="score")
    chosen = policy_file(tmp_path, policy, catalogue(first=model("unknown"), last=model("plain")))

    async def thrice():
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=Endpoint().transport)
        ) as router:
            return {(await router.route("hello")).model for _ in range(3)}

    assert asyncio.run(thrice()) == {"last"}  # a dearer one, which nobody would notice
    (warned,) = [it for it in caplog.messages if "404" in it]
    assert warned.startswith("unknown-name at http://upstream.test/unknown/v1 refuses requests")
    assert warned.endswith("answered 404: no such model")


def test_what_a_request_is_to_blame_for_is_not_warned_of_and_every_lasting_fault_is(
    tmp_path, caplog
):
    """Of a deployment that blames a request, is busy, knows no model, and knows no key."""
    statuses = iter((400, 413, 422, 429, 503, 404, 404, 401))
    policy = Cascade(models=("first", "last"), thresholds=(0.5,), signal="score")
    chosen = policy_file(tmp_path, policy, catalogue(first=model("good"), last=model("plain")))

    def answer(request):
        if "plain" in request.url.path:
            return httpx.Response(200, json=completion("plain"))
        return httpx.Response(next(statuses), json={"error": "your prompt is secret"})

    async def route():
        options = {"transport": httpx.MockTransport(answer), "rules": ONCE}
        for _ in range(2):
            async with AsyncRouter(
                chosen, chosen.document.catalogue, config=RouterConfig(**options)
            ) as router:
                for _ in range(4):
                    await router.route("hello")

    asyncio.run(route())
    warned = [it.split("refuses requests: ")[1] for it in caplog.messages if "refuses" in it]
    assert warned == [f"answered {status}: your prompt is secret" for status in (404, 401)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"client": httpx.Client}, "give an httpx.AsyncClient"),
        ({"transport": httpx.HTTPTransport}, "give 'httpx', 'aiohttp' or an httpx.AsyncBase"),
        ({"transport": httpx.AsyncClient}, "give 'httpx', 'aiohttp' or an httpx.AsyncBase"),
    ],
)
def test_a_client_or_transport_of_another_kind_is_refused(wrong, says):
    with pytest.raises(ConfigError, match=says):
        RouterConfig(**{name: kind() for name, kind in wrong.items()})


def test_a_client_that_is_closed_is_an_error_of_routing(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))

    async def route():
        client = httpx.AsyncClient(transport=Endpoint().transport)
        await client.aclose()
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(client=client)
        ) as router:
            await router.route("hello")

    with pytest.raises(RouteError, match="the client that the router was given is closed"):
        asyncio.run(route())


def test_an_error_says_which_model_a_bound_kept_from_being_asked(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(0.5,), signal="score")
    world = catalogue(first=model("charged", cost_reported=True), last=model("plain"))
    estimates = {"first": CallEstimate(cost_usd=0.5), "last": CallEstimate(cost_usd=0.75)}
    chosen = policy_file(tmp_path, policy, world, estimates=estimates)

    async def route():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=Endpoint().transport, rules=ONCE),
        ) as router:
            await router.route("hello", max_cost_usd=0.9)

    with pytest.raises(RouteError) as raised:
        asyncio.run(route())
    first, last = raised.value.problems[1:]  # the first has no room either, but was asked
    assert first.endswith("answered 503: the provider has no room at the moment")
    assert "answered 503: stopped" in raised.value.detail
    assert last == "  not asked: last would exceed 0.9 USD: 0.5 are used and 0.75 predicted"


@pytest.mark.parametrize("key", ["sesame", "ses\name", "sés\u2028ame"])
def test_a_key_does_not_leak_through_errors(tmp_path, monkeypatch, key):
    monkeypatch.setenv("TEST_KEY", key)
    at = Deployment("http://upstream.test/v1", "m", api_key_env="TEST_KEY")
    chosen = policy_file(tmp_path, FIXED, catalogue(first=Model(deployments=(at,))))

    def refuse(request):
        return httpx.Response(401, json={"error": f"bad key {request.headers['authorization']}"})

    async def route():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=httpx.MockTransport(refuse)),
        ) as router:
            return await router.route("hello")

    with pytest.raises(RouteError) as caught:
        asyncio.run(route())
    assert key not in str(caught.value)
    assert key not in caught.value.detail
    assert ("TEST_KEY" in caught.value.detail) == (key != "sesame")
    assert "TEST_KEY" not in str(caught.value)


def test_needs_mask_models_and_say_why_none_is_left(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(-9.0,), signal="score")
    world = catalogue(
        first=model("scored", capabilities=("json",)),
        last=model("plain", capabilities=("json", "tools")),
    )
    result, endpoint = routed(tmp_path, policy, world, needs=["tools"])
    assert (result.model, endpoint.behaviours) == ("last", ["plain"])
    with pytest.raises(NoModelError) as caught:
        routed(tmp_path, policy, world, needs=("vision", "tools"))
    assert "first lacks vision, tools; last lacks vision" in str(caught.value)


def test_a_model_without_deployments_is_refused_at_construction(tmp_path):
    policy = Cascade(models=("first", "middle", "last"), thresholds=(1.0, 1.0), signal="s")
    chosen = policy_file(tmp_path, policy, catalogue(first=Model(), last=model("plain")))
    with pytest.raises(
        CatalogueError, match=r"first, middle:.*`catalogue='models\.toml'`"
    ) as caught:
        AsyncRouter(chosen, chosen.document.catalogue)
    written = str(caught.value).partition("\n")[2].replace("https://HOST", "http://upstream.test")
    path = tmp_path / "models.toml"
    path.write_text(
        written + '\n[[models.last.deployments]]\nbase_url = "http://a/v1"\nmodel = "l"\n'
    )
    known = AsyncRouter(chosen, path).catalogue
    assert known.model("middle").deployments == (Deployment("http://upstream.test/v1", "middle"),)


def test_addresses_and_keys_of_a_policy_are_never_used(tmp_path, monkeypatch):
    """A policy comes from anywhere: it could send any variable to any host."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame")
    theirs = Deployment("http://upstream.test/good/v1", "m", api_key_env="AWS_SECRET_ACCESS_KEY")
    world = catalogue(first=model("plain"), last=Model(deployments=(theirs,), **PRICES))
    policy = Cascade(models=("first", "last"), thresholds=(0.5,), signal="score")
    chosen = policy_file(tmp_path, policy, world)
    given = catalogue(first=model("plain"))
    config = RouterConfig(transport=Endpoint().transport)
    for catalogue_given in (None, given, catalogue(first=model("plain"), last=Model())):
        with pytest.raises(CatalogueError, match="no address is known for") as caught:
            AsyncRouter(chosen, catalogue_given, config)
        assert "upstream.test" not in str(caught.value)

    class Told:
        """An upstream that answers itself, and remembers what it was given."""

        def __init__(self):
            self.seen = []

        async def send(self, outgoing):
            self.seen.append(outgoing.deployment)
            return Reply(200, completion("told"))

        def hide(self, deployment, text):
            return text

    upstream = Told()
    asyncio.run(AsyncRouter(chosen, config=RouterConfig(upstream=upstream)).route("hello"))
    assert {it.api_key_env for it in upstream.seen} == {""}
    assert [it.base_url for it in upstream.seen] == ["upstream:1", "upstream:1"]


@pytest.mark.parametrize(
    "address",
    [
        "https://user:open-sesame@north.example/v1",
        "https://open-sesame@north.example/v1",
        "https://north.example/v1?api-key=open-sesame",
        "https://north.example/v1?api-version=2024-10-21&Key=open-sesame",
        "https://north.example/v1?x=sk-open-sesame-0123456789",
        "https://north.example/v1#access_token=open-sesame",
        "https://north.example/sk-open-sesame-0123456789/v1",
    ],
)
def test_an_address_with_credentials_is_refused_without_showing_them(tmp_path, address):
    held = catalogue(first=Model(deployments=(Deployment(address, "m"),), **PRICES))
    with pytest.raises(PolicyError, match=r"holds a .*api_key_env") as written:
        policy_file(tmp_path, FIXED, held)
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    with pytest.raises(CatalogueError, match=r"models\.first: deployment 1.*api_key_env") as routed:
        AsyncRouter(chosen, held)
    for error in (written, routed):
        assert "sesame" not in str(error.value)


def test_what_is_no_credential_may_stand_in_an_address(tmp_path):
    address = "https://north.example/v1/0123456789abcdef0123456789abcdef?api-version=2024-10-21"
    held = catalogue(first=Model(deployments=(Deployment(address, "m"),), **PRICES))
    chosen = policy_file(tmp_path, FIXED, held)
    assert AsyncRouter(chosen, held).catalogue.model("first").deployments[0].base_url == address


FULL = model("plain", capabilities=("json",), context_window=99, cost_reported=True, **PRICES)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"input_usd_per_mtok": 0.0}, {"input_usd_per_mtok": 0.0}),
        ({"capabilities": ()}, {"capabilities": ()}),
        ({"context_window": 7}, {"context_window": 7}),
        ({"cost_reported": True}, {"cost_reported": True}),
    ],
)
def test_what_a_given_catalogue_leaves_open_is_the_policys(tmp_path, given, expected):
    """All but addresses, and what belongs to them."""
    chosen = policy_file(tmp_path, FIXED, catalogue(first=FULL))
    known = catalogue(first=Model(deployments=GOOD, **given))
    expected = {"deployments": GOOD, "cost_reported": False} | expected
    assert AsyncRouter(chosen, known).catalogue.model("first") == replace(FULL, **expected)


def test_a_given_catalogue_takes_its_prices_from_the_policy(tmp_path):
    given = catalogue(first=model("good", **NO_PRICES))
    world = catalogue(first=model("plain", **PRICES))
    result, endpoint = routed(tmp_path, FIXED, world, given=given)
    assert (endpoint.behaviours, result.cost_usd) == (["good"], ONE)


def test_signals_that_the_policy_lacks_or_cannot_parse_are_refused_together(tmp_path):
    policy = Cascade(models=("first", "last"), thresholds=(0.0,), signal="sure")
    chosen = policy_file(tmp_path, policy, catalogue(first=model("good"), last=model("good")))
    with pytest.raises(PolicyError) as caught:
        AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(signals={"sure": "psychic", "shure": "margin"}),
        )
    assert len(caught.value.problems) == 2
    assert "uses no signal 'shure'; it uses sure" in str(caught.value)


@pytest.mark.parametrize(
    ("messages", "fields", "why"),
    [
        ([], {}, "at least one message"),
        ({"role": "user", "content": "x"}, {}, "at least one message"),
        ("x", {"model": "gpt"}, "the policy chooses the model"),
        ("x", {"stream": True}, "stream=True"),
        ("x", {"deadline": 3}, "deadline=3: there is no such option; it is called deadline_s"),
        ("x", {"max_cost": 1}, "max_cost=1: there is no such option; it is called max_cost_usd"),
        ("x", {"need": ["tools"]}, "there is no such option; it is called needs"),
        ("x", {"task": None}, "task=None: write a text"),
        ("x", {"tenant": 7}, "tenant=7: write a text"),
        ("x", {"id": 7}, "id=7: write a text"),
        ("x", {"needs": "tools"}, r"needs='tools': write a list .* \[\"tools\"\]"),
        ("x", {"needs": [1]}, r"needs=\[1\]"),
        ("x", {"stream_options": "usage"}, "stream_options='usage': write an object"),
        ("x", {"user": object()}, "cannot be written as JSON"),
        ("x", {"temperature": math.nan}, "temperature=nan: JSON has no such number"),
        ("x", {"a": [{"b": math.inf}], "c": None}, r"a\.0\.b=inf: JSON has no such number"),
        ("x", {"max_cost_usd": "1"}, "max_cost_usd='1': a bound is a number"),
        ("x", {"deadline_s": -1}, "deadline_s=-1: a bound is a number and not negative"),
        ("x", {"deadline_s": math.nan}, "deadline_s=nan"),
        ([{"rol": "user"}], {}, r"messages\[0\]=.*'rol'.*an object with a role"),
        ([{"role": "user", "content": "x"}, "and then"], {}, r"messages\[1\]='and then'"),
    ],
)
def test_a_malformed_request_is_refused(tmp_path, messages, fields, why):
    with pytest.raises(RequestError, match=why):
        routed(tmp_path, FIXED, catalogue(first=model("plain")), prompt=messages, **fields)


def test_everything_malformed_is_told_at_once_and_nothing_is_sent_or_logged(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    endpoint = Endpoint()

    async def run():
        options = {"transport": endpoint.transport, "log": tmp_path / "log"}
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(**options)
        ) as router:
            with pytest.raises(RequestError) as caught:
                await router.route([], task=None, deadline_s="soon", model="gpt")
            return caught.value.problems

    assert len(asyncio.run(run())) == 4
    assert not endpoint.behaviours
    assert not list((tmp_path / "log").glob("*.jsonl"))


def test_a_catalogue_of_other_models_was_meant_for_another_policy(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    with pytest.raises(CatalogueError, match="asks first, and the catalogue lists none of them"):
        AsyncRouter(chosen, catalogue=catalogue(second=model("plain"), third=model("plain")))


def test_a_catalogue_may_be_named_by_its_file(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    path = tmp_path / "models.toml"
    given = '[[models.first.deployments]]\nbase_url = "http://a/v1"\nmodel = "m"\n'
    path.write_text(f"[models.first]\ninput_usd_per_mtok = 9.0\n{given}", encoding="utf-8")
    assert AsyncRouter(chosen, catalogue=path).catalogue.model("first").input_usd_per_mtok == 9.0
    with pytest.raises(CatalogueError, match=r"nowhere\.toml: cannot be read as a catalogue: No"):
        AsyncRouter(chosen, catalogue=str(tmp_path / "nowhere.toml"))


class TestCost:
    def test_reported_cost_replaces_prices(self, tmp_path):
        world = catalogue(first=model("priced", cost_reported=True, **PRICES))
        assert routed(tmp_path, FIXED, world)[0].cost_usd == 0.123
        world = catalogue(first=model("priced", **PRICES))
        assert routed(tmp_path, FIXED, world)[0].cost_usd == ONE

    def test_unreported_cost_falls_back_to_prices_with_a_note(self, tmp_path):
        world = catalogue(first=model("plain", cost_reported=True, **PRICES))
        result, _ = routed(tmp_path, FIXED, world)
        assert result.cost_usd == ONE
        assert "no usage.cost; tokens times prices" in result.decision.answer.notes[0]

    @pytest.mark.parametrize(
        ("behaviour", "facts", "why", "fixes"),
        [
            ("plain", NO_PRICES, "no prices", {"give input_usd_per_mtok", "cost_reported = true"}),
            ("plain", NO_PRICES | {"cost_reported": True}, "no prices", {"give input_usd_per"}),
            ("bare", PRICES, "no usage tokens", {"report usage", "cost_reported = true"}),
        ],
    )
    def test_unknown_cost_is_nan_with_a_note_and_a_way_out(
        self, tmp_path, caplog, behaviour, facts, why, fixes
    ):
        result, _ = routed(tmp_path, FIXED, catalogue(first=model(behaviour, **facts)))
        assert math.isnan(result.cost_usd)
        assert why in result.decision.answer.notes[0]
        (said,) = caplog.messages
        assert said.startswith("model 'first': ")
        assert why in said
        assert {fix for fix in fixes if fix in said} == fixes
        assert ("set cost_reported" in said) == (not facts.get("cost_reported"))

    def test_unknown_cost_is_warned_of_once_for_each_model_of_a_router(self, tmp_path, caplog):
        policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
        world = catalogue(first=model("scored", **NO_PRICES), last=model("plain", **NO_PRICES))
        chosen = policy_file(tmp_path, policy, world)

        async def twice():
            async with AsyncRouter(
                chosen,
                chosen.document.catalogue,
                config=RouterConfig(transport=Endpoint().transport),
            ) as router:
                return [await router.route(prompt) for prompt in ("one", "two")]

        for _ in range(2):
            caplog.clear()
            asyncio.run(twice())
            assert all("cost unknown" in said for said in caplog.messages)
            assert [said.split(":")[0] for said in caplog.messages] == [
                "model 'first'",
                "model 'last'",
            ]

    def test_a_failed_attempt_of_unknown_cost_is_not_warned_of(self, tmp_path):
        result, _ = routed(tmp_path, FIXED, catalogue(first=model("broken", "plain")))
        assert result.cost_usd == ONE

    @pytest.mark.parametrize(
        ("behaviour", "facts", "expected"),
        [
            ("scored", PRICES, ONE * 3.1),
            ("priced", {"cost_reported": True}, 0.123),
        ],
    )
    def test_a_column_signal_multiplies_what_is_not_reported(
        self, tmp_path, behaviour, facts, expected
    ):
        policy = Cascade(models=("first", "last"), thresholds=(-9.0,), signal="score")
        world = catalogue(first=model(behaviour, **facts), last=model("bare", **PRICES))
        options = {"signals": {"score": "column:usage.prompt_tokens"}}
        specs = {"score": SignalSpec(multiplier=3.1)}
        result, _ = routed(tmp_path, policy, world, signals=specs, options=options)
        assert result.cost_usd == expected

    def test_a_signal_of_our_own_is_not_multiplied(self, tmp_path):
        policy = Cascade(models=("first", "last"), thresholds=(-1e9,), signal="sure")
        world = catalogue(first=model("good", **PRICES), last=model("plain", **PRICES))
        specs = {"sure": SignalSpec(multiplier=3.1, source="logprob_mean")}
        assert routed(tmp_path, policy, world, signals=specs)[0].cost_usd == ONE

    def test_every_attempt_and_every_call_is_paid(self, tmp_path, caplog):
        policy = Cascade(models=("first", "last"), thresholds=(2.0,), signal="score")
        world = catalogue(
            first=model("charged", "broken", "empty", "priced", cost_reported=True, **PRICES),
            last=model("plain", **PRICES),
        )
        result, endpoint = routed(tmp_path, policy, world)
        assert "gives no signal 'score'" in caplog.text
        assert endpoint.behaviours == ["charged", "broken", "empty", "priced", "plain"]
        wasted = (10 * 2.0 + 0 * 8.0) / 1e6
        assert result.cost_usd == ((0.5 + wasted) + 0.123) + ONE


class Race(Fixed, frozen=True, tag="race"):
    """Asks three models at once."""

    until: str = "first"

    def route(self, x):
        calls = tuple(Call(name, need=("score",)) for name in self.models_used)
        seen = yield Together(calls, self.until)
        return Deliver(next(one for one in seen if one.error is None))

    @property
    def models_used(self):
        return ("failing", "sleeping", "scoring")


def race(tmp_path, until, sleeping):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))
    world = catalogue(
        failing=model("broken"), sleeping=model(sleeping), scoring=model("scored", **PRICES)
    )
    endpoint = Endpoint()

    async def route():
        async with AsyncRouter(
            dataclasses.replace(chosen, golden=(), policy=Race(model="", until=until)),
            world,
            RouterConfig(transport=endpoint.transport),
        ) as router:
            return await router.route("hello")

    return asyncio.run(route())


def test_the_first_answer_cancels_the_rest(tmp_path):
    result = race(tmp_path, "first", "asleep")
    assert result.model == "scoring"
    failing, sleeping, scoring = (step.feedback for step in result.decision.steps)
    assert "boiler on fire" in failing.attempts[0].error
    assert (sleeping.error, scoring.error) == ("cancelled", None)
    assert [it.error for it in sleeping.attempts] == ["cancelled"]


def test_all_answers_come_in_the_order_of_the_calls(tmp_path):
    result = race(tmp_path, "all", "scored")
    assert result.decision.models == ("failing", "sleeping", "scoring")
    assert result.model == "sleeping"


@pytest.mark.parametrize("text", ["", "\ud800 half", "x" * 10_000_000, "\x00\x1f\u2028"])
def test_any_prompt_survives_the_journey(tmp_path, text):
    result, endpoint = routed(tmp_path, FIXED, catalogue(first=model("good")), prompt=text)
    assert endpoint.seen[0]["body"]["messages"][0]["content"] == text
    assert result.answer == text


def test_an_upstream_can_replace_http(tmp_path):
    class Canned:
        async def send(self, outgoing):
            if outgoing.deployment.model == "broken-name":
                raise UpstreamError("unplugged")
            return Reply(200, completion(outgoing.body["messages"][0]["content"].upper()))

        def hide(self, deployment, text):
            return text

    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("broken", "good")))
    result = asyncio.run(
        AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(upstream=Canned())
        ).route("loud")
    )
    assert result.answer == "LOUD"
    note = "broken-name at http://upstream.test/broken/v1: unplugged"
    assert note in result.decision.answer.notes


def test_a_given_client_stays_open(tmp_path):
    chosen = policy_file(tmp_path, FIXED, catalogue(first=model("plain")))

    async def route():
        async with httpx.AsyncClient(transport=Endpoint().transport) as client:
            given, config = chosen.document.catalogue, RouterConfig(client=client)
            async with AsyncRouter.load(chosen.path, given, config) as router:
                await router.route("hello")
            return client.is_closed

    assert asyncio.run(route()) is False
    with pytest.raises(ConfigError, match="one of client, transport and upstream"):
        AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(upstream=object(), transport=Endpoint().transport),
        )
