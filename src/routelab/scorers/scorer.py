"""What every scorer is: a frozen description, and what it becomes with its tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from routelab.core import Floats, Request
from routelab.core.messages import one_line
from routelab.errors import PolicyError
from routelab.scorers.calibrators import AnyCalibrator
from routelab.signals.features import Matrix, Tensors, Vector

Target: TypeAlias = Literal["complexity", "quality", "cost", "latency", "gain"]
"""What a scorer predicts: complexity and quality in [0, 1], cost in USD of a call, latency in
seconds, gain as quality above the model that answered.
"""


class One(Protocol):
    """One request, and perhaps an answer to it, as a scorer sees it."""

    @property
    def request(self) -> Request: ...

    def vectors(self, features: tuple[str, ...]) -> list[Vector]:
        """Each of these features."""
        ...

    def vector(self, features: tuple[str, ...]) -> Vector:
        """These features, side by side."""
        ...

    def score(self, name: str) -> tuple[float, ...]:
        """What another scorer says."""
        ...


class Many(Protocol):
    """Many requests, and perhaps an answer to each."""

    @property
    def requests(self) -> Sequence[Request]: ...

    def matrix(self, features: tuple[str, ...]) -> Matrix:
        """These features, side by side."""
        ...

    def score(self, name: str) -> Floats:
        """(n, k) what another scorer says."""
        ...


class BoundScorer(ABC):
    """A scorer at work; both forms give the same bits."""

    @abstractmethod
    def one(self, asked: One) -> Sequence[float]:
        """(k,) scores before calibration."""

    @abstractmethod
    def many(self, asked: Many) -> Floats:
        """(n, k) scores before calibration."""


class Scorer(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """A fitted predictor, as `policy.json` holds it.

    Attributes:
        target: what is predicted.
        outputs: k names of models, or "score" where there is one for all.
        features: names of providers; their columns side by side are what the scorer reads.
        calibrators: one for each output, or none at all.
    """

    target: Target
    outputs: tuple[str, ...]
    features: tuple[str, ...] = ()
    calibrators: tuple[AnyCalibrator | None, ...] = ()

    def __post_init__(self) -> None:
        if not self.outputs or len(set(self.outputs)) < len(self.outputs):
            raise PolicyError(f"outputs are {self.outputs}; it needs at least one, each once")
        if self.calibrators and len(self.calibrators) != len(self.outputs):
            raise PolicyError(
                f"{len(self.outputs)} outputs need as many calibrators or none,"
                f" got {len(self.calibrators)}"
            )

    def __repr__(self) -> str:
        return one_line(super().__repr__())

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        """Ready to score.

        Args:
            widths: columns of each of the features.
            tensors: of the policy file, by name.
        Raises:
            PolicyError: a tensor is missing or malformed.
            TypeError: the kind does not define it.
        """
        raise TypeError(f"{type(self).__name__} does not define bind")

    @property
    def asks(self) -> tuple[str, ...]:
        """Names of the scorers that this one asks."""
        return ()

    @property
    def metadata_used(self) -> frozenset[str]:
        """What it reads itself of a request besides its messages."""
        return frozenset()
