"""Every kind that a study was asked for, searched, and compared on rows not chosen on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from routelab.core import Policy, Progress
from routelab.errors import TuningError
from routelab.replay import ComparisonSet
from routelab.stats import thinned
from routelab.tuning.budget import Clock, StudyPlan
from routelab.tuning.kinds import (
    BUDGETS,
    CascadeSearch,
    Holdout,
    ThresholdsByModel,
    cascade,
    conditional,
)
from routelab.tuning.objectives import ENOUGH, Demands, Excess, FrontPoint
from routelab.tuning.options import BY, Options
from routelab.tuning.tuners import AUTO, CASCADE, CONDITIONAL, LEARNED, TASK_MEAN

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
        refits: by kind, for each fold of tune, policies that were proposed without it.
        holdout: means of policies on tune, whole and by fold.
        tune: the tune part with every scorer.
        plain: the search of plain cascades; None if it was not asked for.
        learned: scorers; None if nothing was learned.
        notes: what was left out of learning, and what could not be learned.
    """

    fronts: Mapping[str, Sequence[FrontPoint]]
    held_out: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    refits: Mapping[str, Sequence[Sequence[Policy]]]
    holdout: Holdout
    tune: ComparisonSet
    plain: CascadeSearch | None
    learned: LearnedKinds | None
    notes: Sequence[str]


class _Found:
    """What was searched so far."""

    def __init__(self) -> None:
        self.fronts: dict[str, list[FrontPoint]] = {}
        self.again: dict[str, Again] = {}
        self.tried: list[Excess] = []
        self.cascades: CascadeSearch | None = None
        self.learned: LearnedKinds | None = None
        self.notes: Sequence[str] = ()

    def fixed(self, kind: str, policies: Sequence[Policy], front: list[FrontPoint]) -> None:
        """A kind whose policies do not follow from how requests of tune turned out."""
        self.fronts[kind] = front
        self.again[kind] = lambda _: policies


# Long: one kind after the other, of which each adds to the same few things.
def search_kinds(
    options: Options,
    plan: StudyPlan,
    clock: Clock,
    part: Callable[[str], ComparisonSet],
    tuning: ComparisonSet,
    thresholds: ThresholdsByModel,
    alone: Sequence[FrontPoint],
    wanted: Demands,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> KindSearch:
    """Search every kind that is planned, on tune.

    Args:
        options: of the study.
        plan: which kinds, and how thoroughly.
        clock: that says what there is no time to begin.
        part: gives the comparable rows of a part by its name.
        tuning: rows of tune.
        thresholds: threshold candidates by signal and model.
        alone: each candidate by itself.
        wanted: the user's bounds on tune.
        progress: called with the number of steps done and that of all.
        notify: called with a sentence on each stage.
    Raises:
        TuningError: `by` or a kind needs a column that the log lacks, nothing could be
            learned, or nothing meets the bounds on latency and groups.
    """
    _refuse_unknown(options, tuning)
    signals = tuple(dict.fromkeys(signal for signal, _ in thresholds))
    single = [point.policy for point in alone]
    found = _Found()
    holdout = Holdout(tuning, wanted, seed=options.seed)

    def reached(kind: str) -> None:
        if options.policy == AUTO and (text := _reached(found.fronts.get(kind, ()), alone)):
            notify(f"{kind}: {text}")

    if TASK_MEAN in plan.kinds and tuning.log.requests.task is not None:
        means = conditional.conditionals("task", part("train"), [])
        found.fixed(TASK_MEAN, means, holdout.front([*single, *means]))
        found.tried += [holdout.excess(policy) for policy in [*single, *means]]
        reached(TASK_MEAN)
    if CASCADE in plan.kinds:
        searching = structs.replace(options, trials=plan.trials)
        cascades = cascade.cascades(tuning, thresholds, alone, wanted, searching, progress)
        found.cascades, found.fronts[CASCADE] = cascades, cascades.front
        found.again[CASCADE] = cascade.source(signals)
        found.tried += cascades.tried
        reached(CASCADE)
    more, found.notes = _learned(
        options, plan, clock, part, tuning, signals, alone, wanted, progress, notify
    )
    for note in found.notes:
        notify(f"note: {note}")
    if more is not None:
        holdout = more.holdout
        found.fronts |= more.fronts
        found.again |= {kind: more.again(kind) for kind in more.fronts}
        found.tried += more.tried
        for kind in more.fronts:
            reached(kind)
    if _is_parted(options, plan, tuning) and clock.begins(CONDITIONAL):
        parted = _conditionals(options, part, signals, more, notify)
        if parted:
            found.fixed(CONDITIONAL, parted, holdout.front([*single, *parted]))
            found.tried += [holdout.excess(policy) for policy in parted]
            reached(CONDITIONAL)
    fronts = {kind: points for kind, points in found.fronts.items() if points}
    if not fronts:
        raise wanted.out_of_reach(found.tried)
    again = {kind: found.again[kind] for kind in _simplest_first(fronts)}
    fronts = {kind: fronts[kind] for kind in again}
    refits = _refits(again, holdout, single, notify, needed=_needs_refits(options, fronts))
    held_out = {} if len(fronts) < 2 else _held_out(refits, holdout, alone)
    return KindSearch(
        fronts, held_out, refits, holdout, holdout.comparison, found.cascades, more, found.notes
    )


def _reached(points: Sequence[FrontPoint], alone: Sequence[FrontPoint]) -> str | None:
    """What a front comes to on tune, in words."""
    enough = ENOUGH * max(it.score.quality for it in alone)
    least = next((it.score for it in points if it.score.quality >= enough), None)
    if least is None:
        return None
    return (
        f"quality {least.quality:.3f} at {least.usd_per_1k:.4g} USD per 1,000 requests on tune, the"
        f" least for {ENOUGH:.0%} of the best model's"
    )


def _simplest_first(kinds: Iterable[str]) -> list[str]:
    """The kinds in the order in which of near equals one is preferred."""
    order = [TASK_MEAN, CASCADE, *LEARNED]
    listed = list(kinds)
    known = [kind for kind in order if kind in listed]
    return [*known, *(kind for kind in listed if kind not in order)]


def _is_parted(options: Options, plan: StudyPlan, tuning: ComparisonSet) -> bool:
    return (
        CONDITIONAL in plan.kinds
        and options.parts_by is not None
        and getattr(tuning.log.requests, options.parts_by) is not None
    )


def _needs_refits(options: Options, fronts: Mapping[str, Sequence[FrontPoint]]) -> bool:
    """Whether kinds are to be compared, or a point to be chosen that no bound names."""
    return len(fronts) > 1 or options.by_default


def _refuse_unknown(options: Options, tuning: ComparisonSet) -> None:
    by = options.by or ("task" if options.policy in (CONDITIONAL, TASK_MEAN) else None)
    if by is not None and getattr(tuning.log.requests, by) is None:
        there = [name for name in BY if getattr(tuning.log.requests, name) is not None]
        given = f"`by` {by}" if options.policy != TASK_MEAN else f"`policy={TASK_MEAN!r}`"
        raise TuningError(
            f"{given}: {tuning.log.name} has no column {by}; it has"
            f" {', '.join(there) or 'neither task, tenant nor priority'}"
        )


def _learned(
    options: Options,
    plan: StudyPlan,
    clock: Clock,
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
    without = (TASK_MEAN, CASCADE, CONDITIONAL)
    kinds = [kind for kind in plan.kinds if kind not in without]
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
            rows=plan.rows,
            begins=clock.begins,
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
    sources = [more.source(kind) for kind in kinds if kind in more.policies]
    if not sources:
        sources = [cascade.corner_source(signals)]
    return list(conditional.conditionals(options.parts_by, unseen, sources))


def _refits(
    again: Mapping[str, Again],
    holdout: Holdout,
    single: Sequence[Policy],
    notify: Callable[[str], None],
    *,
    needed: bool,
) -> dict[str, list[list[Policy]]]:
    """For each kind and each fold of tune, policies that were proposed without that fold."""
    if not needed:
        return {}
    if len(again) > 1:
        notify(f"comparing {len(again)} kinds on requests that they were not chosen on")
    rest = [
        holdout.comparison.take(holdout.rows_without(fold), "tune") for fold in range(holdout.folds)
    ]
    return {
        kind: [holdout.meeting([*single, *_some(search(on))]) for on in rest]
        for kind, search in again.items()
    }


def _held_out(
    refits: Mapping[str, Sequence[Sequence[Policy]]],
    holdout: Holdout,
    alone: Sequence[FrontPoint],
) -> dict[str, tuple[Sequence[float], Sequence[float]]]:
    costs = [point.score.usd_per_1k for point in alone]
    budgets = np.linspace(min(costs), max(costs), BUDGETS)
    found = {}
    for kind, chosen in refits.items():
        cost, quality = holdout.held_out(chosen, budgets)
        found[kind] = (cost.tolist(), quality.tolist())
    return found


def _some(policies: Iterable[Policy]) -> list[Policy]:
    return thinned(list(policies), MOST)
