"""A study whose policy and engine are chosen on simulated days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import optuna

from routelab.core import Progress
from routelab.core.catalogue import Catalogue, EngineRules
from routelab.policies import to_wire
from routelab.replay import ComparisonSet, NamedPolicy, costs_sha256, evaluate
from routelab.replay.breakdown import breakdown
from routelab.simulate import CheckedObjective, slo
from routelab.tuning.kinds import Cascades
from routelab.tuning.objectives import ENOUGH, FrontPoint, OperatingPoint, demands, score
from routelab.tuning.search import FinishedTrial, Plan, StorageLocation, TrialStore, run_trials
from routelab.tuning.slo.space import EngineSpace, SloDemands
from routelab.tuning.study import SloOutcome, Study, Verdict, caveats, front_aiq, inputs, verdict
from routelab.tuning.tuners import CASCADE
from routelab.version import __version__

RULE = "cheapest that keeps the objectives on simulated days of tune"


def tuned_for(study: Study, wanted: SloDemands, *, progress: Progress | None = None) -> Study:
    """The study with policy and engine chosen for the objectives, judged on a day of test.

    Of the trials that keep every objective on tune the cheapest is chosen whose quality is at
    least .98 of the best among them; where none keeps all, the one that misses least.

    Args:
        study: to begin with.
        wanted: objectives, the day to simulate, and trials.
        progress: called with the number of finished trials and that of all.
    Raises:
        TuningError: the storage cannot be used, or holds another search.
        SimulationError: the scenario would not happen, or an objective cannot be judged.
    """
    wanted.check()
    task = EngineSpace(study, wanted, _cascades(study))
    first = task.starts()[0]
    store = _store(task)
    plan = Plan(wanted.trials, study.options.seed, "tpe", task.starts())
    done, _ = run_trials(task, plan, store, progress=progress)
    best = _chosen(done)
    policy, catalogue = task.policy(best.params), task.catalogue(best.params)

    def checked(
        params: Mapping[str, Any], comparison: ComparisonSet
    ) -> tuple[CheckedObjective, ...]:
        day = task.day(task.policy(params), task.catalogue(params), comparison)
        return tuple(slo.check(wanted.objectives, day, wanted.objectives_file))

    outcome = SloOutcome(
        scenario=wanted.scenario.name,
        arrivals=wanted.arrivals,
        seed=study.options.seed,
        trials=len(done),
        feasible=sum(trial.outcome.feasible for trial in done),
        engine=catalogue.engine or EngineRules(),
        timeout_s=best.params.get("timeout_s"),
        tune=checked(best.params, study.tune),
        test=checked(best.params, study.test),
        before=checked(first, study.test),
        demands=wanted.recorded,
    )
    point = FrontPoint(policy, score(study.tune, policy))
    return _exporting(replace(study, slo=outcome), point, catalogue, outcome)


def _cascades(study: Study) -> Cascades | None:
    """Policies as parameters, where a plain cascade was searched for everybody."""
    options = study.options
    if study.kind != CASCADE:
        return None
    signals = inputs.signals(study.log, options.signals, study.test.models)
    thresholds = inputs.thresholds(study.tune.log, signals)
    if not any(thresholds.values()):
        return None
    best = max(float(replay.quality.mean()) for replay in study.tune.fixed())
    return Cascades(study.tune, thresholds, demands(options.bounds, study.tune, study.policy, best))


def _store(task: EngineSpace) -> TrialStore | None:
    """Where the trials are kept, beside those of the study's own search."""
    study, options = task.study, task.study.options
    if options.storage is None:
        return None
    about = {
        "log_sha256": study.log.sha256,
        "costs_sha256": costs_sha256(study.tune.log),
        "catalogue": msgspec.to_builtins(study.catalogue),
        "policy": to_wire(study.policy),
        "starts": task.starts(),
        "wanted": {k: v for k, v in msgspec.to_builtins(task.wanted).items() if k != "trials"},
        "seed": options.seed,
        "routelab": __version__,
        "optuna": optuna.__version__,
    }
    location = StorageLocation(
        options.storage,
        f"{options.name} simulated",
        about,
        options.fresh,
        part="simulated days of the tune part",
    )
    return TrialStore(location, task.names)


def _chosen(done: Sequence[FinishedTrial]) -> FinishedTrial:
    feasible = [it for it in done if it.outcome.feasible]
    if not feasible:
        return min(done, key=lambda it: (it.outcome.excess["slo"], it.number))
    floor = ENOUGH * max(it.outcome.values[1] for it in feasible)
    enough = [it for it in feasible if it.outcome.values[1] >= floor]
    return min(enough, key=lambda it: (it.outcome.values[0], it.number))


def _exporting(study: Study, point: FrontPoint, catalogue: Catalogue, kept: SloOutcome) -> Study:
    """The study with this policy and engine exported, judged on test like any other."""
    study = replace(study, catalogue=catalogue)
    if point.policy == study.policy:
        return replace(study, verdict=_judged(study.verdict, kept))
    tuning, testing, options = study.tune, study.test, study.options
    named = [NamedPolicy(options.name, point.policy)]
    tested = [*evaluate(testing, named), *study.tested]
    thresholds = inputs.thresholds(
        tuning.log, inputs.signals(study.log, options.signals, study.test.models)
    )
    alone = [replay.quality.mean() for replay in tuning.fixed()]
    best = tuning.models[max(range(len(alone)), key=alone.__getitem__)]
    warnings = caveats.of_study(
        study.log, thresholds, study.split.rule, options.kinds, point.policy, tuning, testing
    )
    return replace(
        study,
        points=[OperatingPoint("slo", RULE, point), *study.points],
        tuned=evaluate(tuning, named)[0],
        tested=tested,
        aiq_front=front_aiq(testing, tested),
        judged=[[], *study.judged],
        breakdown=breakdown(point.policy, testing, tuning, best),
        verdict=_judged(verdict(tested[0], options.bounds, best, warnings), kept),
    )


def _judged(plain: Verdict, kept: SloOutcome) -> Verdict:
    """A policy that misses an objective on test is not proven, whatever it gains."""
    held = [it for it in kept.sentences() if " is missed " not in it]
    missed = [it for it in kept.sentences() if " is missed " in it]
    word = "not proven" if missed and plain.word == "ship" else plain.word
    return msgspec.structs.replace(plain, word=word, reasons=(*missed, *plain.reasons, *held))
