"""One study: cut the log, search and choose on all parts but test, which judges once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace as replace_fields

from routelab.core import Policy, Progress, use_listed
from routelab.core.catalogue import Catalogue
from routelab.logs.model import Log, PartialLog, Split, split
from routelab.metrics import aiq_among
from routelab.policy_file import Certificate
from routelab.replay import (
    ComparisonSet,
    Figures,
    JointFigures,
    NamedPolicy,
    comparison_set,
    evaluate_jointly,
)
from routelab.replay.breakdown import Breakdown, breakdown
from routelab.tuning.budget import ACCOUNT, Clock, StudyPlan
from routelab.tuning.certify import check_models, provable
from routelab.tuning.cut_checks import came_back, left_out, refuse_cut
from routelab.tuning.kinds import SearchSummary, Trial
from routelab.tuning.looks import LookLedger, StudyLook, study_digest
from routelab.tuning.objectives import (
    BoundCheck,
    FrontPoint,
    OperatingPoint,
    bound_checks,
    demands,
    mean_cost_quality,
)
from routelab.tuning.options import Options
from routelab.tuning.selection import (
    PointQuery,
    Rival,
    StudyChoice,
    TriedKind,
    choose,
    joint_points,
    kind_choice,
    searched_parts,
    searched_rows,
    that_gain,
    tried_kinds,
    undecided,
)
from routelab.tuning.study import caveats, display, inputs, signal_checks
from routelab.tuning.study.cross_fit import CrossFittedStudy, cross_fit, is_called_for, too_long
from routelab.tuning.study.drift import Drift, drift
from routelab.tuning.study.repeat import as_begun
from routelab.tuning.study.stored_result import note_export
from routelab.tuning.study.verdict import Verdict, verdict
from routelab.tuning.tuners import AUTO

if TYPE_CHECKING:
    from routelab.learning import FittedScorers, LearningAccount
    from routelab.tuning.kinds import recipe_search
    from routelab.tuning.scores import EstimatedValue, ScoredLog
    from routelab.tuning.study.seed_spread import SeedSpread
    from routelab.tuning.study.slo_outcome import SloOutcome


@dataclass(frozen=True, eq=False)
class Study:
    """The result of a study; nothing in it depends on time or place.

    Attributes:
        options: that the study was asked for.
        log: the whole log, as it was read.
        split: its parts; searched: those that were searched on.
        catalogue: prices and capabilities of the candidates.
        tune, test: comparable rows, of the parts searched on and of test.
        kind: of the exported policy.
        rivals: every kind that was searched.
        fitted: scorers that the exported policy names; None if nothing was learned.
        account: how well gains can be learned on this log; None if nothing was learned, or
            nobody asked.
        sought: the search of recipes for scorers; None if there was none.
        points: operating points, the exported one first.
        tuned: figures of the exported policy on the rows searched.
        tested: figures on test, one for each operating point.
        front: policies of all kinds along the trade-off, by rising cost, as expected on other
            rows: those that no other one beats, and those not shown to be worse at their cost.
        aiq_front: on test, AIQ of the hull of all operating points and the candidates.
        trials: of the randomised search.
        search: how it went; None where there was none.
        verdict: on the exported policy.
        judged: the user's bounds, checked on test, for each operating point.
        breakdown: where the exported policy's figures on test come from.
        certificate: what was proved on the calibrate part; None if nothing was asked.
        seeds: the same study under other seeds; None where none was tried.
        slo: objectives on simulated days; None where none were given.
        notes: what was left out of learning, and what could not be learned.
        plan: what was to be tried; None where everything was that was asked for.
        cut_short: what of the plan there was no time for.
        tried: what each kind came to on test; nothing of one kind.
        look: which look at the test part it is; None where nobody counts.
        drift: inside the test period; None where none shows, or the log was not cut in time.
        estimated: the exported policy's value on test where the log is partial; else None.
        crossed: what the verdict rests on where test has too few groups; else None.
    """

    options: Options
    log: Log
    split: Split
    searched: Sequence[str]
    catalogue: Catalogue
    tune: ComparisonSet
    test: ComparisonSet
    kind: str
    rivals: Sequence[Rival]
    fitted: FittedScorers | None
    account: LearningAccount | None
    sought: recipe_search.RecipeSearch | None
    points: Sequence[OperatingPoint]
    tuned: Figures
    tested: Sequence[Figures]
    front: Sequence[FrontPoint]
    aiq_front: float
    trials: Sequence[Trial]
    search: SearchSummary | None
    verdict: Verdict
    judged: Sequence[Sequence[BoundCheck]]
    breakdown: Breakdown
    certificate: Certificate | None = None
    seeds: SeedSpread | None = None
    slo: SloOutcome | None = None
    notes: Sequence[str] = ()
    plan: StudyPlan | None = None
    cut_short: Sequence[str] = ()
    tried: Sequence[TriedKind] = ()
    look: StudyLook | None = None
    drift: Drift | None = None
    estimated: EstimatedValue | None = None
    crossed: CrossFittedStudy | None = None

    @property
    def policy(self) -> Policy:
        """The exported policy."""
        return self.points[0].point.policy

    @property
    def figures(self) -> Figures:
        """Figures of the exported policy on test."""
        return self.tested[0]

    def __repr__(self) -> str:
        it = self.figures
        return (
            f"<Study {self.options.name!r}: {self.verdict.word}; {self.kind} at quality"
            f" {it.quality:.3f} for {it.usd_per_1k:.4g} USD per 1,000,"
            f" gain {100 * it.gain_vs_zero_router:+z.1f} points, on {it.n_requests} test requests>"
        )

    def _repr_html_(self) -> str:
        """For notebooks."""
        return display.html(self.options.name, self.verdict, self.points, self.tested)


# Long: stages of one computation, of which each needs most of what came before.
def tune(
    log: Log | PartialLog | ScoredLog,
    options: Options,
    *,
    catalogue: Catalogue | None = None,
    progress: Progress | None = None,
    notify: Callable[[str], None] | None = None,
    packages: Sequence[str] = (),
    looks: LookLedger | None = None,
) -> Study:
    """Tune a policy on a log: a complete one, or a partial one with propensities.

    Of a partial log every figure is a doubly robust estimate, and policies make one call.

    >>> import routelab
    >>> from routelab.tuning import Options, save
    >>> log = routelab.read("datasets/sample.parquet")
    >>> asked = Options(name="mine", models=("small-8b", "frontier"), policy="cascade", trials=20)
    >>> study = routelab.tune(log, asked)
    >>> study.verdict.word
    'ship'
    >>> study.policy.models
    ('small-8b', 'frontier')
    >>> low, high = study.figures.quality_ci  # on requests that the search never saw
    >>> low < study.figures.quality < high
    True
    >>> policy_file = save(study, "tuned.policy")  # and what led to it, in tuned.study/
    >>> routelab.load("tuned.policy").policy == study.policy
    True

    Args:
        log: with an outcome of every candidate for (nearly) every request; or what a policy with
            exploration left.
        options: what to search, under which bounds.
        catalogue: prices, capabilities and endpoints; default the log's own.
        progress: called with the number of finished trials and that of all.
        notify: called with a sentence on each scorer about to be learned and on each stage.
        packages: that bring the kind to tune, and whose code may run.
        looks: counts the studies that are judged on the same test requests, of which later ones
            need more to ship; None where nobody counts.
    Raises:
        PackageError: such a package is not installed, or brings what does not fit.
        TuningError: options out of range or of no use together, or bounds that nothing meets.
        LogError: the log lacks a model or a signal, or cannot be split or compared.
    """
    use_listed(packages)
    options.check()
    options.check_in_memory()
    scored = None
    if not isinstance(log, Log):
        from routelab.tuning import scores  # scikit-learn

        options = scores.as_estimated(options, log)
        scored = scores.scored_of(log, options, notify)
        log = scored.log
    log = replace(log, reads=options.reads)
    options = as_begun(options, notify or (lambda _: None))
    clock = Clock(options.budget_s if options.policy == AUTO else None)

    def tell(text: str) -> None:
        if notify is not None:
            notify(f"{text}{clock.left()}")

    candidates = inputs.candidates(log, options.models)
    check_models(options.certify, candidates)
    log = log.with_specs({name: log.spec(name) for name in options.signals})
    signals = inputs.signals(log, options.signals, candidates)
    signal_checks.refuse(log, signals, candidates)
    inputs.check_pair(log, options.pair)
    known = inputs.known_catalogue(log, catalogue, candidates)
    cut = split(
        log,
        seed=options.seed,
        group=options.group,
        rule=options.split,
        returning=options.returns,
    )
    refuse_cut(log.name, cut, options)
    searched = searched_parts(options)

    def part_of(cut: Split, name: str | Sequence[str]) -> ComparisonSet:
        return comparison_set(
            log,
            cut,
            name,
            candidates,
            catalogue=known,
            seed=options.seed,
            allow_missing=options.allow_missing,
        )

    def search_again(asked: Options, cut: Split) -> StudyChoice:
        rows = searched_rows(part_of(cut, searched), asked.seed)
        there = inputs.thresholds(rows.compared.log, signals)
        calibrate = partial(part_of, cut, "calibrate")
        return choose(asked, cut, rows, there, calibrate, Clock(), None, lambda _: None)

    part = partial(part_of, cut)
    then = not options.pool and options.parts_by is not None
    rows = searched_rows(part(searched), options.seed, part("train") if then else None)
    thresholds = inputs.thresholds(rows.compared.log, signals)
    found = choose(
        options, cut, rows, thresholds, partial(part, "calibrate"), clock, progress, tell
    )
    learned = found.searched.learned
    if learned is not None:
        tell("judging on test")
    testing = part("test")
    if learned is not None:
        testing = testing.with_scoring(learned.fitted.scoring())
    if scored is not None:
        asked = testing.replay(found.chosen[0].point.policy).answered
        value = scores.estimated_value(scored, testing.coverage.rows, asked)
        found = found._replace(estimated=value)
    look = None
    if looks is not None:
        read = inputs.digests(log, known) | {name: repr(log.spec(name)) for name in signals}
        test = cut.sha256()["test"]
        look = looks.counted(test, log.sha256, study_digest(options, read))
    crossed: CrossFittedStudy | str | None = None
    if is_called_for(options, cut, found, testing):
        crossed = too_long(options, found) or cross_fit(
            options, cut, found, testing, part_of, search_again, tell
        )
    weighed = _Weighed(look, crossed)
    study = _judged_on(testing, options, log, cut, known, found, clock, weighed, tell)
    note_export(options, study.trials, study.kind, study.policy, study.verdict.word, tell)
    return study


class _Weighed(NamedTuple):
    """What else a verdict rests on besides test: looks before this one, and cross-fitting, or why
    there is none where test has too few groups."""

    look: StudyLook | None
    crossed: CrossFittedStudy | str | None

    @property
    def fitted(self) -> CrossFittedStudy | None:
        return self.crossed if isinstance(self.crossed, CrossFittedStudy) else None

    def figures(self, test: Figures) -> Figures:
        """That the verdict is on."""
        judged = test if self.fitted is None else self.fitted.figures
        return judged if self.look is None else self.look.paid(judged)

    def sentences(self) -> list[str]:
        crossed = self.crossed if isinstance(self.crossed, str) else None
        fitted = self.fitted.text if self.fitted is not None else crossed
        return [
            *([] if fitted is None else [fitted]),
            *([] if self.look is None else self.look.sentences()),
        ]


# Long: it names every field of the study.
def _judged_on(
    testing: ComparisonSet,
    options: Options,
    log: Log,
    cut: Split,
    catalogue: Catalogue,
    found: StudyChoice,
    clock: Clock,
    weighed: _Weighed,
    tell: Callable[[str], None],
) -> Study:
    """The study, once what it chose is replayed on test."""
    searched, alone, best = found.searched, found.alone, found.best
    more, plain, exported = searched.learned, searched.plain, found.chosen[0].point
    points = [it._replace(point=found.written(it.point)) for it in found.chosen]
    policy = points[0].point.policy
    jointly = evaluate_jointly(
        testing, [NamedPolicy(options.name, it.point.policy) for it in points]
    )
    tested = jointly.figures
    asked = PointQuery(replace_fields(options, bounds=found.tightened), best, found.single)
    tried = tried_kinds(searched.fronts, asked, found.won, found.chosen[0], testing)
    rivals = kind_choice.rivals(searched, found.won, exported, alone, testing)
    certificate = None
    if found.certifier is not None:
        certificate = found.certifier.certificate(exported.policy, provable(testing))
    final, by_bound, changed = _against_bounds(
        testing, options, log, cut, found, jointly, certificate, tried, rivals, weighed
    )
    account = None
    accounted = options.learns and found.plan.account
    if more is not None and accounted and clock.begins(ACCOUNT):
        usable = tuple(dict.fromkeys(signal for signal, _ in found.thresholds))
        account = more.worth(log, options, usable, cut, alone, best, tell)
    return Study(
        options=options,
        log=log,
        split=cut,
        searched=searched_parts(options),
        catalogue=catalogue,
        tune=searched.tune,
        test=testing,
        kind=found.won,
        rivals=rivals,
        fitted=None if more is None or not options.learns else more.used_by(policy.scorer_uses),
        account=account,
        sought=None if more is None else more.sought,
        points=points,
        tuned=found.tuned,
        tested=tested,
        front=[found.written(it) for it in searched.along],
        aiq_front=front_aiq(testing, tested),
        trials=[] if plain is None else plain.trials,
        search=None if plain is None else plain.summary,
        verdict=final,
        judged=by_bound,
        breakdown=breakdown(policy, testing, searched.tune, best.policy.models_used[0]),
        certificate=certificate,
        notes=found.notes,
        plan=found.plan if found.plan.seconds is not None else None,
        cut_short=tuple(clock.cut),
        tried=tried,
        look=weighed.look,
        drift=changed,
        estimated=found.estimated,
        crossed=weighed.fitted,
    )


# Long: one verdict, with all that a reader of it must know.
def _against_bounds(
    testing: ComparisonSet,
    options: Options,
    log: Log,
    cut: Split,
    found: StudyChoice,
    jointly: JointFigures,
    certificate: Certificate | None,
    tried: Sequence[TriedKind],
    rivals: Sequence[Rival],
    weighed: _Weighed,
) -> tuple[Verdict, Sequence[Sequence[BoundCheck]], Drift | None]:
    """The verdict on the exported policy, each operating point held to the user's bounds, and the
    drift inside test."""
    chosen, tuning, bounds = found.chosen, found.searched.tune, options.bounds
    exported, best = chosen[0].point.policy, found.best.policy
    tested, strongest = jointly.figures, best.models_used[0]
    shown = [weighed.fitted.figures if weighed.fitted else tested[0], *tested[1:]]
    best_quality = tested[0].alone(strongest).quality
    on_test = demands(bounds, testing, best, best_quality)
    others = joint_points(chosen, jointly)
    further = [
        list(bound_checks.judge(it.point.policy, tuning, testing, found.wanted, on_test))
        for it in chosen
    ]
    fronts = found.searched.fronts
    changed = None if cut.rule != "time" else _drift(testing, options, found, exported)
    warnings = [
        *([] if found.estimated is None else found.estimated.sentences),
        *weighed.sentences(),
        *([] if changed is None else [changed.text]),
        *caveats.mixed(chosen[0]),
        *caveats.outdone(rivals),
        *caveats.collapsed(exported, tested[0].model_share, testing),
        *caveats.below_default(options, tested[0].quality, best_quality),
        *caveats.equal_times(cut.tied),
        *left_out(cut),
        *came_back(cut),
        *caveats.of_newcomers(cut, testing, NamedPolicy(options.name, exported)),
        *caveats.of_study(log, found.thresholds, cut.rule, fronts, exported, tuning, testing),
        *bound_checks.unjudged(found.wanted, on_test),
    ]
    final = verdict(
        weighed.figures(tested[0]),
        bounds,
        strongest,
        warnings,
        certificate,
        further[0],
        by_chance=exported.by_chance,
        routes=len(exported.models_used) > 1,
        kind=found.won,
        elsewhere=that_gain(tried, others, tested[0].usd_per_1k, testing),
        undecided=undecided(others),
    )
    return (
        final,
        [
            [
                *bound_checks.mean_bound_checks(figures, bounds, strongest, it.point.score),
                *others,
            ]
            for it, figures, others in zip(chosen, shown, further, strict=True)
        ],
        changed,
    )


def _drift(
    testing: ComparisonSet, options: Options, found: StudyChoice, exported: Policy
) -> Drift | None:
    """What changed inside the test period, with the verdict on its later half."""
    best = found.best.policy.models_used[0]

    def judge(later: Figures) -> Verdict:
        return verdict(
            later,
            options.bounds,
            best,
            by_chance=exported.by_chance,
            routes=len(exported.models_used) > 1,
            kind=found.won,
        )

    return drift(testing, NamedPolicy(options.name, exported), judge)


def front_aiq(testing: ComparisonSet, tested: Sequence[Figures]) -> float:
    """AIQ on test of the hull of some policies and the candidates.

    Args:
        testing: rows of test.
        tested: figures of the policies there.
    Source: RouterBench, arXiv 2403.12031 (average improvement in quality).
    """
    alone = [mean_cost_quality(replay) for replay in testing.fixed()]
    return aiq_among(
        [one.usd_per_1k for one in alone],
        [one.quality for one in alone],
        [figures.usd_per_1k for figures in tested],
        [figures.quality for figures in tested],
    )
