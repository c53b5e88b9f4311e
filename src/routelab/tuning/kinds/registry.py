"""Kinds of policy that learn, by name. A new kind is one file, and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.tuning.kinds import (
    cascade_routing,
    gain_cascade,
    neighbors,
    task_mean,
    tiers,
    utility,
)
from routelab.tuning.kinds.kind import LearnedKind
from routelab.tuning.tuners import TUNERS

KINDS: Mapping[str, LearnedKind] = {
    "task-mean": LearnedKind(task_mean.learn, task_mean.propose),
    "tiers": LearnedKind(tiers.learn, tiers.propose),
    "neighbors": LearnedKind(neighbors.learn, neighbors.propose),
    "utility": LearnedKind(utility.learn, utility.propose),
    "gain-cascade": LearnedKind(
        gain_cascade.learn, gain_cascade.propose, searches=True, parted=gain_cascade.parted
    ),
    "cascade-routing": LearnedKind(cascade_routing.learn, cascade_routing.propose),
}


def tuner(kind: str) -> LearnedKind:
    """How a kind of policy that learns is tuned.

    Args:
        kind: of this package, or of another one in use.
    """
    found: LearnedKind = KINDS[kind] if kind in KINDS else TUNERS.kinds[kind]
    return found
