"""Features of all examples, computed once and shared by every learner and fold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix, diags  # type: ignore[import-untyped]

from routelab.core import Floats, Ints
from routelab.learning.examples import Examples
from routelab.learning.recipe import Recipe
from routelab.signals.features import (
    Answer,
    Embedding,
    FeatureProvider,
    HashedWords,
    Matrix,
    Numbers,
)

Csr = Any
"""A scipy.sparse.csr_matrix, which has no types."""


SharedMatrices: TypeAlias = dict[FeatureProvider, Any]
"""Matrices of some requests, by what made them."""

_CACHED = ("words", "numbers", "embedding", "answer")


class BoundFeature(NamedTuple):
    """A provider with the tensors it needs, under the name that scorers use."""

    name: str
    provider: FeatureProvider
    tensors: dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Design:
    """The matrices of some examples, each made when a learner first asks for it.

    Attributes:
        examples: rows (n).
        recipe: says how words are counted and where texts are capped.
        logarithms: labels are logarithms of what is predicted.
        shared: matrices of the same requests by provider, which other designs have made or use.
    """

    examples: Examples
    recipe: Recipe
    logarithms: bool = False
    shared: SharedMatrices = field(default_factory=dict)

    @cached_property
    def words(self) -> Csr:
        """(requests, 2**bits) hashed words of length one, before any idf."""

        def made(found: Matrix) -> Csr:
            parts = (found.values, found.indices, found.indptr)
            return csr_matrix(parts, shape=(len(found), found.width))

        return self._of_requests(self._hashed(), made)

    @cached_property
    def numbers(self) -> Floats:
        """(requests, width) counts and shares of the texts."""
        found: Floats = self._of_requests(Numbers(cap=self.recipe.cap), Matrix.dense)
        return found

    def _of_requests(self, provider: FeatureProvider, made: Callable[[Matrix], Any]) -> Any:
        if provider not in self.shared:
            self.shared[provider] = made(provider.bind({}).matrix(self.examples.requests))
        return self.shared[provider]

    @cached_property
    def embedding(self) -> Floats:
        """(requests, width) mean word embeddings.

        Raises:
            MissingExtraError: the embedding table is not installed.
        """
        return Embedding.installed().bind({}).matrix(self.examples.requests).dense()

    @cached_property
    def answer(self) -> Floats | None:
        """(n, width) what was seen before; None where nothing was."""
        if self.examples.seen is None:
            return None
        requests = [self.examples.requests[index] for index in self.examples.request_of]
        return self._answer().bind({}).matrix(requests, self.examples.seen).dense()

    def make(self, kinds: Iterable[str]) -> None:
        """Make matrices now, where threads would each make their own."""
        for kind in (*kinds, "answer"):
            getattr(self, kind)

    def dense(self, kind: str, rows: Ints) -> Floats:
        """(len(rows), width) of `numbers` or `embedding`, and the answer's beside them."""
        of_request: Floats = getattr(self, kind)
        found = of_request[self.examples.request_of[rows]]
        return found if self.answer is None else np.hstack([found, self.answer[rows]])

    def names(self, kind: str) -> tuple[str, ...]:
        """Column names of `dense`."""
        if kind == "numbers":
            own = Numbers(cap=self.recipe.cap).bind({}).names
        else:
            own = tuple(f"{kind} {column}" for column in range(getattr(self, kind).shape[1]))
        return own if self.answer is None else (*own, *self._answer().bind({}).names)

    def word_rows(self, rows: Ints, idf: Floats | None) -> Csr:
        """(len(rows), 2**bits) words weighted by idf, again of length one."""
        return self.words_of(self.examples.request_of[rows], idf)

    def words_of(self, requests: Ints, idf: Floats | None) -> Csr:
        """As `word_rows`, of these requests (requests,) once each."""
        chosen = self.words[requests]
        if idf is None:
            return chosen
        weighted = chosen @ diags(idf)
        length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
        return diags(1.0 / np.where(length > 0.0, length, 1.0)) @ weighted

    def idf(self, rows: Ints) -> Floats:
        """(2**bits,) log of how rare each word is among the requests of these rows.

        Smoothed as if one more request had every word. Source: Spärck Jones 1972.
        """
        requests = np.unique(self.examples.request_of[rows])
        held = np.bincount(self.words[requests].indices, minlength=self.words.shape[1])
        return np.asarray(np.log((1.0 + len(requests)) / (1.0 + held)) + 1.0)

    def logarithmic(self) -> Design:
        """The same features with the logarithms of the labels."""
        examples = replace(self.examples, labels=np.log(self.examples.labels))
        return replace(self._sharing(examples), logarithms=True)

    def relabelled(self, rows: Ints, labels: Floats) -> Design:
        """The same features with other labels (len(rows), k); the remaining rows have none."""
        whole = np.full(self.examples.labels.shape, np.nan)
        whole[rows] = labels
        return self._sharing(replace(self.examples, labels=whole))

    def _sharing(self, examples: Examples) -> Design:
        """A design of other examples over the same requests, with what was computed of them."""
        other = replace(self, examples=examples)
        vars(other).update({key: vars(self)[key] for key in _CACHED if key in vars(self)})
        return other

    def shuffled(self, name: str, rng: np.random.Generator) -> Design:
        """The same, with one feature dealt anew among the requests (among rows for answers).

        Args:
            name: of a column of `dense("numbers")`, or "words", "embedding", "task", "tenant".
        """
        order = rng.permutation(len(self.examples.requests))
        dealt = name in ("task", "tenant")
        other = self._sharing(self.examples.dealt(name, order) if dealt else self.examples)
        if name in ("words", "embedding"):
            vars(other)[name] = getattr(self, name)[order]
        elif not dealt:
            self._shuffle_column(other, self.names("numbers").index(name), rng)
        return other

    def _shuffle_column(self, other: Design, column: int, rng: np.random.Generator) -> None:
        width = self.numbers.shape[1]
        key, place = ("numbers", column) if column < width else ("answer", column - width)
        matrix = np.array(getattr(self, key))
        matrix[:, place] = matrix[rng.permutation(len(matrix)), place]
        vars(other)[key] = matrix

    def words_feature(self, idf: Floats | None) -> BoundFeature:
        """The provider of `word_rows`."""
        plain = self._hashed()
        if idf is None:
            return _named("words", plain)
        digest = hashlib.sha256(idf.tobytes() + msgspec.json.encode(plain)).hexdigest()[:8]
        name = f"words-{digest}"
        tensor = f"{name}.idf"
        return BoundFeature(name, msgspec.structs.replace(plain, idf=tensor), {tensor: idf})

    def dense_features(self, kind: str) -> tuple[BoundFeature, ...]:
        """The providers of `dense`, in the order of its columns."""
        numbers = kind == "numbers"
        own = Numbers(cap=self.recipe.cap) if numbers else Embedding.installed()
        found = (_named(kind, own),)
        return found if self.answer is None else (*found, _named("answer", self._answer()))

    def _hashed(self) -> HashedWords:
        return HashedWords(bits=self.recipe.bits, cap=self.recipe.cap, tf=self.recipe.tf)

    def _answer(self) -> Answer:
        models = dict.fromkeys(answer.model for answer in self.examples.seen or ())
        return Answer(models=tuple(models), signals=self.examples.signals)


def _named(kind: str, provider: FeatureProvider) -> BoundFeature:
    """Equal providers have equal names, so that scorers fitted apart share them."""
    digest = hashlib.sha256(msgspec.json.encode(provider)).hexdigest()[:8]
    return BoundFeature(f"{kind}-{digest}", provider, {})
