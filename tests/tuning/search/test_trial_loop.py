"""The randomised search repeats itself, starts where it is told, and marks what breaks a bound."""

from __future__ import annotations

import pytest
from tuning_world import means, random_log, whole

from routelab.metrics.hull import hypervolume
from routelab.policies import Cascade, Fixed
from routelab.tuning import Bounds
from routelab.tuning.kinds.cascade_space import Cascades
from routelab.tuning.objectives.feasibility import demands
from routelab.tuning.objectives.front import FrontPoint, front
from routelab.tuning.options import SAMPLERS
from routelab.tuning.search.trial_loop import Plan, run_trials
from routelab.tuning.solvers import grid
from routelab.tuning.study import inputs

LOG = random_log(200, 3, seed=4)
THRESHOLDS = inputs.thresholds(LOG, ["confidence"])
STARTS = [
    *grid.cascades(LOG, "confidence", {m: THRESHOLDS["confidence", m] for m in LOG.models}),
    *map(Fixed, LOG.models),
]


def task_of(bounds=None, thresholds=THRESHOLDS):
    on = whole(LOG)
    best = Fixed(LOG.models[int(LOG.quality.mean(axis=0).argmax())])
    return Cascades(on, thresholds, demands(bounds or Bounds(), on, best, means(best, LOG).quality))


def searched(trials=60, starts=(), seed=0, sampler="nsga2", kept=None, **bounds):
    task = task_of(Bounds(**bounds))
    plan = Plan(trials, seed, sampler, [task.params(policy) for policy in starts])
    return task.trials(run_trials(task, plan, kept)[0])


def test_a_seed_gives_the_same_trials_and_another_seed_others():
    first = searched()
    assert first == searched()
    assert first != searched(seed=1)


def test_it_starts_with_the_very_policies_it_is_given():
    starts = STARTS[:: max(1, len(STARTS) // 20)]
    found = searched(trials=len(starts), starts=starts)
    assert [trial.policy for trial in found] == starts


def test_more_starts_than_trials_are_cut():
    assert len(searched(trials=3, starts=STARTS)) == 3


def test_every_trial_is_scored_by_its_own_policy():
    for trial in searched(trials=40):
        assert trial.score == pytest.approx(means(trial.policy, LOG), rel=1e-12)
        assert set(trial.policy.models_used) <= set(LOG.models)


@pytest.mark.parametrize(
    "bounds",
    [
        {"max_usd_per_1k": 1.0},
        {"min_quality": 0.7},
        {"max_usd_per_1k": 1.0, "min_quality": 0.7},
    ],
)
def test_a_trial_is_feasible_where_it_meets_every_bound(bounds):
    found = searched(**bounds)
    for trial in found:
        cheap = trial.score.usd_per_1k <= bounds.get("max_usd_per_1k", float("inf"))
        good = trial.score.quality >= bounds.get("min_quality", 0.0)
        assert trial.feasible == (cheap and good)
    assert {trial.feasible for trial in found} == {True, False}


def test_the_search_never_loses_what_it_started_from():
    best = front(FrontPoint(policy, means(policy, LOG)) for policy in STARTS)
    found = front(FrontPoint(t.policy, t.score) for t in searched(trials=120, starts=STARTS))
    for point in best[: min(len(best), 40)]:
        assert any(
            other.score.usd_per_1k <= point.score.usd_per_1k + 1e-12
            and other.score.quality >= point.score.quality - 1e-12
            for other in found
        )


def test_progress_is_told_after_every_trial():
    told = []
    run_trials(task_of(), Plan(5), progress=lambda done, of: told.append((done, of)))
    assert told == [(i + 1, 5) for i in range(5)]


def test_a_model_without_the_signal_is_only_asked_last():
    task = task_of(thresholds={**THRESHOLDS, ("confidence", "middle"): inputs.thresholds(LOG, [])})
    found = task.trials(run_trials(task, Plan(80))[0])
    cascades = [trial.policy for trial in found if isinstance(trial.policy, Cascade)]
    assert cascades
    assert all("middle" not in policy.models[:-1] for policy in cascades)
    assert any(policy.models[-1] == "middle" for policy in cascades)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_trials_follow_from_seed_place_and_earlier_generations_alone(sampler):
    """A longer search begins with a shorter one, up to its last whole generation."""
    short, long = (searched(trials=n, sampler=sampler) for n in (70, 130))
    assert long[:70] == short


def test_later_generations_are_bred_from_the_starts():
    """Exact points are the first parents: what follows stays near, and is no random draw."""
    starts = STARTS[:: max(1, len(STARTS) // 40)][:40]
    seeded = searched(trials=150, starts=starts)
    blind = searched(trials=150)
    dearest = max(trial.score.usd_per_1k for trial in seeded)

    def share(trials):
        cost, quality = zip(*(trial.score for trial in trials[50:]), strict=True)
        return hypervolume(cost, quality, dearest, 0.0)

    assert share(seeded) > share(blind)


def test_tpe_searches_too():
    first = searched(trials=40, sampler="tpe")
    assert first == searched(trials=40, sampler="tpe")
    assert first != searched(trials=40)
