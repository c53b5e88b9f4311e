"""A policy for each value of a column, and kinds compared on rows they were not chosen on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tuning_world import log_of

from routelab import replay
from routelab.core.catalogue.catalogue import Catalogue
from routelab.errors import TuningError
from routelab.logs.model.splits import split
from routelab.metrics.hull import hull
from routelab.policies import Conditional, Fixed
from routelab.tuning import Bounds, Options, tune
from routelab.tuning.kinds import cascade, conditional
from routelab.tuning.kinds.holdout import Holdout
from routelab.tuning.objectives.feasibility import demands


def specialists(n=2000, seed=0, share=(0.45, 0.45, 0.1), by="priority"):
    """The small model is right on what `high` asks, the middle one on `low`, at equal cost."""
    rng = np.random.default_rng(seed)
    value = rng.choice(["high", "low", "rare"], n, p=share)
    small = rng.random(n) < np.where(value == "high", 0.95, 0.4)
    middle = rng.random(n) < np.where(value == "low", 0.95, 0.4)
    quality = np.column_stack([small, middle, np.ones(n)])
    log = log_of(quality, [1e-4, 1.1e-4, 5e-3], rng.random((n, 3)))
    return replace(log, requests=replace(log.requests, **{by: value.astype(object)}))


def comparison_of(log, part="train"):
    cut = split(log, seed=0)
    return replay.comparison_set(log, cut, part, log.models, catalogue=Catalogue(), seed=0)


def holdout_of(on):
    fixed = [on.replay(Fixed(name)) for name in on.models]
    best = int(np.argmax([it.quality.mean() for it in fixed]))
    return Holdout(on, demands(Bounds(), on, Fixed(on.models[best]), fixed[best].quality.mean()))


@pytest.mark.parametrize("by", ["task", "tenant", "priority"])
def test_every_value_gets_the_policy_that_is_best_for_it(by):
    options = Options(name="x", trials=5, by=by, policy="cascade", point="knee")
    study = tune(specialists(by=by), options)
    assert study.kind == "conditional"
    assert isinstance(study.policy, Conditional)
    asked = {getattr(rule.when, by): rule.policy.models_used[0] for rule in study.policy.rules}
    firsts = {name: model for names, model in asked.items() for name in names}
    otherwise = study.policy.otherwise.models_used[0]
    assert firsts.get("high", otherwise) == "small"
    assert firsts.get("low", otherwise) == "middle"
    behind = {it.kind: it.gain_behind_ci for it in study.rivals}
    assert behind["cascade"][0] > 0.05


def test_a_column_that_tells_nothing_leaves_the_plain_cascade():
    log = specialists()
    rng = np.random.default_rng(1)
    requests = replace(log.requests, priority=rng.permutation(log.requests.priority))
    study = tune(
        replace(log, requests=requests),
        Options(name="x", trials=5, by="priority", policy="cascade"),
    )
    assert study.kind == "cascade"
    assert {it.kind for it in study.rivals} == {"cascade", "conditional"}


def test_a_value_of_few_requests_follows_the_policy_for_all():
    on = comparison_of(specialists(share=(0.497, 0.497, 0.006)))
    assert 0 < (on.log.requests.priority == "rare").sum() < conditional.FEWEST
    for policy in conditional.conditionals(
        "priority", on, [cascade.corner_source(("confidence",))]
    ):
        assert all("rare" not in rule.when.priority for rule in policy.rules)


def test_the_sums_of_a_conditional_are_those_of_its_parts():
    on = comparison_of(specialists())
    found = conditional.conditionals("priority", on, [cascade.corner_source(("confidence",))])
    assert found
    for policy in found[::7]:
        quality = on.replay(policy).quality
        left = np.ones(len(quality), dtype=bool)
        for rule in policy.rules:
            here = np.isin(on.log.requests.priority, rule.when.priority) & left
            assert (quality[here] == on.replay(rule.policy).quality[here]).all()
            left &= ~here
        assert (quality[left] == on.replay(policy.otherwise).quality[left]).all()


def test_a_column_that_the_log_lacks_is_named():
    with pytest.raises(TuningError, match=r"no column tenant; it has\s+priority"):
        tune(specialists(), Options(name="x", trials=5, by="tenant", policy="cascade"))


def test_a_front_is_judged_on_rows_it_was_not_chosen_on():
    """By hand: mixtures of the hull of the other folds, on each fold."""
    on = comparison_of(specialists(n=900))
    holdout = holdout_of(on)
    policies = [Fixed(name) for name in on.models]
    policies += conditional.conditionals("priority", on, [cascade.corner_source(("confidence",))])[
        :9
    ]
    budgets = np.array([0.2, 1.0, 3.0])
    found = holdout.held_out([policies] * holdout.folds, budgets)
    cost, quality = found.cost, found.quality
    wanted = np.zeros((3, 2))
    for fold in range(holdout.folds):
        here = holdout.fold == fold
        done = [on.replay(policy) for policy in policies]
        there = [(1000 * it.cost_usd[~here].mean(), it.quality[~here].mean()) for it in done]
        corners = hull(*zip(*there, strict=True))
        at = [
            min(range(len(there)), key=lambda i: abs(there[i][0] - c) + abs(there[i][1] - q))
            for c, q in zip(corners.cost, corners.quality, strict=True)
        ]
        for axis, name in enumerate(("cost_usd", "quality")):
            sums = [getattr(done[i], name)[here].sum() * (1000 if axis == 0 else 1) for i in at]
            wanted[:, axis] += np.interp(budgets, corners.cost, sums)
    assert np.allclose(np.column_stack([cost, quality]), wanted / len(on.log))


def test_the_freedom_of_a_search_does_not_flatter_it():
    """Confidence is noise: on its own rows a front looks better than it is on others."""
    rng = np.random.default_rng(3)
    quality = (rng.random((600, 2)) < [0.6, 0.7]).astype(float)
    on = comparison_of(log_of(quality, [1e-4, 1e-3], rng.random((600, 2))), "train")
    holdout = holdout_of(on)
    search = cascade.source(("confidence",))
    chosen = [search(on.take(holdout.rows_without(f), "tune")) for f in range(holdout.folds)]
    budgets = np.linspace(0.3, 0.9, 5)
    found = holdout.held_out(chosen, budgets)
    cost, held = found.cost, found.quality
    own = np.array(
        [(1000 * r.cost_usd.mean(), r.quality.mean()) for r in map(on.replay, search(on))]
    )
    ends = on.log.cost_usd.mean(axis=0) * 1000
    line = np.interp(cost, ends, on.log.quality.mean(axis=0))
    flattered = np.interp(budgets, *hull(own[:, 0].tolist(), own[:, 1].tolist())[:2])
    assert (flattered - np.interp(budgets, ends, on.log.quality.mean(axis=0))).mean() > 0.01
    assert (held - line).mean() < 0.5 * (flattered - line).mean()
