"""Cascades tuned on a grid of thresholds: the front between the points that prices reach.

Line searches at a price find the corners of the hull only, and a cost bound may fall far
from the next corner. Of two models every threshold is tried; for longer chains one pass of
sufficient statistics answers every point of a grid.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from routelab.core import Floats
from routelab.errors import TuningError
from routelab.logs.model import Log
from routelab.metrics import pareto
from routelab.policies import Cascade
from routelab.replay.cells import Chain, Levels, Spec, Stats, kernel
from routelab.stats import evenly, thinned
from routelab.tuning.solvers import two_models
from routelab.tuning.solvers.chains import MAX_STEPS, chains
from routelab.tuning.solvers.thresholds import ThresholdCandidates

# One pass of sums answered 1.06 million vectors of four models on a million requests in .73 s,
# where scanning answers 54 to 170 vectors a second: a grid is worth its memory.
POINTS = 4096
"""Threshold vectors tried for each chain of three models and more: 64 x 64 of three."""

# A front of one chain may have as many points as its signal has values, and each is replayed.
FRONT = 1000
"""Points of a front that are kept, at most."""

MOST_BYTES = 1 << 30
"""Bytes of statistics that a process may hold at once: one gibibyte."""


class GridCascade(NamedTuple):
    """A cascade with its sums over the log.

    Attributes:
        cost: USD, summed over all requests, discarded answers included.
        quality: of the delivered answers, summed over all requests.
        policy: the cascade.
    """

    cost: float
    quality: float
    policy: Cascade


class ChainFront(NamedTuple):
    """The non-dominated cascades of one chain, by rising cost, before any is made a policy.

    Attributes:
        models: of the chain, cheapest first.
        signal: confidence signal that every threshold is of.
        thresholds: (k, len(models) - 1).
        cost, quality: (k,) sums over the log, as of `GridCascade`.
    """

    models: tuple[str, ...]
    signal: str
    thresholds: Floats
    cost: Floats
    quality: Floats

    def points(self, at: Iterable[int] | None = None) -> Iterator[GridCascade]:
        """All of them, or those at some places."""
        for row in range(len(self.cost)) if at is None else at:
            policy = Cascade(self.models, tuple(self.thresholds[row].tolist()), self.signal)
            yield GridCascade(float(self.cost[row]), float(self.quality[row]), policy)


def cascades(
    log: Log, signal: str, thresholds: Mapping[str, ThresholdCandidates], *, steps: int = MAX_STEPS
) -> Iterator[Cascade]:
    """The non-dominated cascades of all chains, on a grid of thresholds for each chain.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        thresholds: threshold candidates of each model, for this signal.
        steps: models of a chain, at most.
    Raises:
        TuningError: the grid does not fit into memory.
    """
    fronts = (chain_front(log, signal, it, thresholds) for it in chains(log, thresholds, steps))
    for point in thinned(best_of_chains(fronts), FRONT):
        yield point.policy


def best_of_chains(fronts: Iterable[ChainFront]) -> list[GridCascade]:
    """`best` of all points of some chains, of which no other is made a policy."""
    listed = [it for it in fronts if len(it.cost)]
    if not listed:
        return []
    kept = pareto(*(np.concatenate(it) for it in zip(*(one[-2:] for one in listed), strict=True)))
    ends = np.cumsum([len(it.cost) for it in listed])
    return [
        point
        for it, mine in zip(listed, np.split(kept, ends[:-1]), strict=True)
        for point in it.points(np.flatnonzero(mine).tolist())
    ]


def best(found: Iterable[GridCascade]) -> list[GridCascade]:
    """The cascades that no other one beats in both cost and quality, in the order given."""
    listed = list(found)
    if not listed:
        return []
    kept = pareto([one.cost for one in listed], [one.quality for one in listed])
    return [one for one, keep in zip(listed, kept, strict=True) if keep]


def of_chain(
    log: Log, signal: str, chain: tuple[str, ...], thresholds: Mapping[str, ThresholdCandidates]
) -> Iterator[GridCascade]:
    """The non-dominated cascades of one chain, by rising cost.

    Args:
        log: rows to tune on.
        signal: confidence signal that every threshold is of.
        chain: models, cheapest first.
        thresholds: threshold candidates of each model but the last.
    Raises:
        TuningError: the grid does not fit into memory.
    """
    yield from chain_front(log, signal, chain, thresholds).points()


def chain_front(
    log: Log, signal: str, chain: tuple[str, ...], thresholds: Mapping[str, ThresholdCandidates]
) -> ChainFront:
    """As `of_chain`, in arrays."""
    # One threshold is solved exactly, at the price of a sort; a grid would only lose points.
    if len(chain) == 2:
        exact = two_models.front(log, signal, (chain[0], chain[1]), thresholds[chain[0]])
        at = evenly(len(exact.thresholds), FRONT)
        cuts = exact.thresholds[at, None]
        return ChainFront(chain, signal, cuts, exact.cost_usd[at], exact.quality[at])
    # The same number of vectors for any length, so that a chain takes about as long as another.
    each = max(2, int(POINTS ** (1 / (len(chain) - 1))))
    levels = tuple(spread(thresholds[name], each) for name in chain[:-1])
    spec = checked(Spec(signal, (Chain(chain, levels),)))
    return solved(kernel(log, spec), spec.chains[0])


def solved(stats: Stats, chain: Chain) -> ChainFront:
    """The non-dominated threshold vectors of one chain."""
    totals = stats.totals(chain)
    cost, quality = totals.cost_usd[0], totals.quality[0]
    kept = np.flatnonzero(pareto(cost.ravel(), quality.ravel()))
    kept = kept[np.argsort(cost.ravel()[kept], kind="stable")]
    kept = kept[evenly(len(kept), FRONT)]
    index = np.unravel_index(kept, cost.shape)
    cuts = [edges.values[i] for edges, i in zip(chain.levels, index, strict=True)]
    return ChainFront(
        chain.models, stats.spec.signal, np.column_stack(cuts), cost[index], quality[index]
    )


def spread(candidates: ThresholdCandidates, count: int) -> Levels:
    """At most `count` of the candidates, at even shares of accepted answers.

    Args:
        candidates: (c,) candidates of one model; even steps among them put most levels where most
            confidences are.
        count: levels wanted.
    """
    picked = evenly(len(candidates.thresholds), count)
    return Levels(np.asarray(candidates.thresholds[picked][::-1]))


def checked(spec: Spec, most_bytes: int = MOST_BYTES) -> Spec:
    """The spec, if its statistics fit into memory.

    Raises:
        TuningError: they do not; it says how many levels a model would.
    """
    longest = max(len(chain.levels) for chain in spec.chains)
    most = max(len(levels) for chain in spec.chains for levels in chain.levels)
    check_size(most, longest, spec.nbytes, most_bytes)
    return spec


def check_size(levels: int, thresholds: int, nbytes: int, most_bytes: int = MOST_BYTES) -> None:
    """Refuse a grid that does not fit into memory.

    Args:
        levels: of each threshold.
        thresholds: of the longest chain.
        nbytes: of the statistics.
        most_bytes: that may be used.
    Raises:
        TuningError: it says how many levels would fit.
    """
    needed = 4 * nbytes  # prefix sums hold the statistics of one chain about three times
    if needed <= most_bytes:
        return
    # So many thresholds cut the confidences of a model into levels + 1 bins, and cells are the bins
    # of one model times those of the next. One level less again, as roots are rounded.
    fits = int((levels + 1) * (most_bytes / needed) ** (1 / thresholds)) - 2
    raise TuningError(
        f"a grid of {levels:,} levels for each of {thresholds} thresholds takes"
        f" {needed / 1e9:,.1f} GB, and {most_bytes / 1e9:,.1f} GB may be used:"
        f" {max(fits, 1):,} levels fit, or fewer models"
    )
