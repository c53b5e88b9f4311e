"""What is known of a request's task or tenant, before it is read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from routelab.core import Floats, Request
from routelab.errors import PolicyError
from routelab.scorers.scorer import BoundScorer, Many, One, Scorer
from routelab.signals.features import Tensors, TensorSpec, take_tensors


class Prior(Scorer, frozen=True, kw_only=True, tag="prior"):
    """A row of a table for each known task or tenant, and one for all others.

    Attributes:
        by: what of a request says which row is its own.
        keys: of the rows, in order.
        tensors: prefix of `.table` (keys + 1, k) float64, whose last row is for the others.
    """

    tensors: str
    by: Literal["task", "tenant"] = "task"
    keys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(set(self.keys)) < len(self.keys):
            raise PolicyError(f"keys of the {self.by} table: one is there twice")
        if self.features:
            raise PolicyError(f"a table by {self.by} reads no features; leave them out")

    @property
    def metadata_used(self) -> frozenset[str]:
        return frozenset({self.by})

    def bind(self, widths: Sequence[int], tensors: Tensors) -> BoundScorer:
        shape = (len(self.keys) + 1, len(self.outputs))
        (table,) = take_tensors(tensors, TensorSpec(f"{self.tensors}.table", "float64", shape))
        return _BoundPrior(self, table)


class _BoundPrior(BoundScorer):
    def __init__(self, spec: Prior, table: Floats) -> None:
        self._by = spec.by
        self._row = {key: index for index, key in enumerate(spec.keys)}
        self._table = table
        self._lists: list[list[float]] = table.tolist()

    def _place(self, request: Request) -> int:
        return self._row.get(request.task if self._by == "task" else request.tenant, -1)

    def one(self, asked: One) -> Sequence[float]:
        return self._lists[self._place(asked.request)]

    def many(self, asked: Many) -> Floats:
        places = [self._place(request) for request in asked.requests]
        return self._table[np.array(places, dtype=np.int64)]
