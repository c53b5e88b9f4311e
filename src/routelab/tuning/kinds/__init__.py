"""Kinds of policy that learn. A new kind is one file, one line here, and its name in `LEARNED`."""

from __future__ import annotations

from collections.abc import Mapping

from routelab.tuning.kinds import cascade_routing, gain_cascade, neighbors, tiers, utility
from routelab.tuning.kinds.kind import Kind

__all__ = ["KINDS", "Kind"]

KINDS: Mapping[str, Kind] = {
    "tiers": Kind(tiers.learn, tiers.propose),
    "neighbors": Kind(neighbors.learn, neighbors.propose),
    "utility": Kind(utility.learn, utility.propose),
    "gain-cascade": Kind(
        gain_cascade.learn, gain_cascade.propose, searches=True, parted=gain_cascade.parted
    ),
    "cascade-routing": Kind(cascade_routing.learn, cascade_routing.propose),
}
