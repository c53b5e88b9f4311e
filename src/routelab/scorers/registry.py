"""The kinds of scorer. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import Any, Union

from routelab.core.wire import decoded, encoded
from routelab.scorers.blend import Blend
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
)

_ANY: Any = Union[KINDS]  # noqa: UP007  (built from the registry)


def from_wire(data: object) -> Scorer:
    """A scorer's description from its JSON form.

    Raises:
        PolicyError: an unknown kind or field, a wrong type, or a value the kind refuses.
    """
    scorer: Scorer = decoded(data, _ANY)
    return scorer


def to_wire(scorer: Scorer) -> dict[str, Any]:
    """A scorer's description as plain JSON data; `from_wire` gives an equal one back."""
    return encoded(scorer)
