"""Gain cascade: ask the next model while its expected gain is worth its price.

For one chain the expected gain of the next model is a signal like any other, less of it being
more confident, so a grid of thresholds on it is answered by the sums that tune plain cascades.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from routelab.core import AnswerQuery
from routelab.logs.model import Log
from routelab.policies import GainCascade
from routelab.replay import calls_usd
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits, named
from routelab.tuning.solvers import GridCascade, grid, supported_points, threshold_candidates

# On the gain, not on confidence alone: it reached .88 to .995 of the oracle's deferral area where
# raw confidence reached .5 to .9.
GAIN = "gain"
CALM = "minus the expected gain"


class _Way(NamedTuple):
    """A scorer of gain and the signals that it reads."""

    scorer: str
    signals: tuple[str, ...]


def learn(fits: ScorerFits) -> None:
    """Have the gain after an answer learned, with and without each confidence signal."""
    for signals in fits.signal_sets():
        fits.fit(named(GAIN, signals), "gain", signals=signals)


def propose(here: ProposalInputs) -> Iterator[GainCascade]:
    """The non-dominated ones over chains of the frontier, sets of signals and margins."""
    found = {
        id(one): (way, one)
        for chain in here.chains()
        for way in _ways(here)
        for one in _of_chain(here, chain, way)
    }
    best = grid.best(one for _, one in found.values())
    for one in sorted(best, key=lambda it: it.cost):
        yield _policy(here, found[id(one)][0], one)


def parted(here: ProposalInputs, models: Sequence[str]) -> Iterator[GainCascade]:
    """For every chain of some models, what is best at each price, whatever the signals."""
    for chain in replace(here, frontier=tuple(models)).chains():
        found = {id(one): (way, one) for way in _ways(here) for one in _of_chain(here, chain, way)}
        for one in supported_points((it for _, it in found.values()), here.tune.log):
            yield _policy(here, found[id(one)][0], one)


def _ways(here: ProposalInputs) -> list[_Way]:
    sets = here.fits.signal_sets()
    ways = [_Way(named(GAIN, signals), signals) for signals in sets]
    return [way for way in ways if here.has(way.scorer)]


def _of_chain(here: ProposalInputs, chain: tuple[str, ...], way: _Way) -> list[GridCascade]:
    log = _calm(here, chain, way)
    thresholds = {
        name: threshold_candidates(log.signals[CALM][:, log.column(name)]) for name in chain[:-1]
    }
    return list(grid.of_chain(log, CALM, chain, thresholds)) if all(thresholds.values()) else []


def _calm(here: ProposalInputs, chain: tuple[str, ...], way: _Way) -> Log:
    """The chain's outcomes, with what deferring is expected to lose as the only signal."""
    cache, whole = here.tune.cache, here.tune.log
    log = whole.only(chain)
    values = np.full_like(log.quality, np.nan)
    for index, (name, following) in enumerate(pairwise(chain)):
        predicted = cache.after[AnswerQuery(way.scorer, whole.column(name), way.signals)]
        gain = predicted[:, cache.outputs[way.scorer].index(following)]
        values[:, index] = np.where(log.error[:, index], np.nan, -gain)
    extra = calls_usd(log, way.signals, (slice(None), slice(None))) - log.cost_usd
    return replace(log, signals={CALM: values}, extra_usd={CALM: extra})


def _policy(here: ProposalInputs, way: _Way, found: GridCascade) -> GainCascade:
    chain = found.policy.models
    costs = (*here.costs(chain[:-1], way.signals), *here.costs(chain[-1:]))
    margins = tuple(-threshold for threshold in found.policy.thresholds)
    return GainCascade(chain, way.scorer, way.signals, costs=costs, margins=margins)
