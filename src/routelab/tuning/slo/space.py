"""The search space of policy and engine settings, measured on simulated days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from routelab.core import Policy
from routelab.core.catalogue import Catalogue, EngineRules, Timeouts
from routelab.errors import SimulationError, TuningError
from routelab.policies import Cascade, Fixed, to_wire
from routelab.policy_file import Document, PolicyFile
from routelab.replay import ComparisonSet
from routelab.runtime import RouterConfig
from routelab.runtime.engine.balancing import BALANCERS
from routelab.scorers import load_scorers
from routelab.simulate import (
    CheckedObjective,
    Day,
    Scenario,
    SimulationOptions,
    Slo,
    arrivals,
    check,
    latency,
    simulate,
    slo,
    surged_arrivals,
)
from routelab.stats import thinned
from routelab.tuning.kinds import Cascades
from routelab.tuning.objectives import Bounds
from routelab.tuning.options import Options
from routelab.tuning.search import Categorical, Direction, FloatRange, IntRange, TrialOutcome
from routelab.tuning.study import Study

STARTS = 8
"""Policies of the front that are tried first, with the engine as it is."""
AFTER_S = 60.0
"""A day goes on for so long after the last thing that happens."""
TIMEOUT_S = 60.0
SLOW_S = (None, 4.0, 8.0, 16.0)
"""Seconds from which on a call may count as slow to the breakers."""
_UNJUDGED = 1e6  # more than any sum of shares of bounds, and finite as Optuna needs


class SloDemands(msgspec.Struct, frozen=True, kw_only=True):
    """Service level objectives (SLOs), and the simulated day on which they must hold.

    Attributes:
        objectives: what must hold.
        scenario: faults and surges of the day.
        objectives_file, scenario_file: names of their files, for messages.
        arrivals: as `routelab.simulate.arrivals` reads it; requests come again where the day is
            longer than the part of the log.
        trials: days of the tune part that are simulated.
    """

    objectives: Slo
    scenario: Scenario
    objectives_file: str
    scenario_file: str
    arrivals: str = "poisson:5"
    trials: int = 40

    @property
    def recorded(self) -> dict[str, Any]:
        """The demands as plain data, as studies record them; more trials are the same study."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        del plain["trials"]
        return plain

    def check(self) -> None:
        """Refuse a number of trials below 1.

        Raises:
            TuningError: it is.
        """
        if self.trials < 1:
            raise TuningError(f"`SloDemands.trials` is {self.trials}; at least 1 is needed")


def check_alone(options: Options, seeds: int, in_batches: bool) -> None:
    """Refuse options that cannot go together with objectives of simulated days.

    Args:
        options: of the study.
        seeds: under how many the study is tuned.
        in_batches: the log is read in batches.
    Raises:
        TuningError: such options, all of them named.
    """
    given_by_name = {
        "`certify`": bool(options.certify),
        "bounds on cost, quality, latency or groups": options.bounds != Bounds(),
        "`seeds`": seeds > 1,
        "a log that is read in batches": in_batches,
    }
    problems = [
        f"policy and engine are chosen by `objectives` on simulated days; {name} does not allow for"
        " that: leave one of them out, or write the bound into the file of objectives"
        for name, given in given_by_name.items()
        if given
    ]
    if problems:
        raise TuningError(*problems)


@dataclass(frozen=True, eq=False)
class EngineSpace:
    """Policy and engine as parameters, measured on simulated days of tune.

    Attributes:
        study: whose policy and catalogue are to begin with.
        wanted: objectives, and the day to simulate.
        cascades: how policies are parameters; None keeps the policy that the study chose.
    """

    study: Study
    wanted: SloDemands
    cascades: Cascades | None

    @property
    def names(self) -> Mapping[str, Direction]:
        """The objectives, and which way each is better."""
        return {"usd_per_1k": "minimize", "quality": "maximize"}

    @cached_property
    def space(self) -> Mapping[str, Categorical | FloatRange | IntRange]:
        """Every parameter of every trial, by name; times in seconds."""
        policy = {} if self.cascades is None else dict(self.cascades.space)
        rules = self.study.catalogue.engine or EngineRules()
        timeouts = {"timeout_s": FloatRange(4.0, 120.0, log=True)} if self._placed else {}
        return {
            **policy,
            "balancing": Categorical(tuple(BALANCERS)),
            **timeouts,
            "retry.most": IntRange(0, 4),
            "retry.base_s": FloatRange(0.05, 4.0, log=True),
            "breaker.slow_s": Categorical(tuple(dict.fromkeys((rules.breaker.slow_s, *SLOW_S)))),
        }

    @property
    def _placed(self) -> bool:
        return any(model.deployments for model in self.study.catalogue.models.values())

    def measure(self, params: Mapping[str, Any]) -> TrialOutcome:
        """USD per 1,000 requests and quality of a day, and by how much objectives are missed.

        A miss counts as a share of its bound; the constraint is the sum of all.
        """
        day = self.day(self.policy(params), self.catalogue(params), self.study.tune)
        summary = day.summary()
        values = summary["usd_per_1k"], summary["quality"]
        try:
            checked = slo.check(self.wanted.objectives, day, self.wanted.objectives_file)
        except SimulationError:
            return TrialOutcome(values, {"slo": _UNJUDGED})
        return TrialOutcome(
            values,
            {"slo": sum(max(0.0, _excess(result)) for result in checked)},
            {"policy": to_wire(self.policy(params)), "slo": msgspec.to_builtins(checked)},
        )

    def policy(self, params: Mapping[str, Any]) -> Policy:
        """The policy of a trial."""
        return self.study.policy if self.cascades is None else self.cascades.policy(params)

    def catalogue(self, params: Mapping[str, Any]) -> Catalogue:
        """The study's catalogue with the engine of a trial."""
        own = self.study.catalogue
        rules = own.engine or EngineRules()
        retry = structs.replace(
            rules.retry,
            most=params["retry.most"],
            base_s=params["retry.base_s"],
            max_s=max(rules.retry.max_s, params["retry.base_s"]),
        )
        models = {
            name: structs.replace(
                model,
                deployments=tuple(
                    structs.replace(
                        deployment,
                        timeouts=structs.replace(
                            deployment.timeouts or Timeouts(), total_s=params["timeout_s"]
                        ),
                    )
                    for deployment in model.deployments
                ),
            )
            for name, model in own.models.items()
        }
        breaker = structs.replace(rules.breaker, slow_s=params["breaker.slow_s"])
        engine = structs.replace(rules, balancing=params["balancing"], retry=retry, breaker=breaker)
        return Catalogue(models, engine)

    def starts(self) -> list[dict[str, Any]]:
        """The chosen policy and others of the front, with the engine as it is."""
        rules = self.study.catalogue.engine or EngineRules()
        engine: dict[str, Any] = {
            "balancing": rules.balancing,
            "retry.most": min(4, rules.retry.most),
            "retry.base_s": min(4.0, max(0.05, rules.retry.base_s)),
            "breaker.slow_s": rules.breaker.slow_s,
        }
        if self._placed:
            engine["timeout_s"] = TIMEOUT_S
        if self.cascades is None:
            return [engine]
        front = [point.policy for point in self.study.front]
        some = [self.study.policy, *thinned(front, STARTS)]
        able = [policy for policy in some if isinstance(policy, Cascade | Fixed)]
        return [{**self.cascades.params(policy), **engine} for policy in dict.fromkeys(able)]

    def day(self, policy: Policy, catalogue: Catalogue, comparison: ComparisonSet) -> Day:
        """A simulated day of a part of the log.

        Args:
            policy: that decides.
            catalogue: deployments and rules of the engine.
            comparison: the part.
        Raises:
            SimulationError: the scenario would not happen on it.
        """
        wanted, seed = self.wanted, self.study.options.seed
        windows = (*wanted.scenario.faults, *wanted.scenario.surges)
        used_s = sum(
            (surge.factor - 1.0) * (surge.to_s - surge.from_s) for surge in wanted.scenario.surges
        )
        how: dict[str, Any] = {}
        if windows:
            last_s = max(window.to_s for window in windows)
            how["duration_s"] = last_s + max(0.0, used_s) + AFTER_S
        coming = arrivals(comparison.log, wanted.arrivals, seed=seed, **how)
        coming = replace(coming, at_s=surged_arrivals(coming.at_s, wanted.scenario.surges))
        check(wanted.scenario, catalogue, coming.duration_s, wanted.scenario_file)
        return simulate(
            _loaded(self.study, policy, catalogue),
            comparison.log,
            coming,
            latency(comparison.log, "logged"),
            options=SimulationOptions(
                scenario=wanted.scenario,
                config=RouterConfig(timeout_s=TIMEOUT_S),
                seed=seed,
            ),
        )


def _excess(it: CheckedObjective) -> float:
    """How far an objective is missed, as a share of its bound."""
    over = it.bound - it.value if it.objective == "quality" else it.value - it.bound
    return over / max(it.bound, 1e-3)


def _loaded(study: Study, policy: Policy, catalogue: Catalogue) -> PolicyFile:
    """A policy as if it had been written and loaded."""
    fitted, candidates = study.fitted, study.test.models
    document = Document(
        name=study.options.name,
        policy=to_wire(policy),
        candidates=candidates,
        catalogue=catalogue,
        signals={name: study.log.spec(name) for name in policy.signals_used},
        seed=study.options.seed,
        reads=study.options.reads,
    )
    none = load_scorers({}, {}, {}, models=candidates, reads=study.options.reads)
    scoring = none if fitted is None else fitted.scoring()
    return PolicyFile(policy, document, {}, scoring, (), "", Path(study.options.name))
