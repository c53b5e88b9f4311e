"""One study: cut the log, search on tune, choose a point, and judge it once on test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from routelab.core.catalogue import Catalogue
from routelab.core.policy import Policy
from routelab.errors import TuningError
from routelab.logs.log import Log
from routelab.logs.splits import Split, split
from routelab.metrics.aiq import aiq_among
from routelab.metrics.exact import mean
from routelab.policies import Cascade, Fixed
from routelab.replay import Figures, Ground, Named, evaluate, ground
from routelab.replay.breakdown import Breakdown, breakdown
from routelab.tuning import exact, grid, inputs
from routelab.tuning.bounds import Bounds
from routelab.tuning.front import OperatingPoint, Point, front, operating_points
from routelab.tuning.search import Dials, Progress, Score, Trial, search
from routelab.tuning.verdict import Verdict, verdict

STARTS = 40
"""Exactly tuned points that the randomised search begins with, at most."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a study is asked to do.

    Attributes:
        name: of the policy.
        models: candidates; None takes every model with a cost.
        signals: confidence signals to consider; empty takes all.
        bounds: limits on cost and quality.
        seed: of everything random.
        trials: of the randomised search.
        group: what splits keep together; see `routelab.logs.splits.split`.
        allow_missing: accept a log that lacks many outcomes.
        storage: where to store the trials for optuna-dashboard: a file or a database URL.
    """

    name: str
    models: tuple[str, ...] | None = None
    signals: tuple[str, ...] = ()
    bounds: Bounds = Bounds()
    seed: int = 0
    trials: int = 400
    group: str | None = None
    allow_missing: bool = False
    storage: str | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """Everything a study found; nothing in it depends on time or place.

    Attributes:
        log: the whole log, as it was read.
        catalogue: of the candidates.
        points: operating points, the exported one first.
        tuned: figures of the exported policy on tune.
        tested: figures on test, one for each operating point.
        front: non-dominated points on tune, by rising cost.
        aiq_front: on test, of the hull of all operating points and the candidates.
        trials: of the randomised search.
        breakdown: where the exported policy's figures on test come from.
    """

    options: Options
    log: Log
    split: Split
    catalogue: Catalogue
    tune: Ground
    test: Ground
    points: Sequence[OperatingPoint]
    tuned: Figures
    tested: Sequence[Figures]
    front: Sequence[Point]
    aiq_front: float
    trials: Sequence[Trial]
    verdict: Verdict
    breakdown: Breakdown

    @property
    def policy(self) -> Policy:
        """The exported policy."""
        return self.points[0].point.policy

    @property
    def figures(self) -> Figures:
        """Of the exported policy on test."""
        return self.tested[0]


def tune(
    log: Log,
    options: Options,
    *,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
) -> Study:
    """Tune a policy on a complete log.

    Args:
        catalogue: prices, capabilities and endpoints; default the log's own.
        progress: told of finished trials.
    Raises:
        TuningError: options that make no sense, or bounds that nothing meets.
        LogError: the log lacks a model or a signal, or cannot be split or compared.
    """
    _check(options)
    candidates = inputs.candidates(log, options.models)
    signals = inputs.signals(log, options.signals, candidates)
    known = (catalogue or log.catalogue or Catalogue()).only(candidates)
    cut = split(log, seed=options.seed, group=options.group)

    def part(name: str) -> Ground:
        return ground(
            log,
            cut,
            name,
            candidates,
            catalogue=known,
            seed=options.seed,
            allow_missing=options.allow_missing,
        )

    tuning = part("tune")
    dials = inputs.dials(tuning.log, signals)
    alone = [Point(policy, _score(tuning, policy)) for policy in map(Fixed, candidates)]
    best = max(alone, key=lambda point: (point.score.quality, -point.score.usd_per_1k))
    points, trials = _search(tuning, dials, alone, best, options, progress)
    chosen = operating_points(points, options.bounds, best, mix=not dials)
    tuned = evaluate(tuning, [Named(options.name, chosen[0].point.policy)])[0]

    testing = part("test")
    tested = evaluate(testing, [Named(options.name, it.point.policy) for it in chosen])
    warnings = _warnings(log, dials, chosen[0].point.policy, testing)
    best_quality = _score(testing, best.policy).quality
    return Study(
        options=options,
        log=log,
        split=cut,
        catalogue=known,
        tune=tuning,
        test=testing,
        points=chosen,
        tuned=tuned,
        tested=tested,
        front=points,
        aiq_front=_aiq_front(testing, tested),
        trials=trials,
        verdict=verdict(tested[0], options.bounds, best_quality, warnings),
        breakdown=breakdown(chosen[0].point.policy, testing, tuning, best.policy.models_used[0]),
    )


def _check(options: Options) -> None:
    options.bounds.check()
    if options.trials < 1:
        raise TuningError(f"--trials is {options.trials}; at least 1 is needed")


def _score(on: Ground, policy: Policy) -> Score:
    replay = on.replay(policy)
    return Score(1000 * mean(replay.cost_usd), mean(replay.quality))


def _search(
    tuning: Ground,
    dials: Dials,
    alone: list[Point],
    best: Point,
    options: Options,
    progress: Progress | None,
) -> tuple[list[Point], list[Trial]]:
    """The front on tune, from line searches and grids refined by a randomised search."""
    if not dials:
        return front(alone), []
    solved = [
        Point(policy, _score(tuning, policy))
        for signal in dict.fromkeys(signal for signal, _ in dials)
        for solver in (exact.cascades, grid.cascades)
        for policy in solver(
            tuning.log, signal, {name: dials[signal, name] for name in tuning.models}
        )
    ]
    trials = search(
        tuning.models,
        dials,
        lambda policy: _score(tuning, policy),
        starts=_starts(front([*alone, *solved])),
        max_usd_per_1k=options.bounds.max_usd_per_1k,
        min_quality=options.bounds.floor(best.score.quality),
        trials=options.trials,
        seed=options.seed,
        storage=options.storage,
        name=options.name,
        progress=progress,
    )
    return front([*alone, *solved, *(Point(t.policy, t.score) for t in trials)]), trials


def _starts(points: Sequence[Point]) -> list[Cascade | Fixed]:
    """At most `STARTS` policies, evenly along the front."""
    picked = np.unique(np.linspace(0, len(points) - 1, STARTS).round().astype(int))
    policies = (points[index].policy for index in picked)
    return [policy for policy in policies if isinstance(policy, Cascade | Fixed)]


def _aiq_front(testing: Ground, tested: Sequence[Figures]) -> float:
    alone = [_score(testing, Fixed(name)) for name in testing.models]
    return aiq_among(
        [score.usd_per_1k for score in alone],
        [score.quality for score in alone],
        [figures.usd_per_1k for figures in tested],
        [figures.quality for figures in tested],
    )


def _warnings(log: Log, dials: Dials, policy: Policy, testing: Ground) -> list[str]:
    """What a reader of the verdict must know besides."""
    found = [
        f"the extra cost of signal {name!r} is not known and was charged as nothing; give it as"
        f" --signal {name}:MULTIPLIER (3 for three samples, 1 if it comes with the answer)"
        for name in policy.signals_used
        if not log.spec(name).cost_known
    ]
    if not dials:
        found.append(
            "the log has no usable confidence signal, so no cascade could be tuned: the best"
            " fixed model or mixture was exported"
        )
    if log.requests.audit is not None:
        found.append("figures are for the audited requests only")
    missing = testing.coverage.warning()
    return [*found, *([missing] if missing else [])]
