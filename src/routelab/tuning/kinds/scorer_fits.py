"""Scorers fitted on the searched rows, each once, whichever kinds ask for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np

from routelab import learning
from routelab.core import Ints
from routelab.errors import LearningError
from routelab.learning import FittedScorers, Recipe, Target
from routelab.logs.model import Log
from routelab.metrics import pareto
from routelab.stats import thinned

# Six models have 35 chains of two and three; tiers and gain cascades search each of them.
MAX_FRONTIER = 6
"""Models that policies of many calls are made of, at most."""

# After an answer there is an example for every model that answered and a label for every one that
# may be next: the time to fit grows with the square of the models.
MOST_AFTER = 8
"""Models that scorers are fitted for which see an answer, at most."""

FEWEST = 20
"""Requests below which a task has no say in which those are."""


def frontier(log: Log, models: Sequence[str]) -> tuple[str, ...]:
    """Models that no other beats in both quality and cost, at most six, in the order given.

    All of them where that leaves fewer than two.
    """
    cost, quality = log.cost_usd.mean(axis=0), log.quality.mean(axis=0)
    best = {log.models[i] for i in np.flatnonzero(pareto(cost, quality))}
    found = [name for name in models if name in best]
    return tuple(thinned(found if len(found) > 1 else list(models), MAX_FRONTIER))


def few(log: Log, models: Sequence[str]) -> tuple[str, ...]:
    """The frontier, and with it those models that are on that of most requests' tasks.

    Args:
        log: complete outcomes of these models.
        models: in the order in which those kept are given.
    """
    if len(models) <= MOST_AFTER:
        return tuple(models)
    always = set(frontier(log, models))
    count = dict.fromkeys(models, 0)
    for rows in _by_task(log):
        cost, quality = log.cost_usd[rows].mean(axis=0), log.quality[rows].mean(axis=0)
        for at in np.flatnonzero(pareto(cost, quality)):
            count[log.models[at]] += len(rows)
    best = sorted(models, key=lambda name: (name not in always, -count[name]))[:MOST_AFTER]
    return tuple(name for name in models if name in best)


def _by_task(log: Log) -> Iterator[Ints]:
    """All rows, and those of each common task."""
    yield np.arange(len(log))
    if log.requests.task is not None:
        _, code, size = np.unique(
            log.requests.task.astype(str), return_inverse=True, return_counts=True
        )
        ends = np.cumsum(size)[:-1]
        for rows in np.split(np.argsort(code, kind="stable"), ends):
            if len(rows) >= FEWEST:
                yield rows


class ScorerFits:
    """Fits scorers and keeps them.

    Attributes:
        log: rows to fit on, with the candidates only.
        models: candidates, cheapest first.
        few: those of them that scorers are fitted for which see an answer, in the same order.
        signals: confidence signals that a policy may ask for.
        fitted: all scorers so far.
        failures: by scorer, why it could not be fitted.
    """

    def __init__(
        self,
        log: Log,
        models: Sequence[str],
        signals: Sequence[str],
        *,
        groups: Ints | None = None,
        seed: int = 0,
        recipe: Recipe | None = None,
        begins: Callable[[str], bool] = lambda _: True,
        notify: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.log = log
        self.models = tuple(models)
        self.few = few(log, self.models)
        self.signals = tuple(signals)
        self.fitted = FittedScorers()
        self.failures: dict[str, str] = {}
        self._shared = learning.SharedRequests()
        self._groups = groups
        self._recipe = recipe or Recipe()
        self._seed = seed
        self._begins = begins
        self._notify = notify

    def signal_sets(self) -> tuple[tuple[str, ...], ...]:
        """Sets of signals that a policy may ask for: none, each one alone, all of them."""
        singles = tuple((name,) for name in self.signals)
        every = (self.signals,) if len(self.signals) > 1 else ()
        return ((), *singles, *every)

    def fit(
        self,
        name: str,
        target: Target,
        *,
        recipe: Recipe | None = None,
        signals: Sequence[str] = (),
        after: bool | None = None,
    ) -> None:
        """Fit a scorer unless it is there; a failure is not raised but kept in `failures`.

        Args:
            name: of the scorer.
            target: what it predicts; see `routelab.learning.training_examples`.
            recipe: how it is made; None takes the study's.
            signals: confidence signals that it may look at after an answer.
            after: whether it sees an answer; None for gain alone.
        """
        if name in self.fitted.scorers or name in self.failures:
            return
        if not self._begins(f"scorer {name}"):
            self.failures[name] = "there was no time for it"
            return
        self._notify(f"learning {name}")
        sees = target == "gain" if after is None else after
        try:
            self.fitted |= learning.fit(
                self._learned_from(recipe),
                target=target,
                models=self.few if sees else self.models,
                recipe=recipe or self._recipe,
                seed=self._seed,
                signals=signals,
                after=after,
                name=name,
                groups=self._groups,
                shared=self._shared,
            )
        except LearningError as error:
            self.failures[name] = "; ".join(error.problems)

    def _learned_from(self, recipe: Recipe | None) -> Log:
        """Of a partial log what was observed; but tables of means, whose own recipe is `prior`
        alone, take scores of every model, of which all means are right."""
        seen = self.log.seen
        if seen is None or (recipe is not None and recipe.learners == ("prior",)):
            return self.log
        return replace(seen, reads=self.log.reads)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why scorers could not be learned, once for all of which it is so."""
        return tuple(_shared((why, name) for name, why in self.failures.items()))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of learning, and what could not be learned."""
        made = ((note, name) for name, it in self.fitted.report.items() for note in it["notes"])
        return (
            *(f"learning {sentence}" for sentence in _shared(made)),
            *(f"not learned: {sentence}" for sentence in self.reasons),
        )


def _shared(reasons: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Sentences with all that they are said of."""
    about: dict[str, list[str]] = {}
    for sentence, name in reasons:
        about.setdefault(sentence, []).append(name)
    for sentence, names in about.items():
        yield f"{', '.join(names)}: {sentence}"


def named(base: str, signals: Iterable[str]) -> str:
    """Name of a scorer that reads these signals."""
    return "+".join((base, *signals))


def only(fitted: FittedScorers, names: Iterable[str]) -> FittedScorers:
    """These scorers with all they are made of, and nothing else."""
    specs: dict[str, Any] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in specs:
            specs[name] = fitted.scorers[name]
            waiting.extend(specs[name].get("parts", ()))
    used = set(chain.from_iterable(spec.get("features", ()) for spec in specs.values()))
    features = {name: spec for name, spec in fitted.features.items() if name in used}
    return FittedScorers(
        features,
        {name: spec for name, spec in fitted.scorers.items() if name in specs},
        _tensors(fitted, [*specs.values(), *features.values()]),
        {name: value for name, value in fitted.report.items() if name in specs},
        {name: value for name, value in fitted.held_out.items() if name in specs},
        fitted.reads,
    )


def _tensors(fitted: FittedScorers, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tensors that a spec names, whole or as a prefix."""
    names = {value for spec in specs for value in spec.values() if isinstance(value, str) and value}
    return {
        name: values
        for name, values in fitted.tensors.items()
        if name in names or name.rpartition(".")[0] in names
    }
