"""The exact solvers over a log in many files: a grid for every chain, from one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from routelab.core import Floats
from routelab.policies import Cascade
from routelab.replay.cells import Chain, Levels, Spec
from routelab.replay.partitions import PartitionPart, ThresholdSample
from routelab.stats import thinned
from routelab.tuning.kinds import ThresholdsByModel
from routelab.tuning.partitions.scan import SAMPLE, Scan
from routelab.tuning.solvers import ThresholdCandidates, chains_of, grid, threshold_candidates

POINTS = 100
"""Points of the front that are replayed, at most."""

_ANY = threshold_candidates(np.arange(2.0))

PAIR, LONGER = 1000, 64
"""Thresholds tried for each model: of chains of two, and of longer ones."""


def thresholds(found: ThresholdSample, models: Sequence[str]) -> ThresholdsByModel:
    """Thresholds by signal and model, for signals that tell any sampled answers apart."""
    every = {
        (signal, model): threshold_candidates(values[:, at])
        for signal, values in found.confidence.items()
        for at, model in enumerate(models)
    }
    usable = {signal for (signal, _), it in every.items() if it}
    return {key: it for key, it in every.items() if key[0] in usable}


def check_size(models: Sequence[str], levels: int | None) -> None:
    """Refuse a grid that would not fit into memory, before anything is added up.

    Raises:
        TuningError: it says how many levels would fit.
    """
    each = min(levels or LONGER, SAMPLE)
    every = chains_of(models, np.arange(float(len(models))), dict.fromkeys(models, _ANY))
    longest = max(len(chain) for chain in every) - 1
    cells = sum((each + 1) ** call for chain in every for call in range(len(chain)))
    grid.check_size(each, longest, 8 * 4 * cells)


def cascades(
    scan: Scan,
    parts: Sequence[PartitionPart],
    sample: ThresholdSample,
    thresholds: ThresholdsByModel,
    levels: int | None,
) -> list[Cascade]:
    """Cascades along the front of all chains and signals, `POINTS` at most.

    Raises:
        TuningError: the grid does not fit into memory.
    """
    models = parts[0].candidates
    signals = dict.fromkeys(signal for signal, _ in thresholds)
    mean_cost = sample.cost_usd / sample.requests
    specs = [
        Spec(signal, _chains(models, mean_cost, {m: thresholds[signal, m] for m in models}, levels))
        for signal in signals
    ]
    usable = tuple(grid.checked(spec) for spec in specs if spec.chains)
    if not usable:
        return []
    solved = (
        grid.solved(stats, chain)
        for stats in scan.tally(parts, usable)
        for chain in stats.spec.chains
    )
    best = sorted(grid.best_of_chains(solved), key=lambda point: point.cost)
    return [point.policy for point in thinned(best, POINTS)]


def _chains(
    models: Sequence[str],
    mean_cost: Floats,
    of: Mapping[str, ThresholdCandidates],
    levels: int | None,
) -> tuple[Chain, ...]:
    made: dict[tuple[str, int], Levels] = {}

    def spread(model: str, count: int) -> Levels:
        if (model, count) not in made:
            made[model, count] = grid.spread(of[model], count)
        return made[model, count]

    return tuple(
        Chain(chain, tuple(spread(m, levels or _levels(chain)) for m in chain[:-1]))
        for chain in chains_of(models, mean_cost, of)
    )


def _levels(chain: Sequence[str]) -> int:
    return PAIR if len(chain) == 2 else LONGER
