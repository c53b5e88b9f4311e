"""Every kind that a study was asked for, searched, and compared on rows not chosen on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from msgspec import structs

from routelab.core import Floats, Ints, Policy, Progress
from routelab.errors import TuningError
from routelab.replay import ComparisonSet
from routelab.stats import thinned
from routelab.tuning.budget import Clock, StudyPlan
from routelab.tuning.kinds import (
    BLOCKS,
    BUDGETS,
    FOLDS,
    CascadeSearch,
    HeldOut,
    Holdout,
    ThresholdsByModel,
    cascade,
    conditional,
)
from routelab.tuning.objectives import ENOUGH, Demands, Excess, FrontPoint, is_met
from routelab.tuning.objectives import front as front_of
from routelab.tuning.options import BY, Options
from routelab.tuning.selection import first_choice, stack
from routelab.tuning.tuners import AUTO, CASCADE, CONDITIONAL, LEARNED, TASK_MEAN

if TYPE_CHECKING:
    from routelab.tuning.kinds import LearnedKinds

Again = Callable[[ComparisonSet], Iterable[Policy]]
"""Searches a kind once more, on some of the rows."""

MOST = 200
"""Policies of one kind that are compared on rows not chosen on, evenly along its front."""

PARTED_BY_AUTO = ("gain-cascade",)
"""Kinds from which `auto` takes the policies of each task."""


class SearchedRows:
    """The rows that a study searches on.

    Attributes:
        pool: all of them, which scorers are fitted on.
        at: (n,) those of them that policies are compared on.
        compared: these rows.
        train: those that policies by value are chosen on, in a search that goes on as the release
            that began it searched; else None.
    """

    def __init__(self, pool: ComparisonSet, at: Ints, train: ComparisonSet | None = None) -> None:
        self.pool, self.at, self.compared = pool, at, pool.some(at)
        self.train = train


@dataclass(frozen=True, eq=False)
class KindSearch:
    """The result of searching every kind that was asked for.

    Scores of front points are what is expected of them on other rows: a policy's means on the
    rows searched, less what the best of its kind at that cost loses where it was not chosen.

    Attributes:
        fronts: by kind, the simplest first: points by rising cost.
        front: of all kinds together, at every cost of the kind that does best there.
        along: the front, and all policies that are not shown to be worse at their cost.
        kinds: by policy of any front, its kind.
        held_out: by kind, what its front reaches on folds that it was not chosen on.
        holdout: means of policies on the rows searched, whole and by block.
        tune: these rows, with the score of every scorer by fits that never saw the row.
        plain: the search of plain cascades; None if it was not asked for.
        learned: scorers; None if nothing was learned.
        notes: what was left out of learning, and what could not be learned.
    """

    fronts: Mapping[str, Sequence[FrontPoint]]
    front: Sequence[FrontPoint]
    along: Sequence[FrontPoint]
    kinds: Mapping[Policy, str]
    held_out: Mapping[str, HeldOut]
    holdout: Holdout
    tune: ComparisonSet
    plain: CascadeSearch | None
    learned: LearnedKinds | None
    notes: Sequence[str]


class _Found:
    """What was searched so far."""

    def __init__(self) -> None:
        self.fronts: dict[str, list[FrontPoint]] = {}
        self.proposed: dict[str, Sequence[Policy]] = {}
        self.again: dict[str, Again] = {}
        self.tried: list[Excess] = []
        self.cascades: CascadeSearch | None = None
        self.learned: LearnedKinds | None = None
        self.notes: Sequence[str] = ()


# Long: one kind after the other, of which each adds to the same few things.
def search_kinds(
    options: Options,
    plan: StudyPlan,
    clock: Clock,
    rows: SearchedRows,
    thresholds: ThresholdsByModel,
    alone: Sequence[FrontPoint],
    wanted: Demands,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> KindSearch:
    """Search every kind that is planned.

    Args:
        options: of the study.
        plan: which kinds, and how thoroughly.
        clock: that says what there is no time to begin.
        rows: to search on.
        thresholds: threshold candidates by signal and model.
        alone: each candidate by itself.
        wanted: the user's bounds on the rows compared.
        progress: called with the number of steps done and that of all.
        notify: called with a sentence on each stage.
    Raises:
        TuningError: `by` or a kind needs a column that the log lacks, nothing could be
            learned, or nothing meets the bounds on latency and groups.
    """
    tuning = rows.compared
    _refuse_unknown(options, tuning)
    signals = tuple(dict.fromkeys(signal for signal, _ in thresholds))
    single = [point.policy for point in alone]
    found = _Found()
    blocks = BLOCKS if options.pool else FOLDS
    holdout = Holdout(tuning, wanted, blocks=blocks, seed=options.seed)

    def reached(kind: str) -> None:
        if options.policy == AUTO and (text := _reached(found.fronts.get(kind, ()), alone)):
            notify(f"{kind}: {text}")

    if CASCADE in plan.kinds:
        searching = structs.replace(options, trials=plan.trials)
        cascades = cascade.cascades(holdout, thresholds, alone, searching, progress)
        found.cascades, found.fronts[CASCADE] = cascades, cascades.front
        found.proposed[CASCADE] = cascades.near
        found.again[CASCADE] = cascade.source(signals)
        found.tried += cascades.tried
        reached(CASCADE)
    more, found.notes = _learned(
        options, plan, clock, rows, signals, alone, wanted, progress, notify
    )
    for note in found.notes:
        notify(f"note: {note}")
    if more is not None:
        more.holdout.learn_from(holdout)
        holdout = more.holdout
        found.fronts |= more.fronts
        found.proposed |= more.policies
        found.again |= {kind: more.again(kind) for kind in more.fronts}
        found.tried += more.tried
        for kind in more.fronts:
            reached(kind)
    if _is_parted(options, plan, tuning) and clock.begins(CONDITIONAL):
        notify(f"searching policies by {options.parts_by}")
        search = _conditionals(options, signals, more)
        parted = list(search(holdout.comparison if rows.train is None else rows.train))
        if parted:
            found.fronts[CONDITIONAL] = holdout.front([*single, *parted])
            found.proposed[CONDITIONAL] = parted
            found.again[CONDITIONAL] = search if rows.train is None else _always(parted)
            found.tried += [holdout.excess(policy) for policy in parted]
            reached(CONDITIONAL)
    fronts = {kind: points for kind, points in found.fronts.items() if points}
    if not fronts:
        raise wanted.out_of_reach(found.tried)
    again = {kind: found.again[kind] for kind in _simplest_first(fronts)}
    refits = _refits(again, holdout, single, notify)
    costs = [point.score.usd_per_1k for point in alone]
    budgets = _budgets(costs) if options.pool else first_choice.budgets(costs)
    held_out = {kind: holdout.held_out(chosen, budgets) for kind, chosen in refits.items()}
    promised = {kind: _promised(found, kind, holdout) for kind in again}
    proposed = {
        kind: points
        if more is not None and kind in more.fronts and not more.flatters(kind)
        else stack.expected(points, held_out[kind], single)
        for kind, points in promised.items()
    }
    expected = {kind: front_of(points) for kind, points in proposed.items()}
    free = [it for it in alone if is_met(holdout.excess(it.policy))]
    stacked = stack.stacked(expected, held_out, free, holdout)
    front, kinds = stacked.front, stacked.kinds
    if options.pool:
        along = stack.along(proposed, stacked, free, holdout)
    else:  # as the release that began the study chose
        expected = {kind: list(fronts[kind]) for kind in again}
        best = max(it.score.quality for it in alone)
        won = first_choice.winner(held_out, alone, options.bounds, best)
        front = along = expected[won]
        kinds = {**kinds, **{it.policy: won for it in front}}
    return KindSearch(
        expected,
        front,
        along,
        kinds,
        held_out,
        holdout,
        holdout.comparison,
        found.cascades,
        more,
        found.notes,
    )


def _promised(found: _Found, kind: str, holdout: Holdout) -> list[FrontPoint]:
    """A kind's front and whatever else it proposes that meets the bounds, as on these rows."""
    points = found.fronts[kind]
    there = {it.policy for it in points}
    others = [it for it in found.proposed.get(kind, ()) if it not in there]
    met = [it for it in others if is_met(holdout.excess(it))]
    return [*points, *(FrontPoint(it, holdout.score(it)) for it in met)]


def _reached(points: Sequence[FrontPoint], alone: Sequence[FrontPoint]) -> str | None:
    """What a front comes to on the rows searched, in words."""
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
    rows: SearchedRows,
    signals: Sequence[str],
    alone: Sequence[FrontPoint],
    wanted: Demands,
    progress: Progress | None,
    notify: Callable[[str], None],
) -> tuple[LearnedKinds | None, Sequence[str]]:
    """The search of the kinds that learn, and notes on it.

    None if there are none, or if nothing can be learned and there are cascades all the same.
    """
    without = {CASCADE, CONDITIONAL}
    if rows.pool.log.requests.task is None:
        without.add(TASK_MEAN)
    kinds = [kind for kind in plan.kinds if kind not in without]
    if not kinds:
        return None, ()
    from routelab.tuning.kinds import NothingLearnedError, learned_kinds

    try:
        found = learned_kinds(
            kinds,
            rows.pool,
            rows.at,
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
        if CASCADE not in plan.kinds:
            raise
        return None, error.problems
    return found, found.notes


def _conditionals(
    options: Options, signals: Sequence[str], more: LearnedKinds | None
) -> Callable[[ComparisonSet], Sequence[Policy]]:
    """A function from rows to policies by value that are chosen there."""
    by = options.parts_by
    assert by is not None
    kinds = PARTED_BY_AUTO if options.policy == AUTO else options.kinds
    sources: list[conditional.Source] = []
    if more is not None:
        sources = [more.source(kind) for kind in kinds if kind in more.policies]
    if not sources:
        sources = [cascade.corner_source(signals)]
    n_prices = conditional.PRICES if options.pool else first_choice.PRICES
    return lambda on: conditional.conditionals(by, on, sources, n_prices)


def _always(policies: Sequence[Policy]) -> Again:
    """Of policies that were chosen on other rows than those compared: none is chosen anew."""
    return lambda _: policies


def _refits(
    again: Mapping[str, Again],
    holdout: Holdout,
    single: Sequence[Policy],
    notify: Callable[[str], None],
) -> dict[str, list[list[Policy]]]:
    """For each kind and each fold, policies that were proposed without that fold."""
    what = f"{len(again)} kinds" if len(again) > 1 else next(iter(again))
    notify(f"comparing {what} on requests that were not chosen on")
    rest = [
        holdout.comparison.take(holdout.rows_without(fold), holdout.comparison.part)
        for fold in range(holdout.folds)
    ]
    return {
        kind: [holdout.meeting([*single, *_some(search(on))]) for on in rest]
        for kind, search in again.items()
    }


def _budgets(costs: Sequence[float]) -> Floats:
    """(budgets,) costs between the cheapest and the dearest model, evenly and by ratio."""
    low, high = min(costs), max(costs)
    even = np.linspace(low, high, BUDGETS // 2)
    least = min((it for it in costs if it > 0), default=high)
    if not 0 < least < high:
        return np.unique(even)
    return np.unique([*even, *np.geomspace(least, high, BUDGETS - len(even))])


def _some(policies: Iterable[Policy]) -> list[Policy]:
    return thinned(list(policies), MOST)
