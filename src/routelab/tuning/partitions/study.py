"""One study of a log in many files: plain cascades, by the exact solvers alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from routelab.core import CallEstimate, Policy, SignalSpec
from routelab.core.catalogue import Catalogue, redacted_address
from routelab.core.messages import short_repr
from routelab.errors import LogError, TuningError
from routelab.logs import LogBatches
from routelab.logs.model import SEARCHED_PARTS
from routelab.metrics import aiq_among
from routelab.policies import Fixed
from routelab.policy_file import SplitRecord
from routelab.replay import REFUSE, Coverage, Figures, NamedPolicy
from routelab.replay.partitions import (
    MomentsQuery,
    PartitionedSplit,
    PartitionPart,
    ThresholdSample,
    Workers,
)
from routelab.signals import proposals
from routelab.tuning.cut_checks import came_back, left_out, refuse_cut
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.looks import LookLedger, StudyLook, study_digest
from routelab.tuning.objectives import (
    BoundCheck,
    Bounds,
    FrontPoint,
    OperatingPoint,
    PolicyScore,
    bound_checks,
    front,
    operating_points,
    with_margins,
)
from routelab.tuning.options import BUDGET_S, SAMPLERS, Options
from routelab.tuning.partitions import solve
from routelab.tuning.partitions.measure import evaluated
from routelab.tuning.partitions.scan import Passes, Scan, scan
from routelab.tuning.selection import kind_results
from routelab.tuning.study import (
    Verdict,
    caveats,
    inputs,
    signal_checks,
    verdict,
)
from routelab.tuning.tuners import AUTO, CASCADE

MOST = 50_000
"""Requests up to which all parts but test are searched on: every policy is replayed on each."""


@short_repr
@dataclass(frozen=True, eq=False)
class PartitionedStudy:
    """The result of a study of a log in many files; nothing in it depends on the executor.

    Attributes:
        options: that the study was asked for.
        batches: the log.
        sha256: of its files.
        split: the parts, as a policy file records them.
        catalogue: prices and capabilities of the candidates.
        models: the candidates.
        estimates: of calls of the candidates, on tune.
        points: operating points, the exported one first.
        tuned: figures of the exported policy on tune.
        tested: figures on test, one for each operating point.
        judged: the user's bounds, checked on test, for each operating point.
        front: non-dominated points on tune, by rising cost.
        aiq_front: on test, AIQ of the hull of all operating points and the candidates.
        verdict: on the exported policy.
        coverage: requests compared and left out, by part.
        message_kinds: what the log's messages hold besides prompts, in a column of their own or as
            JSON in that of prompts.
        look: which look at the test part it is; None where nobody counts.
    """

    options: Options
    batches: LogBatches
    sha256: str
    split: SplitRecord
    catalogue: Catalogue
    models: tuple[str, ...]
    estimates: Mapping[str, CallEstimate]
    points: Sequence[OperatingPoint]
    tuned: Figures
    tested: Sequence[Figures]
    judged: Sequence[Sequence[BoundCheck]]
    front: Sequence[FrontPoint]
    aiq_front: float
    verdict: Verdict
    coverage: Mapping[str, Coverage]
    message_kinds: frozenset[str] = frozenset()
    look: StudyLook | None = None

    @property
    def searched(self) -> tuple[str, ...]:
        """Parts that were searched on."""
        return self.split.chosen_on

    @property
    def policy(self) -> Policy:
        """The exported policy."""
        return self.points[0].point.policy

    @property
    def figures(self) -> Figures:
        """Figures of the exported policy on test."""
        return self.tested[0]


def tune_partitions(
    batches: LogBatches,
    options: Options,
    workers: Workers,
    *,
    catalogue: Catalogue | None = None,
    passes: Passes = lambda _: lambda *_: None,
    looks: LookLedger | None = None,
) -> PartitionedStudy:
    """Tune plain cascades on a log that is never in memory as a whole.

    Args:
        batches: the log, read in batches.
        options: of the study; those of kinds that learn, of a storage and of certificates are
            refused here.
        workers: that read the files.
        catalogue: prices and capabilities; None takes the log's own.
        passes: given the name of a pass over the log, what is called with its progress.
        looks: counts the studies that are judged on the same test requests; None where nobody
            counts.
    Raises:
        TuningError: options that cannot be had here, bounds that nothing meets, or a grid that
            does not fit into memory.
        LogError: the log lacks a model or a signal, or cannot be split or compared.
    """
    _check(options)
    log = scan(batches, workers, passes)
    models = inputs.candidates(log, options.models)
    solve.check_size(models, options.levels)
    signals = _signals(log, options.signals)
    known = inputs.known_catalogue(batches, catalogue, models)
    cut = log.cut(options.seed, options.group, options.split, returning=options.returns)
    refuse_cut(log.name, cut, options)
    searched = _searched(cut)
    tuning, testing = log.part(cut, searched, models), log.part(cut, "test", models)
    question = MomentsQuery((), known, options.seed)
    on_tune = _on_tune(log, tuning, models, signals, question, options, cut.n["test"])
    look = None
    if looks is not None:
        # Of requests read in batches no ids are kept: the files and how they are cut name them.
        text = f"{cut.sha256} {cut.rule} {cut.seed} {cut.group} {cut.cuts_s}"
        test = hashlib.sha256(text.encode()).hexdigest()
        read = {"log_sha256": cut.sha256, "prices_sha256": inputs.prices_sha256(known)}
        read |= {name: repr(it) for name, it in batches.specs.items()}
        look = looks.counted(test, cut.sha256, study_digest(options, read))
    return _judged_on(testing, log, cut, question, options, models, on_tune, look)


def _searched(cut: PartitionedSplit) -> tuple[str, ...]:
    """Parts to search on: all but test, unless there are so many requests that tune is enough."""
    return SEARCHED_PARTS if sum(cut.n[it] for it in SEARCHED_PARTS) <= MOST else ("tune",)


class _OnTune(NamedTuple):
    """What was solved and chosen before a row of test is read.

    Attributes:
        sampled: outcomes and signals of some requests; thresholds: those that tell them apart.
        best: candidate alone; front: non-dominated points, by rising cost.
        chosen: operating points, the exported one first; tuned: figures of that.
        doubts: what speaks against signals, as far as the sample shows it, in sentences.
    """

    sampled: ThresholdSample
    thresholds: ThresholdsByModel
    best: FrontPoint
    front: Sequence[FrontPoint]
    chosen: Sequence[OperatingPoint]
    tuned: Figures
    coverage: Coverage
    doubts: Sequence[str]


def _on_tune(
    log: Scan,
    tuning: Sequence[PartitionPart],
    models: Sequence[str],
    signals: tuple[str, ...],
    question: MomentsQuery,
    options: Options,
    n_test: int,
) -> _OnTune:
    """Solve cascades on a sample of tune, replay them on all of it, and choose.

    Raises:
        TuningError: nothing meets the bounds.
        LogError: too few requests can be compared.
    """
    sampled = log.sample(tuning, signals)
    _refuse(log.name, sampled.coverage(), options.allow_missing)
    specs = log.batches.specs
    asked = [(it, specs.get(it, SignalSpec()), found) for it, found in sampled.confidence.items()]
    refused = list(signal_checks.refused_values(log.name, asked, sampled.judged, models))
    if refused:
        raise LogError(*refused)
    doubts = list(signal_checks.doubtful_values(asked, sampled.judged, models))
    thresholds = solve.thresholds(sampled, models)
    cascades = solve.cascades(log, tuning, sampled, thresholds, options.levels)
    replayed = log.moments(tuning, cascades, question, "replaying the front")
    scores = [PolicyScore(1000 * it.cost_usd, it.quality) for it in replayed.measures(options.seed)]
    alone = [
        FrontPoint(Fixed(name), score)
        for name, score in zip(models, scores[len(cascades) :], strict=False)
    ]
    best = max(alone, key=lambda point: (point.score.quality, -point.score.usd_per_1k))
    points = front([*alone, *map(FrontPoint, cascades, scores)])

    def measured(policy: Policy) -> Figures:
        named = [NamedPolicy(options.name, policy)]
        again = log.moments(tuning, [policy], question, "replaying the choice")
        return evaluated(again, named, models, "tune", options.seed)[0]

    chosen = with_margins(
        lambda bounds: operating_points(points, bounds, best, alone, point=options.point),
        measured,
        options.bounds,
        best,
        n_test,
    ).points
    tuned = measured(chosen[0].point.policy)
    return _OnTune(sampled, thresholds, best, points, chosen, tuned, replayed.coverage(), doubts)


def _verdict(
    log: Scan,
    cut: PartitionedSplit,
    options: Options,
    found: _OnTune,
    tested: Sequence[Figures],
    coverage: Mapping[str, Coverage],
    best: str,
    lack: Sequence[str],
    look: StudyLook | None,
) -> Verdict:
    """The verdict, with what a reader of it must know besides."""
    exported = found.chosen[0]
    others = kind_results.shared_level(found.chosen, tested)
    warnings = [
        *([] if look is None else look.sentences()),
        *caveats.below_default(options, tested[0].quality, tested[0].alone(best).quality),
        *found.doubts,
        *caveats.mixed(exported),
        *caveats.uncharged(exported.point.policy, log.batches.specs),
        *([] if found.thresholds else [caveats.NO_SIGNAL]),
        *([] if log.batches.signals else signal_checks.proposed(proposals(log.batches.unasked))),
        *caveats.equal_times(cut.tied),
        *left_out(cut),
        *came_back(cut),
        *caveats.untimed("timestamp" in log.batches.has, cut.rule),
        *caveats.missing(coverage),
        *lack,
    ]
    return verdict(
        tested[0] if look is None else look.paid(tested[0]),
        options.bounds,
        best,
        warnings,
        by_chance=exported.point.policy.by_chance,
        routes=len(exported.point.policy.models_used) > 1,
        elsewhere=kind_results.points_that_gain(others),
        undecided=kind_results.undecided(others),
    )


def _judged_on(
    testing: Sequence[PartitionPart],
    log: Scan,
    cut: PartitionedSplit,
    question: MomentsQuery,
    options: Options,
    models: tuple[str, ...],
    found: _OnTune,
    look: StudyLook | None,
) -> PartitionedStudy:
    """The study, once what it chose is replayed on test.

    Raises:
        LogError: too few requests can be compared.
    """
    best, chosen = found.best.policy.models_used[0], found.chosen
    named = [NamedPolicy(options.name, it.point.policy) for it in chosen]
    policies = [it.policy for it in named]
    missing = log.outcomes(models)
    asked = replace(question, by_task=missing is not None)
    on_test = log.moments(testing, policies, asked, "testing")
    if not on_test.n:
        raise LogError(f"{log.name}: no request of the test part has an outcome of every candidate")
    _refuse(log.name, on_test.coverage(), options.allow_missing)
    logged = sum(cut.n.values())
    tested = evaluated(on_test, named, models, "test", options.seed, logged)
    coverage = {"tune": found.coverage, "test": on_test.coverage()}
    lack: list[str] = []
    if missing is not None:
        sums = caveats.QualitySums(
            on_test.n, float(on_test.quality[0].sum()), on_test.task_quality or None
        )
        lack = list(caveats.missing_by_cause(missing, coverage["test"], sums))
    return PartitionedStudy(
        options=options,
        batches=log.batches,
        message_kinds=log.message_kinds(),
        sha256=cut.sha256,
        split=_split(cut),
        catalogue=question.catalogue,
        models=models,
        estimates=_estimates(found.sampled, models),
        points=chosen,
        tuned=found.tuned,
        tested=tested,
        judged=_held_to_bounds(chosen, tested, options.bounds, best),
        front=found.front,
        aiq_front=_aiq_front(tested, models),
        verdict=_verdict(log, cut, options, found, tested, coverage, best, lack, look),
        look=look,
        coverage=coverage,
    )


def _split(cut: PartitionedSplit) -> SplitRecord:
    returned = cut.returned if cut.returning else msgspec.UNSET
    return SplitRecord(
        cut.rule, cut.seed, cut.group, cut.cuts_s, {}, cut.n, cut.dropped, returned, _searched(cut)
    )


def _held_to_bounds(
    chosen: Sequence[OperatingPoint], tested: Sequence[Figures], bounds: Bounds, best: str
) -> list[list[BoundCheck]]:
    """The user's bounds, by operating point."""
    return [
        list(bound_checks.mean_bound_checks(figures, bounds, best, it.point.score))
        for it, figures in zip(chosen, tested, strict=True)
    ]


def _check(options: Options) -> None:
    options.check()
    asked = {
        f"`policy` {options.policy}": options.policy not in (AUTO, CASCADE),
        f"`by` {options.by}": options.by is not None,
        f"`sampler` {options.sampler}": options.sampler != SAMPLERS[0],
        "`certify`": bool(options.certify),
        "`floors`": bool(options.bounds.floors),
        "`max_p95_s`": options.bounds.max_p95_s is not None,
        f"`storage` {redacted_address(options.storage or '')}": options.storage is not None,
        f"`processes` {options.processes}": options.processes > 1,
        f"`budget_s` {options.budget_s}": options.budget_s not in (None, BUDGET_S),
    }
    problems = [
        f"{name}: cannot be had of a log that is read in batches, whose cascades are solved"
        " exactly; leave it out, or read the log into memory, without `workers`"
        for name, wanted in asked.items()
        if wanted
    ]
    if problems:
        raise TuningError(*problems)


def _signals(log: Scan, named: Sequence[str]) -> tuple[str, ...]:
    there = log.batches.signals
    if missing := [name for name in named if name not in there]:
        raise LogError(
            *(
                f"{log.name}: no values of signal {name!r}; it has"
                f" {', '.join((*there, *log.batches.unasked)) or 'no signal at all'}"
                for name in missing
            )
        )
    return tuple(named) or there


def _refuse(name: str, coverage: Coverage, allow_missing: bool) -> None:
    if coverage.share_dropped > REFUSE and not allow_missing:
        raise LogError(
            f"{name}: {coverage.warning()}; over {REFUSE:.0%} is refused: choose other models,"
            " or pass `allow_missing=True` if rows are missing by chance"
        )


def _estimates(found: ThresholdSample, models: Sequence[str]) -> dict[str, CallEstimate]:
    return {
        name: CallEstimate(
            float(found.cost_usd[at] / found.requests),
            float(found.latency_s[at] / found.observed[at]) if found.observed[at] else None,
        )
        for at, name in enumerate(models)
    }


def _aiq_front(tested: Sequence[Figures], models: Sequence[str]) -> float:
    alone = [tested[0].alone(name) for name in models]
    return aiq_among(
        [it.usd_per_1k for it in alone],
        [it.quality for it in alone],
        [it.usd_per_1k for it in tested],
        [it.quality for it in tested],
    )
