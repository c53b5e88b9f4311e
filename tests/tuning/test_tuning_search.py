"""The randomised search repeats itself, starts where it is told, and marks what breaks a bound."""

from __future__ import annotations

import optuna
import pytest
from tuning_world import means, random_log

from routelab.policies import Cascade, Fixed
from routelab.tuning import grid, inputs
from routelab.tuning.front import Point, front
from routelab.tuning.search import open_storage, search

LOG = random_log(200, 3, seed=4)
DIALS = inputs.dials(LOG, ["confidence"])
STARTS = [
    *grid.cascades(LOG, "confidence", {m: DIALS["confidence", m] for m in LOG.models}),
    *map(Fixed, LOG.models),
]


def searched(trials=60, starts=(), seed=0, **options):
    values = {"max_usd_per_1k": None, "min_quality": None, **options}
    return search(
        LOG.models,
        DIALS,
        lambda policy: means(policy, LOG),
        starts=list(starts),
        trials=trials,
        seed=seed,
        **values,
    )


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
        assert trial.score == means(trial.policy, LOG)
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
    best = front(Point(policy, means(policy, LOG)) for policy in STARTS)
    found = front(Point(t.policy, t.score) for t in searched(trials=120, starts=STARTS))
    for point in best[: min(len(best), 40)]:
        assert any(
            other.score.usd_per_1k <= point.score.usd_per_1k
            and other.score.quality >= point.score.quality
            for other in found
        )


def test_progress_is_told_after_every_trial():
    told = []
    searched(trials=5, progress=lambda done, of: told.append((done, of)))
    assert told == [(i + 1, 5) for i in range(5)]


def test_a_model_without_the_signal_is_only_asked_last():
    dials = {**DIALS, ("confidence", "middle"): inputs.dials(LOG, [])}
    found = search(
        LOG.models,
        dials,
        lambda policy: means(policy, LOG),
        starts=[],
        max_usd_per_1k=None,
        min_quality=None,
        trials=80,
        seed=0,
    )
    cascades = [trial.policy for trial in found if isinstance(trial.policy, Cascade)]
    assert cascades
    assert all("middle" not in policy.models[:-1] for policy in cascades)
    assert any(policy.models[-1] == "middle" for policy in cascades)


@pytest.mark.parametrize("form", ["{}/trials.log", "sqlite:///{}/trials.db"])
def test_stored_trials_can_be_read_and_a_second_run_replaces_them(tmp_path, form):
    storage = form.format(tmp_path)
    found = [searched(trials=n, max_usd_per_1k=1.0, storage=storage, name="x") for n in (8, 5)]
    stored = optuna.load_study(study_name="x", storage=open_storage(storage))
    assert [trial.values for trial in stored.trials] == [list(t.score) for t in found[-1]]
    assert [trial.params for trial in stored.trials] == [t.params for t in found[-1]]
    assert stored.directions == [
        optuna.study.StudyDirection.MINIMIZE,
        optuna.study.StudyDirection.MAXIMIZE,
    ]
