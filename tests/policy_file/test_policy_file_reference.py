"""Directories written by the first version load for good."""

from __future__ import annotations

import numpy as np
import pytest
from reference_world import POLICIES, REFERENCES, SCORERS

from routelab import scorers
from routelab.core.admission import CallEstimate
from routelab.core.signal_spec import SignalSpec
from routelab.policies import KINDS
from routelab.policy_file import SCHEMA, load, verify


def test_there_is_a_directory_of_every_kind():
    kinds = {kind.__struct_config__.tag for kind in KINDS}
    assert {policy.__struct_config__.tag for policy in REFERENCES.values()} == kinds


@pytest.mark.parametrize("kind", REFERENCES)
def test_a_released_directory_still_loads_and_decides_as_it_did(kind):
    loaded = load(POLICIES / f"reference-{kind}.policy")
    assert loaded.policy == REFERENCES[kind]
    assert loaded.name == f"reference {kind}"
    assert len(loaded.golden) == 32
    assert {name for item in loaded.golden for name in item.calls} == set(loaded.policy.models_used)
    assert loaded.verify() == []


def test_everything_in_the_first_schema_is_still_understood():
    assert SCHEMA == "routelab.policy/1"
    loaded = load(POLICIES / "reference-cascade.policy")
    document = loaded.document
    assert document.signals == {"confidence": SignalSpec(multiplier=3.0)}
    assert document.split is not None
    assert document.split.cuts_s == (1768521600.25, 1769040000.5, 1769299200.75)
    assert document.split.n["test"] == 199
    small = document.catalogue.model("small")
    assert small.cost_usd(1e6, 1e6) == pytest.approx(0.3)
    assert [it.provider for it in small.deployments] == ["north", "south"]
    assert document.catalogue.model("large").cost_reported
    assert loaded.tensors["bias"].tolist() == [0.5, -0.25]
    assert loaded.tensors["table"].dtype == np.float32
    mixture = load(POLICIES / "reference-mixture.policy").document
    assert mixture.signals["agreement"].extra_cost == "agreement_usd"
    assert mixture.seed == 20260101


def test_scorers_of_every_kind_are_still_understood():
    loaded = load(POLICIES / "reference-conditional.policy")
    read = {name: scorers.from_wire(spec) for name, spec in loaded.document.scorers.items()}
    assert read == SCORERS
    since = {scorers.Joint}  # kinds that came after the reference was written
    assert {type(scorer) for scorer in read.values()} == set(scorers.KINDS) - since
    calibrators = {type(it) for scorer in read.values() for it in scorer.calibrators}
    assert calibrators == set(scorers.CALIBRATORS)
    assert loaded.document.estimates == {
        "small": CallEstimate(cost_usd=1e-4, latency_s=0.5),
        "large": CallEstimate(cost_usd=4e-3),
    }


def test_golden_requests_of_a_policy_with_scorers_have_prompts_and_what_rules_look_at():
    items = load(POLICIES / "reference-conditional.policy").golden
    assert len({item.text for item in items}) > 20
    assert {item.task for item in items} >= {"maths", "code", ""}
    assert {item.tenant for item in items} >= {"north", "south", ""}
    assert ("tools",) in {item.needs for item in items}
    assert all(set(item.tokens) == {"small", "middle", "large"} for item in items)


def test_a_weight_that_is_off_is_noticed():
    loaded = load(POLICIES / "reference-tiers.policy")
    tensors = {**loaded.tensors, "complexity.bias": loaded.tensors["complexity.bias"] + 0.5}
    document = loaded.document
    off = scorers.load_scorers(document.features, document.scorers, tensors)
    assert all(item.margin is not None for item in loaded.golden)
    assert verify(loaded.policy, document.seed, loaded.golden, off) != []
    assert verify(loaded.policy, document.seed, loaded.golden, loaded.scoring) == []
