"""The trial loop of every randomised search: repeatable, resumable, shared by processes.

A trial's parameters follow from (seed, generation, index) and the finished earlier
generations, and from nothing else: the sampler is made anew for each trial, whole
generations are asked for at once, and results are reported in the order of asking. So whoever
measures a trial, and in which order, changes nothing. A study that was killed goes on from
the trials in its store, and processes that share a store share the work.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseGASampler
from optuna.trial import FrozenTrial, create_trial

from routelab.core import Progress
from routelab.tuning.search.samplers import GENERATION, sampler

Direction: TypeAlias = Literal["minimize", "maximize"]
_Number = TypeVar("_Number", int, float)


class Categorical(NamedTuple):
    """A parameter that is one of some texts, numbers or None.

    Attributes:
        among: the choices.
    """

    among: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        """The same as a distribution of Optuna."""
        return CategoricalDistribution(self.among)


class _Ends(NamedTuple, Generic[_Number]):
    """A parameter that is a number, both ends included.

    Attributes:
        low, high: the ends.
        log: drawn evenly on a logarithmic scale.
    """

    low: _Number
    high: _Number
    log: bool = False


class FloatRange(_Ends[float]):
    """A parameter that is a number; see `_Ends`."""

    def distribution(self) -> BaseDistribution:
        """The same as a distribution of Optuna."""
        return FloatDistribution(self.low, self.high, log=self.log)


class IntRange(_Ends[int]):
    """A parameter that is a whole number; see `_Ends`."""

    def distribution(self) -> BaseDistribution:
        """The same as a distribution of Optuna."""
        return IntDistribution(self.low, self.high, log=self.log)


class TrialOutcome(NamedTuple):
    """What was measured of a trial.

    Attributes:
        values: one for each objective, in the order of the task's names; finite.
        excess: by constraint, how far it is broken; 0 or less where it holds.
        facts: JSON values that are kept with the trial.
    """

    values: tuple[float, ...]
    excess: Mapping[str, float] = {}
    facts: Mapping[str, Any] = {}

    @property
    def feasible(self) -> bool:
        """Whether every constraint holds."""
        return all(value <= 0 for value in self.excess.values())


class FinishedTrial(NamedTuple):
    """A finished trial.

    Attributes:
        number: its place among all trials, from 0.
        params: value of every parameter, by name.
        outcome: what was measured.
    """

    number: int
    params: Mapping[str, Any]
    outcome: TrialOutcome


class SearchTask(Protocol):
    """What is searched. Several processes get a copy each, so it must survive pickling."""

    @property
    def space(self) -> Mapping[str, Categorical | FloatRange | IntRange]:
        """Every parameter of every trial, by name."""
        ...

    @property
    def names(self) -> Mapping[str, Direction]:
        """What is measured, and which way is better."""
        ...

    def measure(self, params: Mapping[str, Any]) -> TrialOutcome:
        """The outcome that parameters lead to: the same ones always to the same."""
        ...


class TrialOutcomes(Protocol):
    """Where outcomes are kept; see `routelab.tuning.search.trial_store`."""

    def get(self, number: int, params: Mapping[str, Any]) -> TrialOutcome | None:
        """The outcome of a trial, if it is there."""
        ...

    def put(self, number: int, trial: FrozenTrial, facts: Mapping[str, Any]) -> None:
        """Keep a finished trial."""
        ...


class Plan(NamedTuple):
    """How to search.

    Attributes:
        trials: how many, starts included.
        seed: of everything random.
        sampler: one of `GENERATION`.
        starts: parameters of the first trials; what they leave open is drawn.
    """

    trials: int
    seed: int = 0
    sampler: str = "nsga2"
    starts: Sequence[Mapping[str, Any]] = ()


def run_trials(
    task: SearchTask,
    plan: Plan,
    store: TrialOutcomes | None = None,
    *,
    offset: float = 0.0,
    progress: Progress | None = None,
) -> tuple[list[FinishedTrial], optuna.Study]:
    """Run a search; the same task and plan give the same trials, whatever is stored already.

    Args:
        task: space, objectives and measure.
        plan: trials, seed, sampler and starts.
        store: finished trials of this very search; the others are measured and put there.
        offset: in [0, 1), the part of a generation to begin with, so that processes that
            share a store measure different trials.
        progress: called with the number of finished trials and that of all.
    Returns:
        The trials in their order, and the same as an Optuna study in memory.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(directions=list(task.names.values()))
    space = {name: parameter.distribution() for name, parameter in task.space.items()}
    for start in plan.starts[: plan.trials]:
        study.enqueue_trial(dict(start))
    done: list[FinishedTrial] = []
    for generation, size in enumerate(_generations(plan)):
        trials = [_ask(study, space, plan, generation, index) for index in range(size)]
        outcomes: dict[int, TrialOutcome] = {}
        for index in _order(size, offset):
            outcomes[index] = _outcome(task, trials[index], space, store)
            if progress is not None:
                progress(len(done) + len(outcomes), plan.trials)
        # In the order of asking, not of measuring: who was faster must not change Optuna's state.
        for index, trial in enumerate(trials):
            done.append(_finished(study, trial, outcomes[index]))
    return done, study


def _generations(plan: Plan) -> Iterator[int]:
    size = GENERATION[plan.sampler]
    for first in range(0, plan.trials, size):
        yield min(size, plan.trials - first)


def _order(size: int, offset: float) -> list[int]:
    first = int(size * offset)
    return [*range(first, size), *range(first)]


def _ask(
    study: optuna.Study,
    space: Mapping[str, BaseDistribution],
    plan: Plan,
    generation: int,
    index: int,
) -> optuna.Trial:
    study.sampler = sampler(plan.sampler, space, (plan.seed, generation, index))
    trial = study.ask(dict(space))
    if isinstance(study.sampler, BaseGASampler):
        # A start asks for nothing, and would stay outside of the first generation.
        frozen = study.get_trials(deepcopy=False)[trial.number]
        study.sampler.get_trial_generation(study, frozen)
    return trial


def _outcome(
    task: SearchTask,
    trial: optuna.Trial,
    space: Mapping[str, BaseDistribution],
    kept: TrialOutcomes | None,
) -> TrialOutcome:
    """What is kept of a trial, or what it is measured to be, which is then kept."""
    params = trial.params
    found = None if kept is None else kept.get(trial.number, params)
    if found is not None:
        return found
    started = datetime.now()
    measured = task.measure(params)
    # Facts are JSON in a store; a fresh trial must not differ from one that was taken from there.
    outcome = measured._replace(facts=json.loads(json.dumps(measured.facts)))
    if kept is not None:
        finished = create_trial(
            values=list(outcome.values),
            params=params,
            distributions=dict(space),
            constraints=dict(outcome.excess),
        )
        finished.datetime_start = started
        kept.put(trial.number, finished, outcome.facts)
    return outcome


def _finished(study: optuna.Study, trial: optuna.Trial, outcome: TrialOutcome) -> FinishedTrial:
    for name, value in outcome.excess.items():
        trial.set_constraint(name, value)
    study.tell(trial, list(outcome.values))
    return FinishedTrial(trial.number, trial.params, outcome)
