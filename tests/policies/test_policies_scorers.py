"""What the kinds that have scorers decide, on scores that can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from outcomes_world import worth

from routelab.core.context import Context
from routelab.core.draw import uniform
from routelab.core.flow import drive
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.core.table import Table
from routelab.errors import NoModelError, PolicyError, RouteError
from routelab.policies import (
    Cascade,
    CascadeRouting,
    Conditional,
    Explore,
    Fixed,
    GainCascade,
    Match,
    Mixture,
    Neighbors,
    Rule,
    Tiers,
    Utility,
)
from routelab.policies.supermodel import Candidate

MODELS = ("a", "b", "c")
some = settings(deadline=None, max_examples=60)
shares = st.floats(0.0, 1.0)
qualities = st.tuples(shares, shares, shares)


class Said:
    """Scorers that say what they are told to say, before and after answers."""

    names = ("score", "before", "after", "gain", "usd", "seconds")

    def __init__(self, outputs=MODELS, **said):
        self._outputs, self._said = outputs, said

    def outputs(self, name):
        return ("score",) if name == "score" else self._outputs

    def score(self, name, request, seen=None):
        said = self._said[name]
        return said if seen is None else said[seen.model]


def decide(policy, allowed=MODELS, *, failing=(), request=None, outputs=MODELS, **said):
    def answer(call):
        error = "down" if call.model in failing else None
        return Feedback(call.model, dict.fromkeys(call.need, 0.5), error=error)

    x = Context(request or Request("r"), allowed, scoring=Said(outputs, **said))
    return drive(policy, x, answer)


def asked(policy, allowed=MODELS, **world):
    return decide(policy, allowed, **world).models


TIERS = Tiers(scorer="score", models=MODELS, thresholds=(0.3, 0.7))


@pytest.mark.parametrize(
    ("score", "model"),
    [(0.0, "a"), (math.nextafter(0.3, 0.0), "a"), (0.3, "b"), (0.7, "c"), (9.0, "c")],
)
def test_a_tier_begins_at_its_threshold(score, model):
    assert asked(TIERS, score=(score,)) == (model,)


def test_a_tier_that_is_ruled_out_falls_up_and_then_down():
    assert asked(TIERS, ("a", "c"), score=(0.5,)) == ("c",)
    assert asked(TIERS, ("a",), score=(0.5,)) == ("a",)
    assert asked(TIERS, ("a", "b"), score=(0.9,)) == ("b",)


@some
@given(q=qualities, usd=qualities, weight=st.floats(0.0, 5.0))
def test_utility_asks_the_model_that_is_worth_most(q, usd, weight):
    policy = Utility(models=MODELS, quality="before", cost="usd", cost_weight=weight)
    (model,) = asked(policy, before=q, usd=usd)
    worth = [quality - weight * cost for quality, cost in zip(q, usd, strict=True)]
    assert MODELS.index(model) == worth.index(max(worth))


def test_of_equal_models_the_first_is_asked():
    policy = Utility(models=("c", "a", "b"), quality="before")
    assert asked(policy, before=(0.5, 0.5, 0.5)) == ("c",)
    assert asked(policy, ("a", "b"), before=(0.5, 0.5, 0.5)) == ("a",)


def test_scores_are_read_by_name_and_not_by_place():
    policy = Utility(models=MODELS, quality="before")
    assert asked(policy, outputs=("c", "b", "a"), before=(0.9, 0.5, 0.1)) == ("c",)


def test_cost_scorers_are_not_asked_where_cost_does_not_matter():
    policy = Utility(models=MODELS, quality="before", cost="usd", latency="seconds")
    assert policy.scorers_used == ("before",)
    assert asked(policy, before=(0.1, 0.2, 0.3)) == ("c",)


GAIN = {"a": (0.0, 0.2, 0.3), "b": (0.0, 0.0, 0.2), "c": (0.0, 0.0, 0.0)}


@pytest.mark.parametrize(
    ("weight", "models"), [(0.0, MODELS), (1.9, MODELS), (2.0, ("a", "b")), (20.0, ("a",))]
)
def test_a_gain_is_compared_with_its_price(weight, models):
    costs = (0.0, 0.01, 0.1)
    policy = GainCascade(models=MODELS, gain="gain", costs=costs, cost_weight=weight)
    assert asked(policy, gain=GAIN) == models


def test_a_margin_is_demanded_beyond_the_price_after_each_answer():
    def after(*margins):
        policy = GainCascade(
            models=MODELS, gain="gain", costs=(0.0, 0.01, 0.1), cost_weight=1.0, margins=margins
        )
        return asked(policy, gain=GAIN)

    assert after() == after(0.0, 0.0) == MODELS
    assert after(0.2, 0.0) == ("a",)
    assert after(0.18, 0.11) == ("a", "b")
    assert after(-1.0, -1.0) == MODELS


def test_an_answer_is_compared_with_the_next_model_that_is_allowed():
    policy = GainCascade(
        models=MODELS, gain="gain", signals=("sure",), costs=(0.0, 0.0, 1.0), cost_weight=0.25
    )
    never_b = {**GAIN, "a": (0.0, -1.0, 0.3)}
    assert asked(policy, gain=never_b) == ("a",)
    assert asked(policy, ("a", "c"), gain=never_b) == ("a", "c")
    assert [step.call.final for step in decide(policy, ("a", "c"), gain=never_b).steps] == [
        False,
        True,
    ]


def test_a_failed_answer_is_always_passed_on():
    policy = GainCascade(models=MODELS, gain="gain")
    nothing = dict.fromkeys(MODELS, (0.0, 0.0, 0.0))
    assert asked(policy, gain=nothing) == ("a",)
    assert asked(policy, gain=nothing, failing=("a", "b")) == MODELS
    with pytest.raises(RouteError, match="a: down"):
        asked(policy, gain=nothing, failing=MODELS)


def routing(**fields):
    return CascadeRouting(
        models=MODELS, quality="before", costs=(0.001, 0.01, 0.03), cost_weight=3.0, **fields
    )


LEARNING = {"after": "after", "resolution": (0.5, 0.5, 0.5)}


@some
@given(q=qualities, allowed=st.sets(st.sampled_from(MODELS), min_size=1))
def test_routing_is_the_case_of_single_models(q, allowed):
    utility = Utility(models=MODELS, quality="before", costs=(0.001, 0.01, 0.03), cost_weight=3.0)
    chosen = asked(utility, sorted(allowed), before=q)
    after = dict.fromkeys(MODELS, q)
    for same in (
        routing(supermodels="single", **LEARNING),
        routing(),
        routing(supermodels="single"),
    ):
        assert asked(same, sorted(allowed), before=q, after=after) == chosen
    values = sorted(
        (q[MODELS.index(it)] - 3.0 * (0.001, 0.01, 0.03)[MODELS.index(it)] for it in allowed),
        reverse=True,
    )
    assume(len(values) == 1 or values[0] - values[1] > 1e-9)
    assert asked(routing(max_steps=1, **LEARNING), sorted(allowed), before=q) == chosen


@some
@given(q=st.tuples(shares, shares), held=shares, resolution=shares)
def test_cascading_is_the_case_of_prefixes(q, held, resolution):
    """With two models it asks the second where the expected gain is worth its price."""
    costs, weight = (0.001, 0.05), 2.0
    policy = CascadeRouting(
        models=("a", "b"),
        quality="before",
        after="after",
        resolution=(resolution, resolution),
        costs=costs,
        cost_weight=weight,
        supermodels="prefix",
    )
    gain = worth(held, [Candidate(q[1], resolution, 0.0)])
    assume(abs(gain - weight * costs[1]) > 1e-9)
    cascade = GainCascade(models=("a", "b"), gain="gain", costs=costs, cost_weight=weight)
    said = {"before": q, "after": {"a": (held, q[1]), "b": (held, q[1])}}
    said["gain"] = {"a": (0.0, gain)}
    told = {"outputs": ("a", "b"), **said}
    assert asked(policy, ("a", "b"), **told) == asked(cascade, ("a", "b"), **told)


def test_the_best_answer_is_delivered_and_not_the_last():
    policy = routing(**LEARNING)
    worse = {"a": (0.6, 0.7, 0.7), "b": (0.6, 0.1, 0.9), "c": (0.6, 0.1, 0.2)}
    decision = decide(policy, before=(0.5, 0.6, 0.6), after=worse)
    assert decision.models == MODELS
    assert decision.answer.model == "a"
    assert decision.cost_usd == 0.0


def test_a_failed_model_is_replaced_and_not_asked_again():
    after = dict.fromkeys(MODELS, (1.0, 1.0, 1.0))
    policy = routing(**LEARNING)
    before = (0.9, 0.8, 0.7)
    assert asked(policy, before=before, after=after) == ("a",)
    assert asked(policy, before=before, after=after, failing=("a",)) == ("a", "b")
    with pytest.raises(RouteError, match="c: down"):
        asked(policy, before=before, after=after, failing=MODELS)


def test_no_more_calls_are_made_than_steps_are_allowed():
    poor = {"a": (0.1, 0.9, 0.9), "b": (0.1, 0.1, 0.9), "c": (0.1, 0.1, 0.1)}
    hungry = {"before": (0.5, 0.5, 0.5), "after": poor}
    for steps in (1, 2, 3):
        decision = decide(routing(max_steps=steps, **LEARNING), **hungry)
        assert len(decision.models) <= steps
    assert len(decide(routing(**LEARNING), **hungry).models) == 3
    with pytest.raises(RouteError, match="a: down"):
        decide(routing(max_steps=1, **LEARNING), failing=("a", "b", "c"), **hungry)


def test_a_call_that_cannot_be_overruled_needs_no_signal():
    policy = routing(signals=("sure",), **LEARNING)
    (step,) = decide(policy, ("b",), before=(0.1, 0.2, 0.3)).steps
    assert step.call.final
    assert step.call.need == ()


CHEAP_FIRST = Cascade(models=MODELS, thresholds=(0.9, 0.9), signal="sure")


def test_every_exploration_has_its_exact_propensity():
    """Each first call is made as often as its propensity says, and the rest follows the policy."""
    policy = Explore(policy=CHEAP_FIRST, epsilon=0.3)
    counts = dict.fromkeys(MODELS, 0)
    for row in range(3000):
        decision = decide(policy, request=Request(f"r{row}"))
        first = decision.models[0]
        counts[first] += 1
        (choice,) = decision.choices
        assert MODELS[choice.index] == first
        assert choice.propensity == pytest.approx(0.8 if first == "a" else 0.1)
        assert decision.models == (MODELS if first == "a" else (first,))
    shares = [counts[name] / 3000 for name in MODELS]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)


def test_only_allowed_models_are_explored():
    policy = Explore(policy=CHEAP_FIRST, epsilon=0.5)
    for row in range(50):
        decision = decide(policy, ("b", "c"), request=Request(f"r{row}"))
        assert decision.models[0] in ("b", "c")
        assert decision.choices[0].propensity in (0.75, 0.25)
    (alone,) = decide(policy, ("c",)).choices
    assert alone.propensity == 1.0


def test_an_explored_model_is_held_to_no_threshold():
    policy = Explore(policy=CHEAP_FIRST, epsilon=1.0)
    rows = [decide(policy, request=Request(f"r{row}")) for row in range(40)]
    explored = [it for it in rows if it.models[0] != "a"]
    assert explored
    assert all(it.steps[0].threshold is None and it.steps[0].call.final for it in explored)


def test_nested_explorations_are_independent_and_both_logged():
    policy = Explore(
        policy=Mixture(first=Fixed(model="a"), second=Fixed(model="b"), weight=0.5), epsilon=0.5
    )
    decision = decide(policy)
    assert [choice.name for choice in decision.choices] == ["mixture", "explore"]
    assert uniform(0, "r", "mixture") != uniform(0, "r", "explore")


def request(text="hello", **fields):
    return Request("r", messages=({"role": "user", "content": text},), **fields)


HOLDS = [
    (Match(task=("x", "y")), request(task="y"), request(task="z")),
    (Match(tenant=("t",)), request(tenant="t"), request()),
    (Match(priority=("", "low")), request(), request(priority="high")),
    (Match(needs=("json",)), request(needs=("tools", "json")), request(needs=("tools",))),
    (Match(min_characters=6), request("hello!"), request("hello")),
    (Match(max_characters=5), request("hello"), request("hello!")),
    (Match(language=("Cyrillic",)), request("привет"), request("hello")),
    (Match(language=("no letters",)), request("1 + 1"), request("I + 1")),
    (Match(task=("x",), tenant=("t",)), request(task="x", tenant="t"), request(task="x")),
]


@pytest.mark.parametrize(("when", "yes", "no"), HOLDS)
def test_a_rule_holds_where_all_its_fields_do(when, yes, no):
    policy = Conditional(
        rules=(Rule(when=when, policy=Fixed(model="a")),), otherwise=Fixed(model="b")
    )
    assert asked(policy, request=yes) == ("a",)
    assert asked(policy, request=no) == ("b",)


def test_the_first_rule_that_holds_is_followed():
    rules = tuple(
        Rule(when=when, policy=Fixed(model=name))
        for when, name in ((Match(task=("x",)), "a"), (Match(tenant=("t",)), "b"))
    )
    policy = Conditional(rules=rules, otherwise=Fixed(model="c"))
    assert asked(policy, request=request(task="x", tenant="t")) == ("a",)
    assert asked(policy, request=request(tenant="t")) == ("b",)


def test_a_request_stays_with_its_rule():
    policy = Conditional(
        rules=(Rule(when=Match(tenant=("bank",)), policy=Fixed(model="a")),),
        otherwise=Fixed(model="b"),
    )
    with pytest.raises(NoModelError, match="none of a is allowed"):
        asked(policy, ("b", "c"), request=request(tenant="bank"))


def test_a_rule_on_the_prompt_needs_one():
    policy = Conditional(
        rules=(Rule(when=Match(min_characters=3), policy=Fixed(model="a")),),
        otherwise=Fixed(model="b"),
    )
    assert policy.reads_text
    with pytest.raises(PolicyError, match="'r' has no messages"):
        asked(policy, request=Request("r"))


def test_a_policy_without_its_scorers_says_so():
    with pytest.raises(PolicyError, match=r"'r'.*scorer 'score'.*pass its `scoring`"):
        drive(TIERS, Context(Request("r"), MODELS), lambda call: Feedback(call.model))


MALFORMED = {
    "tiers descend": (
        lambda: Tiers(scorer="s", models=MODELS, thresholds=(0.7, 0.3)),
        r"threshold 1 .* is 0.3, which is not above threshold 0 \(0.7\)",
    ),
    "tiers are equal": (
        lambda: Tiers(scorer="s", models=MODELS, thresholds=(0.7, 0.7)),
        "nothing falls into",
    ),
    "a tier too many": (
        lambda: Tiers(scorer="s", models=MODELS, thresholds=(0.7,)),
        "3 models need 2 thresholds, got 1",
    ),
    "a tier is infinite": (
        lambda: Tiers(scorer="s", models=("a", "b"), thresholds=(math.inf,)),
        "threshold 0 of the tiers is inf",
    ),
    "a weight without costs": (
        lambda: Utility(models=MODELS, quality="q", cost_weight=1.0),
        "nothing tells the cost.*`costs`",
    ),
    "two tellers of cost": (
        lambda: Utility(models=("a",), quality="q", cost="u", costs=(1.0,), cost_weight=1.0),
        "cost scorer 'u' and constant costs",
    ),
    "too few latencies": (
        lambda: Utility(models=MODELS, quality="q", latencies=(1.0,), latency_weight=1.0),
        "3 models needs 3 latencies, got 1",
    ),
    "a negative weight": (
        lambda: Utility(models=MODELS, quality="q", cost_weight=-1.0),
        "cost_weight of utility is -1.0",
    ),
    "no model": (lambda: Utility(models=(), quality="q"), "1 model or more, got 0"),
    "one neighbour": (lambda: Neighbors(models=("a",), scorer="n"), "2 models or more, got 1"),
    "a twin": (lambda: GainCascade(models=("a", "a"), gain="g"), "twice: a, a"),
    "a margin too many": (
        lambda: GainCascade(models=("a", "b"), gain="g", margins=(0.0, 0.1)),
        "2 models needs 1 margins, got 2",
    ),
    "an infinite margin": (
        lambda: GainCascade(models=("a", "b"), gain="g", margins=(-math.inf,)),
        "margin 0 of a gain cascade is -inf",
    ),
    "a signal twice": (
        lambda: GainCascade(models=("a", "b"), gain="g", signals=("s", "s")),
        "signal twice: s, s",
    ),
    "a cost that is no number": (
        lambda: GainCascade(models=("a", "b"), gain="g", costs=(0.0, math.nan)),
        "costs 1 of a gain cascade is nan",
    ),
    "signals for nobody": (
        lambda: CascadeRouting(models=MODELS, quality="q", signals=("s",)),
        "no scorer that learns",
    ),
    "a resolution above one": (
        lambda: routing(after="x", resolution=(0.0, 1.5, 1.0)),
        "resolution 1 of cascade routing is 1.5",
    ),
    "a resolution too few": (
        lambda: routing(after="x", resolution=(0.0,)),
        "3 resolutions, got 1",
    ),
    "no step": (lambda: routing(max_steps=0), "max_steps of cascade routing is 0"),
    "no exploration": (
        lambda: Explore(policy=Fixed(model="a"), epsilon=0.0),
        r"epsilon.*is 0.0.*\(0, 1\]",
    ),
    "no rule": (lambda: Conditional(rules=(), otherwise=Fixed(model="a")), "a rule or more"),
    "a rule without a condition": (lambda: Match(), "matches everything"),
    "a rule that holds nowhere": (
        lambda: Match(min_characters=9, max_characters=3),
        "max_characters of a rule is 3, below",
    ),
    "a language that is none": (lambda: Match(language=("English",)), "'English'.*Latin"),
    "a rule twice": (
        lambda: Conditional(
            rules=(Rule(when=Match(task=("x",)), policy=Fixed(model="a")),) * 2,
            otherwise=Fixed(model="b"),
        ),
        "rule 1 .* condition of rule 0",
    ),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_policy_is_refused_with_the_field_and_the_value(what):
    make, told = MALFORMED[what]
    with pytest.raises(PolicyError, match=told):
        make()


def test_all_problems_are_told_at_once():
    with pytest.raises(PolicyError) as caught:
        Utility(models=("a", "a"), quality="q", costs=(-1.0,), cost_weight=math.nan)
    assert len(caught.value.problems) == 4


@pytest.mark.filterwarnings("ignore:overflow")
def test_utilities_beyond_all_numbers_are_compared_alike_alone_and_in_batches():
    policy = Utility(models=MODELS, quality="before", costs=(0.0, 1.0, 1.7), cost_weight=1.7e308)
    quality = (-1.7e308, 0.5, 0.5)
    for allowed in (MODELS, ("b", "c"), ("c",), ("a", "c")):
        mask = np.array([[name in allowed for name in MODELS]])
        table = Table(
            ids=np.array(["r"], dtype=object),
            models=MODELS,
            signals={},
            allowed=mask,
            scores={"before": np.array([quality])},
            outputs={"before": MODELS},
        )
        (asks,) = [MODELS[it.model] for it in policy.replay_batch(table) if it.rows.any()]
        assert asked(policy, allowed, before=quality) == (asks,)
