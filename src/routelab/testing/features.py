"""The conformance suite of feature providers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from routelab.core import Feedback, Request
from routelab.errors import PolicyError
from routelab.signals.features import (
    FeatureProvider,
    from_wire,
    joined_matrices,
    joined_vectors,
    to_wire,
)
from routelab.testing.requests import answers, asked, requests
from routelab.testing.suite import Conformance, some

Batch: TypeAlias = list[tuple[Request, Feedback]]
batches = st.lists(st.tuples(requests, answers), max_size=4)


class FeatureConformance(Conformance):
    """JSON round trip, finite numbers in ascending columns, and the same bits however asked.

    Attributes:
        providers: examples.
        tensors: that they name.
    """

    providers: ClassVar[Sequence[FeatureProvider]] = ()
    tensors: ClassVar[Mapping[str, Any]] = {}
    examples: ClassVar[Mapping[str, str]] = {"provider": "providers"}

    def test_json_gives_the_provider_back(self, provider: FeatureProvider) -> None:
        assert from_wire(msgspec.json.decode(msgspec.json.encode(to_wire(provider)))) == provider

    @some
    @given(request=requests, seen=answers)
    def test_features_are_finite_numbers_in_ascending_columns(
        self, provider: FeatureProvider, request: Request, seen: Feedback
    ) -> None:
        bound = provider.bind(self.tensors)
        indices, values = bound.vector(request, seen)
        assert indices.dtype == np.int64
        assert values.dtype == np.float64
        assert len(indices) == len(values)
        assert np.isfinite(values).all()
        assert (np.diff(indices) > 0).all()
        assert not len(indices) or (indices[0] >= 0 and indices[-1] < bound.width)
        assert not bound.names or len(bound.names) == bound.width
        assert bound.row(request, seen) == (indices.tolist(), values.tolist())

    @some
    @given(batch=batches)
    def test_many_are_the_same_bits_as_one_by_one_and_as_saved_and_loaded(
        self, provider: FeatureProvider, batch: Batch
    ) -> None:
        bound = provider.bind(self.tensors)
        saved = msgspec.json.encode(to_wire(provider)), safetensors.numpy.save(dict(self.tensors))
        loaded = from_wire(msgspec.json.decode(saved[0])).bind(safetensors.numpy.load(saved[1]))
        matrix = bound.matrix([request for request, _ in batch], [seen for _, seen in batch])
        assert (len(matrix), matrix.width) == (len(batch), bound.width)
        for row, (request, seen) in enumerate(batch):
            here = slice(matrix.indptr[row], matrix.indptr[row + 1])
            one = loaded.vector(request, seen)
            assert matrix.indices[here].tobytes() == one.indices.tobytes()
            assert matrix.values[here].tobytes() == one.values.tobytes()

    def test_what_a_provider_needs_and_lacks_is_an_error(self, provider: FeatureProvider) -> None:
        bound = provider.bind(self.tensors)
        lacking = Request("r7") if bound.reads_text else asked("hello")
        assert bound.reads_text or bound.reads_answer
        with pytest.raises(PolicyError, match=r"request 'r7?' has no (messages|answer)"):
            bound.vector(lacking, None)

    def test_a_prompt_of_ten_megabytes_is_read(self, provider: FeatureProvider) -> None:
        prompt = "What is 12 + 30?\n中文 " * 500_000
        vector = provider.bind(self.tensors).vector(asked(prompt), Feedback("small"))
        assert np.isfinite(vector.values).all()

    @some
    @given(batch=batches)
    def test_providers_side_by_side_keep_their_columns(self, batch: Batch) -> None:
        every = [provider.bind(self.tensors) for provider in self.providers]
        seen = [answer for _, answer in batch]
        matrices = [bound.matrix([request for request, _ in batch], seen) for bound in every]
        widths = [bound.width for bound in every]
        whole = joined_matrices(matrices, len(batch))
        assert np.array_equal(whole.dense(), np.hstack([matrix.dense() for matrix in matrices]))
        for row, (request, answer) in enumerate(batch):
            one = joined_vectors([bound.vector(request, answer) for bound in every], widths)
            here = slice(whole.indptr[row], whole.indptr[row + 1])
            assert np.array_equal(whole.indices[here], one.indices)
            assert np.array_equal(whole.values[here], one.values)
