"""Every kind that a study was asked for, searched, and compared on rows not chosen on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from routelab.core import Policy, Progress
from routelab.errors import TuningError
from routelab.replay import ComparisonSet
from routelab.stats import thinned
from routelab.tuning.kinds import (
    BUDGETS,
    CascadeSearch,
    Holdout,
    ThresholdsByModel,
    cascade,
    conditional,
)
from routelab.tuning.objectives import Demands, Excess, FrontPoint
from routelab.tuning.options import BY, Options
from routelab.tuning.tuners import AUTO, CASCADE, CONDITIONAL

if TYPE_CHECKING:
    from routelab.tuning.kinds import LearnedKinds

Again = Callable[[ComparisonSet], Iterable[Policy]]
"""Searches a kind once more, on some of the rows."""

MOST = 200
"""Policies of one kind that are compared on rows not chosen on, evenly along its front."""

PARTED_BY_AUTO = ("gain-cascade",)
"""Kinds from which `auto` takes the policies of each task."""


@dataclass(frozen=True, eq=False)
class KindSearch:
    """The result of searching every kind that was asked for.

    Attributes:
        fronts: by kind, the simplest first: non-dominated points on tune, by rising cost.
        held_out: by kind, (cost, quality) that its front reaches on folds of tune that it
            was not chosen on; empty for a single kind.
        tune: the tune part with every scorer.
        plain: the search of plain cascades; None if it was not asked for.
        learned: scorers; None if nothing was learned.
        notes: what was left out of learning, and what could not be learned.
    """

    fronts: Mapping[str, Sequence[FrontPoint]]
    held_out: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    tune: ComparisonSet
    plain: CascadeSearch | None
    learned: LearnedKinds | None
    notes: Sequence[str]


def search_kinds(
    options: Options,
    part: Callable[[str], ComparisonSet],
    tuning: ComparisonSet,
    thresholds: ThresholdsByModel,
    alone: Sequence[FrontPoint],
    wanted: Demands,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> KindSearch:
    """Search every kind that the options ask for, on tune.

    Args:
        options: of the study.
        part: gives the comparable rows of a part by its name.
        tuning: rows of tune.
        thresholds: threshold candidates by signal and model.
        alone: each candidate by itself.
        wanted: the user's bounds on tune.
        progress: called with the number of steps done and that of all.
        notify: called with a sentence on each stage.
    Raises:
        TuningError: `by` names a column that the log lacks, nothing could be learned, or
            nothing meets the bounds on latency and groups.
    """
    _refuse_unknown(options, tuning)
    signals = tuple(dict.fromkeys(signal for signal, _ in thresholds))
    fronts: dict[str, list[FrontPoint]] = {}
    again: dict[str, Again] = {}
    tried: list[Excess] = []
    cascades: CascadeSearch | None = None
    if CASCADE in options.kinds:
        cascades = cascade.cascades(tuning, thresholds, alone, wanted, options, progress)
        fronts[CASCADE] = cascades.front
        again[CASCADE] = cascade.source(signals)
        tried += cascades.tried
    more, notes = _learned(options, part, tuning, signals, alone, wanted, progress, notify)
    for note in notes:
        notify(f"note: {note}")
    holdout = Holdout(tuning, wanted, seed=options.seed) if more is None else more.holdout
    if more is not None:
        fronts |= more.fronts
        again |= {kind: more.again(kind) for kind in more.fronts}
        tried += more.tried
    if options.parts_by is not None and getattr(tuning.log.requests, options.parts_by) is not None:
        parted = _conditionals(options, part, signals, more, notify)
        if parted:
            fronts[CONDITIONAL] = holdout.front([*(point.policy for point in alone), *parted])
            again[CONDITIONAL] = lambda _: parted
            tried += [holdout.excess(policy) for policy in parted]
    fronts = {kind: points for kind, points in fronts.items() if points}
    if not fronts:
        raise wanted.out_of_reach(tried)
    again = {kind: again[kind] for kind in fronts}
    held_out = {} if len(fronts) < 2 else _held_out(again, holdout, alone, notify)
    return KindSearch(fronts, held_out, holdout.comparison, cascades, more, notes)


def _refuse_unknown(options: Options, tuning: ComparisonSet) -> None:
    by = options.by or ("task" if options.policy == CONDITIONAL else None)
    if by is not None and getattr(tuning.log.requests, by) is None:
        there = [name for name in BY if getattr(tuning.log.requests, name) is not None]
        raise TuningError(
            f"`by` {by}: {tuning.log.name} has no column {by}; it has"
            f" {', '.join(there) or 'neither task, tenant nor priority'}"
        )


def _learned(
    options: Options,
    part: Callable[[str], ComparisonSet],
    tuning: ComparisonSet,
    signals: Sequence[str],
    alone: Sequence[FrontPoint],
    wanted: Demands,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> tuple[LearnedKinds | None, Sequence[str]]:
    """The search of the kinds that learn, and notes on it.

    None if there are none, or if nothing can be learned and there are cascades all the same.
    """
    kinds = [kind for kind in options.kinds if kind != CASCADE]
    if not kinds:
        return None, ()
    from routelab.tuning.kinds import NothingLearnedError, learned_kinds

    try:
        found = learned_kinds(
            kinds,
            part("train"),
            tuning,
            signals,
            alone,
            wanted,
            seed=options.seed,
            recipe_trials=options.recipe_trials,
            progress=progress,
            notify=notify,
        )
    except NothingLearnedError as error:
        if CASCADE not in options.kinds:
            raise
        return None, error.problems
    return found, found.notes


def _conditionals(
    options: Options,
    part: Callable[[str], ComparisonSet],
    signals: Sequence[str],
    more: LearnedKinds | None,
    notify: Callable[[str], None],
) -> list[Policy]:
    """Policies by value, chosen on train, where scores are of fits that never saw the row."""
    assert options.parts_by is not None
    notify(f"searching policies by {options.parts_by}")
    unseen = None if more is None else more.unseen
    if more is None or unseen is None:
        return list(
            conditional.conditionals(
                options.parts_by, part("train"), [cascade.corner_source(signals)]
            )
        )
    kinds = PARTED_BY_AUTO if options.policy == AUTO else options.kinds
    sources = [more.source(kind) for kind in kinds if kind != CASCADE]
    return list(conditional.conditionals(options.parts_by, unseen, sources))


def _held_out(
    again: Mapping[str, Again],
    holdout: Holdout,
    alone: Sequence[FrontPoint],
    notify: Callable[[str], None],
) -> dict[str, tuple[Sequence[float], Sequence[float]]]:
    costs = [point.score.usd_per_1k for point in alone]
    budgets = np.linspace(min(costs), max(costs), BUDGETS)
    single = [point.policy for point in alone]
    rest = [
        holdout.comparison.take(holdout.rows_without(fold), "tune") for fold in range(holdout.folds)
    ]
    found = {}
    notify(f"comparing {len(again)} kinds on requests that they were not chosen on")
    for kind, search in again.items():
        chosen = [holdout.meeting([*single, *_some(search(comparison))]) for comparison in rest]
        cost, quality = holdout.held_out(chosen, budgets)
        found[kind] = (cost.tolist(), quality.tolist())
    return found


def _some(policies: Iterable[Policy]) -> list[Policy]:
    return thinned(list(policies), MOST)
