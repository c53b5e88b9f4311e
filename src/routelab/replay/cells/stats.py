"""Sums by cell: they add over batches and partitions, and answer every threshold vector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.replay.cells.spec import Chain, Spec


class Totals(NamedTuple):
    """What every threshold vector of a chain comes to, summed over requests.

    Arrays are (groups, L1 + 1, ..., Lk + 1): an axis of groups, then one for each model that can
    be overruled, along its levels.

    Attributes:
        calls: made.
        cost_usd: USD of them all.
        quality: delivered.
        latency_s: seconds until delivery; None if not asked for.
    """

    calls: Floats
    cost_usd: Floats
    quality: Floats
    latency_s: Floats | None


@dataclass(frozen=True, eq=False)
class Stats:
    """What each call of each chain adds, by the levels reached before it.

    Attributes:
        spec: what was added up.
        calls: by chain, then by call s: (sums, groups, L1 + 1, ..., Ls + 1), with the sums in
            the order of `Spec.sums`. Whether a call follows is for the reader to say.
    """

    spec: Spec
    calls: tuple[tuple[Floats, ...], ...]

    @classmethod
    def empty(cls, spec: Spec) -> Stats:
        """Of no request."""
        return cls(
            spec,
            tuple(
                tuple(
                    np.zeros((len(spec.sums), spec.groups, *chain.shape(call)))
                    for call in range(len(chain.models))
                )
                for chain in spec.chains
            ),
        )

    def __add__(self, other: Stats) -> Stats:
        pairs = zip(self.calls, other.calls, strict=True)
        return Stats(
            self.spec,
            tuple(tuple(a + b for a, b in zip(mine, its, strict=True)) for mine, its in pairs),
        )

    @property
    def requests(self) -> int:
        """How many were added up."""
        return int(self.calls[0][0][0].sum())

    def totals(self, chain: Chain) -> Totals:
        """Cost and quality of every threshold vector of one of the chains."""
        calls = self.calls[self.spec.chains.index(chain)]
        found = np.zeros((0, 0))
        for call, added in enumerate(calls):
            count, cost, quality, given_up, *rest = added
            here = _missed(np.stack([count, cost, quality - given_up, *rest]), call)
            widened = here.reshape(here.shape + (1,) * (len(chain.levels) - call))
            found = widened if not call else found + widened
        return Totals(found[0], found[1], found[2], found[3] if self.spec.latency else None)


def merged(partials: Iterable[Stats]) -> Stats:
    """The sum, from first to last: the same partials give the same bits.

    Raises:
        ValueError: there is none.
    """
    listed = list(partials)
    if not listed:
        raise ValueError("no statistics to merge")
    return reduce(lambda one, other: one + other, listed)


def _missed(added: Floats, axes: int) -> Floats:
    """Sums over the requests that reach no more than each level: those it escalates."""
    for axis in range(added.ndim - axes, added.ndim):
        below = np.cumsum(added, axis=axis)
        added = below[(slice(None),) * axis + (slice(None, -1),)]
    return added
