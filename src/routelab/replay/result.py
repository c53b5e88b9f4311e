"""What a policy did on every request of a log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from routelab.core import Bools, Floats, Ints
from routelab.core.messages import short_repr


@short_repr
@dataclass(frozen=True, eq=False)
class Replay:
    """What a policy did on every request (n) of a log.

    Attributes:
        models: (m,) names of the columns that `answered` counts in.
        answered: (n,) column of the model whose answer was delivered; -1 for none.
        quality: (n,) of the delivered answer, in [0, 1]; 0 for none, NaN where the log cannot say.
        cost_usd: (n,) USD of all calls, discarded ones and signals included, in call order; NaN
            where the log cannot say.
        latency_s: (n,) seconds until delivery; NaN if not observed.
        calls: (n,) calls made.
    """

    models: tuple[str, ...]
    answered: Ints
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    calls: Ints

    def __len__(self) -> int:
        return len(self.answered)

    @property
    def covered(self) -> Bools:
        """(n,) whether the log holds all that the policy asked for."""
        return ~(np.isnan(self.quality) | np.isnan(self.cost_usd))

    def take(self, rows: Ints) -> Replay:
        """These requests (k,), in this order."""
        return Replay(
            self.models,
            self.answered[rows],
            self.quality[rows],
            self.cost_usd[rows],
            self.latency_s[rows],
            self.calls[rows],
        )


def joined(parts: Sequence[tuple[Ints, Replay]]) -> Replay:
    """Replays of different rows as one, by ascending row.

    Args:
        parts: rows (k,) of each, no row twice, and what was done on them, all of the same models.
    """
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    replays = [it for _, it in parts]
    return Replay(
        replays[0].models,
        np.concatenate([it.answered for it in replays])[order],
        np.concatenate([it.quality for it in replays])[order],
        np.concatenate([it.cost_usd for it in replays])[order],
        np.concatenate([it.latency_s for it in replays])[order],
        np.concatenate([it.calls for it in replays])[order],
    )


def nothing_yet(models: tuple[str, ...], n: int) -> Replay:
    """A replay of n requests that nobody has answered and nothing was spent on."""
    return Replay(
        models,
        np.full(n, -1, dtype=np.int64),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
    )
