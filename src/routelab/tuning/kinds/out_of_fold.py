"""The train part with scores of fits that never saw the row they score.

A scorer flatters the rows that it was fitted on. The cross-fitting that weighs its learners
yields a score for each of them by a fit on the others, and with those a policy can be searched
on the train part as honestly as on new requests.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from routelab.core import AnswerQuery, Floats, LazyMapping
from routelab.logs.model import Log
from routelab.replay import ComparisonSet, RequestCache
from routelab.tuning.kinds.scorer_fits import ScorerFits


class _Unseen(RequestCache):
    def __init__(self, log: Log, fits: ScorerFits) -> None:
        super().__init__(log, fits.fitted.scoring())
        self._fits = fits
        self.scores = LazyMapping(lambda name: fits.fitted.held_out[name])
        self.after = LazyMapping(self._answered)

    def _answered(self, asked: AnswerQuery) -> Floats:
        """Examples after an answer are model by model, in the order of the fits' few."""
        at = self._fits.few.index(self.log.models[asked.model])
        n = len(self.log)
        return self._fits.fitted.held_out[asked.scorer][at * n : (at + 1) * n]


def unseen(train: ComparisonSet, fits: ScorerFits) -> ComparisonSet | None:
    """The train part, scored as new; None where a scorer was not fitted on all of its rows.

    Args:
        train: rows that the scorers were fitted on.
        fits: who fitted them, and kept the scores of rows held out of each fold's fit.
    """
    held_out = fits.fitted.held_out.values()
    n = len(train.log)
    if any(len(scores) % n or np.isnan(scores).all(axis=1).any() for scores in held_out):
        return None
    comparison = replace(train, scoring=fits.fitted.scoring())
    vars(comparison)["cache"] = _Unseen(comparison.log, fits)
    return comparison
