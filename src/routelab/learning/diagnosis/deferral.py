"""Expected gain after an answer, compared with raw confidence as a reason to defer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from routelab.core import Floats
from routelab.errors import LearningError
from routelab.learning.diagnosis import ranking
from routelab.learning.diagnosis.estimates import Draws
from routelab.learning.diagnosis.ranking import Ranking
from routelab.learning.fit import crossfit
from routelab.learning.recipe import Recipe
from routelab.learning.targets import training_examples
from routelab.logs.model import Log


def after_answer(
    log: Log,
    pair: tuple[str, str],
    signals: Sequence[str],
    recipe: Recipe,
    *,
    seed: int,
    resamples: int,
) -> Ranking:
    """Judge the expected gain of asking the strong model once the weak one has answered.

    Cross-fitted; each raw signal is a baseline, where a missing one defers first.

    Args:
        log: rows on which both models of the pair (weak, strong) were observed.
    """
    column = log.column(pair[0])
    known = [name for name in signals if not np.isnan(log.signals[name][:, column]).all()]
    if not known:
        return ranking.nothing(f"no confidence signal of {pair[0]} was named and observed")
    squared = msgspec.structs.replace(recipe, loss="squared")
    try:
        made = training_examples(log, "gain", pair, signals=known)
        gain = crossfit(made, squared, seed=seed)[:, 0]
    except LearningError as error:
        return ranking.nothing(str(error))
    weak, strong = log.only(pair).quality.T
    baselines = {name: _doubt(log.signals[name][:, column]) for name in known}
    return ranking.rank(gain, weak, strong, baselines, Draws(made.groups, resamples, seed))


def _doubt(confidence: Floats) -> Floats:
    """The less confident the more; a missing signal is the greatest doubt."""
    doubt = -confidence
    return np.where(np.isnan(doubt), np.nanmax(doubt) + 1.0, doubt)
