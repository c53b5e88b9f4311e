"""One log of a world, studied in further ways: under bounds, ten times over, with a certificate."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from coverage_world import whole
from fixed_policy_worlds import WORLDS, World
from world_figures import REFUSED, as_log, large, truth

from routelab.core import Policy
from routelab.core.table import Floats
from routelab.errors import LogError
from routelab.logs import Log
from routelab.policies import Cascade, Fixed
from routelab.tuning import Bounds, LookLedger, Options, Study, tune
from routelab.tuning.certify import CertificateDemand, Certifier, Evidence
from routelab.tuning.objectives.front import FrontPoint, front
from routelab.tuning.objectives.score import score
from routelab.tuning.solvers.thresholds import threshold_candidates

SHARE = 0.95
"""Of the best model's quality that is asked for."""
BELOW, SHIP_BELOW, SHIP_SHARE = "below the share", "*ship* below it", "every *ship*, share"
DEARER, SHIP_DEARER, SHIP_COST = "over the cost", "*ship* over it", "every *ship*, cost"
BOUNDED = (BELOW, SHIP_BELOW, SHIP_SHARE, DEARER, SHIP_DEARER, SHIP_COST)

TRIES = 10
SOME_SHIP, SOME_UNCOUNTED = "some *ship* of ten", "some gain shown, uncounted"
TRIED = (SOME_SHIP, SOME_UNCOUNTED)

DELTA, EPS, STEPS = 0.1, 0.02, 60
ISSUED, WRONG = "certified", "wrong certificate"
SAVED, ORACLE = "saved", "oracle"
PROVED = (ISSUED, WRONG)


def bounded(name: str, n: int, seed: int) -> dict[str, bool]:
    """Studies under a bound on quality, and under one on cost: what is exported and shipped.

    The cost allowed is halfway between those of the first and the last model, in truth.
    """
    world = WORLDS[name]
    log = _drawn(world, n, seed)
    costs = 1000.0 * large(name, world.test_half).cost_usd.mean(axis=0)
    ceiling = float(costs[0] + costs[-1]) / 2
    asked = (
        (Bounds(min_quality_share=SHARE), BELOW, SHIP_BELOW, SHIP_SHARE),
        (Bounds(max_usd_per_1k=ceiling), DEARER, SHIP_DEARER, SHIP_COST),
    )
    found = {}
    for bounds, broken, ship_broken, ship in asked:
        study = _studied(log, seed, bounds)
        if study is None:
            found |= {ship_broken: False, ship: False, REFUSED: True}
            continue
        true = truth(name, study.policy, world.test_half)
        if bounds.on_quality:
            floor = SHARE * truth(name, _best(study), world.test_half)["quality"]
            found[broken] = true["quality"] < floor
        else:
            found[broken] = true["cost"] > ceiling
        found[ship] = study.verdict.word == "ship"
        found[ship_broken] = found[ship] and found[broken]
    return found


def ten_tries(name: str, n: int, seed: int) -> dict[str, bool]:
    """Ten studies of one log on the same test part, each with a signal that knows nothing.

    Whatever ships is wrong. The looks are counted, as the command counts them.
    """
    log = _drawn(WORLDS[name], n, seed)
    rng = np.random.default_rng([seed, n])
    found = dict.fromkeys(TRIED, False)
    with tempfile.TemporaryDirectory() as folder:
        ledger = LookLedger(Path(folder) / "log.looks")
        for _ in range(TRIES):
            noise = np.full(log.quality.shape, np.nan)
            noise[:, 0] = rng.random(n)
            tried = replace(log, signals={"confidence": np.asfortranarray(noise)})
            study = _studied(tried, seed, Bounds(), ledger)
            if study is None:
                return {**found, REFUSED: True}
            shown = study.figures.gain_ci[0] > 0 and not study.figures.refusal
            found[SOME_UNCOUNTED] |= shown and not study.policy.by_chance
            found[SOME_SHIP] |= study.verdict.word == "ship"
    return found


def oracle_saving(name: str, n: int, seed: int) -> dict[str, bool | float]:
    """What a certificate of regret keeps of what any point of its path saves that keeps the bound.

    The path is fixed on 2 n requests and tested on n.
    """
    world = WORLDS[name]
    drawn = world.draw(3 * n, np.random.default_rng(seed))
    log = as_log(drawn, world)
    parts = [whole(log.take(rows)) for rows in (np.arange(2 * n), np.arange(2 * n, 3 * n))]
    labels = [drawn.groups[: 2 * n], drawn.groups[2 * n :]]
    parts = [replace(it, groups=groups) for it, groups in zip(parts, labels, strict=True)]
    largest = int(np.bincount(labels[0]).max())
    points = [FrontPoint(it, score(parts[0], it)) for it in _path(log)]
    alone = points[: len(log.models)]
    found = Certifier.along(
        [*front(points), *alone],
        [CertificateDemand("regret", EPS)],
        DELTA,
        *(Evidence(part, largest) for part in parts),
        "id" if log.requests.group is None else "group",
    )
    path = [it.policy for it in found.points]
    kept = [it for it in path if _regret(name, it) <= EPS]
    oracle = max((_saved(name, it) for it in kept), default=0.0)
    if not found.passed:
        return {ISSUED: False, WRONG: False, SAVED: 0.0, ORACLE: oracle}
    last = path[found.passed - 1]
    wrong = _regret(name, last) > EPS
    return {ISSUED: True, WRONG: wrong, SAVED: _saved(name, last), ORACLE: oracle}


def share_saved(found: list[Mapping[str, bool | float]]) -> str:
    """The saving of certified policies as a share of the oracles', over all logs."""
    oracle = sum(it[ORACLE] for it in found)
    return f"{sum(it[SAVED] for it in found) / oracle:.3f}" if oracle else "-"


def _drawn(world: World, n: int, seed: int) -> Log:
    return as_log(world.draw(n, np.random.default_rng(seed)), world)


def _studied(log: Log, seed: int, bounds: Bounds, looks: LookLedger | None = None) -> Study | None:
    """None where the log has too few groups for every part."""
    group = "id" if log.requests.group is None else "group"
    options = Options(name="x", trials=1, seed=seed, policy="cascade", group=group, bounds=bounds)
    try:
        return tune(log, options, looks=looks)
    except LogError:
        return None


def _best(study: Study) -> Fixed:
    """The model that was best on tune."""
    alone = zip(study.tune.models, study.tune.fixed(), strict=True)
    return Fixed(max(alone, key=lambda it: (it[1].quality.mean(), -it[1].cost_usd.mean()))[0])


def _path(log: Log) -> list[Policy]:
    """Models alone, then cascades of the first and the last."""
    steps: Floats = threshold_candidates(log.signals["confidence"][:, 0]).thresholds
    steps = steps[np.linspace(0, len(steps) - 1, STEPS).astype(int)]
    ends = (log.models[0], log.models[-1])
    alone: list[Policy] = [Fixed(name) for name in log.models]
    return alone + [Cascade(ends, (float(it),), "confidence") for it in steps]


def _regret(name: str, policy: Policy) -> float:
    """To the best model, which is the last one."""
    return -truth(name, policy)["difference"]


def _saved(name: str, policy: Policy) -> float:
    return max(0.0, truth(name, policy)["saving"])
