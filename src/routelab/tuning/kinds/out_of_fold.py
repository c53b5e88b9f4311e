"""Rows with scores of fits that never saw the row they score.

A scorer flatters the rows that it was fitted on. The cross-fitting that weighs its learners
yields a score for each of them by a fit on the others, and with those a policy can be searched
on the very rows that the scorers learn from, as honestly as on new requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from routelab.core import AnswerQuery, Floats, Ints, LazyMapping
from routelab.logs.model import Log
from routelab.replay import ComparisonSet, RequestCache
from routelab.tuning.kinds.scorer_fits import ScorerFits


class _Unseen(RequestCache):
    def __init__(self, log: Log, fits: ScorerFits, place: Ints) -> None:
        super().__init__(log, fits.fitted.scoring())
        self._fits, self._place = fits, place
        self.scores = LazyMapping(
            lambda name: self._filled(name, 0, lambda cache: cache.scores[name])
        )
        self.after = LazyMapping(self._answered)

    def _answered(self, asked: AnswerQuery) -> Floats:
        """Examples after an answer are model by model, in the order of the fits' few."""
        at = self._fits.few.index(self.log.models[asked.model])
        return self._filled(asked.scorer, at, lambda cache: cache.after[asked])

    def _filled(self, scorer: str, at: int, shipped: Callable[[RequestCache], Floats]) -> Floats:
        """(n, k) scores by fits without the row; rows that no fit saw take those of the scorer."""
        n = len(self._fits.log)
        held_out = self._fits.fitted.held_out[scorer][at * n : (at + 1) * n]
        found = np.full((len(self.log), held_out.shape[1]), np.nan)
        known = self._place >= 0
        found[known] = held_out[self._place[known]]
        left = np.flatnonzero(np.isnan(found).all(axis=1))
        if len(left):
            found[left] = shipped(RequestCache(self.log.take(left), self.scoring))
        return found


def unseen(rows: ComparisonSet, fits: ScorerFits, place: Ints) -> ComparisonSet:
    """Rows, scored as if they were new.

    Args:
        rows: to score (n).
        fits: who fitted the scorers, and kept the scores of rows held out of each fold's fit.
        place: (n,) of each row among those that the scorers were fitted on; -1 for the others.
    """
    comparison = replace(rows, scoring=fits.fitted.scoring())
    vars(comparison)["cache"] = _Unseen(comparison.log, fits, place)
    return comparison
