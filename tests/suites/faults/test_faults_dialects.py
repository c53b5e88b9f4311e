"""Each kind of trouble with providers: in every dialect, over both transports, streamed or not."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from dialects_world import ARGUMENTS, COMPLETION, DIALECTS, ERRORS, PROMPT, TEXT, Providers
from runtime_world import catalogue, policy_file
from service_world import serving

from routelab.core.catalogue import Deployment, EngineRules, Model, RetryRules
from routelab.errors import RouteError
from routelab.policies import Conditional, Fixed, Match, Rule
from routelab.runtime import AsyncRouter, RouterConfig

PRICES = {
    "input_usd_per_mtok": 1.0,
    "cached_input_usd_per_mtok": 0.1,
    "output_usd_per_mtok": 10.0,
    "reasoning_usd_per_mtok": 5.0,
}
ONCE = EngineRules(balancing="in_order", retry=RetryRules(most=0))
OVER = pytest.mark.parametrize("transport", ["httpx", "aiohttp"])
HOW = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@pytest.fixture(scope="module")
def providers():
    made = Providers()
    with serving(made.app) as url:
        made.url = url.removesuffix("/v1")
        yield made


@pytest.fixture
def asked(providers, tmp_path):
    """Asks a model for each case, by its name: the behaviours of its deployments, and fields.

    Gives what came of each, and the metrics.
    """

    def deployed(behaviours):
        return tuple(Deployment(f"{providers.url}/{it}/v1", f"model-{it}") for it in behaviours)

    async def one(router, stream, name, fields):
        options = {"task": name, **fields}
        try:
            if not stream:
                return await router.route("hello", **options)
            async with router.stream("hello", **options) as answer:
                said = "".join([piece.text async for piece in answer])
        except RouteError as error:
            return error
        assert said == answer.routed.answer
        return answer.routed

    def ask(transport, stream, cases):
        models = {
            name: Model(deployments=deployed(behaviours), **PRICES)
            for name, (behaviours, _) in cases.items()
        }
        rules = tuple(Rule(Match(task=(name,)), Fixed(name)) for name in cases)
        policy = Conditional(rules, Fixed(next(iter(cases))))
        file = policy_file(tmp_path, policy, catalogue(**models))

        async def run():
            config = RouterConfig(transport=transport, rules=ONCE)
            async with AsyncRouter(file, file.document.catalogue, config) as router:
                found = {
                    name: await one(router, stream, name, fields)
                    for name, (_, fields) in cases.items()
                }
                return found, await router.snapshot()

        return asyncio.run(run())

    return ask


def usd(dialect):
    """What an answer costs, by the one rule of tokens."""
    shown, new = COMPLETION - dialect.thought, PROMPT - dialect.cached
    return (new * 1.0 + dialect.cached * 0.1 + shown * 10.0 + dialect.thought * 5.0) / 1e6


@OVER
@HOW
@pytest.mark.parametrize("name", DIALECTS)
def test_an_answer_is_whole_and_costs_what_it_costs(asked, name, stream, transport):
    """Of kinds: fields of ours that are refused, usage, assembly, parts, several choices, ends."""
    dialect = DIALECTS[name]
    cases = {"text": {}, "tools": {}, "two": {"n": 2}, "half": {"n": 2}}
    found, snapshot = asked(
        transport, stream, {it: ((f"{name}/{it}",), fields) for it, fields in cases.items()}
    )
    half = found.pop("half")
    assert isinstance(half, RouteError) is stream  # without a stream there is no half of it
    for routed in found.values():
        assert routed.cost_usd == pytest.approx(usd(dialect), rel=1e-12)
    assert found["text"].answer == TEXT
    calls = found["tools"].raw["choices"][0]["message"]["tool_calls"]
    assert [it["id"] for it in calls] == ["call-0", "call-1"]
    assert [it["function"]["arguments"] for it in calls] == [ARGUMENTS] * 2
    assert [it["index"] for it in found["two"].raw["choices"]] == [0, 1]
    failed = sum((Counter(it) for it in snapshot.failures.values()), Counter())
    refused = len(cases) if stream and "stream_options" in dialect.refuses else 0
    assert failed == +Counter(unsupported=refused, cut=int(stream))


CLASSES = {
    "rate": ("rate_limit_exceeded", 429),
    "credit": ("insufficient_quota", 429),
    "key": ("invalid_api_key", 400),
    "too_long": ("context_length_exceeded", 400),
    "filtered": ("content_filter", 400),
    "overloaded": ("overloaded_error", 503),
    "server": ("internal_error", 500),
}


@OVER
@HOW
@pytest.mark.parametrize("style", ERRORS)
def test_a_failure_is_of_one_class_however_it_is_told(asked, style, stream, transport):
    """Of kinds: one classification, whose fault it is, error texts, records and figures."""
    cases = {
        (name, status): f"openai/{style}.{code}.{status}"
        for name, (code, usual) in CLASSES.items()
        for status in ((200, usual) if transport == "httpx" else (usual,))
    }
    both = {f"{at}, then": ((at, "openai/text"), {}) for at in cases.values()}
    alone = {at: ((f"{at}.alone",), {}) for at in cases.values()}
    found, snapshot = asked(transport, stream, both | alone)
    counted = {label.split(" at ")[0]: dict(it) for label, it in snapshot.failures.items()}
    for (name, _), at in cases.items():
        then, error = found[f"{at}, then"], found[at]
        assert then.answer == TEXT
        assert then.decision.steps[0].feedback.attempts[0].failure == name
        assert counted[f"model-{at}"] == counted[f"model-{at}.alone"] == {name: 1}
        for secret in ("127.0.0.1", "model-openai"):
            assert secret not in str(error)
            assert secret in error.detail
        assert "left alone" not in str(error)
