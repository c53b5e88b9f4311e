"""Requests as scorers see them; what several scorers read is computed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from routelab.core import Feedback, Floats, Request
from routelab.scorers.link import each
from routelab.scorers.scorer import BoundScorer, Scorer
from routelab.signals.features import BoundProvider, Matrix, Vector, joined_matrices, joined_vectors


class LoadedScorers(NamedTuple):
    """Everything that scores, checked.

    Attributes:
        answered: names of the scorers that read an answer, themselves or through a part.
    """

    features: Mapping[str, BoundProvider]
    specs: Mapping[str, Scorer]
    scorers: Mapping[str, BoundScorer]
    answered: frozenset[str]


class Memo(NamedTuple):
    """Features and scores by name."""

    vectors: dict[str, Vector]
    scores: dict[str, tuple[float, ...]]


class OneView:
    """One request, and perhaps an answer to it.

    Attributes:
        before: what depends on the request alone, shared by the views of its answers.
    """

    __slots__ = ("_after", "_ready", "before", "request", "seen")

    def __init__(
        self, ready: LoadedScorers, request: Request, seen: Feedback | None, before: Memo
    ) -> None:
        self._ready = ready
        self.request = request
        self.seen = seen
        self.before = before
        self._after = Memo({}, {})

    def vectors(self, features: tuple[str, ...]) -> list[Vector]:
        return [self._vector(name) for name in features]

    def vector(self, features: tuple[str, ...]) -> Vector:
        widths = [self._ready.features[name].width for name in features]
        return joined_vectors(self.vectors(features), widths)

    def _vector(self, name: str) -> Vector:
        feature = self._ready.features[name]
        memo = (self._after if feature.reads_answer else self.before).vectors
        if (vector := memo.get(name)) is None:
            vector = memo[name] = feature.vector(self.request, self.seen)
        return vector

    def score(self, name: str) -> tuple[float, ...]:
        memo = (self._after if name in self._ready.answered else self.before).scores
        if (scores := memo.get(name)) is None:
            raw = self._ready.scorers[name].one(self)
            if calibrators := self._ready.specs[name].calibrators:
                raw = [s if c is None else c(s) for s, c in zip(raw, calibrators, strict=True)]
            scores = memo[name] = tuple(raw)
        return scores


class ManyView:
    """Many requests, and perhaps an answer to each."""

    def __init__(
        self, ready: LoadedScorers, requests: Sequence[Request], seen: Sequence[Feedback] | None
    ) -> None:
        self._ready = ready
        self.requests = requests
        self.seen = seen
        self._matrices: dict[str, Matrix] = {}
        self._scores: dict[str, Floats] = {}

    def matrix(self, features: tuple[str, ...]) -> Matrix:
        for name in features:
            if name not in self._matrices:
                self._matrices[name] = self._ready.features[name].matrix(self.requests, self.seen)
        return joined_matrices([self._matrices[name] for name in features], len(self.requests))

    def score(self, name: str) -> Floats:
        if name not in self._scores:
            raw = self._ready.scorers[name].many(self)
            calibrators = self._ready.specs[name].calibrators or (None,) * raw.shape[1]
            columns = [
                values if calibrator is None else each(calibrator, values)
                for values, calibrator in zip(raw.T, calibrators, strict=True)
            ]
            self._scores[name] = np.stack(columns, axis=1)
        return self._scores[name]
