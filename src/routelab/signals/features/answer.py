"""What is known after an answer: which model gave it, how sure it is, how long it is."""

from __future__ import annotations

import math

import numpy as np

from routelab.core import Feedback, Request
from routelab.errors import PolicyError
from routelab.signals.features.provider import BoundProvider, FeatureProvider
from routelab.signals.features.tensors import Tensors
from routelab.signals.features.vector import Vector

_EXTREME = 1e6
"""A confidence beyond this says no more; infinities become it."""


class Answer(FeatureProvider, frozen=True, tag="answer"):
    """One answer as numbers.

    Columns: a one at the model that gave it; each signal, zero and a flag where it is
    missing; log1p of the answer's tokens, zero and a flag where they are not known.

    Attributes:
        models: whose answers are told apart.
        signals: confidence by name, to be read.
    """

    models: tuple[str, ...]
    signals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what in (self.models, self.signals):
            if len(set(what)) < len(what):
                raise PolicyError(f"{', '.join(what)}: one is named twice")

    def bind(self, tensors: Tensors) -> BoundProvider:
        return _BoundAnswer(self)

    @property
    def models_used(self) -> tuple[str, ...]:
        return self.models


class _BoundAnswer(BoundProvider):
    reads_text = False
    reads_answer = True

    def __init__(self, spec: Answer) -> None:
        self._column = {name: index for index, name in enumerate(spec.models)}
        self._signals = spec.signals
        flagged = [*(f"signal {name}" for name in spec.signals), "answer_tokens"]
        self.names = (
            *(f"answered by {name}" for name in spec.models),
            *(name for each in flagged for name in (each, f"{each} missing")),
        )
        self.width = len(self.names)
        self._columns = np.arange(self.width, dtype=np.int64)

    def vector(self, request: Request, seen: Feedback | None) -> Vector:
        if seen is None:
            raise PolicyError(
                f"request {request.id!r} has no answer yet, which the policy's features read"
            )
        values = [0.0] * len(self._column)
        if (column := self._column.get(seen.model)) is not None:
            values[column] = 1.0
        for name in self._signals:
            values += _flagged(seen.signals.get(name, math.nan))
        tokens = seen.completion_tokens
        values += _flagged(math.log1p(tokens) if tokens > 0.0 else math.nan)
        return Vector(self._columns, np.array(values))


def _flagged(value: float) -> tuple[float, float]:
    """The value and 0, or 0 and 1 where there is none."""
    if math.isnan(value):
        return 0.0, 1.0
    return min(max(value, -_EXTREME), _EXTREME), 0.0
