"""Cascades tuned by exact line searches: what the randomised search starts from.

For a price lambda of a dollar in quality, the threshold of one stage that maximises mean
quality minus lambda times mean cost, with all others fixed, follows from one cumulative
sum. Stages are improved from last to first until none moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Bools, Floats
from routelab.logs.model import Log
from routelab.policies import Cascade
from routelab.replay.cells import delivered_last
from routelab.tuning.solvers.chains import MAX_STEPS, chains
from routelab.tuning.solvers.thresholds import ThresholdCandidates
from routelab.tuning.solvers.trade_offs import prices

SWEEPS = 8
PRICES = 16
"""Trade-offs tried for each chain, beside that of indifference to cost."""


class PricedStage(NamedTuple):
    """A model of a chain that may hand on, at a price of a dollar.

    Attributes:
        quality, confidence: (n,) of its answers.
        paid: (n,) what its call costs, in quality.
        candidates: thresholds to choose from.
    """

    quality: Floats
    confidence: Floats
    paid: Floats
    candidates: ThresholdCandidates


class Ascended(NamedTuple):
    """Thresholds that no line search improves, and mean quality minus cost at their price."""

    thresholds: tuple[float, ...]
    worth: float


def cascades(
    log: Log, signal: str, thresholds: Mapping[str, ThresholdCandidates], *, steps: int = MAX_STEPS
) -> Iterator[Cascade]:
    """Tuned cascades over chains of rising cost, one per chain and price.

    Args:
        thresholds: of each model, for this signal; a model without thresholds comes last only.
    """
    lambdas = [0.0, *prices(log, PRICES).tolist()]
    for chain in chains(log, thresholds, steps):
        found = {one.thresholds for one in at_prices(log, signal, chain, thresholds, lambdas)}
        for chosen in sorted(found):
            yield Cascade(chain, chosen, signal)


def at_prices(
    log: Log,
    signal: str,
    chain: Sequence[str],
    thresholds: Mapping[str, ThresholdCandidates],
    lambdas: Sequence[float],
) -> Iterator[Ascended]:
    """One chain solved at each of some prices, from the middle of every model's thresholds."""
    columns = [log.column(name) for name in chain]
    candidates = [thresholds[name] for name in chain[:-1]]
    quality = [log.quality[:, column] for column in columns[:-1]]
    confidence = [log.signals[signal][:, column] for column in columns[:-1]]
    spent = [log.cost_with(signal, (slice(None), column)) for column in columns[:-1]]
    delivered = delivered_last(log, signal, chain)
    start = [float(np.median(one.thresholds)) for one in candidates]
    for price in lambdas:
        paid = [price * cost for cost in spent]
        stages = list(map(PricedStage, quality, confidence, paid, candidates))
        yield ascend(stages, delivered - price * log.cost_usd[:, columns[-1]], start)


def ascend(
    stages: Sequence[PricedStage], last: Floats, thresholds: Sequence[float], sweeps: int = SWEEPS
) -> Ascended:
    """Improve thresholds, one for each stage, from last to first by exact line searches.

    Args:
        last: (n,) what a request brings that every stage hands on, minus the last call's cost:
            where that call fails, an earlier answer is delivered.
        sweeps: through all stages, at most; one that moves nothing is the last.
    """
    now, worth = list(thresholds), last
    for _ in range(sweeps):
        before, worth = list(now), last
        here = reached([stage.confidence for stage in stages[:-1]], now, len(last))
        for at in reversed(range(len(stages))):
            stage = stages[at]
            now[at] = stage.candidates.best(np.where(here[at], stage.quality - worth, 0.0))
            stops = stage.confidence >= now[at]
            worth = np.where(stops, stage.quality, worth) - stage.paid
        if now == before:
            break
    return Ascended(tuple(now), float(worth.mean()))


def reached(confidence: Sequence[Floats], thresholds: Sequence[float], n: int) -> list[Bools]:
    """PricedStage by stage, and after the last of them, (n,) whether a request gets there."""
    found = [np.ones(n, dtype=np.bool_)]
    for values, threshold in zip(confidence, thresholds, strict=False):
        found.append(found[-1] & ~(values >= threshold))
    return found
