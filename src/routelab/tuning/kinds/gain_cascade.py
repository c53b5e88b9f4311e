"""Gain cascade: ask the next model while its expected gain is worth its price."""

from __future__ import annotations

from collections.abc import Iterator

from routelab.policies.gain_cascade import GainCascade
from routelab.tuning.kinds.setting import Setting
from routelab.tuning.kinds.teacher import Teacher, named

GAIN = "gain"
PRICES = 40


def learn(teacher: Teacher) -> None:
    """Have the gain after an answer learned, with and without each confidence signal."""
    for signals in teacher.signal_sets():
        teacher.teach(named(GAIN, signals), "gain", signals=signals)


def propose(here: Setting) -> Iterator[GainCascade]:
    """A policy for every chain over the frontier, set of signals and price."""
    prices = here.prices(PRICES).tolist()
    for signals in here.teacher.signal_sets():
        if not here.has(scorer := named(GAIN, signals)):
            continue
        for chain in here.chains():
            costs = (*here.costs(chain[:-1], signals), *here.costs(chain[-1:]))
            for price in prices:
                yield GainCascade(chain, scorer, signals, costs=costs, cost_weight=price)
