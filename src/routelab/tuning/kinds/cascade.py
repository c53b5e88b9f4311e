"""Cascades on a raw confidence signal: exact solvers, refined by a randomised search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import msgspec
import optuna

from routelab.core import Policy, Progress
from routelab.logs.model import Log
from routelab.policies import Cascade, Fixed
from routelab.replay import ComparisonSet, costs_sha256
from routelab.stats import thinned
from routelab.tuning.kinds.cascade_space import MAX_STEPS as LONGEST
from routelab.tuning.kinds.cascade_space import Cascades, ThresholdsByModel, Trial
from routelab.tuning.kinds.holdout import Holdout
from routelab.tuning.kinds.search_summary import SearchSummary, search_summary
from routelab.tuning.objectives import Excess, FrontPoint, front, is_met
from routelab.tuning.options import UNSAID, Options
from routelab.tuning.search import Plan, StorageLocation, TrialStore, search
from routelab.tuning.solvers import (
    MAX_STEPS,
    ThresholdCandidates,
    chains,
    grid,
    line_search,
    local_search,
    supported_points,
    threshold_candidates,
)
from routelab.version import __version__

Solver: TypeAlias = Callable[[Log, str, Mapping[str, ThresholdCandidates]], Iterator[Cascade]]

FEW = 5
"""Candidates up to which chains longer than those of the grid are left to the search."""

NEAR = 100
"""Policies from the front down that are compared beside it: on few rows one may be as good."""

# Below a generation of NSGA-II (50), so that some of the first parents are drawn.
STARTS = 40
"""Exactly tuned points that the randomised search begins with, at most."""

_OF_NO_TRIAL = (*UNSAID, "trials", "reads")
"""Options that no trial follows from: a cascade reads no messages."""

_AFTER_TRIALS = ("point", "budget_s")
"""What is exported of the front, and when other kinds are cut: the search is the same."""


class CascadeSearch(NamedTuple):
    """The result of searching plain cascades.

    Attributes:
        front: on tune, of what meets the bounds on latency and groups; empty if nothing does.
        near: of the same, the front and what is nearest below it, `NEAR` or a few more.
        tried: of each policy tried, by how much it breaks each of those bounds.
        trials: of the randomised search.
        summary: how the randomised search went; None where there was nothing to search.
    """

    front: list[FrontPoint]
    near: list[Policy]
    tried: list[Excess]
    trials: list[Trial]
    summary: SearchSummary | None


class _Tried(NamedTuple):
    point: FrontPoint
    excess: Excess


def cascades(
    holdout: Holdout,
    thresholds: ThresholdsByModel,
    alone: Sequence[FrontPoint],
    options: Options,
    progress: Progress | None,
) -> CascadeSearch:
    """Search plain cascades on tune.

    Args:
        holdout: rows to search on, and the user's bounds there; it keeps what policies come to.
        thresholds: threshold candidates by signal and model; without any, single models only.
        alone: each candidate by itself.
        options: of the study: trials, seed, sampler, storage and processes.
        progress: called with the number of finished trials and that of all.
    Raises:
        TuningError: the storage cannot be used, or holds another study.
    """
    tuning = holdout.comparison
    single = [_Tried(point, holdout.excess(point.policy)) for point in alone]
    if not thresholds:
        return CascadeSearch(_front(single), [], [tried.excess for tried in single], [], None)
    task = Cascades(tuning, thresholds, holdout.wanted)
    location = _location(tuning, options)
    if location is not None:
        TrialStore(location, task.names)  # before anything is spent
        location = location._replace(fresh=False)
    solved = [
        _tried(holdout, policy)
        for signal in dict.fromkeys(signal for signal, _ in thresholds)
        for solver in _solvers(tuning)
        for policy in solver(
            tuning.log, signal, {name: thresholds[signal, name] for name in tuning.models}
        )
    ]
    known = _front([*single, *solved]) or front([*alone, *(tried.point for tried in solved)])
    # Exact points first: seeded with them, NSGA-II beat every sampler that began with nothing.
    plan = Plan(
        options.trials,
        options.seed,
        options.sampler,
        [task.params(policy) for policy in _starts(known)],
    )
    searched = search(task, plan, location, processes=options.processes, progress=progress)
    trials = task.trials(searched.trials)
    more = [
        _Tried(FrontPoint(trial.policy, trial.score), _further(done.outcome.excess))
        for trial, done in zip(trials, searched.trials, strict=True)
    ]
    every = [*single, *solved, *more]
    return CascadeSearch(
        _front(every),
        _near(every),
        [tried.excess for tried in every],
        trials,
        search_summary(searched, trials, known, alone, options),
    )


def _solvers(tuning: ComparisonSet) -> Sequence[Solver]:
    """Of few models every chain is tried that is worth it; of many, chains grow and shrink."""
    few = (line_search.cascades, grid.cascades)
    return few if len(tuning.models) <= FEW else (*few, local_search.cascades)


def _tried(holdout: Holdout, policy: Policy) -> _Tried:
    return _Tried(FrontPoint(policy, holdout.score(policy)), holdout.excess(policy))


def _further(excess: Excess) -> Excess:
    """Without the bounds that means of cost and quality tell."""
    return {key: value for key, value in excess.items() if key not in ("cost", "quality")}


def _front(tried: Sequence[_Tried]) -> list[FrontPoint]:
    return front(it.point for it in tried if is_met(it.excess))


def _near(tried: Sequence[_Tried]) -> list[Policy]:
    """The front, that of what is left, and so on, until there are `NEAR`."""
    left = {it.point.policy: it.point for it in tried if is_met(it.excess)}
    found: list[Policy] = []
    while left and len(found) < NEAR:
        layer = [it.policy for it in front(left.values())]
        found += layer
        for policy in layer:
            del left[policy]
    return found


def source(signals: Sequence[str]) -> Callable[[ComparisonSet], list[Cascade]]:
    """A function from rows to the cascades that no other one beats there, by rising cost."""
    return lambda on: _best(on.log, signals)


def corner_source(
    signals: Sequence[str],
) -> Callable[[ComparisonSet, Sequence[str]], list[Cascade]]:
    """A function from rows and models to the cascades best at some trade-off, for each chain."""

    def propose(comparison: ComparisonSet, models: Sequence[str]) -> list[Cascade]:
        log = comparison.log.only(models)
        return [
            one.policy
            for signal in signals
            for chain, thresholds in _chains(log, signal)
            for one in supported_points(grid.of_chain(log, signal, chain, thresholds), log)
        ]

    return propose


def _chains(log: Log, signal: str) -> list[tuple[tuple[str, ...], dict[str, ThresholdCandidates]]]:
    columns = log.signals[signal].T
    thresholds = {
        name: threshold_candidates(column) for name, column in zip(log.models, columns, strict=True)
    }
    return [(chain, thresholds) for chain in chains(log, thresholds, MAX_STEPS)]


def _best(log: Log, signals: Sequence[str]) -> list[Cascade]:
    found = (
        grid.chain_front(log, signal, chain, thresholds)
        for signal in signals
        for chain, thresholds in _chains(log, signal)
    )
    return [one.policy for one in sorted(grid.best_of_chains(found), key=lambda one: one.cost)]


def _starts(points: Sequence[FrontPoint]) -> list[Cascade | Fixed]:
    """At most `STARTS` policies that the search can express, evenly along the front."""
    able = [
        point.policy
        for point in points
        if isinstance(point.policy, Cascade | Fixed) and len(point.policy.models_used) <= LONGEST
    ]
    return thinned(able, STARTS)


def _location(tuning: ComparisonSet, options: Options) -> StorageLocation | None:
    """Where trials are kept, and all that they follow from."""
    if options.storage is None:
        return None
    about = {
        "log_sha256": tuning.log.sha256,
        "costs_sha256": costs_sha256(tuning.log),
        "catalogue": msgspec.to_builtins(tuning.catalogue),
        "routelab": __version__,
        "optuna": optuna.__version__,
        **{f"options.{key}": it for key, it in options.recorded.items() if key not in _OF_NO_TRIAL},
        "options.point": options.point,  # which the first release had not: see `as_begun`
    }
    beside = tuple(f"options.{key}" for key in _AFTER_TRIALS)
    return StorageLocation(options.storage, options.name, about, options.fresh, beside=beside)
