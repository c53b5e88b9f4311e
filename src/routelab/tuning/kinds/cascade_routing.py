"""Cascade routing: at each step the best of all sets of models."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from routelab.core import AnswerQuery
from routelab.policies import CascadeRouting
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits, named

QUALITY, AFTER = "quality", "quality-after"
PRICES, FEW = 50, 14
"""Prices that are tried on up to `SMALL` requests, and on more: each set of models is weighed at
every step of every request."""

SMALL = 4000
MAX_STEPS = 3


def learn(fits: ScorerFits) -> None:
    """Have quality learned before any answer, and after one for each set of signals."""
    fits.fit(QUALITY, "quality")
    for signals in fits.signal_sets():
        fits.fit(named(AFTER, signals), "quality", signals=signals, after=True)


def propose(here: ProposalInputs) -> Iterator[CascadeRouting]:
    """A policy for every set of signals and price, over the frontier."""
    models = here.frontier
    prices = here.prices(PRICES if len(here.tune.log) <= SMALL else FEW).tolist()
    for signals in here.fits.signal_sets():
        if not here.has(QUALITY, after := named(AFTER, signals)):
            continue
        resolution = _resolution(here, after, signals)
        for price in prices:
            yield CascadeRouting(
                models,
                QUALITY,
                after=after,
                signals=signals,
                resolution=resolution,
                costs=here.costs(models, signals),
                cost_weight=price,
                max_steps=MAX_STEPS,
            )


def _resolution(here: ProposalInputs, after: str, signals: tuple[str, ...]) -> tuple[float, ...]:
    """How much an answer tells of its own quality on tune: spread of what is predicted then,
    as a share of the spread of quality itself."""
    cache, log = here.tune.cache, here.tune.log
    found = []
    for name in here.frontier:
        column = log.column(name)
        asked = AnswerQuery(after, column, signals)
        predicted = cache.after[asked][:, cache.outputs[after].index(name)]
        spread = float(np.std(log.quality[:, column]))
        found.append(float(np.clip(np.std(predicted) / spread, 0.0, 1.0)) if spread else 0.0)
    return tuple(found)
