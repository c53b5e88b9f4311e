"""Gates on live answers: asking again, going on to the next model, and functions of users."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio
import httpx
import pytest
from runtime_world import policy_file

from routelab import gates
from routelab.core.admission import CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Deployment, Model
from routelab.errors import PolicyError, RouteError
from routelab.policies import Cascade, Fallback, Fixed, Gated
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.runtime.calls.threads import Threads

ASKED = "What is 6 x 7? Answer as JSON."
QUICK = {name: CallEstimate(latency_s=0.01) for name in ("small", "large")}
CHAIN = Fallback((Fixed("small"), Fixed("large")))


class Scripted(httpx.AsyncBaseTransport):
    """Endpoints that say what they are told to, in turn, and keep what they were asked."""

    def __init__(self, **answers):
        self.answers = {model: list(texts) for model, texts in answers.items()}
        self.asked = []

    async def handle_async_request(self, request):
        body = httpx.Response(200, content=await request.aread()).json()
        self.asked.append(body)
        text = self.answers[body["model"]].pop(0)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}}
        usage = {"prompt_tokens": 10, "completion_tokens": 10, "cost": 0.001}
        return httpx.Response(200, json={"choices": [choice], "usage": usage})

    @property
    def models(self):
        return [body["model"] for body in self.asked]


@pytest.fixture
def route(tmp_path):
    places = {
        name: Model(cost_reported=True, deployments=(Deployment("http://upstream.test/v1", name),))
        for name in ("small", "large")
    }

    def run(policy, endpoints, deadline_s=None, **options):
        chosen = policy_file(tmp_path, policy, Catalogue(places), estimates=QUICK)

        async def main():
            async with AsyncRouter(
                chosen,
                chosen.document.catalogue,
                config=RouterConfig(transport=endpoints, **options),
            ) as router:
                return await router.route(ASKED, deadline_s=deadline_s)

        return asyncio.run(main())

    return run


def test_a_refused_answer_is_asked_again_with_what_was_wrong(route):
    endpoints = Scripted(small=["forty-two", "42"])
    routed = route(Gated(Fixed("small"), (gates.Json(),), again=1), endpoints)
    assert routed.answer == "42"
    assert routed.cost_usd == pytest.approx(0.002)
    first, second = (body["messages"] for body in endpoints.asked)
    assert second[:1] == first
    assert second[1] == {"role": "assistant", "content": "forty-two"}
    assert "not JSON" in second[2]["content"]
    assert [bool(step.feedback.rejected) for step in routed.decision.steps] == [True, False]


def test_an_answer_that_stays_refused_leads_to_the_next_model(route):
    endpoints = Scripted(small=["one", "two"], large=["3"])
    routed = route(Gated(CHAIN, (gates.Json(),), again=1), endpoints)
    assert (routed.model, routed.answer) == ("large", "3")
    assert endpoints.models == ["small", "small", "large"]
    assert len(endpoints.asked[2]["messages"]) == 1


def test_a_cascade_goes_on_although_the_refused_answer_was_confident(route):
    endpoints = Scripted(small=["sure, but no JSON"], large=["3"])
    policy = Gated(Cascade(("small", "large"), (0.5,), "sure"), (gates.Json(),))
    routed = route(policy, endpoints, signals={"sure": lambda request, response: 1.0})
    assert routed.model == "large"


def test_when_nothing_passes_the_error_has_every_reason(route):
    endpoints = Scripted(small=["", "x"], large=["", "y"])
    policy = Gated(CHAIN, (gates.NonEmpty(), gates.Json()), again=1)
    with pytest.raises(RouteError) as caught:
        route(policy, endpoints)
    told = str(caught.value)
    assert told.count("the answer is empty") == 2
    assert told.count("not JSON") == 4
    assert "small" in told
    assert "large" in told


def test_gates_are_laid_over_a_policy_that_has_none(route):
    endpoints = Scripted(small=["no", "7"])
    routed = route(Fixed("small"), endpoints, gates=(gates.Json(),), again=1)
    assert routed.answer == "7"


def hangs(_request, _text):
    time.sleep(0.6)


async def hangs_politely(_request, _text):
    await asyncio.sleep(30)


def raises(_request, text):
    raise LookupError(f"no entry for {text}")


def times_out(_request, _text):
    raise TimeoutError("the dictionary is away")


def nonsense(_request, _text):
    return 3


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (hangs, "no verdict in 0.05 s"),
        (hangs_politely, "no verdict in 0.05 s"),
        (raises, "LookupError: no entry for 1"),
        (times_out, "TimeoutError: the dictionary is away"),
        (nonsense, "gave 3"),
        (lambda request, text: f"not for {request.task!r}", "not for ''"),
    ],
)
def test_a_function_that_raises_hangs_or_refuses_leads_to_the_next_model(route, function, why):
    policy = Fallback(
        (Gated(Fixed("small"), (gates.Function("house", timeout_s=0.05),)), Fixed("large"))
    )
    started = time.monotonic()
    endpoints = Scripted(small=["1"], large=["2"])
    routed = route(policy, endpoints, gate_functions={"house": function})
    assert routed.model == "large"
    assert why in routed.decision.steps[0].feedback.rejected[0]
    assert time.monotonic() - started < 5


def test_no_function_is_waited_for_beyond_the_deadline(route):
    policy = Gated(Fixed("small"), (gates.Function("house", timeout_s=30.0),), again=1)
    started = time.monotonic()
    with pytest.raises(RouteError, match="no verdict before the request's deadline"):
        route(
            policy,
            Scripted(small=["1"]),
            deadline_s=0.3,
            gate_functions={"house": hangs_politely},
        )
    assert time.monotonic() - started < 10


def test_functions_that_hang_keep_a_bounded_number_of_threads(route, monkeypatch):
    monkeypatch.setattr("routelab.runtime.calls.gates.MOST_THREADS", 3)
    release, running = threading.Event(), []

    def stuck(_request, _text):
        running.append(threading.current_thread())
        release.wait(30)

    house = (gates.Function("house", timeout_s=0.05),)
    policy = Fallback((Gated(Fixed("small"), house, again=3), Gated(Fixed("large"), house)))
    try:
        with pytest.raises(RouteError, match="3 calls of it have not returned yet"):
            route(policy, Scripted(small=["1"] * 4, large=["2"]), gate_functions={"house": stuck})
        assert len(running) == 3
        assert all(thread.daemon for thread in running)  # the program can end
    finally:
        release.set()


def test_a_function_that_returns_late_makes_room_for_the_next_call():
    threads, release = Threads(1), threading.Event()

    async def run():
        with anyio.move_on_after(0.05):
            await threads.run(release.wait, 30)
        assert threads.full
        release.set()
        return await asyncio.wait_for(threads.run(lambda: "now"), 10)

    assert asyncio.run(run()) == "now"
    assert not threads.full


@pytest.mark.parametrize("raised", [StopIteration("no more"), SystemExit(3), KeyboardInterrupt()])
def test_what_would_end_the_event_loop_is_told_as_any_other_error(raised):
    def ends():
        raise raised

    with pytest.raises(RuntimeError, match=type(raised).__name__):
        asyncio.run(Threads(1).run(ends))


@pytest.mark.parametrize(
    ("policy", "functions", "why"),
    [
        (Gated(Fixed("small"), (gates.Function("house"),)), {}, "'house', and none is given"),
        (Fixed("small"), {"house": raises}, "no gate of the policy names the function 'house'"),
    ],
)
def test_functions_and_gates_must_name_each_other(route, policy, functions, why):
    with pytest.raises(PolicyError, match=why):
        route(policy, Scripted(), gate_functions=functions)
