"""The kinds of policy: how each decides which model answers.

A new kind is one file and one line in `KINDS`. Other packages bring kinds by entry points of the
group `routelab.policies`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from routelab import gates
from routelab.core import Policy, StructRegistry
from routelab.core.storage import encoded
from routelab.errors import PolicyError
from routelab.policies.cascade import Cascade
from routelab.policies.cascade_routing import CascadeRouting
from routelab.policies.conditional import Conditional, Rule
from routelab.policies.explore import Explore
from routelab.policies.fallback import Fallback
from routelab.policies.fixed import Fixed
from routelab.policies.gain_cascade import GainCascade
from routelab.policies.gated import MOST_AGAIN, Gated
from routelab.policies.match import Match
from routelab.policies.mixture import Mixture
from routelab.policies.neighbors import Neighbors
from routelab.policies.parallel import Parallel
from routelab.policies.retry import Retry
from routelab.policies.tiers import Tiers
from routelab.policies.utility import Utility

__all__ = [
    "KINDS",
    "MOST_AGAIN",
    "REGISTRY",
    "Cascade",
    "CascadeRouting",
    "Conditional",
    "Explore",
    "Fallback",
    "Fixed",
    "GainCascade",
    "Gated",
    "Match",
    "Mixture",
    "Neighbors",
    "Parallel",
    "Policy",
    "Retry",
    "Rule",
    "Tiers",
    "Utility",
    "from_wire",
    "to_wire",
]

KINDS: tuple[type[Policy], ...] = (
    Fixed,
    Cascade,
    Mixture,
    Tiers,
    Utility,
    Neighbors,
    GainCascade,
    CascadeRouting,
    Conditional,
    Explore,
    Fallback,
    Gated,
    Parallel,
    Retry,
)
"""The kinds of routelab itself."""


def _part(kind: type, data: object) -> Any:
    """A value inside a policy: a gate, or else a policy."""
    return gates.REGISTRY.decode(data) if kind is gates.AnyGate else REGISTRY.decode(data)


REGISTRY: StructRegistry[Policy] = StructRegistry("routelab.policies", "kind", KINDS, Policy, _part)
"""All kinds, with those of packages that were named."""


def from_wire(data: object) -> Policy:
    """A policy from its JSON form.

    Args:
        data: decoded JSON: an object with `kind` and that kind's fields.
    Raises:
        PolicyError: an unknown kind (`routelab.core.packages.use` makes those of another package
            known) or field, a wrong type, or a value the kind refuses.
    """
    try:
        policy = REGISTRY.decode(data)
    except (msgspec.ValidationError, ValueError) as error:
        raise PolicyError(f"policy: {error}") from error
    return policy


def to_wire(policy: Policy) -> dict[str, Any]:
    """A policy as plain JSON data; `from_wire` gives an equal policy back."""
    return encoded(policy)
