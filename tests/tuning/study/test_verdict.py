"""The verdict follows its rules in their order, and says what it rests on."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tuning_world import baseline, figures

from routelab.stats import IntervalMethod
from routelab.stats.power import requests_to_settle
from routelab.tuning import Bounds
from routelab.tuning.objectives.score import MARGIN
from routelab.tuning.selection.kind_choice import Rival
from routelab.tuning.study import caveats
from routelab.tuning.study.verdict import verdict

POINTS = st.floats(-0.2, 0.2)
ONE_MODEL = {"escalation_rate": 0.0, "model_share": {"small": 1.0}}


LARGE = baseline("fixed:large", (0.0, 0.0))


def judged(low, high, bounds=None, **changes):
    middle = (low + high) / 2
    it = figures(gain_vs_zero_router=middle, gain_ci=(low, high), **changes)
    return verdict(it, bounds or Bounds(), "large")


@given(POINTS, POINTS, st.booleans())
def test_the_rules_in_order(a, b, broken):
    low, high = min(a, b), max(a, b)
    word = judged(low, high, Bounds(max_usd_per_1k=1.0 if broken else 3.0)).word
    if low > 0 and not broken:
        assert word == "ship"
    elif high < MARGIN:
        assert word == "do not route"
    else:
        assert word == "not proven"


@pytest.mark.parametrize(("n", "word"), [(20, "not proven"), (599, "not proven")])
@pytest.mark.parametrize("routes", [True, False])
def test_a_router_that_sent_all_of_test_to_one_model_may_gain_elsewhere(n, word, routes):
    it = figures(gain_vs_zero_router=0.0, gain_ci=(0.0, 0.0), n_requests=n, **ONE_MODEL)
    found = verdict(it, Bounds(), "large", routes=routes)
    assert found.word == (word if routes else "do not route")
    if routes and n > 30:
        assert "up to 0.5%; 600 would" in found.reasons[0]
        assert found.requests_to_settle == 600
    many = msgspec.structs.replace(it, n_requests=601)  # three in so many are less than the margin
    assert verdict(many, Bounds(), "large", routes=routes).word == "do not route"


def test_few_groups_refuse_a_router_even_where_one_model_answered_all_of_test():
    few = IntervalMethod("expanded", "", 3.0, "3 groups are too few")
    it = figures(gain_ci=(0.0, 0.0), interval_methods={"gain": few}, **ONE_MODEL)
    found = verdict(it, Bounds(), "large", routes=True)
    assert (found.word, found.reasons[0]) == ("not proven", "3 groups are too few")


def test_a_small_but_certain_gain_ships():
    assert judged(0.001, 0.004).word == "ship"


def test_a_small_certain_gain_under_a_broken_bound_is_not_worth_it():
    found = judged(0.001, 0.004, Bounds(max_usd_per_1k=1.0))
    assert found.word == "do not route"
    assert any("cost bound of 1 is missed on test: 2 USD" in reason for reason in found.reasons)


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_usd_per_1k=1.5), "cost bound of 1.5 is missed on test: 2 USD"),
        (Bounds(min_quality=0.81), "quality bound of 0.8100 is missed on test: 0.8000"),
        (Bounds(min_quality_share=1.01), "quality bound of 0.8080 is missed on test: 0.8000"),
    ],
)
def test_a_broken_bound_forbids_shipping_and_is_the_first_reason(bounds, says):
    found = judged(0.01, 0.05, bounds)
    assert found.word == "not proven"
    assert found.reasons[0].startswith(says)
    settled = "does not settle it" not in found.reasons[0]
    assert (found.requests_to_settle is None) == settled


def test_a_bound_that_holds_is_told_with_its_interval():
    found = judged(0.01, 0.05, Bounds(max_usd_per_1k=2.1, min_quality=0.78))
    assert found.word == "ship"
    told = " ".join(found.reasons)
    assert "cost bound of 2.1 is met on test: 2 USD per 1,000 requests [1.9, 2.1]" in told
    assert "quality bound of 0.7800 is met on test: 0.8000 [0.7800, 0.8200]" in told


@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        (Bounds(max_usd_per_1k=2.05), "cost bound of 2.05 is met, not proven on test: 2 USD"),
        (Bounds(min_quality=0.79), "quality bound of 0.7900 is met, not proven on test: 0.8000"),
    ],
)
def test_a_bound_that_the_figure_meets_and_its_interval_does_not_forbids_shipping(bounds, says):
    found = judged(0.01, 0.05, bounds)
    assert found.word == "not proven"
    assert found.requests_to_settle == pytest.approx(4000, abs=1)  # half the interval is twice
    assert found.reasons[0].startswith(says)
    # The distance is half of half the interval, and 1.28 of its 1.96 errors may be luck.
    assert "750 or more test requests would" in found.reasons[0]


def alone(quality, quality_ci, share=0.9, share_ci=(0.88, 0.92)):
    """The best model alone, against which the policy saves this much at this difference."""
    it = baseline("fixed:large", quality_ci)
    changes = {"quality_gain": quality, "saving_share": share, "saving_share_ci": share_ci}
    return (msgspec.structs.replace(it, **changes),)


def test_a_saving_at_equal_quality_is_a_verdict_of_its_own():
    equal = {"baselines": alone(0.001, (-0.004, 0.006))}
    found = judged(-0.02, 0.004, **equal)
    assert (found.word, found.saving.word, found.saving.model) == ("not proven", "proven", "large")
    assert found.reasons[0] == (
        "saving at equal quality: 90.0% [88.0, 92.0] of what large costs, at +0.10 points"
        " [-0.40, +0.60] of its quality: proven, to 0.5 of a point"
    )
    assert judged(-0.02, 0.004).word == "do not route"  # and so without a saving
    found = judged(-0.02, 0.0, **equal, **ONE_MODEL)  # which is had without a router
    assert (found.word, found.saving.word) == ("do not route", "proven")
    assert found.reasons[1].startswith("saving at equal quality: 90.0%")
    assert judged(0.01, 0.05, **equal).word == "ship"


def test_a_saving_is_not_proven_where_either_interval_is_open():
    wide = judged(0.01, 0.05, baselines=alone(0.001, (-0.011, 0.013)))
    assert (wide.word, wide.saving.word) == ("ship", "not proven")
    assert wide.saving.requests == pytest.approx(4000, abs=1)  # from .012 to .006 below
    assert "750 or more test requests would" in wide.reasons[1]
    dear = judged(-0.02, 0.004, baselines=alone(0.001, (-0.004, 0.006), 0.1, (-0.1, 0.3)))
    assert (dear.word, dear.saving.word) == ("do not route", "not proven")


def test_what_loses_quality_or_saves_nothing_has_no_saving_to_tell():
    lost = judged(0.01, 0.05, baselines=alone(-0.1, (-0.12, -0.08)))
    assert lost.saving.word == "quality lost"
    assert not any("saving at equal quality" in it for it in lost.reasons)
    assert judged(0.01, 0.05, baselines=alone(0.0, (0.0, 0.0), 0.0, (0.0, 0.0))).saving is None


@pytest.mark.parametrize(
    ("gain", "over_ridge", "says"),
    [
        ((0.01, 0.05), (0.05, 0.07), "beats the zero router"),
        ((0.01, 0.05), (0.005, 0.015), "beats ridge"),
        ((-0.05, 0.001), (-0.04, -0.03), "loses to ridge"),
        ((-0.01, 0.05), (-0.02, 0.025), "not shown to beat ridge"),
        ((0.01, 0.05), (0.0, 0.0), "does just what is done by ridge"),
    ],
)
def test_the_best_baseline_and_the_lead_over_it_are_named_once(gain, over_ridge, says):
    zero, ridge = baseline("zero_router", gain), baseline("ridge", over_ridge)
    found = judged(*gain, baselines=(LARGE, baseline("task_mean", (0.1, 0.2)), ridge, zero))
    best = zero if "zero" in says else ridge
    assert (found.lead.baseline, found.lead.quality_gain) == (best.name, best.quality_gain)
    assert found.lead.text.startswith(f"{says}, the best baseline at its cost: ")
    assert [it for it in found.reasons if "the best baseline" in it] == [found.lead.text]


def test_files_of_old_have_no_baseline_to_lead():
    assert judged(0.01, 0.05).lead is None


def test_not_proven_says_how_many_requests_would_settle_it():
    found = judged(-0.01, 0.05)
    assert found.requests_to_settle == requests_to_settle(0.02, 0.03, 1000, MARGIN)
    assert found.requests_to_settle > 1000
    assert "between 570 and 6,200,000 test requests would settle it" in found.reasons[0]


def test_the_first_reason_gives_gain_interval_and_requests():
    (reason, *_) = judged(0.01, 0.05).reasons
    assert reason.startswith("gain over the zero router +3.00 points [+1.00, +5.00] on 1000")


def test_a_rival_that_is_not_beaten_is_named():
    rivals = (
        LARGE,
        baseline("task_mean", (-0.02, 0.01)),
        baseline("random_mix", (0.01, 0.02)),
        baseline("prompt_length", (-0.03, -0.01)),
        baseline("oracle", (-0.3, -0.1)),
    )
    beaten = judged(0.01, 0.05, baselines=rivals)
    assert beaten.word == "not proven"
    assert beaten.reasons[0].endswith("above zero, but prompt_length beats it at the same cost")
    assert sum("not shown to beat task_mean" in reason for reason in beaten.reasons) == 1
    assert sum("loses to prompt_length" in reason for reason in beaten.reasons) == 1
    good = judged(0.01, 0.05, baselines=rivals[:3])
    told = good.reasons
    assert good.word == "ship"
    assert told[0].endswith("above zero, though task_mean may do as well")
    assert told[-1] == (
        "before you ship, compare with task_mean, simpler and perhaps as good: the verdict only"
        " asks for a gain over the zero router"
    )
    assert not any("before you ship" in it for it in judged(-0.01, 0.05, baselines=rivals).reasons)
    assert not any("random_mix" in reason or "oracle" in reason for reason in told)


def test_a_rival_that_decides_alike_is_named():
    told = judged(0.01, 0.05, baselines=(LARGE, baseline("task_mean", (0.0, 0.0)))).reasons
    assert any(
        "does just what is done by task_mean, the best baseline at its cost: +0.00 points" in it
        for it in told
    )
    assert told[-1].startswith("before you ship, compare with task_mean")
    dearer = (
        LARGE,
        baseline("task_mean", (0.0, 0.0), saving=-0.5),
    )
    told = judged(0.01, 0.05, baselines=dearer).reasons
    assert any("not shown to beat task_mean, the best" in it for it in told)
    assert any("at its cost: +0.00 points" in it for it in told)


def test_a_single_model_is_told_of_rivals_that_are_better_and_not_of_itself():
    rivals = (
        LARGE,
        baseline("task_mean", (0.0, 0.0)),
        baseline("prompt_length", (-0.05, -0.02)),
    )
    alone = {"escalation_rate": 0.0, "model_share": {"large": 1.0}}
    told = " ".join(judged(-0.01, 0.001, baselines=rivals, **alone).reasons)
    assert "loses to prompt_length" in told
    assert "task_mean" not in told


def test_warnings_come_last_whatever_the_verdict():
    for ci in ((0.01, 0.05), (-0.01, 0.05), (-0.05, 0.001)):
        it = figures(gain_vs_zero_router=sum(ci) / 2, gain_ci=ci)
        assert verdict(it, Bounds(), "large", ["mind the step"]).reasons[-1] == "mind the step"


def test_a_handful_of_requests_proves_nothing():
    some = {"small": 0.6, "large": 0.4}
    few = judged(0.0, 0.0, n_requests=5, model_share=some)
    assert (few.word, few.requests_to_settle) == ("not proven", 30)
    alone = judged(0.0, 0.0, n_requests=5, model_share={"small": 1.0}, escalation_rate=0.0)
    assert alone.word == "do not route"


def test_task_means_are_no_rival_of_themselves():
    it = figures(baselines=(LARGE, baseline("task_mean", (0.0, 0.0))))
    own = verdict(it, Bounds(), "large", kind="task-mean")
    assert own.word == "ship"
    assert "task_mean" not in own.reasons[0]
    assert not any(reason.startswith("before you ship") for reason in own.reasons)
    assert "task_mean" in verdict(it, Bounds(), "large", kind="cascade").reasons[0]


@pytest.mark.parametrize("by_chance", [False, True])
def test_do_not_route_is_not_said_while_something_else_gains(by_chance):
    it = figures(gain_vs_zero_router=-0.01, gain_ci=(-0.02, 0.001))
    alone = verdict(it, Bounds(), "large", by_chance=by_chance)
    assert alone.word == "do not route"
    beside = "knee gains +2.95 points [+2.04, +3.86], and `point='knee'` exports it"
    found = verdict(it, Bounds(), "large", by_chance=by_chance, elsewhere=[beside, "b gains too"])
    assert found.word == "not proven"
    assert found.reasons[0].startswith(f"{beside}; of this policy, gain over the zero router")
    assert "b gains too" in found.reasons
    open_ = figures(gain_vs_zero_router=0.01, gain_ci=(-0.01, 0.03))
    undecided = verdict(open_, Bounds(), "large", elsewhere=[beside])
    assert undecided.word == "not proven"
    assert undecided.reasons[1] == beside


def test_a_kind_that_does_better_on_test_than_the_exported_one_is_named():
    found = [
        Rival("task-mean", 0.87, True),
        Rival("utility", 0.86, False, 0.85, -0.03, (-0.05, -0.01)),
        Rival("tiers", 0.86, False, 0.85, -0.03, (-0.05, 0.01)),
        Rival("cascade", 0.84, False, 0.83, 0.037, (0.013, 0.06)),
    ]
    (told,) = caveats.outdone(found)
    assert told.startswith(
        "utility gains more on test at the same cost: +3.00 points [+1.00, +5.00], of 3 kinds"
    )
    assert told.endswith("`policy='utility'` exports it")
    assert list(caveats.outdone(found[:1])) == []
