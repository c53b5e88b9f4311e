"""One cell of the table: a log, a cut of it, so many rows, and the area that everything reaches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

import routelab
from benchmarks.learning import grid, rivals
from benchmarks.learning.halves import halves
from benchmarks.learning.worlds import World
from routelab.core import Policy, Scoring
from routelab.core.catalogue import Catalogue
from routelab.errors import RoutelabError
from routelab.logs import Log
from routelab.logs.model import split
from routelab.metrics import aiq_among, value_at
from routelab.metrics import hull as hull_of
from routelab.metrics.aiq import aiq
from routelab.policies import Mixture
from routelab.replay import ComparisonSet, comparison_set
from routelab.stats import thinned
from routelab.tuning import Options, Study

ROUTELAB, ZERO, GRID, TRUTH, LUCK = "routelab", "zero router", "grid", "truth", "luck"
ALONE, PROMISED, LEARNED_ZERO = "front alone", "as promised", "zero router, learned"
"""The study's front without the judging half's single models, the hull that it promised, and the
zero router of the rows given, which has to guess from them which models are on the hull."""
CASCADES = "cascades"
"""Of routelab's kinds the cascade on raw confidence alone, as the grid's are."""
Means: TypeAlias = tuple[float, float]
"""Mean cost and quality."""
MOST = 200
"""Points of a front that are judged."""


class Judge:
    """The other half of a log.

    Areas are under the hull of what is judged and the single models, over the models' costs.
    """

    def __init__(self, world: World, rows: np.ndarray) -> None:
        self.world = world.take(rows)
        self.on = comparable(self.world, self.world.log)
        alone = self.on.fixed()
        self.quality = np.column_stack([it.quality for it in alone])
        self.cost = np.column_stack([it.cost_usd for it in alone])

    def area(self, cost: Sequence[float] = (), quality: Sequence[float] = ()) -> float:
        means = self.cost.mean(axis=0), self.quality.mean(axis=0)
        return aiq_among(*means, np.array(cost), np.array(quality))

    def alone(self, cost: Sequence[float], quality: Sequence[float]) -> float:
        """`area` without the single models, but for those among the points."""
        prices = self.cost.mean(axis=0)
        return aiq(cost, quality, float(prices.min()), float(prices.max()))

    def along(self, cost: Sequence[float], quality: Sequence[float]) -> float:
        """Mean quality of mixing neighbours among points in their order, over the models' costs.

        Which points are mixed was said before they were judged, so that no luck is picked here:
        a hull takes of many points those that did best on these rows.
        """
        prices = self.cost.mean(axis=0)
        low, high = float(prices.min()), float(prices.max())
        at = np.clip(np.concatenate([[low], cost, [high]]), low, high)
        brought = np.concatenate([quality[:1], quality, quality[-1:]])
        return float(np.trapezoid(brought, at) / (high - low))

    def of(self, policies: Sequence[Policy], scoring: Scoring | None = None) -> list[Means]:
        """Mean cost and quality of each; of a mixture what is expected of its draws.

        One draw on these rows is luck of neither study nor policy: that of a mixture of two models
        alone moves by half a point of quality on 2,000 rows, where it gains exactly nothing.
        """
        on = self.on if scoring is None else self.on.with_scoring(scoring)
        return [_expected(on, policy) for policy in policies]

    def over_zero(self, cost: float, quality: float) -> float:
        """Quality above the hull of the single models."""
        vertices = hull_of(self.cost.mean(axis=0), self.quality.mean(axis=0))
        return float(quality - value_at(cost, vertices))


def _expected(on: ComparisonSet, policy: Policy) -> Means:
    if isinstance(policy, Mixture):
        first, second = (_expected(on, it) for it in (policy.first, policy.second))
        cost, quality = (
            policy.weight * a + (1.0 - policy.weight) * b
            for a, b in zip(first, second, strict=True)
        )
        return cost, quality
    replay = on.replay(policy)
    return float(replay.cost_usd.mean()), float(replay.quality.mean())


def cell(
    world: World, seed: int, rows: int | None, budget_s: float | None, *, account: bool = True
) -> dict[str, Any]:
    """Areas on one half of what was made of the other, or of `rows` of it."""
    cut = halves(world.log, seed, rows)
    judge = Judge(world, cut.judge)
    given = world.log.take(cut.learn)
    learn = comparable(world, given)
    areas = {ZERO: judge.area(), **_baselines(learn, judge)}
    found: dict[str, Any] = {"rows": [len(learn.log), len(judge.on.log)], "areas": areas}
    options = Options(
        name="judged", models=world.models, budget_s=budget_s, seed=seed, account=account
    )
    start, busy = time.monotonic(), time.process_time()
    try:
        study = routelab.tune(given, options)
    except RoutelabError as error:
        return {**found, "error": f"{type(error).__name__}: {error}"[:300]}
    found["seconds"] = round(time.monotonic() - start, 2)
    found["cpu_s"] = round(time.process_time() - busy, 2)
    if learn.log.signals:
        chains = Options(name="judged", models=world.models, policy="cascade", seed=seed)
        alone = routelab.tune(given, chains)
        areas[CASCADES] = judge.area(*zip(*_reached(alone, judge), strict=True))
    areas[LEARNED_ZERO] = judge.along(*_zero_router(learn, judge))
    return {**found, **_judged(study, judge, areas)}


def _judged(study: Study, judge: Judge, areas: dict[str, float]) -> dict[str, Any]:
    """The study's front on the other half."""
    reached = _reached(study, judge)
    areas[ROUTELAB] = judge.area(*zip(*reached, strict=True))
    areas[ALONE] = judge.alone(*zip(*reached, strict=True))
    areas[PROMISED] = judge.along(*zip(*_promised(study, judge), strict=True))
    cost, quality = reached[0]
    return {
        "kind": study.kind,
        "verdict": study.verdict.word,
        "points": min(len(study.front), MOST),
        "cut_short": list(study.cut_short),
        "exported": {"cost": cost, "quality": quality, "gain": judge.over_zero(cost, quality)},
    }


def _reached(study: Study, judge: Judge) -> list[Means]:
    """Mean cost and quality of the operating points, the exported one first, and of the front."""
    scoring = study.test.scoring  # of all points, where `fitted` is of the exported one alone
    front = [it.policy for it in thinned(study.front, MOST)]
    return judge.of([*(it.point.policy for it in study.points), *front], scoring)


def _promised(study: Study, judge: Judge) -> list[Means]:
    """Mean cost and quality of the policies on the hull that the study expects, by rising cost."""
    points = sorted(study.front, key=lambda it: it.score)
    vertices = {*zip(*hull_of(*zip(*(it.score for it in points), strict=True)), strict=True)}
    kept = {it.score: it.policy for it in points if tuple(it.score) in vertices}
    return judge.of([*kept.values()], study.test.scoring)


def _zero_router(learn: ComparisonSet, judge: Judge) -> tuple[np.ndarray, np.ndarray]:
    """Judged cost and quality of the models on the hull of the rows given, by rising cost there."""
    alone = learn.fixed()
    cost = np.array([it.cost_usd.mean() for it in alone])
    quality = np.array([it.quality.mean() for it in alone])
    vertices = {*zip(*hull_of(cost, quality), strict=True)}
    kept = [at for at in np.argsort(cost) if (cost[at], quality[at]) in vertices]
    return judge.cost.mean(axis=0)[kept], judge.quality.mean(axis=0)[kept]


def _baselines(learn: ComparisonSet, judge: Judge) -> dict[str, float]:
    predicted = rivals.predictions(learn.log, judge.on.log)
    reached = rivals.points(predicted, judge.quality, judge.cost)
    reached[LUCK] = _shuffled(predicted, judge)
    if learn.log.signals:
        brute = judge.of(grid.best_cascades(learn))
        reached[GRID] = rivals.Points([it for it, _ in brute], [it for _, it in brute])
    if judge.world.gain is not None:
        reached[TRUTH] = _deferred(judge)
    return {name: judge.area(*it) for name, it in reached.items()}


def _shuffled(predicted: dict[str, rivals.Prediction], judge: Judge) -> rivals.Points:
    """The last of the routers with its requests mixed up, which knows nothing.

    What its hull gains all the same is the luck of many points on few rows.
    """
    order = np.random.default_rng(0).permutation(len(judge.quality))
    good, dear = [*predicted.values()][-1]
    mixed = {LUCK: rivals.Prediction(good[order], dear[order])}
    return rivals.points(mixed, judge.quality, judge.cost)[LUCK]


def _deferred(judge: Judge) -> rivals.Points:
    """Cost and quality of asking the second model where the true expected gain is largest."""
    order = np.argsort(-judge.world.gain, kind="stable")
    n = len(order)
    more = np.cumsum((judge.quality[:, 1] - judge.quality[:, 0])[order])
    spent = np.cumsum(judge.cost[order, 1])
    at = np.unique(np.linspace(0, n - 1, MOST).astype(int))
    cost = (judge.cost[:, 0].sum() + spent[at]) / n
    return rivals.Points(cost.tolist(), ((judge.quality[:, 0].sum() + more[at]) / n).tolist())


def comparable(world: World, log: Log) -> ComparisonSet:
    """Rows with every candidate's outcome, as studies compare them."""
    models = world.models or log.costed
    whole = split(log, need_all_parts=False)
    catalogue = (log.catalogue or Catalogue()).only(models)
    return comparison_set(
        log, whole, "all", models, catalogue=catalogue, seed=0, allow_missing=True, learn=False
    )
