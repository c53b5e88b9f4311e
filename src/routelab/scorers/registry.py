"""The kinds of scorer. A new kind is one file and one line in `KINDS`.

Other packages bring kinds by entry points of the group `routelab.scorers`.
"""

from __future__ import annotations

from typing import Any

from routelab.core import StructRegistry
from routelab.core.storage import encoded
from routelab.scorers import calibrators
from routelab.scorers.blend import Blend
from routelab.scorers.joint import Joint
from routelab.scorers.linear import Linear
from routelab.scorers.neighbors import NearestNeighbors
from routelab.scorers.prior import Prior
from routelab.scorers.scorer import Scorer
from routelab.scorers.trees import Trees

KINDS: tuple[type[Scorer], ...] = (
    Linear,
    Trees,
    NearestNeighbors,
    Prior,
    Blend,
    Joint,
)
"""The scorers of routelab itself."""


def _calibrator(_: type, data: object) -> Any:
    return calibrators.REGISTRY.decode(data)


REGISTRY: StructRegistry[Scorer] = StructRegistry(
    "routelab.scorers", "kind", KINDS, Scorer, _calibrator
)
"""All kinds, with those of packages that were named."""


def from_wire(data: object) -> Scorer:
    """A scorer's description from its JSON form.

    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    return REGISTRY.from_wire(data)


def to_wire(scorer: Scorer) -> dict[str, Any]:
    """A scorer's description as plain JSON data; `from_wire` gives an equal one back."""
    return encoded(scorer)
