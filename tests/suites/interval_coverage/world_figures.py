"""One log of a world: which intervals of its figures hold the truth, and which verdict it gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import numpy as np
from coverage_world import log_of, whole
from fixed_policy_worlds import WORLDS, Drawn, World

from routelab.core import Policy
from routelab.errors import LogError
from routelab.logs import Log
from routelab.metrics import zero_router_at
from routelab.policies import Cascade
from routelab.replay import Figures, NamedPolicy, evaluate
from routelab.replay import run as replayed
from routelab.stats import Resamples, interval
from routelab.tuning import Options, tune

FIGURES = ("quality", "cost", "gain", "difference", "saving", "saving share", "random mix")
REFUSED, SHIP, PLAIN_SHIP = "refused", "ship", "plain ship"
CROSSED = "cross-fitted"
"""Whether the verdict rests on all groups, as test has too few: figures are then of these."""
CONDITION = "on condition"
"""Whether intervals in USD hold only unless dearer requests come than so short a log shows."""
MARGIN = 0.005
"""Of a gain below which routing is not worth it."""

LARGE = 400_000
THRESHOLD = 0.5


def fixed_policy(name: str, n: int, seed: int) -> dict[str, bool]:
    """The cascade of the first and the last model, evaluated on all of a log.

    With "ship", whether its gain is shown, and with "plain ship" whether the plain percentile
    interval would show it.
    """
    world = WORLDS[name]
    log = as_log(world.draw(n, np.random.default_rng(seed)), world)
    groups = log.requests.group
    on = whole(log)
    if groups is not None:
        on = replace(on, groups=np.unique(groups.astype(str), return_inverse=True)[1])
    policy = first_to_last(on.models)
    figures = evaluate(on, [NamedPolicy("p", policy)])[0]
    found = held(figures, truth(name, policy))
    found[SHIP] = figures.gain_ci[0] > 0 and not figures.refusal
    found[PLAIN_SHIP] = plain_gain_low(log, policy, on.groups) > 0
    return found


def whole_study(name: str, n: int, seed: int) -> dict[str, bool]:
    """A study with a small search: what it says of the policy that it exports."""
    world = WORLDS[name]
    log = as_log(world.draw(n, np.random.default_rng(seed)), world)
    group = "id" if log.requests.group is None else "group"
    try:
        study = tune(log, Options(name="x", trials=1, seed=seed, policy="cascade", group=group))
    except LogError:  # too few groups for every part
        return {REFUSED: True, "wrong ship": False, "wrong do not route": False, SHIP: False}
    true = truth(name, study.policy, world.test_half)
    found = held(study.figures if study.crossed is None else study.crossed.figures, true)
    found[CROSSED] = study.crossed is not None
    word = study.verdict.word
    found["wrong ship"] = word == "ship" and true["gain"] <= 0
    found["wrong do not route"] = word == "do not route" and true["gain"] >= MARGIN
    found[SHIP] = word == "ship"
    return found


def as_log(drawn: Drawn, world: World) -> Log:
    """What was drawn, with its groups where some hold several requests."""
    log = log_of(drawn.outcomes, timed=world.timed, task=drawn.task)
    if len(np.unique(drawn.groups)) == len(drawn.groups):
        return log
    groups = np.array([f"g{it}" for it in drawn.groups], dtype=object)
    return replace(log, requests=replace(log.requests, group=groups))


def first_to_last(models: tuple[str, ...]) -> Cascade:
    return Cascade((models[0], models[-1]), (THRESHOLD,), "confidence")


@cache
def large(name: str, later: bool) -> Log:
    """Very many requests of a world; of one that drifts, the later ones alone."""
    log = as_log(WORLDS[name].large(LARGE, 10**6), WORLDS[name])
    return log.take(np.arange(LARGE // 2, LARGE)) if later else log


@cache
def truth(name: str, policy: Policy, later: bool = False) -> dict[str, float]:
    """What the intervals are of."""
    log = large(name, later)
    done = replayed(policy, log)
    costs, qualities = log.cost_usd.mean(axis=0), log.quality.mean(axis=0)
    quality, cost = float(done.quality.mean()), float(done.cost_usd.mean())
    zero = float(zero_router_at(costs[None], qualities[None], np.array([cost]))[0])
    found = {
        "quality": quality,
        "cost": 1000 * cost,
        "gain": quality - zero,
        "difference": quality - float(qualities[-1]),
        "saving": 1000 * float(costs[-1] - cost),
        "saving share": 1 - cost / float(costs[-1]),
    }
    return found | ({"random mix": found["gain"]} if len(costs) == 2 else {})


def held(it: Figures, true: Mapping[str, float]) -> dict[str, bool]:
    """Which intervals hold the truth; none where they are refused."""
    if it.refusal:
        return {REFUSED: True}
    beside = {baseline.name: baseline for baseline in it.baselines}
    last = [baseline for baseline in it.baselines if baseline.name.startswith("fixed:")][-1]
    ends = {
        "quality": it.quality_ci,
        "cost": it.usd_per_1k_ci,
        "gain": it.gain_ci,
        "difference": last.quality_gain_ci,
        "saving": last.saving_usd_per_1k_ci,
        "saving share": last.saving_share_ci or (-np.inf, np.inf),
        "random mix": beside["random_mix"].quality_gain_ci,
    }
    # The truth is that of many requests, so that a difference of nothing is none to a millionth.
    found = {
        name: bool(ends[name][0] - 1e-6 <= value <= ends[name][1] + 1e-6)
        for name, value in true.items()
    }
    return found | {CONDITION: bool(it.cost_condition)}


def plain_gain_low(log: Log, policy: Policy, groups: np.ndarray) -> float:
    """Lower end of the plain percentile interval of the gain over the zero router."""
    done = replayed(policy, log)
    columns = np.column_stack([done.quality, done.cost_usd, log.quality, log.cost_usd])
    means, m = Resamples(groups).means(columns), len(log.models)
    zero = zero_router_at(means[:, 2 + m :], means[:, 2 : 2 + m], means[:, 1])
    return interval(means[:, 0] - zero).low
