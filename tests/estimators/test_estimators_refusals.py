"""No number that would mislead: without support, with wrong propensities, from bad input."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.errors import LogError, PolicyError
from routelab.estimators import (
    DR,
    ESTIMATORS,
    IPS,
    SNDR,
    SNIPS,
    Certified,
    DirectMethod,
    LoggedDecisions,
    LoggingPolicy,
    Outcome,
    PrefixDR,
    PrefixIPS,
    ShrunkDR,
    SwitchDR,
    TargetDecisions,
    estimator,
    explorations,
    shrunk,
)

N = 4000


def explored(epsilon=0.2, m=2, n=N, seed=0, **more):
    """Model 0 is usual, all are explored; the last one is the best."""
    rng = np.random.default_rng(seed)
    model = np.where(rng.random(n) < epsilon, rng.integers(0, m, n), 0)
    share = epsilon / m
    chance = np.where(model == 0, 1 - epsilon + share, share)
    right = (rng.random(n) < 0.5 + 0.4 * model / (m - 1)).astype(float)
    cost = 0.001 * 10.0**model * rng.lognormal(0, 1, n)
    return LoggedDecisions.of_choices(
        tuple("abcd"[:m]), model, chance, right, cost_usd=cost, **more
    )


def always(model, n=N):
    return TargetDecisions(np.full(n, model))


@pytest.mark.parametrize("kind", ESTIMATORS, ids=lambda kind: kind.name)
def test_every_estimator_finds_what_a_model_is_worth(kind):
    found = kind().value(explored(), always(1))
    assert found.value == pytest.approx(0.9, abs=0.1)
    assert found.logged == pytest.approx(0.54, abs=0.03)
    assert found.difference == pytest.approx(found.value - found.logged)
    assert not found.refusal
    if kind is DirectMethod:
        assert found.ci is None
        assert "no interval" in found.notes[0]
    else:
        assert found.ci[0] < 0.9 < found.ci[1]
        assert found.difference_ci[0] < found.difference < found.difference_ci[1]


def test_diagnostics_say_what_an_estimate_rests_on():
    log = explored()
    found = SNDR().value(log, always(1)).diagnostics
    assert found.largest_weight == pytest.approx(10.0)
    matched = int((log.model == 1).sum())
    assert found.matched == matched
    assert found.effective_requests == pytest.approx(matched)
    assert found.largest_share == pytest.approx(1 / matched)
    assert found.supported == 1.0
    assert found.mean_weight == pytest.approx(matched * 10 / N)
    assert found.mean_weight_ci[0] < 1.0 < found.mean_weight_ci[1]
    (only,) = found.models
    assert (only.model, only.share) == ("b", 1.0)
    assert only.p_value > 0.01
    assert found.calibration.error_ci[0] < 0.0 < found.calibration.error_ci[1]


def test_a_decision_that_was_never_possible_is_refused_with_its_share():
    log = explored()
    sure = np.arange(N) < N // 4  # of these the log always asked model 0
    model = np.where(sure, 0, log.model)
    chance = np.where(sure, 1.0, log.propensity)
    certain = LoggedDecisions.of_choices(("a", "b"), model, chance, log.outcomes["quality"].logged)
    found = SNDR().value(certain, always(1))
    assert found.value is None
    assert found.ci is None
    assert found.difference is None
    assert "25.0% of the policy's decisions have no support" in found.refusal
    assert found.diagnostics.supported == pytest.approx(0.75)
    assert SNDR().value(certain, always(0)).value is not None


def test_of_a_known_logging_policy_every_call_of_probability_zero_counts():
    log = explored(m=3)
    first = np.tile([0.7, 0.3, 0.0], (N, 1))
    model = np.where(log.model == 2, 1, log.model)
    chance = first[np.arange(N), model]
    policy = LoggingPolicy(first, np.zeros((N, 3)), np.ones(N))
    known = LoggedDecisions.of_choices(
        ("a", "b", "c"), model, chance, log.outcomes["quality"].logged, policy=policy,
        source="construction",
    )  # fmt: skip
    mixed = TargetDecisions(np.tile([0.5, 0.3, 0.2], (N, 1)))
    found = IPS().value(known, mixed)
    assert found.diagnostics.supported == pytest.approx(0.8)
    assert "20.0%" in found.refusal


def test_propensities_that_are_wrong_are_seen_by_their_weights():
    log = explored()
    for factor in (0.5, 2.0):
        said = np.where(log.model == 1, np.minimum(factor * log.propensity, 1.0), log.propensity)
        wrong = LoggedDecisions.of_choices(
            ("a", "b"), log.model, said, log.outcomes["quality"].logged
        )
        found = SNIPS().value(wrong, always(1))
        assert found.value is None
        assert "b has" in found.refusal
        assert "propensities" in found.refusal


def test_right_propensities_are_hardly_ever_taken_for_wrong_ones():
    refused = sum(
        bool(SNDR().value(explored(0.05, 3, 1500, seed), always(2, 1500)).refusal)
        for seed in range(200)
    )
    assert refused <= 2


def test_too_few_requests_are_refused_and_few_are_said_to_be_few():
    few = explored(n=60)
    found = SNDR().value(few, always(1, 60))
    assert found.value is None
    assert "effective requests" in found.refusal
    some = SNDR().value(explored(n=500), always(1, 500))
    assert some.value is not None
    assert any("rough" in note for note in some.notes)


def test_nothing_is_cut_without_a_word():
    log = explored(0.05, 4)
    for kind in (SwitchDR(most=5.0), ShrunkDR(strength=10.0)):
        found = kind.value(log, always(3))
        assert any("bias" in note for note in found.notes)
        plain = DR().value(log, always(3))
        assert found.value != plain.value
    for kind in (SwitchDR(most=np.inf), ShrunkDR(strength=np.inf)):
        found = kind.value(log, always(3))
        assert found.value == pytest.approx(DR().value(log, always(3)).value)
        assert not any("bias" in note for note in found.notes)


def test_shrinking_goes_from_nothing_to_the_whole_weight():
    w = np.array([0.0, 1.0, 10.0])
    assert shrunk(w, 0.0).tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(shrunk(w, 1e12), w, rtol=1e-9)
    assert shrunk(w, np.inf) is w
    np.testing.assert_allclose(shrunk(w, 4.0), [0.0, 4 / 5, 40 / 104])


def test_certified_intervals_hold_the_truth_and_are_wider():
    log = explored()
    found = SNDR().value(log, always(1), certified=Certified(10.0, 0.05))
    low, high = found.certified
    assert 0.0 <= low < 0.9 < high <= 1.0
    assert high - low > found.ci[1] - found.ci[0]
    with pytest.raises(LogError, match=r"weight 10, above .* 5"):
        SNDR().value(log, always(1), certified=Certified(5.0))
    with pytest.raises(LogError, match="nothing bounds"):
        SNDR().value(log, always(1), "cost_usd", certified=Certified(10.0))


def test_sessions_widen_the_interval_as_their_likeness_asks():
    n, size = 4000, 20
    group = np.repeat(np.arange(n // size), size)
    rng = np.random.default_rng(0)
    right = (rng.random(n // size) < 0.6)[group].astype(float)  # all of a session alike
    model = rng.integers(0, 2, n)
    log = LoggedDecisions.of_choices(("a", "b"), model, np.full(n, 0.5), right, groups=group)
    alone = LoggedDecisions.of_choices(("a", "b"), model, np.full(n, 0.5), right)
    wide, narrow = (SNIPS().value(it, always(0, n)) for it in (log, alone))
    assert wide.value == narrow.value
    assert (wide.groups, narrow.groups) == (200, 4000)
    ratio = (wide.ci[1] - wide.ci[0]) / (narrow.ci[1] - narrow.ci[0])
    assert 2.5 < ratio < 4.5  # sqrt of 1 + 19 * half


BAD = {
    "propensity of zero": ({"propensity": np.array([0.5, 0.0, 0.5])}, r"propensity\[1\] is 0"),
    "propensity above one": ({"propensity": np.array([0.5, 1.5, 0.5])}, r"propensity\[1\] is 1.5"),
    "propensity missing": ({"propensity": np.array([0.5, np.nan, 0.5])}, "give the probability"),
    "model outside": ({"model": np.array([0, 2, 0])}, r"model\[1\] is 2; .* 0 to 1: a, b"),
    "quality outside": ({"quality": np.array([0.0, 1.2, 0.5])}, r"quality\[1\] is 1.2"),
    "too short": ({"propensity": np.array([0.5, 0.5])}, r"propensity has shape \(2,\)"),
    "groups too long": ({"groups": np.arange(4)}, r"groups has shape \(4,\)"),
    "end of zero": ({"ended": np.array([0.0, np.nan, 1.0])}, r"ended\[0\] is 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_arrays_are_named_with_place_value_and_way_out(name):
    change, words = BAD[name]
    given = {
        "model": np.array([0, 1, 0]),
        "propensity": np.full(3, 0.5),
        "quality": np.zeros(3),
        **change,
    }
    with pytest.raises(LogError, match=words):
        LoggedDecisions.of_choices(("a", "b"), **given)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(LogError) as caught:
        LoggedDecisions.of_choices(
            ("a", "b"), np.array([0, 5]), np.array([0.0, 2.0]), np.array([7.0, 0.0])
        )
    text = str(caught.value)
    assert all(
        word in text for word in ("propensity[0]", "propensity[1]", "model[1]", "quality[0]")
    )


def test_requests_are_counted_from_zero_without_gaps():
    q = np.zeros(2)
    one, outcomes = np.ones(2), {"quality": Outcome(q, q)}
    for request in ([1, 2], [0, 2], [1, 0]):
        with pytest.raises(LogError, match="without gaps"):
            LoggedDecisions(("a",), np.array(request), np.zeros(2, dtype=int), one, outcomes)


def test_decisions_that_do_not_fit_are_refused():
    log = explored(n=100)
    for target, words in (
        (always(2, 100), "none of the 2 candidates"),
        (always(0, 99), "shape"),
        (TargetDecisions(np.full((100, 2), 0.7)), "no probabilities"),
        (TargetDecisions(np.zeros(100, dtype=int), np.zeros((100, 2))), "together"),
        (TargetDecisions(np.zeros(100, dtype=int), np.full((100, 2), 0.2), np.full(100, 0.2)),
         "do not sum to 1"),
    ):  # fmt: skip
        with pytest.raises(PolicyError, match=words):
            SNDR().value(log, target)


def test_an_outcome_that_was_not_judged_is_never_made_up():
    log = explored(n=400)
    quality = log.outcomes["quality"].logged.copy()
    quality[np.flatnonzero(log.model == 1)[:3]] = np.nan
    lacking = LoggedDecisions.of_choices(("a", "b"), log.model, log.propensity, quality)
    with pytest.raises(LogError, match="quality is not known of 3 answers"):
        SNIPS().value(lacking, always(1, 400))
    found = SNIPS().value(lacking, always(0, 400))
    assert found.value is not None
    assert found.logged is None
    assert found.difference is None


def test_estimators_of_one_call_refuse_cascades_and_name_the_one_that_is_for_them():
    n = 200
    request = np.repeat(np.arange(n), 2)
    model = np.tile([0, 1], n)
    q = np.ones(2 * n)
    log = LoggedDecisions(
        ("a", "b"), request, model, np.ones(2 * n), {"quality": Outcome(q, q[::2])}
    )
    after = np.zeros((2 * n, 2))
    after[::2, 1] = 1.0
    target = TargetDecisions(np.zeros(n, dtype=int), after, 1.0 - after.sum(axis=1))
    for kind in (DR(), SNDR(), SwitchDR(), ShrunkDR()):
        with pytest.raises(LogError, match="use prefix-dr"):
            kind.value(log, target)
    with pytest.raises(LogError, match="use prefix-ips"):
        IPS().value(log, target)
    for kind in (PrefixIPS(), PrefixDR()):
        assert kind.value(log, target).value == pytest.approx(1.0)


def test_a_cascade_that_goes_on_where_the_log_surely_ended_has_no_support():
    n = 300
    q = np.ones(n)
    log = LoggedDecisions(
        ("a", "b"), np.arange(n), np.zeros(n, dtype=int), np.ones(n), {"quality": Outcome(q, q)},
        ended=np.ones(n),
    )  # fmt: skip
    on = np.arange(n) < 60
    after = np.zeros((n, 2))
    after[on, 1] = 1.0
    target = TargetDecisions(np.zeros(n, dtype=int), after, (~on).astype(float))
    found = PrefixDR().value(log, target)
    assert found.value is None
    assert "20.0%" in found.refusal


def test_unknown_estimators_are_answered_with_those_there_are():
    with pytest.raises(LogError, match=r"no estimator 'drr'; there are dm, .*prefix-dr"):
        estimator("drr")


def test_exploration_is_costed_and_what_it_promises_comes_true():
    usual = explored(0.02, 2, 4000)
    target = always(1)
    small, *_, large = explorations(usual, target, half_width=0.05, per_day=1000.0)
    assert small.requests > large.requests
    assert large.days == pytest.approx(large.requests / 1000.0)
    assert large.extra_usd > 0
    assert large.extra_quality == pytest.approx(large.epsilon * 0.2, abs=0.02)
    n = large.requests
    found = SNDR().value(explored(large.epsilon, 2, n, seed=1), always(1, n))
    assert (found.ci[1] - found.ci[0]) / 2 < 0.05
    assert "epsilon 0.2" in str(large)
