"""What every kind of feature provider owes the scorers, whatever kind is added to the registry."""

from __future__ import annotations

import pytest
from features_world import HAS_EMBEDDINGS, TENSORS, examples

from routelab.core.messages.install_hint import how_to_install
from routelab.core.protocol import Feedback
from routelab.errors import PolicyError
from routelab.signals.features import KINDS, from_wire
from routelab.testing import FeatureConformance
from routelab.testing.requests import NASTY, asked

NAMES = [kind.__struct_config__.tag for kind in KINDS]
PROVIDERS = [provider for providers in examples().values() for provider in providers]
BOUND = [provider.bind(TENSORS) for provider in PROVIDERS]


class TestEveryProvider(FeatureConformance):
    providers = PROVIDERS
    tensors = TENSORS


@pytest.mark.parametrize("name", NAMES)
def test_a_kind_has_examples_of_its_own(name):
    if name == "embedding" and not HAS_EMBEDDINGS:
        pytest.skip(f"wordllama is not installed: {how_to_install('embed')}")
    assert examples()[name], f"add an example of {name!r} to features_world.examples"
    assert all(type(it) is KINDS[NAMES.index(name)] for it in examples()[name])


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
