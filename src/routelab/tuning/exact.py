"""Cascades tuned by exact line searches: what the randomised search starts from.

For a price lambda of a dollar in quality, the threshold of one stage that maximises mean
quality minus lambda times mean cost, with all others fixed, follows from one cumulative
sum. Stages are improved from last to first until none moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from routelab.core.table import Bools, Floats
from routelab.logs.log import Log
from routelab.policies import Cascade
from routelab.tuning.chains import MAX_STEPS, chains
from routelab.tuning.dial import Dial
from routelab.tuning.prices import prices

SWEEPS = 8
PRICES = 16
"""Trade-offs tried for each chain, beside that of indifference to cost."""


def cascades(
    log: Log, signal: str, dials: Mapping[str, Dial], *, steps: int = MAX_STEPS
) -> Iterator[Cascade]:
    """Tuned cascades over chains of rising cost, one per chain and price.

    Args:
        dials: of each model, for this signal; a model without thresholds comes last only.
    """
    lambdas = [0.0, *prices(log, PRICES).tolist()]
    for chain in chains(log, dials, steps):
        found = {tuple(ascend(log, signal, chain, dials, price)) for price in lambdas}
        for thresholds in sorted(found):
            yield Cascade(chain, thresholds, signal)


def ascend(
    log: Log, signal: str, chain: Sequence[str], dials: Mapping[str, Dial], price: float
) -> list[float]:
    """Thresholds of one chain, at a price of one dollar in quality."""
    columns = [log.column(name) for name in chain]
    quality = [log.quality[:, column] for column in columns]
    paid = [price * log.cost_with(signal, (slice(None), column)) for column in columns[:-1]]
    last = quality[-1] - price * log.cost_usd[:, columns[-1]]
    confidence = [log.signals[signal][:, column] for column in columns[:-1]]
    thresholds = [float(np.median(dials[name].thresholds)) for name in chain[:-1]]
    for _ in range(SWEEPS):
        before = list(thresholds)
        worth = last
        reached = _reached(confidence, thresholds)
        for stage in reversed(range(len(chain) - 1)):
            gain = np.where(reached[stage], quality[stage] - worth, 0.0)
            thresholds[stage] = dials[chain[stage]].best(gain)
            stops = confidence[stage] >= thresholds[stage]
            worth = np.where(stops, quality[stage], worth) - paid[stage]
        if thresholds == before:
            break
    return thresholds


def _reached(confidence: Sequence[Floats], thresholds: Sequence[float]) -> list[Bools]:
    """Stage by stage, (n,) whether a request gets there."""
    reached = [np.ones(len(confidence[0]), dtype=np.bool_)]
    for values, threshold in zip(confidence, thresholds, strict=True):
        reached.append(reached[-1] & ~(values >= threshold))
    return reached
