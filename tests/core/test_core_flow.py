"""The bookkeeping around a policy: what is called, paid for, waited for and delivered."""

from __future__ import annotations

import math

import pytest

from routelab.core.context import Context
from routelab.core.flow import MAX_CALLS, drive
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Deliver, Feedback, Together, ask
from routelab.core.request import Request
from routelab.errors import NoModelError, PolicyError, RouteError
from routelab.gates import NonEmpty
from routelab.policies import Cascade, Fixed, Gated, Retry

CASCADE = Cascade(models=("a", "b", "c"), thresholds=(0.5, 0.5), signal="sure")


class Insistent(Policy, frozen=True):
    """Asks the same model for ever."""

    def route(self, x):
        while True:
            yield Call("a")


class Crowd(Policy, frozen=True):
    """Asks more at once than anybody may."""

    def route(self, x):
        yield Together((Call("a"),) * (MAX_CALLS + 1))


class Race(Policy, frozen=True):
    """Asks three models at once and then one more, and delivers the first answer it saw."""

    until: str = "all"

    def route(self, x):
        calls = tuple(Call(name, need=("sure",)) for name in "abc")
        answers = yield Together(calls, until=self.until)
        yield from ask(Call("d"))
        return Deliver(next(it for it in answers if it.error is None))


class Hedge(Policy, frozen=True):
    """Races three models and asks a fourth when all of them fail."""

    def route(self, x):
        answers = yield Together(tuple(Call(name) for name in "abc"), until="first")
        good = [it for it in answers if it.error is None]
        return Deliver(good[0] if good else (yield from ask(Call("d"))))


class Inventor(Policy, frozen=True):
    """Delivers an answer that it made up, with or without asking."""

    asks: bool

    def route(self, x):
        if self.asks:
            yield from ask(Call("a"))
        return Deliver(Feedback("a"))


def context(*allowed):
    return Context(Request("r1"), allowed or ("a", "b", "c", "d"))


def answers(**feedback):
    """Answers by model: (signal, cost, latency), or an error in the signal's place."""

    def answer(call):
        sure, cost, latency = feedback[call.model]
        if isinstance(sure, str):
            nothing = dict.fromkeys(call.need, math.nan)
            return Feedback(call.model, nothing, cost, latency, error=sure)
        return Feedback(call.model, dict.fromkeys(call.need, sure), cost, latency)

    return answer


def test_a_call_to_a_model_that_is_not_allowed_is_a_broken_policy():
    with pytest.raises(PolicyError, match=r"'r1'.*calls 'a', which is not allowed.*allowed: b"):
        drive(Insistent(), context("b"), answers())


@pytest.mark.parametrize("policy", [Insistent(), Crowd()])
def test_a_policy_that_never_ends_is_stopped(policy):
    made = []

    def answer(call):
        made.append(call)
        return Feedback(call.model)

    with pytest.raises(PolicyError, match=f"over {MAX_CALLS} calls"):
        drive(policy, context(), answer)
    assert len(made) <= MAX_CALLS


def test_steps_costs_and_latencies_add_in_call_order():
    spent = {"a": (0.1, 0.1, 1.0), "b": (0.2, 0.2, 2.0), "c": (0.9, 0.3, 4.0)}
    decision = drive(CASCADE, context(), answers(**spent))
    assert decision.models == ("a", "b", "c")
    assert decision.cost_usd == (0.0 + 0.1 + 0.2) + 0.3
    assert decision.cost_usd != 0.1 + (0.2 + 0.3)
    assert decision.latency_s == 7.0
    assert [step.threshold for step in decision.steps] == [0.5, 0.5, None]
    assert [step.call.final for step in decision.steps] == [False, False, True]


def test_a_policy_sees_what_was_spent_and_called_before():
    seen = []

    class Watchful(Policy, frozen=True):
        def route(self, x):
            for name in "abc":
                seen.append((x.spent_usd, x.elapsed_s, x.called))
                answer = yield from ask(Call(name))
            return Deliver(answer)

    drive(Watchful(), context(), answers(a=(1, 0.5, 1.0), b=(1, 0.25, 2.0), c=(1, 0.0, 0.0)))
    assert seen == [(0.0, 0.0, ()), (0.5, 1.0, ("a",)), (0.75, 3.0, ("a", "b"))]


def test_calls_made_together_count_once_in_time_and_all_in_money():
    world = answers(a=(1, 0.1, 3.0), b=("down", 0.2, 5.0), c=(1, 0.3, 2.0), d=(1, 0.4, 1.0))
    decision = drive(Race(until="all"), context(), world)
    assert decision.models == ("a", "b", "c", "d")
    assert decision.latency_s == 6.0
    assert decision.cost_usd == 0.1 + 0.2 + 0.3 + 0.4
    assert decision.answer.model == "a"


def test_the_first_answer_cancels_what_would_have_taken_longer():
    world = answers(a=(1, 0.1, 3.0), b=("down", 0.2, 1.0), c=(1, 0.3, 2.0), d=(1, 0.4, 1.0))
    decision = drive(Race(until="first"), context(), world)
    errors = [step.feedback.error for step in decision.steps]
    assert errors == ["cancelled", "down", None, None]
    assert decision.answer.model == "c"
    assert decision.latency_s == 3.0
    assert decision.cost_usd == 0.2 + 0.3 + 0.4


@pytest.mark.parametrize("latency", [2.0, math.nan])
def test_of_answers_that_come_at_once_the_first_asked_wins(latency):
    world = answers(a=("down", 0, 1.0), b=(1, 0.1, latency), c=(1, 0.2, latency), d=(1, 0, 1.0))
    decision = drive(Race(until="first"), context(), world)
    assert [step.feedback.error for step in decision.steps] == ["down", None, "cancelled", None]
    assert decision.cost_usd == 0.1


def test_a_race_that_nobody_wins_waits_for_all():
    world = answers(a=("x", 0, 3.0), b=("x", 0, 5.0), c=("x", 0, 4.0), d=(1, 0, 1.0))
    decision = drive(Hedge(), context(), world)
    assert decision.latency_s == 6.0
    assert [step.feedback.error for step in decision.steps] == ["x", "x", "x", None]


@pytest.mark.parametrize("slots", [(math.nan, 1.0), (1.0, math.nan)])
def test_a_latency_that_was_not_observed_stays_unknown_in_any_order(slots):
    first, second = slots
    world = answers(a=(1, 0, first), b=(1, 0, second), c=(1, 0, 1.0), d=(1, 0, 1.0))
    assert math.isnan(drive(Race(until="all"), context(), world).latency_s)


def test_a_failed_final_call_delivers_the_most_confident_earlier_answer():
    world = answers(a=(0.4, 1.0, 1.0), b=(0.3, 1.0, 1.0), c=("down", 1.0, 1.0))
    decision = drive(CASCADE, context(), world)
    assert decision.answer.model == "a"
    assert decision.cost_usd == 3.0


def test_an_answer_without_a_signal_is_the_last_resort():
    world = answers(a=(-7.0, 0, 1.0), b=(math.nan, 0, 1.0), c=("down", 0, 1.0))
    assert drive(CASCADE, context(), world).answer.model == "a"
    world = answers(a=("down", 0, 1.0), b=(math.nan, 0, 1.0), c=("down", 0, 1.0))
    assert drive(CASCADE, context(), world).answer.model == "b"


def test_of_equally_confident_answers_the_later_is_delivered():
    world = answers(a=(0.4, 0, 1.0), b=(0.4, 0, 1.0), c=("down", 0, 1.0))
    assert drive(CASCADE, context(), world).answer.model == "b"


def test_when_all_fail_every_reason_is_told():
    world = answers(a=("too long", 0, 1.0), b=("timed out", 0, 1.0), c=("refused", 0, 1.0))
    with pytest.raises(RouteError) as caught:
        drive(CASCADE, context(), world)
    told = str(caught.value)
    assert all(word in told for word in ("'r1'", "a: too long", "b: timed out", "c: refused"))
    assert not isinstance(caught.value, NoModelError)


def test_a_failed_answer_is_never_delivered():
    with pytest.raises(RouteError, match="a: no luck"):
        drive(Fixed(model="a"), context(), answers(a=("no luck", 0.0, 1.0)))


@pytest.mark.parametrize("asks", [True, False])
def test_an_answer_that_no_call_gave_is_not_delivered(asks):
    with pytest.raises(PolicyError, match=r"'r1'.*'a' that no call gave"):
        drive(Inventor(asks=asks), context(), answers(a=(1.0, 0.0, 1.0)))


def test_a_cascade_skips_what_is_not_allowed_and_its_threshold():
    cascade = Cascade(models=("a", "b", "c"), thresholds=(0.2, 0.9), signal="sure")
    world = answers(a=(0.5, 0, 1.0), b=(0.5, 0, 1.0), c=(0.5, 0, 1.0))
    assert drive(cascade, context(), world).models == ("a",)
    decision = drive(cascade, context("b", "c"), world)
    assert decision.models == ("b", "c")
    assert [step.threshold for step in decision.steps] == [0.9, None]
    lone = drive(cascade, context("b"), world)
    assert lone.steps[0].call == Call("b", final=True)
    assert lone.steps[0].threshold is None


def test_without_an_allowed_model_the_error_names_the_request():
    with pytest.raises(NoModelError, match=r"'r1'.*none of a is allowed"):
        drive(Fixed(model="a"), context("b"), answers())


def test_of_equals_the_first_that_passes_its_gates_is_delivered():
    """What a policy was told of refused answers is never taken for one that came later."""
    texts = iter(("", "", "", "4", "5", "6", "7", "8"))

    def answer(call):
        text = next(texts)
        rejected = () if text else ("the answer is empty",)
        return Feedback("a", {"sure": 1.0}, latency_s=1.0, text=text, rejected=rejected)

    policy = Gated(Retry("a", times=8, signal="sure", threshold=2.0), (NonEmpty(),))
    decision = drive(policy, Context(Request(id="1"), ("a",)), answer)
    assert decision.answer.text == "4"
