"""What every feature provider is: a frozen description, and what it becomes with its tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from routelab.core import Feedback, Request
from routelab.signals.features.tensors import Tensors
from routelab.signals.features.vector import Matrix, Vector, stack


class BoundProvider(ABC):
    """A provider at work: the same request always gives the same bits.

    Attributes:
        width: number of columns.
        names: (width,) of the columns; empty where they have none.
        reads_text: the request's messages are needed.
        reads_answer: the feedback of a call is needed.
    """

    width: int
    names: tuple[str, ...] = ()
    reads_text = True
    reads_answer = False

    @abstractmethod
    def vector(self, request: Request, seen: Feedback | None) -> Vector:
        """The features of one request.

        Raises:
            PolicyError: the request has no messages, or there is no answer, where one is read.
        """

    def row(self, request: Request, seen: Feedback | None = None) -> tuple[list[int], list[float]]:
        """`vector` in plain Python."""
        indices, values = self.vector(request, seen)
        return indices.tolist(), values.tolist()

    def matrix(self, requests: Sequence[Request], seen: Sequence[Feedback] | None = None) -> Matrix:
        """The features of many requests: `vector` stacked.

        Args:
            seen: one answer for each request.
        """
        answers = seen if seen is not None else [None] * len(requests)
        pairs = zip(requests, answers, strict=True)
        return stack([self.vector(request, answer) for request, answer in pairs], self.width)


class FeatureProvider(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True):
    """A description of features, as `policy.json` holds it."""

    def bind(self, tensors: Tensors) -> BoundProvider:
        """Ready to compute.

        Raises:
            PolicyError: a tensor is missing or of another shape or type.
            MissingExtraError: a package that the provider needs is not installed.
            TypeError: the kind does not define it.
        """
        raise TypeError(f"{type(self).__name__} does not define bind")

    @property
    def models_used(self) -> tuple[str, ...]:
        """Models whose answers the features tell apart."""
        return ()
