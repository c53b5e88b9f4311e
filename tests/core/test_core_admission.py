"""What a request must not be sent to: capabilities, context windows, budgets and deadlines."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routelab.core.admission import Admission, CallEstimate
from routelab.core.catalogue.catalogue import Catalogue, Model
from routelab.core.catalogue.parameters import Parameters
from routelab.core.context import Context
from routelab.core.flow import drive
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.core.tokens import estimated_tokens, tokens_of
from routelab.errors import NoModelError
from routelab.policies import Cascade, Fixed

CASCADE = Cascade(models=("a", "b", "c"), thresholds=(0.5, 0.5), signal="sure")
ESTIMATES = {
    "a": CallEstimate(cost_usd=1.0, latency_s=1.0),
    "b": CallEstimate(cost_usd=2.0, latency_s=1.0),
    "c": CallEstimate(cost_usd=4.0, latency_s=5.0),
}


class Predicts:
    """Scorers of cost and latency that know `b` alone."""

    names = ("part", "usd", "gain", "later")

    def asks(self, name):
        return ("part",) if name == "usd" else ()

    def target(self, name):
        return "gain" if name == "gain" else "cost"

    def reads_answer(self, name):
        return name == "later"

    def outputs(self, name):
        return ("b",)

    def score(self, name, request, seen=None):
        assert name == "usd"
        return (-3.0,) if request.task == "free" else (9.0,)


def decide(policy=CASCADE, *, models=None, estimates=ESTIMATES, scoring=None, took=None, **request):
    """Every answer costs and takes what is estimated, or what `took` says, and is never sure."""

    def answer(call):
        expected = ESTIMATES[call.model]
        usd, seconds = (took or {}).get(call.model, (expected.cost_usd, expected.latency_s))
        return Feedback(call.model, dict.fromkeys(call.need, 0.0), usd, seconds)

    catalogue = Catalogue(models or {})
    admission = Admission(policy.models_used, catalogue, scoring, estimates)
    x = Context(Request("r", **request), policy.models_used, scoring=scoring, admission=admission)
    return drive(policy, x, answer).models


@pytest.mark.parametrize(
    ("usd", "models"),
    [(7.0, ("a", "b", "c")), (6.9, ("a", "b")), (3.0, ("a", "b")), (2.9, ("a",)), (1.0, ("a",))],
)
def test_calls_end_before_the_budget_does(usd, models):
    assert decide(max_cost_usd=usd) == models


@pytest.mark.parametrize(
    ("seconds", "models"), [(7.0, ("a", "b", "c")), (6.0, ("a", "b")), (1.5, ("a",))]
)
def test_calls_end_before_the_deadline_does(seconds, models):
    assert decide(deadline_s=seconds) == models


def test_what_was_really_spent_counts_and_not_what_was_expected():
    assert decide(max_cost_usd=7.0, took={"a": (4.0, 1.0)}) == ("a", "b")
    assert decide(max_cost_usd=7.0, took={"a": (6.0, 1.0)}) == ("a",)
    assert decide(deadline_s=7.0, took={"a": (1.0, 6.5)}) == ("a",)


def test_without_bounds_nothing_is_predicted():
    assert decide(estimates={}) == ("a", "b", "c")


def test_a_model_of_which_nothing_is_known_is_ruled_out_by_a_bound():
    known = {"b": ESTIMATES["b"], "c": CallEstimate(latency_s=1.0)}
    assert decide(estimates=known, max_cost_usd=100.0) == ("b",)
    with pytest.raises(NoModelError, match=r"c has no known cost_usd.*100 USD.*`estimates`"):
        decide(Fixed(model="c"), estimates=known, max_cost_usd=100.0)


def test_a_model_of_unknown_latency_may_be_called_until_the_deadline():
    assert decide(estimates={}, deadline_s=100.0) == ("a", "b", "c")
    assert decide(estimates={}, deadline_s=7.0, took={"a": (1.0, 7.0)}) == ("a",)
    with pytest.raises(NoModelError, match="c cannot answer within 0 s: they are over"):
        decide(Fixed(model="c"), estimates={}, deadline_s=0.0)
    known = {"b": CallEstimate(latency_s=8.0)}
    assert decide(estimates=known, deadline_s=7.0) == ("a", "c")


def test_a_cost_that_was_not_observed_leaves_no_budget():
    assert decide(max_cost_usd=100.0, took={"a": (math.nan, 1.0)}) == ("a",)


def test_a_scorer_goes_before_the_estimates_and_no_cost_is_negative():
    assert decide(Fixed(model="b"), scoring=Predicts(), max_cost_usd=9.0) == ("b",)
    with pytest.raises(NoModelError, match="b would exceed 8 USD: 0 are used and 9 predicted"):
        decide(Fixed(model="b"), scoring=Predicts(), max_cost_usd=8.0)
    free = {"scoring": Predicts(), "max_cost_usd": 0.0, "task": "free"}
    assert decide(Fixed(model="b"), **free) == ("b",)
    assert decide(Fixed(model="a"), scoring=Predicts(), max_cost_usd=1.0) == ("a",)


WINDOWS = {"a": Model(context_window=10), "b": Model(context_window=100), "c": Model()}


@pytest.mark.parametrize(
    ("length", "models"),
    [(40, ("a", "b", "c")), (41, ("b", "c")), (400, ("b", "c")), (401, ("c",))],
)
def test_a_prompt_goes_to_models_that_can_hold_it(length, models):
    messages = ({"role": "user", "content": "x" * length},)
    assert decide(models=WINDOWS, messages=messages) == models


BRIEF = Parameters(prompt_prefix="Be brief, please.")  # about 5 tokens


@pytest.mark.parametrize(
    ("length", "models"), [(20, ("a", "b", "c")), (21, ("b", "c")), (41, ("b", "c"))]
)
def test_what_a_candidate_puts_before_a_prompt_takes_room_in_its_window(length, models):
    both = {"a": Model(context_window=10, base="b", parameters=BRIEF), "b": Model()}
    messages = ({"role": "user", "content": "x" * length},)
    assert decide(models=both, messages=messages) == models
    sent = BRIEF.prefixed(messages)
    assert ("a" in models) == (estimated_tokens(sent) <= 10)


def test_the_error_says_how_much_of_a_window_is_taken_by_a_prefix():
    models = {"a": Model(context_window=10, base="b", parameters=BRIEF)}
    with pytest.raises(NoModelError, match="a holds 10 tokens, about 5 of them for its prompt_"):
        decide(Fixed("a"), models=models, messages=({"role": "user", "content": "x" * 21},))


def test_a_prompt_that_is_not_known_rules_out_nothing():
    assert decide(models=WINDOWS) == ("a", "b", "c")


def test_the_error_says_which_requirement_rules_out_which_model():
    models = {
        "a": Model(capabilities=()),
        "b": Model(capabilities=("tools",), context_window=3),
        "c": Model(capabilities=("tools", "vision")),
    }
    with pytest.raises(NoModelError) as caught:
        decide(
            models=models,
            needs=("tools",),
            messages=({"role": "user", "content": "hello, hello"}, {"content": "hello"}),
            max_cost_usd=3.0,
        )
    told = str(caught.value)
    assert "'r': none of a, b, c is allowed: " in told
    assert "a lacks tools" in told
    assert "b holds 3 tokens and the request has about 5" in told
    assert "c would exceed 3 USD: 0 are used and 4 predicted" in told


@given(st.text())
def test_a_text_never_has_more_tokens_than_characters(text):
    tokens = tokens_of(text)
    assert len(text) / 4 <= tokens <= len(text)
    assert estimated_tokens([{"content": text}]) == tokens


def test_all_parts_of_all_messages_are_counted():
    parts = [{"type": "text", "text": "x" * 8}, {"type": "image_url"}, "y", {"text": None}]
    messages = [{"role": "user", "content": parts}, {"content": None}, {"content": "z" * 4}, {}]
    assert estimated_tokens(messages) == 3


def test_other_scripts_have_more_tokens():
    assert tokens_of("x" * 100) == 25
    assert tokens_of("字" * 100) == 75
    assert tokens_of("\ud800" * 4) == 3
