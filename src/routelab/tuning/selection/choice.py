"""What is exported: chosen on the rows searched, before a row of test is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from routelab.core import Policy, Progress
from routelab.logs.model import SEARCHED_PARTS, Split
from routelab.policies import Fixed, Mixture
from routelab.replay import ComparisonSet, Figures, NamedPolicy, evaluate
from routelab.stats import thinned
from routelab.tuning.budget import Clock, LogShape, StudyPlan, planned
from routelab.tuning.certify import MOST, Certifier, Evidence, largest_group, provable
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.objectives import (
    Bounds,
    Demands,
    FrontPoint,
    OperatingPoint,
    demands,
    is_met,
    mean_cost_quality,
    operating_points,
    with_margins,
    within,
)
from routelab.tuning.options import Options
from routelab.tuning.selection.kind_search import KindSearch, SearchedRows, search_kinds

if TYPE_CHECKING:
    from routelab.tuning.kinds import LearnedKinds
    from routelab.tuning.scores import EstimatedValue

MOST_COMPARED = 20_000
"""Rows that policies are compared on, at most, drawn at random: means of so many are within half
a point of the truth, and each policy is replayed on every one of them."""


class StudyChoice(NamedTuple):
    """What was searched for and chosen before a row of test is read.

    Attributes:
        thresholds: candidates by signal and model.
        alone: every candidate by itself; best: of them.
        wanted: the user's bounds on the rows searched.
        plan: of what was tried.
        single: of the candidates, those that may be exported alone.
        searched: the kinds.
        notes: what was left out, and what could not be learned.
        won: the kind that is exported; chosen: operating points, the exported one first.
        tightened: the user's bounds with the margins that these were chosen by.
        certifier: of what a certificate was asked for.
        tuned: figures of the exported policy on the rows searched.
        served: every candidate may serve every request there.
        estimated: of a study of a partial log, the exported policy's value on test.
    """

    thresholds: ThresholdsByModel
    alone: Sequence[FrontPoint]
    best: FrontPoint
    wanted: Demands
    plan: StudyPlan
    single: Sequence[FrontPoint]
    searched: KindSearch
    notes: Sequence[str]
    won: str
    chosen: Sequence[OperatingPoint]
    tightened: Bounds
    certifier: Certifier | None
    tuned: Figures
    served: bool
    estimated: EstimatedValue | None = None

    def written(self, it: FrontPoint) -> FrontPoint:
        """A point as it is exported: a policy that looks up task means names each task's model.

        Where some model was ruled out of a request, the policy stays as it is: it knows which one
        is next best.
        """
        learned = self.searched.learned
        if learned is None or not self.served:
            return it
        from routelab.tuning.kinds import task_mean  # scikit-learn, which is loaded by now

        return it._replace(policy=task_mean.written_out(it.policy, learned.fitted))


def compared_note(rows: SearchedRows) -> tuple[str, ...]:
    """That policies were compared on some of the rows alone, as a sentence; nothing otherwise."""
    n, of = len(rows.at), len(rows.pool.log)
    if n == of:
        return ()
    return (
        f"policies were compared on {n:,} of the {of:,} requests searched, drawn at random: each is"
        " replayed on all of them",
    )


def searched_parts(options: Options) -> tuple[str, ...]:
    """Parts of a log that a study searches on: all that neither judge nor prove."""
    if not options.pool:
        return ("tune",)
    kept = ("calibrate",) if options.certify else ()
    return tuple(part for part in SEARCHED_PARTS if part not in kept)


def searched_rows(
    pool: ComparisonSet, seed: int, train: ComparisonSet | None = None
) -> SearchedRows:
    """The rows of a pool, of which some are compared where they are many.

    Args:
        pool: every row that may be searched on.
        seed: of the draw.
        train: as `SearchedRows` has it.
    """
    at = np.arange(len(pool.log))
    if len(at) > MOST_COMPARED:
        drawn = np.random.default_rng(seed).choice(len(at), MOST_COMPARED, replace=False)
        at = np.sort(drawn)
    return SearchedRows(pool, at, train)


# Long: stages of one search, of which each needs most of what came before.
def choose(
    options: Options,
    cut: Split,
    rows: SearchedRows,
    thresholds: ThresholdsByModel,
    calibrate: Callable[[], ComparisonSet],
    clock: Clock,
    progress: Progress | None,
    tell: Callable[[str], None],
) -> StudyChoice:
    """Search every kind of policy, and choose operating points of their common front.

    Args:
        options: of the study.
        cut: the log's parts.
        rows: to search on.
        thresholds: threshold candidates by signal and model.
        calibrate: gives the rows that a certificate is proved on.
        clock: of the budget.
        progress: called with the number of steps done and that of all.
        tell: called with a sentence on each stage.
    Raises:
        TuningError: nothing meets the bounds.
        LogError: rows that cannot be compared.
    """
    tuning = rows.compared
    alone = [
        FrontPoint(Fixed(name), mean_cost_quality(replay))
        for name, replay in zip(tuning.models, tuning.fixed(), strict=True)
    ]
    best = max(alone, key=lambda point: (point.score.quality, -point.score.usd_per_1k))
    wanted = demands(options.bounds, tuning, best.policy, best.score.quality)
    plan = planned(options, _shape(cut, rows, thresholds))
    clock.steps = plan.steps
    searched = search_kinds(options, plan, clock, rows, thresholds, alone, wanted, progress, tell)
    tuning = searched.tune
    single = [it for it in alone if is_met(wanted.further(tuning.replay(it.policy)))]
    measured: dict[Policy, Figures] = {}

    def measure(policy: Policy) -> Figures:
        if policy not in measured:
            measured[policy] = evaluate(tuning, [NamedPolicy(options.name, policy)])[0]
        return measured[policy]

    points = searched.front

    def pointed(bounds: Bounds) -> list[OperatingPoint]:
        return operating_points(points, bounds, best, single, point=options.point)

    if options.pool:
        chosen, tightened = with_margins(pointed, measure, options.bounds, best, cut.n["test"])
    else:  # as the release that began the study chose
        chosen, tightened = pointed(options.bounds), options.bounds
    pool = [*thinned(points, MOST), *single, chosen[0].point]
    certifier = None
    if options.certify:
        certifier = _certifier(options, cut, calibrate(), searched.learned, tuning, pool, best)
        chosen = certifier.exported(chosen)
    exported = chosen[0].point.policy
    won = kind_of(exported, searched.kinds) or next(iter(searched.fronts))
    return StudyChoice(
        thresholds,
        alone,
        best,
        wanted,
        plan,
        single,
        searched,
        (*compared_note(rows), *searched.notes),
        won,
        chosen,
        tightened,
        certifier,
        measure(exported),
        all((tuning.replay(it.policy).calls > 0).all() for it in alone),
    )


def kind_of(policy: Policy, kinds: Mapping[Policy, str]) -> str | None:
    """The kind of a policy; of a mixture that of what is in it and is no single model."""
    if not isinstance(policy, Mixture):
        return kinds.get(policy)
    parts = [it for it in policy.parts if not isinstance(it, Fixed)] or list(policy.parts)
    return kinds.get(parts[-1])


def _shape(cut: Split, rows: SearchedRows, thresholds: ThresholdsByModel) -> LogShape:
    """What a plan may depend on."""
    log = rows.pool.log
    task = log.requests.task
    return LogShape(
        train=len(log),
        tune=len(rows.at),
        test=cut.n["test"],
        models=len(rows.pool.models),
        signals=len({signal for signal, _ in thresholds}),
        tasks=task is not None and len(set(task.tolist())) > 1,
        prompts=log.texts is not None,
        scored=log.seen is not None,
    )


def _certifier(
    options: Options,
    cut: Split,
    calibrate: ComparisonSet,
    more: LearnedKinds | None,
    tuning: ComparisonSet,
    pool: Sequence[FrontPoint],
    best: FrontPoint,
) -> Certifier:
    """The path along the points that meet the user's bounds, tested before test is read."""
    largest = largest_group(cut)
    if more is not None:
        calibrate = calibrate.with_scoring(more.fitted.scoring())
    return Certifier.along(
        within(pool, options.bounds, best),
        options.certify,
        options.delta,
        Evidence(provable(tuning), largest),
        Evidence(provable(calibrate), largest),
        cut.group,
        ceiling_usd=options.cost_ceiling_usd,
    )
