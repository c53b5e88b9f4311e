"""The replay server answers what the log holds, and says so when it holds nothing."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import replace

import httpx
import msgspec
import numpy as np
import pytest
from runtime_world import closed_port, logged, model, policy_file

from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.core.signal_spec import SignalSpec
from routelab.errors import BudgetError, RoutelabError
from routelab.logs.formats.texts import TextsInMemory
from routelab.logs.model.log import Requests
from routelab.policies import Cascade, Fixed
from routelab.replay_server import background, pointed_at, replay_app
from routelab.runtime import AsyncRouter, Router, RouterConfig
from routelab.runtime.attempts.assembly import Assembly
from routelab.runtime.attempts.events import EventParser
from routelab.runtime.budgets import BudgetRule, Budgets
from routelab.runtime.transport.probe import logged_signals
from routelab.runtime.wire import decode_json
from routelab.simulate.answers.outcomes import NOT_LOGGED


def ask(log, body, headers=None, **options):
    """The replay application's reply to a chat request."""
    if isinstance(body, str):
        body = {"model": body, "messages": [{"role": "user", "content": "?"}]}

    async def post():
        transport = httpx.ASGITransport(replay_app(log, **options))
        async with httpx.AsyncClient(transport=transport, base_url="http://replay") as client:
            return await client.post("/v1/chat/completions", json=body, headers=headers)

    return asyncio.run(post())


def chat(model, *texts):
    return {"model": model, "messages": [{"role": "user", "content": text} for text in texts]}


def test_an_id_finds_its_request():
    log = logged(5)
    reply = ask(log, "middle", {"x-request-id": "r3"})
    body = reply.json()
    assert reply.status_code == 200
    assert body["choices"][0]["message"]["content"] == "middle on 3"
    assert body["usage"]["prompt_tokens"] == log.prompt_tokens[3, 1]
    assert body["usage"]["cost"] == log.cost_usd[3, 1]
    assert set(body["routelab"]["signals"]) == {"confidence", "free"}


@pytest.mark.parametrize("text", ["two words", "", " spaced \n out ", "naïve \ud800 \u2028", None])
@pytest.mark.parametrize("usage", [True, False])
def test_a_stream_adds_up_to_the_answer_and_comes_a_word_at_a_time(text, usage):
    texts = TextsInMemory(["?"], {name: [text] for name in ("small", "middle", "large")})
    log = logged(1, texts=texts)
    body = chat("small", "?") | {"stream_options": {"include_usage": usage}}
    whole = ask(log, body).json()
    reply = ask(log, body | {"stream": True})
    assert reply.headers["content-type"].startswith("text/event-stream")
    *events, done = EventParser().feed(reply.content)
    assert done.data == b"[DONE]"
    assembly = Assembly()
    said = sum(assembly.add(decode_json(event.data)).content for event in events)
    shown = NOT_LOGGED if text is None else text
    assert said == len(shown.split()) + shown[:1].isspace()
    expected = whole if usage else {key: it for key, it in whole.items() if key != "usage"}
    assert assembly.body() == expected


def test_a_stream_takes_the_time_that_the_answer_took():
    log = logged(1, latency_s=np.full((1, 3), 0.2))
    started = time.perf_counter()
    ask(log, chat("small", "question 0") | {"stream": True}, latency_scale=1.0)
    assert time.perf_counter() - started >= 0.2


def test_what_is_not_in_the_log_is_refused_before_it_streams():
    reply = ask(logged(1), chat("none", "?") | {"stream": True})
    assert (reply.status_code, reply.json()["error"]["type"]) == (404, "model_not_found")


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_is_none_is_refused(port):
    with (
        pytest.raises(RoutelabError, match=f"port {port}: a port is 0 to 65535"),
        background(logged(2), port),
    ):
        pass


def test_a_model_without_prices_costs_what_the_server_reports(tmp_path):
    log = logged(3)
    chosen = policy_file(tmp_path, Fixed(model="small"), Catalogue())

    async def route():
        known = pointed_at("http://replay/v1", ["small"])
        config = RouterConfig(transport=httpx.ASGITransport(replay_app(log)))
        async with AsyncRouter(chosen, known, config) as router:
            return await router.route("whatever", id="r1")

    assert asyncio.run(route()).cost_usd == log.cost_usd[1, 0]


def test_a_prompt_finds_its_request_in_whatever_form_it_is_sent():
    log = logged(5)
    system = {"role": "system", "content": "be brief"}
    parts = [{"type": "text", "text": "question "}, {"type": "text", "text": "4"}]
    for messages in (
        [system, {"role": "user", "content": "question 4"}],
        [{"role": "user", "content": parts}],
        [{"role": "user", "content": "question "}, {"role": "user", "content": "4"}],
    ):
        body = ask(log, {"model": "small", "messages": messages}, {"x-request-id": "gateway-1"})
        assert body.json()["choices"][0]["message"]["content"] == "small on 4"


def said(log, *asked, tell=lambda _: None):
    """What one server answers to requests, one after the other: models, prompts and samples."""

    async def post():
        transport = httpx.ASGITransport(replay_app(log, tell=tell))
        async with httpx.AsyncClient(transport=transport, base_url="http://replay") as client:
            for model_name, prompt, headers in asked:
                body = chat(model_name, prompt)
                reply = await client.post("/v1/chat/completions", json=body, headers=headers)
                yield reply.json()["choices"][0]["message"]["content"]

    async def every():
        return [text async for text in post()]

    return asyncio.run(every())


def test_requests_that_say_the_same_are_answered_in_turn():
    log = logged(4, prompts=["same", "other", "same", "last"])
    small = ("small", "same", {})
    assert said(log, small, small, small, ("small", "other", {})) == [
        *("small on 0", "small on 2", "small on 0", "small on 1")
    ]
    assert said(log, ("small", "same", {"x-request-id": "r2"}), small) == [
        *("small on 2", "small on 0")
    ]


def test_a_prompt_alone_is_not_taken_for_a_conversation_that_says_the_same():
    brief = ({"role": "system", "content": "be brief"}, {"role": "user", "content": "same"})
    log = logged(3, prompts=[brief, "same", "other"])
    alone = ("small", "same", {})
    assert said(log, alone, alone) == ["small on 1", "small on 1"]
    body = {"model": "small", "messages": list(brief)}
    assert ask(log, body).json()["choices"][0]["message"]["content"] == "small on 0"


def test_a_cascade_hears_of_one_request_from_all_its_models_while_they_say_the_same():
    log = logged(3, prompts=["same", "same", "same"])
    small, large = ("small", "same", {}), ("large", "same", {})
    second = ("small", "same", {"x-routelab-attempt": "1"})
    told = said(log, small, large, small, small, large)
    assert told == ["small on 0", "large on 0", "small on 1", "small on 2", "large on 2"]
    with_more_samples = replace(log, again=(log, log))
    assert said(with_more_samples, small, second, small, second) == [
        *("small on 0", "small on 0", "small on 1", "small on 1")
    ]


def test_ids_keep_requests_apart_that_say_the_same_and_are_asked_at_once():
    log, told = logged(3, prompts=["same", "same", "same"]), []

    def by(model, key):
        return (model, "same", {"x-request-id": key})

    asked = [by("small", "a"), by("small", "b"), by("small", "c"), by("large", "a"),
             by("large", "c"), by("large", "b"), by("small", "d"), by("large", "d")]  # fmt: skip
    assert said(log, *asked, tell=told.append) == [
        "small on 0", "small on 1", "small on 2", "large on 0",
        "large on 2", "large on 1", "small on 0", "large on 0",
    ]  # fmt: skip
    assert told == []


def test_what_is_asked_at_once_without_ids_is_said_to_be_a_guess_once():
    small, large = ("small", "same", {}), ("large", "same", {})
    told = []
    log = logged(4, prompts=["same", "same", "same", "other"])
    said(log, small, large, small, large, ("small", "other", {}), tell=told.append)
    assert told == []
    said(log, small, small, large, large, small, small, large, tell=told.append)
    (warning,) = told
    assert "say the same (r0, r1, r2)" in warning
    assert "x-request-id" in warning
    alone, told = ("small", "other", {}), []
    said(log, alone, alone, ("large", "other", {}), tell=told.append)
    assert told == []  # there is one request only that it can be


def test_concurrent_requests_of_one_prompt_get_the_answers_of_one_request_each(tmp_path):
    log = logged(40, prompts=["same"] * 40)
    policy = Cascade(models=("small", "middle", "large"), thresholds=(9.0, 9.0), signal="free")
    chosen = policy_file(tmp_path, policy, pointed_at("http://replay/v1", log.models))

    async def route():
        transport = httpx.ASGITransport(replay_app(log, latency_scale=1e-3))
        config = RouterConfig(transport=transport)
        async with AsyncRouter(chosen, chosen.document.catalogue, config=config) as router:
            return await asyncio.gather(*(router.route("same", id=f"x{at}") for at in range(40)))

    decisions = asyncio.run(route())
    assert sorted(it.answer for it in decisions) == sorted(f"large on {row}" for row in range(40))
    for it in decisions:
        row = int(it.answer.split()[-1])
        assert it.cost_usd == pytest.approx(log.cost_usd[row].sum())


def test_an_id_with_any_characters_is_found():
    names = ["naïve 7", "50%", "50%25", "a,b"]
    log = logged(4, requests=Requests(id=np.array(names, dtype=object)))
    for row, header in enumerate(["na%C3%AFve%207", "50%25", "50%2525", "a%2Cb"]):
        body = ask(log, "small", {"x-request-id": header}).json()
        assert body["choices"][0]["message"]["content"] == f"small on {row}"


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (chat("small", "never asked"), 404, "no such prompt; say which request is meant"),
        (chat("huge", "question 1"), 404, "no model 'huge': small, middle, large"),
        ({"messages": []}, 404, "no model None"),
        ({"model": "small", "messages": 7}, 404, "no such prompt"),
        ([1], 400, "JSON object"),
    ],
)
def test_what_the_log_cannot_answer_is_told(body, status, why):
    reply = ask(logged(3), body)
    assert reply.status_code == status
    assert why in reply.json()["error"]["message"]


def test_an_unknown_id_is_named_and_a_log_without_prompts_still_answers_by_id():
    log = logged(3, texts=None)
    reply = ask(log, chat("small", "question 1"), {"x-request-id": "r9"})
    assert reply.status_code == 404
    assert "'r9'" in reply.json()["error"]["message"]
    body = ask(log, chat("small", "question 1"), {"x-request-id": "r1"}).json()
    assert body["choices"][0]["message"]["content"] == "(answer not logged)"


def test_invalid_json_is_refused():
    async def post():
        transport = httpx.ASGITransport(replay_app(logged(2)))
        async with httpx.AsyncClient(transport=transport, base_url="http://replay") as client:
            bad = await client.post("/v1/chat/completions", content=b"{nonsense")
            models, health = await client.get("/v1/models"), await client.get("/health")
            return bad, models.json(), health.json()

    bad, models, health = asyncio.run(post())
    assert bad.status_code == 400
    assert [one["id"] for one in models["data"]] == ["small", "middle", "large"]
    assert health == {"status": "ok", "requests": 2, "models": ["small", "middle", "large"]}


def test_an_outcome_that_was_not_observed_is_not_made_up():
    log = logged(3)
    log.quality[1, 0] = np.nan
    reply = ask(log, "small", {"x-request-id": "r1"})
    assert reply.status_code == 404
    assert "no outcome of 'small' on request 'r1'" in reply.json()["error"]["message"]


def test_a_logged_failure_fails_again_and_still_costs():
    log = logged(3)
    log.error[1, 0] = True
    reply = ask(log, "small", {"x-request-id": "r1", "x-routelab-need": "confidence"})
    assert reply.status_code == 500
    assert "failed" in reply.json()["error"]["message"]
    assert reply.json()["usage"]["cost"] == log.cost_with("confidence")[1, 0]


def test_needed_signals_are_given_and_charged():
    log = logged(40)
    for row in range(40):
        headers = {"x-request-id": f"r{row}", "x-routelab-need": "confidence"}
        body = ask(log, "large", headers).json()
        value = log.signals["confidence"][row, 2]
        assert body["routelab"]["signals"] == {"confidence": None if math.isnan(value) else value}
        assert body["usage"]["cost"] == log.cost_with("confidence")[row, 2]
    both = {"x-request-id": "r0", "x-routelab-need": "free, confidence"}
    body = ask(log, "large", both).json()
    assert list(body["routelab"]["signals"]) == ["free", "confidence"]
    assert body["usage"]["cost"] == pytest.approx(log.cost_with("confidence")[0, 2])


def test_an_extra_cost_column_is_charged_with_its_signal():
    log = logged(3)
    log = replace(log, extra_usd={"free": np.full((3, 3), 0.25)})
    body = ask(log, "small", {"x-request-id": "r2", "x-routelab-need": "free"}).json()
    assert body["usage"]["cost"] == log.cost_usd[2, 0] + 0.25


def test_unknown_tokens_are_zero_and_an_unknown_cost_is_null():
    log = logged(2)
    log.prompt_tokens[:] = np.nan
    log.cost_usd[:] = np.nan
    usage = ask(log, "small", {"x-request-id": "r0"}).json()["usage"]
    assert (usage["prompt_tokens"], usage["cost"]) == (0, None)


def test_a_catalogues_upstream_names_stand_for_the_logs_models():
    at = Deployment("http://elsewhere/v1", "vendor/small-2")
    shared = Deployment("http://elsewhere/v1", "default")
    named = Catalogue(
        {
            "small": Model(deployments=(at, shared)),
            "large": Model(deployments=(shared,)),
            "stranger": model("plain"),
        }
    )
    log = logged(2)
    body = ask(log, "vendor/small-2", {"x-request-id": "r0"}, catalogue=named).json()
    assert body["choices"][0]["message"]["content"] == "small on 0"
    assert body["model"] == "vendor/small-2"
    assert ask(log, "default", {"x-request-id": "r0"}, catalogue=named).status_code == 404
    own = replace(log, catalogue=named)
    assert ask(own, "vendor/small-2", {"x-request-id": "r0"}).status_code == 200


def test_latency_is_replayed_to_scale(monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr("routelab.replay_server.app.asyncio.sleep", sleep)
    log = logged(2)
    log.latency_s[1, 0] = np.nan
    ask(log, "small", {"x-request-id": "r0"}, latency_scale=0.5)
    ask(log, "small", {"x-request-id": "r1"}, latency_scale=0.5)
    assert slept == [0.5 * log.latency_s[0, 0], 0.0]


def test_a_taken_port_is_an_error_that_says_so():
    with background(logged(2)) as base_url:
        assert httpx.get(base_url.replace("/v1", "/health")).json()["status"] == "ok"
        port = int(base_url.rpartition(":")[2].removesuffix("/v1"))
        with (
            pytest.raises(RoutelabError, match=f"127.0.0.1:{port}.*`port`"),
            background(logged(2), port),
        ):
            pass


@pytest.mark.parametrize("prompt", ["", "half \ud83d", "x" * 10_000_000, "\x00\u2028"])
def test_any_prompt_is_found_again(tmp_path, prompt):
    log = logged(2, prompts=["other", prompt])
    world = pointed_at("http://replay/v1", log.models)
    chosen = policy_file(tmp_path, Fixed(model="large"), world)

    async def route():
        transport = httpx.ASGITransport(replay_app(log))
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(transport=transport)
        ) as router:
            return await router.route(prompt)

    assert asyncio.run(route()).answer == "large on 1"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(tmp_path, monkeypatch):
    log = logged(2)
    with closed_port() as nobody, background(log) as base_url:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, nobody)
        chosen = policy_file(tmp_path, Fixed(model="small"), pointed_at(base_url, log.models))
        with Router(chosen, chosen.document.catalogue) as router:
            assert router.route("question 1").answer == "small on 1"


SURE = Cascade(models=("small", "large"), thresholds=(0.5,), signal="confidence")


def routed_through(tmp_path, log, policy, source, *, told=None, ids=("r0",)):
    """What a router makes of requests whose endpoints answer from a log."""
    chosen = policy_file(tmp_path, policy, pointed_at("http://replay/v1", log.models))
    app = replay_app(log, tell=(told if told is not None else []).append)

    async def route():
        options = {"transport": httpx.ASGITransport(app), "signals": {policy.signal: source}}
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(**options)
        ) as router:
            return [await router.route("whatever", id=key) for key in ids]

    return asyncio.run(route())


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("agreement:3", "as agreement:3: 1 of 3 samples are logged"),
        ("logprob_q:0.1", "as logprob_q:0.1: no token log probabilities"),
        ("margin", "as margin: no token log probabilities"),
    ],
)
def test_a_signal_that_the_log_cannot_repeat_is_refused_and_never_made_up(tmp_path, source, why):
    told = []
    log = logged(3)
    one, two = routed_through(tmp_path, log, SURE, source, told=told, ids=("r0", "r1"))
    for it in (one, two):
        first = it.decision.steps[0].feedback
        assert why in first.error
        assert "read the logged value as column:confidence, the source to give" in first.error
        assert math.isnan(first.signals["confidence"])
    assert one.cost_usd == log.cost_usd[0, 2]
    (said,) = told
    assert said.startswith("warning: refused: ")
    assert why in said


def test_logged_samples_are_the_samples_of_an_agreement(tmp_path):
    def sample(*texts):
        answers = {"small": list(texts), "middle": ["?"] * 3, "large": ["?"] * 3}
        return logged(3, texts=TextsInMemory([f"question {row}" for row in range(3)], answers))

    log = replace(sample("a", "a", "a"), again=(sample("a", "b", "a"), sample("A", "c", None)))
    found = routed_through(tmp_path, log, SURE, "agreement:3", ids=("r0", "r1"))
    agreed, disagreed = (it.decision.steps[0].feedback for it in found)
    assert (agreed.signals["confidence"], found[0].model) == (1.0, "small")
    assert (disagreed.signals["confidence"], found[1].model) == (0.0, "large")
    each = [it.cost_usd[0, 0] for it in log.samples]
    assert found[0].cost_usd == (each[0] + each[1]) + each[2]
    (unlogged,) = routed_through(tmp_path, log, SURE, "agreement:3", ids=("r2",))
    assert "no text of the answer" in unlogged.decision.steps[0].feedback.error


def test_a_function_reads_the_logged_answer(tmp_path):
    (one,) = routed_through(tmp_path, logged(1), SURE, lambda request, body: 0.9)
    assert one.model == "small"
    (one,) = routed_through(tmp_path, logged(1, texts=None), SURE, lambda request, body: 0.9)
    assert "no text of the answer" in one.decision.steps[0].feedback.error


def test_a_signal_is_found_by_the_field_that_its_sidecar_names(tmp_path):
    log = logged(3)
    log.signals["confidence"][:, 0] = [0.9, 0.1, 0.9]
    spec = SignalSpec(multiplier=3.0, source="column:scores.sure")
    log = log.with_specs({"confidence": spec})
    found = routed_through(tmp_path, log, SURE, "column:scores.sure", ids=("r0", "r1"))
    assert [it.model for it in found] == ["small", "large"]
    assert found[0].cost_usd == 3.0 * log.cost_usd[0, 0]


def test_a_signal_that_the_log_does_not_have_is_refused():
    reply = ask(logged(2), "small", {"x-request-id": "r0", "x-routelab-need": "unheard"})
    assert reply.status_code == 422
    assert "has no signal 'unheard'; it has: confidence, free" in reply.json()["error"]["message"]


def test_a_signal_whose_cost_nobody_told_is_warned_of_once(tmp_path):
    told = []
    log = replace(logged(3), specs={}, extra_usd={})
    routed_through(tmp_path, log, SURE, "column:confidence", told=told, ids=("r0", "r1"))
    (said,) = told
    assert "nothing is charged for signal 'confidence'" in said
    assert "`signals={'confidence': SignalSpec(multiplier=3)}`" in said


def test_the_address_of_a_replay_server_tells_its_signals():
    log = logged(2).with_specs({"confidence": SignalSpec(multiplier=3.0)})
    log = replace(log, specs={"confidence": log.spec("confidence")})
    with background(log) as base_url, closed_port() as nobody:
        assert logged_signals(base_url) == {"confidence": 3.0, "free": None}
        assert logged_signals(f"{base_url}/nothing/here") == {}
        assert logged_signals(nobody) == {}


PRICED = Catalogue(
    {"small": Model(input_usd_per_mtok=1.0, output_usd_per_mtok=4.0, cost_reported=True)}
)


def long_answers():
    """A log of answers of 400 tokens and ten words each, at the prices above."""
    texts = TextsInMemory(["?"], {name: ["word " * 10] for name in ("small", "middle", "large")})
    log = logged(1, texts=texts, latency_s=np.full((1, 3), 0.8))
    log.prompt_tokens[:], log.completion_tokens[:] = 100.0, 400.0
    log.cost_usd[:] = (100 * 1.0 + 400 * 4.0) / 1e6
    return log


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_at_the_tokens_that_are_allowed(field):
    log, named = long_answers(), {"x-request-id": "r0"}
    body = ask(log, chat("small", "?") | {field: 100}, named, catalogue=PRICED).json()
    (choice,) = body["choices"]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["content"] == ("word " * 10)[:13]
    usage = body["usage"]
    assert (usage["completion_tokens"], usage["total_tokens"]) == (100, 200)
    assert usage["cost"] == pytest.approx((100 * 1.0 + 100 * 4.0) / 1e6)
    tripled = named | {"x-routelab-need": "confidence"}
    dear = ask(log, chat("small", "?") | {field: 100}, tripled, catalogue=PRICED).json()
    factor = log.cost_with("confidence")[0, 0] / log.cost_usd[0, 0]
    assert dear["usage"]["cost"] == pytest.approx(factor * usage["cost"])
    whole = ask(log, chat("small", "?") | {field: 400}, named, catalogue=PRICED).json()
    assert whole == ask(log, chat("small", "?"), named, catalogue=PRICED).json()


def test_a_cut_answer_without_prices_has_no_cost_and_one_of_unknown_length_stays_whole():
    log, named = long_answers(), {"x-request-id": "r0"}
    assert ask(log, chat("large", "?") | {"max_tokens": 9}, named).json()["usage"]["cost"] is None
    log.completion_tokens[:] = np.nan
    whole = ask(log, chat("large", "?") | {"max_tokens": 9}, named).json()
    assert whole == ask(log, chat("large", "?"), named).json()


def test_a_cut_stream_says_less_and_takes_less_time():
    started = time.perf_counter()
    body = chat("small", "?") | {"max_tokens": 40, "stream": True}
    reply = ask(long_answers(), body, catalogue=PRICED, latency_scale=1.0)
    assert 0.08 <= time.perf_counter() - started < 0.7
    assembly = Assembly()
    for event in EventParser().feed(reply.content)[:-1]:
        assembly.add(decode_json(event.data))
    assert assembly.body()["choices"][0]["message"]["content"] == "word "
    assert assembly.body()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize("limit", [0, -3, 1.5, "many", True])
def test_a_limit_of_tokens_that_makes_no_sense_is_refused(limit):
    reply = ask(logged(1), chat("small", "?") | {"max_tokens": limit}, {"x-request-id": "r0"})
    assert reply.status_code == 400
    assert "max_tokens must be a whole number of 1 or more" in reply.json()["error"]["message"]


def test_a_budget_that_relies_on_max_tokens_holds_against_a_replay_server(tmp_path):
    log = long_answers()
    log.prompt_tokens[:], log.cost_usd[:] = 1.0, (1 * 1.0 + 400 * 4.0) / 1e6
    at = Deployment("http://replay/v1", "small")
    model = msgspec.structs.replace(PRICED.models["small"], deployments=(at,))
    limit_usd = 0.001  # less than one whole answer costs, and enough for two of 100 tokens

    async def spend():
        chosen = policy_file(tmp_path, Fixed(model="small"), Catalogue({"small": model}))
        app = replay_app(log, catalogue=PRICED)
        options = {
            "transport": httpx.ASGITransport(app),
            "budgets": Budgets(all=BudgetRule(limit_usd)),
        }
        async with AsyncRouter(
            chosen, chosen.document.catalogue, config=RouterConfig(**options)
        ) as router:
            for _ in range(2):
                await router.route("?", id="r0", max_tokens=100)
            with pytest.raises(BudgetError):
                await router.route("?", id="r0", max_tokens=100)
            return (await router.snapshot()).budgets[0].spent_usd

    assert asyncio.run(spend()) == pytest.approx(2 * (1 * 1.0 + 100 * 4.0) / 1e6)
