"""Logged propensities are those of calls: what counting every way of drawing says they are."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core import Call, Context, Deliver, Feedback, Policy, Request, Together, drive, pick
from routelab.core.chance import ScriptedContext
from routelab.core.chance import branches as chance_branches
from routelab.errors import PolicyError, RouteError
from routelab.gates import NonEmpty
from routelab.policies import (
    Cascade,
    Conditional,
    Explore,
    Fallback,
    Fixed,
    Gated,
    Match,
    Mixture,
    Parallel,
    Retry,
    Rule,
)

MODELS = ("a", "b", "c")
CELLS = 12
"""Parts of the unit interval that no draw of these policies cuts."""

NAMES = ("one", "two")


class Dice(Context):
    """A context whose uniform numbers are given, by the name of the draw."""

    __slots__ = ("numbers",)

    def choose(self, name, probabilities, *, all_differ=False):
        return pick(self.numbers[name], probabilities)


def unsure():
    """Policies that look at no signal, so that nothing can be missing."""
    two = st.permutations(MODELS).map(lambda it: tuple(it[:2]))
    return st.one_of(st.sampled_from(MODELS).map(Fixed), two.map(Parallel))


def leaves():
    thresholds = st.sampled_from([0.2, 0.5, 0.8])
    two = st.permutations(MODELS).map(lambda it: tuple(it[:2]))
    return st.one_of(
        st.sampled_from(MODELS).map(Fixed),
        st.builds(lambda models, cut: Cascade(models, (cut,), "sure"), two, thresholds),
        st.builds(lambda cuts: Cascade(MODELS, cuts, "sure"), st.tuples(thresholds, thresholds)),
        st.builds(lambda model, cut: Retry(model, 3, "sure", cut), st.sampled_from(MODELS),
                  thresholds),
        two.map(lambda models: Parallel(models, "confident", "sure")),
    )  # fmt: skip


def around(inner):
    names = st.sampled_from(NAMES)
    weights = st.sampled_from([0.25, 0.5, 0.75])
    return st.one_of(
        st.builds(_mixture, inner, inner, weights, names),
        st.builds(Explore, inner, st.sampled_from([0.5, 1.0]), names),
        st.builds(_explored, inner, inner, names, names),
        st.builds(lambda a, b: Fallback((a, b)), inner, inner),
        st.builds(_by_task, inner, inner),
        inner.map(lambda it: Gated(it, (NonEmpty(),))),
    )


def _by_task(math_policy, other):
    return Conditional((Rule(Match(task=("math",)), math_policy),), other)


def _mixture(first, second, weight, name):
    try:
        return Mixture(first, second, weight, name)
    except PolicyError:  # a mixture inside has the same name
        return Fixed("a")


def _explored(first, second, name, other):
    return Explore(_mixture(first, second, 0.5, name), 0.5, other)


POLICIES = st.one_of(
    st.recursive(leaves(), around, max_leaves=5), st.recursive(unsure(), around, max_leaves=5)
)
ANSWERS = st.dictionaries(
    st.tuples(st.sampled_from(MODELS), st.integers(0, 4)),
    st.sampled_from(["fails", "empty", 0.1, 0.4, 0.6, 0.9]),
)


def answering(answers):
    """Every answer's signals, whether they were asked for or not: what is seen is the same."""

    def answer(call: Call) -> Feedback:
        kind = answers.get((call.model, call.sample), 0.6)
        if kind == "fails":
            return Feedback(call.model, {"sure": math.nan}, 0.1, 1.0, error="fails")
        rejected = ("it is empty",) if kind == "empty" and call.gates else ()
        sure = 0.6 if kind == "empty" else kind
        return Feedback(call.model, {"sure": sure}, 0.1, 1.0, rejected=rejected, text="x")

    return answer


def path(policy, x, answers):
    """Calls turn by turn with their propensities, and that of the end."""
    try:
        done = drive(policy, x, answering(answers))
        steps, ended = done.steps, done.end_propensity
    except RouteError as error:
        steps, ended = error.steps, error.end_propensity
    turns = [list(of) for _, of in itertools.groupby(steps, lambda it: it.turn)]
    made = [tuple(it.call.model for it in turn) for turn in turns]
    return made, [turn[0].propensity for turn in turns], ended


def names_of(policy):
    own = {policy.name} if isinstance(policy, Mixture | Explore) else set()
    return own.union(*(names_of(it) for it in policy.parts))


def counted(policy, request, answers):
    """By path so far, in how many equally probable ways it is reached; and all whole paths."""
    names = sorted(names_of(policy))
    reached, whole = Counter(), Counter()
    for cells in itertools.product(range(CELLS), repeat=len(names)):
        x = Dice(request, MODELS)
        x.numbers = dict(zip(names, ((it + 0.5) / CELLS for it in cells), strict=True))
        made, *_ = path(policy, x, answers)
        whole[tuple(made)] += 1
        reached.update(tuple(made[:upto]) for upto in range(len(made) + 1))
    return reached, whole


@given(POLICIES, ANSWERS, st.integers(0, 50), st.sampled_from(["math", "code"]))
@settings(max_examples=60, deadline=None)
def test_propensities_are_what_counting_all_draws_says(policy, answers, seed, task):
    request = Request("r1", task=task)
    reached, whole = counted(policy, request, answers)
    made, propensities, ended = path(policy, Context(request, MODELS, seed=seed), answers)
    for upto, found in enumerate(propensities):
        right = reached[tuple(made[: upto + 1])] / reached[tuple(made[:upto])]
        assert math.isnan(found) or found == pytest.approx(right), (upto, made)
    right = whole[tuple(made)] / reached[tuple(made)]
    assert math.isnan(ended) or ended == pytest.approx(right)
    if not (policy.signals_used or policy.gates_used):
        assert not any(map(math.isnan, [*propensities, ended]))


def test_two_draws_that_lead_to_one_call_add_up():
    inner = Mixture(Fixed("a"), Fixed("b"), 0.5, "in")
    policy = Mixture(Fixed("a"), Explore(inner, 0.4), 0.25)
    asks_a = 0.25 + 0.75 * (0.5 * (0.6 + 0.2) + 0.5 * 0.2)
    for number in range(20):
        x = Context(Request(f"r{number}"), MODELS)
        (calls,), (found,), ended = path(policy, x, {})
        assert found == pytest.approx(asks_a if calls == ("a",) else 1 - asks_a)
        assert ended == 1.0


def test_draws_of_one_name_fall_from_one_number():
    policy = Fallback((Mixture(Fixed("a"), Fixed("b"), 0.5), Mixture(Fixed("b"), Fixed("c"), 0.25)))
    answers = {(name, 0): "fails" for name in MODELS}
    for number in range(20):
        x = Context(Request(f"r{number}"), MODELS)
        made, found, _ = path(policy, x, answers)
        if made[0] == ("a",):  # below .5, so that the second draw falls on b half of the time
            assert found == [pytest.approx(0.5), pytest.approx(0.5)]
        else:  # not below .5, so never below .25
            assert (made[1], found) == (("c",), [pytest.approx(0.5), pytest.approx(1.0)])


def test_what_was_not_obtained_leaves_later_propensities_unknown():
    cascade = Cascade(("a", "b"), (0.7,), "sure")
    policy = Mixture(cascade, Fixed("a"), 0.5)
    answers = {("a", 0): 0.1}
    for number in range(20):
        x = Context(Request(f"r{number}"), MODELS)
        made, found, ended = path(policy, x, answers)
        if len(made) == 2:
            assert (found, ended) == ([1.0, pytest.approx(0.5)], 1.0)
        else:  # the cascade would have looked at a signal that nobody asked for
            assert found == [1.0]
            assert math.isnan(ended)


class Broken(Policy, frozen=True):
    """Cannot decide."""

    @property
    def models_used(self):
        return MODELS

    def route(self, x):
        raise RuntimeError("a bug")
        yield


class Wide(Policy, frozen=True):
    """Draws so often that its ways cannot be followed."""

    @property
    def models_used(self):
        return MODELS

    def route(self, x):
        for number in range(30):
            x.choose(f"draw {number}", (0.5, 0.5))
        answers = yield Together((Call("a"), Call("b")))
        return Deliver(answers[0])


def test_a_way_not_taken_may_break_and_the_request_does_not():
    policy = Mixture(Fixed("a"), Broken(), 0.75)
    x = next(
        x
        for x in (Context(Request(f"r{number}"), MODELS) for number in range(50))
        if Mixture(Fixed("a"), Fixed("b"), 0.75).route(x).send(None).model == "a"
    )
    made, found, ended = path(policy, Context(x.request, MODELS), {})
    assert (made, found, ended) == ([("a",)], [0.75], 1.0)


def test_where_there_are_too_many_ways_nothing_is_said(monkeypatch):
    monkeypatch.setattr(chance_branches, "MOST_BRANCHES", 16)
    made, found, ended = path(Wide(), Context(Request("r1"), MODELS), {})
    assert made == [("a", "b")]
    assert math.isnan(found[0])
    assert math.isnan(ended)


def test_one_draw_whose_options_all_differ_runs_nothing_twice():
    asked = []

    class Noted(Policy, frozen=True):
        @property
        def models_used(self):
            return MODELS

        def route(self, x):
            asked.append(x)
            return Deliver((yield Call("a")))

    path(Explore(Noted(), 0.5), Context(Request("r1"), MODELS), {})
    assert len(asked) == 1
    path(Mixture(Noted(), Noted(), 0.5), Context(Request("r1"), MODELS), {})
    assert any(isinstance(x, ScriptedContext) for x in asked[1:])


def test_a_step_says_its_propensity_to_whoever_drives_it():
    x = Context(Request("r1"), MODELS)
    done = drive(Mixture(Fixed("a"), Fixed("a"), 0.5), x, answering({}))
    assert (x.propensity, x.end_propensity, done.end_propensity) == (1.0, 1.0, 1.0)
    assert msgspec.structs.asdict(done.steps[0])["propensity"] == 1.0
