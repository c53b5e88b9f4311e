"""Replaying a policy over a log: what every request costs, and who answers it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from replay_world import CASCADE, MODELS, logged

from routelab import replay
from routelab.core.policy import Policy
from routelab.core.protocol import Call, Deliver, ask
from routelab.errors import LogError, PolicyError
from routelab.metrics.exact import exact_total
from routelab.policies import Cascade, Fixed, Mixture
from routelab.policy_file import load

some = settings(deadline=None, max_examples=60)
seeds = st.integers(0, 2**32 - 1)
thresholds = st.sampled_from([-1.0, 0.2, 0.5, 0.8, 2.0])
policies = st.one_of(
    st.builds(Fixed, model=st.sampled_from(MODELS)),
    st.builds(
        Cascade,
        models=st.permutations(MODELS).map(tuple),
        thresholds=st.tuples(thresholds, thresholds),
        signal=st.just("sure"),
    ),
    st.builds(
        Mixture,
        first=st.just(CASCADE),
        second=st.builds(Fixed, model=st.sampled_from(MODELS)),
        weight=st.floats(0, 1),
    ),
)


class Twice(Policy, frozen=True):
    """Asks for a second sample, which a log does not hold, on every request."""

    def route(self, x):
        yield from ask(Call("small"))
        return Deliver((yield from ask(Call("small"))))

    @property
    def models_used(self):
        return ("small",)


class Rephrase(Twice, frozen=True):
    """Asks with other words than the log's."""

    def route(self, x):
        said = ({"role": "user", "content": "please"},)
        return Deliver((yield from ask(Call("small", messages=said))))


@some
@given(policies, seeds, st.integers(1, 40))
def test_no_policy_beats_the_oracle_on_any_request(policy, seed, n):
    log = logged(n, seed=seed)
    done = replay.run(policy, log)
    assert np.all(done.quality <= log.quality.max(axis=1))


@some
@given(policies.filter(lambda p: isinstance(p, Cascade)), seeds)
def test_a_cascade_spends_at_least_what_its_first_model_costs(policy, seed):
    log = logged(30, seed=seed)
    done = replay.run(policy, log)
    first = log.column(policy.models[0])
    assert np.all(done.cost_usd >= 3.0 * log.cost_usd[:, first])
    assert np.all((done.calls > 1) == (done.cost_usd > 3.0 * log.cost_usd[:, first]))


@some
@given(policies, seeds)
def test_totals_are_exactly_rounded(policy, seed):
    done = replay.run(policy, logged(50, seed=seed))
    assert exact_total(done.cost_usd) == math.fsum(done.cost_usd.tolist())


def test_a_cascade_is_what_it_says():
    log = logged(200)
    done = replay.run(CASCADE, log)
    for row in range(200):
        cost, calls = 0.0, 0
        for column, threshold in ((0, 0.5), (1, 0.4), (2, None)):
            calls += 1
            if threshold is None:
                cost += log.cost_usd[row, column]
                break
            cost += log.cost_usd[row, column] * 3.0
            if log.signals["sure"][row, column] >= threshold:
                break
        assert done.answered[row] == column
        assert done.calls[row] == calls
        assert done.cost_usd[row] == cost
        assert done.quality[row] == log.quality[row, column]
    assert set(done.answered) == {0, 1, 2}


def test_a_signal_is_charged_only_on_calls_that_need_it():
    log = logged(50)
    assert np.array_equal(replay.run(Fixed(model="large"), log).cost_usd, log.cost_usd[:, 2])
    never = Cascade(models=("small", "large"), thresholds=(2.0,), signal="sure")
    spent = log.cost_usd[:, 0] * 3.0 + log.cost_usd[:, 2]
    assert np.array_equal(replay.run(never, log).cost_usd, spent)


@pytest.mark.parametrize("run", [replay.run, replay.run_generator])
@pytest.mark.parametrize("policy", [Twice(), Rephrase()])
def test_what_the_log_does_not_hold_is_uncovered_and_never_made_up(run, policy):
    done = run(policy, logged(8))
    assert not done.covered.any()
    assert np.isnan(done.quality).all()
    assert np.isnan(done.cost_usd).all()


def test_a_log_that_lacks_models_and_signals_says_all_of_it():
    policy = Cascade(models=("tiny", "small", "huge"), thresholds=(0.5, 0.5), signal="mood")
    with pytest.raises(LogError) as caught:
        replay.run(policy, logged(5))
    assert [p.split(";")[0] for p in caught.value.problems] == [
        "log in memory: no model 'tiny'",
        "log in memory: no model 'huge'",
        "log in memory: no signal 'mood'",
    ]


def test_taking_requests_takes_their_decisions():
    log = logged(40)
    rows = np.array([7, 3, 30])
    here, there = replay.run(CASCADE, log).take(rows), replay.run(CASCADE, log.take(rows))
    for name in ("answered", "quality", "cost_usd", "latency_s", "calls"):
        assert np.array_equal(getattr(here, name), getattr(there, name))


def test_another_seed_is_another_mixture_of_the_same_policies():
    log = logged(300)
    policy = Mixture(first=Fixed(model="small"), second=Fixed(model="large"), weight=0.5)
    one, other = replay.run(policy, log, seed=0), replay.run(policy, log, seed=1)
    assert np.array_equal(one.answered, replay.run(policy, log, seed=0).answered)
    assert 0.35 < np.mean(one.answered != other.answered) < 0.65


def test_what_is_no_policy_is_told_how_to_get_one(tuned, sample_log):
    whole = load(tuned.policy)
    with pytest.raises(PolicyError, match=r"pass `policy_file\.policy`"):
        replay.run(whole, sample_log)
    with pytest.raises(PolicyError, match=r"pass routelab\.load\('demo\.policy'\)\.policy"):
        replay.run("demo.policy", sample_log)
    with pytest.raises(PolicyError, match="None of type NoneType is no policy"):
        replay.run_generator(None, sample_log)
    with pytest.raises(PolicyError, match=r"has no name: give NamedPolicy\('mine', policy\)"):
        replay.evaluate(None, [CASCADE])
