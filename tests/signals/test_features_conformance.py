"""What every kind of feature provider owes the scorers, whatever kind is added to the registry."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import safetensors.numpy
from features_world import HAS_EMBEDDINGS, NASTY, TENSORS, answers, asked, examples, requests
from hypothesis import given, settings
from hypothesis import strategies as st

from routelab.core.extras import how_to_install
from routelab.core.protocol import Feedback
from routelab.core.request import Request
from routelab.errors import PolicyError
from routelab.signals.features import KINDS, beside, from_wire, joined, to_wire

NAMES = [kind.__struct_config__.tag for kind in KINDS]
PROVIDERS = [provider for providers in examples().values() for provider in providers]
BOUND = [provider.bind(TENSORS) for provider in PROVIDERS]

every_provider = pytest.mark.parametrize(
    "provider", PROVIDERS, ids=lambda provider: type(provider).__name__.lower()
)
some = settings(deadline=None, max_examples=30)
batches = st.lists(st.tuples(requests, answers), max_size=4)


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_has_examples_of_its_own(name):
    if name == "embedding" and not HAS_EMBEDDINGS:
        pytest.skip(f"wordllama is not installed: {how_to_install('embed')}")
    assert examples()[name], f"add an example of {name!r} to features_world.examples"
    assert all(type(it) is KINDS[NAMES.index(name)] for it in examples()[name])


@every_provider
def test_json_gives_the_provider_back(provider):
    assert from_wire(msgspec.json.decode(msgspec.json.encode(to_wire(provider)))) == provider


@every_provider
@some
@given(request=requests, seen=answers)
def test_features_are_finite_numbers_in_ascending_columns(provider, request, seen):
    bound = BOUND[PROVIDERS.index(provider)]
    indices, values = bound.vector(request, seen)
    assert (indices.dtype, values.dtype) == (np.int64, np.float64)
    assert len(indices) == len(values)
    assert np.isfinite(values).all()
    assert (np.diff(indices) > 0).all()
    assert not len(indices) or (indices[0] >= 0 and indices[-1] < bound.width)
    assert not bound.names or len(bound.names) == bound.width
    assert bound.row(request, seen) == (indices.tolist(), values.tolist())


@every_provider
@some
@given(batch=batches)
def test_many_are_the_same_bits_as_one_by_one_and_as_saved_and_loaded(provider, batch):
    bound = BOUND[PROVIDERS.index(provider)]
    saved = msgspec.json.encode(to_wire(provider)), safetensors.numpy.save(TENSORS)
    loaded = from_wire(msgspec.json.decode(saved[0])).bind(safetensors.numpy.load(saved[1]))
    matrix = bound.matrix([request for request, _ in batch], [seen for _, seen in batch])
    assert (len(matrix), matrix.width) == (len(batch), bound.width)
    for row, (request, seen) in enumerate(batch):
        here = slice(matrix.indptr[row], matrix.indptr[row + 1])
        one = loaded.vector(request, seen)
        assert matrix.indices[here].tobytes() == one.indices.tobytes()
        assert matrix.values[here].tobytes() == one.values.tobytes()


@every_provider
def test_what_a_provider_needs_and_lacks_is_an_error(provider):
    bound = provider.bind(TENSORS)
    lacking = Request("r7") if bound.reads_text else asked("hello")
    assert bound.reads_text or bound.reads_answer
    with pytest.raises(PolicyError, match=r"request 'r7?' has no (messages|answer)"):
        bound.vector(lacking, None)


@every_provider
def test_a_prompt_of_ten_megabytes_is_read(provider):
    bound = provider.bind(TENSORS)
    prompt = "What is 12 + 30?\n中文 " * 500_000
    vector = bound.vector(asked(prompt), Feedback("small"))
    assert np.isfinite(vector.values).all()


@some
@given(batch=batches)
def test_providers_side_by_side_keep_their_columns(batch):
    seen = [answer for _, answer in batch]
    matrices = [bound.matrix([request for request, _ in batch], seen) for bound in BOUND]
    widths = [bound.width for bound in BOUND]
    whole = beside(matrices, len(batch))
    assert np.array_equal(whole.dense(), np.hstack([matrix.dense() for matrix in matrices]))
    for row, (request, answer) in enumerate(batch):
        one = joined([bound.vector(request, answer) for bound in BOUND], widths)
        here = slice(whole.indptr[row], whole.indptr[row + 1])
        assert np.array_equal(whole.indices[here], one.indices)
        assert np.array_equal(whole.values[here], one.values)


@pytest.mark.parametrize(
    ("wire", "problem"),
    [
        ({"kind": "telepathy"}, "telepathy"),
        ({"kind": "numbers", "names": ["tokens", "mood"]}, "mood"),
        ({"kind": "numbers", "names": ["tokens", "tokens"]}, "each once"),
        ({"kind": "numbers", "cap": 0}, "cap is 0"),
        ({"kind": "hashed", "bits": 40}, "bits is 40"),
        ({"kind": "hashed", "tf": "cubic"}, "cubic"),
        ({"kind": "hashed", "seed": 3}, "seed"),
        ({"kind": "answer", "models": ["a", "a"]}, "twice"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(wire, problem):
    with pytest.raises(PolicyError, match=problem):
        from_wire(wire)


def test_awkward_texts_are_told_apart_by_some_kind():
    seen = Feedback("small")
    rows = {
        tuple(bound.vector(asked(text), seen).values.tobytes() for bound in BOUND) for text in NASTY
    }
    assert len(rows) == len(NASTY)
