"""The search of recipes for scorers: learners, features, hyper-parameters and calibrator at once.

A recipe is judged by its cross-fitted loss on the train part alone, calibrator included, so tune
and test have no say in it. The default recipe is the first trial: what is found is never worse
there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from routelab import learning
from routelab.core import Progress
from routelab.errors import LearningError
from routelab.learning import Examples, Recipe, Span
from routelab.logs.model import Log
from routelab.tuning.search import (
    Categorical,
    FinishedTrial,
    FloatRange,
    IntRange,
    Plan,
    TrialOutcome,
    trial_loop,
)

HOPELESS = 1e6
"""Loss of a recipe that the log cannot feed; the mean alone has a loss of 1."""

SAMPLER = "tpe"


class RecipeSearch(msgspec.Struct, frozen=True):
    """The result of a search of recipes.

    Attributes:
        recipe: of least loss; the default where nothing did better.
        loss, loss_of_default: cross-fitted on train, see `routelab.learning.loss`.
        trials: how many were tried, the default included.
    """

    recipe: Recipe
    loss: float
    loss_of_default: float
    trials: int


class RecipeTask:
    """The task: the loss of a recipe on some examples."""

    names: Mapping[str, trial_loop.Direction] = {"loss": "minimize"}

    def __init__(self, made: Examples, seed: int) -> None:
        self._made, self._seed = made, seed

    @property
    def space(self) -> Mapping[str, Categorical | FloatRange | IntRange]:
        return {name: _spread(it) for name, it in learning.space().items()}

    def measure(self, params: Mapping[str, Any]) -> TrialOutcome:
        try:
            return TrialOutcome(
                (learning.loss(self._made, learning.recipe(params), seed=self._seed),)
            )
        except LearningError:
            return TrialOutcome((HOPELESS,))


def search(
    log: Log,
    models: Sequence[str],
    *,
    trials: int,
    seed: int,
    progress: Progress | None = None,
) -> RecipeSearch:
    """The recipe that best predicts the quality of every model; the same seed, the same one.

    Args:
        log: the train part.
        models: cheapest first.
        trials: recipes to try, the default one included.
        seed: of the sampler and of every fit.
        progress: called with the number of finished trials and that of all.
    Raises:
        LearningError: the quality of these models cannot be learned from this log at all.
    """
    made = learning.training_examples(log, "quality", models)
    task = RecipeTask(made, seed)
    plan = Plan(trials, seed, SAMPLER, [_default(task.space)])
    done, _ = trial_loop.run_trials(task, plan, progress=progress)
    if min(map(_loss, done)) >= HOPELESS:
        learning.loss(made, Recipe(), seed=seed)  # says why
    best = min(done, key=_loss)
    default = _loss(done[0])
    if _loss(best) >= default:  # of equals the default, which public data chose
        return RecipeSearch(Recipe(), default, default, len(done))
    return RecipeSearch(learning.recipe(best.params), _loss(best), default, len(done))


def _loss(done: FinishedTrial) -> float:
    return done.outcome.values[0]


def _spread(it: tuple[Any, ...] | Span) -> Categorical | FloatRange | IntRange:
    if not isinstance(it, Span):
        return Categorical(it)
    if isinstance(it.low, int) and isinstance(it.high, int):
        return IntRange(it.low, it.high, it.log)
    return FloatRange(it.low, it.high, it.log)


def _default(space: Mapping[str, Any]) -> dict[str, Any]:
    """The default recipe as parameters."""
    plain = msgspec.to_builtins(Recipe())
    plain["learners"] = "+".join(plain["learners"])
    return {name: plain[name] for name in space}
