"""An account of a recipe on a log: ranking and calibration, also on tasks it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from routelab.core import Floats, Ints
from routelab.core.messages import short_repr
from routelab.errors import LearningError
from routelab.learning import calibration, ensemble, folds
from routelab.learning.design import Design
from routelab.learning.diagnosis import correctness, ranking
from routelab.learning.diagnosis.correctness import Correctness
from routelab.learning.diagnosis.deferral import after_answer
from routelab.learning.diagnosis.estimates import Draws
from routelab.learning.diagnosis.importance import Importance, important
from routelab.learning.diagnosis.ranking import Ranking
from routelab.learning.diagnosis.statement import learned_the_task, statement
from routelab.learning.examples import Examples
from routelab.learning.fit import crossfit_on
from routelab.learning.recipe import Recipe
from routelab.learning.targets import training_examples
from routelab.logs.model import Log, Split
from routelab.signals.features import text_of

FOLDS = 5
"""Folds of every cross-fit here."""

WEIGHED_ON = 2
"""Folds inside each of them that weigh the learners: four take twice the time, and rank no better
(APGR of .708 either way on RouteLLM's MMLU)."""

RESAMPLES = 200
"""Resamples of groups for each interval."""


@short_repr
class LearningAccount(msgspec.Struct, frozen=True):
    """How well a recipe's P(success) ranks requests for a weak and a strong model; plain data.

    Attributes:
        weak, strong: the pair; the gain of a request is P(strong) - P(weak).
        n: rows on which both models were observed.
        recipe: that was judged.
        random: cross-fitted over the whole log, groups kept together.
        leave_task_out: cross-fitted with whole tasks left out.
        test: fitted on the train part, judged on the test part.
        after_answer: gain once the weak model has answered, with raw confidence beside it.
        correctness: calibration and AUROC by model, cross-fitted as `random`.
        important: features, the most important first.
        learned_task: most of the lead over random routing is gone on unseen tasks; None where
            that cannot be said.
        statement: that, in words.
    """

    weak: str
    strong: str
    n: int
    recipe: Recipe
    random: Ranking
    leave_task_out: Ranking
    test: Ranking
    after_answer: Ranking
    correctness: Mapping[str, Correctness]
    important: tuple[Importance, ...]
    learned_task: bool | None
    statement: str

    def headline(self) -> dict[str, Any]:
        """`apgr`, `apgr_test`, `cpt50`, `cpt80`, their `_ci`, and `apgr_reason`."""
        figures = {
            "apgr": self.random.apgr,
            "apgr_test": self.test.apgr,
            "cpt50": self.random.cpt50,
            "cpt80": self.random.cpt80,
        }
        values: dict[str, Any] = {name: figure.value for name, figure in figures.items()}
        cis = {f"{name}_ci": figure.ci for name, figure in figures.items()}
        return {**values, **cis, "apgr_reason": self.random.apgr.reason or None}


def account(
    log: Log,
    *,
    weak: str,
    strong: str,
    recipe: Recipe | None = None,
    split: Split | None = None,
    signals: Sequence[str] = (),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> LearningAccount:
    """Judge a recipe on a pair of models; what cannot be judged says why.

    Args:
        log: (n, m) outcomes.
        weak, strong: models of the log; the gain of a request is P(strong) - P(weak).
        recipe: how the scorer is made; None takes the default.
        split: of this very log; None leaves `test` empty.
        signals: confidence for `after_answer`.
        seed: of folds, learners and resamples.
        resamples: of groups, for intervals.
    Raises:
        LogError: a model that the log lacks.
    """
    chosen = recipe or Recipe()
    quick = msgspec.structs.replace(chosen, folds=min(chosen.folds, WEIGHED_ON))
    pair = (weak, strong)
    there = np.flatnonzero(~np.isnan(log.only(pair).quality).any(axis=1))
    there = there[ensemble.thin(len(there), chosen.most_rows, seed)]
    try:
        made = training_examples(log.take(there), "quality", pair)
        trial = _Trial(made, quick, seed, resamples)
        fold = folds.by_group(made.groups, FOLDS, seed)
        scores, first = crossfit_on(trial.design, fold, seed)
    except LearningError as error:
        return _empty(pair, chosen, str(error))
    # In domain a scorer's figures mostly measure how well it recognises the task (APGR of hashed
    # words on MMLU: .65, and .52 with whole subjects left out), so both are reported.
    at_random = trial.rank(scores, fold)
    left_out = trial.leave_task_out()
    return LearningAccount(
        weak,
        strong,
        len(made),
        chosen,
        at_random,
        left_out,
        _test(trial, split, there),
        after_answer(log.take(there), pair, signals, quick, seed=seed, resamples=resamples),
        trial.correctness(scores, fold),
        important(trial.design, first, np.flatnonzero(fold == 0), seed),
        learned_the_task(at_random, left_out),
        statement(at_random, left_out),
    )


class _Trial:
    """Examples of a pair and the scores that need no learning."""

    def __init__(self, made: Examples, recipe: Recipe, seed: int, resamples: int) -> None:
        self.made, self.design, self.seed = made, Design(made, recipe), seed
        self.draws = Draws(made.groups, resamples, seed)

    def rank(self, scores: Floats, fold: Ints) -> Ranking:
        """Judge cross-fitted scores (n, 2)."""
        return self._rank(scores, np.arange(len(self.made)), self._task_mean(fold))

    def leave_task_out(self) -> Ranking:
        try:
            fold = folds.by_task(self.made.tasks, FOLDS, self.seed)
            scores, _ = crossfit_on(self.design, fold, self.seed)
        except LearningError as error:
            return ranking.nothing(str(error))
        return self.rank(scores, fold)

    def test(self, train: Ints, test: Ints) -> Ranking:
        """Fit on some rows, judge on others."""
        try:
            scores = ensemble.fit(self.design, train, self.seed).predict(self.design, test)
        except LearningError as error:
            return ranking.nothing(str(error))
        means = self._prior(train, test) if any(self.made.tasks) else None
        return self._rank(scores, test, means)

    def correctness(self, scores: Floats, fold: Ints) -> dict[str, Correctness]:
        """Judge cross-fitted scores (n, 2) as probabilities, each model's calibrated apart.

        A reader wants probabilities that come true; a router wants differences between models,
        which such calibration harms, so that what ships is not calibrated.
        """
        kind = self.design.recipe.calibrator
        calibrated = np.clip(scores, 0.0, 1.0)
        if kind == "none":
            calibrated = calibration.crossfit("auto", calibrated, self.made.labels, fold)
        return {
            name: correctness.judge(calibrated[:, column], self.made.labels[:, column], self.draws)
            for column, name in enumerate(self.made.outputs)
        }

    def _rank(self, scores: Floats, rows: Ints, task_mean: Floats | None) -> Ranking:
        weak, strong = self.made.labels[rows].T
        # Both need no learning, and published routers hardly beat the length of the prompt.
        baselines = {}
        if self.made.has_text:
            baselines["prompt length"] = self._length()[rows]
        if task_mean is not None:
            baselines["task mean"] = task_mean
        gain = scores[:, 1] - scores[:, 0]
        return ranking.rank(gain, weak, strong, baselines, self.draws.take(rows))

    def _length(self) -> Floats:
        of_request = [float(len(text_of(request))) for request in self.made.requests]
        return np.array(of_request)[self.made.request_of]

    def _task_mean(self, fold: Ints) -> Floats | None:
        """(n,) mean gain of the request's task on the other folds; the overall mean if new."""
        if not any(self.made.tasks):
            return None
        gain = np.empty(len(self.made))
        for here, there in folds.each(fold):
            gain[there] = self._prior(here, there)
        return gain

    def _prior(self, here: Ints, there: Ints) -> Floats:
        known: dict[str, list[float]] = {}
        gains = self.made.labels[:, 1] - self.made.labels[:, 0]
        for row in here.tolist():
            known.setdefault(self.made.tasks[row], []).append(gains[row])
        overall = float(gains[here].mean())
        means = {task: sum(values) / len(values) for task, values in known.items()}
        return np.array([means.get(self.made.tasks[row], overall) for row in there.tolist()])


def _test(trial: _Trial, split: Split | None, there: Ints) -> Ranking:
    if split is None:
        return ranking.nothing("the log was not split")
    train, test = (np.flatnonzero(np.isin(there, split.rows(part))) for part in ("train", "test"))
    if not len(test):
        return ranking.nothing("the test part has no row with both models")
    return trial.test(train, test)


def _empty(pair: tuple[str, str], recipe: Recipe, reason: str) -> LearningAccount:
    nothing = ranking.nothing(reason)
    return LearningAccount(
        *pair, 0, recipe, nothing, nothing, nothing, nothing, {}, (), None, reason
    )
