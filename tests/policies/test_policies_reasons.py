"""What policies say of their choices, to those who ask."""

from __future__ import annotations

import msgspec
import pytest
from outcomes_world import worth
from policies_world import awkward, examples

from routelab import replay
from routelab.core.context import Context
from routelab.core.flow import drive
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.errors import RouteError, UncoveredError
from routelab.policies import (
    CascadeRouting,
    Conditional,
    Fixed,
    GainCascade,
    Match,
    Rule,
    Tiers,
    Utility,
)
from routelab.policies.supermodel import Candidate
from routelab.testing.world import SCORING

MODELS = ("a", "b", "c")
COSTS = (0.001, 0.01, 0.03)
BEFORE = {"before": (0.5, 0.75, 0.25), "hard": (0.4,)}
TIERS = Tiers(scorer="hard", models=MODELS, thresholds=(0.3, 0.7))
UTILITY = Utility(models=MODELS, quality="before", costs=COSTS, cost_weight=5.0)
ROUTING = CascadeRouting(
    models=MODELS,
    quality="before",
    after="after",
    resolution=(0.9, 0.9, 0.0),
    costs=COSTS,
    cost_weight=5.0,
)
RULES = Conditional(rules=(Rule(Match(task=("maths",)), Fixed(model="c")),), otherwise=UTILITY)


class Said:
    """Scorers that say what they are told to say."""

    def __init__(self, **said):
        self._said = said

    def outputs(self, name):
        return ("hard",) if name == "hard" else MODELS

    def score(self, name, request, seen=None):
        return self._said[name]


def reasons(policy, allowed=MODELS, task="", **said):
    x = Context(
        Request("r", task=task), allowed, scoring=Said(**{**BEFORE, **said}), explained=True
    )
    return drive(policy, x, lambda call: Feedback(call.model)).reasons


@pytest.mark.parametrize(
    ("hard", "said"),
    [
        (0.1, "complexity 0.1 is in the tier below 0.3, of a"),
        (0.3, "complexity 0.3 is in the tier from 0.3 and below 0.7, of b"),
        (0.9, "complexity 0.9 is in the tier from 0.7, of c, which is ruled out: b"),
    ],
)
def test_tiers_tell_the_tier_and_who_stands_in(hard, said):
    assert reasons(TIERS, ("a", "b"), hard=(hard,)) == (said,)


def test_utility_tells_every_value_compared():
    said = "b is of the greatest utility, 0.7; the others: a 0.495, c 0.1"
    assert reasons(UTILITY) == (said,)
    assert reasons(UTILITY, ("c",)) == ("c is of the greatest utility, 0.1",)


def test_a_gain_is_told_beside_what_it_has_to_exceed():
    policy = GainCascade(models=MODELS, gain="gain", costs=COSTS, cost_weight=5.0)
    assert reasons(policy, gain=(0.0, 0.06, 0.1)) == (
        "b is asked after a: it is expected to add 0.06, and has to add more than 0.05",
        "c is not asked after b: it is expected to add 0.1, and has to add more than 0.15",
    )


def test_cascade_routing_tells_the_set_what_it_adds_and_what_is_delivered():
    first = worth(0.0, [Candidate(0.5, 0.9, 0.005), Candidate(0.75, 0.9, 0.05)])
    second = worth(0.5, [Candidate(0.98, 0.9, 0.05)])
    assert reasons(ROUTING, after=(0.5, 0.98, 0.25)) == (
        f"a and b together are worth {first:.4g}, the most: a is asked",
        f"b is worth {second:.4g} more than the answer of a, the most: b is asked",
        "no other model is worth asking",
        "the answer of b is the best one seen, of quality 0.98",
    )


def test_a_conditional_tells_its_rule_and_what_that_says():
    assert reasons(RULES, task="maths") == ("rule 1 holds: task is maths",)
    first, second = reasons(RULES, task="other")
    assert first == "no rule holds, and `otherwise` decides"
    assert second == reasons(UTILITY)[0]


TELLING = {"tiers", "neighbors", "utility", "gain-cascade", "cascade-routing", "conditional"}


@pytest.mark.parametrize("kind", examples())
def test_reasons_change_nothing_else(kind):
    log, told = awkward(12, seed=5), 0
    for policy in examples()[kind]:
        for row in range(len(log)):
            try:
                decision = replay.decide(policy, log, row, scoring=SCORING, explained=True)
            except (RouteError, UncoveredError):
                continue
            without = msgspec.structs.replace(decision, reasons=())
            alone = replay.decide(policy, log, row, scoring=SCORING)
            assert repr(without) == repr(alone)  # NaN is not equal to itself
            told += len(decision.reasons)
    assert told or kind not in TELLING
