"""How much quality is asked for on tune, so that enough is left on rows not chosen on."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tuning_world import NAMES, log_of

from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.policies import Fixed
from routelab.replay import comparison_set
from routelab.tuning.kinds import Holdout
from routelab.tuning.objectives import Bounds, FrontPoint, PolicyScore, demands
from routelab.tuning.selection.kind_choice import Kept, kept_by_default, winner

N = 1000
BEST = Fixed(NAMES[2])
POLICIES = [Fixed(name) for name in NAMES[:3]]
COST = np.ones((N, 3)) * [1e-4, 2e-4, 1e-3]


def asked_for(quality):
    """The share, where two cheap models and the best one, which is always right, are proposed."""
    log = replace(log_of(quality(np.arange(N)), COST), catalogue=Catalogue())
    on = comparison_set(log, split(log, seed=0), "all", log.models, catalogue=Catalogue(), seed=0)
    holdout = Holdout(on, demands(Bounds(), on, BEST, 1.0))
    return kept_by_default(holdout, [POLICIES] * holdout.folds, BEST).share


def test_what_keeps_it_on_every_fold_needs_no_more():
    def steady(row):
        return np.stack([row % 100 != 0, row % 200 != 0, row >= 0], axis=1)

    assert asked_for(steady) == 0.98


def test_what_keeps_it_only_where_it_was_chosen_is_asked_for_more():
    """The cheapest comes to .98 on some folds together, and to less on the rest."""
    rng = np.random.default_rng(0)

    def lucky(row):
        return np.stack([rng.random(N) < 0.9795, rng.random(N) < 0.991, row >= 0], axis=1)

    shares = [asked_for(lucky) for _ in range(30)]
    assert 0.98 in shares
    assert max(shares) > 0.98


def searched(**fronts):
    """Kinds by what their fronts come to, as (cost, quality), where they were not chosen."""
    held_out = {
        kind: ([cost for cost, _ in points], [quality for _, quality in points])
        for kind, points in fronts.items()
    }
    return SimpleNamespace(fronts=dict.fromkeys(fronts), held_out=held_out)


ALONE = [
    FrontPoint(Fixed(NAMES[0]), PolicyScore(1.0, 0.5)),
    FrontPoint(BEST, PolicyScore(10.0, 1.0)),
]
AT_THE_TOP = {"cascade": [(2.0, 0.97)], "utility": [(3.0, 0.99)]}
"""A kind of more area beside one that costs less at nearly the best model's quality."""


def test_by_default_the_kind_that_keeps_enough_for_the_least_cost_is_exported():
    kinds = searched(**AT_THE_TOP)
    kept = {"cascade": Kept(1.0, 8.0, 0.985, True), "utility": Kept(0.98, 3.0, 0.99, True)}
    assert winner(kinds, ALONE, kept, Bounds()) == "utility"
    assert winner(kinds, ALONE, {}, Bounds()) == "cascade"  # by area


def test_a_kind_that_keeps_too_little_is_not_exported_for_its_cost():
    kinds = searched(**AT_THE_TOP)
    kept = {"cascade": Kept(1.0, 1.5, 0.93, False), "utility": Kept(0.98, 9.0, 0.99, True)}
    assert winner(kinds, ALONE, kept, Bounds()) == "utility"
    nothing = {"cascade": Kept(1.0, 1.5, 0.93, False), "utility": Kept(1.0, 9.0, 0.96, False)}
    assert winner(kinds, ALONE, nothing, Bounds()) == "utility"


@pytest.mark.parametrize(
    ("bounds", "kind"),
    [
        (Bounds(max_usd_per_1k=2.0), "cascade"),
        (Bounds(max_usd_per_1k=3.0), "utility"),
        (Bounds(min_quality=0.95), "cascade"),
        (Bounds(min_quality_share=0.985), "utility"),
    ],
)
def test_under_a_bound_kinds_are_compared_where_it_binds(bounds, kind):
    assert winner(searched(**AT_THE_TOP), ALONE, {}, bounds) == kind


def test_of_kinds_as_good_as_each_other_the_simplest_is_exported():
    kinds = searched(**{"task-mean": [(3.0, 0.986)], "utility": [(3.0, 0.99)]})
    kept = {"task-mean": Kept(0.98, 3.05, 0.986, True), "utility": Kept(0.98, 3.0, 0.99, True)}
    assert winner(kinds, ALONE, kept, Bounds()) == "task-mean"
