"""A policy is followed along logged calls as far as it would have made them, draws and all."""

from __future__ import annotations

import numpy as np
import pytest

from routelab.errors import LogError, PolicyError, UncoveredError
from routelab.logs import Log, PartialLog, Requests
from routelab.policies import (
    Cascade,
    Explore,
    Fixed,
    Mixture,
    Parallel,
    Retry,
)
from routelab.replay import hidden, path_decisions, run

CASCADE = Cascade(("a", "b", "c"), (0.5, 0.7), "sure")


def world(n=300, seed=0):
    rng = np.random.default_rng(seed)
    shape = (n, 3)
    return Log(
        requests=Requests(id=np.array([f"r{row}" for row in range(n)], dtype=object)),
        models=("a", "b", "c"),
        quality=rng.random(shape),
        cost_usd=rng.random(shape),
        latency_s=rng.random(shape),
        prompt_tokens=np.full(shape, np.nan),
        completion_tokens=np.full(shape, np.nan),
        error=rng.random(shape) < 0.1,
        signals={"sure": rng.random(shape)},
    )


def settled(log: Log) -> Log:
    """Failed calls are worth nothing, as files are read."""
    quality = np.where(log.error, 0.0, log.quality)
    sure = np.where(log.error, np.nan, log.signals["sure"])
    return Log(**{**vars(log), "quality": quality, "signals": {"sure": sure}})


def test_a_policys_own_log_is_followed_to_its_end_and_comes_to_what_replay_says():
    log = settled(world())
    made = hidden(log, CASCADE)
    assert isinstance(made, PartialLog)
    found = path_decisions(CASCADE, made)
    assert found.called.tolist() == [1.0] * len(made.request)
    last = np.flatnonzero(np.diff(made.request, append=-1))
    assert found.end[last].tolist() == [1.0] * 300
    assert found.end.sum() == 300
    truth = run(CASCADE, log)
    np.testing.assert_allclose(found.quality[last], truth.quality)
    np.testing.assert_allclose(found.cost_usd[last], truth.cost_usd)
    np.testing.assert_allclose(found.latency_s[last], truth.latency_s)


def test_the_batch_form_says_what_the_generator_says():
    log = settled(world())
    made = hidden(log, Explore(CASCADE, 0.6), seed=3)
    for target in (CASCADE, Cascade(("a", "c"), (0.6,), "sure"), Fixed("b")):
        fast = path_decisions(target, made)
        slow = path_decisions(Mixture(target, Fixed("a"), 1.0), made)  # it draws, for nothing
        for one, other in zip(fast, slow, strict=True):
            np.testing.assert_allclose(one, other)


def test_the_logging_policys_decisions_are_its_logged_propensities():
    log = settled(world())
    logging = Explore(CASCADE, 0.3)
    made = hidden(log, logging)
    found = path_decisions(logging, made)
    starts = np.flatnonzero(np.diff(made.request, prepend=-1))
    np.testing.assert_allclose(
        found.first[np.arange(300), made.model[starts]], made.propensity[starts]
    )
    np.testing.assert_allclose(found.first.sum(axis=1), 1.0)
    assert made.ended.tolist() == [1.0] * 300


def test_two_draws_that_lead_to_one_call_add_up_in_what_is_logged_too():
    log = settled(world(50))
    logging = Mixture(Fixed("a"), Explore(Mixture(Fixed("a"), Fixed("b"), 0.5, "in"), 0.4), 0.25)
    made = hidden(log, logging)
    found = path_decisions(logging, made)
    asks_a = 0.25 + 0.75 * (0.5 * (0.6 + 0.2) + 0.5 * 0.2)
    np.testing.assert_allclose(found.first, np.tile([asks_a, 1 - asks_a, 0.0], (50, 1)))
    np.testing.assert_allclose(made.propensity, found.first[np.arange(50), made.model])


def test_a_policy_that_leaves_the_path_is_followed_no_farther():
    log = settled(world())
    made = hidden(log, Fixed("a"))
    found = path_decisions(Cascade(("a", "b"), (0.5,), "sure"), made)
    goes_on = ~(made.signals["sure"] >= 0.5)
    assert found.after[:, 1].tolist() == goes_on.astype(float).tolist()
    assert found.end.tolist() == (~goes_on).astype(float).tolist()
    assert np.isnan(found.quality[goes_on]).all()
    other = path_decisions(Fixed("b"), made)
    assert other.first[:, 1].tolist() == [1.0] * 300
    assert not other.called.any()
    assert not other.end.any()


def test_random_policies_are_valued_by_every_branch():
    log = settled(world(100))
    made = hidden(log, Cascade(("a", "b"), (0.9,), "sure"))
    mixed = path_decisions(Mixture(Fixed("a"), Cascade(("a", "b"), (0.6,), "sure"), 0.25), made)
    first = np.flatnonzero(made.step == 0)
    stops = made.signals["sure"][first] >= 0.6
    np.testing.assert_allclose(mixed.end[first], np.where(stops, 1.0, 0.25))
    np.testing.assert_allclose(mixed.after[first, 1], np.where(stops, 0.0, 0.75))
    answered = ~made.error[first]
    np.testing.assert_allclose(mixed.quality[first][answered], made.quality[first][answered])


def test_what_a_partial_log_cannot_tell_is_refused():
    made = hidden(settled(world(20)), Fixed("a"))
    with pytest.raises(LogError, match="no model 'z'"):
        path_decisions(Fixed("z"), made)
    with pytest.raises(LogError, match="no signal 'other'"):
        path_decisions(Cascade(("a", "b"), (0.5,), "other"), made)
    with pytest.raises(PolicyError, match="several models at once"):
        path_decisions(Parallel(("a", "b")), made)


def test_a_second_sample_is_followed_where_the_log_has_it():
    log = settled(world(40))
    again = settled(world(40, seed=1))
    twice = Log(**{**vars(log), "again": (again,)})
    policy = Retry("a", 2, "sure", 0.6)
    made = hidden(twice, policy)
    found = path_decisions(policy, made)
    assert found.end.sum() == 40
    second = made.step == 1
    assert 0 < second.sum() < 40
    np.testing.assert_array_equal(made.quality[second], again.quality[made.request[second], 0])
    np.testing.assert_allclose(
        found.cost_usd[second], run(policy, twice).cost_usd[made.request[second]]
    )
    with pytest.raises(UncoveredError, match="attempt"):
        hidden(log, policy)
