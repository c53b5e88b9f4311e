"""How long and of what make a prompt is: a few numbers with names."""

from __future__ import annotations

import numpy as np

from routelab.core import Feedback, Request
from routelab.errors import PolicyError
from routelab.signals.features.counts import NAMES, counted
from routelab.signals.features.provider import BoundProvider, FeatureProvider
from routelab.signals.features.tensors import Tensors
from routelab.signals.features.vector import Vector


class Numbers(FeatureProvider, frozen=True, tag="numbers"):
    """Named counts and shares of a request.

    Attributes:
        names: which ones, a column each.
        cap: characters looked at, half of them from the end; lengths are of the whole.
    """

    names: tuple[str, ...] = NAMES
    cap: int = 8192

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in NAMES]
        if unknown or not self.names or len(set(self.names)) < len(self.names):
            raise PolicyError(
                f"names are {', '.join(self.names) or 'none'}; choose from {', '.join(NAMES)},"
                " each once"
            )
        if not 2 <= self.cap <= 1_000_000:
            raise PolicyError(f"cap is {self.cap} characters; it must lie in [2, 1000000]")

    def bind(self, tensors: Tensors) -> BoundProvider:
        return _BoundNumbers(self)


class _BoundNumbers(BoundProvider):
    def __init__(self, spec: Numbers) -> None:
        self.width = len(spec.names)
        self.names = spec.names
        self._cap = spec.cap
        self._columns = np.arange(self.width, dtype=np.int64)
        places = [NAMES.index(name) for name in spec.names]
        self._picked = None if spec.names == NAMES else np.array(places)

    def vector(self, request: Request, seen: Feedback | None) -> Vector:
        values = np.array(counted(request, self._cap))
        if self._picked is not None:
            values = values.take(self._picked)
        return Vector(self._columns, values)
