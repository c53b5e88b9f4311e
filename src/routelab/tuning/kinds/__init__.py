"""Kinds of policy that learn. A new kind is one file, one line here, and its name in `LEARNED`.

Other packages bring theirs by entry points of the group `routelab.tuners`.
"""

from __future__ import annotations

from collections.abc import Mapping

from routelab.tuning.kinds import cascade_routing, gain_cascade, neighbors, tiers, utility
from routelab.tuning.kinds.kind import LearnedKind
from routelab.tuning.kinds.proposals import ProposalInputs
from routelab.tuning.kinds.scorer_fits import ScorerFits
from routelab.tuning.tuners import TUNERS

__all__ = ["KINDS", "LearnedKind", "ProposalInputs", "ScorerFits", "tuner"]

KINDS: Mapping[str, LearnedKind] = {
    "tiers": LearnedKind(tiers.learn, tiers.propose),
    "neighbors": LearnedKind(neighbors.learn, neighbors.propose),
    "utility": LearnedKind(utility.learn, utility.propose),
    "gain-cascade": LearnedKind(
        gain_cascade.learn, gain_cascade.propose, searches=True, parted=gain_cascade.parted
    ),
    "cascade-routing": LearnedKind(cascade_routing.learn, cascade_routing.propose),
}


def tuner(kind: str) -> LearnedKind:
    """How a kind is searched, be it of this package or of another that is in use."""
    found: LearnedKind = KINDS[kind] if kind in KINDS else TUNERS.kinds[kind]
    return found
