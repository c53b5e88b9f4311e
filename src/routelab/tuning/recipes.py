"""How scorers are made, searched: learners, features, hyper-parameters and calibrator at once.

A recipe is judged by its cross-fitted loss on the train part alone, calibrator included, so tune
and test have no say in it. The default recipe is the first trial: what is found is never worse
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routelab import learning
from routelab.core.progress import Progress
from routelab.errors import LearningError
from routelab.learning import Examples, Recipe, Span
from routelab.logs.model.log import Log
from routelab.tuning import loop
from routelab.tuning.loop import Choice, Done, Outcome, Plan, Range, Whole

HOPELESS = 1e6
"""Loss of a recipe that the log cannot feed; the mean alone has a loss of 1."""

SAMPLER = "tpe"


class Searched(msgspec.Struct, frozen=True):
    """What a search of recipes came to.

    Attributes:
        recipe: of least loss; the default where nothing did better.
        loss, loss_of_default: cross-fitted on train, see `routelab.learning.diagnosis.loss`.
        trials: how many were tried, the default included.
    """

    recipe: Recipe
    loss: float
    loss_of_default: float
    trials: int


class Recipes:
    """The task: the loss of a recipe on some examples."""

    names: Mapping[str, loop.Direction] = {"loss": "minimize"}

    def __init__(self, made: Examples, seed: int) -> None:
        self._made, self._seed = made, seed

    @property
    def space(self) -> Mapping[str, Choice | Range | Whole]:
        return {name: _spread(it) for name, it in learning.space().items()}

    def measure(self, params: Mapping[str, Any]) -> Outcome:
        try:
            return Outcome((learning.loss(self._made, learning.recipe(params), seed=self._seed),))
        except LearningError:
            return Outcome((HOPELESS,))


def search(
    log: Log,
    models: Sequence[str],
    *,
    trials: int,
    seed: int,
    progress: Progress | None = None,
) -> Searched:
    """The recipe that best predicts the quality of every model; the same seed, the same one.

    Args:
        log: the train part.
        models: cheapest first.
    Raises:
        LearningError: the quality of these models cannot be learned from this log at all.
    """
    made = learning.examples(log, "quality", models)
    task = Recipes(made, seed)
    plan = Plan(trials, seed, SAMPLER, [_default(task.space)])
    done, _ = loop.run(task, plan, progress=progress)
    if min(map(_loss, done)) >= HOPELESS:
        learning.loss(made, Recipe(), seed=seed)  # says why
    best = min(done, key=_loss)
    default = _loss(done[0])
    if _loss(best) >= default:
        return Searched(Recipe(), default, default, len(done))
    return Searched(learning.recipe(best.params), _loss(best), default, len(done))


def _loss(done: Done) -> float:
    return done.outcome.values[0]


def _spread(it: tuple[Any, ...] | Span) -> Choice | Range | Whole:
    if not isinstance(it, Span):
        return Choice(it)
    if isinstance(it.low, int) and isinstance(it.high, int):
        return Whole(it.low, it.high, it.log)
    return Range(it.low, it.high, it.log)


def _default(space: Mapping[str, Any]) -> dict[str, Any]:
    """The default recipe as parameters."""
    plain = msgspec.to_builtins(Recipe())
    plain["learners"] = "+".join(plain["learners"])
    return {name: plain[name] for name in space}
