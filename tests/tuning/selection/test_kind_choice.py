"""How much quality is asked for on tune, so that enough is left on rows not chosen on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tuning_world import NAMES, log_of

from routelab.core.catalogue import Catalogue
from routelab.logs.model import split
from routelab.policies import Fixed
from routelab.replay import comparison_set
from routelab.tuning.kinds import Holdout
from routelab.tuning.objectives import Bounds, demands
from routelab.tuning.selection.kind_choice import share_asked_for

N = 1000
BEST = Fixed(NAMES[2])
POLICIES = [Fixed(name) for name in NAMES[:3]]
COST = np.ones((N, 3)) * [1e-4, 2e-4, 1e-3]


def asked_for(quality):
    """The share, where two cheap models and the best one, which is always right, are proposed."""
    log = replace(log_of(quality(np.arange(N)), COST), catalogue=Catalogue())
    on = comparison_set(log, split(log, seed=0), "all", log.models, catalogue=Catalogue(), seed=0)
    holdout = Holdout(on, demands(Bounds(), on, BEST, 1.0))
    return share_asked_for(holdout, [POLICIES] * holdout.folds, BEST)


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
