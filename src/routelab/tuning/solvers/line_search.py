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

# A line search never lowers what the thresholds are worth, so that it is safe to stop early.
SWEEPS = 8
"""Passes through all stages of a chain, at most."""

PRICES = 16
"""Qualities per USD that each chain is solved at, beside 0, where cost does not count."""


class PricedStage(NamedTuple):
    """A model of a chain that may hand a request on, with its costs in units of quality.

    Attributes:
        quality, confidence: (n,) of its answers.
        paid: (n,) what its call costs: USD times the quality that a USD must buy.
        candidates: the thresholds to choose from.
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
    """Tuned cascades over chains of rising cost, one per chain and trade-off.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        thresholds: of each model, for this signal; a model without thresholds comes last only.
        steps: models of a chain, at most.
    """
    lambdas = [0.0, *prices(log, PRICES).tolist()]
    for chain in chains(log, thresholds, steps):
        solved = at_prices(log, signal, chain, thresholds, lambdas)
        distinct = {it.thresholds for it in solved}
        for chosen in sorted(distinct):
            yield Cascade(chain, chosen, signal)


def at_prices(
    log: Log,
    signal: str,
    chain: Sequence[str],
    thresholds: Mapping[str, ThresholdCandidates],
    lambdas: Sequence[float],
) -> Iterator[Ascended]:
    """One chain solved at each trade-off, from the median candidate of every threshold.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        chain: models, cheapest first.
        thresholds: threshold candidates of each model but the last.
        lambdas: qualities that a USD must buy.
    """
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
        stages: every model of the chain but the last.
        last: (n,) what a request brings that every stage hands on, minus the last call's cost:
            where that call fails, an earlier answer is delivered.
        thresholds: to begin with, one for each stage.
        sweeps: through all stages, at most; one that moves nothing is the last.
    """
    now, worth = list(thresholds), last
    for _ in range(sweeps):
        before, worth = list(now), last
        # Which requests get to a stage follows from the stages before it, which move after it in a
        # sweep; what handing on is worth follows from those behind it, which have just moved.
        here = reached([stage.confidence for stage in stages[:-1]], now, len(last))
        for at in reversed(range(len(stages))):
            stage = stages[at]
            # A request that never gets here gains nothing either way, wherever the threshold is.
            now[at] = stage.candidates.best(np.where(here[at], stage.quality - worth, 0.0))
            stops = stage.confidence >= now[at]  # false for NaN: a missing signal escalates
            worth = np.where(stops, stage.quality, worth) - stage.paid
        if now == before:
            break
    return Ascended(tuple(now), float(worth.mean()))


def reached(confidence: Sequence[Floats], thresholds: Sequence[float], n: int) -> list[Bools]:
    """Stage by stage, and after the last of them, (n,) whether a request gets there."""
    found = [np.ones(n, dtype=np.bool_)]
    for values, threshold in zip(confidence, thresholds, strict=False):
        found.append(found[-1] & ~(values >= threshold))
    return found
