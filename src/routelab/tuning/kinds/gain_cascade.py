"""Gain cascade: ask the next model while its expected gain is worth its price.

For one chain the expected gain of the next model is a signal like any other, less of it being
more confident, so a grid of thresholds on it is answered by the sums that tune plain cascades.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np

from routelab.core.table import Asked
from routelab.logs.log import Log
from routelab.policies.gain_cascade import GainCascade
from routelab.replay.known import charges
from routelab.tuning import grid
from routelab.tuning.dial import dial
from routelab.tuning.grid import Found
from routelab.tuning.kinds.setting import Setting
from routelab.tuning.kinds.teacher import Teacher, named

GAIN = "gain"
CALM = "minus the expected gain"


def learn(teacher: Teacher) -> None:
    """Have the gain after an answer learned, with and without each confidence signal."""
    for signals in teacher.signal_sets():
        teacher.teach(named(GAIN, signals), "gain", signals=signals)


def propose(here: Setting) -> Iterator[GainCascade]:
    """The non-dominated ones over chains of the frontier, sets of signals and margins."""
    ways = {
        named(GAIN, signals): signals
        for signals in here.teacher.signal_sets()
        if here.has(named(GAIN, signals))
    }
    found = [
        (scorer, one)
        for scorer, signals in ways.items()
        for chain in here.chains()
        for one in _of_chain(here, chain, scorer, signals)
    ]
    kept = {id(one) for one in grid.best(one for _, one in found)}
    for scorer, one in sorted(found, key=lambda it: it[1].cost):
        if id(one) in kept:
            yield _policy(here, scorer, ways[scorer], one)


def _of_chain(
    here: Setting, chain: tuple[str, ...], scorer: str, signals: tuple[str, ...]
) -> list[Found]:
    log = _calm(here, chain, scorer, signals)
    dials = {name: dial(log.signals[CALM][:, log.column(name)]) for name in chain[:-1]}
    return list(grid.of_chain(log, CALM, chain, dials)) if all(dials.values()) else []


def _calm(here: Setting, chain: tuple[str, ...], scorer: str, signals: tuple[str, ...]) -> Log:
    """The chain's outcomes, with what deferring is expected to lose as the only signal."""
    known, whole = here.tune.known, here.tune.log
    log = whole.only(chain)
    values = np.full_like(log.quality, np.nan)
    for index, (name, following) in enumerate(pairwise(chain)):
        predicted = known.after[Asked(scorer, whole.column(name), signals)]
        gain = predicted[:, known.outputs[scorer].index(following)]
        values[:, index] = np.where(log.error[:, index], np.nan, -gain)
    extra = charges(log, signals, (slice(None), slice(None))) - log.cost_usd
    return replace(log, signals={CALM: values}, extra_usd={CALM: extra})


def _policy(here: Setting, scorer: str, signals: tuple[str, ...], found: Found) -> GainCascade:
    chain = found.policy.models
    costs = (*here.costs(chain[:-1], signals), *here.costs(chain[-1:]))
    margins = tuple(-threshold for threshold in found.policy.thresholds)
    return GainCascade(chain, scorer, signals, costs=costs, margins=margins)
