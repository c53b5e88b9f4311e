"""The inputs of proposed policies: the searched rows, their scores, and mean costs of calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from routelab.core import Floats
from routelab.logs.model import Log
from routelab.replay import ComparisonSet, calls_usd
from routelab.tuning.kinds.scorer_fits import ScorerFits, frontier


@dataclass(frozen=True, eq=False)
class ProposalInputs:
    """The inputs of what kinds of policy propose: searched rows, fitted scorers, mean costs.

    Attributes:
        tune: rows, with scores by fits that never saw them.
        fits: of the scorers, on the same rows.
        models: candidates, cheapest first.
        frontier: those that no other beats in both quality and cost, at most six.
    """

    tune: ComparisonSet
    fits: ScorerFits
    models: tuple[str, ...]
    frontier: tuple[str, ...]

    def has(self, *scorers: str) -> bool:
        """Whether these scorers could be fitted."""
        return all(name in self.fits.fitted.scorers for name in scorers)

    def costs(self, models: Sequence[str], signals: tuple[str, ...] = ()) -> tuple[float, ...]:
        """Mean USD of a call with these signals, by model."""
        return tuple(_mean(self.fits.log, name, signals) for name in models)

    def chains(self, longest: int = 3) -> list[tuple[str, ...]]:
        """Chains of rising cost over the frontier."""
        lengths = range(2, longest + 1)
        return [chain for length in lengths for chain in combinations(self.frontier, length)]

    def prices(self, count: int) -> Floats:
        """(count,) qualities that a USD may be worth, from 0 to so much that only cost counts.

        (1,) zero where no model costs anything.
        """
        cost = np.array(self.costs(self.models))
        paid = cost[cost > 0]
        if not len(paid):
            return np.zeros(1)
        # At the low end a call of the dearest model costs half a point of quality, at the high end
        # one of the cheapest paid model twice the range of quality.
        return np.append(0.0, np.geomspace(0.005 / paid.max(), 2.0 / paid.min(), count - 1))


def setting(scored: ComparisonSet, fits: ScorerFits) -> ProposalInputs:
    """The inputs of proposals once everything is learned.

    Args:
        scored: rows to propose for, as fits scored them that never saw them.
        fits: who fitted the scorers.
    """
    return ProposalInputs(scored, fits, fits.models, frontier(fits.log, fits.models))


def _mean(log: Log, model: str, signals: tuple[str, ...]) -> float:
    return float(calls_usd(log, signals, (slice(None), log.column(model))).mean())
