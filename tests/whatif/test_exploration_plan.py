"""Plans of exploration keep what they promise on fresh traffic, and say where they cannot."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from routelab.errors import LogError
from routelab.logs.model import Log, Requests
from routelab.policies import Cascade, Explore, Fixed
from routelab.replay import hidden
from routelab.whatif import PlanOptions, PolicyToValue, plan_exploration, value
from routelab.whatif.exploration_plan import _Pool, _requests

MODELS = ("small", "large")
NOW = PolicyToValue("now", Fixed("small"))
NEW = PolicyToValue("new", Cascade(MODELS, (0.5,), "sure"))
ALWAYS = PolicyToValue("always large", Fixed("large"))


def traffic(seed, n=1500, gain=0.15, timed=False, sessions=False):
    """Two models; the large one is better by `gain` on average, and dearer."""
    rng = np.random.default_rng(seed)
    hard = rng.random(n)
    if sessions:
        hard = np.repeat(rng.random(n // 5), 5)
    right = np.stack([hard < 0.6, hard < 0.6 + gain], axis=1)
    right = np.where(rng.random((n, 2)) < 0.1, ~right, right)
    cost = np.array([1e-4, 1e-3]) * rng.lognormal(0, 0.5, (n, 2))
    return Log(
        requests=Requests(
            id=np.array([f"r{seed}-{at}" for at in range(n)], dtype=object),
            timestamp_s=np.arange(n) * 86.4 if timed else None,
            group=np.array([f"g{at // 5}" for at in range(n)], dtype=object) if sessions else None,
        ),
        models=MODELS,
        quality=np.asfortranarray(right.astype(float)),
        cost_usd=np.asfortranarray(cost),
        latency_s=np.full((n, 2), np.nan),
        prompt_tokens=np.full((n, 2), np.nan),
        completion_tokens=np.full((n, 2), np.nan),
        error=np.zeros((n, 2), dtype=bool),
        signals={"sure": np.asfortranarray(rng.random((n, 2)))},
    )


TRUE = 0.15 * 0.8


def promise(options, seed=1, n=2000, **how):
    return plan_exploration(traffic(seed, n, **how), NOW, ALWAYS, options)


def kept(plan, times, margin, **how):
    """Share of fresh worlds in which `value` settles the question after that many requests."""
    (line,) = plan.options
    exploring = Explore(Cascade(MODELS, (0.0,), "sure"), line.epsilon)  # the small one, in truth
    settled = 0
    for seed in range(1000, 1000 + times):
        log = traffic(seed, line.requests, **how)
        (found,) = value(hidden(log, exploring, seed=seed), [ALWAYS])
        ends = found.estimates["quality"].difference_ci
        settled += ends is not None and ends[0] > margin
    return settled


def test_a_plan_keeps_its_promise_on_fresh_traffic():
    plan = promise(PlanOptions(margin=0.02, effect=TRUE, epsilons=(0.3,)))
    (line,) = plan.options
    assert 0.75 <= line.power <= 0.95
    settled = kept(plan, 16, 0.02)
    assert binomtest(settled, 16, line.power, "less").pvalue > 0.01


@pytest.mark.slow
@pytest.mark.parametrize("sessions", [False, True])
@pytest.mark.parametrize("epsilon", [0.1, 0.3])
@pytest.mark.parametrize("margin", [0.0, 0.06])
def test_plans_keep_their_promises(epsilon, margin, sessions):
    plan = promise(
        PlanOptions(margin=margin, effect=TRUE, epsilons=(epsilon,)), n=4000, sessions=sessions
    )
    (line,) = plan.options
    share = binomtest(kept(plan, 200, margin, sessions=sessions), 200).proportion_ci(0.998)
    assert share.high > line.power - 3 * line.power_error
    assert share.low < line.power + 0.1  # nor is it far more than is needed


def test_more_exploration_is_sooner_and_larger_effects_too():
    plan = promise(PlanOptions(epsilons=(0.05, 0.2), margin=0.04, per_day=1000.0))
    slow, fast = plan.options
    assert slow.requests > fast.requests
    assert plan.best == 0.2
    assert slow.days == slow.requests / 1000
    assert slow.likely[0] <= slow.requests <= slow.likely[1]
    assert plan.effect_ci[0] < TRUE < plan.effect_ci[1]
    assert fast.extra_usd / fast.requests > slow.extra_usd / slow.requests > 0
    harder = promise(PlanOptions(epsilons=(0.2,), margin=0.08)).options[0]
    assert harder.requests > fast.requests


def test_the_least_exploration_that_is_done_in_time_is_taken():
    many = PlanOptions(epsilons=(0.05, 0.2), margin=0.04, per_day=1e6, days=1.0)
    assert promise(many).best == 0.05
    few = promise(PlanOptions(epsilons=(0.05, 0.2), margin=0.04, per_day=10.0, days=1.0))
    assert few.best is None
    assert "no share is done in 1 days" in few.reason
    unknown = promise(PlanOptions(epsilons=(0.2,), margin=0.04, days=1.0))
    assert "per_day" in unknown.reason


def test_the_pace_is_that_of_the_log():
    plan = plan_exploration(
        traffic(0, timed=True), NOW, ALWAYS, PlanOptions(margin=0.02, epsilons=(0.2,))
    )
    assert plan.options[0].days == pytest.approx(plan.options[0].requests / 1000, rel=0.01)


def test_a_saving_is_planned_for_too():
    plan = plan_exploration(
        traffic(0), ALWAYS, NOW, PlanOptions("saving", margin=5e-4, epsilons=(0.2,))
    )
    assert plan.effect == pytest.approx(9e-4 * math.exp(0.125), rel=0.1)
    assert plan.options[0].requests is not None
    assert plan.options[0].extra_usd < 0


def test_what_is_not_so_cannot_be_shown():
    plan = promise(PlanOptions(margin=0.5, epsilons=(0.2,)))
    assert plan.best is None
    assert "no number of requests shows what is not so" in plan.reason
    assert any("does not show" in note for note in plan.notes)


def test_a_candidate_that_goes_on_after_explored_answers_has_no_support():
    plan = plan_exploration(traffic(0), ALWAYS, NEW, PlanOptions(epsilons=(0.2,)))
    assert plan.best is None
    assert "no support" in plan.reason


def test_the_same_seed_plans_the_same_and_exploration_in_place_is_taken_off():
    options = PlanOptions(margin=0.02, epsilons=(0.2,))
    plan = plan_exploration(traffic(0), NOW, ALWAYS, options)
    exploring = PolicyToValue("now", Explore(Fixed("small"), 0.1))
    assert plan_exploration(traffic(0), exploring, ALWAYS, options) == plan


def test_what_is_unusual_is_said():
    log = traffic(0)
    log.quality[:50, 1] = np.nan
    plan = plan_exploration(log, NOW, ALWAYS, PlanOptions(margin=0.02, epsilons=(0.2,)))
    assert any("50 requests" in note for note in plan.notes)
    with pytest.raises(LogError, match="no outcome of other"):
        plan_exploration(log, NOW, PolicyToValue("other", Fixed("other")))
    with pytest.raises(LogError, match="100 at least"):
        plan_exploration(traffic(0, 50), NOW, ALWAYS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"power": 0.2}, "power"),
        ({"margin": math.nan}, "margin"),
        ({"effect": math.inf}, "effect"),
        ({"per_day": 0.0}, "per_day"),
        ({"days": -1.0}, "days"),
        ({"epsilons": (0.0,)}, "epsilons"),
        ({"epsilons": ()}, "epsilons"),
    ],
)
def test_options_out_of_range_say_so(change, words):
    with pytest.raises(LogError, match=words):
        PlanOptions(**change)


@pytest.mark.parametrize("rare", [0.001, 0.1, 1 / 3])
def test_futures_of_equal_scores_have_a_power(rare):
    """Rounding makes the spread of such a future negative, which no plan may end with."""
    rest = np.full(4000, -3 * rare / 4000)
    rest[:3] += rare
    pool = _Pool(rest, np.ones(4000), 1.0, {})
    assert _requests(pool, 0.05, PlanOptions()) == (100, 1.0)
