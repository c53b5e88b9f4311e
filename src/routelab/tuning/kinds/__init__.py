"""Kinds of policy that learn. A new kind is one file, one line here, and its name in `LEARNED`.

Other packages bring theirs by entry points of the group `routelab.tuners`.
"""

from __future__ import annotations

from collections.abc import Mapping

from routelab.tuning.kinds import cascade_routing, gain_cascade, neighbors, tiers, utility
from routelab.tuning.kinds.kind import Kind
from routelab.tuning.kinds.setting import Setting
from routelab.tuning.kinds.teacher import Teacher
from routelab.tuning.tuners import TUNERS

__all__ = ["KINDS", "Kind", "Setting", "Teacher", "tuner"]

KINDS: Mapping[str, Kind] = {
    "tiers": Kind(tiers.learn, tiers.propose),
    "neighbors": Kind(neighbors.learn, neighbors.propose),
    "utility": Kind(utility.learn, utility.propose),
    "gain-cascade": Kind(
        gain_cascade.learn, gain_cascade.propose, searches=True, parted=gain_cascade.parted
    ),
    "cascade-routing": Kind(cascade_routing.learn, cascade_routing.propose),
}


def tuner(kind: str) -> Kind:
    """How a kind is searched, be it of this package or of another that is in use."""
    found: Kind = KINDS[kind] if kind in KINDS else TUNERS.kinds[kind]
    return found
