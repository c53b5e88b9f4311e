"""Signals read from live answers equal those computed from the answers' own content."""

from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from runtime_world import Endpoint, catalogue, model, policy_file, token_logprob, token_margin

from routelab.core.request import Request
from routelab.core.signal_spec import SignalSpec
from routelab.errors import PolicyError
from routelab.policies import Cascade
from routelab.runtime import AsyncRouter, RouterConfig
from routelab.signals import KINDS, PLAIN, parse, resolve
from routelab.testing import SignalConformance

PRICES = {"input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """By behaviour of the first model, a cascade that accepts whatever has the signal `sure`."""
    policy = Cascade(models=("first", "last"), thresholds=(-1e300,), signal="sure")
    last = model("plain", **PRICES)
    return {
        behaviour: policy_file(
            tmp_path_factory.mktemp(behaviour),
            policy,
            catalogue(first=model(behaviour, **PRICES), last=last),
        )
        for behaviour in ("good", "plain", "scored", "varied", "flaky")
    }


def route_all(chosen, prompts, signals, **fields):
    """Routed prompts, and the endpoint that answered."""
    endpoint = Endpoint()

    async def route():
        async with AsyncRouter(
            chosen,
            chosen.document.catalogue,
            config=RouterConfig(transport=endpoint.transport, signals=signals),
        ) as router:
            return [await router.route(prompt, **fields) for prompt in prompts]

    return asyncio.run(route()), endpoint


def confidence(chosen, source, prompt="hello there", **fields):
    """The first model's feedback on one prompt, and the endpoint that answered."""
    (routed,), endpoint = route_all(chosen, [prompt], {"sure": source}, **fields)
    return routed.decision.steps[0].feedback, endpoint


EXPECTED = {
    "logprob_mean": lambda words: np.mean([token_logprob(t, i) for i, t in enumerate(words)]),
    "logprob_min": lambda words: np.min([token_logprob(t, i) for i, t in enumerate(words)]),
    "logprob_q:0.1": lambda words: np.quantile(
        [token_logprob(t, i) for i, t in enumerate(words)], 0.1
    ),
    "logprob_q:0.73": lambda words: np.quantile(
        [token_logprob(t, i) for i, t in enumerate(words)], 0.73
    ),
    "margin": lambda words: np.mean([token_margin(t, i) for i, t in enumerate(words)]),
}


@pytest.mark.parametrize("source", EXPECTED)
@given(words=st.lists(st.text("abcdeß漢", min_size=1, max_size=8), min_size=1, max_size=40))
@settings(max_examples=15, deadline=None)
def test_logprob_signals_follow_from_the_answer(files, source, words):
    feedback, _ = confidence(files["good"], source, " ".join(words))
    assert feedback.text.split() == words
    assert feedback.signals["sure"] == pytest.approx(EXPECTED[source](words), abs=1e-9)
    assert feedback.notes == ()


def test_margin_asks_for_two_alternatives_and_keeps_a_wider_wish(files):
    _, endpoint = confidence(files["good"], "margin")
    asked = endpoint.seen[0]["body"]
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 2)
    feedback, endpoint = confidence(files["good"], "margin", top_logprobs=5, logprobs=False)
    asked = endpoint.seen[0]["body"]
    assert (asked["logprobs"], asked["top_logprobs"]) == (True, 5)
    words = enumerate(["hello", "there"])
    expected = np.mean([token_margin(token, index) for index, token in words])
    assert feedback.signals["sure"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [2, 3, 4, 7])
def test_agreement_is_the_share_of_other_samples_that_say_the_same(files, n):
    feedback, endpoint = confidence(files["varied"], f"agreement:{n}")
    assert endpoint.behaviours == ["varied"] * n
    groups = [("yes, it is", "no", "yes, it is", "maybe")[i % 4] for i in range(n)]
    mine = " ".join(feedback.text.casefold().split())
    assert feedback.signals["sure"] == (groups.count(mine) - 1) / (n - 1)


def test_agreement_pays_for_every_sample_and_a_failed_one_disagrees(files):
    one = (1000 * 2.0 + 500 * 8.0) / 1e6
    steady, _ = confidence(files["plain"], "agreement:3")
    assert (steady.signals["sure"], steady.cost_usd) == (1.0, pytest.approx(3 * one))
    flaky, _ = confidence(files["flaky"], "agreement:3")
    assert (flaky.signals["sure"], flaky.cost_usd) == (0.0, pytest.approx(one))
    assert "boiler on fire" in "".join(flaky.notes)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("score", 0.75), ("usage.prompt_tokens", 1000.0), ("choices.0.index", 0.0)],
)
def test_columns_are_named_signals_or_dotted_paths(files, path, expected):
    feedback, _ = confidence(files["scored"], f"column:{path}")
    assert feedback.signals["sure"] == expected


def test_a_function_sees_request_and_response(files):
    def lengths(request, body):
        return len(request.messages[0]["content"]) + len(body["choices"][0]["message"]["content"])

    feedback, _ = confidence(files["plain"], lengths, prompt="four")
    assert feedback.signals["sure"] == 9.0


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("logprob_mean", "no token logprobs"),
        ("margin", "no token logprobs"),
        ("column:absent", "neither routelab.signals.absent nor absent"),
        ("column:choices", "must hold a number"),
        (lambda request, body: 1 / 0, "ZeroDivisionError"),
        (lambda request, body: "high", "no number"),
    ],
)
def test_a_signal_that_cannot_be_had_is_nan_with_a_note_and_one_warning(files, caplog, source, why):
    routed, _ = route_all(files["plain"], ["a", "b", "c"], {"sure": source})
    (said,) = [it for it in caplog.messages if "gives no signal" in it]
    assert "model 'first' gives no signal 'sure', so it escalates" in said
    assert why in said
    for one in routed:
        first = one.decision.steps[0].feedback
        assert math.isnan(first.signals["sure"])
        assert "signal 'sure'" in "".join(first.notes)
        assert one.model == "last"


def test_a_signal_that_no_answer_ever_has_is_warned_of_and_one_that_some_lack_is_not(files, caplog):
    values = iter([math.nan] * 25 + [1.0] + [math.nan] * 30)
    route_all(files["plain"], ["a"] * 56, {"sure": lambda request, body: next(values)})
    (said,) = caplog.messages
    assert "'first' gives no signal 'sure'" in said
    assert "returned NaN (each of its first 20 answers)" in said
    caplog.clear()
    values = iter([1.0] + [math.nan] * 30)
    route_all(files["plain"], ["a"] * 31, {"sure": lambda request, body: next(values)})
    assert not caplog.messages


def test_a_null_column_is_missing_without_a_fix():
    body = {"routelab": {"signals": {"score": None}}, "score": 1.0}
    reading = parse("column:score").read(Request("r"), [body])
    assert math.isnan(reading.value)
    assert reading.note
    assert not reading.fix


@pytest.mark.parametrize(
    "content",
    [None, "text", [], [1], [{"logprob": "x"}], [{}], [{"logprob": -1.0, "top_logprobs": [3]}]],
)
def test_malformed_logprobs_are_missing_and_never_an_exception(content):
    body = {"choices": [{"message": {"content": "a"}, "logprobs": {"content": content}}]}
    reading = parse("margin").read(Request("r"), [body])
    assert math.isnan(reading.value)
    assert reading.fix


def test_what_is_given_goes_before_the_spec_and_the_spec_before_the_default():
    spec = SignalSpec(source="logprob_min")
    assert str(resolve("sure", "margin", spec)) == "margin"
    assert str(resolve("sure", None, spec)) == "logprob_min"
    assert str(resolve("sure", None, SignalSpec())) == "column:sure"
    assert str(resolve("agreement", None, None)) == "column:agreement"
    assert str(resolve("logprob_q:0.1", None, None)) == "logprob_q:0.1"


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("logprob_avg", "no signal source 'logprob_avg'; there are logprob_mean"),
        ("logprob_q", "logprob_q:..."),
        ("logprob_q:2", "must lie in [0, 1]"),
        ("logprob_q:nan", "must lie in [0, 1]"),
        ("agreement:1", "2 to 64"),
        ("agreement:x", "2 to 64"),
        ("margin:2", "no signal source"),
        ("column:", "needs a name"),
    ],
)
def test_a_wrong_source_says_what_is_right(spec, why):
    with pytest.raises(PolicyError, match=r"signal 'sure'") as caught:
        resolve("sure", spec)
    assert why in str(caught.value)


EXAMPLES = {"reversed": "column:entropy", "logprob_q": "0.25", "agreement": "3", "column": "a.b"}


class TestEverySource(SignalConformance):
    specs = (*PLAIN, *(f"{kind}:{EXAMPLES[kind]}" for kind in KINDS))


def test_a_reversed_source_is_the_other_with_the_opposite_sign(files):
    feedback, _ = confidence(files["scored"], "reversed:score")
    assert feedback.signals["sure"] == -0.75
    plain, _ = confidence(files["good"], "logprob_mean")
    turned, endpoint = confidence(files["good"], "reversed:logprob_mean")
    assert turned.signals["sure"] == -plain.signals["sure"]
    assert endpoint.seen[0]["body"]["logprobs"] is True


def test_a_reversed_source_needs_a_name():
    with pytest.raises(PolicyError, match="reversed: needs a name"):
        parse("reversed:")
    assert str(resolve("reversed:entropy")) == "reversed:column:entropy"
