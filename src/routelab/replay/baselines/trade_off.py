"""A router along its trade-off of expected quality against expected cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from routelab.core import Floats, Ints
from routelab.replay.baselines.outcome import BaselineOutcome
from routelab.replay.result import Replay

PRICES = 120
"""Lambdas over nine decades."""

ROUNDING, NOTHING = 1e-15, 1e-4
"""Of the range of costs, what is rounding; of that of qualities, what is next to nothing."""


class Expectation(NamedTuple):
    """What is expected of every model on requests of k sorts.

    Attributes:
        quality, cost_usd: (k, m).
        sort: (n,) of each request.
    """

    quality: Floats
    cost_usd: Floats
    sort: Ints


@dataclass(frozen=True, eq=False)
class TradeOff:
    """The model of largest expected quality minus lambda times expected cost, for many lambdas.

    Attributes:
        quality, cost_usd: (n, m) what each candidate alone comes to.
        sort: (n,) of each request; chosen: (lambdas, k) model for each sort, the largest lambda
            first.
        spent: (lambdas,) USD a request.
    """

    quality: Floats
    cost_usd: Floats
    sort: Ints
    chosen: Ints
    spent: Floats

    def at(self, cost_usd: float) -> BaselineOutcome:
        """The two lambdas that spend just less and just more than this a request, mixed."""
        over = np.flatnonzero(self.spent > cost_usd)
        above = int(over[0]) if len(over) else len(self.spent) - 1
        below = above - 1 if len(over) else above
        low, high = self._outcome(max(below, 0)), self._outcome(above)
        least, most = low.cost_usd.mean(), high.cost_usd.mean()
        share = (cost_usd - least) / (most - least) if below >= 0 and most > least else 0.0
        return low.mixed(high, float(np.clip(share, 0.0, 1.0)))

    def _outcome(self, at: int) -> BaselineOutcome:
        rows, models = np.arange(len(self.sort)), self.chosen[at][self.sort]
        return BaselineOutcome(self.quality[rows, models], self.cost_usd[rows, models])


def trade_off(expected: Expectation, fixed: list[Replay]) -> TradeOff:
    """A router that goes by what is expected.

    Args:
        expected: of the candidates.
        fixed: what each of them alone does.
    """
    quality = np.column_stack([replay.quality for replay in fixed])
    cost = np.column_stack([replay.cost_usd for replay in fixed])
    sorts, n = len(expected.quality), len(cost)
    spent_by = (
        np.column_stack([np.bincount(expected.sort, column, minlength=sorts) for column in cost.T])
        / n
    )
    every = np.arange(sorts)
    chosen, spent = [], []
    for price in _prices(expected.quality, expected.cost_usd):
        models = np.argmax(expected.quality - price * expected.cost_usd, axis=1)
        chosen.append(models.astype(np.int16))
        spent.append(spent_by[every, models].sum())
    return TradeOff(quality, cost, expected.sort, np.array(chosen), np.array(spent))


def _prices(quality: Floats, cost: Floats) -> Floats:
    """Lambdas from so high that only cost counts, each 16 % below the last, down to zero.

    The least difference of two costs, which tells where only cost counts, may be the noise of
    rounding or of many tasks. So the lambdas end where the whole range of costs is worth next to
    nothing, however far that is.
    """
    spread = float(np.ptp(quality)) or 1.0
    range_usd = float(np.ptp(cost))
    if not range_usd:
        return np.zeros(1)
    step = max(float(np.min(np.diff(np.unique(cost)))), ROUNDING * range_usd)
    top = 2.0 * spread / step
    most = NOTHING * spread / range_usd
    ratio = 1e-9 ** (1 / (PRICES - 1))
    further = max(0, math.ceil(math.log(most / (top * 1e-9)) / math.log(ratio)))
    lower = top * 1e-9 * ratio ** np.arange(1, further + 1)
    return np.concatenate([np.geomspace(top, top * 1e-9, PRICES), lower, [0.0]])
