"""What a pass over a log is asked to add up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from routelab.replay.cells.levels import Levels


class Chain(NamedTuple):
    """Models asked in turn, and the thresholds to tell apart.

    Attributes:
        models: (m,) in the order they are asked; m >= 2.
        levels: (m - 1,) of each model that can be overruled.
    """

    models: tuple[str, ...]
    levels: tuple[Levels, ...]

    @property
    def vectors(self) -> int:
        """Threshold vectors."""
        return int(np.prod([len(it) for it in self.levels], dtype=np.int64))

    def shape(self, call: int) -> tuple[int, ...]:
        """Cells of the confidences that decide whether this call is made."""
        return tuple(len(it) + 1 for it in self.levels[:call])


class Spec(NamedTuple):
    """What a pass adds up.

    Attributes:
        signal: the confidence compared by `>=`.
        chains: cascades over which models, at which thresholds.
        groups: how many groups are told apart; requests have labels 0 to groups - 1.
        latency: add up latencies too; NaN where one was not observed.
    """

    signal: str
    chains: tuple[Chain, ...]
    groups: int = 1
    latency: bool = False

    @property
    def sums(self) -> tuple[str, ...]:
        """What is added up for each call in each cell."""
        always = ("requests", "cost_usd", "quality", "given_up")
        return (*always, "latency_s") if self.latency else always

    @property
    def nbytes(self) -> int:
        """Bytes of the statistics."""
        cells = sum(
            int(np.prod(chain.shape(call), dtype=np.int64))
            for chain in self.chains
            for call in range(len(chain.models))
        )
        return 8 * cells * self.groups * len(self.sums)
